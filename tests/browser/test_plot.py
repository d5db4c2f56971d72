"""What a click on a plot tells the page."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import expect

from tests.browser.conftest import OpenPage, click_point
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
