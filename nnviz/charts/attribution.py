"""What each pixel of a digit adds to one class: the digit, and signed values over its outline."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from nnviz.charts.chart import Chart
from nnviz.charts.colors import DIVERGING
from nnviz.charts.theme import LIGHT, NO_ZOOM, layout, plot_config, theme

Floats = npt.NDArray[np.floating[Any]]

WIDTH = 300
"""CSS pixels for which the height is made; in less room the picture is smaller."""

SIDE, TOP, FOOT = 20, 8, 58
"""Room around the picture, CSS pixels; below it stands the scale."""

EDGE = 0.4
"""The outline runs where there is so much ink."""


class AttributionInfo(NamedTuple):
    ink: Floats
    """In [0, 1], (height, width)."""
    values: Floats | None
    """Signed, of the same shape; None: the digit alone."""
    limit: float
    """The value at the ends of the colour scale; 0 if there is nothing but zeros."""
    unit: str


def attribution_info(
    pixels: npt.NDArray[np.uint8], values: Floats | None = None, *, limit: float | None = None, unit: str = ""
) -> AttributionInfo:
    """Of an image, uint8 (height, width), 255 = ink. Without a `limit`, the largest magnitude is that.

    Raises ValueError if the values are of another shape.
    """
    if values is not None and values.shape != pixels.shape:
        raise ValueError(f"the values must be {pixels.shape}, as the image is, not {values.shape}")
    if limit is None:
        limit = 0.0 if values is None else float(np.abs(values).max(initial=0.0))
    return AttributionInfo(pixels / 255, values, limit, unit)


def attribution_config(file_name: str) -> dict[str, Any]:
    return plot_config(file_name, *NO_ZOOM)


def attribution_figure(info: AttributionInfo, *, dark: bool) -> go.Figure:
    """The values, and on them the outline of the digit; without values, the digit itself."""
    colours = theme(dark)
    height, width = info.ink.shape
    shared: dict[str, Any] = {
        "type": "heatmap",
        "hovertext": _in_words(info),
        "hovertemplate": "%{hovertext}<extra></extra>",
    }
    if info.values is None:
        traces = [
            {
                **shared,
                "z": info.ink,
                "zmin": 0,
                "zmax": 1,
                "showscale": False,
                "colorscale": [[0, colours.paper], [1, colours.ink]],
            }
        ]
    else:
        end = info.limit or 1.0
        bar = {
            "orientation": "h",
            "x": 0.5,
            "xanchor": "center",
            "len": 1,
            "y": 0,
            "yanchor": "top",
            "ypad": 8,
            "thickness": 10,
            "outlinewidth": 0,
            "tickmode": "array",
            "tickvals": [-end, 0, end],
            "ticktext": [f"−{info.limit:.2g}", "0", f"+{info.limit:.2g}"] if info.limit else ["", "0", ""],
            "ticklabelposition": "outside",
            "tickfont": {"size": 12},
            "title": {"text": info.unit, "side": "bottom", "font": {"size": 12, "color": colours.faint}},
        }
        outline = {
            "type": "contour",
            "z": info.ink,
            "autocontour": False,
            "hoverinfo": "skip",
            "showscale": False,
            "contours": {"start": EDGE, "end": EDGE, "size": 1, "coloring": "none"},
            # On the pale middle of the scale, which is the same on a dark page.
            "line": {"color": LIGHT.ink, "width": 1.3},
            "opacity": 0.75,
        }
        traces = [
            {**shared, "z": info.values, "zmin": -end, "zmax": end, "colorscale": DIVERGING, "colorbar": bar},
            outline,
        ]
    axis = {"visible": False, "fixedrange": True}
    frame = {
        "type": "rect",
        "x0": -0.5,
        "x1": width - 0.5,
        "y0": -0.5,
        "y1": height - 0.5,
        "line": {"color": colours.grid, "width": 1},
    }
    return go.Figure(
        {
            "data": traces,
            "layout": {
                **layout(dark),
                "height": TOP + WIDTH - 2 * SIDE + FOOT,
                "margin": {"l": SIDE, "r": SIDE, "t": TOP, "b": FOOT},
                "dragmode": False,
                "hovermode": "closest",
                "shapes": [frame],
                "xaxis": {**axis, "range": [-0.5, width - 0.5], "constrain": "domain"},
                "yaxis": {
                    **axis,
                    "range": [height - 0.5, -0.5],
                    "scaleanchor": "x",
                    "constrain": "domain",
                    "constraintoward": "top",
                },
            },
        }
    )


def attribution_csv(info: AttributionInfo) -> str:
    """One line per pixel: row, column, ink in [0, 1], value."""
    lines = [f"row,column,ink (0 to 1),{info.unit or 'value'}"]
    values = np.zeros_like(info.ink) if info.values is None else info.values
    for (row, column), ink in np.ndenumerate(info.ink):
        lines.append(f"{row},{column},{ink:.6g},{values[row, column]:.9g}")
    return "\n".join(lines) + "\n"


def _in_words(info: AttributionInfo) -> list[list[str]]:
    height, width = info.ink.shape
    return [
        [
            f"row {row}, column {column}<br>ink {info.ink[row, column]:.2f}"
            + ("" if info.values is None else f"<br><b>{info.values[row, column]:+.6f}</b>")
            for column in range(width)
        ]
        for row in range(height)
    ]


def _example(dark: bool) -> go.Figure:
    rows, columns = np.mgrid[:28, :28]
    ink = (255 * np.exp(-((columns - 14) ** 2) / 12)).astype(np.uint8)
    return attribution_figure(attribution_info(ink, np.sin(rows / 4) * ink / 255, unit="logits"), dark=dark)


CHART = Chart("attribution", "Saliency: what each pixel adds to a class", _example, rank=60)
