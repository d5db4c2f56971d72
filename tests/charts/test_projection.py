"""The map of images: the numbers, and that each image is drawn once, where and as it should be."""

from __future__ import annotations

import csv
import io
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from nnviz.charts.colors import CLASSES
from nnviz.charts.projection import ProjectionInfo, projection_csv, projection_figure, projection_info

POINTS = np.array([[0.0, 0], [2, 2], [4, 4], [9, 1], [8, 3]])
LABELS, ANSWERS = np.array([0, 0, 0, 2, 2]), np.array([0, 1, 0, 2, 0])


@pytest.fixture
def info() -> ProjectionInfo:
    return projection_info(POINTS, LABELS, ANSWERS, ("a", "b", "c"), ("first", "second"))


def drawn(figure: go.Figure) -> dict[int, tuple[float, float, str, str]]:
    """Place, symbol and colour of each image."""
    found: dict[int, tuple[float, float, str, str]] = {}
    for trace in figure.data:
        for x, y, index in zip(
            trace.x, trace.y, trace.customdata if trace.customdata is not None else (), strict=False
        ):
            assert index not in found
            found[int(index)] = (x, y, trace.marker.symbol or "circle", trace.marker.color)
    return found


def test_a_class_has_its_name_at_the_median_of_its_images(info: ProjectionInfo) -> None:
    np.testing.assert_array_equal(info.centres, [[2, 2], [np.nan, np.nan], [8.5, 2]])
    names = projection_figure(info, dark=False).layout.annotations
    assert [(name.text, name.x, name.y) for name in names] == [("<b>a</b>", 2, 2), ("<b>c</b>", 8.5, 2)]


def test_every_image_is_drawn_once_and_the_wrong_ones_with_a_cross(info: ProjectionInfo) -> None:
    assert drawn(projection_figure(info, dark=True)) == {
        0: (0, 0, "circle", CLASSES[0]),
        1: (2, 2, "x", CLASSES[0]),
        2: (4, 4, "circle", CLASSES[0]),
        3: (9, 1, "circle", CLASSES[2]),
        4: (8, 3, "x", CLASSES[2]),
    }


def test_the_legend_names_every_class_once(info: ProjectionInfo) -> None:
    figure = projection_figure(info, dark=False)
    assert [trace.name for trace in figure.data if trace.showlegend] == ["a", "b", "c"]
    assert all(trace.legendgroup == trace.name for trace in figure.data)


def test_hover_tells_number_class_and_answer(info: ProjectionInfo) -> None:
    texts = [text for trace in projection_figure(info, dark=False).data for text in trace.hovertext or ()]
    assert sorted(texts)[:2] == ["test image 0: <b>a</b>", "test image 1: <b>a</b>, taken for <b>b</b>"]


@pytest.mark.parametrize(("chosen", "ring"), [(3, [(9, 1)]), (None, []), (77, [])])
def test_the_chosen_image_has_a_ring(info: ProjectionInfo, chosen: int | None, ring: list[Any]) -> None:
    figure = projection_figure(info, chosen=chosen, dark=False)
    found = [(t.x[0], t.y[0]) for t in figure.data if t.marker.symbol == "circle-open"]
    assert found == ring


def test_axes_without_a_meaning_have_no_numbers(info: ProjectionInfo) -> None:
    layout = projection_figure(info, dark=False).layout
    assert (layout.xaxis.title.text, layout.xaxis.showticklabels, layout.yaxis.scaleanchor) == ("first", True, "x")
    layout = projection_figure(info._replace(axes=("", "")), dark=False).layout
    assert not layout.xaxis.showticklabels
    assert not layout.yaxis.showticklabels


def test_parts_must_fit_together() -> None:
    with pytest.raises(ValueError, match=r"points \(5, 2\), labels \(4,\)"):
        projection_info(POINTS, LABELS[:4], ANSWERS[:4], ("a", "b", "c"))


def test_csv_has_a_line_per_image(info: ProjectionInfo) -> None:
    header, *rows = csv.reader(io.StringIO(projection_csv(info)))
    assert header == ["index", "x", "y", "true", "answer"]
    assert rows[4] == ["4", "8", "3", "c", "a"]
    assert len(rows) == 5


def test_there_is_a_colour_for_each_class() -> None:
    assert len(set(CLASSES)) == 10
