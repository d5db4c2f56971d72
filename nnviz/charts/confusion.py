"""Which class was taken for which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from nnviz.charts.chart import Chart
from nnviz.charts.colors import NEGATIVE, NEUTRAL, POSITIVE, TEST
from nnviz.charts.theme import NO_ZOOM, layout, plot_config, theme

CONFUSION_CONFIG = plot_config("nnviz-confusion", *NO_ZOOM)
ACCURACY_CONFIG = plot_config("nnviz-class-accuracy", *NO_ZOOM)

FLOORS = (95, 90, 80, 50, 0)
"""Where the axis of accuracies may start, in percent."""

PALEST_FULL = 0.02
"""An error that hits this share of a class has the full colour, unless others hit more: a good net stays pale."""


class ConfusionInfo(NamedTuple):
    """Rows are true classes, columns the answers."""

    classes: tuple[str, ...]
    counts: npt.NDArray[np.int64]
    """Test images, (classes, classes)."""
    shares: npt.NDArray[np.float64]
    """Of the images of the row's class, in [0, 1], (classes, classes); NaN for a class without images."""
    right: int
    total: int

    @property
    def accuracy(self) -> float:
        """In [0, 1]; NaN without images."""
        return self.right / self.total if self.total else float("nan")

    @property
    def class_accuracy(self) -> npt.NDArray[np.float64]:
        """Share of each class recognised, in [0, 1], (classes,)."""
        return self.shares.diagonal()


def confusion_info(counts: npt.NDArray[np.int64], classes: Sequence[str]) -> ConfusionInfo:
    """`counts` (true class, predicted class) of images."""
    sizes = counts.sum(1, keepdims=True)
    shares = np.divide(counts, sizes, out=np.full(counts.shape, np.nan), where=sizes > 0)
    return ConfusionInfo(tuple(classes), counts, shares, int(counts.trace()), int(counts.sum()))


def worst_share(*infos: ConfusionInfo) -> float:
    """The share of a class that its worst error hits, in [0, 1]; at least PALEST_FULL."""
    diagonal = np.eye(len(infos[0].classes), dtype=bool)
    return float(max(np.nanmax(np.where(diagonal, 0.0, info.shares), initial=PALEST_FULL) for info in infos))


def confusion_figure(
    info: ConfusionInfo, *, chosen: tuple[int, int] | None = None, worst: float | None = None, dark: bool
) -> go.Figure:
    """Counts of (true class, answer); customdata of a cell is [true, answer]. `chosen` is outlined.

    `worst` is the share that has the full colour, so that several matrices can have one scale: see `worst_share`.

    The colour tells which share of a class an error hits. The right answers have one of their own: on a common scale
    they would leave all errors white.
    """
    colours = theme(dark)
    count = len(info.classes)
    diagonal = np.eye(count, dtype=bool)
    worst = worst_share(info) if worst is None else worst
    # Pale ink can't be read on the full colour.
    zmax = 1.4 if dark else 1.0
    cells: dict[str, Any] = {
        "type": "heatmap",
        "x": np.arange(count),
        "y": np.arange(count),
        "xgap": 1,
        "ygap": 1,
        "showscale": False,
        "zmin": 0,
        "zmax": zmax,
        "hoverongaps": False,
        "texttemplate": "%{text}",
        "textfont": {"size": 12, "color": colours.ink},
        "customdata": [[[true, answer] for answer in range(count)] for true in range(count)],
        "text": [[str(number) if number else "" for number in row] for row in info.counts.tolist()],
        "hovertext": [[_in_words(info, true, answer) for answer in range(count)] for true in range(count)],
        "hovertemplate": "%{hovertext}<extra></extra>",
    }
    errors = {
        **cells,
        "colorscale": [[0, colours.paper], [1, TEST]],
        # The root spreads the many small shares over the colours.
        "z": np.where(diagonal, np.nan, np.sqrt(info.shares / worst)),
    }
    right = {
        **cells,
        "colorscale": [[0, colours.grid], [1, colours.grid]],
        "z": np.where(diagonal & np.isfinite(info.shares), 1.0, np.nan),
    }
    axis = {
        "tickmode": "array",
        "tickvals": np.arange(count),
        "ticktext": list(info.classes),
        "showgrid": False,
        "zeroline": False,
        "fixedrange": True,
        "tickfont": {"size": 13},
        "ticks": "",
        "ticklabelstandoff": 5,
    }
    wordy = max(map(len, info.classes)) > 2
    outline = [
        {
            "type": "rect",
            "x0": answer - 0.5,
            "x1": answer + 0.5,
            "y0": true - 0.5,
            "y1": true + 0.5,
            "line": {"color": colours.ink, "width": 2.5},
        }
        for true, answer in ([chosen] if chosen else [])
    ]
    return go.Figure(
        {
            "data": [right, errors],
            "layout": {
                **layout(dark),
                "height": 470,
                "margin": {"l": 84 if wordy else 48, "r": 6, "t": 30, "b": 84 if wordy else 50},
                "dragmode": False,
                "hovermode": "closest",
                "shapes": outline,
                "xaxis": {**axis, "title": {"text": "predicted class", "standoff": 8}, "range": [-0.5, count - 0.5]},
                "yaxis": {**axis, "title": {"text": "true label", "standoff": 8}, "range": [count - 0.5, -0.5]},
            },
        }
    )


def confusion_change_figure(first: ConfusionInfo, second: ConfusionInfo, *, dark: bool) -> go.Figure:
    """How many more images the second took for each class than the first, on a scale centred on zero.

    More right answers and fewer errors are both better: so the diagonal's colours are turned round, and blue is what
    the second does better, orange what it does worse.
    """
    colours = theme(dark)
    count = len(first.classes)
    change = second.counts - first.counts
    better = np.where(np.eye(count, dtype=bool), change, -change)
    limit = max(1, int(np.abs(change).max(initial=0)))
    middle = colours.paper if dark else NEUTRAL
    heat = {
        "type": "heatmap",
        "x": np.arange(count),
        "y": np.arange(count),
        "xgap": 1,
        "ygap": 1,
        "showscale": False,
        "zmin": -limit,
        "zmax": limit,
        "z": better,
        "texttemplate": "%{text}",
        "colorscale": [[0, NEGATIVE], [0.5, middle], [1, POSITIVE]],
        "textfont": {"size": 12, "color": colours.ink},
        "text": [[f"{number:+,}".replace("-", "−") if number else "" for number in row] for row in change.tolist()],
        "hovertext": [
            [
                f"<b>{first.classes[true]}</b> answered with <b>{first.classes[answer]}</b>:"
                f" {first.counts[true, answer]:,} → {second.counts[true, answer]:,} images"
                for answer in range(count)
            ]
            for true in range(count)
        ],
        "hovertemplate": "%{hovertext}<extra></extra>",
    }
    figure = confusion_figure(first, dark=dark)
    return go.Figure({"data": [heat], "layout": figure.layout})


def class_accuracy_figure(info: ConfusionInfo, *, dark: bool) -> go.Figure:
    """A bar for each class, the worst below; a line where the accuracy over all images is."""
    colours = theme(dark)
    percent = 100 * info.class_accuracy
    known = [int(c) for c in np.argsort(percent, kind="stable") if np.isfinite(percent[c])]
    floor = accuracy_floor(percent)
    names = [info.classes[c] for c in known]
    bars = {
        "type": "bar",
        "orientation": "h",
        "base": floor,
        "x": percent[known] - floor,
        "y": np.arange(len(known)),
        "marker": {"color": TEST},
        "text": [f"{percent[c]:.1f} %" for c in known],
        "textposition": "inside",
        "insidetextanchor": "start",
        "textfont": {"size": 13, "color": "#1b2333"},
        "textangle": 0,
        "hovertext": [_in_words(info, c, c) for c in known],
        "hovertemplate": "%{hovertext}<extra></extra>",
        "cliponaxis": False,
    }
    total = 100 * info.accuracy
    mark = {
        "type": "line",
        "x0": total,
        "x1": total,
        "yref": "paper",
        "y0": 0,
        "y1": 1,
        "line": {"color": colours.ink, "width": 1.5, "dash": "dash"},
    }
    words = {
        "text": f"all classes {total:.2f} %",
        "x": total,
        "yref": "paper",
        "y": 1,
        "yanchor": "bottom",
        "xanchor": "right",
        "showarrow": False,
        "font": {"size": 12},
    }
    starts = f", axis from {floor} %" if floor else ""
    return go.Figure(
        {
            "data": [bars],
            "layout": {
                **layout(dark),
                "height": 470,
                "margin": {"l": 84 if max(map(len, info.classes)) > 2 else 48, "r": 16, "t": 30, "b": 50},
                "bargap": 0.25,
                "dragmode": False,
                "showlegend": False,
                **({"shapes": [mark], "annotations": [words]} if info.total else {}),
                "xaxis": {
                    "title": {"text": f"recognised (% of the class{starts})", "standoff": 8},
                    "range": [floor, 100],
                    "gridcolor": colours.grid,
                    "zeroline": False,
                    "fixedrange": True,
                    "nticks": 6,
                },
                "yaxis": {
                    "title": {"text": "true label", "standoff": 8},
                    "tickmode": "array",
                    "fixedrange": True,
                    "tickvals": np.arange(len(known)),
                    "ticktext": names,
                    "showgrid": False,
                    "zeroline": False,
                    "tickfont": {"size": 13},
                    "ticks": "",
                    "ticklabelstandoff": 5,
                },
            },
        }
    )


def accuracy_floor(percent: npt.NDArray[np.float64]) -> int:
    """The highest of FLOORS that leaves the shortest bar at least a fifth of the axis."""
    lowest = float(np.nanmin(percent, initial=100.0))
    return next(floor for floor in FLOORS if lowest >= floor + (100 - floor) / 5 or not floor)


def _in_words(info: ConfusionInfo, true: int, answer: int) -> str:
    count, share = int(info.counts[true, answer]), info.shares[true, answer]
    what = "recognised" if true == answer else f"taken for <b>{info.classes[answer]}</b>"
    if not info.counts[true].any():
        return f"no test image of <b>{info.classes[true]}</b>"
    return f"<b>{info.classes[true]}</b> {what}: {count:,} of {int(info.counts[true].sum()):,} images ({share:.1%})"


_DIGITS = tuple("0123456789")


def _example_info(errors: int) -> ConfusionInfo:
    return confusion_info(
        np.eye(10, dtype=np.int64) * (100 - 9 * errors) + errors * (1 - np.eye(10, dtype=np.int64)), _DIGITS
    )


CONFUSION = Chart("confusion", "Confusion matrix", lambda dark: confusion_figure(_example_info(2), dark=dark), rank=40)
CHANGE = Chart(
    "confusion-change",
    "Two confusion matrices: the change",
    lambda dark: confusion_change_figure(_example_info(3), _example_info(1), dark=dark),
    rank=41,
)
RECALL = Chart(
    "recall", "Accuracy per class (recall)", lambda dark: class_accuracy_figure(_example_info(2), dark=dark), rank=42
)
