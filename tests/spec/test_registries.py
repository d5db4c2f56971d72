"""What every entry of every registry must do; a new entry is tested by being listed."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
import torch

from nnviz.data.datasets import DATASETS, Loaded
from nnviz.data.idx_file import CLASSES
from nnviz.export.script import training_script
from nnviz.fields import Choice, Flag, Number, SpecError, bounds_of
from nnviz.spec.activations import ACTIVATIONS
from nnviz.spec.initialisation import INITIALISATIONS
from nnviz.spec.json_file import from_json, to_json
from nnviz.spec.layers import LAYERS, default_layer, layer_from_dict, layer_to_dict
from nnviz.spec.layers.base import Layer
from nnviz.spec.layers.conv import Conv
from nnviz.spec.layers.dense import Dense
from nnviz.spec.losses import LOSSES
from nnviz.spec.network import NetworkSpec, build_model
from nnviz.spec.optimizers import OPTIMIZERS
from nnviz.spec.presets import PRESETS
from nnviz.spec.schedules import SCHEDULES
from nnviz.spec.train_config import TrainConfig
from nnviz.spec.url import from_query, to_query
from nnviz.train.events import Batch, Epoch
from nnviz.train.trainer import Trainer

SMALL = NetworkSpec((Dense(8),))

SETUPS: dict[str, tuple[NetworkSpec, TrainConfig]] = {
    **{f"layer-{kind}": (NetworkSpec((default_layer(kind), Dense(6))), TrainConfig(lr=0.01)) for kind in LAYERS},
    **{
        f"activation-{name}": (NetworkSpec((Conv(2, 5, 4, 0, name), Dense(6, name))), TrainConfig(lr=0.01))
        for name in ACTIVATIONS
    },
    **{f"initialisation-{name}": (NetworkSpec(init=name), TrainConfig(lr=0.01)) for name in INITIALISATIONS},
    **{f"optimizer-{name}": (SMALL, TrainConfig(optimizer=name, weight_decay=0.01)) for name in OPTIMIZERS},
    **{f"schedule-{name}": (SMALL, TrainConfig(schedule=name, lr=0.01)) for name in SCHEDULES},
    **{f"loss-{name}": (SMALL, TrainConfig(loss=name, lr=0.01)) for name in LOSSES},
    **{f"data-{name}": (SMALL, TrainConfig(data=name, lr=0.01)) for name in DATASETS},
    **{f"preset-{name}": (preset.network, TrainConfig(lr=0.01)) for name, preset in PRESETS.items()},
}
"""One set-up around each entry."""

every_setup = pytest.mark.parametrize(("network", "config"), list(SETUPS.values()), ids=list(SETUPS))


@every_setup
def test_it_travels_as_a_file_and_as_a_link(network: NetworkSpec, config: TrainConfig) -> None:
    assert from_json(to_json(network, config)) == (network, config)
    assert from_query(to_query(network, config)) == (network, config, [])


@every_setup
def test_it_trains(network: NetworkSpec, config: TrainConfig, blobs: Loaded) -> None:
    config = config.with_(epochs=2, batch_size=100, per_class=20)
    trainer = Trainer(network, config, dataclasses.replace(blobs, dataset=DATASETS[config.data]))
    before = {name: tensor.clone() for name, tensor in trainer.model.named_parameters()}
    events = list(trainer.run())
    assert [type(e) for e in events if isinstance(e, Batch | Epoch)] == [Batch, Batch, Epoch] * 2
    assert all(torch.tensor(e.loss).isfinite() for e in events if isinstance(e, Batch))
    # Biases of the output get a gradient under every initialisation, loss and activation.
    assert not torch.equal(before["output.bias"], dict(trainer.model.named_parameters())["output.bias"])


@every_setup
def test_its_script_is_python_and_makes_the_same_modules(network: NetworkSpec, config: TrainConfig) -> None:
    script = training_script(network, config)
    compile(script, "script.py", "exec")
    calls = [call.code() for plan in network.plan((1, 28, 28), 10) for call in plan.calls]
    found = [
        line.split("#")[0].strip().rstrip(",") for line in script.splitlines() if line.startswith(" " * 12 + "nn.")
    ]
    assert found == calls


@every_setup
def test_it_has_one_number_for_each_class_and_image(network: NetworkSpec, config: TrainConfig) -> None:
    dataset = DATASETS[config.data]
    model = build_model(network, dataset.input_shape, len(dataset.classes), config.seed).eval()
    images = torch.rand(3, *dataset.input_shape, generator=torch.Generator().manual_seed(0))
    logits = model(images)
    assert logits.shape == (3, len(dataset.classes))
    torch.testing.assert_close(model(images[1:2]), logits[1:2])  # an image's answer is its own


REGISTRIES: dict[str, dict[str, Any]] = {
    "optimizers": OPTIMIZERS,
    "schedules": SCHEDULES,
    "losses": LOSSES,
    "data sets": DATASETS,
    "presets": PRESETS,
}


@pytest.mark.parametrize("registry", list(REGISTRIES.values()), ids=list(REGISTRIES))
def test_entries_are_listed_under_their_own_name_and_have_titles_of_their_own(registry: dict[str, Any]) -> None:
    assert [entry.name for entry in registry.values()] == list(registry)
    assert len({entry.title for entry in registry.values()}) == len(registry)
    assert all(entry.title.strip() and entry.title[0].isupper() for entry in registry.values())


def test_names_survive_a_link() -> None:
    """The text of a network is cut at ~ and _."""
    for name in (*LAYERS, *ACTIVATIONS):
        assert name.isascii()
        assert name.isalnum()
        assert name == name.lower()


def layer_extremes() -> list[Layer]:
    """Every layer kind with each field at each choice, or at both ends of its range."""
    layers = []
    for kind, cls in LAYERS.items():
        layers.append(default_layer(kind))
        for name, bounds in bounds_of(cls).items():  # type: ignore[type-var]
            match bounds:
                case Number():
                    values: tuple[Any, ...] = (bounds.low, bounds.high)
                case Choice():
                    values = tuple(bounds.options)
                case Flag():
                    values = (False, True)
            layers += [cls(**{name: value}) for value in values]
    return layers


@pytest.mark.parametrize("layer", layer_extremes(), ids=repr)
def test_a_layer_at_its_limits_goes_out_and_comes_in(layer: Layer) -> None:
    assert layer_from_dict(json.loads(json.dumps(layer_to_dict(layer)))) == layer
    assert NetworkSpec.layers_from_text(NetworkSpec((layer,)).to_text()) == (layer,)
    assert hash(layer) == hash(layer_from_dict(layer_to_dict(layer)))
    try:
        out = layer.out_shape((1, 28, 28))
    except SpecError:
        return
    with torch.no_grad():
        values = torch.zeros(2, 1, 28, 28)
        for call in layer.calls((1, 28, 28)):
            values = call.build()(values)
    assert tuple(values.shape[1:]) == out


@pytest.mark.parametrize("kind", LAYERS)
def test_a_layer_kind_explains_itself(kind: str) -> None:
    cls = LAYERS[kind]
    assert cls.kind == kind
    assert cls.title[0].isupper()
    assert cls.help.endswith(".")
    assert dataclasses.is_dataclass(cls)
    assert cls.__dataclass_params__.frozen  # type: ignore[attr-defined]
    declared = {f.name for f in dataclasses.fields(cls)}
    assert declared == set(bounds_of(cls))  # type: ignore[type-var]  # a field without bounds would not be validated


@pytest.mark.parametrize("name", DATASETS)
def test_a_data_set_is_in_mnist_s_layout(name: str) -> None:
    dataset = DATASETS[name]
    assert len(dataset.classes) == len(set(dataset.classes)) == CLASSES
    assert [file.is_images for file in dataset.files] == [True, False, True, False]
    assert dataset.files[0].count == dataset.files[1].count
    assert dataset.files[2].count == dataset.files[3].count
    assert dataset.std > 0
    assert dataset.origin
    assert not dataset.origin.endswith(".")
    assert [d.folder for d in DATASETS.values()].count(dataset.folder) == 1
