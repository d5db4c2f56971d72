"""One neuron or channel by itself, against plain PyTorch."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from nnviz.analysis.checkpoint_view import CheckpointView
from nnviz.analysis.unit_picture import TERMS, UnitPicture, unit_picture
from nnviz.data.datasets import Loaded, to_input
from nnviz.spec.layers.conv import Conv
from nnviz.spec.layers.dense import Dense
from nnviz.spec.layers.pool import MaxPool
from nnviz.spec.network import NetworkSpec
from nnviz.spec.train_config import TrainConfig
from nnviz.train.trainer import Trainer

DEEP = NetworkSpec((Dense(10), Dense(6, "tanh")))
CNN = NetworkSpec((Conv(3), MaxPool(), Conv(4), Dense(5)))
CONFIG = TrainConfig(lr=0.05)


def view_of(network: NetworkSpec, data: Loaded) -> CheckpointView:
    return CheckpointView(network, CONFIG, Trainer(network, CONFIG, data).checkpoint(), data)


def pictured(view: CheckpointView, layer: str, unit: int) -> UnitPicture | None:
    return unit_picture(view, to_input(view.data.test.images[:1], view.data.dataset), layer, unit)


def by_hand(view: CheckpointView, name: str) -> tuple[Tensor, Tensor, Tensor]:
    """A parameter, its gradient and its update by the next mini-batch, from autograd and torch.optim."""
    model, step = copy.deepcopy(view.model).train(), view.next_step
    assert step is not None
    optimizer = torch.optim.SGD(model.parameters(), lr=CONFIG.lr, momentum=CONFIG.momentum)
    F.cross_entropy(model(step.images), step.labels).backward()
    parameter = dict(model.named_parameters())[name]
    before = parameter.detach().clone()
    optimizer.step()
    assert parameter.grad is not None
    return before, parameter.grad, parameter.detach() - before


def on_pixels(weights: Tensor) -> Tensor:
    return weights.view(28, 28)


def padded(weights: Tensor) -> Tensor:
    """Ten numbers in a square of four by four, of which the last row is not needed."""
    return torch.cat([weights, torch.zeros(2)]).view(3, 4)


def side_by_side(weights: Tensor) -> Tensor:
    return torch.cat(tuple(weights), 1)


@pytest.mark.parametrize(
    ("network", "layer", "unit", "drawn"),
    [
        (DEEP, "dense1", 9, on_pixels),
        (DEEP, "dense2", 0, padded),
        (CNN, "conv1", 2, side_by_side),
        (CNN, "conv2", 3, side_by_side),
    ],
    ids=["dense-on-pixels", "dense-after-dense", "first-convolution", "second-convolution"],
)
def test_a_unit_is_what_pytorch_computes(
    blobs: Loaded, network: NetworkSpec, layer: str, unit: int, drawn: Callable[[Tensor], Tensor]
) -> None:
    view = view_of(network, blobs)
    one = pictured(view, layer, unit)
    assert one is not None
    assert (one.layer.name, one.unit) == (layer, unit)
    weights, gradient, update = (drawn(whole[unit]) for whole in by_hand(view, f"{layer}.weight"))
    assert gradient.abs().max() > 0
    assert torch.equal(one.weights, weights)
    assert one.gradient is not None
    assert one.update is not None
    torch.testing.assert_close(one.gradient, gradient, atol=1e-6, rtol=1e-4)
    torch.testing.assert_close(one.update, update, atol=1e-6, rtol=1e-4)


def test_a_dense_layer_on_feature_maps_shows_them_side_by_side(blobs: Loaded) -> None:
    view = view_of(CNN, blobs)
    one, layer = pictured(view, "dense1", 4), view.layer("dense1")
    assert one is not None
    assert layer.weight is not None
    channels, height, width = view.layer("conv2").plan.out_shape
    assert one.weights.shape == (height, channels * width)
    assert torch.equal(one.weights[:, width : 2 * width], layer.weight[4].view(channels, height, width)[1])


def test_its_sum_is_that_of_the_layer(blobs: Loaded) -> None:
    view = view_of(DEEP, blobs)
    one, x = pictured(view, "dense1", 3), to_input(blobs.test.images[:1], blobs.dataset).flatten()
    assert one is not None
    state = view.state.model
    weights, bias = state["dense1.weight"][3], float(state["dense1.bias"][3])
    assert one.told.total == pytest.approx(float(weights @ x) + bias, rel=1e-4)
    assert one.told.output == max(0.0, one.told.total)
    assert [term.source for term in one.told.terms] == (weights * x).abs().topk(TERMS).indices.tolist()
    parts = sum(term.product for term in one.told.terms) + one.told.rest + one.told.bias
    assert parts == pytest.approx(one.told.total)


@pytest.mark.parametrize(
    ("layer", "unit"), [("dense3", 0), ("", 0), ("dense1", 10), ("dense1", -1), ("output", 10), ("maxpool1", 0)]
)
def test_of_what_is_not_there_there_is_no_picture(blobs: Loaded, layer: str, unit: int) -> None:
    assert pictured(view_of(DEEP, blobs), layer, unit) is None


def test_a_layer_that_learns_nothing_has_no_units(blobs: Loaded) -> None:
    view = view_of(CNN, blobs)
    (pool,) = [layer for layer in view.layers if layer.weight is None and layer.plan.layer.kind == "maxpool"]
    assert pictured(view, pool.name, 0) is None


def test_without_a_finite_loss_there_are_weights_but_no_gradient(blobs: Loaded) -> None:
    checkpoint = Trainer(DEEP, CONFIG, blobs).checkpoint()
    checkpoint.model["dense2.weight"][2] = math.nan
    one = pictured(CheckpointView(DEEP, CONFIG, checkpoint, blobs), "dense2", 2)
    assert one is not None
    assert one.weights.flatten()[:10].isnan().all()
    assert one.gradient is None
    assert one.update is None
