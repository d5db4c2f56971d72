"""A browser session without a browser: Streamlit's own protocol over its websocket, for load that CPU can spare.

It opens a page, and when the page asks to be refreshed (a live part) it does so at the asked interval, or at its own.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect


@dataclass
class Browser:
    """`page` is a page's name in the address ("Train"), `query` what follows the question mark."""

    port: int
    page: str
    query: str = ""
    waits: list[float] = field(default_factory=list)
    """Seconds from asking for a refresh to its end, one per refresh."""

    def open(self) -> float:
        """Load the page; seconds until its script is finished."""
        self._socket: ClientConnection = connect(
            f"ws://localhost:{self.port}/_stcore/stream",
            subprotocols=["streamlit"],
            max_size=None,  # type: ignore[list-item]
        )
        message = BackMsg()
        message.rerun_script.page_name = self.page
        message.rerun_script.query_string = self.query
        return self._ask(message)

    def follow(self, stop: threading.Event, every: float | None = None) -> None:
        """Refresh the live part until `stop`, every so many seconds or as often as the page asks for."""
        while not stop.is_set() and self.refreshes:
            fragment, interval = next(iter(self.refreshes.items()))
            message = BackMsg()
            message.rerun_script.page_name = self.page
            message.rerun_script.query_string = self.query
            message.rerun_script.fragment_id = fragment
            message.rerun_script.is_auto_rerun = True
            self.waits.append(self._ask(message))
            stop.wait(max(0.0, (every or interval) - self.waits[-1]))

    def close(self) -> None:
        self._socket.close()

    def _ask(self, message: BackMsg) -> float:
        start = time.perf_counter()
        if not message.rerun_script.fragment_id:
            self.refreshes: dict[str, float] = {}
        self._socket.send(message.SerializeToString())
        while True:
            answer = ForwardMsg()
            answer.ParseFromString(self._socket.recv(timeout=60))
            kind = answer.WhichOneof("type")
            if kind == "auto_rerun":
                self.refreshes[answer.auto_rerun.fragment_id] = answer.auto_rerun.interval
            elif kind == "stop_auto_rerun":
                self.refreshes.clear()
            elif kind == "delta" and answer.delta.new_element.HasField("exception"):
                raise RuntimeError(answer.delta.new_element.exception.message)
            elif kind == "script_finished":
                if answer.script_finished == ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                    continue
                return time.perf_counter() - start
