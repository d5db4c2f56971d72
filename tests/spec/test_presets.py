"""The presets are what they say."""

from __future__ import annotations

import pytest

from nnviz.spec.activations import ACTIVATIONS
from nnviz.spec.layers.conv import Conv
from nnviz.spec.layers.dense import Dense
from nnviz.spec.layers.dropout import Dropout
from nnviz.spec.network import NetworkSpec
from nnviz.spec.presets import PRESETS
from nnviz.spec.train_config import TrainConfig, check


def parameters(name: str) -> int:
    return sum(plan.parameters for plan in PRESETS[name].network.plan((1, 28, 28), 10))


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("softmax", 784 * 10 + 10),
        ("classic", 784 * 128 + 128 + 128 * 10 + 10),
        ("lenet5", 61_706),  # as everybody counts it whose second convolution sees all six channels
    ],
)
def test_numbers_of_parameters(name: str, count: int) -> None:
    assert parameters(name) == count


def test_the_classic_is_the_default() -> None:
    assert PRESETS["classic"].network == NetworkSpec() == NetworkSpec((Dense(128, "relu"),))


def test_lenet5_has_the_shapes_of_the_paper() -> None:
    """Its layers C1, S2, C3, S4, C5, F6 and the output (LeCun et al., 1998, figure 2)."""
    assert [plan.out_shape for plan in PRESETS["lenet5"].network.plan((1, 28, 28), 10)] == [
        (6, 28, 28),
        (6, 14, 14),
        (16, 10, 10),
        (16, 5, 5),
        (120,),
        (84,),
        (10,),
    ]


def test_the_sentences_say_what_is_so() -> None:
    assert "Six sigmoid layers" in PRESETS["deep_sigmoid"].teaches
    assert PRESETS["deep_sigmoid"].network.layers == (Dense(64, "sigmoid"),) * 6
    assert "eight times the classic's parameters" in PRESETS["wide"].teaches
    assert parameters("wide") / parameters("classic") == pytest.approx(8, rel=0.01)
    small_cnn = PRESETS["small_cnn"].network.layers
    assert {layer.kind for layer in small_cnn} == {"conv", "batchnorm", "maxpool", "dropout"}
    assert [layer for layer in small_cnn if isinstance(layer, Conv)] == [Conv(n, 3, padding=1) for n in (16, 32, 64)]
    assert small_cnn[-1] == Dropout(0.25)


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_can_be_told_apart_and_trained(name: str) -> None:
    preset = PRESETS[name]
    assert preset.name == name
    assert preset.title
    assert preset.teaches.endswith(".")
    assert sum(other.network == preset.network or other.title == preset.title for other in PRESETS.values()) == 1
    assert {getattr(layer, "activation", "relu") for layer in preset.network.layers} <= set(ACTIVATIONS)
    for batch_size in (1, 64, 1000):
        check(preset.network, TrainConfig(batch_size=batch_size))
