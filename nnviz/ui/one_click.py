"""Let a click be obeyed once.

In the browser, Streamlit 1.67 holds a click back until the task that it came in is over (`setTimeout(…, 0)`), but what
a timer of a part of the page sends meanwhile carries the click too, and then it is sent once more: of sixty clicks
beside a live part, one started two runs, 8 to 17 ms apart.
"""

from __future__ import annotations

from functools import cache

from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.runtime.app_session import AppSession

TRIGGERS = ("trigger_value", "string_trigger_value", "json_trigger_value", "chat_input_value")
"""What widgets send that are pressed rather than set."""


@cache
def obey_once() -> None:
    """From now on, for the whole server, clicks that came with a timer's message wait for their own."""
    request_rerun = AppSession.request_rerun

    def without_clicks(self: AppSession, client_state: ClientState | None) -> None:
        if client_state is not None and client_state.is_auto_rerun:
            drop_clicks(client_state)
        request_rerun(self, client_state)

    AppSession.request_rerun = without_clicks  # type: ignore[method-assign]


def drop_clicks(state: ClientState) -> None:
    """Take the clicks, and no values, out of a message from the browser."""
    kept = [one for one in state.widget_states.widgets if one.WhichOneof("value") not in TRIGGERS]
    del state.widget_states.widgets[:]
    state.widget_states.widgets.extend(kept)
