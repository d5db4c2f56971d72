"""What is read off the runs of a sweep: scores, ranking, importance, lessons."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from scipy import stats

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
    away = next(words for words in lessons(SPEC, found) if "runs away" in words)
    assert "with momentum 0.9 from a learning rate of 0.5 up" in away
    assert "momentum 0 " not in away
    found = grid({(0.1, 0.0): 0.9, (1.0, 0.0): None, (0.1, 0.3): 0.9, (1.0, 0.3): None})
    assert "with momentum 0.3 from 1." in next(words for words in lessons(SPEC, found) if "runs away" in words)


def test_of_drawn_points_no_limit_is_read_off_single_ones() -> None:
    found = grid({(0.1, 0.11): 0.9, (0.3, 0.23): None, (0.5, 0.35): 0.95, (0.2, 0.9): None})
    assert any(words.startswith("**2 of 4 points ran away") for words in lessons(SPEC, found))
