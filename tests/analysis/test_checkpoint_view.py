"""A moment of a training against plain PyTorch: what it holds, and the step that it takes next."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from nnviz.analysis.activations import (
    arithmetic,
    backwards,
    feeding_layer,
    source_shape,
    source_title,
    trace,
    unit_values,
)
from nnviz.analysis.checkpoint_view import CheckpointView
from nnviz.data.datasets import Loaded, to_input
from nnviz.spec.layers.batch_norm import BatchNorm
from nnviz.spec.layers.conv import Conv
from nnviz.spec.layers.dense import Dense
from nnviz.spec.layers.dropout import Dropout
from nnviz.spec.layers.flatten import Flatten
from nnviz.spec.layers.pool import MaxPool
from nnviz.spec.network import NetworkSpec
from nnviz.spec.presets import PRESETS
from nnviz.spec.train_config import TrainConfig
from nnviz.train.checkpoint import Checkpoint, CheckpointError
from nnviz.train.events import Batch, Change
from nnviz.train.loader import epoch_order
from nnviz.train.trainer import Trainer

CNN = NetworkSpec((Conv(4), BatchNorm(), MaxPool(), Dropout(0.3), Dense(16, "tanh"), BatchNorm()))


def trained(network: NetworkSpec, config: TrainConfig, data: Loaded, steps: int) -> Trainer:
    trainer = Trainer(network, config, data)
    for event in trainer.run():
        if isinstance(event, Batch) and event.step == steps:
            break
    return trainer


@pytest.mark.parametrize("network", [NetworkSpec(), NetworkSpec(()), CNN])
@pytest.mark.parametrize("steps", [0, 3, 5])
def test_the_next_step_is_the_one_that_training_takes(blobs: Loaded, network: NetworkSpec, steps: int) -> None:
    config = TrainConfig(lr=0.01, epochs=3, augment="shift_rotate")
    trainer = Trainer(network, config, blobs)
    if steps:
        trainer = trained(network, config, blobs, steps)
    checkpoint = CheckpointView(network, config, trainer.checkpoint(), blobs)
    told = checkpoint.next_step
    taken = next(event for event in trainer.run() if isinstance(event, Batch))
    assert told is not None
    assert (told.step, told.loss, told.lr, len(told.labels)) == (taken.step, taken.loss, taken.lr, taken.size)
    for name, parameter in trainer.model.named_parameters():
        assert torch.equal(told.after[name], parameter.detach())
        assert torch.equal(told.before[name], checkpoint.state.model[name])


def test_the_gradient_is_plain_autograds(blobs: Loaded) -> None:
    config = TrainConfig(lr=0.01)
    trainer = trained(NetworkSpec(), config, blobs, 2)
    checkpoint = CheckpointView(NetworkSpec(), config, trainer.checkpoint(), blobs)
    step = checkpoint.next_step
    index = epoch_order(len(blobs.train.labels), config.seed, 0)[2 * 64 : 3 * 64]
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
    with torch.no_grad():
        for parameter, value in zip(model.parameters(), checkpoint.state.model.values(), strict=True):
            parameter.copy_(value)
    loss = F.cross_entropy(model(to_input(blobs.train.images[index], blobs.dataset)), blobs.train.labels[index])
    loss.backward()
    assert step is not None
    assert torch.equal(step.labels, blobs.train.labels[index])
    for parameter, gradient in zip(model.parameters(), step.gradient.values(), strict=True):
        assert parameter.grad is not None
        torch.testing.assert_close(gradient, parameter.grad)


def test_looking_changes_neither_the_checkpoint_nor_the_training(blobs: Loaded) -> None:
    trainer = trained(CNN, TrainConfig(), blobs, 3)
    checkpoint = trainer.checkpoint()
    kept = Checkpoint(
        checkpoint.position,
        {k: v.clone() for k, v in checkpoint.model.items()},
        {k: v.clone() for k, v in checkpoint.optimizer.items()},
    )
    view = CheckpointView(CNN, TrainConfig(), checkpoint, blobs)
    state = torch.random.get_rng_state()
    assert view.next_step is not None
    trace(view, to_input(blobs.test.images[:9], blobs.dataset))
    assert torch.equal(torch.random.get_rng_state(), state)
    for before, after in ((kept.model, checkpoint.model), (kept.optimizer, checkpoint.optimizer)):
        assert all(torch.equal(value, after[name]) for name, value in before.items())
    assert all(not module._forward_hooks for module in view.model.modules())


def test_after_the_last_epoch_it_is_the_step_that_would_come(blobs: Loaded) -> None:
    trainer = Trainer(NetworkSpec(), TrainConfig(epochs=1), blobs)
    steps = sum(isinstance(event, Batch) for event in trainer.run())
    step = CheckpointView(NetworkSpec(), TrainConfig(epochs=1), trainer.checkpoint(), blobs).next_step
    assert step is not None
    assert step.step == steps + 1


def test_a_change_that_holds_from_here_is_in_the_step(blobs: Loaded) -> None:
    trainer = trained(NetworkSpec(), TrainConfig(), blobs, 2)
    checkpoint = CheckpointView(
        NetworkSpec(), TrainConfig(), trainer.checkpoint(), blobs, [Change(2, "lr", 0.001, 0.5)]
    )
    assert checkpoint.next_step is not None
    assert checkpoint.next_step.lr == 0.5


def test_a_step_that_diverges_is_none(blobs: Loaded) -> None:
    trainer = Trainer(NetworkSpec(), TrainConfig(), blobs)
    checkpoint = trainer.checkpoint()
    checkpoint.model["dense1.weight"].fill_(float("inf"))
    assert CheckpointView(NetworkSpec(), TrainConfig(), checkpoint, blobs).next_step is None


def test_a_snapshot_of_another_network_is_refused(blobs: Loaded) -> None:
    checkpoint = Trainer(NetworkSpec(()), TrainConfig(), blobs).checkpoint()
    with pytest.raises(CheckpointError, match="another network"):
        CheckpointView(NetworkSpec(), TrainConfig(), checkpoint, blobs)


@pytest.mark.parametrize("preset", PRESETS)
def test_every_layer_gives_what_its_plan_says_and_the_whole_is_the_model(blobs: Loaded, preset: str) -> None:
    network = PRESETS[preset].network
    checkpoint = CheckpointView(network, TrainConfig(), Trainer(network, TrainConfig(), blobs).checkpoint(), blobs)
    inputs = to_input(blobs.test.images[:3], blobs.dataset)
    traced = trace(checkpoint, inputs)
    with torch.inference_mode():
        assert torch.equal(traced.probabilities, checkpoint.model(inputs).softmax(1))
    for layer, told in zip(checkpoint.layers, traced.layers, strict=True):
        assert told.output.shape == (3, *layer.plan.out_shape)
        assert unit_values(told.output).shape == (3, layer.units)
        if layer.weight is not None and layer.weight.dim() == 2:
            torch.testing.assert_close(told.sums, F.linear(told.given, layer.weight, layer.bias))
    assert len({layer.title for layer in checkpoint.layers}) == len(checkpoint.layers)


def test_the_arithmetic_of_a_neuron_adds_up(blobs: Loaded) -> None:
    network = NetworkSpec((Dense(12, "sigmoid"),))
    checkpoint = CheckpointView(network, TrainConfig(), Trainer(network, TrainConfig(), blobs).checkpoint(), blobs)
    traced = trace(checkpoint, to_input(blobs.test.images[:4], blobs.dataset))
    told = arithmetic(checkpoint.layers[0], traced.layers[0], image=2, unit=7, count=5)
    assert sum(term.product for term in told.terms) + told.rest + told.bias == pytest.approx(told.total, abs=1e-6)
    assert told.output == pytest.approx(1 / (1 + torch.tensor(-told.total).exp().item()), abs=1e-6)
    sizes = [abs(term.product) for term in told.terms]
    assert sizes == sorted(sizes, reverse=True)
    x, w = traced.inputs[2].flatten(), checkpoint.state.model["dense1.weight"][7]
    assert sizes[0] == pytest.approx(float((x * w).abs().max()))
    assert len(told.terms) == 5


@pytest.mark.parametrize("conv", [Conv(3, 5, padding=2, activation="tanh"), Conv(4, 3, stride=2), Conv(2, 28)])
def test_the_arithmetic_of_a_filter_is_that_of_its_largest_output(blobs: Loaded, conv: Conv) -> None:
    network = NetworkSpec((Conv(2, 3), conv) if conv.kernel < 28 else (conv,))
    checkpoint = CheckpointView(network, TrainConfig(), Trainer(network, TrainConfig(), blobs).checkpoint(), blobs)
    layer = checkpoint.learning_layers[-2]
    assert layer.weight is not None
    assert layer.bias is not None
    traced = trace(checkpoint, to_input(blobs.test.images[:4], blobs.dataset)).of(layer.name)
    for unit in range(layer.units):
        told = arithmetic(layer, traced, image=2, unit=unit, count=6)
        assert told.position is not None
        assert told.output == float(traced.output[2, unit].max()) == float(traced.output[2, unit][told.position])
        positions = traced.sums.shape[3]
        patches = F.unfold(traced.given[2:3], conv.kernel, padding=conv.padding, stride=conv.stride)[0]
        patch = patches[:, told.position[0] * positions + told.position[1]]
        w = layer.weight[unit].flatten()
        assert told.total == pytest.approx(float(patch @ w + layer.bias[unit]), abs=1e-5)
        assert sum(term.product for term in told.terms) + told.rest + told.bias == pytest.approx(told.total, abs=1e-6)
        for term in told.terms:
            assert (term.value, term.weight) == (float(patch[term.source]), float(w[term.source]))
        assert told.others + len(told.terms) == len(w)


def test_a_layer_without_weights_has_no_arithmetic(blobs: Loaded) -> None:
    checkpoint = CheckpointView(CNN, TrainConfig(), Trainer(CNN, TrainConfig(), blobs).checkpoint(), blobs)
    traced = trace(checkpoint, to_input(blobs.test.images[:1], blobs.dataset))
    with pytest.raises(ValueError, match="Batch normalisation 1 has no weights"):
        arithmetic(checkpoint.layers[1], traced.layers[1], 0, 0)


def test_the_way_back_follows_the_largest_contribution(blobs: Loaded) -> None:
    """A net set by hand: neuron 3 adds most to class 6, through batch normalisation; neuron 1 adds most to that."""
    network = NetworkSpec((Conv(2), Dense(4), Dense(5), BatchNorm(), Dropout()))
    checkpoint = Trainer(network, TrainConfig(), blobs).checkpoint()
    for name in ("dense1", "dense2", "output"):
        checkpoint.model[f"{name}.weight"].zero_()
        checkpoint.model[f"{name}.bias"].fill_(1.0)
    checkpoint.model["output.weight"][6, 3] = 0.5
    checkpoint.model["output.weight"][6, 2] = -4.0
    checkpoint.model["dense2.weight"][3, 1] = 2.0
    view = CheckpointView(network, TrainConfig(), checkpoint, blobs)
    links = backwards(view, trace(view, to_input(blobs.test.images[:1], blobs.dataset)), 0, 6, count=2)
    assert [(link.layer.name, link.unit) for link in links] == [("output", 6), ("dense2", 3), ("dense1", 1)]
    assert [term.source for term in links[0].told.terms] == [2, 3]
    assert links[1].told.total == pytest.approx(3.0)
    assert feeding_layer(view, view.layer("dense1")) is None


def test_sources_are_named_by_what_they_are(blobs: Loaded) -> None:
    network = NetworkSpec((Conv(4, 3), MaxPool(), Flatten(), Dropout(), Dense(12), Dense(6)))
    checkpoint = CheckpointView(network, TrainConfig(), Trainer(network, TrainConfig(), blobs).checkpoint(), blobs)
    shapes = {layer.name: source_shape(checkpoint, layer) for layer in checkpoint.learning_layers}
    assert list(shapes.values()) == [(1, 3, 3), (4, 13, 13), (12,), (6,)]
    assert source_title((1, 28, 28), 28 * 3 + 9) == "pixel (3, 9)"
    assert source_title((4, 13, 13), 2 * 169 + 13 * 5 + 1) == "channel 2 (5, 1)"
    assert source_title((12,), 7) == "neuron 7"


def test_where_nothing_adds_to_the_sum_the_way_back_goes_to_what_takes_most(blobs: Loaded) -> None:
    trainer = Trainer(NetworkSpec((Dense(5, "sigmoid"), Dense(6, "sigmoid"))), TrainConfig(), blobs)
    with torch.no_grad():
        for parameter in trainer.model.parameters():
            parameter.copy_(-parameter.abs())
    view = CheckpointView(trainer.network, TrainConfig(), trainer.checkpoint(), blobs)
    traced = trace(view, to_input(blobs.test.images[:1], blobs.dataset))
    last, middle, first = backwards(view, traced, 0, 3)
    for link, before in ((last, middle), (middle, first)):
        assert link.layer.weight is not None
        products = link.layer.weight[link.unit] * traced.of(link.layer.name).given[0]
        assert products.max() < 0
        assert before.unit == int(products.argmin())
