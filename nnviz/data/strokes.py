"""Digits drawn by computer: styles of writing as strokes through control points, written by many hands and pens.

A style of writing a digit is a few control points joined by smooth strokes. A hand moves the points, bends, leans and
squeezes the figure; a round pen draws it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nnviz.data.mnist_frame import BOX, Floats

Doubles = NDArray[np.float64]

_CHUNK = 100  # images made at a time, so that the working set stays in the processor's cache


@dataclass(frozen=True)
class Style:
    """One way to write a digit: control points in the unit square, y down, and strokes as indices into them.

    A stroke runs smoothly through its points, closed if it ends where it began; where two strokes share a point there
    is a corner. `weight` is how common the style is among those of its digit.
    """

    digit: int
    weight: float
    points: tuple[tuple[float, float], ...]
    strokes: tuple[tuple[int, ...], ...]

    @staticmethod
    def of(digit: int, weight: float, *strokes: str) -> Style:
        """Strokes written as "x y, x y, …" in hundredths; equal points of different strokes become one."""
        points: dict[tuple[float, float], int] = {}
        indices = []
        for stroke in strokes:
            pairs = [pair.split() for pair in stroke.split(",")]
            indices.append(tuple(points.setdefault((int(x) / 100, int(y) / 100), len(points)) for x, y in pairs))
        return Style(digit, weight, tuple(points), tuple(indices))


def chunks(count: int) -> Iterator[int]:
    """`count` in parts, so many as are drawn at a time."""
    for start in range(0, count, _CHUNK):
        yield min(_CHUNK, count - start)


def curves_of(style: Style) -> Doubles:
    """(samples, points) matrix from a style's control points to points along its strokes, a thirtieth apart.

    A spline is linear in its control points: one matrix serves every jittered copy.
    """
    unit, places = np.eye(len(style.points)), np.array(style.points)
    pieces = []
    for stroke in style.strokes:
        chosen = list(stroke)
        lengths = np.linalg.norm(np.diff(places[chosen], axis=0), axis=1)
        pieces.append(spline(unit[chosen], stroke[0] == stroke[-1], [max(2, round(30 * one)) for one in lengths]))
    return np.concatenate(pieces)


def spline(points: Doubles, closed: bool, samples: Sequence[int]) -> Doubles:
    """A Catmull-Rom spline, which goes through its control points (n, d), with so many samples from each of them to the
    next, (samples, d).
    """
    before, after = (points[-2], points[1]) if closed else (2 * points[0] - points[1], 2 * points[-1] - points[-2])
    p = np.stack([before, *points, after])
    pieces = []
    for p0, p1, p2, p3, count in zip(p, p[1:], p[2:], p[3:], samples, strict=False):
        t = np.linspace(0, 1, count)[:, None]
        linear, square, cube = p2 - p0, 2 * p0 - 5 * p1 + 4 * p2 - p3, 3 * p1 - p0 - 3 * p2 + p3
        pieces.append(p1 + (linear * t + square * t**2 + cube * t**3) / 2)
    return np.concatenate(pieces)


def untidy(style: Style, curves: Doubles, count: int, rng: np.random.Generator, untidiest: float = 1.0) -> Doubles:
    """Points (count, samples, 2) along a style's strokes, each time written anew: control points moved, all bent; of
    the `untidiest` 1 can just be read.
    """
    untidiness = untidiest * rng.uniform(0.1, 1, (count, 1, 1))
    curve = curves @ (np.array(style.points) + untidiness * rng.normal(0, 0.06, (count, len(style.points), 2)))
    # Waves about as long as the digit bend it smoothly, so that its parts change their proportions.
    waves, phases = rng.normal(0, 3, (count, 2, 4)), rng.uniform(0, 2 * np.pi, (count, 1, 4))
    curve += np.sin(curve @ waves + phases) @ (untidiness * rng.normal(0, 0.08, (count, 4, 2)))
    return curve


def slant(width: Doubles, lean: Doubles, turn: Doubles) -> Doubles:
    """(count, 2, 2) matrices, to multiply (x, y) rows by: how wide a hand writes, how far it leans to the right per
    height, and how far it turns, radians; each (count,).
    """
    cos, sin = np.cos(turn), np.sin(turn)
    x_goes, y_goes = (width * cos, width * sin), (-lean * cos - sin, cos - lean * sin)
    return np.stack([*x_goes, *y_goes], axis=1).reshape(len(width), 2, 2)


def fit(curve: Doubles, pen: Doubles) -> tuple[Floats, Floats]:
    """x and y (count, samples), pixels, of points along strokes (count, samples, 2) that fill the longer side of a box
    of 20 pixels with a pen of so many pixels' width (count, 1, 1); the figure begins at its top left corner.
    """
    low, high = curve.min(axis=1, keepdims=True), curve.max(axis=1, keepdims=True)
    scale = (BOX - pen) / (high - low).max(axis=2, keepdims=True)
    x, y = np.moveaxis((curve - low) * scale + pen / 2, 2, 0).astype(np.float32)
    return x, y


def distances(x: Floats, y: Floats) -> Floats:
    """(count, 20, 20): how far each pixel's middle is from the nearest of points (count, samples), pixels."""
    pixel = np.arange(BOX, dtype=np.float32) + 0.5
    across, down = (pixel - x[:, :, None]) ** 2, (pixel - y[:, :, None]) ** 2  # (count, samples, 20)
    nearest = np.full((len(x), BOX, BOX), np.inf, np.float32)  # squared
    distance = np.empty_like(nearest)
    for sample in range(x.shape[1]):
        np.add(across[:, sample, None, :], down[:, sample, :, None], out=distance)
        np.minimum(nearest, distance, out=nearest)
    return np.sqrt(nearest)
