"""What a sweep found: the score of each point, the ranking and how sure it is, which field matters, what it teaches."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np
import scipy  # imports its stats at their first use: a second that the start of the app needn't wait for

from nnviz.analysis.significance import LEVEL, summary_statistics, welch
from nnviz.data.datasets import DATASETS
from nnviz.fields import Number
from nnviz.spec.losses import LOSSES
from nnviz.sweep.space import point_label, value_text
from nnviz.sweep.spec import Result, SweepSpec, study_of

CONFIDENCE = 1 - LEVEL
"""Of every interval."""

CRAWLS_BELOW = 0.8
"""Test accuracy, in [0, 1], below which a training that did not run away has hardly begun to learn."""

LOST_BELOW = 0.2
"""Test accuracy below which a training with large steps has run away, though its loss is still a number."""

ENOUGH_FOR_IMPORTANCE = 8
"""Points that must have a score before the importance of fields means anything."""


class _OfPoint(Protocol):
    @property
    def point(self) -> int: ...


R = TypeVar("R", bound=_OfPoint)


class PointState(StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    DIVERGED = "diverged"
    FAILED = "failed"
    PRUNED = "pruned"
    STOPPED = "stopped"


class RunOfPoint(NamedTuple):
    """One training of a sweep, as recorded so far."""

    run: str
    point: int
    seed_index: int
    state: PointState
    epochs: tuple[tuple[float | None, float | None], ...]
    """Test accuracy in [0, 1] and test loss after each epoch."""
    step: int
    steps: int
    last_loss: float
    """Mean training loss of the last batches; NaN if there is none."""
    seconds: float


class PointResult(NamedTuple):
    """What is known of a point, over its seeds."""

    point: int
    values: dict[str, Any]
    state: PointState
    """As of RunOfPoint; running while any of its runs is, diverged if any of them did."""
    runs: tuple[str, ...]
    accuracies: tuple[float, ...]
    """Test accuracy of each seed that has one, after its last epoch, in [0, 1]."""
    accuracy: float | None
    """Their mean; None before the first epoch."""
    loss: float | None
    """Mean test loss, or before the first epoch the training loss lately."""
    epochs: int
    """That all its seeds have done."""
    share: float
    """Of its steps that are done, in [0, 1]."""
    seconds: float

    @property
    def known(self) -> bool:
        """Whether there is anything to tell of it: a score, or that it diverged."""
        return self.accuracy is not None or self.state is PointState.DIVERGED

    @property
    def scored(self) -> bool:
        """Whether it has a score that counts."""
        return self.accuracy is not None and self.state is not PointState.DIVERGED


class Ranked(NamedTuple):
    """A point in the order of its mean accuracy; the interval holds the true accuracy 19 times out of 20."""

    place: int
    point: int
    values: dict[str, Any]
    mean: float
    low: float
    high: float
    seeds: int
    like_best: bool
    """Whether its difference from the best may well be chance."""


def by_point(runs: Iterable[R]) -> dict[int, list[R]]:
    """Number of a point → its runs, in their order."""
    found: dict[int, list[R]] = {}
    for run in runs:
        found.setdefault(run.point, []).append(run)
    return found


def points(
    spec: SweepSpec, values_by_point: Mapping[int, Mapping[str, Any]], runs: Sequence[RunOfPoint]
) -> list[PointResult]:
    """One for each point that was asked for, by number."""
    of_point = by_point(runs)
    return [_point(number, dict(values), of_point.get(number, [])) for number, values in values_by_point.items()]


def _point(number: int, values: dict[str, Any], runs: list[RunOfPoint]) -> PointResult:
    last = [run.epochs[-1] for run in runs if run.epochs]
    accuracies = tuple(accuracy for accuracy, _ in last if accuracy is not None)
    losses = [loss for _, loss in last if loss is not None and math.isfinite(loss)]
    if not losses:
        losses = [run.last_loss for run in runs if math.isfinite(run.last_loss)]
    steps = sum(run.steps for run in runs)
    return PointResult(
        number,
        values,
        _state(runs),
        tuple(run.run for run in runs),
        accuracies,
        float(np.mean(accuracies)) if accuracies else None,
        float(np.mean(losses)) if losses else None,
        min((len(run.epochs) for run in runs), default=0),
        sum(run.step for run in runs) / steps if steps else 0.0,
        sum(run.seconds for run in runs),
    )


def _state(runs: Sequence[RunOfPoint]) -> PointState:
    states = {run.state for run in runs}
    for state in (PointState.DIVERGED, PointState.RUNNING, PointState.FAILED):
        if state in states:
            return state
    if PointState.WAITING in states or not states:
        return PointState.RUNNING if PointState.DONE in states else PointState.WAITING
    return next(state for state in (PointState.PRUNED, PointState.STOPPED, PointState.DONE) if state in states)


# ---------------------------------------------------------------------- which is best


def ranking(found: Sequence[PointResult], test_count: int) -> list[Ranked]:
    """Points that have a score and did not run away, best first; `test_count` images were asked about.

    With several seeds the interval is Student's t over them: what another seed would give. With one it is Wilson's of
    the test images alone, and says nothing of other seeds.
    """
    scored = [one for one in found if one.scored]
    scored.sort(key=lambda one: (-(one.accuracy or 0.0), one.point))
    ranked = []
    for place, one in enumerate(scored, 1):
        mean = one.accuracy or 0.0
        low, high = interval(one.accuracies, test_count)
        like = one is scored[0] or not _differ(scored[0].accuracies, one.accuracies, test_count)
        ranked.append(Ranked(place, one.point, one.values, mean, low, high, len(one.accuracies), like))
    return ranked


def interval(accuracies: Sequence[float], test_count: int) -> tuple[float, float]:
    """Bounds in [0, 1] of the true accuracy: Student's t over several seeds, Wilson's (1927) score interval of one."""
    mean, count = float(np.mean(accuracies)), len(accuracies)
    if count > 1:
        error = float(np.std(accuracies, ddof=1)) / count**0.5
        reach = float(scipy.stats.t.ppf((1 + CONFIDENCE) / 2, count - 1)) * error
        return max(0.0, mean - reach), min(1.0, mean + reach)
    found = scipy.stats.binomtest(round(mean * test_count), test_count).proportion_ci(CONFIDENCE, "wilson")
    return float(found.low), float(found.high)


def _differ(best: Sequence[float], other: Sequence[float], test_count: int) -> bool:
    """Whether two points differ by more than chance would make likely: Welch's t-test over seeds where both have
    several, else the test of two proportions. Both stand on the same images, so the latter is careful.
    """
    first, second = summary_statistics(best), summary_statistics(other)
    if first.size > 1 and second.size > 1:
        test = welch(first, second)
        return test.p < LEVEL if test else first.mean != second.mean
    pooled = (first.mean + second.mean) / 2
    deviation = math.sqrt(2 * pooled * (1 - pooled) / test_count)
    return deviation > 0 and 2 * float(scipy.stats.norm.sf(abs(first.mean - second.mean) / deviation)) < LEVEL


def ranking_in_words(ranked: Sequence[Ranked], several_seeds: bool) -> str:
    """How sure the first place is."""
    if len(ranked) < 2:
        return ""
    like = sum(one.like_best for one in ranked) - 1
    best = ranked[0]
    words = f"The best point reaches {best.mean:.2%} (between {best.low:.2%} and {best.high:.2%}, 19 times out of 20). "
    if like:
        words += (
            f"{like} other{' is' if like == 1 else 's are'} so close that the difference may be chance"
            " (marked ≈ in the table)."
        )
    else:
        words += "No other is so close that the difference might be chance."
    if not several_seeds:
        words += " With one seed each, this is the chance in the test images only: another seed may change the order."
    return words


def importance(spec: SweepSpec, found: Sequence[PointResult]) -> dict[str, float] | None:
    """Share of the differences in accuracy that each field explains, adding up to 1, largest first, by Optuna's fANOVA
    (Hutter, Hoos and Leyton-Brown, 2014). None while there are too few points, or where all scored the same.
    """
    scored = [one for one in found if one.known]
    scores = {0.0 if one.state is PointState.DIVERGED else one.accuracy for one in scored}
    if len(scored) < ENOUGH_FOR_IMPORTANCE or len(scores) < 2 or len(spec.axes) < 2:
        return None
    import optuna

    epochs = spec.config.epochs
    done = [
        Result(
            one.point,
            one.values,
            (one.accuracy or 0.0,) * max(epochs, _epochs(spec, one)),
            True,
            one.state is PointState.DIVERGED,
        )
        for one in scored
    ]
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
    weights = optuna.importance.get_param_importances(study_of(spec, done), evaluator=evaluator)
    return dict(sorted(weights.items(), key=lambda item: -item[1]))


def _epochs(spec: SweepSpec, one: PointResult) -> int:
    return spec.setup(one.values)[1].epochs


# ---------------------------------------------------------------------- what it teaches


def lessons(spec: SweepSpec, found: Sequence[PointResult]) -> list[str]:
    """What the pictures show, in plain sentences with numbers; empty while too little is known."""
    known = [one for one in found if one.known]
    if len(known) < 3:
        return []
    return [
        words
        for words in (_best(spec, known), _runs_away(spec, known), _crawls(spec, known), _edge(spec, known))
        if words
    ]


def _best(spec: SweepSpec, known: Sequence[PointResult]) -> str:
    scored = [one for one in known if one.scored]
    if not scored:
        return "**Everything diverges**: try much smaller learning rates."
    best = max(scored, key=lambda one: one.accuracy or 0.0)
    words = f"**Best so far**: {best.accuracy:.2%} with {point_label(best.values)}."
    worst = min(scored, key=lambda one: one.accuracy or 0.0)
    if (best.accuracy or 0) - (worst.accuracy or 0) > 0.02:
        words += f" With {point_label(worst.values)} the same net reaches {worst.accuracy:.2%}."
    return words


def _lost(spec: SweepSpec, one: PointResult) -> bool:
    """It diverged, or its steps were so large that it only guesses."""
    loss = LOSSES[one.values.get("loss", spec.config.loss)]
    guessing = loss.at_chance(len(DATASETS[spec.config.data].classes))
    guesses = one.accuracy is not None and one.accuracy < LOST_BELOW and (one.loss or 0.0) > guessing * 0.99
    return one.state is PointState.DIVERGED or guesses


def _runs_away(spec: SweepSpec, known: Sequence[PointResult]) -> str:
    lost = [one for one in known if _lost(spec, one) and not _crawling(one, known)]
    if not lost:
        return ""
    names = {axis.name for axis in spec.axes}
    starts = _starts(known, lost) if names in ({"lr"}, {"lr", "momentum"}) else {}
    if not starts:
        return (
            f"**{len(lost)} of {len(known)} trials diverged or learned nothing**: they diverged, or answer no better"
            " than guessing."
        )
    if names == {"lr"}:
        return f"**It diverges** from a learning rate of {_number(starts[0.0])} up: each step overshoots."
    least, most = min(starts), max(starts)
    words = f"**It diverges** with momentum {_number(least)} from a learning rate of {_number(starts[least])} up"
    if most > least:
        already = "already " if starts[most] < starts[least] else ""
        words += f", with momentum {_number(most)} {already}from {_number(starts[most])}"
    return words + (
        ". Momentum adds the last steps up: in the long run each goes 1 / (1 − momentum) times as far, so what counts"
        " is about learning rate / (1 − momentum)."
    )


def _starts(known: Sequence[PointResult], lost: Sequence[PointResult]) -> dict[float, float]:
    """Momentum (0 where it is not varied) → the learning rate from which on all that was tried is lost, where several
    rates were tried with it: what is drawn at random has a momentum of its own at each point.
    """
    lost_points = {one.point for one in lost}
    tried: dict[float, list[tuple[float, bool]]] = {}
    for one in known:
        tried.setdefault(one.values.get("momentum", 0.0), []).append((one.values["lr"], one.point in lost_points))
    starts = {}
    for momentum, rates in tried.items():
        held = max((rate for rate, away in rates if not away), default=-math.inf)
        above = [rate for rate, away in rates if away and rate > held]
        if len(rates) > 1 and above:
            starts[momentum] = min(above)
    return starts


def _crawling(one: PointResult, known: Sequence[PointResult]) -> bool:
    """It has learned little, and larger steps did better than it."""
    if (
        one.accuracy is None
        or one.accuracy >= CRAWLS_BELOW
        or one.state is PointState.DIVERGED
        or "lr" not in one.values
    ):
        return False
    fine = [other for other in known if other.state is not PointState.DIVERGED]
    better = [other.values["lr"] for other in fine if (other.accuracy or 0.0) > one.accuracy + 0.1]
    return bool(better) and one.values["lr"] <= min(better)


def _crawls(spec: SweepSpec, known: Sequence[PointResult]) -> str:
    slow = [one for one in known if _crawling(one, known)]
    if not slow or not {axis.name for axis in spec.axes} <= {"lr", "momentum", "batch_size"}:
        return ""
    most = max(one.values["lr"] for one in slow)
    example = min(slow, key=lambda one: one.accuracy or 0.0)
    epochs = spec.config.epochs
    return (
        f"**It is too slow** at learning rates up to {_number(most)}: after {epochs} epoch{'s' * (epochs > 1)}, with"
        f" {point_label(example.values)}, only {example.accuracy:.0%} are right. More epochs would help; larger steps"
        " are cheaper."
    )


def _edge(spec: SweepSpec, known: Sequence[PointResult]) -> str:
    """Whether the best value of a field lies at an end of its range."""
    scored = [one for one in known if one.scored]
    if len(scored) < 6:
        return ""
    best = max(scored, key=lambda one: one.accuracy or 0.0)
    ends = []
    for axis in spec.axes:
        if not isinstance(axis.bounds, Number):
            continue
        seen = sorted({one.values[axis.name] for one in known})
        value = best.values[axis.name]
        bounds = axis.bounds
        if len(seen) > 2 and value == seen[0] and value > bounds.low:
            ends.append(f"{axis.label} below {value_text(axis.name, value)}")
        elif len(seen) > 2 and value == seen[-1] and value < bounds.high:
            ends.append(f"{axis.label} above {value_text(axis.name, value)}")
    return f"**The best lies at the edge**: {' and '.join(ends)} may be better still." if ends else ""


def _number(value: float) -> str:
    return value_text("lr", float(f"{value:.3g}"))
