"""Elastic bends: the paper is stretched here and pressed together there (Simard et al., 2003)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from nnviz.spec.augmentations.affine import uniform
from nnviz.spec.augmentations.base import Augmentation

GRID = 4
"""Points on a side at which the bend is drawn; between them it is smooth (bicubic)."""

MAX_BEND = 2.5
"""Pixels that such a point moves at most, either way and direction."""


def bend(images: Tensor, moves: Tensor) -> Tensor:
    """Bend uint8 images (n, 1, side, side) by `moves` (n, 2 · GRID²): how far to the right of each point and below it
    its ink comes from, pixels. Bilinear.
    """
    side = images.shape[-1]
    coarse = moves.view(-1, 2, GRID, GRID)
    field = F.interpolate(coarse, size=(side, side), mode="bicubic", align_corners=True) * (2 / side)
    straight = F.affine_grid(torch.eye(2, 3, device=images.device)[None], [1, 1, side, side], align_corners=False)
    grid = straight + field.permute(0, 2, 3, 1)
    bent = F.grid_sample(images.float(), grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    return bent.round_().clamp_(0, 255).to(torch.uint8)


_BEND = f"""
def bend(image):
    \"\"\"Elastic: the paper is stretched here and pressed together there.\"\"\"
    coarse = {MAX_BEND} * (2 * torch.rand(1, 2, {GRID}, {GRID}) - 1)
    field = nn.functional.interpolate(coarse, size=(28, 28), mode="bicubic", align_corners=True) * (2 / 28)
    straight = nn.functional.affine_grid(torch.eye(2, 3)[None], [1, 1, 28, 28], align_corners=False)
    ink = transforms.functional.pil_to_tensor(image).float()[None]
    grid = straight + field.permute(0, 2, 3, 1)
    bent = nn.functional.grid_sample(ink, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    return transforms.functional.to_pil_image(bent[0].round().clamp(0, 255).to(torch.uint8))
"""

ELASTIC = Augmentation(
    "elastic",
    "Elastic bends up to 2.5 pixels",
    uniform(*(MAX_BEND,) * (2 * GRID**2)),
    bend,
    helpers=_BEND,
    transforms=("bend",),
    rank=13,
)
