"""How loss, accuracy and learning rate went, step by step."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from nnviz.charts.chart import Chart
from nnviz.charts.colors import RATE, TEST, TRAIN
from nnviz.charts.series import Changed, Pass, Steps, example_passes, example_steps
from nnviz.charts.theme import layout, plot_config, theme
from nnviz.table import csv_text

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

PLOT_CONFIG = plot_config("nnviz-curves")

SMOOTHING = 0.9
"""Of losses, until a person sets another."""

LABELLED_MARKS = 8
"""More changes than this would write over one another; the others keep their line and their hover text."""


TICKS = 7
"""At most, of the steps."""


class Line(NamedTuple):
    """Points of a line, both (n,); a NaN value is a gap."""

    step: Ints
    value: Floats


class Mark(NamedTuple):
    """Something a person did, while it trained or by forking it; it holds from the step after `step` on."""

    step: int
    label: str


class CurvesInfo(NamedTuple):
    """What there is to draw. Losses in the loss function's unit, accuracies in [0, 1], steps count mini-batches."""

    last_step: int
    raw_loss: Line
    """The smallest and the largest loss of each stretch of steps, so that no spike is lost."""
    loss: Line
    """Of the training batches, smoothed."""
    accuracy: Line
    """Of the training batches, smoothed."""
    lr: Line
    epoch_step: Ints
    """Steps done when each epoch ended, (epochs,), as the four below."""
    train_loss: Floats
    train_accuracy: Floats
    test_loss: Floats
    test_accuracy: Floats
    marks: tuple[Mark, ...]


def curves_info(
    curve: Steps,
    epochs: Sequence[Pass],
    changes: Sequence[Changed],
    *,
    forked: int | None = None,
    smoothing: float = SMOOTHING,
    points: int = 500,
) -> CurvesInfo:
    """Reduce a whole training to lines of at most `points` points each (at least 8).

    `forked` is the last step that it shares with the training it went on from. `smoothing` in [0, 1) is the weight of
    the past, as in TensorBoard; it is applied to all steps before any are left out. Stretches are powers of two long
    and start at step 1, so that what is drawn stays put as a run grows.
    """
    size = _stretch(len(curve.step), points)
    table = np.array([_numbers(epoch) for epoch in epochs], np.float64).reshape(-1, 5)
    marks = [Mark(change.step, _in_words(change)) for change in changes]
    if forked is not None:
        marks.insert(0, Mark(forked, "forked here"))
    return CurvesInfo(
        int(curve.step[-1]) if len(curve.step) else 0,
        _line(curve, curve.loss, _extremes(np.where(np.isfinite(curve.loss), curve.loss, np.nan), size)),
        _line(curve, smooth(curve.loss, smoothing), _ends(len(curve.step), size)),
        _line(curve, smooth(curve.accuracy, smoothing), _ends(len(curve.step), size)),
        _line(curve, curve.lr, _corners(curve.lr, size, points)),
        table[:, 0].astype(np.int64),
        table[:, 1],
        table[:, 2],
        table[:, 3],
        table[:, 4],
        tuple(marks),
    )


def smooth(values: npt.NDArray[np.floating[Any]], weight: float) -> Floats:
    """Exponential mean of `values` (n,) with `weight` in [0, 1) for the past, without bias towards 0 at the start.

    The same as pandas' `ewm(alpha=1 - weight, ignore_na=True).mean()` and TensorBoard's slider: values that are not
    finite are left out, and are NaN in the result.
    """
    result = np.full(len(values), np.nan)
    finite = np.isfinite(values)
    total = values[finite].astype(np.float64)
    # total[t] = sum of weight^k * values[t - k]: the reach of the sum doubles with each round.
    reach, factor = 1, weight
    while reach < len(total) and factor > 1e-18:
        total[reach:] += factor * total[:-reach]
        reach, factor = 2 * reach, factor**2
    counts = np.arange(1, len(total) + 1)
    result[finite] = total * (1 - weight) / -np.expm1(counts * math.log(weight)) if weight > 0 else total
    return result


def curves_figure(
    info: CurvesInfo,
    *,
    log_loss: bool = False,
    show_raw: bool = True,
    loss_unit: str = "nats, mean per example",
    dark: bool,
    revision: str = "curves",
) -> go.Figure:
    """Loss, accuracy and learning rate above one another, over the same steps.

    A zoom lasts as long as `revision` stays the same.
    """
    colours = theme(dark)
    train: dict[str, Any] = {"name": "train", "legendgroup": "train", "mode": "lines", "line": _pen(TRAIN, 2)}
    test: dict[str, Any] = {
        "name": "test",
        "legendgroup": "test",
        "mode": "lines+markers",
        "line": _pen(TEST, 2),
        "marker": {"size": 7, "line": _pen(colours.paper, 1)},
    }
    each: dict[str, Any] = {
        "name": "each batch",
        "mode": "lines",
        "line": _pen(TRAIN, 1),
        "hoverinfo": "skip",
        "opacity": 0.5 if dark else 0.35,
    }
    rate: dict[str, Any] = {
        "name": "learning rate",
        "mode": "lines",
        "line": {**_pen(RATE, 2), "shape": "hv"},
        "yaxis": "y3",
    }
    lines = [
        (each, info.raw_loss.step, info.raw_loss.value, "loss"),
        (train, info.loss.step, info.loss.value, "loss"),
        (test, info.epoch_step, info.test_loss, "loss"),
        (train, info.accuracy.step, 100 * info.accuracy.value, "accuracy"),
        (test, info.epoch_step, 100 * info.test_accuracy, "accuracy"),
        (rate, info.lr.step, info.lr.value, ""),
    ]
    formats = {"loss": "%{y:.4f}", "accuracy": "%{y:.2f} %", "": "%{y:.4~g}"}
    traces: list[dict[str, Any]] = []
    for kind, x, y, what in lines:
        alone = {"mode": "lines+markers"} if len(x) == 1 else {}  # no line leads to it
        if kind is each:  # plotly.js heeds its "skip" only without a template
            traces += [{"type": "scatter", "x": x, "y": y, **kind, **alone}] if show_raw else []
            continue
        words = f"{kind['name']} {what} <b>{formats[what]}</b><extra></extra>"
        row = {"yaxis": "y2"} if what == "accuracy" else {}
        traces.append(
            {
                "type": "scatter",
                "x": x,
                "y": y,
                "showlegend": what == "loss",
                "hovertemplate": words,
                **row,
                **kind,
                **alone,
            }
        )
    axis: dict[str, Any] = {
        "gridcolor": colours.grid,
        "zeroline": False,
        "automargin": False,
        "exponentformat": "power",
        "tickfont": {"size": 12},
        "title": {"standoff": 6, "font": {"size": 13}},
    }
    marks, marks_trace = _marks(info.marks, dark)
    # As one dictionary: building a figure piece by piece takes ten times as long.
    return go.Figure(
        {
            "data": [*traces, *marks_trace],
            "layout": {
                **layout(dark),
                **marks,
                "height": 540,
                "margin": {"l": 78, "r": 16, "t": 54, "b": 46},
                "hovermode": "x unified",
                "hoversubplots": "axis",
                "uirevision": revision,
                "legend": {"orientation": "h", "x": 0, "xanchor": "left", "y": 1.0, "yanchor": "bottom"},
                "xaxis": {
                    **_titled(axis, "step (mini-batches)"),
                    "anchor": "y3",
                    "tickformat": ",.12~g",
                    # No half steps where there are few. Not by `dtick`: the next plot may have the range of this one.
                    "nticks": min(info.last_step + 2, TICKS),
                    # An end that moved with the data would count as ours to set, and undo a zoom each time.
                    "range": [0, None],
                    "unifiedhovertitle": {"text": "step %{x:,d}"},
                    "showspikes": True,
                    "spikemode": "across",
                    "spikethickness": 1,
                    "spikedash": "solid",
                    "spikecolor": colours.faint,
                },
                "yaxis": {
                    **_titled(axis, f"loss ({loss_unit.replace(', ', ',<br>', 1)})"),
                    "domain": [0.6, 1],
                    **loss_scale([info.raw_loss.value, info.test_loss], log_loss),
                    # A range zoomed to on one scale makes no sense on the other.
                    "uirevision": f"{revision} {'log' if log_loss else 'linear'}",
                },
                "yaxis2": {**_titled(axis, "accuracy (%)"), "domain": [0.21, 0.55], "range": [0, 101], "nticks": 6},
                "yaxis3": {
                    **_titled(axis, "learning<br>rate α"),
                    "domain": [0, 0.15],
                    "rangemode": "tozero",
                    "nticks": 4,
                    "tickformat": "~g",
                },
            },
        }
    )


def curves_csv(curve: Steps, epochs: Sequence[Pass]) -> str:
    """Every step in full, one line each; the figures of an epoch stand in the line of its last step."""
    return csv_text(_CSV_HEAD, _csv_rows(curve, epochs))


def all_curves_csv(trainings: Iterable[tuple[Sequence[object], Steps, Sequence[Pass]]], head: Sequence[str]) -> str:
    """Several trainings in one long table: the lines of `curves_csv`, each led by what tells its training apart, under
    the names in `head`.
    """
    rows = ((*led, *row) for led, curve, epochs in trainings for row in _csv_rows(curve, epochs))
    return csv_text((*head, *_CSV_HEAD), rows)


_CSV_HEAD = (
    "step (mini-batches)",
    "batch loss (mean per example)",
    "batch accuracy (0 to 1)",
    "learning rate",
    "epoch",
    "epoch train loss (mean per example)",
    "epoch train accuracy (0 to 1)",
    "test loss (mean per example)",
    "test accuracy (0 to 1)",
)


def _csv_rows(curve: Steps, epochs: Sequence[Pass]) -> Iterator[tuple[object, ...]]:
    ended = {epoch.step: epoch for epoch in epochs}
    columns = (curve.step, curve.loss, curve.accuracy, curve.lr)
    for step, *numbers in zip(*(column.tolist() for column in columns), strict=True):
        epoch = ended.get(step)
        summary = (epoch.epoch, *map(_as_text, _numbers(epoch)[1:])) if epoch else ("",) * 5
        yield (step, *map(_as_text, numbers), *summary)


def _stretch(count: int, points: int) -> int:
    """Steps to a stretch, a power of two, such that two points for each stretch are at most `points`."""
    if count <= points:
        return 1
    return 1 << math.ceil(math.log2(count / (max(points, 8) // 2 - 1)))


def _extremes(values: npt.NDArray[np.floating[Any]], size: int) -> Ints:
    """Indices of the smallest and the largest value of each stretch, ascending. One without any gives a NaN's."""
    if size == 1:
        return np.arange(len(values))
    stretches = -(-len(values) // size)
    padded = np.full((stretches, size), np.nan)
    padded.flat[: len(values)] = values
    starts = np.arange(stretches) * size
    empty = np.isnan(padded)
    lowest = np.where(empty, np.inf, padded).argmin(1) + starts
    highest = np.where(empty, -np.inf, padded).argmax(1) + starts
    return np.unique(np.concatenate([lowest, highest]))


def _ends(count: int, size: int) -> Ints:
    """Indices of the first value and of the last one of each stretch."""
    ends = np.append(np.arange(size - 1, count, size), count - 1) if count else np.arange(0)
    return np.unique(np.append(ends, 0)) if count else ends


def _corners(values: npt.NDArray[np.float32], size: int, points: int) -> Ints:
    """Indices on both sides of every jump, and of the ends of stretches, to point at; if too many, as of any line."""
    if not len(values):
        return np.arange(0)
    before, after = values[:-1], values[1:]
    jumps = np.flatnonzero((before != after) & ~(np.isnan(before) & np.isnan(after)))
    corners = np.unique(np.concatenate([_ends(len(values), size), jumps, jumps + 1]))
    return corners if len(corners) <= points else _extremes(values, size)


def _line(curve: Steps, values: npt.NDArray[np.floating[Any]], chosen: Ints) -> Line:
    value = values[chosen].astype(np.float64)
    return Line(curve.step[chosen], np.where(np.isfinite(value), value, np.nan))


def _in_words(change: Changed) -> str:
    return f"{change.label} {change.before:g} → {change.after:g}"


def _numbers(epoch: Pass) -> tuple[float, ...]:
    return epoch.step, epoch.train_loss, epoch.train_accuracy, epoch.test_loss, epoch.test_accuracy


def _marks(marks: Sequence[Mark], dark: bool) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A dashed line through all rows and a label for each mark, and points at the foot that tell it on hovering."""
    if not marks:
        return {}, []
    faint = theme(dark).faint
    lines = [
        {
            "type": "line",
            "xref": "x",
            "yref": "paper",
            "x0": mark.step,
            "x1": mark.step,
            "y0": 0,
            "y1": 1,
            "layer": "below",
            "line": {**_pen(faint, 1), "dash": "dash"},
        }
        for mark in marks
    ]
    labels = [
        {
            "text": mark.label,
            "x": mark.step,
            "xref": "x",
            "y": 1,
            "yref": "paper",
            "xanchor": "right",
            "yanchor": "top",
            "textangle": -90,
            "showarrow": False,
            "font": {"size": 12, "color": faint},
        }
        for mark in marks[-LABELLED_MARKS:]
    ]
    points = {
        "type": "scatter",
        "x": np.array([mark.step for mark in marks]),
        "y": np.zeros(len(marks)),
        "yaxis": "y3",
        "mode": "markers",
        "marker": {"symbol": "triangle-up", "size": 9, "color": faint},
        "cliponaxis": False,
        "text": [mark.label for mark in marks],
        "hovertemplate": "<b>%{text}</b><extra></extra>",
        "name": "change",
        "showlegend": False,
    }
    return {"shapes": lines, "annotations": labels}, [points]


def _pen(color: str, width: float) -> dict[str, Any]:
    return {"color": color, "width": width}


def _titled(axis: dict[str, Any], text: str) -> dict[str, Any]:
    return {**axis, "title": {**axis["title"], "text": text}}


def loss_scale(losses: Iterable[Floats], log: bool) -> dict[str, Any]:
    """Of an axis of these losses: its kind and its ticks, none of which is so wide that it lies under the title
    beside it.

    On a log scale at 1, 2, 5, 10, … or, where the losses differ much, at powers of ten only; plotly's own write bare 2s
    and 5s, whatever the power.
    """
    scale = {"type": "log" if log else "linear", "rangemode": "tozero", "nticks": 7, "exponentformat": "e"}
    if not log:
        return scale
    values = np.concatenate([np.zeros(0), *losses])
    values = values[values > 0]
    decades = math.log10(values.max()) - math.log10(values.min()) if len(values) else 0.0
    digits = (1,) if decades > 3 else (1, 2, 5) if decades > 0.5 else range(1, 10)
    powers = range(-12, 39, math.ceil(max(decades, 1) / 7))
    ticks = [float(f"{digit}e{power}") for power in powers for digit in digits]
    return {**scale, "tickmode": "array", "tickvals": np.array(ticks), "ticktext": [_tick(tick) for tick in ticks]}


def _tick(value: float) -> str:
    if 0.001 <= value < 1e5:
        return f"{value:g}"
    digit, power = f"{value:.0e}".split("e")
    return f"{digit}e{int(power)}"


def _as_text(number: float) -> str:
    return f"{number:.7g}" if math.isfinite(number) else ""


def _example(dark: bool) -> go.Figure:
    steps = example_steps(0)
    return curves_figure(curves_info(steps, example_passes(steps), []), dark=dark)


CHART = Chart("curves", "Loss, accuracy and learning rate", _example, rank=10)
