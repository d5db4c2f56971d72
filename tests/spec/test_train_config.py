"""How a network is trained: the classic recipe, what is refused, and what does not go together."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from nnviz.data.datasets import Loaded
from nnviz.fields import Choice, Flag, Number, SpecError, bounds_of
from nnviz.spec.layers.base import Layer
from nnviz.spec.layers.batch_norm import BatchNorm
from nnviz.spec.layers.conv import Conv
from nnviz.spec.layers.dense import Dense
from nnviz.spec.layers.flatten import Flatten
from nnviz.spec.network import NetworkSpec
from nnviz.spec.optimizers import OPTIMIZERS
from nnviz.spec.train_config import LIVE_FIELDS, TrainConfig, check, checkpoint_bytes, unused
from nnviz.train.events import Batch
from nnviz.train.trainer import Trainer


def test_the_default_is_the_classic_recipe() -> None:
    classic: dict[str, Any] = {
        "data": "mnist",
        "per_class": 0,
        "optimizer": "sgd",
        "lr": 0.001,
        "momentum": 0.9,
        "nesterov": False,
        "weight_decay": 0.0,
        "batch_size": 64,
        "epochs": 10,
        "schedule": "constant",
        "loss": "cross_entropy",
        "augment": "none",
        "seed": 0,
        "device": "auto",
    }
    assert TrainConfig(**classic) == TrainConfig()
    assert classic.items() <= TrainConfig().to_dict().items()


def extremes() -> list[tuple[str, Any]]:
    """Every field at every choice and both ends of its range."""
    cases: list[tuple[str, Any]] = []
    for name, bounds in bounds_of(TrainConfig).items():
        match bounds:
            case Number():
                cases += [(name, bounds.low), (name, bounds.high)]
            case Choice():
                cases += [(name, option) for option in bounds.options]
            case Flag():
                cases += [(name, False), (name, True)]
    return cases


@pytest.mark.parametrize(("name", "value"), extremes())
def test_every_allowed_value_goes_out_and_comes_in(name: str, value: Any) -> None:
    config = TrainConfig(**{name: value})
    assert getattr(config, name) == value
    assert TrainConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config
    assert TrainConfig(**{name: str(value)}) == config  # as text, from a link or the command line


NONSENSE = [None, [], {}, "", "x" * 9999, math.nan, math.inf, -1, 1e300, 10**400, "nan", b"1"]
# Each field with three of the values and each value with three fields or more, in turn: what a field refuses depends on
# its kind alone, and tests/test_fields.py has every value with every kind.
PAIRS = [
    (name, NONSENSE[(3 * number + more) % len(NONSENSE)])
    for number, name in enumerate(bounds_of(TrainConfig))
    for more in range(3)
]


@pytest.mark.parametrize(("name", "value"), PAIRS, ids=lambda value: ascii(value)[:20])
def test_no_field_takes_nonsense(name: str, value: Any) -> None:
    label = bounds_of(TrainConfig)[name].label
    for attempt in (
        lambda: TrainConfig(**{name: value}),
        lambda: TrainConfig().with_(**{name: value}),
        lambda: TrainConfig.from_dict({name: value}),
    ):
        with pytest.raises(SpecError, match=f"^{label} must be ") as error:
            attempt()
        assert len(str(error.value)) < 200


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ([], "a training configuration must be an object with named fields, not []"),
        ({"speed": 1}, "a training configuration has no field 'speed'"),
        ({"lr": 100.5}, "learning rate must be a number from 0 to 100, not 100.5"),
        ({"seed": 2**31}, "seed must be a whole number from 0 to 2147483647, not 2147483648"),
        ({"momentum": 1}, "momentum must be a number from 0 to 0.999, not 1"),
    ],
)
def test_a_stranger_s_data_are_refused_with_a_sentence(data: object, words: str) -> None:
    with pytest.raises(SpecError) as error:
        TrainConfig.from_dict(data)
    assert str(error.value).startswith(words)


def test_what_can_be_changed_while_training_are_numbers_of_the_configuration() -> None:
    assert all(isinstance(bounds_of(TrainConfig)[name], Number) for name in LIVE_FIELDS)


ALONE: list[tuple[Layer, ...]] = [(Dense(), BatchNorm()), (Flatten(), BatchNorm()), (Conv(4, kernel=28), BatchNorm())]


@pytest.mark.parametrize("layers", ALONE, ids=repr)
def test_batch_normalisation_of_vectors_needs_two_images(layers: tuple[Layer, ...], blobs: Loaded) -> None:
    """Also where the vector is an image of a single pixel. A last batch of one image is left out."""
    network = NetworkSpec(layers)
    with pytest.raises(SpecError, match="batch size must be at least 2 with batch normalisation of vectors, not 1"):
        check(network, TrainConfig(batch_size=1))
    config = TrainConfig(batch_size=299, epochs=1)  # of 300
    assert [e.size for e in Trainer(network, config, blobs).run() if isinstance(e, Batch)] == [299]


def test_batches_of_one_image_are_fine_otherwise() -> None:
    for layers in ((), (Dense(),), (Conv(), BatchNorm())):
        check(NetworkSpec(layers), TrainConfig(batch_size=1))


def test_too_much_memory_is_refused_with_figures() -> None:
    with pytest.raises(SpecError, match=r"with batches of 10000 needs about \d+\.\d GB to train; at most 4 GB"):
        check(NetworkSpec((Conv(512, padding=1),)), TrainConfig(batch_size=10_000))
    check(NetworkSpec((Conv(512, padding=1),)), TrainConfig(batch_size=64))


def test_the_optimizer_s_state_counts() -> None:
    """58 million weights: a second number kept for each is 0.23 GB more."""
    network = NetworkSpec((Conv(64, kernel=1), Dense(1150)))
    check(network, TrainConfig(batch_size=7600, optimizer="sgd"))
    with pytest.raises(SpecError, match=r"about 4\.1 GB"):
        check(network, TrainConfig(batch_size=7600, optimizer="adam"))


def test_a_network_that_does_not_fit_is_refused() -> None:
    with pytest.raises(SpecError, match="Convolution needs an image"):
        check(NetworkSpec((Dense(), Conv())), TrainConfig())


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_a_checkpoint_takes_as_much_as_its_weights_and_the_optimizer_s_state(
    optimizer: str, momentum: float, blobs: Loaded
) -> None:
    network, config = NetworkSpec((Dense(20),)), TrainConfig(optimizer=optimizer, momentum=momentum)
    trainer = Trainer(network, config, blobs)
    next(event for event in trainer.run() if isinstance(event, Batch))
    kept = trainer.checkpoint()
    tensors = [tensor for tensor in (*kept.model.values(), *kept.optimizer.values()) if tensor.dim()]
    assert checkpoint_bytes(network, config) == sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def test_what_changes_nothing_says_why() -> None:
    plain, adam = TrainConfig(), TrainConfig(optimizer="adam")
    assert [unused(name, plain) for name in bounds_of(TrainConfig)] == [""] * len(bounds_of(TrainConfig))
    still = TrainConfig(momentum=0)
    assert {name: words for name in bounds_of(TrainConfig) if (words := unused(name, still))} == {
        "nesterov": "counts only with momentum"
    }
    assert {name: words for name in bounds_of(TrainConfig) if (words := unused(name, adam))} == {
        "momentum": "Adam does not use it",
        "nesterov": "Adam does not use it",
    }


def test_four_gigabytes_are_the_most_that_a_training_may_need() -> None:
    """A weight takes three numbers with SGD's momentum, an output two of each image."""
    network = NetworkSpec((Conv(360, 1),))
    numbers = 3 * (2 * 360 + 10 * (360 * 784 + 1)), 2 * (784 + 360 * 784 + 10)
    most = (1_000_000_000 - numbers[0]) // numbers[1]
    check(network, TrainConfig(batch_size=most))
    with pytest.raises(
        SpecError, match=rf"batches of {most + 1} needs about 4\.0 GB to train; at most 4 GB are allowed"
    ):
        check(network, TrainConfig(batch_size=most + 1))
