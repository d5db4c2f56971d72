"""What pens draw that is no digit: random lines, arcs, loops, scribbles, dots; digits bent, turned or drawn over.

And digits, in the styles of `offline_digits` and those that MNIST lacks.
Both are drawn with one pen and in one frame, as `nnviz.data.drawing.prepare` leaves a drawing, so that only the shape
tells them apart. No letter and no sketch is written down here: what is unlike a digit is to be told without a list.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nnviz.data.drawing import STROKE_RANGE
from nnviz.data.mnist_frame import frame

# The same pen as that of the digits: else it would be the pen that is recognised.
from nnviz.data.offline_digits import STYLES, Bytes, Digits, draw
from nnviz.data.strokes import Style, curves_of
from nnviz.data.styles import RARE

Point = tuple[float, float]
Line = list[Point]
"""A smooth stroke through its points, in about the unit square, y down."""

ALL_STYLES = (*STYLES, *RARE)

UNTIDIEST = 0.5
"""How far the points of a hand's figure stray, beside those of `offline_digits`: all digits here can be read."""

_PLACES: tuple[Point, ...] = tuple((x, y) for x in (0.0, 0.4, 0.8) for y in (0.0, 0.5, 1.0))
"""Where lines of people begin and end: corners, edges and middle of a box."""


def digits(each: int, seed: int) -> Digits:
    """About `each` digits of a style of weight 1, as many more of a common one; style by style, always the same."""
    rng = np.random.default_rng(seed)
    images, labels = [], []
    for style in ALL_STYLES:
        count = max(1, round(each * style.weight))
        images.append(_images(style, count, rng))
        labels.append(np.full(count, style.digit, np.uint8))
    return Digits(np.concatenate(images), np.concatenate(labels))


def figures(count: int, seed: int, each: int = 5) -> Bytes:
    """(count, 28, 28) figures that are no digits, but for a few that are by chance; `each` by as many hands."""
    rng = np.random.default_rng(seed)
    shares = np.array([kind.share for kind in _KINDS])
    made: list[Bytes] = []
    for _ in range(-(-count // each)):
        lines = _KINDS[rng.choice(len(_KINDS), p=shares / shares.sum())].lines(rng)
        made.append(_images(_as_style(lines), each, rng))
    return np.concatenate(made)[:count]


def _images(style: Style, count: int, rng: np.random.Generator) -> Bytes:
    """(count, 28, 28), by as many hands with a pen as wide as `prepare` leaves it."""
    low, high = STROKE_RANGE
    ink = draw(style, curves_of(style), count, rng, rng.uniform(low - 0.1, high + 0.1, (count, 1, 1)), UNTIDIEST)
    return np.rint(255 * frame(ink)).astype(np.uint8)


def _as_style(lines: list[Line]) -> Style:
    """Points at the same place become one, so that lines which met still meet when a hand moves the points."""
    indices: dict[Point, int] = {}
    strokes = []
    for line in lines:
        stroke = [indices.setdefault(point, len(indices)) for point in line]
        stroke = [one for place, one in enumerate(stroke) if place == 0 or one != stroke[place - 1]]
        if len(stroke) == 1:  # a dot
            x, y = line[0]
            stroke.append(indices.setdefault((x + 0.02, y), len(indices)))
        strokes.append(tuple(stroke))
    return Style(-1, 1, tuple(indices), tuple(strokes))


# ---------------------------------------------------------------------- kinds of figures


def _straight(rng: np.random.Generator) -> list[Line]:
    """One to seven straight lines, most of which meet others."""
    ends: list[Point] = []
    lines = []
    for _ in range(rng.choice([1, 2, 3, 4, 5, 7], p=[0.08, 0.32, 0.3, 0.18, 0.08, 0.04])):
        begin = ends[rng.integers(len(ends))] if ends and rng.random() < 0.6 else _PLACES[rng.integers(9)]
        end = _anywhere(rng) if rng.random() < 0.3 else _PLACES[rng.integers(9)]
        lines.append([begin, end])
        ends += [begin, end]
    return lines


def _polygon(rng: np.random.Generator) -> list[Line]:
    """An outline with corners or without, sometimes with a line in it."""
    corners = int(rng.integers(3, 7))
    angles: NDArray[Any] = (
        rng.uniform(0, 2 * np.pi) + 2 * np.pi * (np.arange(corners) + rng.uniform(-0.25, 0.25, corners)) / corners
    )
    if rng.random() < 0.4:  # a box that stands on a side
        angles = np.pi / 4 + np.pi / 2 * np.arange(4)
    away = rng.uniform(0.35, 0.6, len(angles))
    if rng.random() < 0.25:  # a notch
        away[rng.integers(len(away))] *= 0.4
    points: Line = [(x, y) for x, y in np.stack([away * np.cos(angles) + 0.5, away * np.sin(angles) + 0.5], 1).tolist()]
    around = [*points, points[0]]
    smooth = rng.random() < 0.25
    lines = [around] if smooth else [list(side) for side in pairwise(around)]
    return lines + (_straight(rng)[:2] if rng.random() < 0.4 else [])


def _walk(rng: np.random.Generator) -> list[Line]:
    """One smooth line through three to seven places."""
    places = rng.permutation(9)[: rng.integers(3, 8)]
    return [[_PLACES[one] if rng.random() < 0.6 else _anywhere(rng) for one in places]]


def _arc(
    rng: np.random.Generator, centre: Point | None = None, radii: NDArray[np.float64] | None = None, turn: float = 0
) -> Line:
    """Part of an ellipse, or more than one turn of it, sometimes a spiral. `turn` in radians."""
    x, y = centre or rng.uniform(0.2, 0.8, 2).tolist()
    radii = rng.uniform(0.12, 0.55, 2) if radii is None else radii
    turn = turn or float(rng.uniform(1.5, 7.5))
    angles = rng.uniform(0, 2 * np.pi) + rng.choice([-1, 1]) * np.linspace(0, turn, max(3, int(turn / 0.8) + 1))
    inward = 1 - np.linspace(0, rng.uniform(-0.25, 0.5) if rng.random() < 0.3 else 0, len(angles))
    return list(
        zip(
            (x + radii[0] * inward * np.cos(angles)).tolist(),
            (y + radii[1] * inward * np.sin(angles)).tolist(),
            strict=True,
        )
    )


def _arcs(rng: np.random.Generator) -> list[Line]:
    return [_arc(rng) for _ in range(rng.integers(1, 4))]


def _stem(rng: np.random.Generator) -> list[Line]:
    """A line that stands, with an arc or two at it."""
    x = float(rng.uniform(0, 0.8))
    arcs = [_arc(rng) for _ in range(rng.integers(1, 3))]
    if rng.random() < 0.5:
        arcs[0][0] = (x, float(rng.uniform(0, 1)))
        if rng.random() < 0.6:
            arcs[0][-1] = (x, float(rng.uniform(0, 1)))
    return [[(x, 0.0), (x + float(rng.normal(0, 0.05)), 1.0)], *arcs]


def _ring(rng: np.random.Generator) -> list[Line]:
    """A closed line with things in or across it; with one line across it would be a slashed 0."""
    lines = [_arc(rng, (0.5, 0.5), rng.uniform(0.3, 0.55, 2), 2 * np.pi)]
    for _ in range(rng.integers(2, 5)):
        if rng.random() < 0.7:
            (x, y), length, angle = rng.uniform(0.1, 0.9, 2).tolist(), rng.uniform(0.05, 0.5), rng.uniform(0, np.pi)
            lines.append([(x, y), (x + float(length * np.cos(angle)), y + float(length * np.sin(angle)))])
        else:
            lines.append(_arc(rng, radii=rng.uniform(0.05, 0.3, 2)))
    return lines


def _mixed(rng: np.random.Generator) -> list[Line]:
    return _arcs(rng)[:2] + _straight(rng)[: rng.integers(1, 4)]


def _scribble(rng: np.random.Generator) -> list[Line]:
    lines = []
    for _ in range(rng.integers(1, 4)):
        steps = int(rng.integers(10, 50))
        turns = np.cumsum(rng.normal(0, rng.uniform(0.4, 1.5), steps))
        path = np.cumsum(np.stack([np.cos(turns), np.sin(turns)], 1), 0)
        path = path / max(0.001, float(np.ptp(path, 0).max())) + rng.normal(0, 0.15, 2)
        lines.append([(x, y) for x, y in path.tolist()])
    return lines


def _dots(rng: np.random.Generator) -> list[Line]:
    return [[_anywhere(rng)] for _ in range(rng.integers(2, 6))]


def _blot(rng: np.random.Generator) -> list[Line]:
    """A box or a disc painted over, more or less: a dot is one, once it fills the frame."""
    width, height = rng.uniform(0.5, 1.2, 2).tolist()
    rows = np.arange(0, height, rng.uniform(0.05, 0.12))
    half = width / 2 * (np.sqrt(1 - (2 * rows / height - 1) ** 2) if rng.random() < 0.5 else np.ones_like(rows))
    ends = np.where(np.arange(len(rows)) % 2, half, -half)
    return [list(zip(ends.tolist(), rows.tolist(), strict=True))]


def _shaken(rng: np.random.Generator) -> list[Line]:
    """A digit whose points lie elsewhere."""
    return _lines(_any_style(rng), lambda points: points + rng.normal(0, 0.28, points.shape))


_TURNS: dict[str, NDArray[np.int64]] = {
    "mirrored": np.array([[-1, 0], [0, 1]]),
    "half a turn": np.array([[-1, 0], [0, -1]]),
    "upside down": np.array([[1, 0], [0, -1]]),
    "a quarter left": np.array([[0, -1], [1, 0]]),
    "a quarter right": np.array([[0, 1], [-1, 0]]),
    "transposed": np.array([[0, 1], [1, 0]]),
    "transposed the other way": np.array([[0, -1], [-1, 0]]),
}
_STILL_DIGITS = {"mirrored": (2, 5), "half a turn": (2, 5, 6, 9), "upside down": (2, 3, 5)}


def _turned(rng: np.random.Generator) -> list[Line]:
    """A digit mirrored or turned, unless that makes a digit of it."""
    while True:
        style, turn = _any_style(rng), list(_TURNS)[rng.integers(len(_TURNS))]
        if style.digit not in (0, 1, 8, *_STILL_DIGITS.get(turn, ())):
            matrix = _TURNS[turn]
            break
    return _lines(style, lambda points: points @ matrix)


def _two(rng: np.random.Generator) -> list[Line]:
    """Two digits side by side or one above the other."""
    away, size = np.zeros(2), rng.uniform(0.4, 1)
    away[rng.integers(2)] = rng.uniform(0.5, 1.1)
    return _lines(_any_style(rng)) + _lines(_any_style(rng), lambda points: points * size + away)


def _overdrawn(rng: np.random.Generator) -> list[Line]:
    """A digit and one line more, where that isn't a way to write it."""
    style = _any_style(rng)
    while style.digit in (0, 1, 7):
        style = _any_style(rng)
    return _lines(style) + (_straight(rng)[:1] if rng.random() < 0.6 else [_arc(rng)])


class _Kind(NamedTuple):
    lines: Callable[[np.random.Generator], list[Line]]
    share: float
    """How many of them there are, beside the others."""


_KINDS = (
    _Kind(_straight, 7),
    _Kind(_polygon, 2.5),
    _Kind(_walk, 2),
    _Kind(_arcs, 2),
    _Kind(_stem, 4),
    _Kind(_ring, 2),
    _Kind(_mixed, 4),
    _Kind(_scribble, 1.5),
    _Kind(_dots, 1),
    _Kind(_blot, 1.5),
    _Kind(_shaken, 3),
    _Kind(_turned, 4),
    _Kind(_two, 1.5),
    _Kind(_overdrawn, 2.5),
)


def _anywhere(rng: np.random.Generator) -> Point:
    x, y = rng.uniform(0, 1, 2).tolist()
    return x, y


def _any_style(rng: np.random.Generator) -> Style:
    return ALL_STYLES[rng.integers(len(ALL_STYLES))]


def _lines(
    style: Style, move: Callable[[NDArray[np.float64]], NDArray[np.float64]] = lambda points: points
) -> list[Line]:
    points = move(np.array(style.points)).tolist()
    return [[(points[one][0], points[one][1]) for one in stroke] for stroke in style.strokes]
