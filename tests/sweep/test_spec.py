"""Which points a sweep tries, what it refuses, and that it goes on where it was."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from typing import Any

import numpy as np
import optuna
import pytest

from nnviz.fields import SpecError
from nnviz.spec.layers.conv import Conv
from nnviz.spec.layers.dense import Dense
from nnviz.spec.network import NetworkSpec
from nnviz.spec.train_config import TrainConfig
from nnviz.sweep.space import Axis, Value, suggested_axis
from nnviz.sweep.spec import (
    MAX_POINTS,
    METHODS,
    Result,
    SweepSpec,
    check,
    default_sweep,
    describe,
    problem,
    prune_now,
    study_of,
    suggest,
    suggestions,
)

CLASSIC = (NetworkSpec(), TrainConfig(epochs=4))
RATE = Axis("lr", low=1e-4, high=1.0, log=True)
MOMENTUM = Axis("momentum", low=0.0, high=0.99)
KERNEL = Axis("conv1.kernel", low=2, high=28)
TOO_LARGE = NetworkSpec((Conv(4, kernel=20), Conv(4, kernel=5)))
"""Its second filter fits only behind a first of at most 24."""


def ended(point: int, values: dict[str, Any], accuracy: float) -> Result:
    return Result(point, values, (accuracy,) * 4, ended=True, diverged=False)


def asked(spec: SweepSpec, count: int, score: Any = lambda values: 0.5) -> list[Result]:
    """One point after the other, each ended before the next is asked for."""
    results: list[Result] = []
    for number in range(count):
        for values in suggest(spec, results, 1):
            results.append(ended(number, values, score(values)))
    return results


def test_a_grid_is_the_product_of_its_values() -> None:
    spec = default_sweep(*CLASSIC)
    rates, momenta = (axis.grid() for axis in spec.axes)
    expected = [{"lr": rate, "momentum": m} for rate, m in itertools.product(rates, momenta)]
    assert suggest(spec, [], 999) == expected
    assert (spec.points, spec.runs, spec.config.epochs) == (64, 64, 2)
    assert describe(spec) == "learning rate × momentum, 8 × 8"
    check(spec)


def test_an_optimizer_without_momentum_is_swept_by_weight_decay() -> None:
    spec = default_sweep(NetworkSpec(), TrainConfig(optimizer="adam"))
    assert [axis.name for axis in spec.axes] == ["lr", "weight_decay"]


def test_names() -> None:
    axes = (RATE, MOMENTUM, Axis("init"), Axis("activation"))
    three = SweepSpec(*CLASSIC, axes[:3], "random", 1)
    assert describe(three) == "learning rate × momentum × initialisation, 1 random trial"
    assert describe(SweepSpec(*CLASSIC, (RATE,), "tpe", 2)) == "learning rate, adaptive search, 2 trials"
    assert describe(SweepSpec(*CLASSIC, axes, "random", 40)) == "learning rate × momentum × 2 more, 40 random trials"
    assert (
        describe(SweepSpec(*CLASSIC, (RATE,), "tpe", 1, seeds=3))
        == "learning rate, adaptive search, 1 trial, 3 seeds each"
    )


@pytest.mark.parametrize("method", METHODS)
def test_asking_at_once_or_bit_by_bit_gives_the_same_points(method: str) -> None:
    """With nothing known in between: all of them are under way."""
    axes = (Axis("lr", (0.01, 0.1, 1.0)), Axis("activation")) if method == "grid" else (RATE, Axis("activation"))
    spec = SweepSpec(*CLASSIC, axes, method, 24)
    at_once = suggest(spec, [], spec.points)
    results: list[Result] = []
    for size in itertools.cycle((1, 5, 3)):
        more = suggest(spec, results, size)
        if not more:
            break
        assert more == suggest(spec, results, size)
        results += [Result(len(results) + k, v, (), ended=False, diverged=False) for k, v in enumerate(more)]
    assert [result.values for result in results] == at_once
    assert len(at_once) == spec.points


def test_a_random_point_is_the_same_whatever_was_found_before() -> None:
    spec = SweepSpec(*CLASSIC, (RATE, MOMENTUM, Axis("units", low=16, high=256, log=True)), "random", 50)
    whole = suggest(spec, [], 50)
    found = [ended(k, values, k / 50) for k, values in enumerate(whole[:20])]
    assert suggest(spec, found, 5) == whole[20:25]
    assert len({tuple(values.values()) for values in whole}) == 50
    assert suggest(SweepSpec(*CLASSIC, spec.axes, "random", 50, seed=1), [], 1) != whole[:1]


@pytest.mark.parametrize("method", ["random", "tpe"])
def test_a_small_space_is_not_tried_twice(method: str) -> None:
    spec = SweepSpec(*CLASSIC, (Axis("lr", (0.1, 0.2)), Axis("init", ("zeros", "xavier"))), method, 100)
    assert spec.points == 4
    found = asked(spec, 9)
    assert len({tuple(result.values.items()) for result in found}) == len(found) == 4


def test_no_more_points_than_there_are() -> None:
    few = Axis("batch_size", low=16, high=18)
    assert SweepSpec(*CLASSIC, (few, Axis("init", ("zeros", "xavier"))), "random", 100).points == 6
    assert SweepSpec(*CLASSIC, (few, RATE), "random", 100).points == 100


def test_guided_points_gather_where_it_is_good() -> None:
    """Against as many random ones, by a function with one top, at 0.01."""

    def score(values: dict[str, Value]) -> float:
        return float(1 - abs(np.log10(float(values["lr"])) + 2) / 4)

    guided = asked(SweepSpec(*CLASSIC, (RATE,), "tpe", 40), 40, score)
    at_random = asked(SweepSpec(*CLASSIC, (RATE,), "random", 40), 40, score)
    late = [np.mean([score(result.values) for result in results[20:]]) for results in (guided, at_random)]
    assert late[0] > late[1] + 0.1
    assert all(1e-4 <= result.values["lr"] <= 1 for result in guided)


def test_guided_points_keep_away_from_where_it_diverges() -> None:
    results: list[Result] = []
    spec = SweepSpec(*CLASSIC, (RATE,), "tpe", 40)
    for number in range(40):
        (values,) = suggest(spec, results, 1)
        away = values["lr"] > 0.01
        results.append(Result(number, values, () if away else (0.9,) * 4, ended=True, diverged=away))
    diverged = [result.diverged for result in results]
    assert sum(diverged[20:]) < sum(diverged[:20])


@pytest.mark.parametrize(
    ("axis", "value", "known_as", "distribution"),
    [
        (Axis("lr", (0.3, 0.001, 0.1)), 0.1, 1, optuna.distributions.IntDistribution(0, 2)),
        (Axis("lr", (0.3, 0.001, 0.1)), 0.3, 2, optuna.distributions.IntDistribution(0, 2)),
        (RATE, 0.2, 0.2, optuna.distributions.FloatDistribution(1e-4, 1.0, log=True)),
        (MOMENTUM, 0.2, 0.2, optuna.distributions.FloatDistribution(0.0, 0.99)),
        (Axis("depth", low=1, high=4), 2, 2, optuna.distributions.IntDistribution(1, 4)),
        (
            Axis("batch_size", low=16, high=256, log=True),
            64,
            64,
            optuna.distributions.IntDistribution(16, 256, log=True),
        ),
        (
            Axis("activation", ("relu", "tanh")),
            "tanh",
            "tanh",
            optuna.distributions.CategoricalDistribution(("relu", "tanh")),
        ),
        (Axis("nesterov"), True, True, optuna.distributions.CategoricalDistribution((False, True))),
    ],
    ids=str,
)
def test_as_what_optuna_knows_a_value(axis: Axis, value: Value, known_as: Any, distribution: Any) -> None:
    """Listed numbers by their place in ascending order, all else by itself; what it suggests is a value again."""
    spec = SweepSpec(*CLASSIC, (axis,), "tpe", 9)
    (trial,) = study_of(spec, [Result(0, {axis.name: value}, (0.5,) * 4, True, False)]).trials
    assert (trial.params, trial.distributions) == ({axis.name: known_as}, {axis.name: distribution})
    for suggested in suggest(spec, [], 2):
        assert not axis.values or suggested[axis.name] in axis.values
        assert axis.values or axis.low <= suggested[axis.name] <= axis.high


def test_as_many_axes_as_are_allowed_come_in() -> None:
    names = ("lr", "momentum", "weight_decay", "batch_size", "epochs", "depth")
    spec = SweepSpec(*CLASSIC, tuple(replace(suggested_axis(name), values=()) for name in names), "random", 5)
    assert SweepSpec.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec
    with pytest.raises(SpecError, match="1 to 6"):
        replace(spec, axes=(*spec.axes, Axis("nesterov")))
    with pytest.raises(SpecError, match="1 to 6"):
        replace(spec, axes=())


@pytest.mark.parametrize(
    ("result", "state", "value"),
    [
        (Result(0, {"lr": 0.1}, (0.5, 0.6, 0.7, 0.8), True, False), "COMPLETE", 0.8),
        (Result(0, {"lr": 0.1}, (0.5, 0.6), True, False), "PRUNED", 0.6),
        (Result(0, {"lr": 0.1}, (), True, False), "FAIL", None),
        (Result(0, {"lr": 0.1}, (0.5, 0.6), False, False), "RUNNING", None),
        (Result(0, {"lr": 0.1}, (0.5, 0.6), True, True), "COMPLETE", 0.0),
    ],
)
def test_what_optuna_is_told(result: Result, state: str, value: float | None) -> None:
    (trial,) = study_of(SweepSpec(*CLASSIC, (RATE,), "tpe", 9), [result]).trials
    assert (trial.state.name, trial.value, trial.params) == (state, value, {"lr": 0.1})


# ---------------------------------------------------------------------- giving up early


def others(count: int) -> list[Result]:
    curves = [tuple(0.5 + 0.1 * epoch + 0.02 * k for epoch in range(4)) for k in range(count)]
    return [Result(k, {"lr": 0.1 + k / 100}, curve, True, False) for k, curve in enumerate(curves)]


@pytest.mark.parametrize("epochs", [1, 2, 3])
@pytest.mark.parametrize("offset", [-0.03, -0.001, 0.001, 0.03])
def test_below_the_median_is_given_up(epochs: int, offset: float) -> None:
    """numpy's median; not after the first of four epochs."""
    spec = SweepSpec(*CLASSIC, (RATE,), "tpe", 20, prune=True)
    found = others(7)
    medians = np.median([result.by_epoch for result in found], axis=0)
    one = Result(7, {"lr": 0.5}, tuple(float(m) + offset for m in medians[:epochs]), False, False)
    assert prune_now(spec, [*found, one]) == ({7} if offset < 0 and epochs > 1 else set())


def test_nothing_is_given_up_unasked_or_too_soon() -> None:
    spec = SweepSpec(*CLASSIC, (RATE,), "tpe", 20, prune=True)
    poor = Result(99, {"lr": 0.5}, (0.1, 0.1), False, False)
    assert prune_now(spec, [*others(5), poor]) == {99}
    assert not prune_now(spec, [*others(4), poor])
    away = Result(50, {"lr": 0.9}, (0.9, 0.9), True, True)
    assert not prune_now(spec, [*others(4), away, poor])
    assert not prune_now(SweepSpec(*CLASSIC, (RATE,), "tpe", 20), [*others(9), poor])
    assert not prune_now(spec, others(9))
    assert not prune_now(spec, [*others(9), poor._replace(by_epoch=())])
    assert not prune_now(spec, [*others(9), poor._replace(ended=True)])


# ---------------------------------------------------------------------- what can't be trained


def test_a_grid_with_a_net_that_can_t_be_built_is_refused() -> None:
    spec = SweepSpec(TOO_LARGE, TrainConfig(), (Axis("conv1.kernel", (3, 26)), Axis("lr", (0.1,))))
    with pytest.raises(SpecError, match=r"^with kernel of conv1 26, learning rate 0.1: kernel 5 is larger than"):
        check(spec)
    large = NetworkSpec((Conv(512, kernel=1),))
    with pytest.raises(SpecError, match=r"^with batch size 10,000: .* needs about"):
        check(SweepSpec(large, TrainConfig(), (Axis("batch_size", (8, 10_000)),)))


@pytest.mark.parametrize("method", ["random", "tpe"])
def test_drawn_points_that_can_t_be_built_are_skipped_with_the_reason(method: str) -> None:
    spec = SweepSpec(TOO_LARGE, TrainConfig(), (KERNEL, RATE), method, 40)
    check(spec)
    points, skipped = suggestions(spec, [], 40)
    assert len(points) == 40
    assert all(values["conv1.kernel"] <= 24 and not problem(spec, values) for values in points)
    assert skipped
    assert all(one.values["conv1.kernel"] > 24 and "kernel 5 is larger" in one.reason for one in skipped)


@pytest.mark.parametrize("method", ["random", "tpe"])
def test_where_nothing_can_be_built_the_sweep_is_refused_and_ends(method: str) -> None:
    spec = SweepSpec(TOO_LARGE, TrainConfig(), (Axis("conv1.kernel", low=26, high=28), RATE), method, 40)
    with pytest.raises(SpecError, match="none of 200 trials drawn can be trained; with kernel of conv1 2"):
        check(spec)
    assert suggest(spec, [], 3) == []


# ---------------------------------------------------------------------- the spec itself


def test_a_point_is_a_set_up_and_seeds_count_on() -> None:
    spec = SweepSpec(NetworkSpec(), TrainConfig(seed=7), (Axis("lr", (0.1,)), Axis("units", (16,))), seeds=3)
    network, config = spec.setup({"lr": 0.1, "units": 16}, 2)
    assert (network, config) == (NetworkSpec((Dense(16),)), TrainConfig(seed=9, lr=0.1))
    assert spec.runs == 3
    with pytest.raises(SpecError, match="this sweep does not vary 'momentum'"):
        spec.setup({"momentum": 0.9})


@pytest.mark.parametrize("method", METHODS)
def test_a_sweep_goes_out_and_comes_in(method: str) -> None:
    spec = SweepSpec(TOO_LARGE, TrainConfig(), (Axis("lr", (0.1, 0.2)), Axis("nesterov")), method, 3, 2, 1.5, True, 4)
    assert SweepSpec.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec
    assert hash(spec) == hash(SweepSpec.from_dict(spec.to_dict()))


def spec_of(**changes: Any) -> dict[str, Any]:
    return {**default_sweep(*CLASSIC).to_dict(), **changes}


LR = {"name": "lr", "values": [0.1, 0.2]}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ([], "a sweep must be an object with named fields, not []"),
        ({}, "a sweep needs the field 'network'"),
        (spec_of(speed=1), "a sweep has no field 'speed'"),
        (spec_of(axes=[]), "a sweep varies 1 to 6 things, not 0"),
        (spec_of(axes=[LR] * 7), "the axes of a sweep must be a list of 1 to 6"),
        (spec_of(axes="lr"), "the axes of a sweep must be a list of 1 to 6"),
        (spec_of(axes=[LR, LR]), "a sweep can vary learning rate only once"),
        (spec_of(axes=[{"name": "dense2.units", "values": [1]}]), "this network has no units of dense2"),
        (spec_of(method="luck"), "method must be one of grid, random, tpe"),
        (spec_of(seeds=21), "seeds must be a whole number from 1 to 20, not 21"),
        (spec_of(points=1001), "number of trials must be a whole number from 1 to 1000, not 1001"),
        (spec_of(minutes=-1), "time budget must be a number from 0"),
        (spec_of(network={"layers": 3}), "a network must be an object with a list of layers"),
        (spec_of(config={"lr": 101}), "learning rate must be a number from 0 to 100, not 101"),
        (spec_of(config={"seed": 2**31 - 1}, seeds=2), "2 seeds from 2147483647 on go beyond 2147483647"),
        (
            spec_of(axes=[{"name": n, "low": 0, "high": 0.9, "count": 32} for n in ("lr", "momentum")]),
            "a sweep has at most 1,000 trials, not 32 × 32 = 1,024",
        ),
        (
            spec_of(axes=[{"name": "units", "values": [8]}, {"name": "dense1.units", "values": [8]}]),
            "a sweep can't vary both units of the network and units of dense1",
        ),
        (
            spec_of(axes=[{"name": "depth", "values": [1]}, {"name": "dense1.activation"}]),
            "a sweep can't vary both hidden dense layers of the network and activation of dense1",
        ),
    ],
)
def test_a_stranger_s_sweep_is_refused_with_a_sentence(data: object, words: str) -> None:
    with pytest.raises(SpecError) as error:
        SweepSpec.from_dict(data)
    assert str(error.value).startswith(words)
    assert len(str(error.value)) < 250


@pytest.mark.parametrize(
    ("name", "default", "low", "high"),
    [("points", 32, 1, 1000), ("seeds", 1, 1, 20), ("minutes", 0, 0, 10_080), ("seed", 0, 0, 2**31 - 1)],
)
def test_a_sweep_s_numbers(name: str, default: float, low: float, high: float) -> None:
    """A week is the longest that a sweep may be given."""
    spec = SweepSpec(*CLASSIC, (RATE,), "random")
    assert getattr(spec, name) == default
    for allowed in (low, high):
        assert getattr(replace(spec, **{name: allowed}), name) == allowed
    for beyond in (low - 1, high + 1):
        with pytest.raises(SpecError, match=f"from {low} to {high}"):
            replace(spec, **{name: beyond})


def test_seeds_end_with_the_last_there_is() -> None:
    last = SweepSpec(NetworkSpec(), TrainConfig(seed=2**31 - 3), (RATE,), seeds=3)
    assert last.setup({"lr": 0.1}, 2)[1].seed == 2**31 - 1
    with pytest.raises(SpecError, match=f"4 seeds from {2**31 - 3} on go beyond {2**31 - 1}"):
        replace(last, seeds=4)


def test_the_largest_grid_is_allowed() -> None:
    spec = SweepSpec(*CLASSIC, tuple(Axis(n, low=0, high=0.9, count=10) for n in ("lr", "momentum", "weight_decay")))
    assert spec.points == MAX_POINTS


def test_optuna_stays_quiet(capfd: pytest.CaptureFixture[str]) -> None:
    suggest(SweepSpec(*CLASSIC, (RATE,), "tpe", 3), [], 3)
    assert optuna.logging.get_verbosity() == optuna.logging.ERROR
    assert capfd.readouterr() == ("", "")
