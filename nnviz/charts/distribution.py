"""How values are spread: histograms over the same bins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from nnviz.charts.chart import Chart
from nnviz.charts.colors import CLASSES, POSITIVE, TEST, TRAIN
from nnviz.charts.theme import layout, plot_config, theme
from nnviz.table import csv_text

Floats = npt.NDArray[np.float64]

BINS = 80

NEAR_ZERO = 1e-3
"""Of the largest magnitude: what is smaller counts as near zero."""

_PENS = (POSITIVE, TEST, TRAIN)


def distribution_config(file_name: str) -> dict[str, Any]:
    return plot_config(file_name)


class Distribution(NamedTuple):
    """One set of values. Without any, mean, deviation and share are 0."""

    name: str
    counts: npt.NDArray[np.int64]
    """(bins,)."""
    mean: float
    deviation: float
    near_zero: float
    """Share of the values whose magnitude is at most NEAR_ZERO of the largest one, in [0, 1]."""

    @property
    def caption(self) -> str:
        """The numbers in words."""
        return (
            f"mean {self.mean:.3g} · standard deviation {self.deviation:.3g} · {self.near_zero:.1%} near zero"
            f" (within {NEAR_ZERO:.1%} of the largest magnitude)"
        )


class DistributionInfo(NamedTuple):
    edges: Floats
    """(bins + 1,), the same for all."""
    distributions: tuple[Distribution, ...]


def distribution_info(values: Mapping[str, npt.NDArray[np.floating[Any]]], bins: int = BINS) -> DistributionInfo:
    """Of one or several sets of values (n,), by name. Values that are not finite are left out."""
    finite = {name: one[np.isfinite(one)].astype(np.float64) for name, one in values.items()}
    low = min((one.min() for one in finite.values() if one.size), default=0.0)
    high = max((one.max() for one in finite.values() if one.size), default=0.0)
    if high <= low:
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, bins + 1)
    return DistributionInfo(edges, tuple(_distribution(name, one, edges) for name, one in finite.items()))


def _distribution(name: str, values: Floats, edges: Floats) -> Distribution:
    counts = np.histogram(values, edges)[0]
    if not values.size:
        return Distribution(name, counts, 0.0, 0.0, 0.0)
    magnitude = np.abs(values)
    near = float((magnitude <= NEAR_ZERO * magnitude.max()).mean())
    return Distribution(name, counts, float(values.mean()), float(values.std()), near)


def distribution_figure(info: DistributionInfo, *, dark: bool, unit: str = "value") -> go.Figure:
    """Bars, one set over the other; more than three sets (the ten digits) as outlines, in the colours of classes."""
    colours = theme(dark)
    several = len(info.distributions) > 1
    middles = (info.edges[:-1] + info.edges[1:]) / 2
    width = info.edges[1] - info.edges[0]
    many = len(info.distributions) > len(_PENS)
    words = f"%{{x:.4~g}} ± {width / 2:.2g}: <b>%{{y:,}}</b> values"
    traces = [
        {
            "x": middles,
            "y": spread.counts,
            "name": spread.name,
            "showlegend": several,
            "hovertemplate": f"{spread.name}: {words}<extra></extra>" if several else f"{words}<extra></extra>",
            **(
                {
                    "type": "scatter",
                    "mode": "lines",
                    "line": {"color": CLASSES[place % len(CLASSES)], "shape": "hvh", "width": 1.8},
                }
                if many
                else {"type": "bar", "marker": {"color": _PENS[place]}, "opacity": 0.6 if several else 1}
            ),
        }
        for place, spread in enumerate(info.distributions)
    ]
    axis = {"gridcolor": colours.grid, "zeroline": False}
    return go.Figure(
        {
            "data": traces,
            "layout": {
                **layout(dark),
                "height": 320,
                "margin": {"l": 70, "r": 16, "t": 28, "b": 46},
                "bargap": 0,
                "barmode": "overlay",
                "uirevision": "distribution",
                "legend": {"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom"},
                "xaxis": {
                    **axis,
                    "title": {"text": unit, "standoff": 6},
                    "zeroline": True,
                    "zerolinecolor": colours.faint,
                },
                "yaxis": {**axis, "title": {"text": "number of values", "standoff": 6}, "rangemode": "tozero"},
            },
        }
    )


def distribution_csv(info: DistributionInfo) -> str:
    """One line per bin: its ends and the counts."""
    return csv_text(
        ("from", "to", *(spread.name for spread in info.distributions)),
        (
            (f"{low:.9g}", f"{high:.9g}", *(int(spread.counts[place]) for spread in info.distributions))
            for place, (low, high) in enumerate(zip(info.edges[:-1], info.edges[1:], strict=True))
        ),
    )


def _example(dark: bool) -> go.Figure:
    values = {"first": np.sin(np.arange(2000.0)), "last": np.sin(np.arange(2000.0)) ** 3}
    return distribution_figure(distribution_info(values), dark=dark)


CHART = Chart("distribution", "The distribution of a layer's weights", _example, rank=71)
