"""What an augmentation is: training images changed a little, anew in every epoch, by numbers that are drawn before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Augmentation:
    name: str
    title: str
    draw: Callable[[int, torch.Generator], Tensor] | None = None
    """For so many images, what to do to each: float32 (count, numbers). None: nothing is done."""
    apply: Callable[[Tensor, Tensor], Tensor] | None = None
    """uint8 images (n, 1, h, w) and their rows of `draw` → uint8 images. Paper, 0, flows in at the rim."""
    helpers: str = ""
    """Functions of a script that does the same, as its source."""
    transforms: tuple[str, ...] = ()
    """What the script does to a PIL image before it becomes a tensor: expressions that can be called."""
    rank: int = 100
    """Its place in menus; those of one rank by their name."""
