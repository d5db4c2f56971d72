"""The whole network at once, against plain PyTorch."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from nnviz.analysis.activations import trace
from nnviz.analysis.checkpoint_view import CheckpointView
from nnviz.analysis.network_picture import CHANNELS, LINKS, NEURONS, Drawn, Quantity, network_picture
from nnviz.data.datasets import Loaded, to_input
from nnviz.spec.layers.batch_norm import BatchNorm
from nnviz.spec.layers.conv import Conv
from nnviz.spec.layers.dense import Dense
from nnviz.spec.layers.dropout import Dropout
from nnviz.spec.layers.pool import MaxPool
from nnviz.spec.network import NetworkSpec
from nnviz.spec.presets import PRESETS
from nnviz.spec.train_config import TrainConfig
from nnviz.train.trainer import Trainer

CLASSIC = NetworkSpec((Dense(16),))
CNN = NetworkSpec((Conv(4), BatchNorm(), MaxPool(), Conv(5), Dropout(0.3), Dense(12, "tanh")))
CONFIG = TrainConfig(lr=0.05)


def view_of(network: NetworkSpec, data: Loaded, config: TrainConfig = CONFIG) -> CheckpointView:
    return CheckpointView(network, config, Trainer(network, config, data).checkpoint(), data)


def image(data: Loaded) -> torch.Tensor:
    return to_input(data.test.images[:1], data.dataset)


@pytest.mark.parametrize("quantity", Quantity)
def test_the_classic_net_is_what_pytorch_computes(blobs: Loaded, quantity: Quantity) -> None:
    view, x = view_of(CLASSIC, blobs), image(blobs)
    picture = network_picture(view, x, quantity, label=3)
    assert picture is not None
    state = view.state.model
    weights = [state["dense1.weight"], state["output.weight"]]
    hidden = torch.relu(weights[0] @ x.flatten() + state["dense1.bias"])
    logits = weights[1] @ hidden + state["output.bias"]
    first, last = picture.layers
    assert (first.name, first.size, last.name, last.size) == ("dense1", 16, "output", 10)
    torch.testing.assert_close(first.values, hidden)
    torch.testing.assert_close(picture.logits, logits)
    torch.testing.assert_close(picture.probabilities, logits.softmax(0))
    assert picture.loss == pytest.approx(float(F.cross_entropy(logits[None], torch.tensor([3]))), rel=1e-5)
    torch.testing.assert_close(picture.shares, weights[1] * hidden)

    # The next mini-batch through autograd and torch.optim, by hand.
    step = view.next_step
    assert step is not None
    leaves = [state[name].clone().requires_grad_() for name in ("dense1.weight", "dense1.bias")]
    leaves += [state[name].clone().requires_grad_() for name in ("output.weight", "output.bias")]
    optimizer = torch.optim.SGD(leaves, lr=CONFIG.lr, momentum=CONFIG.momentum)
    batch = torch.relu(step.images.flatten(1) @ leaves[0].T + leaves[1]) @ leaves[2].T + leaves[3]
    F.cross_entropy(batch, step.labels).backward()
    optimizer.step()
    wanted = {
        Quantity.WEIGHTS: (weights[0], weights[1]),
        Quantity.GRADIENTS: (leaves[0].grad, leaves[2].grad),
        Quantity.UPDATE: (leaves[0].detach() - weights[0], leaves[2].detach() - weights[1]),
        Quantity.ACTIVATIONS: (None, weights[1]),
        Quantity.CONTRIBUTIONS: (weights[0] * x.flatten(), weights[1] * hidden),
    }[quantity]
    if wanted[0] is None:
        assert first.faces is None
    else:
        assert first.faces is not None
        torch.testing.assert_close(first.faces.flatten(1), wanted[0], atol=1e-6, rtol=1e-4)
    links = picture.links[0]
    assert wanted[1] is not None
    torch.testing.assert_close(links.value, wanted[1][links.target, links.source], atol=1e-6, rtol=1e-4)


def test_the_strongest_connections_of_each_unit_are_shown(blobs: Loaded) -> None:
    view = view_of(NetworkSpec((Dense(40), Dense(60))), blobs)
    picture = network_picture(view, image(blobs), Quantity.WEIGHTS)
    assert picture is not None
    matrix, links = view.state.model["dense2.weight"], picture.links[0]
    each = LINKS // 60
    for unit in range(60):
        mine = links.source[links.target == unit]
        assert sorted(mine.tolist()) == sorted(matrix[unit].abs().topk(each).indices.tolist())


def test_of_a_large_layer_the_largest_outputs_are_shown(blobs: Loaded) -> None:
    view, x = view_of(NetworkSpec((Conv(CHANNELS + 6), Dense(NEURONS + 44))), blobs), image(blobs)
    picture = network_picture(view, x, Quantity.CONTRIBUTIONS)
    assert picture is not None
    traced = trace(view, x)
    for layer, most in zip(picture.layers, (CHANNELS, NEURONS), strict=False):
        assert len(layer.units) == most < layer.size
        assert layer.units.tolist() == sorted(layer.units.tolist())
        output = (
            traced.of(layer.name).output[0].flatten(1).amax(1)
            if layer.name == "conv1"
            else traced.of(layer.name).output[0]
        )
        left_out = [unit for unit in range(layer.size) if unit not in set(layer.units.tolist())]
        assert output[left_out].abs().max() <= output[layer.units].abs().min()
    dense = picture.layers[1]
    torch.testing.assert_close(
        picture.shares, view.state.model["output.weight"][:, dense.units] * traced.of("dense1").output[0, dense.units]
    )


def test_a_convolution_shows_its_kernels_or_the_maps_it_makes(blobs: Loaded) -> None:
    view, x = view_of(CNN, blobs), image(blobs)
    traced, state = trace(view, x), view.state.model
    for quantity in Quantity:
        picture = network_picture(view, x, quantity)
        assert picture is not None
        first, second, dense, _ = picture.layers
        holds = quantity in (Quantity.WEIGHTS, Quantity.GRADIENTS, Quantity.UPDATE)
        assert first.drawn is (Drawn.KERNELS if holds else Drawn.MAPS)
        assert second.drawn is Drawn.MAPS
        assert dense.drawn is Drawn.NEURONS
        assert dense.faces is None
        assert second.faces is not None
        assert torch.equal(second.faces, traced.of("conv2").output[0])
        if quantity is Quantity.WEIGHTS:
            assert first.faces is not None
            assert torch.equal(first.faces, state["conv1.weight"][:, 0])


def test_what_channels_contribute_adds_up_to_the_sum_of_a_neuron(blobs: Loaded) -> None:
    view, x = view_of(CNN, blobs), image(blobs)
    picture = network_picture(view, x, Quantity.CONTRIBUTIONS)
    assert picture is not None
    links = picture.links[1]  # from the second convolution to the dense layer
    sums = trace(view, x).of("dense1").sums[0] - view.state.model["dense1.bias"]
    for unit in range(12):
        torch.testing.assert_close(links.value[links.target == unit].sum(), sums[unit], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("quantity", Quantity)
@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_has_a_picture(blobs: Loaded, name: str, quantity: Quantity) -> None:
    view = view_of(PRESETS[name].network, blobs)
    picture = network_picture(view, image(blobs), quantity)
    assert picture is not None
    assert len(picture.links) == len(picture.layers) - 1
    for before, after, links in zip(picture.layers, picture.layers[1:], picture.links, strict=False):
        assert len(before.units) == len(before.values)
        if len(links.value):
            assert int(links.source.max()) < len(before.units)
            assert int(links.target.max()) < len(after.units)


def test_weights_that_have_run_away_are_shown_and_their_gradient_is_not(blobs: Loaded) -> None:
    checkpoint = Trainer(CLASSIC, CONFIG, blobs).checkpoint()
    checkpoint.model["dense1.weight"].fill_(math.nan)
    view = CheckpointView(CLASSIC, CONFIG, checkpoint, blobs)
    assert network_picture(view, image(blobs), Quantity.WEIGHTS) is not None
    assert network_picture(view, image(blobs), Quantity.GRADIENTS) is None
