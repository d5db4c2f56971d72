"""Out-of-distribution detection: is a drawing so unlike what a network was trained on that its answer means nothing?

A softmax shares out 100 % whatever it is shown, so the answer to a smiley is some digit. What tells it is a score of
how novel an image is, and a threshold that nearly all images of the known kind stay below: held-out ones, here every
other test image, so that the rest are there to check the promise on.

The score of digits is `digit_detector.log_odds`: the measured best of maximum softmax, maximum logit, energy score,
Mahalanobis distance, deep k-nearest-neighbours and neighbours in pixel space (`python -m benchmarks.novelty`).
It does not depend on the network, so that one whose features are odd is judged no worse. Other data sets have the best
of those that need nothing but the network and its training images: the distance to the nearest of these in the space of
its last features, scaled to length 1 (Sun et al., "Out-of-Distribution Detection with Deep Nearest Neighbors", 2022).
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nnviz.analysis.calibration import evenly
from nnviz.analysis.checkpoint_view import CheckpointView
from nnviz.analysis.digit_detector import is_blot, log_odds
from nnviz.analysis.recognition import features_of, nearest
from nnviz.data.datasets import Split
from nnviz.data.pen_figures import digits

REFUSED = 0.0125
"""Share of held-out images that the threshold refuses, so that of digits drawn with the pen no more than 2 % are: they
are a little further from the training images than a data set's own test images."""

HELD_OUT = 2_000
"""Test images that the threshold is fitted on, at most."""

REFERENCES, SLOW_REFERENCES = 5_000, 1_000
"""Training images that a drawing is compared with; the second number for networks with convolutions."""

NEAREST = 3
"""Training images that are named."""

_STYLES_EACH, _STYLES_SEED = 4, 77
"""Of the drawn digits that the threshold is fitted on, and the detector was not."""

_CHUNK = 500


class Verdict(NamedTuple):
    novel: bool
    """The drawing is unlike what the network was trained on."""
    score: float
    """The larger, the more novel; log-odds or a distance."""
    threshold: float
    nearest: tuple[int, ...]
    """Classes of the training images that the network finds most alike, the nearest first; empty if not looked for."""


class Novelty(NamedTuple):
    """What the drawings given to one network are judged by."""

    checkpoint: CheckpointView
    threshold: float
    references: Tensor
    """Features of training images, each of length 1, (n, features)."""
    labels: Tensor
    """Their classes, int64 (n,)."""

    def judge(self, pixels: NDArray[np.uint8]) -> Verdict:
        """Of one drawing, (28, 28)."""
        found = nearest(self.checkpoint, pixels, self.references, NEAREST)
        named = tuple(self.labels[list(found.images)].tolist())
        if self.checkpoint.data.dataset.of_digits:
            return judge_digit(pixels, self.threshold)._replace(nearest=named)
        score = float(_distance(torch.tensor(found.similarity[0])))
        return Verdict(score > self.threshold, score, self.threshold, named)


def fit(checkpoint: CheckpointView) -> Novelty:
    """For a network that has learned something. Takes some tenths of a second, with convolutions some seconds."""
    data = checkpoint.data
    known = evenly(data.train, SLOW_REFERENCES if checkpoint.network.convolves else REFERENCES)
    references = features_of(checkpoint, known.images)
    if data.dataset.of_digits:
        threshold = digit_threshold(data.test)
    else:
        held_out = _held_out(data.test, SLOW_REFERENCES if checkpoint.network.convolves else HELD_OUT)
        likeness = [(part @ references.T).amax(1) for part in features_of(checkpoint, held_out).split(_CHUNK)]
        threshold = _quantile(_distance(torch.cat(likeness)).numpy())
    return Novelty(checkpoint, threshold, references, known.labels)


def digit_threshold(test: Split) -> float:
    """Log-odds above which a drawing is refused. People write in styles that a data set may lack, so digits drawn in
    many styles must stay below it as well as the held-out half of the test images.
    """
    return max(_quantile(log_odds(_held_out(test, HELD_OUT))), styles_threshold())


def judge_digit(pixels: NDArray[np.uint8], threshold: float) -> Verdict:
    """The verdict alone, also for a network that is being trained, whose features are others in a moment."""
    score = float(log_odds(torch.from_numpy(np.ascontiguousarray(pixels))[None, None])[0])
    return Verdict(score > threshold or is_blot(pixels), score, threshold, ())


@cache
def styles_threshold() -> float:
    """Log-odds that nearly all digits drawn in many styles stay below."""
    images = torch.from_numpy(digits(_STYLES_EACH, _STYLES_SEED).images)[:, None]
    return _quantile(log_odds(images))


def _held_out(test: Split, count: int) -> Tensor:
    return evenly(Split(test.images[::2], test.labels[::2]), count).images


def _quantile(scores: NDArray[np.floating[Any]]) -> float:
    return float(np.quantile(scores, 1 - REFUSED))


def _distance(cosine: Tensor) -> Tensor:
    """Between points of length 1."""
    return (2 - 2 * cosine).clamp(min=0).sqrt()
