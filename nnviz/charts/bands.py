"""Trainings that differ in their seed alone, as one line for their mean and a band for their spread."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go
from plotly.colors import hex_to_rgb

from nnviz.charts.chart import Chart
from nnviz.charts.colors import RUNS
from nnviz.charts.curves import SMOOTHING, curves_info
from nnviz.charts.overlay import Training, example_training, first_steps, two_rows
from nnviz.charts.theme import plot_config

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Width = Literal["range", "deviation"]

BANDS_CONFIG = plot_config("nnviz-seeds")

WIDTHS: dict[Width, str] = {"range": "smallest to largest", "deviation": "mean ± standard deviation"}


class Band(NamedTuple):
    """Mean and spread at each of n places, each (n,); what is not finite in one repetition is NaN in all."""

    step: Ints
    mean: Floats
    low: Floats
    high: Floats


class BandInfo(NamedTuple):
    """A group of repetitions, as far as all of them have come."""

    name: str
    title: str
    place: int
    """Which of RUNS is its look."""
    size: int
    loss: Band
    """Of the training batches, smoothed."""
    accuracy: Band
    """On the test images, in [0, 1], after each whole epoch."""


def band_info(
    name: str,
    title: str,
    place: int,
    group: Sequence[Training],
    *,
    width: Width,
    smoothing: float = SMOOTHING,
    points: int = 500,
) -> BandInfo:
    """Of at least one training; all must take the same steps, as repetitions with other seeds do."""
    reached = min(len(one.curve.step) for one in group)
    whole = min(len(one.epochs) for one in group)
    infos = [
        curves_info(first_steps(one.curve, reached), one.epochs[:whole], [], smoothing=smoothing, points=points)
        for one in group
    ]
    losses = np.array([info.loss.value for info in infos])
    accuracies = np.array([info.test_accuracy for info in infos])
    return BandInfo(
        name,
        title,
        place,
        len(group),
        _band(infos[0].loss.step, losses, width),
        _band(infos[0].epoch_step, accuracies, width),
    )


def _band(step: Ints, values: Floats, width: Width) -> Band:
    """`values` (repetitions, n)."""
    mean = values.mean(0)
    if width == "range":
        return Band(step, mean, values.min(0), values.max(0))
    deviation = values.std(0, ddof=1) if len(values) > 1 else np.zeros_like(mean)
    return Band(step, mean, mean - deviation, mean + deviation)


def bands_figure(
    infos: Sequence[BandInfo],
    *,
    log_loss: bool = False,
    loss_unit: str = "nats, mean per example",
    dark: bool,
    revision: str = "bands",
) -> go.Figure:
    traces: list[dict[str, Any]] = []
    for info in infos:
        colour, dash, symbol = RUNS[info.place % len(RUNS)]
        runs = "1 run" if info.size == 1 else f"mean of {info.size} runs"
        for what, band, scale, form in (("loss", info.loss, 1, ".4f"), ("accuracy", info.accuracy, 100, ".2f")):
            row: dict[str, Any] = {"type": "scatter", "legendgroup": info.name, "x": band.step}
            if what == "accuracy":
                row["yaxis"] = "y2"
            edge = {**row, "mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False}
            red, green, blue = hex_to_rgb(colour)
            unit = " %" if what == "accuracy" else ""
            spread = np.stack([scale * band.low, scale * band.high], 1)
            traces += [
                {**edge, "y": scale * band.low},
                {**edge, "y": scale * band.high, "fill": "tonexty", "fillcolor": f"rgba({red},{green},{blue},0.25)"},
                {
                    **row,
                    "y": scale * band.mean,
                    "name": f"{info.name} · {info.title}, {runs}",
                    "showlegend": what == "loss",
                    "mode": "lines" if what == "loss" else "lines+markers",
                    "line": {"color": colour, "width": 2, "dash": dash},
                    "marker": {"symbol": symbol, "size": 7},
                    "customdata": spread,
                    "hovertemplate": f"{info.name} {what} <b>%{{y:{form}}}{unit}</b>"
                    f" (%{{customdata[0]:{form}}} to %{{customdata[1]:{form}}})<extra></extra>",
                },
            ]
    return two_rows(traces, "step", log_loss=log_loss, loss_unit=loss_unit, dark=dark, revision=revision)


def _example(dark: bool) -> go.Figure:
    runs = [example_training(seed) for seed in range(4)]
    return bands_figure([band_info("A", "four seeds", 0, runs, width="range")], dark=dark)


CHART = Chart("bands", "Repetitions with other seeds, as bands", _example, rank=30)
