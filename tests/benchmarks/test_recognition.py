"""How drawings are placed for the benchmark, and how it counts."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from benchmarks.recognition import FRAMINGS, Net, accuracies, brought_into_frame, placed
from nnviz.data.datasets import Split
from nnviz.data.drawing import BRUSH, CANVAS, Drawing, Stroke, rasterise

BAR = Drawing((Stroke(((100, 50, 0), (100, 230, 0))), Stroke(((100, 230, 0), (160, 230, 0)))))
"""An L."""


def ends(drawing: Drawing) -> np.ndarray:
    """(strokes, 2 ends, x and y)"""
    return np.array([[stroke.points[0][:2], stroke.points[-1][:2]] for stroke in drawing.strokes])


def test_smaller_and_narrower_about_the_middle_with_the_same_pen() -> None:
    small, narrow = placed(BAR, 0, size=0.5), placed(BAR, 0, narrow=0.5)
    np.testing.assert_allclose(ends(small) - 140, (ends(BAR) - 140) / 2)
    np.testing.assert_allclose(ends(narrow) - 140, (ends(BAR) - 140) * (0.5, 1))
    assert {stroke.width for stroke in small.strokes} == {BRUSH}


def test_every_other_one_is_turned_to_the_right() -> None:
    left, right = ends(placed(BAR, 0, turn=20)), ends(placed(BAR, 1, turn=20))
    before = ends(BAR)[0] - 140
    for turned, degrees in ((left[0] - 140, -20), (right[0] - 140, 20)):
        angle = np.degrees(np.arctan2(turned[:, 1], turned[:, 0]) - np.arctan2(before[:, 1], before[:, 0]))
        np.testing.assert_allclose((angle + 180) % 360 - 180, degrees)


@pytest.mark.parametrize("number", range(4))
def test_over_each_edge_in_turn_goes_a_tenth(number: int) -> None:
    moved = placed(BAR, number, beyond=0.1)
    low, high = ends(moved).min((0, 1)) - BRUSH / 2, ends(moved).max((0, 1)) + BRUSH / 2
    axis, far = number % 2, number // 2
    over = high[axis] - CANVAS if far else -low[axis]
    assert over == pytest.approx(0.1 * (high - low)[axis])
    edge = np.take(rasterise(moved), -1 if far else 0, 1 - axis)
    assert edge.max() == 1  # it is cut off there


def test_every_framing_leads_to_images() -> None:
    for place in FRAMINGS.values():
        images = brought_into_frame([place(BAR, 0), place(BAR, 1)])
        assert images.shape == (2, 1, 28, 28)
        assert images.dtype == torch.uint8


class Brightest(nn.Module):
    """Answers 1 where the first pixel has ink, else 0."""

    def forward(self, inputs: Tensor) -> Tensor:
        inked = inputs[:, 0, 0, 0] > 0
        return torch.stack([~inked, inked], 1).float()


def test_accuracies_are_per_cent_of_what_each_net_reads_right() -> None:
    images = torch.zeros(600, 1, 28, 28, dtype=torch.uint8)
    images[:150] = 255
    labels = torch.ones(600, dtype=torch.int64)
    assert accuracies([Net("a", Brightest()), Net("b", Brightest())], Split(images, labels)) == [25, 25]
