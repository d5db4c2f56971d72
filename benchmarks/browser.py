"""A browser session without a browser: Streamlit's own protocol over its websocket, for load that CPU can spare.

It opens a page, presses buttons, and when the page asks to be refreshed (a live part) it does so at the asked interval,
or at its own. Like a browser it keeps account of the page's live parts: the server says nothing at all to a request for
one that is gone.
"""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from types import TracebackType

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Delta_pb2 import Delta
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect
from websockets.typing import Subprotocol

PATIENCE = 60.0
"""Seconds until an answer that didn't come is an error."""


@dataclass
class Browser:
    """`page` is a page's name in the address ("Train"), `query` what follows the question mark.

    Entering the context connects; leaving it closes the session.
    """

    port: int
    page: str
    query: str = ""
    waits: list[float] = field(default_factory=list)
    """Seconds from asking for a refresh to its end, one per refresh."""
    refreshes: dict[str, float] = field(default_factory=dict)
    """The live parts of the page as it is now, and every how many seconds each wants to be refreshed."""
    drawn: dict[str, bytes] = field(default_factory=dict)
    """The last message to each of our components, by key."""

    def __enter__(self) -> Browser:
        self._closing = ExitStack()
        address = f"ws://localhost:{self.port}/_stcore/stream"
        self._socket = self._closing.enter_context(
            connect(address, subprotocols=[Subprotocol("streamlit")], max_size=None)
        )
        self._page_hash = ""
        self._buttons: dict[str, str] = {}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.close()

    def open(self) -> float:
        """Load the page; seconds until its script is finished."""
        return self._ask(self._message())

    def go(self, page: str, query: str = "") -> float:
        """Open another page in the same tab; seconds until its script is finished."""
        self.page, self.query, self._page_hash = page, query, ""
        return self.open()

    def press(self, key: str) -> float:
        """Press the button with this key; seconds until the page is drawn anew."""
        message = self._message()
        message.rerun_script.widget_states.widgets.add(id=self._buttons[key], trigger_value=True)
        return self._ask(message)

    def refresh(self) -> float:
        """Draw the page's first live part anew, as its own timer would; seconds that it took."""
        message = self._message()
        message.rerun_script.fragment_id = next(iter(self.refreshes))
        message.rerun_script.is_auto_rerun = True
        self.waits.append(self._ask(message))
        return self.waits[-1]

    def follow(self, stop: threading.Event, every: float | None = None) -> None:
        """Refresh until `stop`, or until the page has no live part, every so many seconds or as the page asks for."""
        while not stop.is_set() and self.refreshes:
            interval = every or next(iter(self.refreshes.values()))
            stop.wait(max(0.0, interval - self.refresh()))

    def _message(self) -> BackMsg:
        message = BackMsg()
        # The first time a browser knows the page's name only. Later it is the hash that counts: after a rerun that the
        # script itself asks for, a session that didn't send it would find itself on the home page.
        message.rerun_script.page_name = "" if self._page_hash else self.page
        message.rerun_script.page_script_hash = self._page_hash
        message.rerun_script.query_string = self.query
        return message

    def _ask(self, message: BackMsg) -> float:
        """Send, and read until the script has finished; a rerun that it asks for is part of it."""
        start = time.perf_counter()
        self._socket.send(message.SerializeToString())
        while True:
            answer = ForwardMsg()
            answer.ParseFromString(self._socket.recv(timeout=max(0.0, start + PATIENCE - time.perf_counter())))
            kind = answer.WhichOneof("type")
            if kind == "new_session" and not answer.metadata.run.fragment_ids:
                self.refreshes.clear()  # the whole page is drawn anew: what stays live will say so again
                self._buttons.clear()
            elif kind == "navigation":
                self._page_hash = answer.navigation.page_script_hash
            elif kind == "auto_rerun":
                self.refreshes[answer.auto_rerun.fragment_id] = answer.auto_rerun.interval
            elif kind == "stop_auto_rerun":
                for fragment in answer.stop_auto_rerun.fragment_ids:
                    self.refreshes.pop(fragment, None)
            elif kind == "delta":
                self._see(answer.delta)
            elif kind == "script_finished" and answer.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                return time.perf_counter() - start

    def _see(self, delta: Delta) -> None:
        element = delta.new_element
        if element.HasField("exception"):
            raise RuntimeError(element.exception.message)
        if element.HasField("button"):
            self._buttons[_key(element.button.id)] = element.button.id
        if element.HasField("bidi_component"):
            self.drawn[_key(element.bidi_component.id)] = element.bidi_component.bytes


def _key(element_id: str) -> str:
    """Ids are "$$ID-<hash>-<key>"."""
    return element_id.split("-", 2)[-1]
