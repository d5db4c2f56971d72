"""Several digits on one paper, each framed and answered by itself; where they may touch, the net decides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nnviz.data.drawing import Prepared, Steps, prepare
from nnviz.data.segmentation import MOST, Segment, segments

Floats = NDArray[np.float32]

Ask = Callable[[NDArray[np.uint8]], Floats]
"""What a net says of drawings, uint8 (n, 28, 28): probabilities of the classes, (n, classes)."""


class Digit(NamedTuple):
    """One digit of a picture on its way into MNIST's frame."""

    prepared: Prepared
    left: int
    top: int
    right: int
    bottom: int
    """Of its box in the picture, pixels."""
    cuts: tuple[Digit, ...] = ()
    """What it may be instead: digits that touch."""
    too_wide: bool = False
    """It can't be one digit."""
    touching: bool = False
    """It was cut off from another one."""


def digits(ink: Floats, steps: Steps | None = None, *, separate: bool = True) -> tuple[Digit, ...]:
    """The digits of a picture (H, W), left to right, at most MOST; empty for a blank one. Without `separate`, all its
    ink is one digit.
    """
    found = segments(ink)
    if not found:
        return ()
    if not separate or (len(found) == 1 and not found[0].cuts):
        box = (min(one.left for one in found), min(one.top for one in found))
        end = (max(one.right for one in found), max(one.bottom for one in found))
        return (Digit(prepare(ink, steps), *box, *end),)
    return tuple(_digit(ink, one, steps) for one in found[:MOST])


def _digit(picture: Floats, segment: Segment, steps: Steps | None, *, touching: bool = False) -> Digit:
    ink = np.zeros_like(picture)  # where it lies on the paper is part of the way into the frame
    ink[segment.top : segment.bottom, segment.left : segment.right] = segment.ink
    cuts = tuple(_digit(picture, one, steps, touching=True) for one in segment.cuts)
    box = (segment.left, segment.top, segment.right, segment.bottom)
    return Digit(prepare(ink, steps), *box, cuts, segment.too_wide, touching)


def decide(found: Sequence[Digit], ask: Ask | None) -> tuple[Digit, ...]:
    """What is wide for a digit, as one or as those that it can be cut into: as the net is surer of, by the
    product of their probabilities. Without a net, as one.
    """
    chosen: list[Digit] = []
    for one in found:
        if one.cuts and ask is not None and _are_surer(one, ask):
            chosen += one.cuts
        else:
            chosen.append(one)
    return tuple(chosen[:MOST])


def _are_surer(one: Digit, ask: Ask) -> bool:
    if one.too_wide:
        return True
    told = ask(np.stack([each.prepared.pixels for each in (one, *one.cuts)])).max(1)
    return bool(told[1:].prod() > told[0])  # not where the net has diverged and says no numbers
