"""What only a browser knows of the axes: how wide their numbers are."""

from __future__ import annotations

import json

import numpy as np
import plotly.graph_objects as go
import pytest
from playwright.sync_api import Browser, Page

from nnviz.charts.curves import curves_figure, curves_info
from nnviz.charts.overlay import Training, overlay_figure, overlay_info
from nnviz.charts.series import StepArrays
from nnviz.train.events import Epoch

STEPS = 400
GAP = """() => {
  const left = [...document.querySelectorAll(".ytick text")].map((tick) => tick.getBoundingClientRect().left);
  return Math.min(...left) - document.querySelector(".ytitle").getBoundingClientRect().right;
}"""
"""Pixels between the title of the loss and the widest of its numbers."""


@pytest.fixture(scope="module")
def blank(browser: Browser) -> Page:
    """A page with plotly.js and nothing else."""
    page = browser.new_page(viewport={"width": 900, "height": 700})
    page.set_content(go.Figure().to_html(include_plotlyjs=True))
    return page


def figures(first: float, last: float, log: bool) -> list[go.Figure]:
    """Of a loss that goes from `first` to `last`."""
    steps, loss = np.arange(1, STEPS + 1), np.geomspace(first, last, STEPS)
    curve = StepArrays(steps, loss, np.linspace(0.1, 1, STEPS), np.full(STEPS, 0.01))
    epochs = [Epoch(1, STEPS, last, 1.0, last, 0.9)]
    overlay = overlay_info([Training("A", "one", curve, epochs)])
    return [
        curves_figure(curves_info(curve, epochs, []), log_loss=log, dark=False),
        overlay_figure(overlay, log_loss=log, dark=False),
    ]


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("losses", [(2.3, 0.05), (2.3, 1e-4), (10, 1e-7), (3e-5, 2e-5), (9e4, 100), (1, 1e30)])
def test_the_title_of_the_loss_lies_over_none_of_its_numbers(
    blank: Page, losses: tuple[float, float], log: bool
) -> None:
    for figure in figures(*losses, log):
        drawn = json.loads(figure.to_json())
        draw = "({data, layout}) => Plotly.newPlot(document.querySelector('.plotly-graph-div'), data, layout)"
        blank.evaluate(draw, {"data": drawn["data"], "layout": {**drawn["layout"], "width": 700}})
        ticks = blank.locator(".ytick text").all_text_contents()
        assert 2 <= len(ticks) <= 14
        assert blank.evaluate(GAP) >= 0, ticks
