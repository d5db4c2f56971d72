"""What a network said of one image, all through its training: a line of probability for each class."""

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

HEIGHT = 340
"""CSS pixels."""

NAMED = 0.02
"""A line whose class never got more than this share stays pale and without a name at its end."""


class HistoryInfo(NamedTuple):
    step: npt.NDArray[np.int64]
    """(checkpoints,), ascending."""
    probabilities: Floats
    """(checkpoints, classes), in [0, 1]; NaN where the training had diverged."""
    classes: tuple[str, ...]
    label: int
    """The class whose line is drawn thick: what the image is meant to be."""


def history_info(step: npt.NDArray[np.int64], probabilities: Floats, classes: Sequence[str], label: int) -> HistoryInfo:
    """Raises ValueError if the parts don't fit together."""
    if probabilities.shape != (len(step), len(classes)) or not 0 <= label < len(classes):
        raise ValueError(f"{len(step)} checkpoints of {len(classes)} classes are needed, not {probabilities.shape}")
    return HistoryInfo(step, probabilities, tuple(classes), label)


def history_config(file_name: str) -> dict[str, Any]:
    return plot_config(file_name, "zoomIn2d", "zoomOut2d")


def history_figure(info: HistoryInfo, *, at: int | None = None, log: bool = False, dark: bool) -> go.Figure:
    """A line for each class over the steps; a dashed upright line at step `at`. With `log`, the start is stretched."""
    colours = theme(dark)
    place = np.log10(1 + info.step) if log else info.step
    last = float(place[-1]) if len(place) else 1.0
    traces: list[dict[str, Any]] = []
    for number, name in enumerate(info.classes):
        chosen = number == info.label
        seen = chosen or bool(np.nanmax(info.probabilities[:, number], initial=0.0) > NAMED)
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": name,
                "x": place,
                "y": 100 * info.probabilities[:, number],
                "showlegend": False,
                "opacity": 1 if seen else 0.35,
                "line": {"color": CLASSES[number % len(CLASSES)], "width": 4 if chosen else 1.6},
                "marker": {"size": 7 if chosen else 4},
                "customdata": info.step,
                "hovertemplate": f"<b>{name}</b>: %{{y:.1f}} % after step %{{customdata:,d}}<extra></extra>",
            }
        )
    shapes = []
    if at is not None:
        x = float(np.log10(1 + at)) if log else at
        shapes = [
            {
                "type": "line",
                "x0": x,
                "x1": x,
                "yref": "paper",
                "y0": 0,
                "y1": 1,
                "line": {"color": colours.faint, "width": 1.5, "dash": "dash"},
            }
        ]
    ticks = [step for step in (0, 1, 10, 100, 1000, 10_000, 100_000, 1_000_000) if np.log10(1 + step) <= 1.02 * last]
    axis: dict[str, Any] = {"gridcolor": colours.grid, "zeroline": False}
    return go.Figure(
        {
            "data": traces,
            "layout": {
                **layout(dark),
                "height": HEIGHT,
                "margin": {"l": 56, "r": 34, "t": 12, "b": 46},
                "shapes": shapes,
                "uirevision": f"history {log}",
                "hovermode": "closest",
                "annotations": _names(info, last, colours.ink),
                "xaxis": {
                    **axis,
                    "range": [-0.02 * last, 1.02 * last or 1],
                    "title": {"text": "step (mini-batches)" + (", the start stretched" if log else ""), "standoff": 8},
                    **(
                        {"tickvals": [float(np.log10(1 + s)) for s in ticks], "ticktext": [f"{s:,}" for s in ticks]}
                        if log
                        else {"tickformat": ",d", "nticks": 6}
                    ),
                },
                "yaxis": {**axis, "range": [-2, 103], "title": {"text": "probability (%)"}, "nticks": 6},
            },
        }
    )


def history_csv(info: HistoryInfo) -> str:
    """One line per moment."""
    head = ("step (mini-batches)", *(f"probability of {name} (0 to 1)" for name in info.classes))
    rows = zip(info.step.tolist(), info.probabilities.tolist(), strict=True)
    return csv_text(head, ((step, *(f"{share:.7g}" for share in row)) for step, row in rows))


def _names(info: HistoryInfo, last: float, ink: str) -> list[dict[str, Any]]:
    """The names of the classes at the ends of their lines, where the lines are apart enough to be told."""
    if not len(info.step):
        return []
    ends = info.probabilities[-1]
    order = sorted(range(len(ends)), key=lambda number: (number != info.label, -np.nan_to_num(ends[number])))
    names: list[dict[str, Any]] = []
    taken: list[float] = []
    for number in order:
        share = float(ends[number])
        if (not share > NAMED and number != info.label) or any(abs(share - other) < 0.06 for other in taken):
            continue
        taken.append(share)
        names.append(
            {
                "x": last,
                "y": 100 * share,
                "text": f"<b>{info.classes[number]}</b>",
                "showarrow": False,
                "xanchor": "left",
                "xshift": 8,
                "font": {"size": 15, "color": ink},
            }
        )
    return names


def _example(dark: bool) -> go.Figure:
    step = np.arange(0, 1000, 50)
    rising = 1 / (1 + np.exp(-(step - 300) / 100))
    others = np.repeat((1 - rising)[:, None] / 9, 9, axis=1)
    return history_figure(history_info(step, np.column_stack([rising, others]), tuple("0123456789"), 0), dark=dark)


CHART = Chart("history", "The probability of each class over the training", _example, rank=55)
