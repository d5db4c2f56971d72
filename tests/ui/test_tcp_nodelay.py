"""The server's sockets, as Streamlit makes them, are told to send at once."""

from __future__ import annotations

import socket
import sys

import pytest

from nnviz.ui.tcp_nodelay import send_at_once


def delays(one: socket.socket) -> bool:
    return not one.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


@pytest.mark.skipif(sys.platform == "win32", reason="sockets have no numbers there")
def test_servers_and_all_who_are_or_will_be_connected_to_them() -> None:
    with socket.socket() as server, socket.socket() as elsewhere:
        server.bind(("localhost", 0))
        server.listen()
        with socket.create_connection(server.getsockname()) as client, server.accept()[0] as accepted:
            assert delays(server)
            assert delays(accepted)
            send_at_once()
            assert not delays(server)
            assert not delays(accepted)
            assert delays(elsewhere)
            accepted.sendall(b"still open")
            assert client.recv(20) == b"still open"
        with socket.create_connection(server.getsockname()), server.accept()[0] as later:
            assert not delays(later)
