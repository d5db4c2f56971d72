"""Offline digits beside real MNIST: alike in their frame, and good enough to learn from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from nnviz.data import offline_digits
from nnviz.data.datasets import DATASETS, OFFLINE, Loaded, Split
from nnviz.data.offline_digits import CLASSES, STYLES, Digits, _real_digits, generate
from nnviz.spec.network import NetworkSpec
from nnviz.spec.train_config import TrainConfig
from nnviz.train.events import Epoch
from nnviz.train.trainer import Trainer

TRAIN, TEST = 6000, 1000


@pytest.fixture(scope="module")
def made() -> tuple[Digits, Digits, list[tuple[float, str]]]:
    """A tenth of all, made as all are, and what was said meanwhile."""
    said: list[tuple[float, str]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(offline_digits, "TRAIN_SIZE", TRAIN)
        patch.setattr(offline_digits, "TEST_SIZE", TEST)
        train, test = generate(lambda share, text: said.append((share, text)))
    return train, test, said


def test_sizes_types_and_balance(made: tuple[Digits, Digits, list[tuple[float, str]]]) -> None:
    for digits, size in zip(made[:2], (TRAIN, TEST), strict=True):
        assert digits.images.shape == (size, 28, 28)
        assert digits.images.dtype == digits.labels.dtype == np.uint8
        assert np.bincount(digits.labels).tolist() == [size // CLASSES] * CLASSES
        assert digits.images.max(axis=(1, 2)).min() > 100  # no picture is blank
        assert np.bincount(digits.labels[:200], minlength=10).min() > 5  # in random order
    assert (offline_digits.TRAIN_SIZE, offline_digits.TEST_SIZE) == (60_000, 10_000)


def test_progress_rises_to_the_end(made: tuple[Digits, Digits, list[tuple[float, str]]]) -> None:
    shares = [share for share, _ in made[2]]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert made[2][-1][1] == "Drawing digits: 7,000 of 7,000"


def test_always_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offline_digits, "TRAIN_SIZE", 200)
    monkeypatch.setattr(offline_digits, "TEST_SIZE", 100)
    first = generate()
    np.random.seed(99)  # the global generators must not matter
    torch.manual_seed(99)
    for one, other in zip(first, generate(), strict=True):
        assert np.array_equal(one.images, other.images)
        assert np.array_equal(one.labels, other.labels)


def test_no_real_digit_serves_training_and_test(made: tuple[Digits, Digits, list[tuple[float, str]]]) -> None:
    train, test = _real_digits()
    assert sum(map(len, train)) + sum(map(len, test)) == len(load_digits().images) == 1797
    of_train = {digit.tobytes() for digits in train for digit in digits}
    assert not any(digit.tobytes() in of_train for digits in test for digit in digits)
    pictures = {image.tobytes() for image in made[0].images}
    assert not any(image.tobytes() in pictures for image in made[1].images)


def test_each_digit_has_several_styles() -> None:
    for digit in range(CLASSES):
        assert sum(style.digit == digit for style in STYLES) >= 3
    assert all(0 <= y <= 1 for style in STYLES for _, y in style.points)


class Frame:
    """How the digits of a set lie in their pictures, each figure a mean over the pictures."""

    def __init__(self, images: np.ndarray) -> None:
        ink = images / 255
        mass, index = ink.sum(axis=(1, 2)), np.arange(28)
        self.centre_y = float((ink.sum(axis=2) @ index / mass).mean())
        self.centre_x = float((ink.sum(axis=1) @ index / mass).mean())
        self.ink = float(ink.mean())
        rows, columns = (ink > 0.5).any(axis=2).sum(axis=1), (ink > 0.5).any(axis=1).sum(axis=1)
        self.longer = float(np.maximum(rows, columns).mean())
        self.shorter = float(np.minimum(rows, columns).mean())


@pytest.mark.mnist
def test_the_frame_is_mnists(made: tuple[Digits, Digits, list[tuple[float, str]]], mnist_root: Path) -> None:
    ours, theirs = Frame(made[0].images), Frame(DATASETS["mnist"].load(mnist_root).train.images[:6000, 0].numpy())
    assert ours.centre_x == pytest.approx(theirs.centre_x, abs=0.3)  # pixels
    assert ours.centre_y == pytest.approx(theirs.centre_y, abs=0.3)
    assert ours.longer == pytest.approx(theirs.longer, abs=1)
    assert ours.shorter == pytest.approx(theirs.shorter, abs=1.5)
    assert ours.ink == pytest.approx(theirs.ink, rel=0.15)


@pytest.mark.mnist
def test_what_is_learned_from_them_holds_for_real_mnist(
    made: tuple[Digits, Digits, list[tuple[float, str]]], mnist_root: Path
) -> None:
    train = Split(torch.from_numpy(made[0].images)[:, None], torch.from_numpy(made[0].labels).long())
    data = Loaded(DATASETS[OFFLINE], train, DATASETS["mnist"].load(mnist_root).test)
    config = TrainConfig(data=OFFLINE, optimizer="adam", epochs=4)
    epochs = [event for event in Trainer(NetworkSpec(), config, data).run() if isinstance(event, Epoch)]
    assert epochs[-1].test_accuracy > 0.8  # chance is 0.1; with all 60,000 it comes to about 0.95
