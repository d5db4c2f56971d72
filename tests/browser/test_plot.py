"""What a click on a plot tells the page, and what fingers do on it."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE, OpenPage, click_point, rest
from tests.browser.stage import serve

SCRIPT = """
import numpy as np
import streamlit as st

from nnviz.charts.matrix import matrix_figure, matrix_info
from nnviz.ui.components.plot import plot

info = matrix_info(np.arange(96.0).reshape(8, 12), max_cells=24)
clicked = plot(matrix_figure(info, dark=False), key="matrix", alt="Weights")
if clicked is not None:
    st.session_state["clicked"] = clicked
st.write(f"{info.block} clicked: {st.session_state.get('clicked')}")
"""


def test_a_click_on_a_cell_of_a_matrix_tells_row_and_column(open_url: OpenPage, tmp_path: Path) -> None:
    script = tmp_path / "matrix_app.py"
    script.write_text(SCRIPT)
    with serve(script, tmp_path) as address:
        page = open_url(address)
        plot = page.locator(".st-key-matrix .nnviz-plot")
        expect(plot.locator(".main-svg").first).to_be_visible()
        click_point(page, "matrix", 6, 4)
        expect(page.get_by_text("(2, 2) clicked: [4, 6]")).to_be_visible()


TALL = """
import numpy as np
import streamlit as st

from nnviz.charts.curves import PLOT_CONFIG
from nnviz.charts.matrix import matrix_figure, matrix_info
from nnviz.ui.components.plot import plot

import plotly.graph_objects as go

line = go.Figure(go.Scatter(x=list(range(1, 101)), y=list(range(1, 101))), layout={"height": 420, "showlegend": True})
plot(line, key="linear", alt="A line", config=PLOT_CONFIG)
line.update_xaxes(type="log")
plot(line, key="log", alt="A line", config=PLOT_CONFIG)
plot(matrix_figure(matrix_info(np.arange(96.0).reshape(8, 12), max_cells=24), dark=False), key="cells", alt="Weights")
for number in range(40):
    st.write(number)
"""

RANGES = (
    """plot => [plot._fullLayout.xaxis, plot._fullLayout.yaxis].map(axis => Math.abs(axis.range[1] - axis.range[0]))"""
)
MIDDLE = """plot => { const { left, width, top, height } = plot.querySelector('.nsewdrag').getBoundingClientRect();
    return [left + width / 2, top + height / 2]; }"""
SCROLLED = "document.querySelector('[data-testid=stMain]').scrollTop + window.scrollY"


def touch(page: Page, *moves: list[tuple[float, float]]) -> None:
    """Real fingers that go down at the first places, move through the others, and are lifted."""
    session = page.context.new_cdp_session(page)
    for number, places in enumerate(moves):
        points = [{"x": x, "y": y, "id": finger} for finger, (x, y) in enumerate(places)]
        session.send(
            "Input.dispatchTouchEvent", {"type": "touchMove" if number else "touchStart", "touchPoints": points}
        )
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def test_one_finger_scrolls_the_page_and_two_zoom_a_plot(open_url: OpenPage, tmp_path: Path) -> None:
    script = tmp_path / "tall_app.py"
    script.write_text(TALL)
    with serve(script, tmp_path) as address:
        page = open_url(address, viewport=PHONE, has_touch=True, is_mobile=True)
        for key in ("linear", "log", "cells"):
            plot = page.locator(f".st-key-{key} .nnviz-plot")
            expect(plot.locator(".nsewdrag").first).to_be_attached()
            plot.evaluate("plot => plot.scrollIntoView({ block: 'center' })")
            rest(page)
            x, y = plot.evaluate(MIDDLE)
            before, scrolled = plot.evaluate(RANGES), page.evaluate(SCROLLED)
            touch(page, *([(x, y - 12 * by)] for by in range(13)))
            page.wait_for_function(f"before => Math.abs({SCROLLED} - before) > 60", arg=scrolled)
            assert plot.evaluate(RANGES) == before, f"{key}: one finger has changed the plot"

            plot.evaluate("plot => plot.scrollIntoView({ block: 'center' })")
            rest(page)
            x, y = plot.evaluate(MIDDLE)
            scrolled = page.evaluate(SCROLLED)
            touch(page, *([(x - 30 - 5 * by, y), (x + 30 + 5 * by, y)] for by in range(13)))
            zoomed = f"(plot, before) => ({RANGES})(plot).every((range, axis) => range < 0.6 * before[axis])"
            page.wait_for_function(f"([plot, before]) => ({zoomed})(plot, before)", arg=[plot.element_handle(), before])
            assert page.evaluate(SCROLLED) == scrolled
            assert page.evaluate("visualViewport.scale") == 1
            expect(plot.locator(".modebar")).to_have_count(0)
