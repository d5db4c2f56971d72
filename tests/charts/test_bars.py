"""Bars: the numbers exactly, the figures for what a person reads off them."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest

from nnviz.charts.bars import (
    Bar,
    class_bars_figure,
    class_bars_info,
    class_boxes_csv,
    class_boxes_figure,
    class_boxes_info,
    contributions_csv,
    contributions_figure,
    contributions_info,
    unit_bars_figure,
    unit_bars_info,
)
from nnviz.charts.colors import NEGATIVE, POSITIVE

BARS = (Bar("neuron 3", 1.5, "3 × 0.5"), Bar("neuron 1", -0.5, "1 × -0.5"), Bar("bias", 0.25, minor=True))


@pytest.mark.parametrize("dark", [False, True])
def test_the_true_class_is_outlined_and_the_answer_coloured(dark: bool) -> None:
    info = class_bars_info(("a", "b", "c"), np.array([0.2, 0.7, 0.1], np.float32), true=2)
    assert (info.answer, info.true) == (1, 2)
    bar = class_bars_figure(info, dark=dark).data[0]
    assert list(bar.marker.line.width) == [0, 0, 2]
    assert [place for place, colour in enumerate(bar.marker.color) if colour == POSITIVE] == [1]
    np.testing.assert_allclose(bar.x, [20, 70, 10], atol=1e-4)
    assert list(bar.customdata) == [0, 1, 2]


def test_of_a_drawing_no_class_is_outlined() -> None:
    info = class_bars_info(("a", "b"), np.array([0.2, 0.8]), true=None)
    assert list(class_bars_figure(info, dark=False).data[0].marker.line.width) == [0, 0]


@pytest.mark.parametrize("shares", [[0.5], [0.5, float("nan")]])
def test_probabilities_that_are_none_are_refused(shares: list[float]) -> None:
    with pytest.raises(ValueError, match="2 finite probabilities"):
        class_bars_info(("a", "b"), np.array(shares), true=None)


def test_contributions_have_the_colour_of_their_sign() -> None:
    info = contributions_info(BARS, 1.25)
    figure = contributions_figure(info, dark=False)
    bar = figure.data[0]
    assert list(bar.marker.color) == [POSITIVE, NEGATIVE, POSITIVE]
    assert list(bar.marker.opacity) == [1, 1, 0.45]
    low, high = figure.layout.xaxis.range
    assert low == -high  # zero is in the middle
    assert bar.hovertext[0] == "neuron 3: 3 × 0.5 = +1.5000"
    assert list(csv.reader(io.StringIO(contributions_csv(info))))[1:] == [
        ["neuron 3", "3 × 0.5", "1.5"],
        ["neuron 1", "1 × -0.5", "-0.5"],
        ["bias", "", "0.25"],
        ["sum", "", "1.25"],
    ]


def test_contributions_must_add_up() -> None:
    with pytest.raises(ValueError, match=r"add up to 1.25, not to 2"):
        contributions_info(BARS, 2.0)
    with pytest.raises(ValueError, match="finite"):
        contributions_info((Bar("x", float("inf")),), float("inf"))


def test_contributions_that_are_all_0_can_be_drawn() -> None:
    figure = contributions_figure(contributions_info((Bar("bias", 0.0),), 0.0), dark=True)
    assert figure.layout.xaxis.range[1] > 0


def test_of_many_units_the_strongest_are_shown_in_their_order() -> None:
    values = np.array([0.0, -3.0, 1.0, 2.0, float("nan")])
    assert unit_bars_info(values).units.tolist() == [0, 1, 2, 3, 4]
    info = unit_bars_info(values, most=2)
    assert (info.units.tolist(), info.values.tolist(), info.total) == ([1, 3], [-3.0, 2.0], 5)
    figure = unit_bars_figure(info, dark=False, chosen=3)
    assert list(figure.data[0].customdata) == [1, 3]
    assert list(figure.data[0].marker.color) == [NEGATIVE, POSITIVE]
    assert list(figure.data[0].marker.line.width) == [0, 2]
    assert set(figure.layout.xaxis.ticktext) == {"1", "3"}


def test_a_unit_by_class() -> None:
    values, labels = np.array([4.0, 0.0, 1.0, 7.0, 3.0, 0.0]), np.array([0, 0, 0, 2, 0, 0])
    info = class_boxes_info(("a", "b", "c"), values, labels)
    np.testing.assert_allclose(info.quantiles[0], np.percentile([0, 0, 1, 3, 4], [5, 25, 50, 75, 95]))
    np.testing.assert_allclose(info.quantiles[2], 7)
    assert (info.mean[0], info.zero[0], info.counts.tolist()) == (pytest.approx(1.6), 0.4, [5, 0, 1])
    assert np.isnan(info.quantiles[1]).all()
    figure = class_boxes_figure(info, dark=False)
    assert [(box.name, box.x[0], box.median[0]) for box in figure.data[:-1]] == [("a", 0, 1.0), ("c", 2, 7.0)]
    assert list(figure.layout.xaxis.ticktext) == ["a", "b", "c"]
    rows = list(csv.reader(io.StringIO(class_boxes_csv(info))))
    assert rows[0][4:6] == ["5 % quantile", "25 % quantile"]
    assert rows[1][:4] == ["a", "5", "1.6", "0.4"]
    assert rows[2] == ["b", "0", *[""] * 7]
    with pytest.raises(ValueError, match="one value and one class"):
        class_boxes_info(("a", "b"), np.ones(3), np.ones(2, np.int64))
