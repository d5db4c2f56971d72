"""Several trainings in one picture: their losses above, their test accuracies below, over the same axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from nnviz.charts.chart import Chart
from nnviz.charts.colors import RUNS
from nnviz.charts.curves import SMOOTHING, curves_info, loss_scale
from nnviz.charts.series import Pass, StepArrays, Steps, example_passes, example_steps
from nnviz.charts.theme import layout, plot_config, theme

Floats = npt.NDArray[np.float64]
Over = Literal["step", "epoch", "seconds"]

OVERLAY_CONFIG = plot_config("nnviz-comparison")

AXES: dict[Over, tuple[str, str]] = {
    "step": ("step (mini-batches)", "step %{x:,d}"),
    "epoch": ("epoch (passes over the training images)", "epoch %{x:.2f}"),
    "seconds": ("training time (seconds, at each run's mean pace)", "%{x:.1f} s"),
}
"""What runs along the bottom: its title, and how the hover text begins."""


class Training(NamedTuple):
    """One of the trainings to be drawn."""

    name: str
    """Short: "A"."""
    title: str
    curve: Steps
    epochs: Sequence[Pass]
    steps_per_epoch: float = 1.0
    """For the epoch that is not over yet."""
    seconds_per_step: float = 0.0
    begun: int = 0
    """The step it was forked at: its own time starts there."""
    place: int = 0
    """Which of RUNS is its look."""


class OverlayLine(NamedTuple):
    """One training, reduced to what is drawn."""

    name: str
    title: str
    place: int
    loss_x: Floats
    loss: Floats
    """Of the training batches, smoothed, (n,)."""
    test_x: Floats
    test_accuracy: Floats
    """In [0, 1], one per whole epoch, (epochs,)."""


class OverlayInfo(NamedTuple):
    lines: tuple[OverlayLine, ...]
    over: Over


def overlay_info(
    trainings: Sequence[Training],
    *,
    over: Over = "step",
    smoothing: float = SMOOTHING,
    points: int = 500,
    until: int | None = None,
) -> OverlayInfo:
    """Lines of at most `points` points; `until` leaves out all that came after that step."""
    lines = []
    for one in trainings:
        curve, epochs = one.curve, one.epochs
        if until is not None:
            curve = first_steps(curve, until)
            epochs = [epoch for epoch in epochs if epoch.step <= until]
        info = curves_info(curve, epochs, [], smoothing=smoothing, points=points)
        loss_x, test_x = (_along(steps, one, over) for steps in (info.loss.step, info.epoch_step))
        drawn, tested = loss_x >= 0, test_x >= 0
        lines.append(
            OverlayLine(
                one.name,
                one.title,
                one.place,
                loss_x[drawn],
                info.loss.value[drawn],
                test_x[tested],
                info.test_accuracy[tested],
            )
        )
    return OverlayInfo(tuple(lines), over)


def first_steps(curve: Steps, count: int) -> StepArrays:
    """What was recorded of the first `count` steps."""
    return StepArrays(curve.step[:count], curve.loss[:count], curve.accuracy[:count], curve.lr[:count])


def _along(steps: npt.NDArray[np.int64], training: Training, over: Over) -> Floats:
    """Where on the axis the steps are; below 0 what was before the fork, when time is counted."""
    if over == "step":
        return steps.astype(np.float64)
    if over == "seconds":
        return (steps - training.begun).astype(np.float64) * training.seconds_per_step
    ends = np.array([0, *(epoch.step for epoch in training.epochs)], np.float64)
    whole = np.array([0, *(epoch.epoch for epoch in training.epochs)], np.float64)
    beyond = np.maximum(steps - ends[-1], 0) / max(training.steps_per_epoch, 1.0)
    epochs: Floats = np.interp(steps, ends, whole) + beyond
    return epochs


def end_labels(lines: Sequence[OverlayLine]) -> dict[str, str]:
    """What stands at the end of each accuracy line: its name. Of those that end close together, one has all names,
    for they would write over one another.
    """
    ends = [(line.name, float(line.test_x[-1]), float(line.test_accuracy[-1])) for line in lines if len(line.test_x)]
    width = max((x for _, x, _ in ends), default=0.0) or 1.0
    values = np.concatenate([line.test_accuracy for line in lines]) if lines else np.zeros(1)
    height = float(np.ptp(values)) if len(values) else 0.0
    found: dict[str, list[str]] = {}
    kept: list[tuple[str, float, float]] = []
    for name, x, y in ends:
        near = next((k for k, kx, ky in kept if abs(x - kx) < 0.03 * width and abs(y - ky) <= 0.07 * height), None)
        if near is None:
            kept.append((name, x, y))
            found[name] = [name]
        else:
            found[near].append(name)
    return {name: f" {' '.join(found.get(name, []))}".rstrip() for name, _, _ in ends}


def overlay_figure(
    info: OverlayInfo,
    *,
    log_loss: bool = False,
    loss_unit: str = "nats, mean per example",
    dark: bool,
    revision: str = "overlay",
) -> go.Figure:
    """A zoom lasts as long as `revision` and what runs along the bottom stay the same."""
    colours = theme(dark)
    labels = end_labels(info.lines)
    traces: list[dict[str, Any]] = []
    for line in info.lines:
        colour, dash, symbol = RUNS[line.place % len(RUNS)]
        each: dict[str, Any] = {"type": "scatter", "legendgroup": line.name, "name": f"{line.name} · {line.title}"}
        pen = {"color": colour, "width": 2, "dash": dash}
        last = [""] * max(0, len(line.test_x) - 1) + [labels.get(line.name, "")] * bool(len(line.test_x))
        traces += [
            {
                **each,
                "x": line.loss_x,
                "y": line.loss,
                "mode": "lines",
                "line": pen,
                "hovertemplate": f"{line.name} loss <b>%{{y:.4f}}</b><extra></extra>",
            },
            {
                **each,
                "x": line.test_x,
                "y": 100 * line.test_accuracy,
                "yaxis": "y2",
                "showlegend": False,
                "mode": "lines+markers+text",
                "line": pen,
                "text": last,
                "textposition": "middle right",
                "textfont": {"color": colour, "size": 13},
                "cliponaxis": False,
                "marker": {"symbol": symbol, "size": 8, "color": colour, "line": {"color": colours.paper, "width": 1}},
                "hovertemplate": f"{line.name} test accuracy <b>%{{y:.2f}} %</b><extra></extra>",
            },
        ]
    return two_rows(traces, info.over, log_loss=log_loss, loss_unit=loss_unit, dark=dark, revision=revision)


def two_rows(
    traces: list[dict[str, Any]], over: Over, *, log_loss: bool, loss_unit: str, dark: bool, revision: str
) -> go.Figure:
    """Losses on y, test accuracies in percent on y2, over one axis with one hover text and one legend."""
    colours = theme(dark)
    axis: dict[str, Any] = {
        "gridcolor": colours.grid,
        "zeroline": False,
        "automargin": False,
        "exponentformat": "power",
        "tickfont": {"size": 12},
    }
    title, hover = AXES[over]
    rows = 1 + len([trace for trace in traces if trace.get("showlegend", True)]) // 2
    return go.Figure(
        {
            "data": traces,
            "layout": {
                **layout(dark),
                "height": 500 + 20 * rows,
                "margin": {"l": 78, "r": 34, "t": 20 + 20 * rows, "b": 46},
                "hovermode": "x unified",
                "hoversubplots": "axis",
                "uirevision": f"{revision} {over}",
                "showlegend": True,
                "legend": {
                    "orientation": "h",
                    "x": 0,
                    "xanchor": "left",
                    "y": 1.0,
                    "yanchor": "bottom",
                    "font": {"size": 12},
                },
                "xaxis": {
                    **axis,
                    "title": {"text": title, "standoff": 6, "font": {"size": 13}},
                    "anchor": "y2",
                    "range": [0, None],
                    "nticks": 7,
                    "tickformat": ",d" if over == "step" else "~g",
                    "unifiedhovertitle": {"text": hover},
                    "showspikes": True,
                    "spikemode": "across",
                    "spikethickness": 1,
                    "spikedash": "solid",
                    "spikecolor": colours.faint,
                },
                "yaxis": {
                    **axis,
                    "domain": [0.53, 1],
                    **loss_scale([np.asarray(t["y"]) for t in traces if "yaxis" not in t], log_loss),
                    "uirevision": f"{revision} {over} {'log' if log_loss else 'linear'}",
                    "title": {
                        "text": f"training loss ({loss_unit.replace(', ', ',<br>', 1)})",
                        "standoff": 6,
                        "font": {"size": 13},
                    },
                },
                "yaxis2": {
                    **axis,
                    "domain": [0, 0.45],
                    "nticks": 7,
                    "ticksuffix": "",
                    "title": {"text": "test accuracy (%)", "standoff": 6, "font": {"size": 13}},
                },
            },
        }
    )


def example_training(seed: int) -> Training:
    """For galleries."""
    steps = example_steps(seed)
    return Training("ABCD"[seed % 4], f"seed {seed}", steps, example_passes(steps), 200.0, 0.01, place=seed)


def _example(dark: bool) -> go.Figure:
    return overlay_figure(overlay_info([example_training(0), example_training(3)]), dark=dark)


CHART = Chart("overlay", "Several trainings in one picture", _example, rank=11)
