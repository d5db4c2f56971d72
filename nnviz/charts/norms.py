"""Sizes of weights, gradients and updates, layer by layer, over the steps of a training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go
from plotly.colors import sample_colorscale

from nnviz.charts.chart import Chart
from nnviz.charts.theme import layout, plot_config, theme
from nnviz.table import csv_text

HEALTHY_PACE = (1e-4, 1e-2)
"""Norm of an update over norm of the weights: about 1e-3 is the usual advice (Karpathy's CS231n notes)."""

FEW = 20
"""So few steps have a dot each."""


def norms_config(file_name: str) -> dict[str, Any]:
    return plot_config(file_name)


class NormsInfo(NamedTuple):
    """One positive value per recorded step and layer; NaN where there is none to draw on a log scale."""

    step: npt.NDArray[np.int64]
    """(n,)."""
    layers: tuple[str, ...]
    """From the first to the last."""
    values: npt.NDArray[np.float64]
    """(n, layers)."""
    title: str
    band: tuple[float, float] | None = None
    """A range that is usual, to be shaded."""


def norms_info(
    step: npt.NDArray[np.int64],
    layers: Sequence[str],
    values: npt.NDArray[np.floating[Any]],
    title: str,
    band: tuple[float, float] | None = None,
) -> NormsInfo:
    """Raises ValueError if the parts don't fit together."""
    if values.shape != (len(step), len(layers)):
        raise ValueError(f"values must be {(len(step), len(layers))}, not {values.shape}")
    usable = np.isfinite(values) & (values > 0)
    return NormsInfo(step, tuple(layers), np.where(usable, values, np.nan).astype(np.float64), title, band)


def pace(weight: npt.NDArray[np.floating[Any]], update: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float64]:
    """Update-to-weight ratio, NaN where the weights are all 0."""
    ratio = np.full(weight.shape, np.nan)
    np.divide(update, weight, out=ratio, where=weight > 0)
    return ratio


def layer_colours(count: int, dark: bool) -> list[str]:
    """From dark to bright with the layers, so that early and late tell apart at a glance, colour-blind or not."""
    low, high = (0.3, 1.0) if dark else (0.0, 0.85)
    found: list[str] = sample_colorscale("Viridis", np.linspace(low, high, max(count, 2)).tolist())[:count]
    return found


def norms_figure(info: NormsInfo, *, dark: bool, at: int | None = None) -> go.Figure:
    """One line per layer on a log scale; `at` marks the moment looked at."""
    colours = theme(dark)
    lines = [
        {
            # A line through one point can't be seen.
            "type": "scatter",
            "mode": "lines" if len(info.step) > FEW else "lines+markers",
            "name": name,
            "x": info.step,
            "y": info.values[:, place],
            "cliponaxis": False,
            "line": {"color": colour, "width": 2},
            "hovertemplate": f"{name} <b>%{{y:.3~g}}</b><extra></extra>",
        }
        for place, (name, colour) in enumerate(zip(info.layers, layer_colours(len(info.layers), dark), strict=True))
    ]
    shapes: list[dict[str, Any]] = []
    if info.band:
        shapes.append(
            {
                "type": "rect",
                "xref": "paper",
                "x0": 0,
                "x1": 1,
                "y0": info.band[0],
                "y1": info.band[1],
                "layer": "below",
                "fillcolor": colours.grid,
                "opacity": 0.6,
                "line": {"width": 0},
            }
        )
    if at is not None:
        shapes.append(
            {
                "type": "line",
                "yref": "paper",
                "x0": at,
                "x1": at,
                "y0": 0,
                "y1": 1,
                "line": {"color": colours.faint, "width": 1, "dash": "dash"},
            }
        )
    axis = {"gridcolor": colours.grid, "zeroline": False}
    last = int(info.step[-1]) if len(info.step) else 0
    shown = [*info.values[np.isfinite(info.values)].tolist(), *(info.band or ())]
    # Within less than that there may be no power of ten, and thus no number at the axis.
    powers = {"dtick": 1} if shown and max(shown) > 100 * min(shown) else {"nticks": 6}
    return go.Figure(
        {
            "data": lines,
            "layout": {
                **layout(dark),
                "height": 300,
                "margin": {"l": 74, "r": 16, "t": 34, "b": 46},
                "hovermode": "x unified",
                "uirevision": info.title,
                "shapes": shapes,
                "legend": {"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom"},
                "xaxis": {
                    **axis,
                    "title": {"text": "step (mini-batches)", "standoff": 6},
                    "tickformat": ",d",
                    "nticks": 7,
                    "range": [0, max(last, 10)],
                    "unifiedhovertitle": {"text": "step %{x:,d}"},
                },
                "yaxis": {
                    **axis,
                    "type": "log",
                    "title": {"text": info.title, "standoff": 6},
                    "exponentformat": "power",
                    **powers,
                    "ticklabelstandoff": 4,
                },
            },
        }
    )


def norms_csv(infos: Sequence[NormsInfo]) -> str:
    """One line per step, a column per quantity and layer; all must be of the same steps."""
    head = ("step", *(f"{info.title.replace('<br>', ' ')}, {layer}" for info in infos for layer in info.layers))
    rows = []
    for place, step in enumerate(infos[0].step.tolist() if infos else []):
        row = [value for info in infos for value in info.values[place].tolist()]
        rows.append((step, *("" if value != value else f"{value:.7g}" for value in row)))
    return csv_text(head, rows)


def _example(dark: bool) -> go.Figure:
    step = np.arange(1, 500, 10)
    values = np.column_stack([np.exp(-step / 200), 0.3 * np.exp(-step / 400)])
    return norms_figure(norms_info(step, ("dense1", "output"), values, "gradient norm ‖∂L/∂W‖"), dark=dark)


CHART = Chart("norms", "Sizes of weights, gradients and updates by layer", _example, rank=20)
