"""What is refused: by the detector of digits, and by distance to the training images for other data sets."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors

from benchmarks.not_digits import NOT_DIGITS
from benchmarks.strokes_of_digits import drawings_of
from nnviz.analysis import novelty
from nnviz.analysis.activations import trace
from nnviz.analysis.checkpoint_view import CheckpointView
from nnviz.analysis.digit_detector import CLASSES, DIGITS, detector, is_blot, log_odds
from nnviz.data.datasets import DATASETS, Loaded, Split, to_input
from nnviz.data.drawing import Drawing, Stroke, prepare, rasterise
from nnviz.data.pen_figures import ALL_STYLES, digits, figures
from nnviz.spec.layers.conv import Conv
from nnviz.spec.network import NetworkSpec
from nnviz.spec.train_config import TrainConfig
from nnviz.train.trainer import Trainer

DOT = Drawing((Stroke(((140, 140, 0),), 30),))
BLOT = Drawing((Stroke(tuple((40 + 200 * (row % 2), 40 + 10 * row, 0) for row in range(20)), 40),))


def pixels_of(drawing: Drawing) -> np.ndarray:
    return prepare(rasterise(drawing)).pixels


def trained(data: Loaded, network: NetworkSpec | None = None) -> CheckpointView:
    trainer = Trainer(network or NetworkSpec(), TrainConfig(epochs=2, per_class=20, batch_size=10, lr=0.05), data)
    list(trainer.run())
    return CheckpointView(trainer.network, trainer.config, trainer.checkpoint(), data)


@pytest.fixture(scope="module")
def mnist(mnist_root: Path) -> Loaded:
    return DATASETS["mnist"].load(mnist_root)


def refused(images: torch.Tensor, threshold: float) -> float:
    return float((log_odds(images) > threshold).mean())


@pytest.mark.mnist
def test_at_most_two_in_a_hundred_digits_are_refused(mnist: Loaded) -> None:
    """Of those on which the threshold was not fitted, as they are and drawn anew with the pen."""
    threshold = novelty.digit_threshold(mnist.test)
    others = mnist.test.images[1::2]
    assert refused(others, threshold) <= 0.02
    redrawn = np.stack([pixels_of(one) for one in drawings_of(others[:200], 18.0)])
    assert refused(torch.from_numpy(redrawn)[:, None], threshold) <= 0.04  # 2 % of 200 are four, give or take as many


@pytest.mark.mnist
def test_nine_in_ten_letters_sketches_and_scribbles_are_refused(mnist: Loaded) -> None:
    threshold = novelty.digit_threshold(mnist.test)
    for name, least in {"letters": 0.85, "sketches": 0.75, "scribbles": 0.8, "dots": 0.8, "lines": 0.9}.items():
        said = [novelty.judge_digit(pixels_of(one), threshold).novel for one in NOT_DIGITS[name](75)]
        assert np.mean(said) >= least, name


@pytest.mark.mnist
def test_a_dot_and_a_blot_are_no_digits_whatever_the_net(mnist: Loaded) -> None:
    weird = trained(mnist, NetworkSpec(()))
    for drawing in (DOT, BLOT):
        assert novelty.fit(weird).judge(pixels_of(drawing)).novel


@pytest.mark.mnist
def test_other_styles_of_digits_are_known(mnist: Loaded) -> None:
    threshold = novelty.digit_threshold(mnist.test)
    drawn = digits(10, 123)
    assert refused(torch.from_numpy(drawn.images)[:, None], threshold) <= 0.02


def test_the_threshold_is_a_quantile_of_held_out_images_alone(blobs: Loaded) -> None:
    scores = log_odds(blobs.test.images[::2])
    threshold = novelty.digit_threshold(blobs.test)
    assert threshold >= np.quantile(scores, 1 - novelty.REFUSED)
    spoilt = blobs.test.images.clone()
    spoilt[1::2] = 255 - spoilt[1::2]
    assert novelty.digit_threshold(Split(spoilt, blobs.test.labels)) == threshold


@pytest.mark.parametrize("network", [NetworkSpec(), NetworkSpec((Conv(4),))], ids=["dense", "convolution"])
def test_other_data_are_judged_by_the_nearest_training_image(network: NetworkSpec, blobs: Loaded) -> None:
    """scikit-learn's brute force finds the same distances."""
    clothes = Loaded(replace(blobs.dataset, name="clothes", classes=tuple("abcdefghij")), blobs.train, blobs.test)
    view = trained(clothes, network)
    fitted = novelty.fit(view)

    def features(images: torch.Tensor) -> np.ndarray:
        given = trace(view, to_input(images, clothes.dataset)).layers[-1].given.flatten(1).double()
        return (given / given.norm(dim=1, keepdim=True)).numpy()

    brute = NearestNeighbors(n_neighbors=3, algorithm="brute").fit(features(blobs.train.images))
    distances, indices = brute.kneighbors(features(blobs.test.images[:20]))
    for image, distance, nearest in zip(blobs.test.images[:20], distances, indices, strict=True):
        verdict = fitted.judge(image[0].numpy())
        assert verdict.score == pytest.approx(distance[0], abs=2e-3)
        assert verdict.nearest[0] == int(blobs.train.labels[nearest[0]])
    held_out = brute.kneighbors(features(blobs.test.images[::2]), 1)[0]
    assert fitted.threshold == pytest.approx(np.quantile(held_out, 1 - novelty.REFUSED), abs=2e-3)
    assert not fitted.judge(blobs.train.images[0, 0].numpy()).novel
    assert fitted.judge(255 - blobs.train.images[0, 0].numpy()).novel


def test_the_odds_are_those_of_the_detector_s_softmax() -> None:
    images = torch.from_numpy(figures(7, 3))[:, None]
    shares = detector()(images / 255.0).double().softmax(1)
    assert shares.shape == (7, CLASSES)
    ratio = shares[:, DIGITS] / shares[:, :DIGITS].sum(1)
    assert log_odds(images) == pytest.approx(ratio.log().detach().numpy(), abs=1e-3)


def test_a_verdict_without_a_net_is_the_same(blobs: Loaded) -> None:
    fitted = novelty.fit(trained(blobs))
    pixels = pixels_of(DOT)
    alone, told = novelty.judge_digit(pixels, fitted.threshold), fitted.judge(pixels)
    assert (alone.novel, alone.score, alone.nearest) == (told.novel, told.score, ())
    assert len(told.nearest) == novelty.NEAREST


def test_figures_and_digits_are_always_the_same_and_fill_the_box() -> None:
    made = figures(40, 5)
    assert made.shape == (40, 28, 28)
    assert np.array_equal(made, figures(40, 5))
    assert not np.array_equal(made, figures(40, 6))
    assert (made.max(axis=(1, 2)) > 128).all()
    drawn = digits(1, 5)
    assert set(drawn.labels.tolist()) == set(range(10))
    assert len(drawn.labels) == sum(max(1, round(style.weight)) for style in ALL_STYLES)


def test_a_blot_is_wider_than_half_a_digit_s_box() -> None:
    pixels = np.zeros((28, 28), np.uint8)
    pixels[4:24, 9:19] = 255
    assert not is_blot(pixels)
    pixels[4:24, 9:20] = 255
    assert is_blot(pixels)
    assert not is_blot(np.zeros((28, 28), np.uint8))
