"""Strokes that a hand might have drawn to make a given picture: the lines along the middle of its ink."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch.nn.functional as F
from torch import Tensor

from nnviz.data.drawing import CANVAS, Drawing, Stroke

Bools = npt.NDArray[np.bool_]

FINE = 3  # pictures are thinned this much enlarged


def drawings_of(images: Tensor, width: float, side: float = 200) -> list[Drawing]:
    """Each of uint8 `images` (n, 1, 28, 28) as strokes of one round pen; 20 pixels of an image become `side`."""
    large = F.interpolate(images.float() / 255, scale_factor=FINE, mode="bilinear")[:, 0].numpy()
    scale = side / 20 / FINE
    shift = (CANVAS - 28 * FINE * scale) / 2
    drawings = []
    for lines in map(_lines, thinned(large >= 0.5)):
        paths = [tuple((x * scale + shift, y * scale + shift, 0.0) for y, x in line) for line in lines]
        drawings.append(Drawing(tuple(Stroke(path, width) for path in paths)))
    return drawings


def thinned(solid: Bools) -> Bools:
    """Zhang and Suen's thinning (1984) of a batch (n, h, w): lines of one pixel along the middle."""
    solid = np.pad(solid, ((0, 0), (1, 1), (1, 1)))
    changing = True
    while changing:
        changing = False
        for first in (True, False):
            around = [
                np.roll(solid, (-dy, -dx), (1, 2))
                for dy, dx in ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))
            ]
            north, _, east, _, south, _, west, _ = around
            count = np.sum(around, axis=0)
            rises = np.sum([~a & b for a, b in zip(around, around[1:] + around[:1], strict=True)], axis=0)
            open_ = (
                (north & east & south, east & south & west) if first else (north & east & west, north & south & west)
            )
            gone = solid & (count >= 2) & (count <= 6) & (rises == 1) & ~open_[0] & ~open_[1]
            solid = solid & ~gone
            changing |= bool(gone.any())
    return solid[:, 1:-1, 1:-1]


def _lines(skeleton: Bools) -> list[list[tuple[float, float]]]:
    """The pixels (y, x) of a skeleton (h, w) as lines, each from an end or a fork until it meets what is drawn."""
    left = {(int(y), int(x)) for y, x in zip(*skeleton.nonzero(), strict=True)}
    drawn: set[tuple[int, int]] = set()
    lines = []

    def near(place: tuple[int, int], among: set[tuple[int, int]]) -> list[tuple[int, int]]:
        y, x = place
        steps = ((0, 1), (1, 0), (0, -1), (-1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1))
        return [(y + dy, x + dx) for dy, dx in steps if (y + dy, x + dx) in among]

    while left:
        line = [min(left, key=lambda place: (len(near(place, left)), place))]
        left.discard(line[0])
        line = near(line[0], drawn)[:1] + line
        while onward := near(line[-1], left):
            left.discard(onward[0])
            line.append(onward[0])
        line += near(line[-1], drawn - set(line[-2:]))[:1]
        drawn |= set(line)
        middles = [(y + 0.5, x + 0.5) for y, x in line]
        lines.append(middles[:1] + middles[1:-1:2] + middles[-1:] if len(middles) > 2 else middles)
    return lines
