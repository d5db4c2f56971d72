"""What the layers make of the digits: each layer's outputs for many test images, brought down to two dimensions.

PCA at once; t-SNE takes seconds and tells how far it is. openTSNE is imported when it is first needed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from nnviz.analysis.checkpoint_view import CheckpointView
from nnviz.data.datasets import to_input

Floats = npt.NDArray[np.floating]
Points = npt.NDArray[np.float64]
"""(n, 2)."""

PIXELS = "pixels"
"""In place of a layer's name: the images themselves."""

CHUNK = 250
"""Images at once."""

MOST_FEATURES = 4096
"""Of a convolution's output, so many numbers per image are kept: 3,000 images are then 49 MB, not gigabytes."""

PERPLEXITY = 30.0
"""Roughly how many neighbours a point has in t-SNE."""

EARLY_ITERATIONS, ITERATIONS = 250, 500
"""openTSNE's own: with exaggerated attraction first, then without."""

REPORT_EVERY = 10
"""Iterations between two reports."""

PRINCIPAL = 50
"""Dimensions that t-SNE starts from, by PCA (van der Maaten and Hinton, 2008)."""


ROUNDING = 1e-12
"""A variance of less than this share of the mean square is rounding in float32, not variance."""


class Features(NamedTuple):
    """What a layer says of n images."""

    values: npt.NDArray[np.float32]
    """(n, features)."""
    shape: tuple[int, ...]
    """Of one image's features before they were laid out in a row."""
    averaged: bool
    """They are means over neighbouring pixels: the layer has more than MOST_FEATURES outputs."""
    answers: npt.NDArray[np.int64]
    """Of the network, (n,)."""
    labels: npt.NDArray[np.int64]


class Projection(NamedTuple):
    points: Points
    explained: tuple[float, float]
    """Share of the variance along each axis, in [0, 1]; of no variance at all, 0."""


def features(checkpoint: CheckpointView, layer: str, count: int) -> Features:
    """The outputs of the layer called `layer`, or PIXELS, for the first `count` test images, after the activation.

    Raises KeyError if there is no such layer.
    """
    place = -1 if layer == PIXELS else {one.name: one.place for one in checkpoint.layers}[layer]
    test = checkpoint.data.test
    rows: list[Tensor] = []
    answers: list[Tensor] = []
    shape: tuple[int, ...] = ()
    averaged = False
    with torch.inference_mode():
        for images in test.images[:count].split(CHUNK):
            value = to_input(images, checkpoint.data.dataset)
            if place < 0:
                rows.append(value.flatten(1))
                shape = tuple(value.shape[1:])
            for one in checkpoint.layers:
                for module in one.modules:
                    value = module(value)
                if one.place == place:
                    kept = _fewer(value)
                    shape, averaged = tuple(kept.shape[1:]), kept.shape != value.shape
                    rows.append(kept.flatten(1))
            answers.append(value.argmax(1))
    return Features(torch.cat(rows).numpy(), shape, averaged, torch.cat(answers).numpy(), test.labels[:count].numpy())


def _fewer(output: Tensor) -> Tensor:
    """Images (n, channels, h, w) averaged over windows until they have at most MOST_FEATURES numbers each."""
    if output[0].numel() <= MOST_FEATURES or output.dim() != 4:
        return output
    side = max(1, int((MOST_FEATURES / output.shape[1]) ** 0.5))
    return F.adaptive_avg_pool2d(output, (min(side, output.shape[2]), min(side, output.shape[3])))


def pca(values: Floats) -> Projection:
    """The two directions of most variance of `values` (n, features), and how much of it they hold.

    By scikit-learn's PCA. Of each direction, the feature that weighs most
    is positive, so that the same values always give the same picture.
    Raises ValueError if there are values that are not finite.
    """
    n, d = values.shape
    if not np.isfinite(values).all():
        raise ValueError("there are values that are not finite")
    axes, variances, total = _principal(values, min(2, n, d))
    points = np.zeros((n, 2))
    points[:, : axes.shape[1]] = (values - values.mean(0, dtype=np.float64)) @ axes
    shares = [float(v) / total if total else 0.0 for v in variances] + [0.0, 0.0]
    return Projection(points, (shares[0], shares[1]))


def _principal(values: Floats, count: int) -> tuple[Points, Points, float]:
    """Directions (features, count) of most variance, the variance along each, and that along all. Not divided by n."""
    from sklearn.decomposition import PCA  # half a second that the start of the app needn't wait for

    centred = values - values.mean(0, dtype=np.float64)
    n, d = centred.shape
    total = float((centred**2).sum())
    if total <= ROUNDING * float(np.square(values, dtype=np.float64).sum()):
        return np.zeros((d, count)), np.zeros(count), 0.0
    # Of few images with many features the larger matrix would take long; two directions are found without it.
    solver = "covariance_eigh" if d <= n else "arpack" if count < min(n, d) else "full"
    found = PCA(count, svd_solver=solver, random_state=0).fit(centred)
    vectors = found.components_.T
    heaviest = vectors[np.abs(vectors).argmax(0), np.arange(count)]
    return vectors * np.where(heaviest < 0, -1, 1), found.explained_variance_ * max(1, n - 1), total


def aligned(points: Points, reference: Points | None) -> Points:
    """`points` with each axis turned to where it agrees more with `reference`, of the same images.

    The direction of an axis means nothing, in PCA as in t-SNE: without this, pictures flip between two checkpoints.
    """
    if reference is None or reference.shape != points.shape:
        return points
    agree = ((points - points.mean(0)) * (reference - reference.mean(0))).sum(0)
    return points * np.where(agree < 0, -1.0, 1.0)


def tsne(values: Floats, seed: int = 0, report: Callable[[float], None] = lambda share: None) -> Points:
    """t-SNE of `values` (n ≥ 4, features) in two dimensions, (n, 2), by openTSNE with one thread.

    It starts from PCA; the same values and seed give the same picture. `report` is called with the share done and may
    raise to end it. Raises ValueError if there are too few values, or some that are not finite.
    """
    from openTSNE import TSNE

    n, d = values.shape
    if n < 4:
        raise ValueError(f"t-SNE needs at least 4 images, not {n}")
    start, (explained, _) = pca(values)
    if not explained:
        raise ValueError("all images look the same to this layer")
    if d > PRINCIPAL < n:
        values = (values - values.mean(0, dtype=np.float64)) @ _principal(values, PRINCIPAL)[0]
    # As small as openTSNE advises. The noise parts points that coincide, which would stay together for ever.
    noise = np.random.default_rng(seed).normal(size=start.shape)
    start = 1e-4 * (start / start[:, 0].std()) + 1e-6 * noise
    report(0.0)
    embedding = TSNE(
        perplexity=min(PERPLEXITY, (n - 1) / 3),
        initialization=start,
        neighbors="exact",
        random_state=seed,
        n_jobs=1,
        negative_gradient_method="bh",
        early_exaggeration_iter=EARLY_ITERATIONS,
        n_iter=ITERATIONS,
        callbacks=[_Count(report)],
        callbacks_every_iters=REPORT_EVERY,
    ).fit(np.ascontiguousarray(values, np.float64))
    report(1.0)
    return np.array(embedding, np.float64)


class _Count:
    """openTSNE counts each of its two phases from 1."""

    def __init__(self, report: Callable[[float], None]) -> None:
        self._report, self._done = report, 0

    def __call__(self, iteration: int, error: float, embedding: Points) -> None:
        self._done += REPORT_EVERY
        self._report(self._done / (EARLY_ITERATIONS + ITERATIONS))
