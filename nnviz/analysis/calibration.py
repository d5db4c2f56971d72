"""How far the probabilities of a network can be believed: calibration, on images that it was not trained on.

A network is calibrated if of the answers that it gives with probability 0.8 four in five are right. Modern networks are
too sure of themselves; dividing their logits by one number, the temperature, mends most of that and changes no answer
(Guo et al., "On Calibration of Modern Neural Networks", 2017).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nnviz.analysis.checkpoint_view import CheckpointView
from nnviz.analysis.recognition import MOST_LOGIT
from nnviz.data.datasets import Split
from nnviz.train.evaluation import logits_in_chunks

BINS = 15
"""Of equal width, for the expected calibration error: those of Guo et al."""

TEMPERATURES = (0.05, 20.0)
"""Between which the best one is looked for."""

IMAGES, SLOW_IMAGES = 10_000, 2_000
"""Test images that are asked about, at most; the second number for networks with convolutions."""

LEARNED = 2.0
"""How many times better than by chance a network must be before there is anything to calibrate."""


class Reliability(NamedTuple):
    """A reliability diagram: answers sorted into bins by the probability that they were given with."""

    confidence: NDArray[np.float64]
    """Mean probability of the answers in each bin, in [0, 1], (bins,); NaN for an empty bin."""
    accuracy: NDArray[np.float64]
    """Share of them that are right, in [0, 1], (bins,); NaN for an empty bin."""
    size: NDArray[np.int64]
    """How many answers each has, (bins,)."""

    @property
    def expected_calibration_error(self) -> float:
        """Mean of |accuracy − confidence|, each bin weighted by its number of answers; in [0, 1]."""
        gap = np.nan_to_num(np.abs(self.accuracy - self.confidence))
        return float((self.size * gap).sum() / max(1, self.size.sum()))


class Calibration(NamedTuple):
    """Of one network. Both diagrams are of images that the temperature was not fitted on."""

    temperature: float
    before: Reliability
    after: Reliability
    fitted: int
    """On how many images."""


def calibrate(checkpoint: CheckpointView) -> Calibration | None:
    """Fit the temperature on every other test image, and look at the result on those between them.

    None where there is nothing to calibrate: the network has diverged, or has learned next to nothing so far.
    """
    images = evenly(checkpoint.data.test, SLOW_IMAGES if checkpoint.network.convolves else IMAGES)
    chunks = logits_in_chunks(checkpoint.model, checkpoint.data.dataset, images.images, torch.device("cpu"))
    logits, labels = torch.cat(list(chunks)), images.labels
    right = float((logits.argmax(1) == labels).double().mean())
    if not bool((logits.abs() <= MOST_LOGIT).all()) or right < LEARNED / logits.shape[1]:
        return None
    temperature = fit_temperature(logits[::2], labels[::2])
    before, after = (reliability((logits[1::2].double() / by).softmax(1), labels[1::2]) for by in (1.0, temperature))
    return Calibration(temperature, before, after, len(labels[::2]))


def fit_temperature(logits: Tensor, labels: Tensor) -> float:
    """The T in TEMPERATURES with the least mean cross-entropy of softmax(logits / T); logits (n, classes), labels (n,).

    That is convex in β = 1 / T, with derivative mean(Σ p·z − z_label): where it changes its sign is found by bisection.
    """
    z = logits.double()
    own = z.gather(1, labels[:, None]).mean()
    low, high = (float(np.log(1 / bound)) for bound in reversed(TEMPERATURES))
    for _ in range(40):
        middle = (low + high) / 2
        expected = ((z * np.exp(middle)).softmax(1) * z).sum(1).mean()
        low, high = (low, middle) if bool(expected > own) else (middle, high)
    return float(np.exp(-(low + high) / 2))


def reliability(probabilities: Tensor, labels: Tensor, bins: int = BINS) -> Reliability:
    """Of answers with `probabilities` (n, classes) to images with `labels` (n,), in `bins` of equal width."""
    sure, answers = probabilities.double().max(1)
    right = (answers == labels).numpy().astype(np.float64)
    confidence = sure.numpy()
    place = np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)  # a bin holds its upper edge
    size = np.bincount(place, minlength=bins)
    with np.errstate(invalid="ignore"):
        means = [np.bincount(place, weights=each, minlength=bins) / size for each in (confidence, right)]
    return Reliability(means[0], means[1], size)


def evenly(split: Split, count: int) -> Split:
    """At most `count` images, evenly spread over the whole."""
    if len(split.labels) <= count:
        return split
    places = torch.from_numpy(np.linspace(0, len(split.labels) - 1, count).round().astype(np.int64))
    return Split(split.images[places], split.labels[places])
