"""What can be varied, which values that gives, and what they do to a set-up."""

from __future__ import annotations

import itertools
import json
import math
import random
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from nnviz.fields import Number, SpecError, bounds_of
from nnviz.spec.initialisation import INITIALISATIONS
from nnviz.spec.layers import LAYERS, default_layer
from nnviz.spec.layers.batch_norm import BatchNorm
from nnviz.spec.layers.conv import Conv
from nnviz.spec.layers.dense import Dense
from nnviz.spec.layers.dropout import Dropout
from nnviz.spec.layers.pool import MaxPool
from nnviz.spec.network import NetworkSpec
from nnviz.spec.presets import PRESETS
from nnviz.spec.train_config import TrainConfig
from nnviz.sweep.space import (
    NOT_SWEPT,
    Axis,
    _around,
    bounds_of_name,
    dimensions,
    number_text,
    point_label,
    value_text,
    with_depth,
    with_values,
)

EVERYTHING = NetworkSpec(tuple(default_layer(kind) for kind in ("conv", "maxpool", "avgpool", "dropout", "dense")))


@pytest.mark.parametrize("network", [*(preset.network for preset in PRESETS.values()), EVERYTHING])
def test_all_that_is_offered_can_be_set_and_is_found_again(network: NetworkSpec) -> None:
    config = TrainConfig()
    offered = dimensions(network, config)
    assert {name for name in bounds_of(TrainConfig) if name not in NOT_SWEPT} < set(offered)
    for name, dimension in offered.items():
        for value in dimension.axis.grid():
            changed = with_values(network, config, {name: value})
            assert dimensions(*changed)[name].value == value
        assert dimension.ranged().name == name
        assert dimension.label


def test_the_layers_are_named_as_in_the_plan() -> None:
    names = [plan.name for plan in EVERYTHING.plan((1, 28, 28), 10)][:-1]
    offered = dimensions(EVERYTHING, TrainConfig())
    assert [name for name in dict.fromkeys(n.split(".")[0] for n in offered if "." in n)] == names


def test_what_changes_nothing_says_why() -> None:
    offered = dimensions(NetworkSpec(), TrainConfig(optimizer="adam"))
    assert offered["momentum"].note == "Adam does not use it"
    assert offered["init_std"].note
    assert not dimensions(NetworkSpec(init="normal"), TrainConfig())["init_std"].note


@pytest.mark.parametrize(
    "name", ["data", "seed", "device", "checkpoints", "nothing", "dense1", "dense1.kind", ".units", ""]
)
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(SpecError, match="a sweep can't vary"):
        bounds_of_name(name)


# ---------------------------------------------------------------------- values of an axis


@pytest.mark.parametrize(("low", "high", "count"), [(1e-4, 1.0, 9), (1e-6, 1e-2, 5), (0.003, 0.7, 12)])
def test_logarithmic_values_are_numpys_to_three_digits(low: float, high: float, count: int) -> None:
    grid = Axis("lr", low=low, high=high, count=count, log=True).grid()
    np.testing.assert_allclose(grid, np.geomspace(low, high, count), rtol=5e-3)
    assert (grid[0], grid[-1]) == (low, high)
    assert all(float(f"{value:.3g}") == value for value in grid)


def test_even_values_are_numpys() -> None:
    grid = Axis("momentum", low=0, high=0.99, count=8).grid()
    np.testing.assert_allclose(grid, np.linspace(0, 0.99, 8), atol=5e-4)


def test_whole_values_are_whole_and_come_once() -> None:
    assert Axis("depth", low=1, high=4, count=8).grid() == (1, 2, 3, 4)
    assert Axis("batch_size", low=16, high=256, count=5, log=True).grid() == (16, 32, 64, 128, 256)


def test_a_narrow_range_is_not_rounded_away() -> None:
    grid = Axis("lr", low=0.10001, high=0.10004, count=4).grid()
    np.testing.assert_allclose(grid, [0.10001, 0.10002, 0.10003, 0.10004], rtol=1e-12)


def test_values_that_three_digits_would_make_one_keep_all_of_theirs() -> None:
    grid = Axis("lr", low=1.0, high=1.002, count=5).grid()
    np.testing.assert_allclose(grid, [1.0, 1.0005, 1.001, 1.0015, 1.002], rtol=1e-12)


def test_as_many_values_as_are_allowed_are_taken() -> None:
    assert len(Axis("lr", tuple(n / 1000 for n in range(100))).grid()) == 100
    assert len(Axis("lr", low=0, high=1, count=100).grid()) == 100
    assert len(Axis("lr", low=0, high=1, count=2).grid()) == 2
    assert (Axis("lr", low=0, high=1).count, Axis("lr", low=0, high=1).log) == (8, False)


def test_twenty_hidden_layers_are_the_most() -> None:
    assert Axis("depth", low=0, high=20).size == 21
    with pytest.raises(SpecError, match="from 0 to 20, not 21"):
        Axis("depth", (21,))


def test_a_range_may_be_left_without_its_listed_values() -> None:
    both = dimensions(NetworkSpec(), TrainConfig())["lr"]
    assert both.axis.values
    assert both.ranged() == replace(both.axis, values=())
    listed = dimensions(NetworkSpec(), TrainConfig())["activation"]
    assert listed.ranged() == listed.axis


@pytest.mark.parametrize(
    ("default", "bounds", "low", "high", "log"),
    [
        (1e-5, Number("", 1e-8, 0.1, log=True), 1e-6, 1e-4, True),
        (8, Number("", 1, 512, whole=True, log=True), 1, 80, True),
        (200, Number("", 1, 512, whole=True, log=True), 20, 512, True),
        (2, Number("", 1, 28, whole=True), 1, 4, False),
        (3, Number("", 1, 28, whole=True), 1, 6, False),
        (0, Number("", 0, 14, whole=True), 0, 14, False),
        (0.0, Number("", 0, 10, log=True), 0, 10, False),  # no ratio to 0
        (5.0, Number("", 5, 5.0 + 1, log=True), 5, 6, True),
        (0.5, Number("", 0, 1), 0.25, 1.0, False),
    ],
)
def test_where_a_field_says_nothing_one_looks_around_its_default(
    default: float, bounds: Number, low: float, high: float, log: bool
) -> None:
    told = _around(default, bounds)
    assert (told.low, told.high, told.log, told.count) == (pytest.approx(low), pytest.approx(high), log, 5)


def test_listed_values_win_and_a_choice_takes_all() -> None:
    assert Axis("lr", (0.5, 0.1, 0.5), 0.001, 1.0).grid() == (0.5, 0.1)
    assert Axis("nesterov").grid() == (False, True)
    assert Axis("init").grid() == tuple(INITIALISATIONS)


def test_draws_are_log_uniform_by_the_kolmogorov_smirnov_test() -> None:
    source, axis = random.Random(0), Axis("lr", low=1e-4, high=1.0, log=True)
    logs = [math.log10(axis.draw(source)) for _ in range(2000)]
    assert stats.kstest(logs, stats.uniform(-4, 4).cdf).pvalue > 0.01
    assert stats.kstest([10**x for x in logs], stats.uniform(0, 1).cdf).pvalue < 1e-6  # the test would see it


def test_whole_draws_are_even_to_the_ends_by_chi_square() -> None:
    source = random.Random(1)
    drawn = [Axis("depth", low=1, high=4).draw(source) for _ in range(4000)]
    assert stats.chisquare([drawn.count(k) for k in range(1, 5)]).pvalue > 0.01
    logs = [Axis("depth", low=1, high=4, log=True).draw(source) for _ in range(4000)]
    expected = 4000 * np.diff(np.log([0.5, 1.5, 2.5, 3.5, 4.5])) / math.log(9)
    assert stats.chisquare([logs.count(k) for k in range(1, 5)], expected).pvalue > 0.01


@pytest.mark.parametrize(
    ("axis", "words"),
    [
        ({"name": "lr", "values": [200]}, "learning rate must be a number from 0 to 100, not 200"),
        ({"name": "lr", "low": 0.1}, "learning rate needs values, or a lowest and a highest one"),
        ({"name": "lr", "low": 0.1, "high": 200}, "learning rate must be a number from 0 to 100, not 200"),
        ({"name": "lr", "low": 1, "high": 0.1}, "the range of learning rate must go up, not from 1 to 0.1"),
        ({"name": "lr", "low": 1, "high": 1}, "the range of learning rate must go up, not from 1 to 1"),
        ({"name": "lr", "low": 0.1, "high": 1, "count": 101}, "number of values must be a whole number from 2 to 100"),
        ({"name": "lr", "low": 0, "high": 1, "log": True}, "a logarithmic range of learning rate must begin above 0"),
        ({"name": "init", "low": 0, "high": 1}, "initialisation must be one of"),
        ({"name": "lr", "low": 0.1, "high": 1, "count": 1}, "number of values must be a whole number from 2 to 100"),
        ({"name": "lr", "values": [1] * 101}, "learning rate can have at most 100 values, not 101"),
        ({"name": "lr", "values": "0.1"}, "the values of learning rate must be a list"),
        ({"name": ["lr"], "values": [1]}, "the name of an axis must be text"),
        ({"name": "x" * 9999, "values": [1]}, "a sweep can't vary 'xxx"),
        ({"name": "activation", "values": [["relu"]]}, "activation must be one of"),
        ({"name": "lr", "values": [math.nan]}, "learning rate must be a number"),
        ({"name": "lr", "values": [0.1], "step": 1}, "an axis of a sweep has no field 'step'"),
        ({"values": [0.1]}, "an axis of a sweep needs the field 'name'"),
        ([], "an axis of a sweep must be an object with named fields"),
    ],
)
def test_a_stranger_s_axis_is_refused_with_a_sentence(axis: object, words: str) -> None:
    with pytest.raises(SpecError) as error:
        Axis.from_dict(axis)
    assert str(error.value).startswith(words)
    assert len(str(error.value)) < 250


def test_an_axis_goes_out_and_comes_in() -> None:
    for axis in (Axis("lr", (0.1, "1")), Axis("batch_size", low=16, high=64, count=3, log=True), Axis("nesterov")):
        assert Axis.from_dict(json.loads(json.dumps(axis.to_dict()))) == axis


# ---------------------------------------------------------------------- what values do


def test_depth_takes_and_repeats_dense_layers_with_what_stands_behind_them() -> None:
    network = NetworkSpec((Conv(), MaxPool(), Dense(64), BatchNorm(), Dense(32), Dropout(0.2)))
    head = (Conv(), MaxPool())
    assert with_depth(network, 0).layers == head
    assert with_depth(network, 1).layers == (*head, Dense(64), BatchNorm())
    assert with_depth(network, 2) == network
    assert with_depth(network, 4).layers == (*network.layers, *(Dense(32), Dropout(0.2)) * 2)
    assert with_depth(NetworkSpec(()), 2).layers == (Dense(), Dense())


def test_units_and_activation_hold_for_the_layers_that_depth_adds() -> None:
    network, _ = with_values(
        NetworkSpec((Conv(), Dense(16))), TrainConfig(), {"units": 8, "activation": "tanh", "depth": 2}
    )
    assert network.layers == (Conv(activation="tanh"), Dense(8, "tanh"), Dense(8, "tanh"))


@pytest.mark.parametrize("names", list(itertools.permutations(("depth", "units", "dense2.units"))))
def test_what_is_said_of_one_layer_comes_after_what_is_said_of_all(names: tuple[str, ...]) -> None:
    values = {"depth": 3, "units": 7, "dense2.units": 5}
    network, _ = with_values(NetworkSpec(), TrainConfig(), {name: values[name] for name in names})
    assert network.layers == (Dense(7), Dense(5), Dense(7))


def test_one_layer_of_several_is_set() -> None:
    network, config = with_values(
        NetworkSpec((Dense(16), Dense(16))), TrainConfig(), {"dense2.units": 8, "lr": 0.5, "init": "zeros"}
    )
    assert (network.layers, network.init, config.lr) == ((Dense(16), Dense(8)), "zeros", 0.5)


# ---------------------------------------------------------------------- in words


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.1, "0.1"), (0.0003, "0.0003"), (1e-5, "1e-5"), (2.5e-6, "2.5e-6"), (10_000, "10,000"), (1.5, "1.5")],
)
def test_numbers_read_well(value: float, text: str) -> None:
    assert number_text(value) == text


def test_points_read_well() -> None:
    assert point_label({"lr": 0.1, "momentum": 0.9}) == "learning rate 0.1, momentum 0.9"
    assert value_text("activation", "leakyrelu") == "Leaky ReLU"
    assert value_text("nesterov", True) == "on"
    assert point_label({"conv1.kernel": 5}) == "kernel of conv1 5"


def test_every_field_of_every_layer_has_a_label_of_its_own() -> None:
    for kind, cls in LAYERS.items():
        for name in bounds_of(cls):  # type: ignore[arg-type]
            assert bounds_of_name(f"{kind}3.{name}").label.endswith(f"of {kind}3")
