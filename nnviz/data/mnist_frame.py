"""MNIST's frame: the longer side of a digit scaled to 20 pixels, its centre of mass laid at pixel index 14 of 28.

All functions take a batch of pictures, so that a single drawing and sixty thousand made digits go the same way.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Indices = NDArray[np.int64]

SIDE = 28  # of an image, pixels
BOX = 20  # longer side of a digit in it
CENTRE = 14  # pixel index of its centre of mass


class Boxes(NamedTuple):
    """For each picture the box around its ink: first rows and columns, and one past the last; each int64 (N,)."""

    top: Indices
    bottom: Indices
    left: Indices
    right: Indices


class Sized(NamedTuple):
    """Small pictures, each in the top left corner of a square: ink (N, size, size), its height and width (N,)."""

    ink: Floats
    height: Indices
    width: Indices


def frame(ink: Floats) -> Floats:
    """Pictures of digits → MNIST's frame, with what is outside the digit's box cut off.

    The box around the ink is scaled, sides in proportion, so that its longer side is 20 pixels, and laid into 28×28 at
    whole pixels so that the centre of mass comes nearest to pixel index 14, as MNIST's makers did.

    `ink` is (N, H, W), 0 (paper) to 1 (full ink); the result (N, 28, 28) in the same unit. A blank picture stays blank.
    """
    return centre_mass(scale(ink, ink_boxes(ink)))


def ink_boxes(ink: Floats) -> Boxes:
    """The boxes of all pixels with at least half of their picture's strongest ink; the whole of a blank picture."""
    peak = ink.max(axis=(1, 2), keepdims=True)
    solid = (ink >= peak / 2) & (peak > 0)
    return Boxes(*_extent(solid.any(axis=2)), *_extent(solid.any(axis=1)))


def scale(ink: Floats, boxes: Boxes, size: int = BOX) -> Sized:
    """Scale what is in the boxes, sides in proportion, so that the longer side is `size` pixels; antialiased."""
    top, bottom, left, right = boxes
    factor = size / np.maximum(bottom - top, right - left)
    height = np.maximum(1, np.rint((bottom - top) * factor)).astype(np.int64)
    width = np.maximum(1, np.rint((right - left) * factor)).astype(np.int64)
    rows = _resampling(top, bottom, height, ink.shape[1], size)
    columns = _resampling(left, right, width, ink.shape[2], size)
    scaled = rows @ ink @ columns.transpose(0, 2, 1)
    return Sized(scaled.astype(np.float32, copy=False), height, width)


def centre_mass(sized: Sized) -> Floats:
    """Lay pictures of at most 28×28 into the frame so that the centre of mass comes nearest to 14; (N, 28, 28)."""
    return _lay(sized, *(_begin(_mass(sized.ink.sum(axis=axis)), CENTRE, size) for axis, size in _axes(sized)))


def centre_box(sized: Sized) -> Floats:
    """Lay pictures into the frame's middle, wherever their ink is; (N, 28, 28)."""
    return _lay(sized, *(_begin(size / 2, SIDE / 2, size) for _, size in _axes(sized)))


def _axes(sized: Sized) -> tuple[tuple[int, Indices], tuple[int, Indices]]:
    """For y and for x: the axis to sum over for a profile, and the size."""
    return (2, sized.height), (1, sized.width)


def _extent(inked: NDArray[np.bool_]) -> tuple[Indices, Indices]:
    """First index and one past the last where (N, L) is true; the whole length where none is."""
    length = inked.shape[1]
    return inked.argmax(axis=1), length - inked[:, ::-1].argmax(axis=1)


def _resampling(start: Indices, stop: Indices, size: Indices, length: int, room: int) -> Floats:
    """(N, room, length) weights that resize [start, stop) to `size` pixels; rows from `size` on are zero.

    The filter is a triangle, widened when shrinking so that no source pixel is skipped (Pillow's antialiased BILINEAR).
    """
    step = ((stop - start) / size)[:, None, None]
    target = np.arange(room)[None, :, None]
    source = np.arange(length)[None, None, :]
    distance = source + 0.5 - (start[:, None, None] + (target + 0.5) * step)
    weights = np.maximum(0, 1 - np.abs(distance) / np.maximum(1, step))
    weights *= (source >= start[:, None, None]) & (source < stop[:, None, None]) & (target < size[:, None, None])
    total = weights.sum(axis=2, keepdims=True)
    return (weights / np.where(total > 0, total, 1)).astype(np.float32)


def _mass(profile: Floats) -> NDArray[np.float64]:
    """Centre of mass (N,) of ink profiles (N, L), pixel indices; 0 where there is no ink."""
    total = profile.sum(axis=1)
    mass: NDArray[np.float64] = (profile * np.arange(profile.shape[1])).sum(axis=1) / np.where(total > 0, total, 1)
    return mass


def _begin(middle: NDArray[np.float64], goal: float, size: Indices) -> Indices:
    """Where a picture of `size` pixels must begin for its `middle` to come nearest to `goal`, none of it cut off."""
    begin: Indices = np.clip(np.rint(goal - middle).astype(np.int64), 0, SIDE - size)
    return begin


def _lay(sized: Sized, y: Indices, x: Indices) -> Floats:
    room = sized.ink.shape[1]  # the empty part of a narrow picture may reach over the edge
    framed = np.zeros((len(sized.ink), SIDE + room, SIDE + room), np.float32)
    step = np.arange(room)
    places = np.arange(len(sized.ink))[:, None, None], (y[:, None] + step)[:, :, None], (x[:, None] + step)[:, None]
    framed[places] = sized.ink
    return framed[:, :SIDE, :SIDE]
