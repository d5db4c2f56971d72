"""How values are spread: histograms over the same bins."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from nnviz.charts.colors import POSITIVE, TEST, TRAIN
from nnviz.charts.look import layout, look, plot_config

BINS = 80
_PENS = (POSITIVE, TEST, TRAIN)


def distribution_config(file_name: str) -> dict[str, Any]:
    return plot_config(file_name)


class Spread(NamedTuple):
    name: str
    counts: npt.NDArray[np.int64]
    """(bins,)."""
    mean: float
    deviation: float


class DistributionInfo(NamedTuple):
    edges: npt.NDArray[np.float64]
    """(bins + 1,), the same for all."""
    spreads: tuple[Spread, ...]


def distribution_info(values: Mapping[str, npt.NDArray[np.floating[Any]]], bins: int = BINS) -> DistributionInfo:
    """Of one or several sets of values (n,), by name. Values that are not finite are left out."""
    finite = {name: one[np.isfinite(one)].astype(np.float64) for name, one in values.items()}
    low = min((one.min() for one in finite.values() if one.size), default=0.0)
    high = max((one.max() for one in finite.values() if one.size), default=0.0)
    if high <= low:
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, bins + 1)
    return DistributionInfo(
        edges,
        tuple(
            Spread(
                name, np.histogram(one, edges)[0], float(one.mean()) if one.size else 0.0,
                float(one.std()) if one.size else 0.0,
            )
            for name, one in finite.items()
        ),
    )  # fmt: skip


def distribution_figure(info: DistributionInfo, *, dark: bool, unit: str = "value") -> go.Figure:
    colours = look(dark)
    several = len(info.spreads) > 1
    middles = (info.edges[:-1] + info.edges[1:]) / 2
    width = info.edges[1] - info.edges[0]
    bars = [
        {
            "type": "bar", "x": middles, "y": spread.counts, "name": spread.name, "showlegend": several,
            "marker": {"color": _PENS[place % len(_PENS)]}, "opacity": 0.6 if several else 1,
            "hovertemplate": f"%{{x:.4f}} ± {width / 2:.2g}: <b>%{{y:,}}</b> values<extra></extra>",
        }
        for place, spread in enumerate(info.spreads)
    ]  # fmt: skip
    axis = {"gridcolor": colours.grid, "zeroline": False}
    return go.Figure(
        {
            "data": bars,
            "layout": {
                **layout(dark),
                "height": 320,
                "margin": {"l": 70, "r": 16, "t": 28, "b": 46},
                "bargap": 0,
                "barmode": "overlay",
                "uirevision": "distribution",
                "legend": {"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom"},
                "xaxis": {
                    **axis, "title": {"text": unit, "standoff": 6}, "zeroline": True, "zerolinecolor": colours.faint,
                },
                "yaxis": {**axis, "title": {"text": "number of values", "standoff": 6}, "rangemode": "tozero"},
            },
        }
    )  # fmt: skip


def distribution_csv(info: DistributionInfo) -> str:
    """One line per bin: its ends and the counts."""
    file = io.StringIO()
    write = csv.writer(file, lineterminator="\n").writerow
    write(("from", "to", *(spread.name for spread in info.spreads)))
    for place, (low, high) in enumerate(zip(info.edges[:-1], info.edges[1:], strict=True)):
        write((f"{low:.9g}", f"{high:.9g}", *(int(spread.counts[place]) for spread in info.spreads)))
    return file.getvalue()
