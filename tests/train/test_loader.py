"""Order and normalisation of the images, against torchvision, and how they are moved anew each epoch."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from nnviz.data import torchvision_ops
from nnviz.data.datasets import DATASETS, Dataset, Loaded, Split, first_per_class, to_input
from nnviz.spec.augmentations import AUGMENTATIONS
from nnviz.spec.augmentations.affine import SHIFT_ROTATE
from nnviz.spec.train_config import TrainConfig
from nnviz.train.loader import BLOCK, Loader, epoch_order, generator

torchvision_ops.declare()
from torchvision import transforms  # noqa: E402  # needs the declared operators

CPU = torch.device("cpu")


def loader(blobs: Loaded, **settings: object) -> Loader:
    return Loader(blobs.dataset, blobs.train, TrainConfig(**settings), CPU)  # type: ignore[arg-type]


def epoch_of(loader: Loader, epoch: int, sizes: list[int]) -> tuple[Tensor, Tensor]:
    """A whole epoch in batches of the given sizes, repeated; copied, since batches may share memory."""
    images, labels, cursor = [], [], 0
    for size in itertools.cycle(sizes):
        if cursor >= loader.count:
            return torch.cat(images), torch.cat(labels)
        some, those = loader.take(epoch, cursor, size)
        assert len(some) == len(those) == min(size, loader.count - cursor)
        images.append(some.clone())
        labels.append(those.clone())
        cursor += len(some)
    raise AssertionError


@pytest.mark.parametrize("dataset", DATASETS.values(), ids=lambda dataset: dataset.name)
def test_input_is_torchvision_s_to_tensor_and_normalize_bit_for_bit(dataset: Dataset) -> None:
    every_byte = torch.arange(784).remainder(256).to(torch.uint8).view(1, 28, 28)
    plain = transforms.Compose([transforms.ToTensor(), transforms.Normalize(dataset.mean, dataset.std)])
    assert torch.equal(to_input(every_byte, dataset), plain(every_byte[0].numpy()))
    assert every_byte[0, 0, 5] == 5  # not changed in place


def test_an_epoch_s_order_is_a_shuffle_that_follows_from_seed_and_epoch_alone() -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    orders = [epoch_order(500, seed, epoch) for seed in (0, 1, 2**31 - 1) for epoch in (0, 1, 999)]
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(order.sort().values, torch.arange(500)) for order in orders)
    assert len({tuple(order.tolist()) for order in orders}) == len(orders)
    assert torch.equal(orders[1], epoch_order(500, 0, 1))


@pytest.mark.parametrize("seed", [0, 1, 1000, 2**31 - 1])
def test_no_two_purposes_of_a_run_share_a_generator(seed: int) -> None:
    """The orders and moves of the longest run, and the dropout of many steps."""
    paths = [*((e,) for e in range(1000)), *((e, 1) for e in range(1000)), *((s, 2) for s in range(5000))]
    found = [generator(seed, *path).initial_seed() for path in paths]
    assert len(set(found)) == len(found)
    assert all(0 <= number < 2**63 for number in found)


def test_lots_are_those_of_the_runs_that_are_kept() -> None:
    """The next step of a checkpoint is computed again from its seed: other lots would lose those of old runs."""
    assert generator(5, 7).initial_seed() == 5 * 1_000_003 + 8
    assert generator(0, 0, 1).initial_seed() == 1_000_003 + 2
    last = ((2**31 - 1) * 1_000_003 + 1000) * 1_000_003 + 3
    assert last > 2**63
    assert generator(2**31 - 1, 999, 2).initial_seed() == last % (2**63 - 1)
    assert generator(7).initial_seed() == 7


def test_images_go_to_another_device_once_and_stay_mapped_on_the_cpu(blobs: Loaded) -> None:
    away = Loader(blobs.dataset, blobs.train, TrainConfig(), torch.device("meta"))
    assert {tensor.device.type for tensor in (away.images, away.labels)} == {"meta"}
    assert loader(blobs).images is blobs.train.images


def test_a_block_is_filled_once_for_as_many_batches_as_it_holds(blobs: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    one, filled = loader(blobs), []
    fill = one._fill
    monkeypatch.setattr(one, "_fill", lambda cursor, size: filled.append((cursor, size)) or fill(cursor, size))
    epoch_of(one, 0, [128])
    assert filled == [(0, 256), (256, 256)]
    filled.clear()
    epoch_of(one, 1, [100])
    assert filled == [(0, 200), (200, 200)]
    filled.clear()
    epoch_of(one, 2, [290])
    assert filled == [(0, 290), (290, 290)]


@pytest.mark.parametrize("size", [1, 7, 64, BLOCK - 1, BLOCK, BLOCK + 1, 299, 300, 1000])
def test_an_epoch_has_every_image_once_in_its_order(blobs: Loaded, size: int) -> None:
    images, labels = epoch_of(loader(blobs, seed=3), 2, [size])
    order = epoch_order(300, 3, 2)
    assert torch.equal(images, to_input(blobs.train.images[order], blobs.dataset))
    assert torch.equal(labels, blobs.train.labels[order])
    assert images.dtype == torch.float32
    assert labels.dtype == torch.int64


@pytest.mark.parametrize("augment", AUGMENTATIONS)
def test_images_do_not_depend_on_how_they_are_batched_or_on_what_came_before(blobs: Loaded, augment: str) -> None:
    one = loader(blobs, augment=augment, seed=6)
    epoch_of(one, 0, [300])
    whole = epoch_of(one, 1, [300])
    for sizes in ([64], [5, 130, 1, 299]):
        parts = epoch_of(loader(blobs, augment=augment, seed=6), 1, sizes)
        assert all(torch.equal(a, b) for a, b in zip(whole, parts, strict=True))
    middle = loader(blobs, augment=augment, seed=6).take(1, 123, 10)  # as a run that goes on from a checkpoint
    assert all(torch.equal(a[123:133], b) for a, b in zip(whole, middle, strict=True))


def test_every_epoch_moves_every_image_anew(blobs: Loaded) -> None:
    one = loader(blobs, augment="shift_rotate")
    first, second = (epoch_of(one, epoch, [100])[0][epoch_order(300, 0, epoch).argsort()] for epoch in (0, 1))
    moves = [SHIFT_ROTATE.draw(300, generator(0, epoch, 1)) for epoch in (0, 1)]
    assert not torch.equal(*moves)
    assert one.moves is not None
    assert torch.equal(one.moves, moves[1])
    plain = to_input(blobs.train.images, blobs.dataset)
    assert not any(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(first, plain, strict=True))


def test_only_the_first_of_each_class(blobs: Loaded) -> None:
    by_class = blobs.train.labels.argsort(stable=True)
    blobs = replace(blobs, train=Split(blobs.train.images[by_class], blobs.train.labels[by_class]))
    some = loader(blobs, per_class=4)
    assert some.count == 40
    images, labels = epoch_of(some, 0, [16])
    assert labels.bincount().tolist() == [4] * 10
    first = first_per_class(blobs.train.labels, 4)
    assert torch.equal(first, torch.cat([torch.arange(30 * c, 30 * c + 4) for c in range(10)]))
    assert torch.equal(images, to_input(blobs.train.images[first[epoch_order(40, 0, 0)]], blobs.dataset))
    assert loader(blobs, per_class=7000).count == 300  # all there are
