"""Shifts, rotations, sizes and stroke widths."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from nnviz.spec.augmentations.base import Augmentation

MAX_SHIFT = 2.0
"""Pixels, either way and direction, as torchvision's RandomAffine(translate=(2/28, 2/28))."""

MAX_ANGLE = 10.0
"""Degrees, either way, as torchvision's RandomAffine(degrees=10)."""

MAX_SCALE = 0.1
"""Share of the size, either way, as torchvision's RandomAffine(scale=(0.9, 1.1))."""

MAX_STROKE = 0.7
"""How far towards lines that are one pixel thicker or thinner on either side."""

_TRANSLATE = f"translate=({MAX_SHIFT:g} / 28, {MAX_SHIFT:g} / 28)"
_BILINEAR = "interpolation=transforms.InterpolationMode.BILINEAR"


def uniform(*limits: float) -> Callable[[int, torch.Generator], Tensor]:
    """Draws, for each image, a number between −limit and +limit for each of `limits`."""
    return lambda count, source: (torch.rand(count, len(limits), generator=source) * 2 - 1) * torch.tensor(limits)


def move(images: Tensor, moves: Tensor) -> Tensor:
    """Rotate, shift and scale uint8 images (n, 1, side, side) by `moves` (n, 3 or 5), bilinear, zeros (paper)
    flowing in; before that, make their lines thicker or thinner. uint8.
    """
    side, inks = images.shape[-1], images.float()
    growth = torch.ones(len(moves), device=moves.device)
    if moves.shape[1] > 3:
        growth = 1 + moves[:, 3]
        inks = thicken(inks, moves[:, 4])
    angle = moves[:, 0] * (math.pi / 180)
    cos, sin = angle.cos() / growth, angle.sin() / growth
    right, down = moves[:, 1] * (2 / side), moves[:, 2] * (2 / side)
    # affine_grid wants the way from output back to input: undo the shift, then the rotation.
    theta = torch.stack([cos, sin, -cos * right - sin * down, -sin, cos, sin * right - cos * down], dim=1).view(
        -1, 2, 3
    )
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    moved = F.grid_sample(inks, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    return moved.round_().to(torch.uint8)


def thicken(inks: Tensor, amount: Tensor) -> Tensor:
    """Float images (n, 1, h, w) part of the way to lines a pixel thicker on either side (`amount` 1, a dilation by a
    cross of five pixels) or thinner (−1, an erosion).
    """
    sign = torch.where(amount < 0, -1.0, 1.0).view(-1, 1, 1, 1)
    signed = inks * sign  # the erosion of a picture is the dilation of its negative
    around = F.pad(signed, (1, 1, 1, 1), value=-math.inf)
    widest = signed
    for neighbour in (  # ten times as fast as max_pool2d
        around[..., :-2, 1:-1],
        around[..., 2:, 1:-1],
        around[..., 1:-1, :-2],
        around[..., 1:-1, 2:],
    ):
        widest = torch.maximum(widest, neighbour)
    return inks + amount.abs().view(-1, 1, 1, 1) * (sign * widest - inks)


THICKEN = f"""
def thicken(image):
    \"\"\"Part of the way to lines a pixel thicker on either side (dilation) or thinner.\"\"\"
    amount = {MAX_STROKE} * (2 * torch.rand(()).item() - 1)
    sign = -1 if amount < 0 else 1
    ink = transforms.functional.pil_to_tensor(image).float()
    upright = nn.functional.max_pool2d(sign * ink, (3, 1), 1, (1, 0))
    widest = torch.maximum(upright, nn.functional.max_pool2d(sign * ink, (1, 3), 1, (0, 1)))
    changed = ink + abs(amount) * (sign * widest - ink)
    return transforms.functional.to_pil_image(changed.round().to(torch.uint8))
"""

NONE = Augmentation("none", "None", rank=0)
SHIFT = Augmentation(
    "shift",
    "Shifts up to 2 pixels",
    uniform(0, MAX_SHIFT, MAX_SHIFT),
    move,
    transforms=(f"transforms.RandomAffine(degrees=0, {_TRANSLATE})",),
    rank=10,
)
ROTATE = Augmentation(
    "rotate",
    "Rotations up to 10°",
    uniform(MAX_ANGLE, 0, 0),
    move,
    transforms=(f"transforms.RandomAffine(degrees={MAX_ANGLE:g}, {_BILINEAR})",),
    rank=11,
)
SHIFT_ROTATE = Augmentation(
    "shift_rotate",
    "Shifts and rotations",
    uniform(MAX_ANGLE, MAX_SHIFT, MAX_SHIFT),
    move,
    transforms=(f"transforms.RandomAffine(degrees={MAX_ANGLE:g}, {_TRANSLATE}, {_BILINEAR})",),
    rank=12,
)
DRAWING = Augmentation(
    "drawing",
    "As people draw: shifts, rotations, sizes, stroke widths",
    uniform(MAX_ANGLE, MAX_SHIFT, MAX_SHIFT, MAX_SCALE, MAX_STROKE),
    move,
    helpers=THICKEN,
    transforms=(
        "thicken",
        f"transforms.RandomAffine(degrees={MAX_ANGLE:g}, {_TRANSLATE},"
        f" scale=({1 - MAX_SCALE:g}, {1 + MAX_SCALE:g}), {_BILINEAR})",
    ),
    rank=20,
)
