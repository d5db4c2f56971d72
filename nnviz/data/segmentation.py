"""Several digits on one paper: which ink belongs to which, left to right.

Pieces of ink (connected components) that stand above each other, or are too small to be digits, belong together: the
bar of a 5, a dot, the parts of a broken line. What is then wide for one digit may be several that touch: it is cut
where the ink is thinnest, and who can read digits decides (heuristic over-segmentation: LeCun et al. 1998, section V).
"""

from __future__ import annotations

from itertools import combinations, pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

MOST = 10
"""Digits on one paper."""

_LEAST_HEIGHT = 0.35  # of a digit, as a share of the highest one
_ABOVE = 0.45  # share of the narrower piece's width that lies above or below the other one: then they are one digit
_BAR_ABOVE = 0.2  # the same where one of them is too flat for a digit
_NEAR = 0.25  # how far what is too small may lie from its digit, as a share of the highest one
_WIDE, _WIDEST = 1.0, 2.0  # of a digit, as a multiple of its height: it may, and must, be more than one
_USUAL = 0.8  # the same, of digits that touch, with what lies between them
_MIDDLE = 0.25  # how far from the middle a cut may lie, as a share of a digit's width


class Segment(NamedTuple):
    """One digit of a picture: its ink alone (h, w), and the box that this was cut from, pixels."""

    ink: Floats
    top: int
    bottom: int
    left: int
    right: int
    cuts: tuple[Segment, ...] = ()
    """The digits that it may be instead, if these touch."""
    too_wide: bool = False
    """It can't be one digit."""


def segments(ink: Floats) -> tuple[Segment, ...]:
    """The digits of a picture (H, W), 0 paper to 1 ink, left to right; none of a blank one."""
    solid = ink >= 0.5
    parts, count = ndimage.label(solid, np.ones((3, 3)))
    if not count:
        return ()
    # What is fainter than half goes with the piece that is nearest.
    soft = ndimage.distance_transform_edt(parts == 0, return_distances=False, return_indices=True)
    owner = parts[tuple(soft)]
    groups = _grouped(ndimage.find_objects(parts))
    found = []
    for group in groups:
        own = np.isin(owner, np.array(group) + 1) & (ink > 0)
        found.append(_segment(*_boxed(np.where(own, ink, np.float32(0)))))
    return tuple(sorted(found, key=lambda one: one.left + one.right))


class _Box(NamedTuple):
    top: int
    bottom: int
    left: int
    right: int

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def width(self) -> int:
        return self.right - self.left

    def around(self, other: _Box) -> _Box:
        return _Box(
            min(self.top, other.top),
            max(self.bottom, other.bottom),
            min(self.left, other.left),
            max(self.right, other.right),
        )

    def above(self, other: _Box) -> float:
        """Share of the narrower one's width that both have in common."""
        common = min(self.right, other.right) - max(self.left, other.left)
        return max(0, common) / min(self.width, other.width)

    def distance(self, other: _Box) -> float:
        x = max(0, self.left - other.right, other.left - self.right)
        y = max(0, self.top - other.bottom, other.top - self.bottom)
        return float(np.hypot(x, y))


def _grouped(slices: list[tuple[slice, slice]]) -> list[list[int]]:
    """Indices of the pieces that make one digit each."""
    boxes = {n: _Box(y.start, y.stop, x.start, x.stop) for n, (y, x) in enumerate(slices)}
    high = max(box.height for box in boxes.values())
    high = max(high, max(min(box.width, 2 * high) for box in boxes.values()) // 2)  # a dash alone is no high digit
    groups = {n: [n] for n in boxes}
    while pair := _closest(boxes, high):
        one, other = pair
        groups[one] += groups.pop(other)
        boxes[one] = boxes[one].around(boxes.pop(other))
    return list(groups.values())


def _closest(boxes: dict[int, _Box], high: int) -> tuple[int, int] | None:
    """The two pieces that belong together most surely, the larger one first; None if none do."""
    found = []
    for one, other in combinations(boxes, 2):
        a, b = boxes[one], boxes[other]
        if a.height < b.height:
            one, other, a, b = other, one, b, a
        above, distance = a.above(b), a.distance(b)
        flat = b.height < _LEAST_HEIGHT * high
        if above >= (_BAR_ABOVE if flat else _ABOVE) or (flat and distance <= _NEAR * high):
            found.append((distance, -above, one, other))
    return min(found)[2:] if found else None


def _boxed(ink: Floats) -> tuple[Floats, int, int]:
    """What has ink, and the row and column that it begins at."""
    rows, columns = np.flatnonzero(ink.max(1)), np.flatnonzero(ink.max(0))
    top, left = int(rows[0]), int(columns[0])
    return ink[top : rows[-1] + 1, left : columns[-1] + 1], top, left


def _segment(ink: Floats, top: int, left: int) -> Segment:
    height, width = ink.shape
    cuts = _cut(ink, top, left) if width > _WIDE * height else ()
    whole = Segment(ink, top, top + height, left, left + width, cuts)
    return whole._replace(too_wide=bool(cuts) and width > _WIDEST * height)


def _cut(ink: Floats, top: int, left: int) -> tuple[Segment, ...]:
    """Into as many as it is wide for, if each of them is as high as a digit; a dash is none."""
    height, width = ink.shape
    count = max(2, round(width / (_USUAL * height)))
    if count > MOST:
        return ()
    each = width / count
    edges = [np.zeros(height, np.int64)]
    for place in range(1, count):
        low, high = (round(each * (place + side * _MIDDLE)) for side in (-1, 1))
        edges.append(_seam(ink, low, high))
    edges.append(np.full(height, width))
    column = np.arange(width)
    found = []
    for begin, end in pairwise(edges):
        part = np.where((column >= begin[:, None]) & (column < end[:, None]), ink, np.float32(0))
        if part.max() < 0.5:
            return ()
        inner, y, x = _boxed(part)
        if inner.shape[0] < _LEAST_HEIGHT * height:
            return ()
        found.append(Segment(inner, y + top, y + top + inner.shape[0], x + left, x + left + inner.shape[1]))
    return tuple(found)


def _seam(ink: Floats, low: int, high: int) -> NDArray[np.int64]:
    """The way from top to bottom between two columns that crosses the least ink, one column for each row; it moves at
    most one column a row (seam carving: Avidan and Shamir, 2007).
    """
    cost = ink[:, low : high + 1].astype(np.float64) + 1e-3
    for row in range(1, len(cost)):
        before = np.pad(cost[row - 1], 1, constant_values=np.inf)
        cost[row] += np.minimum(np.minimum(before[:-2], before[2:]), before[1:-1])
    path = np.empty(len(cost), np.int64)
    path[-1] = cost[-1].argmin()
    for row in range(len(cost) - 2, -1, -1):
        begin = max(0, path[row + 1] - 1)
        path[row] = begin + cost[row, begin : path[row + 1] + 2].argmin()
    return path + low
