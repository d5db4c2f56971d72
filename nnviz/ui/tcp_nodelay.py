"""Let the server's answers leave at once.

Streamlit 1.67 binds its socket in a way that keeps asyncio from switching Nagle's algorithm off. So after a small
message the next one waits until the browser has acknowledged the first, which it puts off for 40 ms: measured, that is
half of the time from the end of a stroke to its bars.
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress

import psutil


def send_at_once() -> None:
    """Switch Nagle's algorithm off for this process's servers, and with them for all who connect from now on, and for
    those who are connected to them already. Does nothing where sockets can't be had by their number (Windows).
    """
    with suppress(psutil.Error, OSError):
        found = [one for one in psutil.Process().net_connections("tcp") if one.fd >= 0]
        ports = {one.laddr.port for one in found if one.status == psutil.CONN_LISTEN}
        for one in found:
            if one.laddr.port in ports:
                _without_delay(one.fd)


def _without_delay(number: int) -> None:
    """Through a copy of the number: options belong to the socket behind it, and closing the copy leaves that alone."""
    with suppress(OSError), socket.socket(fileno=os.dup(number)) as same:
        same.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
