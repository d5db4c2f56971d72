"""A moment of a training against plain PyTorch: what it holds, and the step that it takes next."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from nnviz.batches import epoch_order
from nnviz.config import TrainConfig
from nnviz.datasets import Loaded, to_input
from nnviz.inspection.activations import arithmetic, trace, unit_values
from nnviz.inspection.moment import Moment
from nnviz.layers import BatchNorm, Conv, Dense, Dropout, MaxPool
from nnviz.network import NetworkSpec
from nnviz.presets import PRESETS
from nnviz.snapshots import Snapshot, SnapshotError
from nnviz.training import Batch, Change, Trainer

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
    moment = Moment(network, config, trainer.snapshot(), blobs)
    told = moment.next_step
    taken = next(event for event in trainer.run() if isinstance(event, Batch))
    assert told is not None
    assert (told.step, told.loss, told.lr, len(told.labels)) == (taken.step, taken.loss, taken.lr, taken.size)
    for name, parameter in trainer.model.named_parameters():
        assert torch.equal(told.after[name], parameter.detach())
        assert torch.equal(told.before[name], moment.snapshot.model[name])


def test_the_gradient_is_plain_autograds(blobs: Loaded) -> None:
    config = TrainConfig(lr=0.01)
    trainer = trained(NetworkSpec(), config, blobs, 2)
    moment = Moment(NetworkSpec(), config, trainer.snapshot(), blobs)
    step = moment.next_step
    index = epoch_order(len(blobs.train.labels), config.seed, 0)[2 * 64 : 3 * 64]
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
    with torch.no_grad():
        for parameter, value in zip(model.parameters(), moment.snapshot.model.values(), strict=True):
            parameter.copy_(value)
    loss = F.cross_entropy(model(to_input(blobs.train.images[index], blobs.dataset)), blobs.train.labels[index])
    loss.backward()
    assert step is not None
    assert torch.equal(step.labels, blobs.train.labels[index])
    for parameter, gradient in zip(model.parameters(), step.gradient.values(), strict=True):
        assert parameter.grad is not None
        torch.testing.assert_close(gradient, parameter.grad)


def test_looking_changes_neither_the_snapshot_nor_the_training(blobs: Loaded) -> None:
    trainer = trained(CNN, TrainConfig(), blobs, 3)
    snapshot = trainer.snapshot()
    kept = Snapshot(
        snapshot.position, {k: v.clone() for k, v in snapshot.model.items()},
        {k: v.clone() for k, v in snapshot.optimizer.items()},
    )  # fmt: skip
    moment = Moment(CNN, TrainConfig(), snapshot, blobs)
    state = torch.random.get_rng_state()
    assert moment.next_step is not None
    trace(moment, to_input(blobs.test.images[:9], blobs.dataset))
    assert torch.equal(torch.random.get_rng_state(), state)
    for before, after in ((kept.model, snapshot.model), (kept.optimizer, snapshot.optimizer)):
        assert all(torch.equal(value, after[name]) for name, value in before.items())
    assert all(not module._forward_hooks for module in moment.model.modules())


def test_after_the_last_epoch_it_is_the_step_that_would_come(blobs: Loaded) -> None:
    trainer = Trainer(NetworkSpec(), TrainConfig(epochs=1), blobs)
    steps = sum(isinstance(event, Batch) for event in trainer.run())
    step = Moment(NetworkSpec(), TrainConfig(epochs=1), trainer.snapshot(), blobs).next_step
    assert step is not None
    assert step.step == steps + 1


def test_a_change_that_holds_from_here_is_in_the_step(blobs: Loaded) -> None:
    trainer = trained(NetworkSpec(), TrainConfig(), blobs, 2)
    moment = Moment(NetworkSpec(), TrainConfig(), trainer.snapshot(), blobs, [Change(2, "lr", 0.001, 0.5)])
    assert moment.next_step is not None
    assert moment.next_step.lr == 0.5


def test_a_step_that_diverges_is_none(blobs: Loaded) -> None:
    trainer = Trainer(NetworkSpec(), TrainConfig(), blobs)
    snapshot = trainer.snapshot()
    snapshot.model["dense1.weight"].fill_(float("inf"))
    assert Moment(NetworkSpec(), TrainConfig(), snapshot, blobs).next_step is None


def test_a_snapshot_of_another_network_is_refused(blobs: Loaded) -> None:
    snapshot = Trainer(NetworkSpec(()), TrainConfig(), blobs).snapshot()
    with pytest.raises(SnapshotError, match="another network"):
        Moment(NetworkSpec(), TrainConfig(), snapshot, blobs)


@pytest.mark.parametrize("preset", PRESETS)
def test_every_layer_gives_what_its_plan_says_and_the_whole_is_the_model(blobs: Loaded, preset: str) -> None:
    network = PRESETS[preset].network
    moment = Moment(network, TrainConfig(), Trainer(network, TrainConfig(), blobs).snapshot(), blobs)
    inputs = to_input(blobs.test.images[:3], blobs.dataset)
    traced = trace(moment, inputs)
    with torch.inference_mode():
        assert torch.equal(traced.probabilities, moment.model(inputs).softmax(1))
    for layer, told in zip(moment.layers, traced.layers, strict=True):
        assert told.output.shape == (3, *layer.plan.out_shape)
        assert unit_values(told.output).shape == (3, layer.units)
        if layer.weight is not None and layer.weight.dim() == 2:
            torch.testing.assert_close(told.sums, F.linear(told.given, layer.weight, layer.bias))
    assert len({layer.title for layer in moment.layers}) == len(moment.layers)


def test_the_arithmetic_of_a_neuron_adds_up(blobs: Loaded) -> None:
    network = NetworkSpec((Dense(12, "sigmoid"),))
    moment = Moment(network, TrainConfig(), Trainer(network, TrainConfig(), blobs).snapshot(), blobs)
    traced = trace(moment, to_input(blobs.test.images[:4], blobs.dataset))
    told = arithmetic(moment.layers[0], traced.layers[0], image=2, unit=7, count=5)
    assert sum(term.product for term in told.terms) + told.rest + told.bias == pytest.approx(told.total, abs=1e-6)
    assert told.output == pytest.approx(1 / (1 + torch.tensor(-told.total).exp().item()), abs=1e-6)
    sizes = [abs(term.product) for term in told.terms]
    assert sizes == sorted(sizes, reverse=True)
    x, w = traced.inputs[2].flatten(), moment.snapshot.model["dense1.weight"][7]
    assert sizes[0] == pytest.approx(float((x * w).abs().max()))
    assert len(told.terms) == 5


def test_only_a_dense_neuron_is_one_sum(blobs: Loaded) -> None:
    moment = Moment(CNN, TrainConfig(), Trainer(CNN, TrainConfig(), blobs).snapshot(), blobs)
    traced = trace(moment, to_input(blobs.test.images[:1], blobs.dataset))
    with pytest.raises(ValueError, match="Convolution 1 is not dense"):
        arithmetic(moment.layers[0], traced.layers[0], 0, 0)
