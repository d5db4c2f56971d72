"""What a network said of an image all through its training: the numbers exactly, the drawing by its parts."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest

from nnviz.charts.history import HistoryInfo, history_csv, history_figure, history_info

STEPS = np.array([0, 1, 9, 99])
SHARES = np.array([[0.3, 0.4, 0.3], [0.2, 0.5, 0.3], [0.7, 0.29, 0.01], [0.98, 0.015, 0.005]], np.float32)


@pytest.fixture
def info() -> HistoryInfo:
    return history_info(STEPS, SHARES, ("a", "b", "c"), 0)


def test_a_line_for_each_class_in_per_cent(info: HistoryInfo) -> None:
    figure = history_figure(info, dark=False)
    assert [trace.name for trace in figure.data] == ["a", "b", "c"]
    for trace, shares in zip(figure.data, SHARES.T, strict=True):
        assert trace.y == pytest.approx(100 * shares)
        assert list(trace.x) == list(trace.customdata) == [0, 1, 9, 99]
    assert figure.data[0].line.width > figure.data[1].line.width


def test_a_stretched_start_shows_step_0_and_marks_the_moment(info: HistoryInfo) -> None:
    figure = history_figure(info, at=9, log=True, dark=True)
    assert list(figure.data[0].x) == pytest.approx([0, np.log10(2), 1, 2])
    assert figure.layout.shapes[0].x0 == figure.layout.shapes[0].x1 == pytest.approx(1)
    assert list(figure.layout.xaxis.ticktext) == ["0", "1", "10", "100"]
    assert history_figure(info, at=9, dark=True).layout.shapes[0].x0 == 9
    assert not history_figure(info, dark=True).layout.shapes


def test_only_what_can_be_told_apart_is_named_at_the_end(info: HistoryInfo) -> None:
    assert [one.text for one in history_figure(info, dark=False).layout.annotations] == ["<b>a</b>"]
    close = history_info(STEPS[:1], SHARES[:1], ("a", "b", "c"), 2)
    assert [one.text for one in history_figure(close, dark=False).layout.annotations] == ["<b>c</b>", "<b>b</b>"]


def test_a_diverged_training_can_be_drawn() -> None:
    shares = np.array([[0.5, 0.5], [np.nan, np.nan]], np.float32)
    figure = history_figure(history_info(np.array([0, 5]), shares, ("a", "b"), 1), at=5, dark=False)
    assert len(figure.data) == 2


def test_parts_that_don_t_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="4 checkpoints of 2 classes"):
        history_info(STEPS, SHARES, ("a", "b"), 0)
    with pytest.raises(ValueError, match="needed"):
        history_info(STEPS, SHARES, ("a", "b", "c"), 3)


def test_the_table_has_every_moment(info: HistoryInfo) -> None:
    rows = list(csv.reader(io.StringIO(history_csv(info))))
    assert rows[0] == ["step (mini-batches)", *(f"probability of {name} (0 to 1)" for name in "abc")]
    assert np.array([[float(cell) for cell in row] for row in rows[1:]]) == pytest.approx(
        np.column_stack([STEPS, SHARES]), rel=1e-6
    )
