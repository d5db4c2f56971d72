"""A network's plan, its module, its initialisation and its ways out and in."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from nnviz.fields import SpecError
from nnviz.spec.initialisation import INITIALISATIONS
from nnviz.spec.layers.base import Layer
from nnviz.spec.layers.batch_norm import BatchNorm
from nnviz.spec.layers.conv import Conv
from nnviz.spec.layers.dense import Dense
from nnviz.spec.layers.dropout import Dropout
from nnviz.spec.layers.flatten import Flatten
from nnviz.spec.layers.pool import AvgPool, MaxPool
from nnviz.spec.network import (
    MAX_LAYERS,
    MAX_PARAMETERS,
    LayerError,
    LayerPlan,
    NetworkSpec,
    build_model,
    empty_model,
    initialise,
    smallest_batch,
    training_bytes,
)

MIXED = NetworkSpec(
    (
        Conv(4, padding=2),
        BatchNorm(),
        MaxPool(),
        Dropout(0.1),
        Conv(6, 5, activation="identity"),
        AvgPool(3, 1),
        Flatten(),
        Dense(20, "gelu"),
        BatchNorm(),
        Dense(7, "tanh"),
    )
)
NETWORKS = [NetworkSpec(), NetworkSpec(()), MIXED, NetworkSpec((Dense(3),) * MAX_LAYERS)]


def build(spec: NetworkSpec, seed: int = 0) -> nn.Sequential:
    return build_model(spec, (1, 28, 28), 10, seed)


@pytest.mark.parametrize("spec", NETWORKS, ids=NetworkSpec.to_text)
def test_the_plan_is_what_the_module_does(spec: NetworkSpec) -> None:
    """Every layer's shapes and parameters against what really flows through the built modules."""
    plans, model = spec.plan((1, 28, 28), 10), build(spec).eval()
    values, modules = torch.zeros(2, 1, 28, 28), list(model.named_children())
    for plan in plans:
        assert tuple(values.shape[1:]) == plan.in_shape
        own, modules = modules[: len(plan.calls)], modules[len(plan.calls) :]
        assert all(name == plan.name or name.startswith(plan.name + "_") for name, _ in own)
        for _, module in own:
            values = module(values)
        assert tuple(values.shape[1:]) == plan.out_shape
        assert sum(p.numel() for _, module in own for p in module.parameters()) == plan.parameters
        assert not any(p.requires_grad for name, m in own if name != plan.name for p in m.parameters())
    assert not modules
    assert tuple(values.shape) == (2, 10)
    assert plans[-1].name == "output"


def test_the_default_is_784_128_10() -> None:
    assert [(p.name, p.in_shape, p.out_shape, p.parameters) for p in NetworkSpec().plan((1, 28, 28), 10)] == [
        ("dense1", (1, 28, 28), (128,), 100_480),
        ("output", (128,), (10,), 1_290),
    ]


@pytest.mark.parametrize("seed", [0, 7, 2**31 - 1])
def test_default_weights_are_those_of_the_plain_constructors(seed: int) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        plain = nn.Sequential(
            nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(676, 9), nn.Tanh(), nn.Linear(9, 10)
        )
    ours = build(NetworkSpec((Conv(4), MaxPool(), Dense(9, "tanh"))), seed)
    images = torch.rand(5, 1, 28, 28, generator=torch.Generator().manual_seed(1))
    assert torch.equal(ours(images), plain(images))
    for mine, theirs in zip(ours.parameters(), plain.parameters(), strict=True):
        assert torch.equal(mine, theirs)


TORCH_INITS: dict[str, Callable[[Tensor], object]] = {
    "kaiming": lambda w: nn.init.kaiming_normal_(w, nonlinearity="relu"),
    "xavier": nn.init.xavier_uniform_,
    "normal": lambda w: nn.init.normal_(w, std=0.3),
    "zeros": nn.init.zeros_,
    "orthogonal": nn.init.orthogonal_,
}


@pytest.mark.parametrize("init", TORCH_INITS)
def test_initialisations_are_torch_s_under_the_same_seed(init: str) -> None:
    spec = MIXED.with_(init=init, init_std=0.3)
    ours, plain = build(spec), build(MIXED)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        initialise(ours, spec)
        torch.manual_seed(3)
        for module in plain.modules():
            if isinstance(module, nn.Linear | nn.Conv2d):
                TORCH_INITS[init](module.weight)
                module.bias.data.zero_()  # type: ignore[union-attr]
    for name, tensor in plain.state_dict().items():
        assert torch.equal(ours.state_dict()[name], tensor), name


def test_every_initialisation_is_tested_and_has_its_code() -> None:
    assert set(INITIALISATIONS) == {"default", *TORCH_INITS}
    for init in TORCH_INITS:
        code = INITIALISATIONS[init].code
        assert code is not None
        line = code(NetworkSpec(init=init, init_std=0.25))
        compile(line, "init", "eval")
        assert ("0.25" in line) is (init == "normal")
    assert INITIALISATIONS["default"].code is None


def test_initial_weights_have_the_promised_spread() -> None:
    def spread(init: str) -> float:
        return build(NetworkSpec((Dense(400),), init=init, init_std=0.07)).dense1.weight.std().item()  # type: ignore[union-attr, operator]

    assert spread("kaiming") == pytest.approx(math.sqrt(2 / 784), rel=0.01)  # He et al., 2015
    assert spread("xavier") == pytest.approx(math.sqrt(2 / (784 + 400)), rel=0.01)  # Glorot and Bengio, 2010
    assert spread("default") == pytest.approx(1 / math.sqrt(3 * 784), rel=0.01)  # U(−1/√n, 1/√n)
    assert spread("normal") == pytest.approx(0.07, rel=0.01)


def test_the_same_seed_gives_the_same_weights_and_the_global_generator_is_put_back() -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first, again, other = build(MIXED, 4), build(MIXED, 4), build(MIXED, 5)
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True))
    assert not torch.equal(first.conv1.weight, other.conv1.weight)  # type: ignore[union-attr, arg-type]


@pytest.mark.parametrize(
    ("layers", "index", "words"),
    [
        ((Dense(), Conv()), 1, "Convolution needs an image"),
        ((MaxPool(),) * 5, 4, "kernel 2 is larger than its input, 1 pixels"),
        ((Dense(8192),) * 2, 1, "this layer has 67,117,056 parameters (268 MB), the network so far 73,547,776;"),
    ],
)
def test_a_layer_that_can_t_work_is_named(layers: tuple[Layer, ...], index: int, words: str) -> None:
    with pytest.raises(LayerError) as error:
        NetworkSpec(layers).plan((1, 28, 28), 10)
    assert error.value.index == index
    assert str(error.value).startswith(words)


def test_the_head_is_told_from_the_hidden_layers() -> None:
    widest = NetworkSpec((Conv(512, kernel=1), Conv(512, kernel=1)))  # head: 512 · 784 inputs
    plans = widest.plan((1, 28, 28), 10)
    assert sum(p.parameters for p in plans) < MAX_PARAMETERS
    with pytest.raises(LayerError) as error:
        widest.plan((1, 28, 28), 1000)
    assert error.value.index == 2


def test_sixty_four_million_numbers_are_the_most() -> None:
    def plans(units: int) -> tuple[LayerPlan, ...]:
        return NetworkSpec((Dense(8192), Dense(units))).plan((1, 28, 28), 10)

    most = (64_000_000 - 785 * 8192 - 10) // (8193 + 10)
    assert sum(plan.parameters for plan in plans(most)) <= 64_000_000
    with pytest.raises(LayerError, match=r"the network so far 64,00\d,\d+; at most 64,000,000 \(256 MB\) are allowed"):
        plans(most + 1)


def test_at_most_forty_layers() -> None:
    assert len(NetworkSpec((Dense(),) * 40).layers) == 40
    sentence = "a network has at most 40 layers, not 41"
    for attempt in (
        lambda: NetworkSpec((Dense(),) * 41),
        lambda: NetworkSpec.from_dict({"layers": [{"kind": "dense"}] * 41}),
        lambda: NetworkSpec.layers_from_text("~".join(["dense"] * 41)),
    ):
        with pytest.raises(SpecError) as error:
            attempt()
        assert str(error.value) == sentence


@pytest.mark.parametrize("spec", [*NETWORKS, NetworkSpec(init="normal", init_std=0.5)], ids=NetworkSpec.to_text)
def test_json_and_text_come_back_as_they_went(spec: NetworkSpec) -> None:
    assert NetworkSpec.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec
    assert NetworkSpec.layers_from_text(spec.to_text()) == spec.layers
    assert set(spec.to_text()) <= set("abcdefghijklmnopqrstuvwxyz0123456789_~.-")
    assert hash(spec) == hash(NetworkSpec.from_dict(spec.to_dict()))


@pytest.mark.parametrize(
    ("layers", "text"),
    [
        ((), "none"),
        ((Dense(),), "dense_128"),
        ((Dense(64, "tanh"),), "dense_64_tanh"),
        ((Conv(6, 5, padding=2), AvgPool(), Flatten()), "conv_6_5_1_2~avgpool~flatten"),
        ((Conv(), MaxPool(3), Dropout(), Dropout(0.1)), "conv~maxpool_3~dropout~dropout_0.1"),
        ((Dropout(1e-7),), "dropout_1e-07"),
    ],
)
def test_the_text_is_short_and_readable(layers: tuple[Layer, ...], text: str) -> None:
    assert NetworkSpec(layers).to_text() == text
    assert NetworkSpec.layers_from_text(text) == layers


@pytest.mark.parametrize(
    ("text", "index", "words"),
    [
        ("", 0, "layer kind must be one of dense, conv, "),
        ("dense~~dense", 1, "layer kind must be one of"),
        ("dense_128~lstm_3", 1, "layer kind must be one of dense, conv, "),
        ("dense_128_relu_9", 0, "a dense layer has 2 fields, not 3: 'dense_128_relu_9'"),
        ("flatten_1", 0, "a flatten layer has 0 fields, not 1"),
        ("dense_nan", 0, "units must be a whole number from 1 to 8192, not 'nan'"),
        ("dense_1e400", 0, "units must be a whole number"),
        ("dense_", 0, "units must be a whole number from 1 to 8192, not ''"),
        ("dense_" + "9" * 5000, 0, "units must be a whole number"),
        ("x" * 5000, 0, "layer kind must be one of"),
    ],
)
def test_a_stranger_s_text_is_refused_at_its_layer(text: str, index: int, words: str) -> None:
    with pytest.raises(LayerError) as error:
        NetworkSpec.layers_from_text(text)
    assert error.value.index == index
    assert str(error.value).startswith(words)
    assert len(str(error.value)) < 250


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (None, "a network must be an object with a list of layers"),
        ({}, "a network must be an object with a list of layers"),
        ({"layers": "dense"}, "a network must be an object with a list of layers"),
        ({"layers": [], "init": "ones"}, "initialisation must be one of default, kaiming"),
        (
            {"layers": [], "init_std": math.inf},
            "standard deviation of the initial weights must be a number from 0 to 10, not inf",
        ),
        ({"layers": [], "name": "x"}, "a network has no field 'name'; it has init, init_std"),
        ({"layers": ["dense"]}, "a layer must be an object with a kind"),
    ],
)
def test_a_stranger_s_data_are_refused(data: Any, words: str) -> None:
    with pytest.raises(SpecError) as error:
        NetworkSpec.from_dict(data)
    assert str(error.value).startswith(words)


def test_memory_counts_weights_state_and_outputs() -> None:
    plans = NetworkSpec((Dense(3),)).plan((1, 2, 2), 2)  # 4 → 3 → 2: 15 + 8 parameters
    assert training_bytes(plans, 5, 1) == 4 * (23 * 3 + 2 * 5 * (4 + 3 + 2))
    assert training_bytes(plans, 5, 2) - training_bytes(plans, 5, 1) == 4 * 23


@pytest.mark.parametrize(
    ("layers", "smallest"),
    [
        ((Dense(),), 1),
        ((Conv(), BatchNorm()), 1),
        ((Dense(), BatchNorm()), 2),
        ((Flatten(), BatchNorm()), 2),
        ((Conv(4, kernel=28), BatchNorm()), 2),
        ((MaxPool(28, 28), BatchNorm()), 2),
    ],
    ids=repr,
)
def test_the_smallest_batch_is_the_one_torch_trains_on(layers: tuple[Layer, ...], smallest: int) -> None:
    spec = NetworkSpec(layers)
    model = build(spec).train()
    assert smallest_batch(spec.plan((1, 28, 28), 10)) == smallest
    model(torch.rand(smallest, 1, 28, 28))
    if smallest > 1:
        with pytest.raises(ValueError, match="Expected more than 1 value per channel"):
            model(torch.rand(1, 1, 28, 28))


@pytest.mark.parametrize("spec", [NetworkSpec(), MIXED])
def test_an_empty_model_is_the_same_without_drawing_anything(spec: NetworkSpec) -> None:
    wanted, before = build(spec, 3), torch.get_rng_state()
    model = empty_model(spec, (1, 28, 28), 10)
    assert torch.equal(torch.get_rng_state(), before)
    model.load_state_dict(wanted.state_dict(), assign=True)
    assert str(model) == str(wanted)
    image = torch.rand(2, 1, 28, 28)
    assert torch.equal(model.eval()(image), wanted.eval()(image))
