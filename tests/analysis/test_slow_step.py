"""A step in slow motion, against plain PyTorch: autograd for the chain rule, torch.optim for the new weight."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from nnviz.analysis.checkpoint_view import CheckpointView
from nnviz.analysis.slow_step import slow_step
from nnviz.data.datasets import Loaded, to_input
from nnviz.spec.layers.dense import Dense
from nnviz.spec.losses import LOSSES
from nnviz.spec.network import NetworkSpec
from nnviz.spec.optimizers import OPTIMIZERS
from nnviz.spec.presets import PRESETS
from nnviz.spec.train_config import TrainConfig
from nnviz.train.trainer import Trainer


def view_after(data: Loaded, network: NetworkSpec, config: TrainConfig, steps: int = 3) -> CheckpointView:
    trainer = Trainer(network, config, data)
    events = trainer.run()
    for _ in range(steps):
        next(events)
    return CheckpointView(network, config, trainer.checkpoint(), data)


@pytest.mark.parametrize("preset", PRESETS)
def test_the_chain_rule_gives_what_autograd_gives(blobs: Loaded, preset: str) -> None:
    view = view_after(blobs, PRESETS[preset].network, TrainConfig(batch_size=20, lr=0.01))
    image, label = to_input(blobs.test.images[:1], blobs.dataset), int(blobs.test.labels[0])
    found = slow_step(view, image, label)
    assert found is not None
    assert [one.layer.name for one in found.layers] == [layer.name for layer in view.learning_layers]

    model = view.model
    model.zero_grad()
    logits = model(image)
    F.cross_entropy(logits, torch.tensor([label])).backward()
    torch.testing.assert_close(found.logits, logits[0].detach())
    assert found.loss_of_image == pytest.approx(-math.log(found.probabilities[label]), rel=1e-4)
    for one in found.layers:
        parameter = dict(model.named_parameters())[f"{one.layer.name}.weight"]
        assert parameter.grad is not None
        exact = float(view.units_first(f"{one.layer.name}.weight", parameter.grad)[one.at])
        assert one.of_image == pytest.approx(exact, rel=1e-4, abs=1e-9)
        if one.layer.weight is not None and one.layer.weight.dim() == 2:
            product = one.loss_by_output * one.output_by_total * one.x
            assert product == pytest.approx(exact, rel=1e-3, abs=1e-8)
    model.zero_grad()


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("loss", LOSSES)
def test_before_and_after_are_the_losses_of_torch(blobs: Loaded, optimizer: str, loss: str) -> None:
    config = TrainConfig(batch_size=20, lr=0.01, optimizer=optimizer, loss=loss)
    view = view_after(blobs, NetworkSpec((Dense(12),)), config)
    image = to_input(blobs.test.images[:1], blobs.dataset)
    found = slow_step(view, image, None)
    assert found is not None

    trainer = Trainer(view.network, config, blobs, start=view.state)
    images, labels = found.step.images, found.step.labels
    function = LOSSES[loss].function
    before = function(trainer.model(images), labels)
    assert found.loss_before == pytest.approx(before.item(), rel=1e-5)
    assert found.loss_before == pytest.approx(found.step.loss, rel=1e-5)
    before.backward()
    for one in found.layers:
        gradient = dict(trainer.model.named_parameters())[f"{one.layer.name}.weight"].grad
        assert gradient is not None
        assert one.gradient == pytest.approx(float(gradient[one.at]), rel=1e-4, abs=1e-8)
    trainer.optimizer.step()
    assert found.loss_after == pytest.approx(function(trainer.model(images), labels).item(), rel=1e-5)
    for one in found.layers:
        after = dict(trainer.model.named_parameters())[f"{one.layer.name}.weight"][one.at]
        assert one.update.trained == pytest.approx(after.item(), rel=1e-6)
        assert one.update.lines[-1].value == pytest.approx(after.item(), rel=1e-4, abs=1e-6)
    assert found.label == int(found.logits.argmax())


def test_the_chosen_neuron_is_followed_and_the_training_is_as_it_was(blobs: Loaded) -> None:
    config = TrainConfig(batch_size=20, lr=0.01)
    view = view_after(blobs, NetworkSpec((Dense(12), Dense(8))), config)
    image = to_input(blobs.test.images[:1], blobs.dataset)
    weights = {name: tensor.clone() for name, tensor in view.state.model.items()}
    found = slow_step(view, image, 3, ("dense1", 5))
    assert found is not None
    assert (found.layers[0].unit, found.layers[0].at[0]) == (5, 5)
    assert found.layers[-1].unit == found.label == 3
    for name, tensor in weights.items():
        assert torch.equal(tensor, view.state.model[name])
    again = Trainer(view.network, config, blobs, start=view.state)
    batch = next(again.run())
    assert batch.loss == found.step.loss  # type: ignore[union-attr]
    assert slow_step(view, image, 3, ("dense9", 5)) is not None


def test_autograd_s_graph_goes_from_the_loss_to_the_first_weights(blobs: Loaded) -> None:
    view = view_after(blobs, NetworkSpec((Dense(12),)), TrainConfig(batch_size=20))
    found = slow_step(view, to_input(blobs.test.images[:1], blobs.dataset), 3)
    assert found is not None
    loss = F.cross_entropy(view.model(found.step.images), found.step.labels)
    assert loss.grad_fn is not None
    assert found.graph[0] == loss.grad_fn.name()
    assert [line for line in found.graph if "dense1.weight" in line] == [found.graph[-1]]
    assert "ReluBackward0" in found.graph


def test_a_net_that_has_diverged_has_no_step(blobs: Loaded) -> None:
    view = view_after(blobs, NetworkSpec((Dense(12),)), TrainConfig(batch_size=20))
    view.state.model["dense1.weight"].fill_(float("inf"))
    assert slow_step(view, to_input(blobs.test.images[:1], blobs.dataset), 3) is None
