"""Mini-batches: which images, in which order, moved how. A pure function of (seed, epoch), so nothing need be stored.

Images stay bytes, memory-mapped and shared by all runs; a few batches at a time become normalised floats.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from nnviz.data.datasets import Dataset, Split, first_per_class, to_input
from nnviz.spec.train_config import TrainConfig

BLOCK = 256
"""Images turned into floats at once; small enough that they are still in the cache when they are trained on."""

MAX_SHIFT = 2.0
"""Pixels, either way and direction, as torchvision's RandomAffine(translate=(2/28, 2/28))."""

MAX_ANGLE = 10.0
"""Degrees, either way, as torchvision's RandomAffine(degrees=10)."""

MAX_SCALE = 0.1
"""Share of the size, either way, as torchvision's RandomAffine(scale=(0.9, 1.1))."""

MAX_STROKE = 0.7
"""How far towards lines that are one pixel thicker or thinner on either side."""


def generator(seed: int, *path: int) -> torch.Generator:
    """A generator of its own for one purpose, e.g. (seed, epoch)."""
    for number in path:
        seed = (seed * 1_000_003 + number + 1) % (2**63 - 1)
    return torch.Generator().manual_seed(seed)


def epoch_order(count: int, seed: int, epoch: int) -> Tensor:
    """The shuffled order of `count` training images in `epoch` (from 0), int64 (count,)."""
    return torch.randperm(count, generator=generator(seed, epoch))


class Loader:
    """The training images of one run, handed out batch by batch.

    A position is (epoch, cursor): how many images of the epoch were taken already. Batches may change size at any time.
    """

    def __init__(self, dataset: Dataset, split: Split, config: TrainConfig, device: torch.device) -> None:
        self.dataset, self.device = dataset, device
        self.seed, self.augment = config.seed, config.augment
        self.subset = first_per_class(split.labels, config.per_class) if config.per_class else None
        self.count = len(split.labels) if self.subset is None else len(self.subset)
        on_device = device.type != "cpu"
        self.images = split.images.to(device) if on_device else split.images
        self.labels = split.labels.to(device) if on_device else split.labels
        self.epoch = -1
        self._block_start = self._block_end = 0

    def take(self, epoch: int, cursor: int, size: int) -> tuple[Tensor, Tensor]:
        """The next batch: float32 images (n, 1, 28, 28) and int64 labels (n,), n ≤ size at the end of the epoch."""
        if epoch != self.epoch:
            self._begin(epoch)
        end = min(cursor + size, self.count)
        if not self._block_start <= cursor < end <= self._block_end:
            self._fill(cursor, max(size, BLOCK // size * size))
        low, high = cursor - self._block_start, end - self._block_start
        return self._block_images[low:high], self._block_labels[low:high]

    def _begin(self, epoch: int) -> None:
        self.epoch = epoch
        order = epoch_order(self.count, self.seed, epoch)
        self.order = (order if self.subset is None else self.subset[order]).to(self.device)
        self.moves = None
        if self.augment != "none":
            self.moves = random_moves(self.count, self.augment, generator(self.seed, epoch, 1)).to(self.device)
        self._block_start = self._block_end = 0

    def _fill(self, cursor: int, size: int) -> None:
        index = self.order[cursor : cursor + size]
        images = self.images.index_select(0, index)  # six times as fast as indexing with brackets
        if self.moves is not None:
            images = move(images, self.moves[cursor : cursor + size])
        self._block_images = to_input(images, self.dataset)
        self._block_labels = self.labels[index]
        self._block_start, self._block_end = cursor, cursor + len(index)


def random_moves(count: int, kind: str, source: torch.Generator) -> Tensor:
    """For each image (angle in degrees, shift right, shift down in pixels), uniform; float32 (count, 3).

    With "drawing" it is (count, 5): also by what share it grows, and how much thicker (thinner, below 0) its lines get.
    """
    rotates, shifts = (kind in (*names, "drawing") for names in (("rotate", "shift_rotate"), ("shift", "shift_rotate")))
    limits = [MAX_ANGLE * rotates, MAX_SHIFT * shifts, MAX_SHIFT * shifts]
    if kind == "drawing":
        limits += [MAX_SCALE, MAX_STROKE]
    return (torch.rand(count, len(limits), generator=source) * 2 - 1) * torch.tensor(limits)


def move(images: Tensor, moves: Tensor) -> Tensor:
    """Rotate, shift and scale uint8 images (n, 1, h, w) by `moves` (n, 3 or 5), bilinear, zeros (paper) flowing in;
    before that, make their lines thicker or thinner. uint8.
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
    widest = torch.maximum(F.max_pool2d(signed, (3, 1), 1, (1, 0)), F.max_pool2d(signed, (1, 3), 1, (0, 1)))
    return inks + amount.abs().view(-1, 1, 1, 1) * (sign * widest - inks)
