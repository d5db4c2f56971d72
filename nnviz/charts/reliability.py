"""Is a network right as often as it says? The reliability diagram."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from nnviz.charts.chart import Chart
from nnviz.charts.colors import TEST
from nnviz.charts.theme import NO_ZOOM, layout, plot_config, theme

RELIABILITY_CONFIG = plot_config("nnviz-reliability", *NO_ZOOM)

FEWEST = 5
"""Answers in a bin; the accuracy of fewer is chance."""


class ReliabilityInfo(NamedTuple):
    """One line of the diagram: bins of answers by the probability that they were given with."""

    title: str
    confidence: npt.NDArray[np.float64]
    """Mean probability of the answers in the bin, in percent, (bins,)."""
    accuracy: npt.NDArray[np.float64]
    """Share of them that are right, in percent, (bins,)."""
    size: npt.NDArray[np.int64]
    """How many they are, (bins,)."""


def reliability_info(
    title: str, confidence: npt.NDArray[np.float64], accuracy: npt.NDArray[np.float64], size: npt.NDArray[np.int64]
) -> ReliabilityInfo:
    """`confidence` and `accuracy` in [0, 1], (bins,); bins with fewer than FEWEST answers are left out."""
    full = size >= FEWEST
    return ReliabilityInfo(title, 100 * confidence[full], 100 * accuracy[full], size[full])


def reliability_figure(before: ReliabilityInfo, after: ReliabilityInfo, *, dark: bool) -> go.Figure:
    """Accuracy over probability, with the diagonal on which both are the same; the larger a point, the more answers."""
    colours = theme(dark)
    diagonal = {
        "type": "scatter",
        "mode": "lines",
        "x": [0, 100],
        "y": [0, 100],
        "line": {"color": colours.faint, "width": 1.5, "dash": "dash"},
        "hoverinfo": "skip",
        "name": "calibrated",
    }
    lines = [_line(before, colours.faint, "circle-open"), _line(after, TEST, "circle")]
    axis = {
        "range": [0, 102],
        "gridcolor": colours.grid,
        "zeroline": False,
        "fixedrange": True,
        "ticksuffix": " %",
        "dtick": 25,
    }
    return go.Figure(
        {
            "data": [diagonal, *lines],
            "layout": {
                **layout(dark),
                "height": 320,
                "margin": {"l": 64, "r": 12, "t": 34, "b": 50},
                "dragmode": False,
                "hovermode": "closest",
                "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
                "xaxis": {**axis, "title": {"text": "predicted probability", "standoff": 8}},
                "yaxis": {**axis, "title": {"text": "right answers", "standoff": 8}},
            },
        }
    )


def _line(info: ReliabilityInfo, colour: str, symbol: str) -> dict[str, Any]:
    share = info.size / max(1, int(info.size.max(initial=1)))
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "x": info.confidence,
        "y": info.accuracy,
        "name": info.title,
        "line": {"color": colour, "width": 2},
        "marker": {"color": colour, "symbol": symbol, "size": 6 + 10 * np.sqrt(share), "line": {"width": 2}},
        "customdata": info.size,
        "hovertemplate": "%{customdata:,} answers, mean probability %{x:.1f} %: %{y:.1f} % right<extra></extra>",
    }


def _example(dark: bool) -> go.Figure:
    confidence, size = np.linspace(0.2, 0.98, 12), np.arange(10, 130, 10)
    before = reliability_info("before", confidence, 0.85 * confidence, size)
    return reliability_figure(before, reliability_info("T = 1.50", confidence, confidence**1.05, size), dark=dark)


RELIABILITY = Chart("reliability", "Reliability diagram", _example, rank=43)
