"""Mini-batches: which images, in which order, moved how. A pure function of (seed, epoch), so nothing need be stored.

Images stay bytes, memory-mapped and shared by all runs; a few batches at a time become normalised floats.
"""

from __future__ import annotations

import torch
from torch import Tensor

from nnviz.data.datasets import Dataset, Split, first_per_class, to_input
from nnviz.spec.augmentations import AUGMENTATIONS
from nnviz.spec.train_config import TrainConfig

BLOCK = 256
"""Images turned into floats at once; small enough that they are still in the cache when they are trained on."""

SEED_FACTOR = 1_000_003
"""By which seeds of different purposes are told apart."""

DROPOUT = 2
"""The purpose of what is drawn for a step's dropout: `generator(seed, step, DROPOUT)`."""


def generator(seed: int, *path: int) -> torch.Generator:
    """A generator of its own for one purpose, e.g. (seed, epoch)."""
    for number in path:
        seed = (seed * SEED_FACTOR + number + 1) % (2**63 - 1)
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
        self.seed, self.augmentation = config.seed, AUGMENTATIONS[config.augment]
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
        if self.augmentation.draw is not None:
            self.moves = self.augmentation.draw(self.count, generator(self.seed, epoch, 1)).to(self.device)
        self._block_start = self._block_end = 0

    def _fill(self, cursor: int, size: int) -> None:
        index = self.order[cursor : cursor + size]
        images = self.images.index_select(0, index)  # six times as fast as indexing with brackets
        if self.moves is not None and self.augmentation.apply is not None:
            images = self.augmentation.apply(images, self.moves[cursor : cursor + size])
        self._block_images = to_input(images, self.dataset)
        self._block_labels = self.labels[index]
        self._block_start, self._block_end = cursor, cursor + len(index)
