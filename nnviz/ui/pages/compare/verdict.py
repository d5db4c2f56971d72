"""McNemar's test of two runs, as a sentence for people."""

from __future__ import annotations

import numpy as np

from nnviz.analysis.significance import LEVEL, McNemar, chance_in_words, mcnemar, p_in_words
from nnviz.data.datasets import DATASETS
from nnviz.store.run import Run
from nnviz.train.evaluation import Evaluation

OTHER_DATA = (
    "They were tested on different images, so their answers can't be compared one by one. Choose two runs on the same "
    "data set."
)

NOT_SAID = (
    "This is about these two trained nets and these images. It does not say that the one's settings are better: another"
    " seed could turn it round. Section “Seeds” tests that."
)


def same_images(first: Run, second: Run) -> bool:
    return DATASETS[first.config.data].tested_on == DATASETS[second.config.data].tested_on


def compare(first: Evaluation, second: Evaluation) -> McNemar:
    """McNemar's test of two nets on the same test images."""
    return mcnemar(_right(first), _right(second))


def _right(evaluation: Evaluation) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    right: np.ndarray[tuple[int, ...], np.dtype[np.bool_]] = (evaluation.predictions == evaluation.labels).numpy()
    return right


def verdict(found: McNemar, names: tuple[str, str]) -> str:
    """What the test says, in plain sentences."""
    a, b = names
    apart = found.only_first + found.only_second
    if not apart:
        return f"{a} and {b} are right on exactly the same of {found.total:,} images: there is no difference to judge."
    counts = (
        f"Of {found.total:,} test images {found.only_first:,} are right only with {a} and {found.only_second:,} only"
        f" with {b}."
    )
    how = "exact binomial test" if found.exact else "chi-square with continuity correction"
    test = f"(McNemar's test, {how}: {p_in_words(found.p)})"
    chance = chance_in_words(found.p)
    if found.p >= LEVEL:
        return (
            f"{counts} If both were equally good, chance alone would bring a difference like this or a larger one"
            f" {chance} {test}: it is no sign that one is better."
        )
    better = a if found.only_first > found.only_second else b
    return (
        f"{counts} If both were equally good, chance alone would bring a difference like this or a larger one only"
        f" {chance} {test}: {better} reads such images better."
    )
