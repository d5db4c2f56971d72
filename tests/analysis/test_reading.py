"""Several digits on one paper, and who decides where they touch."""

from __future__ import annotations

import numpy as np
import pytest

from nnviz.analysis.checkpoint_view import CheckpointView
from nnviz.analysis.reading import decide, digits
from nnviz.analysis.recognition import answer, answers
from nnviz.data.datasets import Loaded
from nnviz.data.drawing import Steps, prepare
from nnviz.data.segmentation import MOST
from nnviz.spec.layers.dense import Dense
from nnviz.spec.network import NetworkSpec
from nnviz.spec.train_config import TrainConfig
from nnviz.train.trainer import Trainer


@pytest.fixture
def checkpoint(blobs: Loaded) -> CheckpointView:
    """A small net, untrained."""
    network, config = NetworkSpec((Dense(8),)), TrainConfig()
    return CheckpointView(network, config, Trainer(network, config, blobs).checkpoint(), blobs)


def bars(*places: int, height: int = 40, width: int = 6) -> np.ndarray:
    ink = np.zeros((80, 700), np.float32)
    for left in places:
        ink[20 : 20 + height, left : left + width] = 1
    return ink


def test_one_digit_is_framed_as_ever() -> None:
    ink = bars(100)
    (one,) = digits(ink)
    np.testing.assert_array_equal(one.prepared.pixels, prepare(ink).pixels)
    assert (one.left, one.top, one.right, one.bottom) == (100, 20, 106, 60)


def test_each_of_several_is_framed_as_if_it_were_alone() -> None:
    left, right = digits(np.maximum(bars(100), bars(200, height=30, width=12)))
    np.testing.assert_array_equal(left.prepared.pixels, prepare(bars(100)).pixels)
    np.testing.assert_array_equal(right.prepared.pixels, prepare(bars(200, height=30, width=12)).pixels)


def test_steps_are_those_that_are_asked_for() -> None:
    ink, steps = bars(100, 200), Steps(centre=False)
    np.testing.assert_array_equal(digits(ink, steps)[0].prepared.pixels, prepare(bars(100), steps).pixels)


def test_all_ink_is_one_digit_where_nothing_is_told_apart() -> None:
    ink = bars(100, 200)
    (one,) = digits(ink, separate=False)
    np.testing.assert_array_equal(one.prepared.pixels, prepare(ink).pixels)
    assert (one.left, one.right) == (100, 206)


def test_blank_paper_has_none_and_a_long_row_at_most_ten() -> None:
    assert digits(np.zeros((50, 50), np.float32)) == ()
    found = digits(bars(*range(10, 700, 50)))
    assert [one.left for one in found] == list(range(10, 510, 50))
    assert len(decide(found, None)) == MOST


@pytest.fixture
def wide() -> np.ndarray:
    """Two bars with a line between them, wide for one digit."""
    ink = bars(100, 154)
    ink[38:42, 100:160] = 1
    return ink


@pytest.mark.parametrize(("whole", "parts", "count"), [(0.9, 0.99, 2), (0.9, 0.94, 1), (0.5, 0.9, 2)])
def test_the_net_is_believed_where_it_is_surer(wide: np.ndarray, whole: float, parts: float, count: int) -> None:
    """By the product: 0.99² > 0.9 > 0.94²."""
    found = decide(digits(wide), lambda pixels: np.array([[whole, 0]] + [[parts, 0]] * (len(pixels) - 1), np.float32))
    assert len(found) == count
    assert [one.touching for one in found] == [count > 1] * count


def test_without_a_net_and_with_one_that_diverged_it_is_one(wide: np.ndarray) -> None:
    found = digits(wide)
    assert len(decide(found, None)) == 1
    assert len(decide(found, lambda pixels: np.full((len(pixels), 10), np.nan, np.float32))) == 1


def test_many_are_answered_as_each_alone(checkpoint: CheckpointView) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 28, 28), np.uint8)
    told = answers(checkpoint, pixels)
    for image, one in zip(pixels, told, strict=True):
        np.testing.assert_allclose(answer(checkpoint, image), one, rtol=1e-5, atol=1e-7)
