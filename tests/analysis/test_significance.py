"""The tests of significance against scipy and the formulas written out."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from nnviz.analysis.significance import (
    FEW_DISCORDANT,
    SummaryStatistics,
    chance_in_words,
    mcnemar,
    p_in_words,
    summary_statistics,
    welch,
)


def answers(both: int, only_first: int, only_second: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    first = np.repeat([True, True, False, False], [both, only_first, only_second, neither])
    second = np.repeat([True, False, True, False], [both, only_first, only_second, neither])
    return first, second


@pytest.mark.parametrize(("only_first", "only_second"), [(0, 0), (1, 0), (5, 5), (3, 9), (0, 24), (12, 12)])
def test_few_discordant_images_equal_scipys_binomial_test(only_first: int, only_second: int) -> None:
    found = mcnemar(*answers(90, only_first, only_second, 7))
    count = only_first + only_second
    assert found.exact
    assert found[:4] == (90, only_first, only_second, 7)
    assert found.total == 97 + count
    assert found.p == pytest.approx(stats.binomtest(only_first, count).pvalue if count else 1.0, rel=1e-12)


@pytest.mark.parametrize(("only_first", "only_second"), [(12, 13), (20, 20), (40, 10), (100, 140), (300, 10)])
def test_many_equal_the_formula_with_scipys_chi_square(only_first: int, only_second: int) -> None:
    found = mcnemar(*answers(9000, only_first, only_second, 100))
    statistic = max(0, abs(only_first - only_second) - 1) ** 2 / (only_first + only_second)
    assert not found.exact
    assert found.p == pytest.approx(stats.chi2.sf(statistic, 1), rel=1e-9)


def test_both_ways_of_it_agree_where_they_meet() -> None:
    few, many = mcnemar(*answers(0, 17, 7, 0)), mcnemar(*answers(0, 17, 8, 0))
    assert (few.exact, many.exact) == (True, False)
    assert FEW_DISCORDANT == 17 + 8
    assert many.p == pytest.approx(stats.binomtest(17, 25).pvalue, abs=0.02)


def test_other_images_are_refused() -> None:
    with pytest.raises(ValueError, match="same images"):
        mcnemar(np.ones(3, bool), np.ones(4, bool))


@pytest.mark.parametrize("seed", range(4))
def test_welch_equals_scipy(seed: int) -> None:
    source = np.random.default_rng(seed)
    first, second = source.normal(0.97, 0.002, 5), source.normal(0.972, 0.006, 3 + seed)
    found = welch(summary_statistics(list(first)), summary_statistics(list(second)))
    expected = stats.ttest_ind(second, first, equal_var=False)
    assert found is not None
    assert (found.t, found.p, found.freedom) == pytest.approx((expected.statistic, expected.pvalue, expected.df))
    assert found.difference == pytest.approx(second.mean() - first.mean())


@pytest.mark.parametrize(("first", "second"), [((0.9, 0.91), (0.8, 0.85)), ((0.9, 0.91), (0.9, 0.85, 0.95, 0.7))])
def test_two_of_each_are_enough(first: tuple[float, ...], second: tuple[float, ...]) -> None:
    told, expected = (
        welch(summary_statistics(first), summary_statistics(second)),
        stats.ttest_ind(second, first, equal_var=False),
    )
    assert told
    assert (told.t, told.p, told.freedom) == pytest.approx((expected.statistic, expected.pvalue, expected.df))
    assert told.difference == pytest.approx(np.mean(second) - np.mean(first))
    assert welch(summary_statistics(first[:1]), summary_statistics(second)) is None
    assert welch(summary_statistics(first), summary_statistics(second[:1])) is None


def test_without_spread_there_is_nothing_to_go_by() -> None:
    assert welch(summary_statistics([0.9]), summary_statistics([0.8, 0.7])) is None
    assert welch(SummaryStatistics(2, 0.9, 0.0, 0.9, 0.9), SummaryStatistics(2, 0.8, 0.0, 0.8, 0.8)) is None


def test_spread_equals_numpy() -> None:
    values = [0.5, 0.7, 0.9]
    assert summary_statistics(values) == (3, pytest.approx(0.7), pytest.approx(np.std(values, ddof=1)), 0.5, 0.9)


@pytest.mark.parametrize(
    ("p", "words"),
    [
        (1, "in most such comparisons"),
        (0.45, "in about every second such comparison"),
        (0.33, "in about 1 of 3 such comparisons"),
        (0.05, "in about 1 of 20 such comparisons"),
        (0.00123, "in about 1 of 810 such comparisons"),
        (1e-9, "in less than 1 of 1,000,000 such comparisons"),
        (1e-6, "in about 1 of 1,000,000 such comparisons"),
        (0.81, "in most such comparisons"),
        (0.8, "in about every second such comparison"),
        (0.41, "in about every second such comparison"),
        (0.4, "in about 1 of 2 such comparisons"),
        (1 / 19.4, "in about 1 of 19 such comparisons"),
        (1 / 20, "in about 1 of 20 such comparisons"),
        (1 / 81.3, "in about 1 of 81 such comparisons"),
        (1 / 813, "in about 1 of 810 such comparisons"),
        (1 / 12_345, "in about 1 of 12,000 such comparisons"),
    ],
)
def test_chance_in_words(p: float, words: str) -> None:
    assert chance_in_words(p) == words


@pytest.mark.parametrize(
    ("p", "words"),
    [
        (1.0, "p = 1"),
        (0.0312, "p = 0.031"),
        (1e-9, "p < 0.000001"),
        (1e-6, "p = 1e-06"),
        (0.995, "p = 1"),
        (0.994, "p = 0.99"),
    ],
)
def test_p_in_words(p: float, words: str) -> None:
    assert p_in_words(p) == words
