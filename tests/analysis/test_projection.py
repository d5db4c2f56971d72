"""Layers' outputs in two dimensions: PCA against sklearn, t-SNE for what it promises."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from torch import Tensor

from nnviz.analysis import projection
from nnviz.analysis.activations import trace
from nnviz.analysis.projection import PIXELS, aligned, features, pca, tsne
from nnviz.data.datasets import Loaded, to_input
from nnviz.spec.layers.conv import Conv
from nnviz.spec.layers.dense import Dense
from nnviz.spec.network import NetworkSpec
from nnviz.spec.presets import PRESETS
from tests.analysis.untrained import checkpoint_of


@pytest.fixture(scope="module")
def two_blobs() -> tuple[np.ndarray, np.ndarray]:
    """200 points in 20 dimensions, in two heaps, and which heap each is in."""
    source = np.random.default_rng(3)
    which = np.arange(200) % 2
    return (source.normal(size=(200, 20)) + 10 * which[:, None]).astype(np.float32), which


@pytest.mark.parametrize("preset", ["softmax", "classic", "small_cnn"])
def test_features_are_the_layers_outputs(blobs: Loaded, preset: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projection, "CHUNK", 7)  # so that chunks end unevenly
    monkeypatch.setattr(projection, "MOST_FEATURES", 16 * 28 * 28)
    checkpoint = checkpoint_of(PRESETS[preset].network, blobs)
    traced = trace(checkpoint, to_input(blobs.test.images[:20], blobs.dataset))
    for layer in checkpoint.layers:
        told = features(checkpoint, layer.name, 20)
        expected = traced.of(layer.name).output
        torch.testing.assert_close(torch.from_numpy(told.values), expected.flatten(1), rtol=1e-4, atol=1e-5)
        assert (told.shape, told.averaged) == (tuple(expected.shape[1:]), False)
        assert told.answers.tolist() == traced.probabilities.argmax(1).tolist()
        assert told.labels.tolist() == blobs.test.labels[:20].tolist()
    pixels = features(checkpoint, PIXELS, 20)
    assert torch.equal(torch.from_numpy(pixels.values), traced.inputs.flatten(1))
    assert pixels.answers.tolist() == told.answers.tolist()


def test_there_are_never_more_images_than_the_test_set_has(blobs: Loaded) -> None:
    assert features(checkpoint_of(NetworkSpec(), blobs), "dense1", 3000).values.shape == (100, 128)


def test_many_features_are_averaged_over_neighbouring_pixels(blobs: Loaded) -> None:
    checkpoint = checkpoint_of(NetworkSpec((Conv(64, padding=1), Dense(10))), blobs)
    told = features(checkpoint, "conv1", 5)
    assert (told.shape, told.averaged) == ((64, 8, 8), True)
    output = trace(checkpoint, to_input(blobs.test.images[:5], blobs.dataset)).of("conv1").output

    def window(place: int) -> slice:  # the rule of adaptive pooling: from floor(i·28/8) to ceil((i+1)·28/8)
        return slice(place * 28 // 8, -(-(place + 1) * 28 // 8))

    mean: Tensor = output[3, 60, window(2), window(5)].mean()
    assert float(told.values.reshape(5, 64, 8, 8)[3, 60, 2, 5]) == pytest.approx(float(mean), abs=1e-5)


def test_an_unknown_layer_is_a_key_error(blobs: Loaded) -> None:
    with pytest.raises(KeyError, match="dense7"):
        features(checkpoint_of(NetworkSpec(), blobs), "dense7", 10)


@pytest.mark.parametrize("shape", [(300, 20), (60, 200), (50, 2), (40, 41)])
def test_pca_is_sklearns(shape: tuple[int, int]) -> None:
    values = np.random.default_rng(1).normal(size=shape) @ np.diag(np.linspace(3, 0.5, shape[1])) + 4
    told = pca(values.astype(np.float32))
    oracle = PCA(2, svd_solver="full").fit(values)
    assert told.explained == pytest.approx(tuple(oracle.explained_variance_ratio_), rel=1e-4)
    expected = oracle.transform(values)
    signs = np.sign((told.points * expected).sum(0))
    np.testing.assert_allclose(told.points, expected * signs, rtol=1e-3, atol=1e-3)


def test_the_direction_of_an_axis_is_always_the_same(two_blobs: tuple[np.ndarray, np.ndarray]) -> None:
    values, _ = two_blobs
    first = pca(values)
    order = np.random.default_rng(0).permutation(len(values))
    np.testing.assert_allclose(pca(values[order]).points, first.points[order], atol=1e-6)


def test_one_feature_lies_on_a_line_and_none_varying_on_a_point() -> None:
    line = pca(np.array([[1.0], [2.0], [4.0]]))
    np.testing.assert_allclose(line.points[:, 0], np.array([1, 2, 4]) - 7 / 3)
    assert not line.points[:, 1].any()
    assert line.explained == pytest.approx((1.0, 0.0))
    point = pca(np.full((7, 8), 0.1, np.float32))
    assert point.explained == (0.0, 0.0)
    assert not point.points.any()


def test_pca_of_what_is_not_finite_is_refused() -> None:
    with pytest.raises(ValueError, match="not finite"):
        pca(np.array([[1.0, np.nan], [0.0, 1.0]]))


def test_axes_are_turned_to_agree_with_the_picture_before(two_blobs: tuple[np.ndarray, np.ndarray]) -> None:
    points = pca(two_blobs[0]).points
    for flip in ([1, -1], [-1, 1], [-1, -1]):
        np.testing.assert_array_equal(aligned(points * flip + 5, points), points * 1.0 + np.multiply(5, flip))
    assert aligned(points, None) is points
    assert aligned(points, points[:10]) is points


def test_tsne_keeps_two_heaps_apart(two_blobs: tuple[np.ndarray, np.ndarray]) -> None:
    values, which = two_blobs
    points = tsne(values)
    assert points.shape == (200, 2)
    distance = np.linalg.norm(points[:, None] - points[None], axis=2)
    np.fill_diagonal(distance, np.inf)
    assert (which[distance.argmin(1)] == which).all()
    centres = np.stack([points[which == heap].mean(0) for heap in (0, 1)])
    widest = max(points[which == heap].std(0).max() for heap in (0, 1))
    assert np.linalg.norm(centres[0] - centres[1]) > 3 * widest


def test_tsne_gives_the_same_picture_for_the_same_seed(two_blobs: tuple[np.ndarray, np.ndarray]) -> None:
    values = two_blobs[0][:60]
    state = np.random.get_state()[1].copy()  # type: ignore[union-attr,index]
    first = tsne(values, seed=4)
    np.testing.assert_array_equal(first, tsne(values, seed=4))
    assert not np.array_equal(first, tsne(values, seed=5))
    assert np.array_equal(np.random.get_state()[1], state)  # type: ignore[index]


def test_tsne_tells_how_far_it_is() -> None:
    shares: list[float] = []
    tsne(np.random.default_rng(0).normal(size=(40, 60)).astype(np.float32), report=shares.append)
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)
    assert len(shares) > 50


def test_tsne_ends_when_the_report_says_so() -> None:
    shares: list[float] = []

    def report(share: float) -> None:
        shares.append(share)
        if share > 0.5:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        tsne(np.random.default_rng(0).normal(size=(40, 5)), report=report)
    assert shares[-1] < 0.52


@pytest.mark.parametrize("shape", [(4, 3), (90, 1), (30, 60), (120, 60)])
def test_tsne_of_odd_shapes_and_of_images_that_coincide(shape: tuple[int, int]) -> None:
    values = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    values[: shape[0] // 2] = values[0]
    points = tsne(values)
    assert points.shape == (shape[0], 2)
    assert np.isfinite(points).all()


@pytest.mark.parametrize(
    ("shape", "perplexity", "given"),
    [((200, 20), 30, 20), ((91, 4), 30, 4), ((90, 4), 89 / 3, 4), ((40, 60), 13, 60), ((60, 50), 59 / 3, 50),
     ((51, 60), 50 / 3, 50), ((50, 60), 49 / 3, 60), ((4, 3), 1, 3)],
)  # fmt: skip
def test_what_opentsne_is_asked_for(
    shape: tuple[int, int], perplexity: float, given: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own number of iterations, from the principal components, of at most 50 of them where there are enough images;
    a start as small as it advises, and so many neighbours as there are.
    """
    import openTSNE

    asked: dict[str, Any] = {}

    class Asked:
        def __init__(self, **settings: Any) -> None:
            asked.update(settings)

        def fit(self, values: np.ndarray) -> np.ndarray:
            asked["values"] = values
            return np.zeros((len(values), 2))

    monkeypatch.setattr(openTSNE, "TSNE", Asked)
    values = np.random.default_rng(0).normal(size=shape) * np.linspace(2, 1, shape[1]) + 5
    values[1] = values[0]
    shares: list[float] = []
    tsne(values, seed=3, report=shares.append)
    assert asked["perplexity"] == pytest.approx(perplexity)
    assert (asked["early_exaggeration_iter"], asked["n_iter"], asked["random_state"]) == (250, 500, 3)
    start, flat = asked["initialization"], pca(values).points
    assert start[:, 0].std() == pytest.approx(1e-4, rel=0.05)
    np.testing.assert_allclose(start, 1e-4 * flat / flat[:, 0].std(), atol=5e-6)
    assert 1e-8 < np.abs(start[1] - start[0]).max() < 1e-5  # points that coincide are parted
    assert asked["values"].shape == (shape[0], given)
    assert asked["values"].var(0).sum() == pytest.approx(values.var(0).sum(), rel=1e-9 if given == shape[1] else 0.2)
    for count in range(1, 76):
        asked["callbacks"][0](10 * count, 0.0, start)
        assert shares[-1] == pytest.approx(count * asked["callbacks_every_iters"] / 750)


def test_as_many_features_as_are_kept_are_kept_as_they_are(blobs: Loaded) -> None:
    images = torch.rand(2, 64, 8, 8)
    assert projection._fewer(images) is images
    vectors = torch.rand(2, 5000)
    assert projection._fewer(vectors) is vectors
    assert projection._fewer(torch.rand(2, 64, 9, 8)).shape == (2, 64, 8, 8)
    assert projection._fewer(torch.rand(2, 65, 8, 8)).shape == (2, 65, 7, 7)
    assert projection._fewer(torch.rand(2, 512, 2, 12)).shape == (2, 512, 2, 2)
    assert projection._fewer(torch.rand(2, 5000, 3, 3)).shape == (2, 5000, 1, 1)


def test_what_is_rounding_is_no_variance() -> None:
    """A millionth of the size is more than float32 rounds, a ten-millionth less."""
    for deviation, seen in ((3e-6, True), (3e-7, False)):
        values = 1 + deviation * np.random.default_rng(0).normal(size=(50, 8))
        assert (pca(values).explained != (0.0, 0.0)) == seen


def test_tsne_says_what_it_cannot_do() -> None:
    with pytest.raises(ValueError, match="at least 4 images, not 3"):
        tsne(np.eye(3))
    with pytest.raises(ValueError, match="all images look the same"):
        tsne(np.full((7, 4), 0.1, np.float32))


def test_the_heavy_parts_are_not_imported_before_they_are_needed() -> None:
    code = "import sys, nnviz.analysis.projection; assert not {'openTSNE', 'sklearn'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
