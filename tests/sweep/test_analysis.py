"""What is read off the runs of a sweep: scores, ranking, importance, lessons."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import stats

from nnviz.spec.losses import LOSSES
from nnviz.spec.network import NetworkSpec
from nnviz.spec.train_config import TrainConfig
from nnviz.sweep.analysis import (
    PointResult,
    PointState,
    RunOfPoint,
    importance,
    interval,
    lessons,
    points,
    ranking,
    ranking_in_words,
)
from nnviz.sweep.space import Axis
from nnviz.sweep.spec import SweepSpec, default_sweep

DONE, DIVERGED, RUNNING, WAITING = PointState.DONE, PointState.DIVERGED, PointState.RUNNING, PointState.WAITING

SPEC = default_sweep(NetworkSpec(), TrainConfig())


def run(point: int, *accuracies: float, state: PointState = DONE, seed: int = 0, loss: float = math.nan) -> RunOfPoint:
    epochs = tuple((accuracy, 1 - accuracy) for accuracy in accuracies)
    return RunOfPoint(f"run-{point}-{seed}", point, seed, state, epochs, 10, 20, loss, 1.5)


def result(values: dict[str, object], *accuracies: float, state: PointState = DONE, point: int = 0) -> PointResult:
    mean = float(np.mean(accuracies)) if accuracies else None
    return PointResult(point, values, state, ("r",), accuracies, mean, None if mean is None else 1 - mean, 2, 1.0, 1.0)


def test_a_point_is_the_mean_of_its_seeds_after_the_last_epoch() -> None:
    values = {0: {"lr": 0.1, "momentum": 0.0}, 1: {"lr": 0.2, "momentum": 0.0}, 2: {"lr": 0.3, "momentum": 0.0}}
    first, second, third = points(
        SPEC, values, [run(0, 0.5, 0.8), run(0, 0.5, 0.9, seed=1), run(1, state=RUNNING, loss=2.0)]
    )
    assert (first.accuracy, first.loss) == (pytest.approx(0.85), pytest.approx(0.15))
    assert (first.accuracies, first.state, first.epochs, first.share) == ((0.8, 0.9), DONE, 2, 0.5)
    assert (second.accuracy, second.loss, second.state) == (None, 2.0, RUNNING)  # the loss moves before the epoch
    assert (third.state, third.runs) == (WAITING, ())


@pytest.mark.parametrize(
    ("states", "whole"),
    [
        ((DONE, DIVERGED), DIVERGED),
        ((DONE, RUNNING), RUNNING),
        ((DONE, WAITING), RUNNING),
        ((WAITING, WAITING), WAITING),
        ((DONE, PointState.PRUNED), PointState.PRUNED),
        ((DONE, PointState.FAILED), PointState.FAILED),
        ((DIVERGED, RUNNING), DIVERGED),
        ((PointState.FAILED, RUNNING), RUNNING),
        ((PointState.FAILED, WAITING), PointState.FAILED),
        ((PointState.PRUNED, WAITING), WAITING),
        ((PointState.PRUNED, PointState.STOPPED), PointState.PRUNED),
        ((PointState.STOPPED, DONE), PointState.STOPPED),
    ],
)
def test_the_state_of_several_seeds(states: Sequence[PointState], whole: PointState) -> None:
    runs = [run(0, 0.5, state=state, seed=seed) for seed, state in enumerate(states)]
    assert points(SPEC, {0: {"lr": 0.1, "momentum": 0.0}}, runs)[0].state == whole


def test_the_interval_of_one_seed_is_wilsons() -> None:
    """As scipy's binomtest has it."""
    expected = stats.binomtest(9443, 10_000).proportion_ci(0.95, method="wilson")
    assert interval([0.9443], 10_000) == (pytest.approx(expected.low), pytest.approx(expected.high))


def test_the_interval_of_several_seeds_is_students() -> None:
    seeds = [0.94, 0.95, 0.945]
    expected = stats.t.interval(0.95, 2, loc=np.mean(seeds), scale=stats.sem(seeds))
    assert interval(seeds, 10_000) == (pytest.approx(expected[0]), pytest.approx(expected[1]))


def test_the_ranking_marks_what_can_not_be_told_from_the_best() -> None:
    found = [
        result({"lr": 0.1, "momentum": 0.9}, 0.960, point=0),
        result({"lr": 0.2, "momentum": 0.9}, 0.962, point=1),
        result({"lr": 0.3, "momentum": 0.9}, 0.90, point=2),
        result({"lr": 9.0, "momentum": 0.9}, 0.99, state=DIVERGED, point=3),
        result({"lr": 0.4, "momentum": 0.9}, point=4, state=WAITING),
    ]
    ranked = ranking(found, 10_000)
    assert [(one.place, one.point, one.like_best) for one in ranked] == [(1, 1, True), (2, 0, True), (3, 2, False)]
    words = ranking_in_words(ranked, several_seeds=False)
    assert "1 other is so close" in words
    assert "another seed may change the order" in words
    assert "96.20%" in words


def test_with_seeds_the_ranking_asks_welch() -> None:
    close = [result({"lr": 1}, 0.95, 0.96, 0.94, point=0), result({"lr": 2}, 0.945, 0.955, 0.935, point=1)]
    apart = [result({"lr": 1}, 0.95, 0.951, 0.949, point=0), result({"lr": 2}, 0.90, 0.901, 0.899, point=1)]
    assert ranking(close, 10_000)[1].like_best
    assert not ranking(apart, 10_000)[1].like_best


def test_the_field_that_decides_is_the_important_one() -> None:
    spec = SweepSpec(NetworkSpec(), TrainConfig(), (Axis("lr", (0.1, 0.2, 0.3)), Axis("momentum", (0.0, 0.5, 0.9))))
    found = [
        result({"lr": lr, "momentum": momentum}, 0.5 + lr + 0.001 * momentum, point=n)
        for n, (lr, momentum) in enumerate((lr, m) for lr in (0.1, 0.2, 0.3) for m in (0.0, 0.5, 0.9))
    ]
    weights = importance(spec, found)
    assert weights
    assert list(weights) == ["lr", "momentum"]
    assert weights["lr"] > 0.9
    assert sum(weights.values()) == pytest.approx(1)
    assert importance(spec, found[:4]) is None  # too few


def grid(score: dict[tuple[float, float], float | None]) -> list[PointResult]:
    """None: diverged."""
    return [
        result({"lr": lr, "momentum": m}, *(() if a is None else (a,)), state=DIVERGED if a is None else DONE, point=n)
        for n, ((lr, m), a) in enumerate(score.items())
    ]


def test_the_lessons_say_where_it_flies_crawls_and_runs_away() -> None:
    found = grid(
        {
            (0.001, 0.0): 0.3,
            (0.01, 0.0): 0.85,
            (0.1, 0.0): 0.95,
            (1.0, 0.0): None,
            (0.001, 0.9): 0.86,
            (0.01, 0.9): 0.94,
            (0.1, 0.9): None,
            (1.0, 0.9): None,
        }
    )
    best, away, crawls = lessons(SPEC, found)
    assert "95.00% with learning rate 0.1, momentum 0" in best
    assert "momentum 0 from a learning rate of 1 up, with momentum 0.9 already from 0.1" in away
    assert "rates up to 0.001" in crawls
    assert "30% are right" in crawls


def test_a_best_point_at_the_edge_is_said() -> None:
    found = grid({(lr, m): 0.5 + lr * 4 + m / 10 for lr in (0.001, 0.01, 0.1) for m in (0.0, 0.5, 0.9)})
    assert any("learning rate above 0.1 and momentum above 0.9" in words for words in lessons(SPEC, found))
    assert lessons(SPEC, found[:2]) == []


def test_what_diverged_later_is_not_the_best() -> None:
    found = [
        *grid({(0.01, 0.0): 0.5, (0.1, 0.0): 0.8}),
        result({"lr": 1.0, "momentum": 0.0}, 0.9, state=DIVERGED, point=2),
    ]
    assert "80.00% with learning rate 0.1" in lessons(SPEC, found)[0]


def test_it_runs_away_only_where_no_larger_step_was_fine() -> None:
    """Where one rate ran away by bad luck and a larger one did not, nothing is said of a limit."""
    found = grid({(0.1, 0.0): 0.9, (0.3, 0.0): None, (0.5, 0.0): 0.95, (0.1, 0.9): 0.9, (0.5, 0.9): None})
    away = next(words for words in lessons(SPEC, found) if "It diverges" in words)
    assert "with momentum 0.9 from a learning rate of 0.5 up" in away
    assert "momentum 0 " not in away
    found = grid({(0.1, 0.0): 0.9, (1.0, 0.0): None, (0.1, 0.3): 0.9, (1.0, 0.3): None})
    assert "with momentum 0.3 from 1." in next(words for words in lessons(SPEC, found) if "It diverges" in words)


def test_of_drawn_points_no_limit_is_read_off_single_ones() -> None:
    found = grid({(0.1, 0.11): 0.9, (0.3, 0.23): None, (0.5, 0.35): 0.95, (0.2, 0.9): None})
    assert any(words.startswith("**2 of 4 trials diverged") for words in lessons(SPEC, found))


# ---------------------------------------------------------------------- where each begins


def test_a_point_adds_up_what_its_runs_have_done() -> None:
    runs = [
        RunOfPoint("a", 0, 0, RUNNING, ((0.5, 1.0), (0.6, math.inf)), 30, 40, 0.7, 2.0),
        RunOfPoint("b", 0, 1, RUNNING, ((0.7, 0.9),), 10, 40, math.nan, 3.0),
    ]
    (one,) = points(SPEC, {0: {"lr": 0.1, "momentum": 0.0}}, runs)
    assert (one.epochs, one.share, one.seconds, one.runs) == (1, 0.5, 5.0, ("a", "b"))
    assert (one.accuracy, one.loss) == (pytest.approx(0.65), 0.9)
    (begun,) = points(SPEC, {0: {}}, [run(0, state=RUNNING, loss=2.0), run(0, state=RUNNING, seed=1)])
    assert (begun.epochs, begun.accuracy, begun.loss) == (0, None, 2.0)
    (unmeasured,) = points(SPEC, {0: {}}, [RunOfPoint("a", 0, 0, DONE, ((None, None),), 4, 4, 0.5, 1.0)])
    assert (unmeasured.accuracy, unmeasured.loss, unmeasured.epochs, unmeasured.share) == (None, 0.5, 1, 1.0)
    (nothing,) = points(SPEC, {0: {}}, [])
    assert (nothing.epochs, nothing.share, nothing.seconds, nothing.accuracy, nothing.loss) == (0, 0.0, 0, None, None)


@pytest.mark.parametrize("other", [1 / 1000 * n for n in range(860, 901, 2)])
def test_single_seeds_are_compared_as_two_proportions(other: float) -> None:
    """As Pearson's chi-squared of the table of right and wrong has it, which is the square of the same."""
    right = [900, round(1000 * other)]
    p = stats.chi2_contingency([[n, 1000 - n] for n in right], correction=False).pvalue
    ranked = ranking([result({}, 0.9, point=0), result({}, other, point=1)], 1000)
    assert ranked[1].like_best == (p >= 0.05)


@pytest.mark.parametrize("score", [0.0, 1.0])
def test_where_all_are_right_or_wrong_nobody_is_better(score: float) -> None:
    ranked = ranking([result({}, score, point=2), result({}, score, point=1)], 1000)
    assert [(one.point, one.mean, one.like_best) for one in ranked] == [(1, score, True), (2, score, True)]


def test_who_gets_nothing_right_is_last() -> None:
    ranked = ranking([result({}, 0.0, point=0), result({}, 0.5, point=1)], 1000)
    assert [(one.place, one.point, one.mean) for one in ranked] == [(1, 1, 0.5), (2, 0, 0.0)]


@pytest.mark.parametrize(
    ("best", "other", "like"),
    [
        ((0.99, 0.9), (0.89, 0.8), True),  # two seeds say how much seeds matter; of proportions that would be a lot
        ((0.95, 0.95), (0.94, 0.94), False),  # no spread at all: what differs, differs
        ((0.95, 0.95), (0.95, 0.95), True),
        ((0.95, 0.951, 0.949), (0.945,), True),  # one seed has no spread: as proportions
        ((0.95,), (0.945, 0.9451, 0.9449), True),
        ((0.95,), (0.93, 0.9301, 0.9299), False),
    ],
)
def test_seeds_are_asked_where_both_have_several(best: Sequence[float], other: Sequence[float], like: bool) -> None:
    ranked = ranking([result({}, *best, point=0), result({}, *other, point=1)], 10_000)
    assert ranked[1].like_best is like


def test_the_interval_of_two_seeds_stays_within_what_can_be() -> None:
    expected = stats.t.interval(0.95, 1, loc=0.5, scale=stats.sem([0.49, 0.51]))
    assert interval([0.49, 0.51], 10_000) == pytest.approx(expected)
    assert interval([0.98, 1.0], 10_000)[1] == 1.0
    assert interval([0.0, 0.02], 10_000)[0] == 0.0


def test_the_words_count_those_like_the_best() -> None:
    def words(*accuracies: float) -> str:
        return ranking_in_words(ranking([result({}, a, point=n) for n, a in enumerate(accuracies)], 10_000), True)

    assert words(0.9) == words() == ""
    assert "No other is so close" in words(0.9, 0.8)
    assert "1 other is so close" in words(0.9, 0.899, 0.8)
    assert "2 others are so close" in words(0.9, 0.899, 0.899, 0.8)
    assert "With one seed" not in words(0.9, 0.8)
    low, high = interval([0.9], 10_000)
    assert f"reaches 90.00% (between {low:.2%} and {high:.2%}, 19 times out of 20)" in words(0.9, 0.8)


FOUR_BY_TWO = SweepSpec(NetworkSpec(), TrainConfig(), (Axis("lr", (0.1, 0.2, 0.3, 0.4)), Axis("momentum", (0.0, 0.9))))


def four_by_two(score: Callable[[float], float | None]) -> list[PointResult]:
    """`score` of the learning rate."""
    return grid({(lr, m): score(lr) for lr in FOUR_BY_TWO.axes[0].values for m in FOUR_BY_TWO.axes[1].values})


def test_importance_is_the_share_of_the_variance() -> None:
    """Of a sum of two effects, each field explains the variance of its own."""
    lr, momentum = Axis("lr", tuple(0.1 + 0.05 * n for n in range(8))), Axis("momentum", (0.0, 0.3, 0.6, 0.9))
    spec = SweepSpec(NetworkSpec(), TrainConfig(), (lr, momentum))
    found = grid({(a, b): 0.3 + a + 0.2 * b for a in lr.values for b in momentum.values})
    weights = importance(spec, found)
    assert weights
    variances = np.var(lr.values), np.var(0.2 * np.array(momentum.values))
    assert weights["momentum"] == pytest.approx(variances[1] / sum(variances), abs=0.08)


def test_importance_needs_eight_points_two_fields_and_a_difference() -> None:
    found = four_by_two(lambda lr: 0.9 if lr > 0.2 else 0.5)  # two scores are enough
    assert importance(FOUR_BY_TWO, found)
    assert importance(FOUR_BY_TWO, found[:7]) is None
    assert importance(FOUR_BY_TWO, four_by_two(lambda lr: 0.9)) is None
    assert importance(FOUR_BY_TWO, four_by_two(lambda lr: None)) is None
    diverging = importance(FOUR_BY_TWO, four_by_two(lambda lr: None if lr > 0.2 else 0.9))  # which is a score of 0
    assert diverging
    assert diverging["lr"] > 0.9
    nothing_right = importance(FOUR_BY_TWO, four_by_two(lambda lr: 0.0 if lr > 0.2 else 1.0))
    assert nothing_right
    assert nothing_right["lr"] > 0.9
    one_field = SweepSpec(NetworkSpec(), TrainConfig(), (Axis("lr", (0.1, 0.2)),))
    assert importance(one_field, [result({"lr": 0.1 * n}, 0.1 * n, point=n) for n in range(1, 9)]) is None


def told(found: list[PointResult], start: str, spec: SweepSpec = SPEC) -> str:
    """The lesson that begins so, or nothing."""
    return next((words for words in lessons(spec, found) if words.startswith(f"**{start}")), "")


def rates(spec_epochs: int = 10) -> SweepSpec:
    return SweepSpec(NetworkSpec(), TrainConfig(epochs=spec_epochs), (Axis("lr", (0.1, 0.2)),))


def by_rate(*accuracies: float | None) -> list[PointResult]:
    """At learning rates 1, 2, 3, … None: diverged."""
    return [
        result({"lr": float(n)}, *(() if a is None else (a,)), state=DIVERGED if a is None else DONE, point=n)
        for n, a in enumerate(accuracies, 1)
    ]


def test_the_worst_is_told_where_it_is_two_points_worse() -> None:
    assert told(by_rate(0.0, 0.02, 0.01), "Best", rates()) == "**Best so far**: 2.00% with learning rate 2."
    assert "With learning rate 1 the same net reaches 0.00%." in told(by_rate(0.0, 0.03, 0.01), "Best", rates())
    assert "With learning rate 3 the same net reaches 90.00%." in told(by_rate(0.95, 0.96, 0.9), "Best", rates())
    assert told(by_rate(0.0, 0.0, 0.0), "Best", rates()) == "**Best so far**: 0.00% with learning rate 1."
    assert "With" not in told(by_rate(0.95, 0.96, 0.945), "Best", rates())
    assert told(by_rate(None, None, None), "Everything diverges", rates())


def test_three_points_teach_something() -> None:
    assert lessons(rates(), by_rate(0.5, 0.6)) == []
    assert lessons(rates(), by_rate(0.5, 0.6, 0.7)) != []


@pytest.mark.parametrize(
    ("accuracy", "loss", "lost"),
    [
        (0.1, 2.303, True),  # what guessing costs: ln 10
        (0.1, 2.29, True),
        (0.1, 2.27, False),
        (0.1, None, False),
        (0.19, 9.0, True),
        (0.2, 9.0, False),
        (0.0, 9.0, True),
    ],
)
def test_who_answers_no_better_than_guessing_is_lost(accuracy: float, loss: float | None, lost: bool) -> None:
    found = by_rate(0.9, 0.95, accuracy)
    found[2] = found[2]._replace(loss=loss)
    words = "**It diverges** from a learning rate of 3 up: each step overshoots." if lost else ""
    assert told(found, "It diverges", rates()) == words


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("varied", [True, False])
def test_what_guessing_costs_is_that_of_the_loss(loss: str, varied: bool) -> None:
    """Mean squared error is never as large as cross-entropy's ln 10."""
    chance = float(LOSSES[loss].function(torch.zeros(10, 10), torch.arange(10)))
    other = next(name for name in LOSSES if name != loss)
    spec = rates()
    spec = replace(spec, config=spec.config.with_(loss=other if varied else loss))
    for share, lost in ((1.0, True), (0.97, False)):
        found = by_rate(0.9, 0.95, 0.1)
        values = {**found[2].values, **({"loss": loss} if varied else {})}
        found[2] = found[2]._replace(loss=share * chance, values=values)
        assert bool(told(found, "It diverges", spec)) is lost


def test_the_rate_from_which_on_it_diverges_is_above_all_that_held() -> None:
    assert told(by_rate(0.9, None, 0.9, None, None), "It diverges", rates()).startswith(
        "**It diverges** from a learning rate of 4 up"
    )
    twice = [*by_rate(0.9, 0.9, None), result({"lr": 2.0}, state=DIVERGED, point=9)]  # at 2 it went both ways
    assert "from a learning rate of 3 up" in told(twice, "It diverges", rates())
    words = told(by_rate(0.9, None, 0.9), "1 of 3 trials diverged", rates())
    assert words.endswith("answer no better than guessing.")
    drawn = by_rate(0.9, 0.9, None)
    drawn[2] = drawn[2]._replace(values={"lr": 0.123456})
    drawn = [one._replace(values={"lr": one.values["lr"] / 100}) for one in drawn[:2]] + drawn[2:]
    assert "from a learning rate of 0.123 up" in told(drawn, "It diverges", rates())


def test_momenta_are_compared_where_several_were_tried() -> None:
    single = told(grid({(0.1, 0.5): 0.9, (0.2, 0.5): 0.9, (0.3, 0.5): None}), "It diverges")
    assert single.startswith("**It diverges** with momentum 0.5 from a learning rate of 0.3 up. Momentum adds")
    alike = {(0.1, 0.0): 0.9, (0.2, 0.0): None, (0.1, 0.9): 0.9, (0.2, 0.9): None}
    assert "up, with momentum 0.9 from 0.2. Momentum" in told(grid(alike), "It diverges")
    other = SweepSpec(NetworkSpec(), TrainConfig(), (Axis("lr", (0.1, 0.2)), Axis("batch_size", (16, 32))))
    found = [one._replace(values={"lr": one.values["lr"], "batch_size": 16}) for one in by_rate(0.9, 0.9, None)]
    assert told(found, "1 of 3 trials", other)


@pytest.mark.parametrize(
    ("accuracies", "slow"),
    [
        ((0.5, 0.61, 0.4), "1"),
        ((0.5, 0.6, 0.4), ""),  # ten points are not better by more than ten
        ((0.79, 0.95, 0.95), "1"),
        ((0.8, 0.95, 0.95), ""),  # that is not little
        ((0.1, 0.3, 0.95), "2"),
        ((0.95, 0.3, 0.4), ""),  # smaller steps did better
        ((0.5, None, 0.55), ""),
        ((None, 0.95, 0.95), ""),
        ((0.0, 0.0, 0.0), ""),
    ],
)
def test_slow_is_who_learned_little_where_larger_steps_did_better(
    accuracies: Sequence[float | None], slow: str
) -> None:
    words = told(by_rate(*accuracies), "It is too slow", rates())
    assert words.startswith(f"**It is too slow** at learning rates up to {slow}:" if slow else "")
    assert bool(words) == bool(slow)


def test_the_slowest_is_the_example_and_epochs_are_counted() -> None:
    words = told(by_rate(0.2, 0.3, 0.95), "It is too slow", rates(10))
    assert "after 10 epochs, with learning rate 1, only 20% are right" in words
    assert "with learning rate 1, only 0% are right" in told(by_rate(0.0, 0.3, 0.95), "It is too slow", rates())
    assert "after 1 epoch, with" in told(by_rate(0.2, 0.3, 0.95), "It is too slow", rates(1))
    assert "after 2 epochs, with" in told(by_rate(0.2, 0.3, 0.95), "It is too slow", rates(2))
    steps = (Axis("lr", (0.1, 0.2)), Axis("momentum", (0.1, 0.2)), Axis("batch_size", (16, 32)))
    all_three = SweepSpec(NetworkSpec(), TrainConfig(), steps)  # of what says how large steps are
    found = [one._replace(values={**one.values, "momentum": 0.1, "batch_size": 16}) for one in by_rate(0.2, 0.3, 0.95)]
    assert "batch size 16, only 20%" in told(found, "It is too slow", all_three)
    widths = SweepSpec(NetworkSpec(), TrainConfig(), (Axis("lr", (0.1, 0.2)), Axis("units", (16, 32))))
    found = [one._replace(values={**one.values, "units": 16}) for one in by_rate(0.2, 0.3, 0.95)]
    assert not told(found, "It is too slow", widths)  # more than the rate was varied
    assert lessons(
        SweepSpec(NetworkSpec(), TrainConfig(), (Axis("units", (16, 32)),)),
        [result({"units": n}, 0.3 * n, point=n) for n in range(1, 4)],
    )


@pytest.mark.parametrize(
    ("accuracies", "edge"),
    [
        ((0.9, 0.8, 0.7, 0.6, 0.5, 0.4), "learning rate below 1 may"),
        ((0.4, 0.5, 0.6, 0.7, 0.8, 0.9), "learning rate above 6 may"),
        ((0.4, 0.5, 0.9, 0.7, 0.8, 0.6), ""),
        ((0.4, 0.5, 0.6, 0.7, 0.9), ""),  # too few
        ((0.4, 0.5, 0.6, 0.7, 0.8, None), ""),
        ((0.0, 0.5, 0.6, 0.7, 0.6, 0.5), ""),
    ],
)
def test_a_best_value_at_an_end_of_what_was_tried_is_said(accuracies: Sequence[float | None], edge: str) -> None:
    words = told(by_rate(*accuracies), "The best lies at the edge", rates())
    assert edge in words
    assert bool(words) == bool(edge)


def test_an_end_of_what_a_field_takes_is_no_edge_nor_is_one_of_two_values() -> None:
    momenta = SweepSpec(NetworkSpec(), TrainConfig(), (Axis("momentum", (0.0, 0.5)),))

    def edge(*values: float) -> str:
        found = [result({"momentum": m}, 0.9 - 0.1 * n, point=n) for n, m in enumerate(values)]
        return told(found, "The best lies at the edge", momenta)

    assert not edge(0.0, 0.1, 0.2, 0.3, 0.4, 0.5)
    assert not edge(0.999, 0.1, 0.2, 0.3, 0.4, 0.5)
    assert "momentum above 0.6 may" in edge(0.6, 0.1, 0.2, 0.3, 0.4, 0.5)
    assert "momentum below 0.1 may" in edge(0.1, 0.2, 0.3, 0.2, 0.3, 0.2)  # three values
    assert not edge(0.1, 0.2, 0.2, 0.2, 0.2, 0.2)
    assert not edge(0.2, 0.1, 0.1, 0.1, 0.1, 0.1)
