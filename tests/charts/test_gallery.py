"""What every chart must do; a new one is tested by being there."""

from __future__ import annotations

import json
import re
from html import escape
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import pytest

import nnviz.charts
from nnviz.charts.gallery import CHARTS, write_gallery
from nnviz.charts.theme import theme

every_chart = pytest.mark.parametrize("name", CHARTS)


def words(figure: go.Figure) -> list[str]:
    """All that is written in it."""

    def of(value: Any) -> list[str]:
        if isinstance(value, dict):
            return [text for one in value.values() for text in of(one)]
        if isinstance(value, list):
            return [text for one in value for text in of(one)]
        return [value] if isinstance(value, str) else []

    return of(json.loads(figure.to_json()))


def test_every_module_that_draws_is_listed() -> None:
    drawing = [
        path.stem
        for path in Path(nnviz.charts.__path__[0]).glob("*.py")
        if "_figure(" in path.read_text(encoding="utf-8") and path.stem != "gallery"
    ]
    listed = {chart.example.__module__.rpartition(".")[2] for chart in CHARTS.values()}
    assert listed == set(drawing)


@every_chart
def test_a_chart_is_drawn_light_and_dark_and_says_no_nan(name: str) -> None:
    chart = CHARTS[name]
    light, dark = chart.example(False), chart.example(True)
    assert light.data
    assert light.to_json() != dark.to_json()
    for figure in (light, dark):
        written = words(figure)
        assert not [text for text in written if text.strip() in ("nan", "NaN", "None", "undefined")]
        assert any(theme(figure is dark).ink in text for text in written)


def _along(trace: Any, letter: str) -> Any:
    found = trace[letter] if letter in trace else None  # noqa: SIM401  # a plotly trace has no get
    return () if found is None else found


@every_chart
@pytest.mark.parametrize("letter", ["x", "y"])
def test_an_axis_with_numbers_says_what_they_are(name: str, letter: str) -> None:
    """Panels side by side may share one title."""
    figure = CHARTS[name].example(False)
    axes = [axis for key, axis in figure.layout.to_plotly_json().items() if re.fullmatch(f"{letter}axis[0-9]*", key)]
    shown = [axis for axis in axes if axis.get("visible", True) and axis.get("showticklabels", True)]
    named = any(isinstance(value, str) for trace in figure.data for value in list(_along(trace, letter))[:1])
    titled = any((axis.get("title") or {}).get("text") or axis.get("ticktext") for axis in shown)
    assert not shown or named or titled


@every_chart
def test_nothing_is_written_into_the_page_as_markup(name: str) -> None:
    assert "<script" not in CHARTS[name].example(False).to_json()


def test_the_gallery_needs_no_network(tmp_path: Path) -> None:
    write_gallery(tmp_path / "all.html")
    text = (tmp_path / "all.html").read_text(encoding="utf-8")
    assert all(escape(chart.title) in text for chart in CHARTS.values())
    assert '<script src="http' not in text
