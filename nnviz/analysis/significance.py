"""Is a difference more than chance? Two nets on the same test images, and two settings over several seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import scipy  # imports its stats at their first use: a second that the start of the app needn't wait for

FEW_DISCORDANT = 25
"""Below so many images that only one of the two gets right, the exact test is used (as statsmodels' manual advises)."""

LEVEL = 0.05
"""Below this probability a difference is called one: by convention, not by nature."""


class McNemar(NamedTuple):
    """Two nets on the same images; whether one is right on more of them."""

    both: int
    only_first: int
    """Images that the first gets right and the second wrong."""
    only_second: int
    neither: int
    p: float
    """Probability of a split at least as uneven as that of the discordant images if each were a fair coin."""
    exact: bool
    """By the binomial distribution; else by chi-square with continuity correction."""

    @property
    def total(self) -> int:
        return self.both + self.only_first + self.only_second + self.neither


def mcnemar(first: npt.NDArray[np.bool_], second: npt.NDArray[np.bool_]) -> McNemar:
    """McNemar's test; `first` and `second` (n,) say which images each gets right.

    McNemar (1947), Psychometrika 12; continuity correction by Edwards (1948).
    """
    if first.shape != second.shape:
        raise ValueError(f"both must have answered the same images, not {first.shape} and {second.shape}")
    only_first, only_second = int((first & ~second).sum()), int((~first & second).sum())
    both, neither = int((first & second).sum()), int((~first & ~second).sum())
    discordant = only_first + only_second
    exact = discordant < FEW_DISCORDANT
    if exact:
        p = float(scipy.stats.binomtest(only_first, discordant).pvalue) if discordant else 1.0
    else:
        p = float(scipy.stats.chi2.sf(max(0, abs(only_first - only_second) - 1) ** 2 / discordant, 1))
    return McNemar(both, only_first, only_second, neither, p, exact)


class SummaryStatistics(NamedTuple):
    """Several repetitions of one training."""

    size: int
    mean: float
    deviation: float
    """Sample standard deviation; NaN of fewer than two."""
    low: float
    high: float


def summary_statistics(values: Sequence[float]) -> SummaryStatistics:
    """Of at least one value."""
    array = np.asarray(values, np.float64)
    deviation = float(array.std(ddof=1)) if len(array) > 1 else math.nan
    return SummaryStatistics(len(array), float(array.mean()), deviation, float(array.min()), float(array.max()))


class Welch(NamedTuple):
    """Whether the means of two groups differ by more than their spreads explain."""

    difference: float
    """Mean of the second minus mean of the first."""
    t: float
    freedom: float
    """Degrees of freedom, by Welch and Satterthwaite."""
    p: float
    """Two-sided."""


def welch(first: SummaryStatistics, second: SummaryStatistics) -> Welch | None:
    """Welch's t-test, which takes no equal variances for granted; None where a group has no spread to go by.

    Welch (1947), Biometrika 34.
    """
    if min(first.size, second.size) < 2:
        return None
    errors = first.deviation**2 / first.size, second.deviation**2 / second.size
    if not sum(errors):
        return None
    groups = (number for one in (second, first) for number in (one.mean, one.deviation, one.size))
    found = scipy.stats.ttest_ind_from_stats(*groups, equal_var=False)
    freedom = sum(errors) ** 2 / (errors[0] ** 2 / (first.size - 1) + errors[1] ** 2 / (second.size - 1))
    return Welch(second.mean - first.mean, float(found.statistic), freedom, float(found.pvalue))


def chance_in_words(p: float) -> str:
    """ "in about 1 of 3 such comparisons"; how often chance alone does that, for a probability in [0, 1]."""
    if p > 0.8:
        return "in most such comparisons"
    if p > 0.4:
        return "in about every second such comparison"
    if p < 1e-6:
        return "in less than 1 of 1,000,000 such comparisons"
    times = 1 / p
    rounded = round(times) if times < 20 else round(times, 1 - math.ceil(math.log10(times)) + 1)
    return f"in about 1 of {rounded:,.0f} such comparisons"


def p_in_words(p: float) -> str:
    """ "p = 0.031", "p < 0.000001"."""
    return "p < 0.000001" if p < 1e-6 else f"p = {p:.2g}" if p < 0.995 else "p = 1"
