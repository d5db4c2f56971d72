"""Random moves of images, against torchvision and scipy."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy import ndimage
from torch import Tensor

from nnviz.data import torchvision_ops
from nnviz.data.datasets import Loaded
from nnviz.spec.augmentations import AUGMENTATIONS, handwriting
from nnviz.spec.augmentations.affine import MAX_ANGLE, MAX_SCALE, MAX_SHIFT, MAX_STROKE, move, thicken
from nnviz.spec.augmentations.elastic import ELASTIC, GRID, MAX_BEND, bend
from nnviz.spec.augmentations.handwriting import HANDWRITING, rewrite

torchvision_ops.declare()
from torchvision import transforms  # noqa: E402  # needs the declared operators
from torchvision.transforms import functional as vision  # noqa: E402


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


def test_the_titles_say_how_far() -> None:
    assert (MAX_SHIFT, MAX_ANGLE, MAX_BEND) == (2, 10, 2.5)
    assert "up to 2 pixels" in AUGMENTATIONS["shift"].title
    assert "up to 10°" in AUGMENTATIONS["rotate"].title
    assert "up to 2.5 pixels" in AUGMENTATIONS["elastic"].title


def test_elastic_moves_are_uniform_too_each_point_in_its_own_way() -> None:
    assert ELASTIC.draw is not None
    moves = ELASTIC.draw(5000, torch.Generator().manual_seed(1))
    assert moves.shape == (5000, 2 * 4 * 4)
    assert moves.abs().max() <= MAX_BEND
    assert moves.std(0).numpy() == pytest.approx(MAX_BEND / math.sqrt(3), rel=0.05)
    assert np.abs(np.corrcoef(moves.T.numpy()) - np.eye(32)).max() < 0.1


def test_a_bend_is_torchvision_s_elastic_transform(blobs: Loaded) -> None:
    images = blobs.test.images[:20]
    moves = torch.rand(20, 2 * GRID**2, generator=torch.Generator().manual_seed(0)) * 5 - 2.5
    ours = bend(images, moves)
    assert ours.dtype == torch.uint8
    pixels = F.interpolate(moves.view(20, 2, GRID, GRID), (28, 28), mode="bicubic", align_corners=True)
    for image, bent, field in zip(images, ours, pixels, strict=True):
        far = field.permute(1, 2, 0)[None] * 2 / 28  # its unit is half a picture
        theirs = vision.elastic_transform(image, far, transforms.InterpolationMode.BILINEAR)
        assert (bent.int() - theirs.int()).abs().max() <= 1


def test_a_bend_takes_the_ink_from_as_far_to_the_right_and_below() -> None:
    image = torch.zeros(1, 1, 28, 28, dtype=torch.uint8)
    image[0, 0, 10, 14] = 200
    moves = torch.stack([torch.full((GRID, GRID), 2.0), torch.full((GRID, GRID), 1.0)]).view(1, -1)
    assert torch.equal(bend(image, moves), image.roll((-1, -2), (2, 3)))
    assert torch.equal(bend(image, torch.zeros(1, 2 * GRID**2)), image)


def rewriting(*affine: float, count: int = 20, warp: Tensor | None = None) -> Tensor:
    """Moves (count, 38): degrees, right, down, growth, stroke, lean; and the elastic grid's, none if not given."""
    grid = torch.zeros(count, 2 * GRID**2) if warp is None else warp
    return torch.cat([torch.tensor([affine]).expand(count, 6), grid], 1)


@pytest.mark.parametrize("lean", [-0.2, 0.0, 0.13])
@pytest.mark.parametrize(("angle", "right", "down", "growth"), [(0, 0, 0, 0), (-8, 1.5, -1, 0.07), (10, 0, 2, -0.1)])
def test_handwriting_without_bends_is_torchvision_s_affine(
    angle: float, right: float, down: float, growth: float, lean: float, blobs: Loaded
) -> None:
    images, degrees = blobs.test.images[:20], math.degrees(math.atan(lean))
    ours = rewrite(images, rewriting(angle, right, down, growth, 0.0, lean))
    theirs = vision.affine(
        images, angle, [right, down], 1 + growth, [degrees, 0.0], interpolation=transforms.InterpolationMode.BILINEAR
    )
    assert ours.dtype == torch.uint8
    assert (ours.int() - theirs.int()).abs().max() <= 1


def test_handwriting_bends_as_elastic_does_and_thickens_as_drawing_does(blobs: Loaded) -> None:
    images = blobs.test.images[:20]
    warp = torch.rand(20, 2 * GRID**2, generator=torch.Generator().manual_seed(0)) * 5 - 2.5
    bent = rewrite(images, rewriting(0, 0, 0, 0, 0, 0, warp=warp))
    assert (bent.int() - bend(images, warp).int()).abs().max() <= 1
    moves = rewriting(7.0, 1.0, -2.0, 0.1, 0.6, 0.0)
    assert (rewrite(images, moves).int() - move(images, moves[:, :5]).int()).abs().max() <= 1


def test_what_hands_do_is_uniform_in_its_ranges() -> None:
    assert HANDWRITING.draw is not None
    moves = HANDWRITING.draw(20_000, torch.Generator().manual_seed(1))
    hand = handwriting
    limits = [hand.MAX_ANGLE, hand.MAX_SHIFT, hand.MAX_SHIFT, hand.MAX_SCALE, MAX_STROKE, hand.MAX_SHEAR]
    limits += [hand.MAX_WARP] * (2 * GRID**2)
    assert moves.shape == (20_000, len(limits))
    for column, limit in zip(moves.T, limits, strict=True):
        assert column.abs().max() <= limit
        assert column.std().item() == pytest.approx(limit / math.sqrt(3), rel=0.03)
