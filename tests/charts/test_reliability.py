"""The numbers behind the reliability diagram, and that it can be drawn."""

from __future__ import annotations

import numpy as np
import pytest

from nnviz.charts.reliability import FEWEST, reliability_figure, reliability_info


def test_bins_with_few_answers_are_left_out() -> None:
    size = np.array([0, FEWEST - 1, FEWEST, 100])
    info = reliability_info("after", np.array([np.nan, 0.3, 0.5, 0.9]), np.array([np.nan, 0.2, 0.6, 0.8]), size)
    assert info.confidence.tolist() == [50, 90]
    assert info.accuracy.tolist() == [60, 80]
    assert info.size.tolist() == [FEWEST, 100]


@pytest.mark.parametrize("dark", [False, True])
def test_it_is_drawn_without_answers_too(dark: bool) -> None:
    none = np.array([np.nan])
    empty = reliability_info("before", none, none, np.array([0]))
    figure = reliability_figure(empty, empty, dark=dark)
    assert [trace.name for trace in figure.data] == ["calibrated", "before", "before"]
