"""Histograms: the numbers exactly."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest

from nnviz.charts.colors import CLASSES
from nnviz.charts.distribution import NEAR_ZERO, distribution_csv, distribution_figure, distribution_info


def test_the_histogram_is_numpys() -> None:
    values = np.random.default_rng(3).normal(2, 3, 5000)
    info = distribution_info({"w": values, "g": np.append(values / 2, np.nan)}, bins=40)
    counts, edges = np.histogram(values, 40, (values.min(), values.max()))
    np.testing.assert_array_equal(info.distributions[0].counts, counts)
    np.testing.assert_allclose(info.edges, edges)
    assert info.distributions[0].mean == pytest.approx(values.mean())
    assert info.distributions[1].deviation == pytest.approx(values.std() / 2)
    assert len(distribution_figure(info, dark=True).data) == 2
    assert distribution_csv(info).splitlines()[0] == "from,to,w,g"


@pytest.mark.parametrize("values", [np.zeros(0), np.full(7, 3.0), np.array([np.nan])])
def test_nothing_and_all_the_same_can_be_drawn(values: np.ndarray) -> None:
    info = distribution_info({"w": values})
    assert info.distributions[0].counts.sum() == np.isfinite(values).sum()
    distribution_figure(info, dark=False)


def test_near_zero_is_told_by_the_largest_magnitude() -> None:
    values = np.array([-2.0, 1.0, 0.0, -2.0 * NEAR_ZERO, 2.1 * NEAR_ZERO])
    (distribution,) = distribution_info({"w": values}).distributions
    assert distribution.near_zero == pytest.approx(2 / 5)
    assert "40.0% near zero (within 0.1% of the largest magnitude)" in distribution.caption


@pytest.mark.parametrize(("sets", "kind"), [(1, "bar"), (3, "bar"), (10, "scatter")])
def test_many_sets_are_outlines_in_the_colours_of_classes(sets: int, kind: str) -> None:
    info = distribution_info({str(k): np.arange(20.0) + k for k in range(sets)})
    traces = distribution_figure(info, dark=False).data
    assert {trace.type for trace in traces} == {kind}
    assert all(trace.showlegend == (sets > 1) for trace in traces)
    colours = [(trace.line if kind == "scatter" else trace.marker).color for trace in traces]
    assert len(set(colours)) == sets
    if kind == "scatter":
        assert tuple(colours) == CLASSES


def test_the_csv_has_every_bin() -> None:
    info = distribution_info({"w": np.array([0.0, 0.25, 1.0]), "g": np.array([1.0])}, bins=2)
    rows = list(csv.reader(io.StringIO(distribution_csv(info))))
    assert rows == [["from", "to", "w", "g"], ["0", "0.5", "2", "0"], ["0.5", "1", "1", "1"]]
