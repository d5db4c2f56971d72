"""The plot component stands on a file inside Streamlit."""

from __future__ import annotations

import json
from pathlib import Path

import plotly.graph_objects as go
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from nnviz.ui.components import plot as module


def test_plotly_js_is_where_we_look_for_it() -> None:
    address = module._plotly_js()
    assert address, "Streamlit moved it: plots are drawn by st.plotly_chart, which blinks at every update"
    assert "window.Plotly" in (Path(st.__file__).parent / "static" / address).read_text(encoding="utf-8")


def test_without_it_streamlit_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_plotly_js", lambda: None)

    def script() -> None:
        import plotly.graph_objects as go

        from nnviz.ui.components.plot import plot

        assert plot(go.Figure(), key="plot", alt="Nothing") is None

    app = AppTest.from_function(script).run()
    assert not app.exception
    assert len(app.get("plotly_chart")) == 1


def test_the_figure_travels_with_its_config_and_words(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: dict[str, bytes] = {}

    class Result:
        clicked = (1, 2)

    monkeypatch.setattr(module, "_mount", lambda **given: sent.update(given) or Result())
    figure = go.Figure({"data": [{"type": "scatter", "y": [1, 2]}], "layout": {"height": 300}})
    assert module.plot(figure, key="plot", alt='A "line"', config={"displaylogo": False}) == (1, 2)
    message = json.loads(sent["data"][8:])  # a number stands before it
    assert message["alt"] == 'A "line"'
    assert message["config"] == {"displaylogo": False}
    assert message["figure"]["layout"]["height"] == 300
