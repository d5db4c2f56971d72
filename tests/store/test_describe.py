"""A run's name tells what of its set-up is not as in the classic recipe."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest

from nnviz.fields import Choice, bounds_of
from nnviz.spec.layers.conv import Conv
from nnviz.spec.layers.dense import Dense
from nnviz.spec.network import NetworkSpec
from nnviz.spec.train_config import TrainConfig
from nnviz.store.run import NAME_LENGTH, describe


def test_the_classic_recipe_is_its_sizes_and_its_step() -> None:
    assert describe(NetworkSpec(), TrainConfig()) == "784-128-10 · SGD 0.001"
    assert describe(NetworkSpec(), TrainConfig(device="cpu", checkpoints=2)) == "784-128-10 · SGD 0.001"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"lr": 0.05}, "SGD 0.05"),
        ({"optimizer": "adam"}, "Adam 0.001"),
        ({"momentum": 0.5}, "SGD 0.001 · momentum 0.5"),
        ({"optimizer": "adam", "momentum": 0.5}, "Adam 0.001"),  # which has none
        ({"nesterov": True}, "SGD 0.001 · Nesterov"),
        ({"batch_size": 32, "epochs": 2}, "SGD 0.001 · batch 32 · 2 epochs"),
        ({"epochs": 1}, "SGD 0.001 · 1 epoch"),
        ({"per_class": 300, "seed": 1234567}, "SGD 0.001 · 300 per class · seed 1234567"),
        ({"weight_decay": 1e-4}, "SGD 0.001 · weight decay 0.0001"),
    ],
)
def test_what_is_set_otherwise_is_said(changes: dict[str, Any], words: str) -> None:
    assert describe(NetworkSpec(), TrainConfig(**changes)) == f"784-128-10 · {words}"


@pytest.mark.parametrize(
    ("network", "words"),
    [
        (NetworkSpec((Dense(32, "tanh"),)), "784-32-10 Tanh"),
        (NetworkSpec((Dense(32, "tanh"), Dense(16))), "784-32-16-10 mixed activations"),
        (NetworkSpec(), "784-128-10"),
        (NetworkSpec(()), "784-10"),
        (NetworkSpec((Conv(8), Dense(16))), "1 conv + 2 dense"),
    ],
)
def test_the_network(network: NetworkSpec, words: str) -> None:
    assert describe(network, TrainConfig()).lower() == f"{words} · SGD 0.001".lower()


def test_no_two_choices_have_one_name_and_none_is_cut() -> None:
    setups = [(NetworkSpec((Dense(128, one),)), TrainConfig()) for one in ("relu", "tanh", "sigmoid")]
    setups += [(NetworkSpec(init=one), TrainConfig()) for one in ("xavier", "orthogonal", "zeros")]
    for name, bounds in bounds_of(TrainConfig).items():
        if isinstance(bounds, Choice) and name != "device":
            usual = getattr(TrainConfig(), name)
            setups += [(NetworkSpec(), TrainConfig(**{name: one})) for one in bounds.options if one != usual]
    names = [describe(*setup) for setup in setups]
    assert all(one != other for one, other in combinations(names, 2))
    assert max(map(len, names)) <= NAME_LENGTH
