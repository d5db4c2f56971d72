"""Which ink of a picture belongs to which digit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nnviz.data.datasets import DATASETS
from nnviz.data.drawing import Drawing, Stroke, rasterise
from nnviz.data.segmentation import Segment, segments


def drawn(*strokes: str, width: float = 14) -> np.ndarray:
    """Strokes as "x y, x y, …" on the canvas."""
    return rasterise(
        Drawing(
            tuple(
                Stroke(tuple((float(x), float(y), 0.0) for x, y in (pair.split() for pair in stroke.split(","))), width)
                for stroke in strokes
            )
        )
    )


def boxes(found: tuple[Segment, ...]) -> list[tuple[int, int, int, int]]:
    return [(one.left, one.top, one.right, one.bottom) for one in found]


THREE = "40 60, 90 60, 60 110, 100 150, 40 200"
EIGHT = "200 60, 160 90, 220 160, 180 200, 160 160, 220 90, 200 60"


def test_a_blank_picture_has_none() -> None:
    assert segments(np.zeros((50, 50), np.float32)) == ()


def test_two_digits_side_by_side_are_two_from_left_to_right() -> None:
    three, eight = drawn(THREE), drawn(EIGHT)
    left, right = segments(np.maximum(three, eight))
    for found, alone in ((left, three), (right, eight)):
        rows, columns = np.flatnonzero(alone.max(1)), np.flatnonzero(alone.max(0))
        assert boxes((found,)) == [(columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)]
        np.testing.assert_array_equal(found.ink, alone[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
    assert not left.cuts
    assert not left.too_wide


@pytest.mark.parametrize(
    "strokes",
    [
        pytest.param(("80 60, 80 120, 140 130, 140 190, 70 200", "95 40, 160 36"), id="a 5 whose bar stands apart"),
        pytest.param(("80 60, 200 60, 120 220", "110 140, 190 140"), id="a crossed 7"),
        pytest.param(("100 50, 80 140, 150 140", "170 40, 160 220"), id="an open 4 in two strokes"),
        pytest.param(("140 90, 140 220", "140 50, 141 50"), id="a dot above"),
        pytest.param(("140 40, 140 120", "141 150, 140 230"), id="a 1 that is broken"),
        pytest.param(("140 60, 90 140, 140 210, 190 140, 140 60", "210 30, 70 240"), id="a slashed 0"),
        pytest.param(("140 60, 90 140, 140 210, 190 140, 140 60", "215 215, 216 216"), id="a speck beside"),
        pytest.param(("60 140, 220 140",), id="a dash"),
    ],
)
def test_what_is_one_digit_stays_one(strokes: tuple[str, ...]) -> None:
    ink = drawn(*strokes)
    (found,) = segments(ink)
    assert found.ink.sum() == pytest.approx(ink.sum())
    assert not found.too_wide


def test_ten_digits_are_ten() -> None:
    ink = np.zeros((60, 600), np.float32)
    for place in range(10):
        ink[10:50, 60 * place + 10 : 60 * place + 16] = 1
    assert [one.left for one in segments(ink)] == list(range(10, 600, 60))


def test_slanted_ones_are_not_taken_for_one() -> None:
    ink = drawn("120 50, 80 220", "190 50, 150 220", "260 50, 220 220")
    assert len(segments(ink)) == 3


def test_two_zeros_that_touch_can_be_cut_where_they_meet() -> None:
    first = drawn("70 140, 100 200, 130 140, 100 80, 70 140")
    second = drawn("129 140, 159 200, 189 140, 159 80, 129 140")
    (found,) = segments(np.maximum(first, second))
    assert not found.too_wide
    for cut, alone in zip(found.cuts, (first, second), strict=True):
        part = np.zeros_like(alone)
        part[cut.top : cut.bottom, cut.left : cut.right] = cut.ink
        assert np.minimum(part, alone).sum() / np.maximum(part, alone).sum() > 0.85


def test_what_is_far_too_wide_cannot_be_one() -> None:
    (found,) = segments(drawn("20 100, 60 180, 100 100, 140 180, 180 100, 220 180, 260 100"))
    assert found.too_wide
    assert len(found.cuts) > 2


def test_faint_ink_goes_with_the_nearest_piece() -> None:
    ink = np.zeros((40, 60), np.float32)
    ink[5:35, 10:14] = ink[5:35, 40:44] = 1
    ink[5:35, 14] = ink[5:35, 39] = 0.3
    left, right = segments(ink)
    assert (left.ink.sum(), right.ink.sum()) == (pytest.approx(129), pytest.approx(129))


@pytest.fixture(scope="module")
def handwriting(mnist_root: Path) -> list[np.ndarray]:
    """MNIST's own test images, enlarged: real people's lines, with their gaps."""
    found = []
    for image in DATASETS["mnist"].load(mnist_root).test.images[:600, 0].numpy():
        large = np.asarray(Image.fromarray(image).resize((168, 168), Image.Resampling.BICUBIC), np.float32) / 255
        rows, columns = np.flatnonzero(large.max(1) > 0.5), np.flatnonzero(large.max(0) > 0.5)
        found.append(large[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
    return found


def test_one_alone_is_hardly_ever_taken_for_several(handwriting: list[np.ndarray]) -> None:
    found = [segments(np.pad(image, 20)) for image in handwriting]
    assert np.mean([len(one) == 1 and not one[0].too_wide for one in found]) > 0.99


def test_of_a_row_each_is_found(handwriting: list[np.ndarray]) -> None:
    right = 0
    for start in range(0, 600, 4):
        row = [np.pad(image, ((0, 150 - image.shape[0]), (0, 12))) for image in handwriting[start : start + 4]]
        right += len(segments(np.pad(np.concatenate(row, 1), 20))) == 4
    assert right / 150 > 0.9
