"""Of a message that a timer of the browser sends, clicks are left out and values taken."""

from __future__ import annotations

import pytest
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.runtime.state.session_state import _TRIGGER_PROTO_FIELDS

from nnviz.ui.one_click import TRIGGERS, drop_clicks


def test_all_that_streamlit_takes_for_a_click_is_one() -> None:
    assert set(TRIGGERS) == _TRIGGER_PROTO_FIELDS


@pytest.mark.parametrize("pressed", TRIGGERS)
def test_values_go_with_a_timer_and_clicks_do_not(pressed: str) -> None:
    state = ClientState(is_auto_rerun=True)
    typed = WidgetState(id="typed", double_value=0.05)
    click = WidgetState(id="click")
    if pressed == "trigger_value":
        click.trigger_value = True
    elif pressed == "json_trigger_value":
        click.json_trigger_value = '{"event": "clicked", "value": 3}'
    else:
        getattr(click, pressed).data = "said"
    state.widget_states.widgets.extend([click, typed])
    assert click.WhichOneof("value") == pressed
    drop_clicks(state)
    assert list(state.widget_states.widgets) == [typed]
