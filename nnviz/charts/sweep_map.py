"""Two fields of a sweep as a map: one cell for each pair of values, coloured by how well it trained."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from nnviz.charts.chart import Chart
from nnviz.charts.theme import NO_ZOOM, layout, plot_config, theme
from nnviz.sweep.analysis import PointResult
from nnviz.sweep.example import example_sweep
from nnviz.sweep.space import Axis, Value, value_text
from nnviz.sweep.spec import SweepSpec
from nnviz.table import csv_text

MAP_CONFIG = plot_config("nnviz-sweep", *NO_ZOOM)

SHOWN = {"accuracy": "test accuracy", "loss": "loss"}
"""What a cell's colour may say."""

SCALE = ((0.0, "#440154"), (0.25, "#3b528b"), (0.5, "#21918c"), (0.75, "#5ec962"), (1.0, "#fde725"))
"""Viridis: brighter is better, and it stays readable in grey and to colour-blind eyes."""

DIVERGED = "#b3341f"

PARTS = 8
"""Cells along a field whose values are drawn from a range."""

WRITTEN_CELLS = 140
"""Cells up to which each carries its number."""

CLOSE_LOOK = (0.9, 1.0)
"""Accuracies whose differences are spread over half of the colours: good settings differ by little."""


class MapInfo(NamedTuple):
    """Rows go up along the second field."""

    x_label: str
    y_label: str
    x_text: tuple[str, ...]
    y_text: tuple[str, ...]
    shown: str
    """accuracy or loss."""
    values: npt.NDArray[np.float64]
    """Accuracy in [0, 1] or loss, (y, x); NaN where nothing is known."""
    states: list[list[str]]
    """Of the point in each cell; empty where there is none."""
    points: npt.NDArray[np.int64]
    """Its number, (y, x); −1 where there is none."""
    several: bool
    """Whether a cell stands for several points, of which the best is shown."""


def map_info(spec: SweepSpec, found: Sequence[PointResult], x: str, y: str, shown: str = "accuracy") -> MapInfo:
    """`x` and `y` name two axes of the sweep; of several points in one cell the best is shown."""
    columns, rows = (_places(spec, found, name) for name in (x, y))
    values = np.full((len(rows.texts), len(columns.texts)), np.nan)
    states = [[""] * len(columns.texts) for _ in rows.texts]
    points = np.full(values.shape, -1, np.int64)
    counts = np.zeros(values.shape, np.int64)
    for one in found:
        place = rows.place(one.values[y]), columns.place(one.values[x])
        counts[place] += 1
        value = one.accuracy if shown == "accuracy" else one.loss
        if one.state == "diverged":  # what it scored before is no score of these values
            value = None
        if points[place] < 0 or _better(value, values[place], shown):
            values[place] = np.nan if value is None else value
            states[place[0]][place[1]] = one.state
            points[place] = one.point
    return MapInfo(
        _title(spec, x),
        _title(spec, y),
        columns.texts,
        rows.texts,
        shown,
        values,
        states,
        points,
        bool(counts.max(initial=0) > 1),
    )


def map_figure(info: MapInfo, *, dark: bool, chosen: int | None = None) -> go.Figure:
    """A click on a cell gives the number of its point; `chosen` is framed."""
    colours = theme(dark)
    heights, range_, ticks = _colours(info)
    waiting = colours.grid
    columns, rows = list(range(len(info.x_text))), list(range(len(info.y_text)))
    diverged = [[1.0 if state == "diverged" else np.nan for state in row] for row in info.states]
    blank = [
        [
            1.0 if state in ("waiting", "running", "failed", "stopped", "pruned") and np.isnan(value) else np.nan
            for state, value in zip(row, values, strict=True)
        ]
        for row, values in zip(info.states, info.values.tolist(), strict=True)
    ]
    hover = [[_hover(info, row, column) for column in columns] for row in rows]
    shared: dict[str, Any] = {
        "type": "heatmap",
        "x": columns,
        "y": rows,
        "xgap": 2,
        "ygap": 2,
        "customdata": info.points,
        "text": hover,
        "hovertemplate": "%{text}<extra></extra>",
        "hoverongaps": False,
    }
    written = len(columns) * len(rows) <= WRITTEN_CELLS
    marks = [
        {
            "x": column,
            "y": row,
            "text": _cell_text(info, row, column),
            "showarrow": False,
            "font": {"size": 12, "color": _ink(info, heights, row, column, colours.faint)},
        }
        for row in rows
        for column in columns
        if written and info.states[row][column]
    ]
    frame = [
        {
            "type": "rect",
            "x0": column - 0.5,
            "x1": column + 0.5,
            "y0": row - 0.5,
            "y1": row + 0.5,
            "line": {"color": colours.ink, "width": 3},
        }
        for row in rows
        for column in columns
        if chosen is not None and info.points[row, column] == chosen
    ]
    axis: dict[str, Any] = {
        "tickmode": "array",
        "showgrid": False,
        "zeroline": False,
        "fixedrange": True,
        "ticks": "",
        "color": colours.ink,
    }
    every = max(1, -(-len(columns) // 14))
    return go.Figure(
        {
            "data": [
                {
                    **shared,
                    "z": blank,
                    "zmin": 0,
                    "zmax": 1,
                    "showscale": False,
                    "colorscale": ((0, waiting), (1, waiting)),
                },
                {
                    **shared,
                    "z": diverged,
                    "zmin": 0,
                    "zmax": 1,
                    "showscale": False,
                    "colorscale": ((0, DIVERGED), (1, DIVERGED)),
                },
                {
                    **shared,
                    "z": heights,
                    "zmin": range_[0],
                    "zmax": range_[1],
                    "colorscale": SCALE,
                    "colorbar": {
                        "thickness": 12,
                        "outlinewidth": 0,
                        "tickmode": "array",
                        "tickvals": ticks[0],
                        "ticktext": ticks[1],
                        "tickfont": {"size": 12},
                        "title": {
                            "text": "test accuracy (%)" if info.shown == "accuracy" else "loss (nats)",
                            "side": "right",
                        },
                    },
                },
            ],
            "layout": {
                **layout(dark),
                "height": max(240, min(600, 76 + 42 * len(rows))),
                "margin": {"l": 84, "r": 8, "t": 4, "b": 56},
                "hovermode": "closest",
                "annotations": marks,
                "shapes": frame,
                "uirevision": "map",
                "xaxis": {
                    **axis,
                    "title": {"text": info.x_label, "standoff": 8},
                    "tickvals": columns[::every],
                    "ticktext": info.x_text[::every],
                    "range": [-0.5, len(columns) - 0.5],
                },
                "yaxis": {
                    **axis,
                    "title": {"text": info.y_label, "standoff": 8},
                    "tickvals": rows,
                    "ticktext": info.y_text,
                    "range": [-0.5, len(rows) - 0.5],
                },
            },
        }
    )


def map_csv(spec: SweepSpec, found: Sequence[PointResult]) -> str:
    """One line per point."""
    names = [axis.name for axis in spec.axes]
    return csv_text(
        (
            "point",
            *names,
            "state",
            "seeds with a score",
            "mean test accuracy (0 to 1)",
            "mean test loss (nats)",
            "epochs",
            "seconds of training",
        ),
        (
            (
                one.point,
                *(one.values[name] for name in names),
                one.state,
                len(one.accuracies),
                _text(one.accuracy),
                _text(one.loss),
                one.epochs,
                f"{one.seconds:.2f}",
            )
            for one in found
        ),
    )


def map_in_words(info: MapInfo) -> str:
    """For those who can't see it."""
    known = int(np.isfinite(info.values).sum())
    diverged = sum(state == "diverged" for row in info.states for state in row)
    words = f"Map of {info.y_label} by {info.x_label}: {known} cells have a number, {diverged} diverged."
    if known:
        worth = info.values if info.shown == "accuracy" else -info.values
        row, column = np.unravel_index(int(np.nanargmax(worth)), info.values.shape)
        words += f" The best is {_hover(info, int(row), int(column)).replace('<br>', ', ').replace('<b>', '')}".replace(
            "</b>", ""
        )
    return words


class _Places(NamedTuple):
    """Where the values of one field lie on the map."""

    texts: tuple[str, ...]
    place: Callable[[Value], int]


def _places(spec: SweepSpec, found: Sequence[PointResult], name: str) -> _Places:
    """A place for each value; where they are drawn from a range, for each eighth of it. Numbers ascend."""
    axis = spec.axis(name)
    if spec.method != "grid" and not axis.values:
        low, high = axis.range()
        count = min(PARTS, int(high - low) + 1) if axis.whole else PARTS
        edges = np.geomspace(low, high, count + 1) if axis.log else np.linspace(low, high, count + 1)
        texts = tuple(
            f"{value_text(name, _rounded(a, axis))}–{value_text(name, _rounded(b, axis))}"
            for a, b in itertools.pairwise(edges.tolist())
        )
        return _Places(
            texts, lambda value: int(np.clip(np.searchsorted(edges, float(value), "right") - 1, 0, count - 1))
        )
    planned = axis.grid() if spec.method == "grid" else axis.values
    seen: list[Value] = list(dict.fromkeys((*planned, *(one.values[name] for one in found))))
    if all(isinstance(value, int | float) for value in seen):
        seen.sort(key=float)
    return _Places(tuple(value_text(name, value) for value in seen), seen.index)


def _rounded(value: float, axis: Axis) -> float:
    return round(value) if axis.whole else float(f"{value:.2g}")


def _title(spec: SweepSpec, name: str) -> str:
    return {"lr": "learning rate α", "momentum": "momentum μ"}.get(name, spec.axis(name).label)


def _better(value: float | None, shown: float, what: str) -> bool:
    if value is None:
        return False
    return bool(np.isnan(shown)) or (value > shown if what == "accuracy" else value < shown)


def _colours(info: MapInfo) -> tuple[npt.NDArray[np.float64], tuple[float, float], tuple[list[float], list[str]]]:
    """Heights on the colour scale, its ends, and its ticks with their texts. Losses by their logarithm; accuracies so
    that the last tenth takes half of the scale.
    """
    if info.shown == "accuracy":
        ticks = [0.1, 0.3, 0.5, 0.7, 0.9, 0.92, 0.94, 0.96, 0.98, 1.0]
        return (
            _stretched(info.values),
            (0.0, 1.0),
            ([float(_stretched(np.array(t))) for t in ticks], [f"{100 * t:.0f}" for t in ticks]),
        )
    known = np.log10(np.clip(info.values, 1e-4, 1e4))
    finite = known[np.isfinite(known)]
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (-1.0, 1.0)
    high = max(high, low + 0.1)
    steps = np.linspace(low, high, 5)
    # Brighter is better here too: the scale is turned round by drawing minus the logarithm.
    return -known, (-high, -low), ([-float(s) for s in steps], [f"{10**s:.2g}" for s in steps])


def _stretched(accuracy: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    low, high = CLOSE_LOOK
    return np.where(accuracy <= low, 0.5 * accuracy / low, 0.5 + 0.5 * (accuracy - low) / (high - low))


def _cell_text(info: MapInfo, row: int, column: int) -> str:
    state, value = info.states[row][column], info.values[row, column]
    if state == "diverged":
        return "✕"
    if np.isnan(value):
        return {"waiting": "·", "running": "…"}.get(state, "–")
    return f"{100 * value:.1f}" if info.shown == "accuracy" else f"{value:.2f}"


def _ink(info: MapInfo, heights: npt.NDArray[np.float64], row: int, column: int, faint: str) -> str:
    """Dark on the bright end of the scale, light elsewhere."""
    if info.states[row][column] == "diverged":
        return "#ffffff"
    if np.isnan(heights[row, column]):
        return faint
    if info.shown == "accuracy":
        share = heights[row, column]
    else:
        finite = heights[np.isfinite(heights)]
        share = (heights[row, column] - finite.min()) / max(1e-9, finite.max() - finite.min())
    return "#101010" if share > 0.6 else "#ffffff"


def _hover(info: MapInfo, row: int, column: int) -> str:
    where = f"{info.x_label} {info.x_text[column]}<br>{info.y_label} {info.y_text[row]}"
    state, value = info.states[row][column], info.values[row, column]
    if not state:
        return where
    if np.isnan(value):
        return f"{where}<br><b>{state}</b>"
    number = f"{value:.2%}" if info.shown == "accuracy" else f"{value:.4f}"
    best = "best " if info.several else ""
    going = "" if state == "done" else f" ({state})"
    return f"{where}<br><b>{best}{SHOWN[info.shown]} {number}</b>{going}"


def _text(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


def _example(dark: bool) -> go.Figure:
    return map_figure(map_info(*example_sweep(), "lr", "momentum"), dark=dark)


CHART = Chart("sweep-map", "A sweep as a map of two hyperparameters", _example, rank=80)
