"""Order, moves and normalisation of the images, against torchvision."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import Tensor

from nnviz.data import torchvision_ops
from nnviz.data.datasets import DATASETS, Dataset, Loaded, Split, first_per_class, to_input
from nnviz.spec.augmentations import AUGMENTATIONS
from nnviz.spec.augmentations.affine import MAX_ANGLE, MAX_SCALE, MAX_SHIFT, MAX_STROKE, SHIFT_ROTATE, move, thicken
from nnviz.spec.train_config import TrainConfig
from nnviz.train.loader import BLOCK, Loader, epoch_order, generator

torchvision_ops.declare()
from torchvision import transforms  # noqa: E402  # needs the declared operators
from torchvision.transforms import functional as vision  # noqa: E402

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


@pytest.mark.parametrize(
    "move_by", [*itertools.product((-10.0, 0.0, 3.3, 10.0), (-2.0, 0.0, 1.0), (0.0, 1.7))], ids=str
)
def test_a_move_is_torchvision_s_affine(move_by: tuple[float, float, float], blobs: Loaded) -> None:
    angle, right, down = move_by
    images = blobs.test.images[:20]
    ours = move(images, torch.tensor([move_by]).expand(20, 3))
    theirs = vision.affine(
        images, angle, [right, down], 1.0, [0.0], interpolation=transforms.InterpolationMode.BILINEAR
    )
    assert ours.dtype == torch.uint8
    assert (ours.int() - theirs.int()).abs().max() <= 1


@pytest.mark.parametrize("move_by", [*itertools.product((-8.0, 5.0), (0.0, 1.5), (-0.1, 0.0, 0.07))], ids=str)
def test_a_scaled_move_is_torchvision_s_affine(move_by: tuple[float, float, float], blobs: Loaded) -> None:
    angle, right, growth = move_by
    images = blobs.test.images[:20]
    ours = move(images, torch.tensor([[angle, right, -1.0, growth, 0.0]]).expand(20, 5))
    theirs = vision.affine(
        images, angle, [right, -1.0], 1 + growth, [0.0], interpolation=transforms.InterpolationMode.BILINEAR
    )
    assert (ours.int() - theirs.int()).abs().max() <= 1


@pytest.mark.parametrize(("amount", "morphology"), [(1.0, ndimage.grey_dilation), (-1.0, ndimage.grey_erosion)])
def test_lines_get_thicker_and_thinner_as_in_scipy(amount: float, morphology: Any, blobs: Loaded) -> None:
    images = blobs.test.images[:10].float()
    cross = ndimage.generate_binary_structure(2, 1)
    mode = {"mode": "constant", "cval": -math.inf if amount > 0 else math.inf}
    full = torch.from_numpy(np.stack([morphology(image.numpy(), footprint=cross, **mode) for image in images[:, 0]]))
    assert torch.equal(thicken(images, torch.full((10,), amount))[:, 0], full)
    assert torch.equal(thicken(images, torch.zeros(10)), images)
    some = thicken(images, torch.full((10,), 0.25 * amount))[:, 0]
    assert torch.allclose(some, images[:, 0] + 0.25 * (full - images[:, 0]), atol=1e-3)


def test_images_go_right_and_down_and_turn_clockwise() -> None:
    image = torch.zeros(1, 1, 28, 28, dtype=torch.uint8)
    image[0, 0, 4, 14] = 200  # above the middle
    assert torch.equal(move(image, torch.tensor([[0.0, 2.0, 1.0]])), image.roll((1, 2), (2, 3)))
    turned = move(image, torch.tensor([[10.0, 0.0, 0.0]]))[0, 0]
    assert turned.sum(0).float().argmax() > 14
    assert torch.equal(move(image, torch.zeros(1, 3)), image)


@pytest.mark.parametrize("kind", ["shift", "rotate", "shift_rotate", "drawing"])
def test_random_moves_are_uniform_in_their_ranges(kind: str) -> None:
    draw = AUGMENTATIONS[kind].draw
    assert draw is not None
    moves = draw(20_000, torch.Generator().manual_seed(1))
    drawing = kind == "drawing"
    rotates, shifts = "rotate" in kind or drawing, "shift" in kind or drawing
    limits = [(MAX_ANGLE, rotates), (MAX_SHIFT, shifts), (MAX_SHIFT, shifts)]
    limits += [(MAX_SCALE, True), (MAX_STROKE, True)] if drawing else []
    for column, (limit, moved) in zip(moves.T, limits, strict=True):
        if not moved:
            assert not column.any()
            continue
        assert column.abs().max() <= limit
        assert column.std().item() == pytest.approx(limit / math.sqrt(3), rel=0.03)
        assert column.mean().item() == pytest.approx(0, abs=0.03 * limit)


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
