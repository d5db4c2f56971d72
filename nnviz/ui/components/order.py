"""Numbers for what is sent to the components in the browser, so that old news never replaces newer.

Streamlit 1.67 calls a component's script once for each message. Those that come while the script is still being loaded
wait for it one by one, and Chromium lets them go on in no certain order: on a busy machine a training that had ended
before its page was ready kept the empty plot of its beginning.
"""

from __future__ import annotations

import struct
import time
import uuid
from pathlib import Path
from typing import Any, TypeVar

import streamlit as st

Content = TypeVar("Content", bytes, dict[str, Any])

_SENT, _SESSION = "sent", "session"
_BEFORE = [Path(__file__).with_name(f"{name}.js") for name in ("dom", "order")]


def scripts(*paths: Path) -> str:
    """The JavaScript of a component that takes its messages through `mount`, from files that are read in a row."""
    return "\n".join(path.read_text(encoding="utf-8") for path in (*_BEFORE, *paths))


def session() -> str:
    """Tells this session from all others, also from the one that the same page in the browser had before.

    Where a server was started again, or has forgotten a session, the browser joins a new one with its page as it is. A
    component that holds something sends it again when this has changed.
    """
    name: str = st.session_state.setdefault(_SESSION, uuid.uuid4().hex)
    return name


def numbered(key: str, content: Content) -> Content:
    """The message for the component `key`: `content` with a number that is higher than all before.

    Before bytes it stands as a little-endian float64, in a dict it is "number". The same content as last time keeps its
    number: Streamlit needn't send it once more. It is the microsecond of the first time, for a browser goes on with
    the same drawing when the server was started again and counts anew.
    """
    sent: dict[str, tuple[int, int]] = st.session_state.setdefault(_SENT, {})
    mark, (last, number) = hash(content if isinstance(content, bytes) else repr(content)), sent.get(key, (0, 0))
    if mark != last or not number:
        number = max(number + 1, time.time_ns() // 1000)
        sent[key] = mark, number
    return struct.pack("<d", number) + content if isinstance(content, bytes) else {**content, "number": number}


def nothing_else() -> None:
    """The callback of a component whose click is in its result: only how Streamlit learns that there may be one."""
