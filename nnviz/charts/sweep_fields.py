"""All hyperparameters of a sweep at once: parallel coordinates, one slice for each, and how much each matters."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from nnviz.charts.chart import Chart
from nnviz.charts.colors import POSITIVE
from nnviz.charts.sweep_map import DIVERGED
from nnviz.charts.theme import NO_ZOOM, layout, plot_config, theme
from nnviz.fields import Number
from nnviz.sweep.analysis import PointResult
from nnviz.sweep.example import example_sweep
from nnviz.sweep.space import Axis, Value, value_text
from nnviz.sweep.spec import SweepSpec

PARALLEL_CONFIG = plot_config("nnviz-sweep-parallel", *NO_ZOOM)
SLICES_CONFIG = plot_config("nnviz-sweep-slices", *NO_ZOOM)
IMPORTANCE_CONFIG = plot_config("nnviz-sweep-importance", *NO_ZOOM)

MOST_TICKS = 8

LINES = ((0.0, "#7b4173"), (0.4, "#3b6fb6"), (0.75, "#1f9e89"), (1.0, "#4daf2e"))
"""As the map's scale, without its ends: thin lines of those would not be seen on a white or a black page."""


class Scale(NamedTuple):
    """How the values of one field lie along a line."""

    label: str
    places: npt.NDArray[np.float64]
    """Of each point's value, (points,)."""
    ticks: list[float]
    texts: list[str]


class FieldsInfo(NamedTuple):
    scales: tuple[Scale, ...]
    points: npt.NDArray[np.int64]
    """Numbers, (points,)."""
    accuracy: npt.NDArray[np.float64]
    """Mean test accuracy in [0, 1], (points,); 0 for those that diverged."""
    diverged: npt.NDArray[np.bool_]


def fields_info(spec: SweepSpec, found: Sequence[PointResult]) -> FieldsInfo:
    """Of the points that have a score or diverged."""
    known = [one for one in found if one.known]
    diverged = np.array([one.state == "diverged" for one in known], bool)
    return FieldsInfo(
        tuple(_scale(axis, [one.values[axis.name] for one in known]) for axis in spec.axes),
        np.array([one.point for one in known], np.int64),
        np.array([0.0 if one.state == "diverged" else one.accuracy for one in known], np.float64),
        diverged,
    )


def parallel_figure(info: FieldsInfo, *, dark: bool) -> go.Figure:
    """One line per point through its values, brighter for more accuracy. Ranges can be brushed on the axes."""
    colours = theme(dark)
    low, high = _range(info.accuracy)
    dimensions: list[dict[str, Any]] = [
        {
            "label": scale.label,
            "values": scale.places,
            "tickvals": scale.ticks,
            "ticktext": scale.texts,
            "range": _padded(scale),
        }
        for scale in info.scales
    ]
    dimensions.append({"label": "test accuracy (%)", "values": 100 * info.accuracy, "range": [100 * low, 100 * high]})
    return go.Figure(
        {
            "data": [
                {
                    "type": "parcoords",
                    "dimensions": dimensions,
                    "line": {"color": info.accuracy, "cmin": low, "cmax": high, "colorscale": LINES},
                    "labelfont": {"size": 13, "color": colours.ink},
                    "tickfont": {"size": 12, "color": colours.ink},
                    "rangefont": {"size": 11, "color": "rgba(0,0,0,0)"},
                    "labelside": "top",
                    "unselected": {"line": {"color": colours.grid, "opacity": 0.35}},
                }
            ],
            "layout": {**layout(dark), "height": 380, "margin": {"l": 70, "r": 70, "t": 60, "b": 24}},
        }
    )


def slices_figure(info: FieldsInfo, *, dark: bool, chosen: int | None = None) -> go.Figure:
    """One small picture per field, each point at its value and its accuracy; a click gives the number of a point."""
    colours = theme(dark)
    count = len(info.scales)
    across = min(3, count)
    down = -(-count // across)
    tall = 250 * down
    data: list[dict[str, Any]] = []
    axes: dict[str, Any] = {}
    low, high = _range(info.accuracy)
    for place, scale in enumerate(info.scales):
        row, column = divmod(place, across)
        name = "" if place == 0 else str(place + 1)
        width, height = 1 / across, 1 / down
        for diverged in (False, True):
            some = info.diverged == diverged
            if not some.any():
                continue
            sizes = np.where(info.points[some] == chosen, 15, 8)
            data.append(
                {
                    "type": "scatter",
                    "mode": "markers",
                    "x": scale.places[some],
                    "y": 100 * info.accuracy[some],
                    "xaxis": f"x{name}",
                    "yaxis": f"y{name}",
                    "customdata": info.points[some],
                    "name": "diverged" if diverged else "trained",
                    "showlegend": place == 0 and bool(info.diverged.any()),
                    "legendgroup": "diverged" if diverged else "trained",
                    "marker": {
                        "color": DIVERGED if diverged else POSITIVE,
                        "symbol": "x" if diverged else "circle",
                        "size": sizes,
                        "opacity": 0.75,
                        "line": {"width": 1, "color": colours.paper},
                    },
                    "hovertemplate": "point %{customdata}<br><b>%{y:.2f} %</b><extra></extra>",
                }
            )
        axes[f"xaxis{name}"] = {
            "domain": [column * width + 0.05 * (column > 0), (column + 1) * width - 0.02],
            "anchor": f"y{name}",
            "title": {"text": scale.label, "standoff": 4},
            "tickmode": "array",
            "tickvals": scale.ticks,
            "ticktext": [_short(text) for text in scale.texts],
            "range": _padded(scale),
            "gridcolor": colours.grid,
            "zeroline": False,
            "fixedrange": True,
            "tickfont": {"size": 11},
        }
        axes[f"yaxis{name}"] = {
            "domain": [1 - (row + 1) * height + 96 / tall, 1 - row * height - 6 / tall],
            "anchor": f"x{name}",
            "range": [100 * low - 2, 100 * high + 2],
            "gridcolor": colours.grid,
            "zeroline": False,
            "title": {"text": "test accuracy (%)" if column == 0 else "", "standoff": 4},
            "fixedrange": True,
        }
    return go.Figure(
        {
            "data": data,
            "layout": {
                **layout(dark),
                "height": tall + 40,
                "margin": {"l": 64, "r": 8, "t": 30, "b": 10},
                "hovermode": "closest",
                "uirevision": "slices",
                "legend": {"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom"},
                **axes,
            },
        }
    )


def importance_figure(weights: Mapping[str, float], spec: SweepSpec, *, dark: bool) -> go.Figure:
    """Shares in per cent, the largest on top."""
    colours = theme(dark)
    names = list(weights)[::-1]
    shares = [100 * weights[name] for name in names]
    return go.Figure(
        {
            "data": [
                {
                    "type": "bar",
                    "orientation": "h",
                    "x": shares,
                    "y": [spec.axis(name).label for name in names],
                    "marker": {"color": POSITIVE},
                    "text": [f"{share:.0f} %" for share in shares],
                    "textposition": "outside",
                    "cliponaxis": False,
                    "hovertemplate": "%{y}<br><b>%{x:.1f} %</b><extra></extra>",
                }
            ],
            "layout": {
                **layout(dark),
                "height": 90 + 34 * len(names),
                "margin": {"l": 10, "r": 44, "t": 8, "b": 44},
                "xaxis": {
                    "title": {"text": "share of the differences explained (%)", "standoff": 6},
                    "range": [0, 105],
                    "gridcolor": colours.grid,
                    "zeroline": False,
                    "fixedrange": True,
                },
                "yaxis": {"automargin": True, "ticks": "", "fixedrange": True},
            },
        }
    )


def _scale(axis: Axis, values: Sequence[Value]) -> Scale:
    """Numbers by their size, or by its logarithm; choices and listed numbers by their place in the list."""
    numbers = isinstance(axis.bounds, Number) and not axis.values
    if numbers:
        low, high = axis.range()
        place = (lambda value: math.log10(float(value))) if axis.log else float
        ticks = _log_ticks(low, high) if axis.log else [float(t) for t in np.linspace(low, high, 5)]
        return Scale(
            axis.label,
            np.array([place(value) for value in values], np.float64),
            [place(tick) for tick in ticks],
            [value_text(axis.name, tick) for tick in ticks],
        )
    listed = sorted(axis.values, key=float) if isinstance(axis.bounds, Number) else list(axis.values)
    every = max(1, -(-len(listed) // MOST_TICKS))
    return Scale(
        axis.label,
        np.array([listed.index(value) for value in values], np.float64),
        [float(index) for index in range(0, len(listed), every)],
        [value_text(axis.name, value) for value in listed[::every]],
    )


def _short(text: str) -> str:
    """Beside others on a small axis."""
    return text if len(text) <= 12 else f"{text[:11]}…"


def _log_ticks(low: float, high: float) -> list[float]:
    powers = [10.0**k for k in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)]
    inside = [power for power in powers if low <= power * 1.0001 and power <= high * 1.0001]
    return inside if len(inside) > 1 else [low, high]


def _padded(scale: Scale) -> list[float]:
    ends = [*scale.ticks, *scale.places.tolist()]
    low, high = min(ends), max(ends)
    room = 0.06 * (high - low) or 0.5
    return [low - room, high + room]


def _range(accuracy: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Ends of the scale of accuracies."""
    if not len(accuracy):
        return 0.0, 1.0
    low, high = float(accuracy.min()), float(accuracy.max())
    return max(0.0, low - 0.01), min(1.0, high + 0.01)


PARALLEL = Chart(
    "sweep-parallel",
    "All hyperparameters at once: parallel coordinates",
    lambda dark: parallel_figure(fields_info(*example_sweep()), dark=dark),
    rank=81,
)
SLICES = Chart(
    "sweep-slices",
    "One slice for each hyperparameter",
    lambda dark: slices_figure(fields_info(*example_sweep()), dark=dark),
    rank=82,
)
IMPORTANCE = Chart(
    "sweep-importance",
    "How much each hyperparameter matters",
    lambda dark: importance_figure({"lr": 0.8, "momentum": 0.2}, example_sweep()[0], dark=dark),
    rank=83,
)
