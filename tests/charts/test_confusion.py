"""The confusion matrix counts what was answered, and colours errors so that they can be seen."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from sklearn.metrics import confusion_matrix

from nnviz.charts.confusion import (
    ConfusionInfo,
    accuracy_floor,
    class_accuracy_figure,
    confusion_change_figure,
    confusion_figure,
    confusion_info,
    worst_share,
)
from nnviz.train.evaluation import Evaluation

DIGITS = tuple("0123456789")


def _info(evaluation: Evaluation, classes: Sequence[str]) -> ConfusionInfo:
    return confusion_info(evaluation.confusion().numpy(), classes)


def evaluation_of(labels: list[int], answers: list[int], classes: int = 3) -> Evaluation:
    probabilities = torch.full((len(labels), classes), 0.1)
    probabilities[torch.arange(len(labels)), torch.tensor(answers, dtype=torch.int64)] = 0.8
    return Evaluation(probabilities, torch.tensor(labels, dtype=torch.int64))


@pytest.fixture
def small() -> Evaluation:
    return evaluation_of([0, 0, 0, 0, 1, 1], [0, 0, 0, 1, 2, 1])


def test_counts_and_shares(small: Evaluation) -> None:
    info = _info(small, ("a", "b", "c"))
    np.testing.assert_array_equal(info.counts, [[3, 1, 0], [0, 1, 1], [0, 0, 0]])
    np.testing.assert_allclose(info.shares, [[0.75, 0.25, 0], [0, 0.5, 0.5], [np.nan] * 3])
    np.testing.assert_allclose(info.class_accuracy, [0.75, 0.5, np.nan])
    assert (info.right, info.total) == (4, 6)
    assert info.accuracy == pytest.approx(4 / 6)


def test_counts_are_scikit_learns() -> None:
    source = np.random.default_rng(0)
    labels, answers = source.integers(0, 10, (2, 3000)).tolist()
    info = _info(evaluation_of(labels, answers, 10), DIGITS)
    np.testing.assert_array_equal(info.counts, confusion_matrix(labels, answers))


@pytest.mark.parametrize("dark", [False, True])
def test_an_error_is_seen_beside_a_full_diagonal(dark: bool) -> None:
    labels = [k % 10 for k in range(10_000)]
    answers = [4 if k == 9 else label for k, label in enumerate(labels)]
    figure = confusion_figure(_info(evaluation_of(labels, answers, 10), DIGITS), dark=dark)
    right, errors = figure.data
    assert np.isnan(np.diag(errors.z)).all()
    assert np.isfinite(np.diag(right.z)).all()
    assert errors.z[9, 4] > 0.2  # one of 1,000, of a colour scale that ends at 1
    assert errors.text[9][4] == "1"
    assert errors.text[0][1] == ""
    assert list(errors.customdata[9][4]) == [9, 4]
    assert "taken for" in errors.hovertext[9][4]


def test_true_class_0_is_on_top_and_the_chosen_cell_outlined(small: Evaluation) -> None:
    layout = confusion_figure(_info(small, ("a", "b", "c")), chosen=(0, 1), dark=False).layout
    assert tuple(layout.yaxis.range) == (2.5, -0.5)
    assert layout.yaxis.title.text == "true class"
    assert layout.xaxis.title.text == "predicted class"
    box = layout.shapes[0]
    assert (box.x0, box.x1, box.y0, box.y1) == (0.5, 1.5, -0.5, 0.5)


def test_class_accuracy_is_sorted_and_written_at_the_bars(small: Evaluation) -> None:
    figure = class_accuracy_figure(_info(small, ("a", "b", "c")), dark=True)
    bars = figure.data[0]
    np.testing.assert_allclose(bars.x, [50, 75])  # the class without images has no bar
    assert bars.base == 0
    assert bars.text == ("50.0 %", "75.0 %")
    assert figure.layout.yaxis.ticktext == ("b", "a")


def test_bars_end_at_their_value_when_the_axis_starts_higher() -> None:
    labels = [k % 3 for k in range(300)]
    figure = class_accuracy_figure(_info(evaluation_of(labels, [1, *labels[1:]]), ("a", "b", "c")), dark=False)
    bars = figure.data[0]
    assert bars.base == figure.layout.xaxis.range[0] == 95
    np.testing.assert_allclose(bars.base + bars.x, [99, 100, 100])


@pytest.mark.parametrize(
    ("lowest", "floor"), [(99.5, 95), (96.0, 95), (93.0, 90), (84.0, 80), (82.9, 50), (60.0, 50), (55.0, 0), (0.0, 0)]
)
def test_the_axis_starts_where_the_shortest_bar_can_still_be_seen(lowest: float, floor: int) -> None:
    assert accuracy_floor(np.array([lowest, 99.9, np.nan])) == floor


def test_nothing_at_all() -> None:
    info = _info(evaluation_of([], []), ("a", "b", "c"))
    assert np.isnan(info.accuracy)
    confusion_figure(info, dark=False)
    class_accuracy_figure(info, dark=False)


def test_two_matrices_can_have_one_scale(small: Evaluation) -> None:
    classes = ("a", "b", "c")
    mild, bad = _info(small, classes), _info(evaluation_of([0, 0, 1, 1], [1, 1, 1, 1]), classes)
    worst = worst_share(mild, bad)
    assert (worst_share(mild), worst) == (0.5, 1.0)
    errors = confusion_figure(mild, worst=worst, dark=False).data[1]
    assert errors.z[1, 2] == pytest.approx(np.sqrt(0.5))
    assert confusion_figure(mild, dark=False).data[1].z[1, 2] == 1


def test_a_change_is_blue_where_the_second_does_better(small: Evaluation) -> None:
    classes = ("a", "b", "c")
    second = evaluation_of([0, 0, 0, 0, 1, 1], [0, 0, 0, 0, 2, 2])
    (heat,) = confusion_change_figure(_info(small, classes), _info(second, classes), dark=False).data
    np.testing.assert_array_equal(heat.z, [[1, 1, 0], [0, -1, -1], [0, 0, 0]])
    assert (heat.zmin, heat.zmax) == (-1, 1)
    assert [list(row) for row in heat.text] == [["+1", "−1", ""], ["", "−1", "+1"], ["", "", ""]]
