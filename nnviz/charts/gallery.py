"""All charts, with made-up numbers: `python -m nnviz.charts.gallery FILE.html` writes a page to look at.

Every module of this package may hold some; adding a chart is adding a file.
"""

from __future__ import annotations

import sys
from html import escape
from pathlib import Path

import nnviz.charts
from nnviz.charts.chart import Chart
from nnviz.charts.theme import theme
from nnviz.registry import registry

CHARTS = registry("nnviz.charts", list(nnviz.charts.__path__), Chart)
"""Name → chart."""


def write_gallery(path: Path) -> None:
    """Every chart, light and dark, as one page that needs no network. Raises OSError."""
    parts = ["<!doctype html><meta charset=utf-8><title>nnviz: all charts</title>"]
    for number, chart in enumerate(CHARTS.values()):
        parts.append(f"<h2>{escape(chart.title)}</h2><div style='display:grid;grid-template-columns:1fr 1fr'>")
        for dark in (False, True):
            drawn = chart.example(dark).to_html(full_html=False, include_plotlyjs=not (number or dark))
            parts.append(f"<div style='background:{theme(dark).paper}'>{drawn}</div>")
        parts.append("</div>")
    path.write_text("\n".join(parts), encoding="utf-8")


if __name__ == "__main__":
    write_gallery(Path(sys.argv[1]))
