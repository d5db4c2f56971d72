"""Sizes over time: the numbers exactly."""

from __future__ import annotations

import numpy as np
import pytest

from nnviz.charts.norms import HEALTHY_PACE, layer_colours, norms_csv, norms_figure, norms_info, pace

STEPS = np.array([1, 5, 9])


def test_values_that_a_log_scale_can_not_show_are_gaps() -> None:
    values = np.array([[1.0, 2.0], [0.0, np.inf], [np.nan, 3.0]])
    info = norms_info(STEPS, ["a", "b"], values, "norm")
    np.testing.assert_array_equal(info.values, [[1, 2], [np.nan, np.nan], [np.nan, 3]])
    figure = norms_figure(info, dark=False, at=5)
    assert [trace.name for trace in figure.data] == ["a", "b"]
    assert figure.layout.shapes[0].x0 == 5
    assert norms_csv([info]).splitlines() == ['step,"norm, a","norm, b"', "1,1,2", "5,,", "9,,3"]


def test_parts_must_fit() -> None:
    with pytest.raises(ValueError, match=r"values must be \(3, 1\)"):
        norms_info(STEPS, ["a"], np.ones((3, 2)), "norm")


def test_the_pace_is_update_over_weight() -> None:
    np.testing.assert_array_equal(pace(np.array([2.0, 0.0]), np.array([1.0, 1.0])), [0.5, np.nan])


def test_layers_have_different_colours() -> None:
    for count in (1, 2, 12):
        assert len(set(layer_colours(count, dark=True))) == count


@pytest.mark.parametrize(("steps", "mode"), [(1, "lines+markers"), (50, "lines")])
def test_a_single_step_can_be_seen(steps: int, mode: str) -> None:
    info = norms_info(np.arange(steps), ["a"], np.ones((steps, 1)), "norm")
    figure = norms_figure(info, dark=True)
    assert figure.data[0].mode == mode
    assert figure.layout.xaxis.range == (0, max(10, steps - 1))


@pytest.mark.parametrize(("largest", "dtick"), [(1.2, None), (1e4, 1)])
def test_values_close_together_have_numbers_at_the_axis(largest: float, dtick: int | None) -> None:
    info = norms_info(STEPS, ["a"], np.array([[1.1], [largest], [np.nan]]), "norm")
    assert norms_figure(info, dark=False).layout.yaxis.dtick == dtick


def test_the_usual_range_is_shaded() -> None:
    figure = norms_figure(norms_info(STEPS, ["a"], np.ones((3, 1)), "‖ΔW‖ / ‖W‖", HEALTHY_PACE), dark=False)
    assert (figure.layout.shapes[0].y0, figure.layout.shapes[0].y1) == (1e-4, 1e-2)
    assert figure.layout.yaxis.type == "log"
