"""Bars: probabilities of classes, what adds up to a sum, the outputs of a layer's units, a unit's values by digit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from nnviz.charts.chart import Chart
from nnviz.charts.colors import CLASSES, NEGATIVE, POSITIVE
from nnviz.charts.theme import NO_ZOOM, layout, plot_config, theme
from nnviz.table import csv_text

Floats = npt.NDArray[np.float64]

ROW = 24
"""Height of a horizontal bar with its gap, CSS pixels."""

MOST = 256
"""Units drawn at once: more bars than that are narrower than a pixel or two."""


def bars_config(file_name: str) -> dict[str, Any]:
    return plot_config(file_name, *NO_ZOOM)


# ---------------------------------------------------------------------- probabilities


class ClassBarsInfo(NamedTuple):
    classes: tuple[str, ...]
    probabilities: Floats
    """(classes,), in [0, 1]."""
    answer: int
    """The most probable."""
    true: int | None
    chosen: int | None
    """The class whose sum is explained."""


def class_bars_info(
    classes: Sequence[str], probabilities: npt.NDArray[np.floating[Any]], true: int | None, chosen: int | None = None
) -> ClassBarsInfo:
    """Raises ValueError if the parts don't fit together or a probability is not a number."""
    if probabilities.shape != (len(classes),) or not np.isfinite(probabilities).all():
        raise ValueError(f"{len(classes)} finite probabilities are needed, not {probabilities}")
    return ClassBarsInfo(tuple(classes), probabilities.astype(np.float64), int(probabilities.argmax()), true, chosen)


def class_bars_figure(info: ClassBarsInfo, *, dark: bool) -> go.Figure:
    """One horizontal bar for each class, the true one outlined. A bar's customdata is its class."""
    colours = theme(dark)
    places = range(len(info.classes))
    names = [f"<b>{name}</b>" if place == info.answer else name for place, name in enumerate(info.classes)]
    bars = {
        "type": "bar",
        "orientation": "h",
        "x": 100 * info.probabilities,
        "y": list(places),
        "customdata": list(places),
        "marker": {
            "color": [POSITIVE if place == info.answer else colours.faint for place in places],
            "line": {"color": colours.ink, "width": [2 if place == info.true else 0 for place in places]},
        },
        "text": [f"{share:.1%}" if share >= 0.0005 else "" for share in info.probabilities],
        "textposition": "outside",
        "cliponaxis": False,
        "hovertext": [
            f"{name}: {share:.4%}{' · the true class' if place == info.true else ''}"
            for place, (name, share) in enumerate(zip(info.classes, info.probabilities, strict=True))
        ],
        "hovertemplate": "%{hovertext}<extra></extra>",
    }
    return go.Figure(
        {
            "data": [bars],
            "layout": {
                **layout(dark),
                "height": ROW * len(names) + 60,
                "margin": _margin(names),
                "bargap": 0.25,
                "uirevision": "classes",
                "xaxis": {
                    "range": [0, 116],
                    "title": {"text": "probability (%)", "standoff": 6},
                    "gridcolor": colours.grid,
                    "zeroline": False,
                    "tickvals": [0, 25, 50, 75, 100],
                    "fixedrange": True,
                },
                "yaxis": {
                    "tickvals": list(places),
                    "ticktext": names,
                    "range": [len(names) - 0.5, -0.5],
                    "fixedrange": True,
                },
            },
        }
    )


# ---------------------------------------------------------------------- contributions


class Bar(NamedTuple):
    label: str
    value: float
    note: str = ""
    """Where it comes from, for the hover: "1.20 × 0.35"."""
    minor: bool = False
    """Not one summand but the rest of them, or the bias; drawn paler."""


class ContributionsInfo(NamedTuple):
    bars: tuple[Bar, ...]
    total: float
    """Their sum."""


def contributions_info(bars: Sequence[Bar], total: float) -> ContributionsInfo:
    """Raises ValueError if a value is not a number, or they don't add up to `total` within a thousandth."""
    values = np.array([bar.value for bar in bars] + [total], np.float64)
    if not np.isfinite(values).all():
        raise ValueError("contributions must be finite")
    if abs(values[:-1].sum() - total) > 1e-3 * max(1.0, np.abs(values).max()):
        raise ValueError(f"the bars add up to {values[:-1].sum():.6g}, not to {total:.6g}")
    return ContributionsInfo(tuple(bars), total)


def contributions_figure(info: ContributionsInfo, *, dark: bool, unit: str = "part of the sum") -> go.Figure:
    """Signed horizontal bars in the order given. A bar's customdata is its place."""
    colours = theme(dark)
    values = [bar.value for bar in info.bars]
    labels = [bar.label for bar in info.bars]
    reach = max((abs(value) for value in values), default=0.0) or 1.0
    bars = {
        "type": "bar",
        "orientation": "h",
        "x": values,
        "y": list(range(len(values))),
        "customdata": list(range(len(values))),
        "marker": {
            "color": [POSITIVE if value >= 0 else NEGATIVE for value in values],
            "opacity": [0.45 if bar.minor else 1 for bar in info.bars],
        },
        "text": [f"{value:+.2f}" if reach < 1000 else f"{value:+.2g}" for value in values],
        "textposition": "outside",
        "cliponaxis": False,
        "hovertext": [f"{bar.label}: {bar.note + ' = ' if bar.note else ''}{bar.value:+.4f}" for bar in info.bars],
        "hovertemplate": "%{hovertext}<extra></extra>",
    }
    return go.Figure(
        {
            "data": [bars],
            "layout": {
                **layout(dark),
                "height": ROW * len(values) + 60,
                "margin": _margin(labels),
                "bargap": 0.25,
                "uirevision": "contributions",
                "xaxis": {
                    "range": [-1.75 * reach, 1.75 * reach],
                    "title": {"text": unit, "standoff": 6},
                    "nticks": 5,
                    "gridcolor": colours.grid,
                    "zeroline": True,
                    "zerolinecolor": colours.faint,
                    "fixedrange": True,
                },
                "yaxis": {
                    "tickvals": list(range(len(labels))),
                    "ticktext": labels,
                    "range": [len(labels) - 0.5, -0.5],
                    "fixedrange": True,
                },
            },
        }
    )


def contributions_csv(info: ContributionsInfo) -> str:
    rows = [(bar.label, bar.note, f"{bar.value:.9g}") for bar in info.bars]
    return csv_text(("from", "product", "value"), [*rows, ("sum", "", f"{info.total:.9g}")])


# ---------------------------------------------------------------------- outputs of units


class UnitBarsInfo(NamedTuple):
    units: npt.NDArray[np.int64]
    """Which are shown, ascending."""
    values: Floats
    """(shown,)."""
    total: int
    """How many there are."""


def unit_bars_info(values: npt.NDArray[np.floating[Any]], most: int = MOST) -> UnitBarsInfo:
    """One value for each unit; where there are more than `most`, those of the largest magnitude. NaN counts as 0."""
    finite = np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    shown = np.sort(np.argsort(-np.abs(finite), kind="stable")[:most])
    return UnitBarsInfo(shown.astype(np.int64), finite[shown], len(values))


def unit_bars_figure(
    info: UnitBarsInfo, *, dark: bool, unit: str = "output", source: str = "neuron", chosen: int | None = None
) -> go.Figure:
    """One vertical bar for each unit, signed. A bar's customdata is the unit."""
    colours = theme(dark)
    whole = info.total == len(info.units)
    places = info.units if whole else np.arange(len(info.units))
    bars = {
        "type": "bar",
        "x": places,
        "y": info.values,
        "customdata": info.units,
        "marker": {
            "color": [POSITIVE if value >= 0 else NEGATIVE for value in info.values],
            "line": {"color": colours.ink, "width": [2 if one == chosen else 0 for one in info.units]},
        },
        "hovertemplate": f"{source} %{{customdata}}: <b>%{{y:.4f}}</b><extra></extra>",
    }
    few = np.linspace(0, len(info.units) - 1, 7).round().astype(int) if len(info.units) else np.zeros(0, int)
    ticks: dict[str, Any] = {"tickvals": places[few], "ticktext": [str(one) for one in info.units[few]]}
    if whole:
        ticks = {"dtick": 1} if info.total <= 20 else {}
    return go.Figure(
        {
            "data": [bars],
            "layout": {
                **layout(dark),
                "height": 170,
                "margin": {"l": 62, "r": 12, "t": 8, "b": 42},
                "bargap": 0.15 if len(info.units) <= 64 else 0,
                "uirevision": "units",
                "xaxis": {
                    "title": {"text": source, "standoff": 4},
                    "gridcolor": colours.grid,
                    "zeroline": False,
                    "range": [-0.6, (info.total if whole else len(info.units)) - 0.4],
                    "fixedrange": True,
                    **ticks,
                },
                "yaxis": {
                    "title": {"text": unit, "standoff": 6},
                    "gridcolor": colours.grid,
                    "zeroline": True,
                    "zerolinecolor": colours.faint,
                    "fixedrange": True,
                    "nticks": 5,
                },
            },
        }
    )


# ---------------------------------------------------------------------- a unit by digit

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
"""What a box is drawn of: whisker, end, line, end, whisker."""


class ClassBoxesInfo(NamedTuple):
    """One number per image, by the image's class; NaN for a class without images."""

    classes: tuple[str, ...]
    quantiles: Floats
    """(classes, 5), at QUANTILES."""
    mean: Floats
    """(classes,)."""
    zero: Floats
    """Share of the values that are 0, in [0, 1], (classes,)."""
    counts: npt.NDArray[np.int64]
    """How many images, (classes,)."""


def class_boxes_info(
    classes: Sequence[str], values: npt.NDArray[np.floating[Any]], labels: npt.NDArray[np.integer[Any]]
) -> ClassBoxesInfo:
    """Of one value and the class of each of n images. Raises ValueError if the parts don't fit together."""
    if values.shape != labels.shape or values.ndim != 1:
        raise ValueError(f"each image needs one value and one class, not {values.shape} and {labels.shape}")
    by_class = [values[labels == place].astype(np.float64) for place in range(len(classes))]
    empty = np.full(len(QUANTILES), np.nan)
    return ClassBoxesInfo(
        tuple(classes),
        np.stack([np.quantile(one, QUANTILES) if one.size else empty for one in by_class]),
        np.array([one.mean() if one.size else np.nan for one in by_class]),
        np.array([(one == 0).mean() if one.size else np.nan for one in by_class]),
        np.array([one.size for one in by_class], np.int64),
    )


def class_boxes_figure(info: ClassBoxesInfo, *, dark: bool, unit: str = "output") -> go.Figure:
    """A box for each class that has images: the middle half of its values; whiskers from 5 to 95 %."""
    colours = theme(dark)
    boxes = [
        {
            "type": "box",
            "x": [place],
            "lowerfence": [low],
            "q1": [q1],
            "median": [median],
            "q3": [q3],
            "upperfence": [high],
            "name": name,
            "showlegend": False,
            "width": 0.6,
            "hoverinfo": "y",
            "fillcolor": CLASSES[place % len(CLASSES)],
            "line": {"color": colours.ink, "width": 1.2},
        }
        for place, (name, (low, q1, median, q3, high)) in enumerate(
            zip(info.classes, info.quantiles.tolist(), strict=True)
        )
        if info.counts[place]
    ]
    means = {
        "type": "scatter",
        "mode": "markers",
        "x": list(range(len(info.classes))),
        "y": info.mean,
        "showlegend": False,
        "marker": {
            "symbol": "diamond",
            "size": 8,
            "color": colours.paper,
            "line": {"color": colours.ink, "width": 1.5},
        },
        "text": info.classes,
        "customdata": 100 * info.zero,
        "hovertemplate": "%{text}: mean <b>%{y:.4f}</b>, 0 for %{customdata:.1f} % of its images<extra></extra>",
    }
    return go.Figure(
        {
            "data": [*boxes, means],
            "layout": {
                **layout(dark),
                "height": 260,
                "margin": {"l": 62, "r": 12, "t": 12, "b": 42},
                "uirevision": "boxes",
                "xaxis": {
                    "tickvals": list(range(len(info.classes))),
                    "ticktext": info.classes,
                    "fixedrange": True,
                    "range": [-0.6, len(info.classes) - 0.4],
                    "showgrid": False,
                    "zeroline": False,
                    "title": {"text": "class", "standoff": 4},
                },
                "yaxis": {
                    "title": {"text": unit, "standoff": 6},
                    "gridcolor": colours.grid,
                    "zeroline": True,
                    "zerolinecolor": colours.faint,
                    "fixedrange": True,
                    "nticks": 6,
                },
            },
        }
    )


def class_boxes_csv(info: ClassBoxesInfo) -> str:
    head = ("class", "images", "mean", "share of 0", *(f"{100 * share:.0f} % quantile" for share in QUANTILES))
    rows = [
        (name, str(count), *("" if value != value else f"{value:.9g}" for value in (mean, zero, *quantiles)))
        for name, count, mean, zero, quantiles in zip(
            info.classes,
            info.counts.tolist(),
            info.mean.tolist(),
            info.zero.tolist(),
            info.quantiles.tolist(),
            strict=True,
        )
    ]
    return csv_text(head, rows)


def _margin(labels: Sequence[str]) -> dict[str, int]:
    """Room on the left for the longest label."""
    longest = max((len(label.removeprefix("<b>").removesuffix("</b>")) for label in labels), default=0)
    return {"l": 18 + 7 * max(2, longest), "r": 20, "t": 8, "b": 46}


_DIGITS = tuple("0123456789")


def _example_classes(dark: bool) -> go.Figure:
    shares = np.array([0.01, 0.0, 0.02, 0.05, 0.0, 0.8, 0.03, 0.04, 0.03, 0.02])
    return class_bars_figure(class_bars_info(_DIGITS, shares, 5), dark=dark)


def _example_contributions(dark: bool) -> go.Figure:
    values = (2.0, 1.2, -0.7, 0.3)
    bars = [Bar(f"neuron {number}", value, "") for number, value in enumerate(values)]
    return contributions_figure(contributions_info(bars, sum(values)), dark=dark)


def _example_units(dark: bool) -> go.Figure:
    return unit_bars_figure(unit_bars_info(np.sin(np.arange(40.0))), dark=dark)


def _example_boxes(dark: bool) -> go.Figure:
    labels = np.arange(500) % 10
    return class_boxes_figure(class_boxes_info(_DIGITS, np.cos(labels) + np.arange(500) % 7 / 5, labels), dark=dark)


PROBABILITIES = Chart("probabilities", "Predicted probabilities", _example_classes, rank=50)
CONTRIBUTIONS = Chart("contributions", "Logit contributions", _example_contributions, rank=51)
UNITS = Chart("units", "The outputs of a layer's units", _example_units, rank=52)
BOXES = Chart("boxes", "A unit's output by class", _example_boxes, rank=53)
