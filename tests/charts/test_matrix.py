"""Heat maps of weights: the numbers exactly, the drawing so far as it carries them."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest

from nnviz.charts.matrix import MAX_CELLS, matrix_csv, matrix_figure, matrix_info


def test_a_small_matrix_is_drawn_as_it_is() -> None:
    values = np.array([[0.5, -2.0], [0.0, 1.0], [3.0, 0.25]], np.float32)
    info = matrix_info(values)
    np.testing.assert_array_equal(info.values, values)
    assert (info.block, info.shape, info.limit) == ((1, 1), (3, 2), 3.0)
    assert info.caption == "3 neurons × 2 inputs."
    figure = matrix_figure(info, dark=False)
    assert (figure.data[0].zmin, figure.data[0].zmax) == (-3, 3)
    np.testing.assert_array_equal(figure.data[0].z, values)
    assert figure.layout.yaxis.autorange == "reversed"


def test_the_classic_first_layer_is_drawn_whole() -> None:
    assert matrix_info(np.ones((128, 784), np.float32)).block == (1, 1)


@pytest.mark.parametrize("shape", [(1024, 1024), (10, 100_000), (8192, 784), (300_000, 1), (1025, 1023)])
def test_a_large_matrix_is_drawn_as_means_of_blocks(shape: tuple[int, int]) -> None:
    values = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    info = matrix_info(values)
    high, wide = info.block
    assert info.values.size <= MAX_CELLS
    assert info.values.shape == (-(-shape[0] // high), -(-shape[1] // wide))
    assert info.values[0, 0] == pytest.approx(values[:high, :wide].mean(), abs=1e-5)
    last = values[(info.values.shape[0] - 1) * high :, (info.values.shape[1] - 1) * wide :]
    assert info.values[-1, -1] == pytest.approx(last.mean(), abs=1e-5)
    assert f"mean of {high}×{wide}" in info.caption
    cells = matrix_figure(info, dark=True).data[0]
    np.testing.assert_array_equal(cells.y, np.arange(0, shape[0], high))  # what a click tells
    np.testing.assert_array_equal(cells.x, np.arange(0, shape[1], wide))
    assert f"mean of {high}×{wide}" in cells.hovertemplate


def test_what_is_not_finite_counts_as_zero_and_a_zero_matrix_has_no_range() -> None:
    info = matrix_info(np.array([[np.nan, np.inf, -np.inf, 0.0]]))
    assert not info.values.any()
    assert info.limit == 0
    matrix_figure(info, dark=False)


def test_a_limit_given_holds() -> None:
    assert matrix_figure(matrix_info(np.ones((2, 2)), limit=5), dark=False).data[0].zmax == 5


def test_the_classic_first_layer_travels_light_and_says_where_a_cell_is() -> None:
    weights = np.random.default_rng(2).normal(size=(128, 784)).astype(np.float32)
    figure = matrix_figure(matrix_info(weights), dark=False, title="Weights")
    assert figure.layout.title.text == "Weights"
    assert figure.data[0].customdata is None
    assert figure.data[0].meta == "cell"
    assert figure.data[0].hovertemplate.startswith("neuron %{y}, input %{x}<br>")
    assert len(figure.to_json(validate=False)) < 2 * weights.nbytes  # its floats in base64


def test_no_matrix_is_refused() -> None:
    with pytest.raises(ValueError, match="rows and columns"):
        matrix_info(np.ones(3))


def test_the_csv_has_every_value() -> None:
    values = np.random.default_rng(1).normal(size=(3, 5)).astype(np.float32)
    rows = list(csv.reader(io.StringIO(matrix_csv(values))))
    np.testing.assert_array_equal(np.array([[float(v) for v in row[1:]] for row in rows[1:]], np.float32), values)
    assert rows[0] == ["neuron \\ input", "0", "1", "2", "3", "4"]
