"""What everything registered must do wherever it is used: links, forms, script, drawing, sweeps, Inspect, norms.

A new layer, optimizer, loss, … is tested by being there; it needs no line of its own here.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from nnviz.analysis.activations import arithmetic, backwards, outgoing, source_shape, trace
from nnviz.analysis.checkpoint_view import CheckpointView
from nnviz.analysis.comparison import layers_in_words
from nnviz.analysis.editing import Action, Edit, edited
from nnviz.analysis.health import health
from nnviz.analysis.optimizer_step import explain_update
from nnviz.data.datasets import Loaded, Split, to_input
from nnviz.export.script import training_script
from nnviz.fields import Choice, Number, bounds_of
from nnviz.spec.activations import ACTIVATIONS
from nnviz.spec.augmentations import AUGMENTATIONS
from nnviz.spec.initialisation import INITIALISATIONS
from nnviz.spec.layers import LAYERS, default_layer
from nnviz.spec.layers.conv import Conv
from nnviz.spec.layers.dense import Dense
from nnviz.spec.losses import LOSSES
from nnviz.spec.network import LayerError, NetworkSpec
from nnviz.spec.optimizers import OPTIMIZERS
from nnviz.spec.presets import PRESETS
from nnviz.spec.schedules import SCHEDULES
from nnviz.spec.train_config import TrainConfig, layer_plans
from nnviz.store.run import describe, learning_layers
from nnviz.sweep.space import dimensions, suggested_axis, with_values
from nnviz.sweep.spec import SweepSpec
from nnviz.train.events import Batch
from nnviz.train.preview import preview, sample_of
from nnviz.train.trainer import Trainer
from nnviz.ui.components.builder.answer import in_words, judge, schema

TINY = TrainConfig(epochs=1, batch_size=50, per_class=20)


def networks() -> Iterator[tuple[str, NetworkSpec]]:
    """Each layer kind on an image, and where it takes one, behind a dense layer; each preset and initialisation."""
    for kind in LAYERS:
        for name, layers in (
            ("image", (default_layer(kind), Dense(6))),
            ("channels", (Conv(3, 3, 2), default_layer(kind), Dense(6))),
            ("vector", (Dense(9), default_layer(kind))),
        ):
            network = NetworkSpec(layers)
            try:
                network.plan((1, 28, 28), 10)
            except LayerError:
                continue  # it needs an image
            yield f"{kind}-{name}", network
    yield from ((f"preset-{name}", preset.network) for name, preset in PRESETS.items() if name != "wide")
    yield from ((f"init-{name}", NetworkSpec((Dense(8),), init=name)) for name in INITIALISATIONS)


NETWORKS = dict(networks())
every_network = pytest.mark.parametrize("network", list(NETWORKS.values()), ids=list(NETWORKS))


@pytest.fixture(scope="module")
def small(blobs: Loaded) -> Loaded:
    return Loaded(blobs.dataset, blobs.train, Split(blobs.test.images[:40], blobs.test.labels[:40]))


@pytest.fixture
def checkpoint(network: NetworkSpec, small: Loaded) -> CheckpointView:
    """After two steps of training."""
    trainer = Trainer(network, TINY, small)
    for _ in itertools.islice((event for event in trainer.run() if isinstance(event, Batch)), 2):
        pass
    return CheckpointView(network, TINY, trainer.checkpoint(), small)


@every_network
def test_a_layer_is_drawn_and_named(network: NetworkSpec) -> None:
    verdict = judge(network.to_dict(), TINY)
    assert verdict.network == network
    assert all(one["formula"].startswith("y = ") and one["sizes"] for one in verdict.layers)
    kinds = schema(TINY)["kinds"]
    for layer in network.layers:
        assert kinds[layer.kind]["drawn"] in ("neurons", "maps", "block")
        assert not layer.counted or isinstance(bounds_of(type(layer))[layer.counted], Number)
    for words in (in_words(network), layers_in_words(network), describe(network, TINY)):
        assert words


@every_network
def test_every_weight_matrix_is_started_measured_and_looked_at(network: NetworkSpec, small: Loaded) -> None:
    trainer = Trainer(network, TINY, small)
    batch = next(event for event in trainer.run() if isinstance(event, Batch))
    layers = learning_layers(network, TINY)
    matrices = [n for n, p in trainer.model.named_parameters() if n.endswith(".weight") and n[:-7] in layers]
    assert [name.removesuffix(".weight") for name in matrices] == list(layers)
    assert batch.norms is not None
    assert len(batch.norms.weight) == len(batch.norms.gradient) == len(layers)
    seen = preview(trainer.model, small, sample_of(small.test.labels), 1)
    assert seen.layer == layers[0]
    assert (
        seen.units
        == layer_plans(network, TINY)[[p.name for p in layer_plans(network, TINY)].index(layers[0])].out_shape[0]
    )


@pytest.mark.parametrize("kind", [kind for kind, cls in LAYERS.items() if cls.weighted])
@pytest.mark.parametrize("init", [name for name, one in INITIALISATIONS.items() if one.start])
def test_every_initialisation_starts_every_weight_matrix(kind: str, init: str, small: Loaded) -> None:
    default = Trainer(NetworkSpec((default_layer(kind),)), TINY, small).model.state_dict()
    network = NetworkSpec((default_layer(kind),), init=init)
    started = Trainer(network, TINY, small).model.state_dict()
    for layer in learning_layers(network, TINY):
        assert not torch.equal(started[f"{layer}.weight"], default[f"{layer}.weight"])
        assert not started[f"{layer}.bias"].any()
    if init == "zeros":
        assert not started[f"{kind}1.weight"].any()


@every_network
def test_inspect_shows_every_layer(network: NetworkSpec, checkpoint: CheckpointView, small: Loaded) -> None:
    """Each unit's sum is the one that PyTorch computed, and its weights come first by unit."""
    traced = trace(checkpoint, to_input(small.test.images[:3], small.dataset))
    torch.testing.assert_close(traced.probabilities, checkpoint.model(traced.inputs).softmax(1).detach())
    for layer in checkpoint.learning_layers:
        assert layer.weight is not None
        assert len(layer.weight) == layer.units
        told = arithmetic(layer, traced.of(layer.name), 1, layer.units - 1, count=100_000)
        assert told.others == 0
        assert sum(term.product for term in told.terms) + told.bias == pytest.approx(told.total, abs=1e-4)
        assert abs(told.rest) < 1e-4
        assert math.prod(source_shape(checkpoint, layer)) == layer.weight[0].numel()
        after = outgoing(checkpoint, layer, 0)
        assert (after is None) is (layer.name == "output")
    assert backwards(checkpoint, traced, 0, 3)[0].unit == 3
    assert [one.name for one in health(checkpoint, small.test)] == [layer.name for layer in checkpoint.layers]


@every_network
def test_the_next_step_is_told_unit_by_unit(network: NetworkSpec, checkpoint: CheckpointView) -> None:
    step = checkpoint.next_step
    assert step is not None
    for layer in checkpoint.learning_layers:
        assert layer.weight is not None
        name = f"{layer.name}.weight"
        assert torch.equal(step.before[name], layer.weight)
        assert step.gradient[name].shape == step.after[name].shape == layer.weight.shape
        last = tuple(length - 1 for length in layer.weight.shape)
        told = explain_update(checkpoint, step, name, last)
        assert told.lines[-1].value == pytest.approx(told.trained, abs=1e-6)


@every_network
def test_weights_of_every_layer_can_be_edited(network: NetworkSpec, checkpoint: CheckpointView) -> None:
    for layer in checkpoint.learning_layers:
        unit = layer.units - 1
        changed = edited(checkpoint, [Edit(layer.name, Action.ZERO, unit=unit)]).layer(layer.name)
        assert changed.weight is not None
        assert layer.weight is not None
        assert not changed.weight[unit].any()
        assert torch.equal(changed.weight[:unit], layer.weight[:unit])


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("options", [{}, {"momentum": 0.0}, {"weight_decay": 0.01}, {"nesterov": True}], ids=str)
def test_the_formula_of_an_optimizer_is_what_it_does(optimizer: str, options: dict[str, object], small: Loaded) -> None:
    """For every weight of a layer, over several steps, against torch's own arithmetic."""
    network, config = NetworkSpec((Dense(4),)), TINY.with_(optimizer=optimizer, lr=0.01, epochs=2, **options)
    trainer = Trainer(network, config, small)
    for number, _ in enumerate(event for event in trainer.run() if isinstance(event, Batch)):
        checkpoint = CheckpointView(network, config, trainer.checkpoint(), small)
        step = checkpoint.next_step
        assert step is not None
        for index in itertools.product(range(4), range(100, 784, 171)):
            told = explain_update(checkpoint, step, "dense1.weight", index)
            assert told.lines[-1].value == pytest.approx(told.trained, abs=1e-6)
            assert all(math.isfinite(line.value) for line in told.lines)
        if number == 4:
            break


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_is_the_mean_of_its_parts_and_says_what_guessing_costs(name: str) -> None:
    loss = LOSSES[name]
    logits, labels = torch.randn(30, 10, generator=torch.Generator().manual_seed(1)), torch.arange(30) % 10
    torch.testing.assert_close(loss.function(logits, labels), loss.each(logits, labels).mean())
    guessing = float(loss.function(torch.zeros(10, 10), torch.arange(10)))
    assert loss.at_chance(10) == pytest.approx(guessing, rel=1e-5)
    written: dict[str, object] = {}
    exec("import torch\nfrom torch import nn\n" + "\n".join(loss.code), written)
    torch.testing.assert_close(written["criterion"](logits, labels), loss.function(logits, labels))  # type: ignore[operator]


@pytest.mark.parametrize("name", [name for name, one in AUGMENTATIONS.items() if one.draw])
def test_an_augmentation_changes_images_a_little_and_keeps_their_kind(name: str, small: Loaded) -> None:
    one = AUGMENTATIONS[name]
    assert one.draw is not None
    assert one.apply is not None
    images = small.train.images[:50]
    numbers = one.draw(50, torch.Generator().manual_seed(1))
    assert len(numbers) == 50
    assert torch.equal(numbers, one.draw(50, torch.Generator().manual_seed(1)))
    changed = one.apply(images, numbers)
    assert (changed.shape, changed.dtype) == (images.shape, images.dtype)
    assert not torch.equal(changed, images)
    assert torch.equal(one.apply(images[7:8], numbers[7:8]), changed[7:8])  # whatever stands beside it
    ink, before = changed.float().mean(), images.float().mean()
    assert 0.5 < float(ink / before) < 2
    assert one.transforms


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_stays_within_its_rate(name: str) -> None:
    factors = [SCHEDULES[name].factor(step, 100, step // 10, 10) for step in range(100)]
    assert all(0 <= factor <= 1 for factor in factors)
    assert max(factors) == pytest.approx(1)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_what_is_said_of_an_activation_is_so(name: str) -> None:
    one = ACTIVATIONS[name]
    x = torch.linspace(-60, 60, 2001)
    y = one.call.build()(x) if one.call else x
    assert bool((y[x < 0] == 0).all()) is one.flat_below_zero
    bounded = bool(y.abs().max() <= 1)
    assert bounded is (one.ends is not None)
    if one.ends:
        assert (float(y.min()), float(y.max())) == pytest.approx(one.ends, abs=1e-6)


@every_network
def test_a_sweep_may_vary_every_field(network: NetworkSpec) -> None:
    found = dimensions(network, TINY)
    for layer in network.layers:
        assert {f"{layer.kind}1.{name}" for name in bounds_of(type(layer))} <= set(found)
    for name, dimension in found.items():
        axis = suggested_axis(name)
        values = axis.grid()
        assert len(values) >= 2, name
        for value in values:
            with_values(network, TINY, {name: value})
            assert dimension.bounds.check(value) == value
        assert isinstance(dimension.bounds, Choice) or axis.low is not None or axis.values
        SweepSpec(network, TINY, (dimension.axis,))


@every_network
def test_its_script_says_everything_once(network: NetworkSpec) -> None:
    script = training_script(network, TINY)
    compile(script, "script.py", "exec")
    assert max(map(len, script.splitlines())) <= 110
    start = INITIALISATIONS[network.init]
    if start.code:
        assert script.count(start.code(network)) == 1


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_of_our_own_comes_with_its_script(name: str) -> None:
    optimizer, config = OPTIMIZERS[name], TINY.with_(optimizer=name)
    script = training_script(NetworkSpec(), config)
    assert (f"class {optimizer.cls.__name__}(" in script) is optimizer.own
    assert f"optimizer = {optimizer.code(config)}" in script


def test_entries_have_titles_of_their_own() -> None:
    for registry in (ACTIVATIONS, AUGMENTATIONS, INITIALISATIONS, LOSSES, OPTIMIZERS, PRESETS, SCHEDULES):
        titles = [entry.title for entry in registry.values()]
        assert len(set(titles)) == len(titles) == len(registry)
        assert [entry.name for entry in registry.values()] == list(registry)
    assert np.all(np.diff([cls.rank for cls in LAYERS.values()]) >= 0)
