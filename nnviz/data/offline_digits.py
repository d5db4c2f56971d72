"""Digits for working without MNIST: computer-drawn strokes and scikit-learn's 1,797 real 8×8 digits.

The drawn ones are of many styles of writing (STYLES), by many hands and pens; the real ones are enlarged. All are put
into MNIST's frame (`frame`) and then turned, scaled, shifted and bent a little.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from nnviz.data.mnist_frame import SIDE, frame
from nnviz.data.strokes import Style, chunks, curves_of, distances, fit, slant, untidy

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]

CLASSES = 10
TRAIN_SIZE, TEST_SIZE = 60_000, 10_000  # MNIST's
REAL_SHARE = 0.2  # of the examples; the others are drawn
HELD_OUT = 0.2  # of the real digits of each class; the test images come from these alone

_SEED = 20_240_914


class Digits(NamedTuple):
    """Images (N, 28, 28), 0 paper to 255 ink, and labels (N,), both uint8."""

    images: Bytes
    labels: Bytes


STYLES: tuple[Style, ...] = (
    Style.of(0, 4, "56 0, 17 12, 0 50, 17 88, 56 100, 95 88, 112 50, 95 12, 56 0"),
    Style.of(0, 3, "73 4, 34 4, 4 38, 7 78, 43 100, 87 88, 110 50, 99 14, 67 0, 47 10"),  # ends cross at the top
    Style.of(0, 2, "45 10, 13 30, 2 62, 20 95, 56 98, 94 76, 110 40, 94 8, 67 2, 54 18"),  # little hook inside
    Style.of(0, 2, "56 0, 22 12, 0 50, 22 88, 56 100, 90 88, 112 50, 90 12, 56 0"),
    Style.of(1, 7, "60 0, 50 50, 40 100"),
    Style.of(1, 1, "32 20, 62 0", "62 0, 53 50, 44 100"),  # flag
    Style.of(1, 1.5, "27 22, 56 0", "56 0, 51 50, 46 100", "14 100, 46 100, 84 98"),  # flag and base
    Style.of(2, 3, "9 24, 31 3, 69 2, 92 24, 74 54, 38 80, 4 98", "4 98, 54 97, 108 98"),
    Style.of(2, 3, "7 22, 43 0, 81 12, 81 40, 52 72, 18 96, 4 84, 25 74, 60 92, 110 94"),  # loop
    Style.of(2, 2, "9 18, 47 0, 87 18, 69 58, 9 94, 40 90, 74 96, 110 86"),  # wave
    Style.of(2, 1, "11 6, 67 2, 94 22, 67 60, 7 96", "7 96, 56 100, 110 96"),  # flat top
    Style.of(2, 3, "18 20, 52 0, 85 18, 74 46, 45 78, 11 96, 0 78, 27 64, 67 84, 112 92"),
    Style.of(2, 2, "22 16, 67 0, 94 24, 69 60, 38 92, 9 98, 4 72, 38 66, 78 90, 108 84"),
    Style.of(2, 1, "34 14, 63 4, 69 26, 49 58, 27 88", "27 88, 67 84, 112 80"),
    Style.of(3, 3, "6 14, 42 0, 80 16, 70 40, 36 48", "36 48, 76 54, 92 76, 66 98, 32 100, 2 88"),
    Style.of(3, 2, "8 8, 50 0, 82 18, 62 42, 40 48, 72 56, 88 78, 60 99, 4 92"),  # no corner
    Style.of(3, 1, "8 12, 44 0, 76 14, 62 40, 40 50, 38 40, 70 50, 90 74, 62 98, 4 90"),  # curl in the middle
    Style.of(3, 1, "6 4, 84 2", "84 2, 42 40", "42 40, 80 50, 92 76, 56 100, 4 90"),  # flat top
    Style.of(3, 2, "18 8, 60 0, 72 22, 44 44", "44 44, 62 56, 66 78, 40 98, 4 94"),
    Style.of(3, 1, "10 20, 36 0, 70 12, 54 40, 34 46, 66 46, 84 66, 66 94, 30 98, 12 84"),
    Style.of(4, 3, "12 0, 4 30, 8 52, 46 54, 96 46", "82 2, 74 50, 68 100"),  # open
    Style.of(4, 2, "14 4, 2 54", "2 54, 48 56, 98 52", "76 0, 72 50, 70 100"),  # open, with a corner
    Style.of(4, 2, "12 2, 2 34, 22 54, 58 46, 84 8", "84 8, 78 50, 70 100"),  # like a u with a tail
    Style.of(4, 2, "68 0, 2 66", "2 66, 50 65, 98 64", "68 0, 68 50, 66 100"),  # closed
    Style.of(4, 2, "6 4, 12 40, 44 48, 80 38", "94 0, 66 50, 46 100"),
    Style.of(4, 1, "30 0, 16 30, 2 60", "2 60, 50 58, 98 50", "66 30, 56 60, 50 100"),
    Style.of(5, 3, "92 0, 29 3", "29 3, 20 42", "20 42, 60 38, 96 60, 85 88, 47 100, 2 90"),
    Style.of(5, 2, "27 4, 18 44", "18 44, 58 38, 94 60, 83 90, 45 100, 4 90", "29 6, 65 6, 110 0"),  # hat drawn last
    Style.of(5, 2, "108 0, 54 4, 27 20, 40 42, 78 58, 83 84, 47 100, 2 92"),  # like an s
    Style.of(5, 1, "105 2, 52 4, 36 22, 31 44, 69 48, 81 72, 58 94, 16 100, 4 86"),  # bowl closing
    Style.of(5, 3, "112 0, 56 10", "56 10, 40 44", "40 44, 67 46, 74 74, 43 98, 2 94"),
    Style.of(5, 2, "85 0, 34 8, 18 42, 67 30, 105 58, 81 94, 25 100, 2 82"),
    Style.of(5, 1, "78 4, 38 2, 25 24, 52 44, 65 70, 40 98, 7 90"),
    Style.of(6, 3, "72 0, 36 20, 10 56, 14 88, 48 100, 82 86, 76 62, 46 56, 16 74"),
    Style.of(6, 2, "54 0, 20 42, 6 76, 28 99, 66 97, 84 74, 60 58, 14 78"),
    Style.of(6, 2, "96 0, 52 20, 12 60, 6 88, 32 100, 62 88, 66 66, 40 64, 10 86"),  # lying, small loop
    Style.of(6, 3, "56 0, 24 34, 8 66, 22 94, 58 97, 92 78, 80 56, 48 64, 26 90"),
    Style.of(6, 2, "24 0, 6 44, 14 86, 52 100, 92 84, 86 58, 48 58, 20 82"),
    Style.of(6, 1, "40 0, 14 50, 10 88, 44 100, 62 82, 50 64, 16 78"),
    Style.of(7, 3, "4 8, 48 6, 92 4", "92 4, 62 42, 44 100"),
    Style.of(7, 2, "4 14, 40 4, 82 4, 86 22, 60 60, 44 100"),  # round corner
    Style.of(7, 2, "4 26, 8 6", "8 6, 48 10, 92 4", "92 4, 66 46, 52 100"),  # flag
    Style.of(7, 2, "4 8, 48 6, 92 4", "92 4, 62 46, 42 100", "30 54, 88 50"),  # crossed
    Style.of(7, 1, "4 6, 48 4, 94 2", "94 2, 40 50, 30 100"),
    Style.of(7, 2, "2 34, 4 8", "4 8, 46 6, 88 8", "88 8, 80 52, 72 100"),
    Style.of(7, 1, "10 12, 50 4, 84 10, 80 34, 62 66, 58 100"),
    Style.of(8, 4, "86 10, 48 0, 16 20, 44 46, 76 70, 54 100, 14 88, 22 64, 66 38, 86 10"),  # one crossing stroke
    Style.of(8, 2, "90 12, 54 0, 20 18, 46 44, 80 74, 50 100, 16 84, 40 54, 74 30, 80 2"),  # open at the top
    Style.of(8, 2, "50 0, 20 8, 22 38, 50 46, 80 38, 80 8, 50 0", "50 46, 14 58, 16 92, 50 100, 86 92, 86 58, 50 46"),
    Style.of(8, 2, "74 6, 40 2, 26 24, 50 46, 60 72, 40 98, 14 92, 18 68, 54 44, 86 20, 74 6"),
    Style.of(8, 1, "88 24, 66 2, 28 10, 26 34, 62 56, 70 84, 40 100, 14 84, 34 58, 88 24"),
    Style.of(9, 3, "82 10, 48 0, 12 16, 14 42, 46 48, 80 22", "82 10, 78 50, 70 100"),  # straight tail
    Style.of(9, 2, "80 16, 50 0, 16 14, 12 42, 44 50, 78 24", "78 24, 84 60, 66 92, 16 98"),  # hooked tail
    Style.of(9, 3, "76 8, 36 2, 6 26, 22 46, 62 30, 80 8, 72 44, 56 100"),  # one stroke
    Style.of(9, 2, "50 0, 14 10, 12 40, 48 48, 84 36, 84 10, 50 0", "86 26, 76 60, 46 100"),  # round, tail bent
    Style.of(9, 2, "70 14, 36 4, 4 22, 12 46, 50 44, 72 14", "72 14, 66 56, 54 100"),
    Style.of(9, 1, "88 6, 44 4, 10 30, 30 50, 70 34, 88 6", "88 6, 60 56, 34 100"),
)


def generate(progress: Callable[[float, str], None] = lambda fraction, text: None) -> tuple[Digits, Digits]:
    """Training and test digits, 60,000 and 10,000, all classes equally often, in random order; always the same.

    Nothing serves both: the test's real digits are others, and its drawn ones come from another random stream.
    `progress` hears a fraction in [0, 1] and a sentence.
    """
    made, total = 0, TRAIN_SIZE + TEST_SIZE
    splits = []
    for stream, (size, real) in enumerate(zip((TRAIN_SIZE, TEST_SIZE), _real_digits(), strict=True)):
        rng = np.random.default_rng([_SEED, stream])
        digits = Digits(np.empty((size, SIDE, SIDE), np.uint8), np.empty(size, np.uint8))
        order = rng.permutation(size)
        begin = 0
        for digit, ink in _inks(size // CLASSES, real, rng):
            places = order[begin : begin + len(ink)]
            digits.images[places] = np.rint(255 * _move(frame(ink), rng))
            digits.labels[places] = digit
            begin += len(ink)
            made += len(ink)
            progress(made / total, f"Drawing digits: {made:,} of {total:,}")
        splits.append(digits)
    return splits[0], splits[1]


def _inks(per_class: int, real: list[Floats], rng: np.random.Generator) -> Iterator[tuple[int, Floats]]:
    """Digits and pictures (N, H, W) of them, `per_class` of each digit in all."""
    from_real = round(REAL_SHARE * per_class)
    for digit in range(CLASSES):
        styles = [style for style in STYLES if style.digit == digit]
        weights = np.array([style.weight for style in styles])
        counts = rng.multinomial(per_class - from_real, weights / weights.sum())
        for style, count in zip(styles, counts, strict=True):
            curves = curves_of(style)
            for size in chunks(count):
                yield digit, draw(style, curves, size, rng)
        for size in chunks(from_real):
            yield digit, _thicken(real[digit][rng.integers(len(real[digit]), size=size)], rng)


def draw(
    style: Style,
    curves: NDArray[np.float64],
    count: int,
    rng: np.random.Generator,
    pen: NDArray[np.float64] | None = None,
    untidiest: float = 1.0,
) -> Floats:
    """(count, 20, 20): as many hands writing one style with a round pen, filling the longer side. `pen` is its width,
    pixels, (count, 1, 1); without it, one like MNIST's writers'. `untidiest`: as `untidy` has it.
    """
    curve = untidy(style, curves, count, rng, untidiest)
    curve @= _hands(count, rng)
    if pen is None:
        pen = np.clip(rng.normal(2.4, 0.6, (count, 1, 1)), 1.5, 4.5)
    ink: Floats = np.clip(pen / 2 - distances(*fit(curve, pen)) + 0.5, 0, 1).astype(np.float32)  # edge: a pixel wide
    return ink


def _hands(count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """(count, 2, 2) matrices, to multiply (x, y) rows by: how wide, leaning and turned a hand writes."""
    width = rng.uniform(0.55, 1.05, count)
    lean = rng.normal(0.12, 0.27, count)  # to the right, as MNIST's writers do
    return slant(width, lean, rng.normal(0, np.radians(6), count))


def _real_digits() -> tuple[list[Floats], list[Floats]]:
    """For training and for testing: for each class its real digits (n, 80, 98), smoothly enlarged, about 0 to 1."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    small = F.pad(_tensor(bunch.images / 16), (1, 1, 1, 1))[:, None]  # paper around what touches the edge
    # Beside MNIST's they are about 1.22 times too narrow.
    large = F.interpolate(small, (80, round(80 * 1.22)), mode="bicubic", align_corners=False)[:, 0].numpy()
    train, test = [], []
    for digit in range(CLASSES):
        own = np.random.default_rng([_SEED, digit]).permutation(large[bunch.target == digit])
        held_out = round(HELD_OUT * len(own))
        test.append(own[:held_out])
        train.append(own[held_out:])
    return train, test


def _thicken(large: Floats, rng: np.random.Generator) -> Floats:
    """Sharpen enlarged digits (N, H, W); 40 % become thicker or thinner.

    An enlarged stroke is a blurred ridge: the height at which it is cut decides how thick it is.
    """
    count = (len(large), 1, 1)
    height = np.where(rng.random(count) < 0.4, rng.uniform(0.4, 0.8, count), 0.6)
    sharp: Floats = np.clip((large - height) * 3 + 0.5, 0, 1).astype(np.float32)
    return sharp


def _move(images: Floats, rng: np.random.Generator) -> Floats:
    """Turn by up to 10°, scale by 10 %, shear by 0.15, shift by 1.5 pixels and bend by 0.8; (N, 28, 28) in [0, 1]."""
    count = len(images)
    turn, shear = np.radians(rng.uniform(-10, 10, count)), rng.uniform(-0.15, 0.15, count)
    width, height = rng.uniform(0.9, 1.1, (2, count))
    right, down = rng.uniform(-1.5, 1.5, (2, count)) / (SIDE / 2)  # torch's unit is half an image
    cos, sin = np.cos(turn), np.sin(turn)
    # Where each pixel comes from: a linear part, and displacements drawn on a 4×4 grid and smoothly enlarged.
    by_x = _tensor(np.stack([cos / width, -sin / height], axis=1))
    by_y = _tensor(np.stack([(sin + shear * cos) / width, (cos - shear * sin) / height], axis=1))
    bends = _ENLARGE @ _tensor(rng.normal(0, 0.8 / (SIDE / 2), (count, 2, 4, 4))) @ _ENLARGE.T
    source = bends + _tensor(np.stack([right, down], axis=1))[:, :, None, None]
    source += by_x[:, :, None, None] * _PIXELS + by_y[:, :, None, None] * _PIXELS[:, None]
    moved = F.grid_sample(torch.from_numpy(images)[:, None], source.permute(0, 2, 3, 1), align_corners=False)
    return np.asarray(moved[:, 0].clamp_(0, 1))


_PIXELS = (torch.arange(SIDE) + 0.5) / (SIDE / 2) - 1  # their centres in torch's unit
_ENLARGE = F.interpolate(torch.eye(4)[None, None], (SIDE, 4), mode="bicubic", align_corners=False)[0, 0]


def _tensor(array: NDArray[np.float64]) -> torch.Tensor:
    return torch.from_numpy(array.astype(np.float32))
