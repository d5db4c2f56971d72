"""A matrix of signed values: a heat map centred on zero."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from nnviz.charts.chart import Chart
from nnviz.charts.colors import DIVERGING
from nnviz.charts.theme import layout, plot_config, theme
from nnviz.table import csv_text

Floats = npt.NDArray[np.float32]

MAX_CELLS = 120_000
"""Cells of one picture; a larger matrix is drawn in blocks. 784 × 128 is within it."""

CELL_HEIGHT = 3.2
"""CSS pixels that a row has, where there are many."""


def matrix_config(file_name: str) -> dict[str, Any]:
    return plot_config(file_name)


class MatrixInfo(NamedTuple):
    """What is drawn: one value per block of `block` = (rows, columns) values, (blocks down, blocks across)."""

    values: Floats
    block: tuple[int, int]
    shape: tuple[int, int]
    """Of the whole matrix."""
    limit: float
    """The value at the ends of the colour scale; 0 if all values are 0."""
    rows: str
    columns: str
    """What a row and a column are: "neuron", "input"."""

    @property
    def caption(self) -> str:
        """In words: what a cell is."""
        down, across = self.shape
        words = f"{down:,} {self.rows}s × {across:,} {self.columns}s."
        if self.block == (1, 1):
            return words
        return (
            f"{words} Each cell is the mean of {self.block[0]}×{self.block[1]} values: there are too many to draw all."
        )


def matrix_info(
    values: npt.NDArray[np.floating[Any]],
    *,
    limit: float | None = None,
    max_cells: int = MAX_CELLS,
    rows: str = "neuron",
    columns: str = "input",
) -> MatrixInfo:
    """Of `values` (rows, columns). Without a `limit` the largest magnitude drawn is at the ends of the scale.

    Values that are not finite count as 0. Raises ValueError if it is no matrix.
    """
    if values.ndim != 2 or not values.size:
        raise ValueError(f"a matrix has rows and columns, not the shape {values.shape}")
    finite = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    drawn, block = _in_blocks(finite, max_cells)
    if limit is None:
        limit = float(np.abs(drawn).max())
    return MatrixInfo(drawn, block, values.shape, limit, rows, columns)


def matrix_figure(info: MatrixInfo, *, dark: bool, title: str = "") -> go.Figure:
    """Row 0 on top. A click on a cell gives [row, column] of its first value, an index into the whole matrix."""
    colours = theme(dark)
    down, across = info.values.shape
    end = info.limit or 1.0
    y, x = np.arange(down) * info.block[0], np.arange(across) * info.block[1]
    hover = f"{info.rows} %{{y}}, {info.columns} %{{x}}"
    if info.block != (1, 1):
        hover = f"from {hover} on, mean of {info.block[0]}×{info.block[1]} values"
    return go.Figure(
        {
            "data": [
                {
                    "type": "heatmap",
                    "z": info.values,
                    "x": x,
                    "y": y,
                    "zmin": -end,
                    "zmax": end,
                    "colorscale": DIVERGING,
                    "hoverongaps": False,
                    "meta": "cell",  # its place is what a click tells: a name for each of 100,000 cells would be heavy
                    "hovertemplate": f"{hover}<br><b>%{{z:+.6~g}}</b><extra></extra>",
                    "colorbar": {
                        "thickness": 10,
                        "outlinewidth": 0,
                        "tickmode": "array",
                        "tickvals": [-end, 0, end],
                        "ticktext": [f"−{info.limit:.2g}", "0", f"+{info.limit:.2g}"] if info.limit else ["", "0", ""],
                        "tickfont": {"size": 12},
                        "xpad": 6,
                    },
                }
            ],
            "layout": {
                **layout(dark),
                "height": int(min(640, max(150, CELL_HEIGHT * down, 26 * min(down, 12))) + (86 if title else 60)),
                "margin": {"l": 60, "r": 8, "t": 34 if title else 8, "b": 46},
                "title": {"text": title, "font": {"size": 14}, "x": 0, "xref": "paper", "y": 0.98} if title else None,
                "hovermode": "closest",
                "dragmode": "zoom",
                "uirevision": f"{info.shape}",
                "xaxis": {
                    "title": {"text": info.columns, "standoff": 6},
                    "showgrid": False,
                    "zeroline": False,
                    "nticks": 12,
                    "color": colours.ink,
                    "tickformat": "d",
                },
                "yaxis": {
                    "title": {"text": info.rows, "standoff": 6},
                    "autorange": "reversed",
                    "showgrid": False,
                    "zeroline": False,
                    "nticks": 10,
                    "color": colours.ink,
                    "tickformat": "d",
                },
            },
        }
    )


def matrix_csv(values: npt.NDArray[np.floating[Any]], *, rows: str = "neuron", columns: str = "input") -> str:
    """The whole matrix: a line per row, after a line of column numbers."""
    return csv_text(
        (f"{rows} \\ {columns}", *range(values.shape[1])),
        ((number, *(f"{value:.9g}" for value in row)) for number, row in enumerate(values.tolist())),
    )


def _in_blocks(values: npt.NDArray[np.floating[Any]], most: int) -> tuple[Floats, tuple[int, int]]:
    """Means over blocks, so that at most `most` are left; blocks at the far edges may be smaller."""
    down, across = values.shape
    high = wide = 1
    while -(-down // high) * -(-across // wide) > most:  # the side that has more is made coarser
        if across / wide >= down / high:
            wide += 1
        else:
            high += 1
    tops, lefts = np.arange(0, down, high), np.arange(0, across, wide)
    sums = np.add.reduceat(np.add.reduceat(values.astype(np.float64), tops, 0), lefts, 1)
    sizes = np.outer(np.diff(np.append(tops, down)), np.diff(np.append(lefts, across)))
    return (sums / sizes).astype(np.float32), (high, wide)


def _example(dark: bool) -> go.Figure:
    return matrix_figure(matrix_info(np.sin(np.arange(10)[:, None] * np.arange(1, 33) / 9)), dark=dark, title="W")


CHART = Chart("matrix", "A weight matrix", _example, rank=70)
