"""Histograms and sizes over time: the numbers exactly."""

from __future__ import annotations

import numpy as np
import pytest

from nnviz.charts.distribution import distribution_csv, distribution_figure, distribution_info
from nnviz.charts.norms import layer_colours, norms_csv, norms_figure, norms_info, pace

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


def test_the_histogram_is_numpys() -> None:
    values = np.random.default_rng(3).normal(2, 3, 5000)
    info = distribution_info({"w": values, "g": np.append(values / 2, np.nan)}, bins=40)
    counts, edges = np.histogram(values, 40, (values.min(), values.max()))
    np.testing.assert_array_equal(info.spreads[0].counts, counts)
    np.testing.assert_allclose(info.edges, edges)
    assert info.spreads[0].mean == pytest.approx(values.mean())
    assert info.spreads[1].deviation == pytest.approx(values.std() / 2)
    assert len(distribution_figure(info, dark=True).data) == 2
    assert distribution_csv(info).splitlines()[0] == "from,to,w,g"


@pytest.mark.parametrize("values", [np.zeros(0), np.full(7, 3.0), np.array([np.nan])])
def test_nothing_and_all_the_same_can_be_drawn(values: np.ndarray) -> None:
    info = distribution_info({"w": values})
    assert info.spreads[0].counts.sum() == np.isfinite(values).sum()
    distribution_figure(info, dark=False)
