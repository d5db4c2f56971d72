"""A sweep: one set-up trained many times, with some of its settings varied. Which values come next.

Three ways to choose: every combination (grid), at random, or adaptively, by what was found so far: the Tree-structured
Parzen Estimator of Bergstra et al., "Algorithms for Hyper-Parameter Optimization" (2011), as Optuna has it. All are
functions of the sweep and its results alone, so a sweep that was interrupted goes on as if it had not been.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

from nnviz.fields import Choice, Flag, Number, SpecError, bounds_of, field, named, show, to_dict, validate
from nnviz.spec.network import NetworkSpec
from nnviz.spec.train_config import TrainConfig, unused
from nnviz.spec.train_config import check as check_setup
from nnviz.sweep.space import (
    Axis,
    Value,
    bounds_of_name,
    dimensions,
    first_dense,
    layer_places,
    point_label,
    suggested_axis,
    with_values,
)

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

MAX_AXES = 6
MAX_POINTS = 1000
MAX_SEEDS = 20

METHODS: dict[str, str] = {
    "grid": "Grid: every combination",
    "random": "Random: values drawn at random",
    "tpe": "Adaptive search (TPE): more values where the results are good",
}

PATIENCE = 5
"""Points that must be complete before another is pruned."""

DRAWS = 200
"""How often a point is drawn anew, where it can't be built or was there before, until the sweep has no more."""


@dataclass(frozen=True)
class SweepSpec:
    """A set-up and what is varied in it. Nothing about which runs exist."""

    network: NetworkSpec
    config: TrainConfig
    axes: tuple[Axis, ...]
    method: str = field("grid", Choice("method", METHODS))
    points: int = field(
        32,
        Number(
            "number of trials",
            1,
            MAX_POINTS,
            whole=True,
            help="How many combinations are tried. A grid has as many as its values make.",
        ),
    )
    seeds: int = field(
        1,
        Number(
            "seeds",
            1,
            MAX_SEEDS,
            whole=True,
            help="Each combination is trained this often, from other initial weights and in another order.",
        ),
    )
    minutes: float = field(0.0, Number("time budget", 0, 10_080, help="Minutes; 0 for as long as it takes."))
    prune: bool = field(
        False, Flag("prune", help="Stops what does worse than the middle of the others had done by that epoch.")
    )
    seed: int = field(0, Number("seed of the search", 0, 2**31 - 1, whole=True, help="For what is drawn at random."))

    def __post_init__(self) -> None:
        object.__setattr__(self, "axes", tuple(self.axes))
        if not 1 <= len(self.axes) <= MAX_AXES:
            raise SpecError(f"a sweep varies 1 to {MAX_AXES} things, not {len(self.axes)}")
        validate(self)
        present = dimensions(self.network, self.config)
        for axis in self.axes:
            if axis.name not in present:
                raise SpecError(f"this network has no {axis.label}")
        self._check_apart()
        if self.config.seed + self.seeds - 1 > 2**31 - 1:
            raise SpecError(f"{self.seeds} seeds from {self.config.seed} on go beyond {2**31 - 1}")
        if self.method == "grid":
            size = math.prod(len(axis.grid()) for axis in self.axes)
            if size > MAX_POINTS:
                sizes = " × ".join(str(len(axis.grid())) for axis in self.axes)
                raise SpecError(f"a sweep has at most {MAX_POINTS:,} trials, not {sizes} = {size:,}")
            object.__setattr__(self, "points", size)
        else:  # there may be only so many combinations
            possible = math.prod((axis.size for axis in self.axes), start=1.0)
            object.__setattr__(self, "points", int(min(self.points, possible)))

    def _check_apart(self) -> None:
        """No two axes may set the same field, nor one remove the layer that another sets."""
        names = [axis.name for axis in self.axes]
        if twice := {name for name in names if names.count(name) > 1}:
            raise SpecError(f"a sweep can vary {bounds_of_name(min(twice)).label} only once")
        places, dense = layer_places(self.network), first_dense(self.network)
        for name in names:
            layer, dot, attribute = name.partition(".")
            rivals = {"activation"} if attribute == "activation" else {"units"} if attribute == "units" else set()
            if dot and places[layer] >= dense:
                rivals.add("depth")
            for rival in sorted(rivals & set(names) if dot else ()):
                label = bounds_of_name(rival).label
                raise SpecError(f"a sweep can't vary both {label} of the network and {bounds_of_name(name).label}")

    @property
    def runs(self) -> int:
        """Number of trainings: points × seeds."""
        return self.points * self.seeds

    def axis(self, name: str) -> Axis:
        return next(axis for axis in self.axes if axis.name == name)

    def setup(self, values: Mapping[str, Value], seed_index: int = 0) -> tuple[NetworkSpec, TrainConfig]:
        """The network and its training at one point; seeds count on from the configuration's. Raises SpecError."""
        known = {axis.name for axis in self.axes}
        for name in values:
            if name not in known:
                raise SpecError(f"this sweep does not vary {show(name)}")
        network, config = with_values(self.network, self.config, values)
        return network, config.with_(seed=config.seed + seed_index)

    def to_dict(self) -> dict[str, Any]:
        return {
            "network": self.network.to_dict(),
            "config": self.config.to_dict(),
            "axes": [axis.to_dict() for axis in self.axes],
            **to_dict(self),
        }

    @staticmethod
    def from_dict(data: object) -> SweepSpec:
        """The sweep that untrusted `data` describes. Raises SpecError."""
        needed = ("network", "config", "axes")
        values = named(data, (*needed, *bounds_of(SweepSpec)), needed, "a sweep")
        axes = values["axes"]
        if not isinstance(axes, list | tuple) or len(axes) > MAX_AXES:
            raise SpecError(f"the axes of a sweep must be a list of 1 to {MAX_AXES}, not {show(axes)}")
        return SweepSpec(
            **values
            | {
                "network": NetworkSpec.from_dict(values["network"]),
                "config": TrainConfig.from_dict(values["config"]),
                "axes": tuple(map(Axis.from_dict, axes)),
            }
        )


def default_sweep(network: NetworkSpec, config: TrainConfig) -> SweepSpec:
    """What to look at first: learning rate × momentum (or weight decay, where there is no momentum), two epochs."""
    second = "weight_decay" if unused("momentum", config) else "momentum"
    return SweepSpec(network, config.with_(epochs=2), (suggested_axis("lr"), suggested_axis(second)))


def check(spec: SweepSpec) -> None:
    """Raise SpecError with the first point of a grid that can't be trained, or if nothing that is drawn can be."""
    if spec.method == "grid":
        for values in _grid(spec):
            if reason := problem(spec, values):
                raise SpecError(f"with {point_label(values)}: {reason}")
    else:
        drawn = _drawn(replace(spec, method="random", points=1))
        if not drawn.points:
            first = drawn.skipped[0]
            raise SpecError(
                f"none of {DRAWS} trials drawn can be trained; with {point_label(first.values)}: {first.reason}"
            )


def problem(spec: SweepSpec, values: Mapping[str, Value]) -> str:
    """Why a point can't be trained; empty if it can."""
    try:
        network, config = spec.setup(values)
    except SpecError as error:
        return str(error)
    return _problem(network, TrainConfig(data=config.data, optimizer=config.optimizer, batch_size=config.batch_size))


@lru_cache(maxsize=2 * MAX_POINTS)
def _problem(network: NetworkSpec, config: TrainConfig) -> str:
    """Of what matters for it: a grid of learning rates plans its network once."""
    try:
        check_setup(network, config)
    except SpecError as error:
        return str(error)
    return ""


def describe(spec: SweepSpec) -> str:
    """A short name: "learning rate × momentum, 8 × 8"."""
    labels = [axis.label for axis in spec.axes]
    what = " × ".join(labels if len(labels) < 4 else (*labels[:2], f"{len(labels) - 2} more"))
    size = {
        "grid": " × ".join(str(len(axis.grid())) for axis in spec.axes),
        "random": f"{spec.points} random trial{'s' * (spec.points > 1)}",
        "tpe": f"adaptive search, {spec.points} trial{'s' * (spec.points > 1)}",
    }[spec.method]
    return f"{what}, {size}" + (f", {spec.seeds} seeds each" if spec.seeds > 1 else "")


# ---------------------------------------------------------------------- which points come next


class Result(NamedTuple):
    """What is known of a point that was asked for."""

    point: int
    """Its number, from 0 in the order in which points were asked for."""
    values: dict[str, Any]
    by_epoch: tuple[float, ...]
    """Mean test accuracy over its seeds, in [0, 1], after each epoch that all of them have done."""
    ended: bool
    diverged: bool


class Skipped(NamedTuple):
    """A point that was drawn but can't be trained."""

    values: dict[str, Any]
    reason: str


class Suggestions(NamedTuple):
    points: list[dict[str, Any]]
    skipped: list[Skipped]


def suggest(spec: SweepSpec, results: Sequence[Result], count: int) -> list[dict[str, Any]]:
    """The values of the next `count` points; fewer where the sweep has no more, none when all were asked for.

    `results` holds every point asked so far, ended or not. The same arguments give the same points.
    """
    return suggestions(spec, results, count).points


def suggestions(spec: SweepSpec, results: Sequence[Result], count: int) -> Suggestions:
    """`suggest`, and what had to be skipped on the way, with the reason."""
    asked = len(results)
    if (count := min(count, spec.points - asked)) <= 0:
        return Suggestions([], [])
    if spec.method == "grid":
        return Suggestions(list(itertools.islice(_grid(spec), asked, asked + count)), [])
    if spec.method == "random":
        drawn = _drawn(spec)
        chosen = drawn.points[asked : asked + count]
        return Suggestions([dict(values) for values in chosen], list(drawn.skipped) if not asked else [])
    return _adaptive(spec, results, count)


def prune_now(spec: SweepSpec, results: Sequence[Result]) -> set[int]:
    """The points under way that do worse than the median of the complete ones at their epoch: Optuna's MedianPruner.

    The first quarter of the epochs, and the first five complete points, are left in peace.
    """
    going = [result for result in results if not result.ended and result.by_epoch]
    complete = [result for result in results if result.ended and not result.diverged]
    if not spec.prune or not going or len(complete) < PATIENCE:
        return set()
    pruners, study = _optuna().pruners, study_of(spec, complete)
    poor = set()
    for one in going:
        _, config = spec.setup(one.values)
        pruner = pruners.MedianPruner(n_startup_trials=PATIENCE, n_warmup_steps=config.epochs // 4)
        if pruner.prune(study, _trial(spec, one)):
            poor.add(one.point)
    return poor


def _grid(spec: SweepSpec) -> Iterator[dict[str, Any]]:
    """The last axis runs fastest."""
    for values in itertools.product(*(axis.grid() for axis in spec.axes)):
        yield {axis.name: value for axis, value in zip(spec.axes, values, strict=True)}


@lru_cache(maxsize=32)
def _drawn(spec: SweepSpec) -> Suggestions:
    """All points of a random sweep: each drawn by a generator of its own number, no point twice."""
    points: list[dict[str, Any]] = []
    skipped: list[Skipped] = []
    seen: set[tuple[Value, ...]] = set()
    failures, draws = 0, itertools.count()
    while len(points) < spec.points and failures < DRAWS:
        source = random.Random(f"{spec.seed} {next(draws)}")
        values = {axis.name: axis.draw(source) for axis in spec.axes}
        failures += 1
        if _is_new(spec, values, seen, skipped):
            points.append(values)
            failures = 0
    return Suggestions(points, skipped)


def _is_new(spec: SweepSpec, values: dict[str, Any], seen: set[tuple[Value, ...]], skipped: list[Skipped]) -> bool:
    """Whether a point is there for the first time and can be trained; it has been `seen` then, or is `skipped`."""
    key = _key(spec, values)
    if key in seen:
        return False
    seen.add(key)
    if reason := problem(spec, values):
        skipped.append(Skipped(values, reason))
    return not reason


def _key(spec: SweepSpec, values: Mapping[str, Value]) -> tuple[Value, ...]:
    return tuple(values[axis.name] for axis in spec.axes)


# ---------------------------------------------------------------------- Optuna


def _optuna() -> ModuleType:
    """Imported where it is needed: it takes a moment that a training need not wait for."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


def study_of(spec: SweepSpec, results: Sequence[Result]) -> Study:
    """The results as Optuna's study, in memory, in the order of their numbers."""
    study: Study = _optuna().create_study(direction="maximize")
    for result in sorted(results, key=lambda result: result.point):
        study.add_trial(_trial(spec, result))
    return study


def _adaptive(spec: SweepSpec, results: Sequence[Result], count: int) -> Suggestions:
    """Points of the Tree-structured Parzen Estimator; those under way count as poor, so that they are not repeated."""
    optuna = _optuna()
    failed = optuna.trial.TrialState.FAIL
    space = {axis.name: _distribution(axis) for axis in spec.axes}
    study = study_of(spec, results)
    seen = {_key(spec, result.values) for result in results}
    found = Suggestions([], [])
    for number in range(len(results), len(results) + count):
        for attempt in range(DRAWS):
            seed = random.Random(f"{spec.seed} {number} {attempt}").randrange(2**32)
            study.sampler = optuna.samplers.TPESampler(seed=seed, constant_liar=True)
            trial = study.ask(space)
            values = {axis.name: _decoded(axis, trial.params[axis.name]) for axis in spec.axes}
            # What was asked is not what is tried: values are rounded first. The sampler overlooks failed trials.
            study.tell(trial, state=failed)
            if _is_new(spec, values, seen, found.skipped):
                found.points.append(values)
                study.add_trial(_trial(spec, Result(number, values, (), ended=False, diverged=False)))
                break
        else:
            break
    return found


def _trial(spec: SweepSpec, result: Result) -> FrozenTrial:
    """Complete if it did all its epochs; pruned if only some; failed if it ended with none.

    A point that diverged counts as the worst there can be, so that an adaptive sweep stays away from it; its epochs are
    no measure for the others.
    """
    optuna = _optuna()
    state = optuna.trial.TrialState
    epochs = spec.setup(result.values)[1].epochs
    value = None
    by_epoch = dict(enumerate(result.by_epoch))
    if not result.ended:
        kind = state.RUNNING
    elif result.diverged:
        kind, value, by_epoch = state.COMPLETE, 0.0, {}
    elif len(by_epoch) >= epochs:
        kind, value = state.COMPLETE, result.by_epoch[-1]
    else:
        kind = state.PRUNED if by_epoch else state.FAIL
        value = result.by_epoch[-1] if by_epoch else None
    trial: FrozenTrial = optuna.trial.create_trial(
        state=kind,
        value=value,
        params={axis.name: _encoded(axis, result.values[axis.name]) for axis in spec.axes},
        distributions={axis.name: _distribution(axis) for axis in spec.axes},
        intermediate_values=by_epoch,
    )
    return trial


def _distribution(axis: Axis) -> BaseDistribution:
    """Listed numbers are known to Optuna by their place in ascending order: neighbours stay neighbours."""
    kinds = _optuna().distributions
    made: BaseDistribution
    if not isinstance(axis.bounds, Number):
        made = kinds.CategoricalDistribution(axis.values)
    elif axis.values:
        made = kinds.IntDistribution(0, len(axis.values) - 1)
    else:
        low, high = axis.range()
        made = (kinds.IntDistribution if axis.whole else kinds.FloatDistribution)(low, high, log=axis.log)
    return made


def _encoded(axis: Axis, value: Any) -> Any:
    return _ascending(axis).index(value) if axis.values and isinstance(axis.bounds, Number) else value


def _decoded(axis: Axis, value: Any) -> Value:
    if isinstance(axis.bounds, Number):
        value = _ascending(axis)[value] if axis.values else axis.tidy(value)
    decoded: Value = value
    return decoded


def _ascending(axis: Axis) -> list[float]:
    return sorted(value for value in axis.values if not isinstance(value, str))
