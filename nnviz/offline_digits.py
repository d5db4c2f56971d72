"""Digits for working without MNIST: computer-drawn strokes and variations of scikit-learn's real 8×8 digits.

Every style of writing a digit is a few control points joined by smooth strokes (STYLES); a drawn example moves the
points, leans and squeezes the figure and picks a pen. The 1,797 real digits that scikit-learn bundles are enlarged,
turned, bent and thickened. Both end in MNIST's frame, see `frame`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]

CLASSES = 10
TRAIN_SIZE = 24_000
TEST_SIZE = 4_000

DRAWN_PER_CLASS = {"train": 1000, "test": 200}
HELD_OUT = 0.2  # of the real digits of each class; the test images come from these alone

SIDE = 28  # of an image, pixels
BOX = 20  # longer side of a digit in it
CENTRE = 14  # pixel index of its centre of mass
FINE = 2  # canvas pixels to an image pixel: digits are made larger, then framed
CANVAS = FINE * SIDE

_SEED = 20_240_914
_CHUNK = 100  # images made at a time; keeps the working set inside the processor's cache


class Digits(NamedTuple):
    """Images (N, 28, 28) and labels (N,), both uint8."""

    images: Bytes
    labels: Bytes


@dataclass(frozen=True)
class Style:
    """One way to write a digit: control points in the unit square, y down, and strokes as indices into them.

    A stroke runs smoothly through its points; where two strokes share a point there is a corner.
    `weight` is how common the style is among the styles of its digit.
    """

    digit: int
    weight: float
    points: tuple[tuple[float, float], ...]
    strokes: tuple[tuple[int, ...], ...]


def _style(digit: int, weight: float, *strokes: str) -> Style:
    """Strokes written as "x y, x y, …" in hundredths; equal points of different strokes become one."""
    points: dict[tuple[float, float], int] = {}
    indices = []
    for stroke in strokes:
        pairs = [pair.split() for pair in stroke.split(",")]
        indices.append(tuple(points.setdefault((int(x) / 100, int(y) / 100), len(points)) for x, y in pairs))
    return Style(digit, weight, tuple(points), tuple(indices))


STYLES: tuple[Style, ...] = (
    _style(0, 4, "50 0, 15 12, 0 50, 15 88, 50 100, 85 88, 100 50, 85 12, 50 0"),
    _style(0, 3, "65 4, 30 4, 4 38, 6 78, 38 100, 78 88, 98 50, 88 14, 60 0, 42 10"),  # ends cross at the top
    _style(0, 2, "40 10, 12 30, 2 62, 18 95, 50 98, 84 76, 98 40, 84 8, 60 2, 48 18"),  # little hook inside
    _style(1, 7, "50 0, 50 50, 50 100"),
    _style(1, 1, "28 20, 54 0", "54 0, 53 50, 52 100"),  # flag
    _style(1, 1, "25 22, 52 0", "52 0, 51 50, 50 100", "18 100, 50 100, 84 98"),  # flag and base
    _style(2, 3, "8 24, 28 3, 62 2, 82 24, 66 54, 34 80, 4 98", "4 98, 48 97, 96 98"),
    _style(2, 3, "6 22, 38 0, 72 12, 72 40, 46 72, 16 96, 4 84, 22 74, 54 92, 98 94"),  # loop
    _style(2, 2, "8 18, 42 0, 78 18, 62 58, 8 94, 36 90, 66 96, 98 86"),  # wave
    _style(2, 1, "10 6, 60 2, 84 22, 60 60, 6 96", "6 96, 50 100, 98 96"),  # flat top
    _style(3, 3, "6 14, 42 0, 80 16, 70 40, 36 48", "36 48, 76 54, 92 76, 66 98, 32 100, 2 88"),
    _style(3, 2, "8 8, 50 0, 82 18, 62 42, 40 48, 72 56, 88 78, 60 99, 4 92"),  # no corner
    _style(3, 1, "8 12, 44 0, 76 14, 62 40, 40 50, 38 40, 70 50, 90 74, 62 98, 4 90"),  # curl in the middle
    _style(3, 1, "6 4, 84 2", "84 2, 42 40", "42 40, 80 50, 92 76, 56 100, 4 90"),  # flat top
    _style(4, 3, "12 0, 4 30, 8 52, 46 54, 96 46", "82 2, 74 50, 68 100"),  # open
    _style(4, 2, "14 4, 2 54", "2 54, 48 56, 98 52", "76 0, 72 50, 70 100"),  # open, with a corner
    _style(4, 2, "12 2, 2 34, 22 54, 58 46, 84 8", "84 8, 78 50, 70 100"),  # like a u with a tail
    _style(4, 2, "68 0, 2 66", "2 66, 50 65, 98 64", "68 0, 68 50, 66 100"),  # closed
    _style(5, 3, "82 0, 26 3", "26 3, 18 42", "18 42, 54 38, 86 60, 76 88, 42 100, 2 90"),
    _style(5, 2, "24 4, 16 44", "16 44, 52 38, 84 60, 74 90, 40 100, 4 90", "26 6, 58 6, 98 0"),  # hat drawn last
    _style(5, 2, "96 0, 48 4, 24 20, 36 42, 70 58, 74 84, 42 100, 2 92"),  # like an s
    _style(5, 1, "94 2, 46 4, 32 22, 28 44, 62 48, 72 72, 52 94, 14 100, 4 86"),  # bowl closing
    _style(6, 3, "72 0, 36 20, 10 56, 14 88, 48 100, 82 86, 76 62, 46 56, 16 74"),
    _style(6, 2, "54 0, 20 42, 6 76, 28 99, 66 97, 84 74, 60 58, 14 78"),
    _style(6, 2, "96 0, 52 20, 12 60, 6 88, 32 100, 62 88, 66 66, 40 64, 10 86"),  # lying, small loop
    _style(7, 3, "4 8, 48 6, 92 4", "92 4, 62 42, 44 100"),
    _style(7, 2, "4 14, 40 4, 82 4, 86 22, 60 60, 44 100"),  # round corner
    _style(7, 2, "4 26, 8 6", "8 6, 48 10, 92 4", "92 4, 66 46, 52 100"),  # flag
    _style(7, 2, "4 8, 48 6, 92 4", "92 4, 62 46, 42 100", "30 54, 88 50"),  # crossed
    _style(7, 1, "4 6, 48 4, 94 2", "94 2, 40 50, 30 100"),
    _style(8, 4, "86 10, 48 0, 16 20, 44 46, 76 70, 54 100, 14 88, 22 64, 66 38, 86 10"),  # one crossing stroke
    _style(8, 2, "90 12, 54 0, 20 18, 46 44, 80 74, 50 100, 16 84, 40 54, 74 30, 80 2"),  # open at the top
    _style(8, 2, "50 0, 20 8, 22 38, 50 46, 80 38, 80 8, 50 0", "50 46, 14 58, 16 92, 50 100, 86 92, 86 58, 50 46"),
    _style(9, 3, "82 10, 48 0, 12 16, 14 42, 46 48, 80 22", "82 10, 78 50, 70 100"),  # straight tail
    _style(9, 2, "80 16, 50 0, 16 14, 12 42, 44 50, 78 24", "78 24, 84 60, 66 92, 16 98"),  # hooked tail
    _style(9, 3, "76 8, 36 2, 6 26, 22 46, 62 30, 80 8, 72 44, 56 100"),  # one stroke
    _style(9, 2, "50 0, 14 10, 12 40, 48 48, 84 36, 84 10, 50 0", "86 26, 76 60, 46 100"),  # round, tail bent
)


def frame(ink: Floats) -> Floats:
    """Pictures of digits → MNIST's frame, with what is outside the digit's box cut off.

    The box around the ink is scaled, sides in proportion, so that its longer side is 20 pixels, and laid into 28×28 at
    whole pixels so that the centre of mass comes nearest to pixel index 14, as MNIST's makers did.

    `ink` is (N, H, W), 0 (paper) to 1 (full ink); the result (N, 28, 28) in the same unit. The box holds all pixels
    of at least half the picture's strongest ink. A blank picture stays blank.
    """
    peak = ink.max(axis=(1, 2), keepdims=True)
    solid = (ink >= peak / 2) & (peak > 0)
    top, bottom = _extent(solid.any(axis=2))
    left, right = _extent(solid.any(axis=1))
    scale = BOX / np.maximum(bottom - top, right - left)
    height = np.maximum(1, np.rint((bottom - top) * scale)).astype(int)
    width = np.maximum(1, np.rint((right - left) * scale)).astype(int)
    rows = _resampling(top, bottom, height, ink.shape[1])
    columns = _resampling(left, right, width, ink.shape[2])
    boxed = rows @ ink @ columns.transpose(0, 2, 1)  # (N, 20, 20), top left corner filled

    y = _place(boxed.sum(axis=2), height)
    x = _place(boxed.sum(axis=1), width)
    framed = np.zeros((len(ink), SIDE + BOX, SIDE + BOX), np.float32)  # room for the empty part of a narrow box
    step = np.arange(BOX)
    framed[np.arange(len(ink))[:, None, None], (y[:, None] + step)[:, :, None], (x[:, None] + step)[:, None]] = boxed
    return framed[:, :SIDE, :SIDE]


def _extent(inked: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First index and one past the last where (N, L) is true; the whole length where none is."""
    length = inked.shape[1]
    return inked.argmax(axis=1), length - inked[:, ::-1].argmax(axis=1)


def _resampling(start: NDArray[np.int64], stop: NDArray[np.int64], size: NDArray[np.int64], length: int) -> Floats:
    """(N, 20, length) weights that resize [start, stop) to `size` pixels; rows from `size` on are zero.

    The filter is a triangle, widened when shrinking so that no source pixel is skipped (Pillow's antialiased BILINEAR).
    """
    step = ((stop - start) / size)[:, None, None]
    target = np.arange(BOX)[None, :, None]
    source = np.arange(length)[None, None, :]
    distance = source + 0.5 - (start[:, None, None] + (target + 0.5) * step)
    weights = np.maximum(0, 1 - np.abs(distance) / np.maximum(1, step))
    weights *= (source >= start[:, None, None]) & (source < stop[:, None, None]) & (target < size[:, None, None])
    total = weights.sum(axis=2, keepdims=True)
    return (weights / np.where(total > 0, total, 1)).astype(np.float32)


def _place(profile: Floats, size: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where a box of `size` pixels with ink `profile` (N, 20) must begin for its centre of mass to lie at 14."""
    total = profile.sum(axis=1)
    mass = (profile * np.arange(BOX)).sum(axis=1) / np.where(total > 0, total, 1)
    return np.clip(np.rint(CENTRE - mass).astype(int), 0, SIDE - size)


def generate(progress: Callable[[float, str], None] = lambda fraction, text: None) -> tuple[Digits, Digits]:
    """Training and test digits, 24,000 and 4,000, every class equally often, in random order; always the same.

    No real digit and no random stream serves both. `progress` hears a fraction in [0, 1] and a sentence.
    Takes about 10 seconds on one core.
    """
    made = 0
    splits = []
    real = _real_digits()
    for index, (split, size) in enumerate((("train", TRAIN_SIZE), ("test", TEST_SIZE))):
        rng = np.random.default_rng([_SEED, index])
        images = np.empty((size, SIDE, SIDE), np.uint8)
        labels = np.empty(size, np.uint8)
        places = iter(rng.permutation(size))
        for ink, digit in _inks(split, size // CLASSES, real[split], rng):
            chunk = [next(places) for _ in ink]
            images[chunk] = np.rint(255 * np.clip(frame(ink), 0, 1))
            labels[chunk] = digit
            made += len(ink)
            progress(made / (TRAIN_SIZE + TEST_SIZE), f"Drawing digits: {made:,} of {TRAIN_SIZE + TEST_SIZE:,}")
        splits.append(Digits(images, labels))
    return splits[0], splits[1]


def _inks(split: str, per_class: int, real: list[Floats], rng: np.random.Generator) -> Iterator[tuple[Floats, int]]:
    """Canvases of one digit at a time, at most _CHUNK."""
    for digit in range(CLASSES):
        styles = [style for style in STYLES if style.digit == digit]
        weights = np.array([style.weight for style in styles])
        drawn = rng.multinomial(DRAWN_PER_CLASS[split], weights / weights.sum())
        for style, count in zip(styles, drawn, strict=True):
            for size in _chunks(count):
                yield _draw(style, size, rng), digit
        for size in _chunks(per_class - DRAWN_PER_CLASS[split]):
            yield _vary(real[digit][rng.integers(len(real[digit]), size=size)], rng), digit


def _chunks(count: int) -> Iterator[int]:
    for start in range(0, count, _CHUNK):
        yield min(_CHUNK, count - start)


def _draw(style: Style, count: int, rng: np.random.Generator) -> Floats:
    """(count, 56, 56) hands writing one style with a round pen."""
    points = np.array(style.points) + rng.normal(0, 0.045, (count, len(style.points), 2))
    turn = rng.normal(0, np.radians(6), count)
    lean = rng.normal(0.12, 0.22, count)  # MNIST's writers lean to the right
    narrow = rng.uniform(0.5, 1.0, count)
    # Columns: where a unit of the template's x and y goes on the canvas.
    cos, sin = np.cos(turn), np.sin(turn)
    hand = np.stack([narrow * cos, narrow * sin, -lean * cos - sin, cos - lean * sin], axis=1).reshape(count, 2, 2)
    curve = _smooth(style) @ points @ hand  # (count, samples, 2)
    low, high = curve.min(axis=1, keepdims=True), curve.max(axis=1, keepdims=True)
    pen = np.clip(rng.normal(2.7, 0.65, (count, 1, 1)), 1.4, 4.6) * FINE  # width
    fit = (BOX * FINE - pen) / (high - low).max(axis=2, keepdims=True)
    curve = ((curve - (low + high) / 2) * fit + CANVAS / 2).astype(np.float32)

    pixel = np.arange(CANVAS, dtype=np.float32) + 0.5
    nearest = np.full((count, CANVAS, CANVAS), np.inf, np.float32)  # squared distance to the curve
    squares = (pixel[:, None, None, None] - curve) ** 2  # (56, count, samples, 2)
    for sample in range(curve.shape[1]):
        across = squares[:, :, sample, 0].T[:, None, :]
        down = squares[:, :, sample, 1].T[:, :, None]
        np.minimum(nearest, across + down, out=nearest)
    ink: Floats = np.clip(pen / 2 + 0.5 - np.sqrt(nearest), 0, 1).astype(np.float32)
    return ink


def _smooth(style: Style) -> NDArray[np.float64]:
    """(samples, points) matrix from control points to points along the strokes, about 1.4 canvas pixels apart.

    Catmull-Rom: a curve through its points, linear in them, so one matrix serves every jittered copy.
    """
    unit = np.eye(len(style.points))
    places = np.array(style.points)
    pieces = []
    for stroke in style.strokes:
        p = unit[list(stroke)]
        if stroke[0] == stroke[-1]:
            before, after = p[-2], p[1]
        else:
            before, after = 2 * p[0] - p[1], 2 * p[-1] - p[-2]
        p = np.concatenate([before[None], p, after[None]])
        for p0, p1, p2, p3 in zip(p, p[1:], p[2:], p[3:], strict=False):
            length = np.hypot(*((p2 - p1) @ places))
            t = np.linspace(0, 1, max(2, round(length / 0.035)))[:, None]
            pieces.append(
                ((2 * p1) + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2 + (3 * p1 - p0 - 3 * p2 + p3) * t**3)
                / 2
            )
    return np.concatenate(pieces)


def _real_digits() -> dict[str, list[Floats]]:
    """For each split and class, real digits (n, 64, 64) enlarged from 8×8, in [0, 1]."""
    from scipy.ndimage import zoom
    from sklearn.datasets import load_digits

    small, labels = load_digits(return_X_y=True)
    large = zoom(small.reshape(-1, 8, 8) / 16, (1, 8, 8), order=3, mode="constant", grid_mode=True)
    large = np.clip(large, 0, 1).astype(np.float32)
    order = np.random.default_rng(_SEED).permutation(len(labels))
    split: dict[str, list[Floats]] = {"train": [], "test": []}
    for digit in range(CLASSES):
        own = order[labels[order] == digit]
        held_out = round(HELD_OUT * len(own))
        split["test"].append(large[own[:held_out]])
        split["train"].append(large[own[held_out:]])
    return split


def _vary(large: Floats, rng: np.random.Generator) -> Floats:
    """(N, 64, 64) → (N, 56, 56): turned up to 10°, scaled up to 10 %, sheared up to 0.15, bent, thickened or thinned."""
    count = len(large)
    turn, shear = np.radians(rng.uniform(-10, 10, count)), rng.uniform(-0.15, 0.15, count)
    # scikit-learn's digits are narrower than MNIST's by 1.22.
    wide, tall = 1.22 * rng.uniform(0.9, 1.1, count), rng.uniform(0.9, 1.1, count)
    cos, sin = np.cos(turn), np.sin(turn)
    # From canvas to source, both in [-1, 1]; 20 of the canvas's 28 image pixels are the source's height.
    theta = np.stack(
        [cos / wide, (sin + shear * cos) / wide, 0 * cos, -sin / tall, (cos - shear * sin) / tall, 0 * cos]
    )
    grid = F.affine_grid(
        torch.from_numpy(theta.T.reshape(count, 2, 3).astype(np.float32) * (SIDE / BOX)),
        [count, 1, CANVAS, CANVAS],
        align_corners=False,
    )
    coarse = torch.from_numpy(rng.normal(0, 0.8 / (BOX / 2), (count, 2, 7, 7)).astype(np.float32))
    bend = F.interpolate(coarse, (CANVAS, CANVAS), mode="bicubic", align_corners=False)
    warped = F.grid_sample(
        torch.from_numpy(large)[:, None], grid + bend.permute(0, 2, 3, 1), mode="bilinear", align_corners=False
    )
    # The enlarged strokes are blurred slopes: where they are cut decides how thick the stroke is.
    cut = np.where(rng.random((count, 1, 1)) < 0.4, rng.uniform(0.3, 0.7, (count, 1, 1)), 0.5)
    ink: Floats = np.clip((warped[:, 0].numpy() - cut) * 4 + 0.5, 0, 1).astype(np.float32)
    return ink
