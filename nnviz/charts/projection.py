"""A map of images: each a point, coloured by its class, and those the network gets wrong marked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from nnviz.charts.chart import Chart
from nnviz.charts.colors import CLASSES
from nnviz.charts.theme import layout, plot_config, theme
from nnviz.table import csv_text

Floats = npt.NDArray[np.floating[Any]]
Ints = npt.NDArray[np.integer[Any]]

HEIGHT = 560
"""CSS pixels."""


class ProjectionInfo(NamedTuple):
    points: Floats
    """(n, 2)."""
    labels: Ints
    """True classes, (n,)."""
    answers: Ints
    """Of the network, (n,)."""
    classes: tuple[str, ...]
    axes: tuple[str, str]
    """What lies along them, horizontal first; empty where they mean nothing."""
    centres: Floats
    """Where the name of each class stands: the median of its points, (classes, 2); NaN for a class without any."""


def projection_info(
    points: Floats, labels: Ints, answers: Ints, classes: Sequence[str], axes: tuple[str, str] = ("", "")
) -> ProjectionInfo:
    """Raises ValueError if the parts don't fit together."""
    if points.shape != (len(labels), 2) or labels.shape != answers.shape:
        raise ValueError(f"points {points.shape}, labels {labels.shape} and answers {answers.shape} don't fit together")
    centres = np.full((len(classes), 2), np.nan)
    for number in np.unique(labels):
        centres[number] = np.median(points[labels == number], 0)
    return ProjectionInfo(points, labels, answers, tuple(classes), axes, centres)


def projection_config(file_name: str) -> dict[str, Any]:
    return plot_config(file_name)


def projection_figure(info: ProjectionInfo, *, chosen: int | None = None, dark: bool) -> go.Figure:
    """customdata of a point is its number. The point `chosen` has a ring."""
    colours = theme(dark)
    traces: list[dict[str, Any]] = []
    for number, name in enumerate(info.classes):
        mine = np.flatnonzero(info.labels == number)
        right = info.answers[mine] == number
        common = {
            "type": "scatter",
            "mode": "markers",
            "name": name,
            "legendgroup": name,
            "showlegend": False,
            "hovertemplate": "%{hovertext}<extra></extra>",
        }
        colour = CLASSES[number % len(CLASSES)]
        dot = {"color": colour, "size": 6, "opacity": 0.65}
        cross = {"color": colour, "size": 8, "symbol": "x", "line": {"width": 0.8, "color": colours.ink}}
        for which, marker in ((mine[right], dot), (mine[~right], cross)):
            traces.append(
                {
                    **common,
                    "x": info.points[which, 0],
                    "y": info.points[which, 1],
                    "customdata": which,
                    "hovertext": [_in_words(info, int(one)) for one in which],
                    "marker": marker,
                }
            )
        # In the legend stands a dot, whether or not there is one on the map.
        traces.append({**common, "x": [None], "y": [None], "marker": {"color": colour}, "showlegend": True})
    if chosen is not None and chosen < len(info.points):
        x, y = info.points[chosen]
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "x": [x],
                "y": [y],
                "hoverinfo": "skip",
                "showlegend": False,
                "marker": {"size": 18, "symbol": "circle-open", "color": colours.ink, "line": {"width": 2.5}},
            }
        )
    names = [
        {
            "x": x,
            "y": y,
            "text": f"<b>{name}</b>",
            "showarrow": False,
            "font": {"size": 15, "color": colours.ink},
            "bgcolor": colours.paper,
            "borderpad": 1,
            "opacity": 0.85,
            "captureevents": False,
        }
        for name, (x, y) in zip(info.classes, info.centres.tolist(), strict=True)
        if np.isfinite(x)
    ]
    axis: dict[str, Any] = {"gridcolor": colours.grid, "zeroline": False, "nticks": 7, "color": colours.ink}
    meaning = bool(info.axes[0])
    across, up = (
        {**axis, "title": {"text": text, "standoff": 6}, "showticklabels": meaning, "showgrid": meaning}
        for text in info.axes
    )
    return go.Figure(
        {
            "data": traces,
            "layout": {
                **layout(dark),
                "height": HEIGHT,
                "margin": {"l": 56 if meaning else 12, "r": 8, "t": 8, "b": 48 if meaning else 12},
                "hovermode": "closest",
                "dragmode": "pan",
                "annotations": names,
                "legend": {
                    "orientation": "h",
                    "x": 0,
                    "y": -0.12 if meaning else 0,
                    "yanchor": "top",
                    "itemsizing": "constant",
                },
                "xaxis": across,
                # A distance is as long up as it is across.
                "yaxis": {**up, "scaleanchor": "x"},
            },
        }
    )


def projection_csv(info: ProjectionInfo) -> str:
    """A line per image, in the order of the data set."""
    rows = (
        (index, f"{x:.9g}", f"{y:.9g}", info.classes[info.labels[index]], info.classes[info.answers[index]])
        for index, (x, y) in enumerate(info.points.tolist())
    )
    return csv_text(("index", "x", "y", "true", "answer"), rows)


def _in_words(info: ProjectionInfo, index: int) -> str:
    true, answer = info.classes[info.labels[index]], info.classes[info.answers[index]]
    words = f"test image {index}: <b>{true}</b>"
    return words if true == answer else f"{words}, taken for <b>{answer}</b>"


def _example(dark: bool) -> go.Figure:
    labels = np.arange(300) % 10
    angle = 2 * np.pi * labels / 10
    points = np.column_stack([np.cos(angle), np.sin(angle)]) + 0.1 * np.sin(np.outer(np.arange(300), (7.0, 11.0)))
    info = projection_info(points, labels, labels, tuple("0123456789"), ("first component", "second component"))
    return projection_figure(info, dark=dark)


CHART = Chart("projection", "Embedding (PCA, t-SNE)", _example, rank=61)
