"""What is printed on paper around a digit: ruled and squared lines, frames of boxes and cells; found and taken away.

Pictures are ink: float32 (H, W), 0 paper to 1 full ink.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

_LEAST_SIDE = 100  # pixels; in smaller pictures a line is as thick as a stroke
_THIN = 0.02  # thickness of a ruled line at most, as a share of the picture's longer side
_TILTS = np.linspace(-0.06, 0.06, 41)  # of lines, pixels down for each to the right
_COVERED = 0.6  # share of the picture's width that a ruled line has ink on
_BAND = 0.15  # how far from its box's edge the ink of a frame lies at most, as a share of the box
_RUN = 0.85  # share of a side of the box along which a frame has ink


def without_print(ink: Floats) -> Floats:
    """Without lines that run through the whole picture and without frames that stand around something."""
    if min(ink.shape) >= _LEAST_SIDE:
        rules = _rules(ink)
        rules |= _rules(ink.T).T
        if rules.any():
            ink = np.where(rules, np.float32(0), ink)
    return _without_frames(ink)


def _rules(ink: Floats) -> Mask:
    """Pixels of thin lines that run from the left edge to the right, a digit's strokes across them left out."""
    height, width = ink.shape
    solid = ink > 0.25  # soft edges count
    thin = solid & (_runs(solid) <= max(3, _THIN * max(ink.shape)))
    y, x = thin.nonzero()
    found = np.zeros(ink.shape, bool)
    if not len(y):
        return found
    drops = [np.rint(y - tilt * (x - width / 2)).astype(np.int64) + height for tilt in _TILTS]
    most = 3 * height
    covered = np.stack([np.bincount(drop, minlength=most) for drop in drops])
    covered = covered + np.roll(covered, 1, 1) + np.roll(covered, -1, 1)  # lines may be more than a pixel thick
    tilt = int((np.sort(covered, 1)[:, -3:].sum(1)).argmax())  # ruled lines are parallel
    for row in np.flatnonzero(covered[tilt] >= _COVERED * width):
        near = np.abs(drops[tilt] - row) <= 1
        columns = np.unique(x[near])
        ends = columns[0] < 0.05 * width and columns[-1] >= 0.95 * width
        if ends and len(columns) >= _COVERED * width:
            found[y[near], x[near]] = True
    return found


def _runs(solid: Mask) -> NDArray[np.int64]:
    """For each pixel of `solid` how many of them lie in a row above and below it, itself included; else 0."""
    height = solid.shape[0]
    index = np.arange(height)[:, None]
    above = np.maximum.accumulate(np.where(solid, -1, index), 0)
    below = np.minimum.accumulate(np.where(solid, height, index)[::-1], 0)[::-1]
    return np.where(solid, below - above - 1, 0)


def _without_frames(ink: Floats) -> Floats:
    parts, count = ndimage.label(ink >= 0.5, np.ones((3, 3)))
    area = np.bincount(parts.ravel(), minlength=count + 1)
    boxes = ndimage.find_objects(parts)
    gone = np.zeros(ink.shape, bool)
    for number, box in enumerate(boxes, 1):
        if max(box[0].stop - box[0].start, box[1].stop - box[1].start) < 0.3 * max(ink.shape):
            continue  # too small to stand around a digit
        part = parts[box] == number
        least = 1 if _is_cut_off(box, ink.shape) else 4
        if _sides(part) >= least and _stands_around(part, parts[box], area):
            gone[box] |= part
    if not gone.any():
        return ink
    keep = ndimage.binary_dilation((ink >= 0.5) & ~gone, iterations=2)
    soft = ndimage.binary_dilation(gone, iterations=2) & ~keep
    return np.where(gone | soft, np.float32(0), ink)


def _stands_around(part: Mask, parts: NDArray[np.int32], area: NDArray[np.int64]) -> bool:
    """Whether as much ink as a digit has lies in its box beside it."""
    others = np.unique(parts[(parts > 0) & ~part])
    return bool(area[others].sum() >= 0.05 * part.sum())


def _sides(part: Mask) -> int:
    """Along how many sides of its box it has ink from end to end, if all its ink is near the edge of the box: four of
    a rectangle, less of one that the picture's edge cuts off, none of a 0.
    """
    height, width = part.shape
    y, x = max(1, round(_BAND * height)), max(1, round(_BAND * width))
    if part[y:-y, x:-x].sum() > 0.02 * part.sum():
        return 0
    sides = (part[:y].any(0), part[-y:].any(0), part[:, :x].any(1), part[:, -x:].any(1))
    return sum(float(side.mean()) >= _RUN for side in sides)


def _is_cut_off(box: tuple[slice, ...], shape: tuple[int, ...]) -> bool:
    return any(one.start == 0 or one.stop == length for one, length in zip(box, shape, strict=True))
