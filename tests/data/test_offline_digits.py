"""Offline digits beside real MNIST: alike in their frame, and good enough to learn from."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy import ndimage
from sklearn.datasets import load_digits

from nnviz.data import offline_digits
from nnviz.data.datasets import DATASETS, OFFLINE, Loaded, Split
from nnviz.data.offline_digits import CLASSES, STYLES, Digits, _real_digits, generate
from nnviz.data.strokes import Style, curves_of
from nnviz.spec.network import NetworkSpec
from nnviz.spec.train_config import TrainConfig
from nnviz.train.events import Epoch
from nnviz.train.trainer import Trainer
from tests.data.test_strokes import hermite

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


# ---------------------------------------------------------------------- the steps, without chance


class Lots:
    """In place of a generator: every lot falls at the same place of its range, or so many deviations from its mean."""

    def __init__(self, share: float = 0.5, deviations: float = 0.0) -> None:
        self.share, self.deviations = share, deviations

    def random(self, size: Any) -> Any:
        return np.full(size, self.share)

    def uniform(self, low: float, high: float, size: Any) -> Any:
        return np.full(size, low + self.share * (high - low))

    def normal(self, mean: float, deviation: float, size: Any) -> Any:
        return np.full(size, mean + self.deviations * deviation)


@pytest.mark.parametrize("stroke", ["0 0, 50 0, 100 0", "0 0, 0 50, 0 100", "0 0, 70 10, 50 60, 0 90"])
def test_a_pen_draws_all_that_is_near_its_line(stroke: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The distance to the line by brute force; it fills the box of 20 pixels but for half the pen on each side."""
    monkeypatch.setattr(offline_digits, "_hands", lambda count, rng: np.stack([np.eye(2)] * count))
    made = Style.of(0, 1, stroke)
    ink = offline_digits.draw(made, curves_of(made), 2, Lots())  # type: ignore[arg-type]
    pen, line = 2.4, hermite(np.array(made.points), False)
    line -= line.min(0)
    line = line * (20 - pen) / line.max() + pen / 2
    middles = np.stack(np.meshgrid(np.arange(20) + 0.5, np.arange(20) + 0.5), axis=-1)  # x, y
    distance = np.linalg.norm(middles[:, :, None] - line, axis=-1).min(-1)
    assert (ink.shape, ink.dtype) == ((2, 20, 20), np.float32)
    for one in ink:
        np.testing.assert_allclose(one, (pen / 2 + 0.5 - distance).clip(0, 1), atol=1e-5)


def test_hands_squeeze_lean_and_turn() -> None:
    x, y = np.eye(2) @ offline_digits._hands(3, Lots())[1]  # type: ignore[arg-type]
    assert x == pytest.approx((0.8, 0))  # the middle of the range
    assert y[1] == pytest.approx(1)
    assert y[0] < 0  # what is above goes to the right: y points down
    turned = offline_digits._hands(3, Lots(deviations=1))[2]  # type: ignore[arg-type]
    angle = np.radians(6)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    np.testing.assert_allclose(turned, np.array([[0.8, 0], [-0.39, 1]]) @ turn, atol=1e-9)


def test_a_digit_of_the_real_ones_is_a_fifth_for_testing_and_enlarged_without_distortion() -> None:
    train, test = _real_digits()
    bunch = load_digits()
    for digit, (own, held_out) in enumerate(zip(train, test, strict=True)):
        assert len(held_out) == round(0.2 * int((bunch.target == digit).sum()))
        for image in (own[0], held_out[0]):
            assert image.shape == (80, 98)
            small = F.adaptive_avg_pool2d(torch.from_numpy(image)[None], (10, 10))[0].numpy()
            assert max(np.corrcoef(small[1:-1, 1:-1].ravel(), one.ravel())[0, 1] for one in bunch.images) > 0.98
            assert np.abs(small[0]).max() < 0.1 > np.abs(small[:, -1]).max()  # paper around
            assert 0.9 < image.max() < 1.4
            assert image.min() > -0.3  # bicubic overshoots a little


def test_a_blurred_ridge_is_cut_at_three_fifths_or_by_lot() -> None:
    ridge = np.linspace(0, 1, 1001, dtype=np.float32)[None, None]
    usual = offline_digits._thicken(ridge, Lots(0.5))[0, 0]  # type: ignore[arg-type]
    assert usual[600] == pytest.approx(0.5)
    assert np.flatnonzero(usual > 0)[0] == pytest.approx(600 - 1000 / 6, abs=1)  # a third wide
    assert np.flatnonzero(usual < 1)[-1] == pytest.approx(600 + 1000 / 6, abs=1)
    thicker, at_the_limit = (offline_digits._thicken(ridge, Lots(s))[0, 0] for s in (0.1, 0.4))  # type: ignore[arg-type]
    assert thicker[440] == pytest.approx(0.5, abs=1e-5)
    assert at_the_limit[600] == pytest.approx(0.5)


@pytest.mark.parametrize("lots", [Lots(), Lots(1.0), Lots(0.0), Lots(0.8, 1.0), Lots(0.5, -1.0)], ids=range(5))
def test_a_move_is_scipy_s_affine_transform(lots: Lots) -> None:
    """By 10°, a tenth, a shear of 0.15 and 1.5 pixels at most; bends that are alike everywhere shift by 0.8."""
    image = ndimage.gaussian_filter(np.pad(np.random.default_rng(0).random((16, 16)), 6), 1).astype(np.float32)

    def between(low: float, high: float) -> float:
        return low + lots.share * (high - low)

    turn, shear, size = np.radians(between(-10, 10)), between(-0.15, 0.15), between(0.9, 1.1)
    turning = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    back = turning @ np.array([[1, shear], [0, 1]]) / size  # from where a pixel is to where it comes from, (x, y)
    back = back[::-1, ::-1]  # scipy has (y, x)
    shift = between(-1.5, 1.5) + 0.8 * lots.deviations
    middle = np.full(2, 13.5)
    theirs = ndimage.affine_transform(image, back, middle + shift - back @ middle, order=1)
    ours = offline_digits._move(np.stack([image] * 2), lots)  # type: ignore[arg-type]
    assert ours.shape == (2, 28, 28)
    np.testing.assert_allclose(ours[1, 2:-2, 2:-2], theirs[2:-2, 2:-2], atol=1e-4)


def test_a_bend_is_torch_s_smooth_enlargement_of_four_by_four() -> None:
    grid = torch.rand(1, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    ours = offline_digits._ENLARGE @ grid @ offline_digits._ENLARGE.T
    theirs = F.interpolate(grid, (28, 28), mode="bicubic", align_corners=False)
    torch.testing.assert_close(ours, theirs)


def test_a_fifth_of_the_examples_are_real_and_the_others_styles_by_their_weight(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = [np.full((3, 80, 98), digit, np.float32) for digit in range(CLASSES)]
    monkeypatch.setattr(offline_digits, "_thicken", lambda large, rng: large)
    drawn: Counter[Style] = Counter()

    def draw(style: Style, curves: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
        drawn[style] += count
        return np.full((count, 20, 20), style.digit)

    monkeypatch.setattr(offline_digits, "draw", draw)
    found: dict[int, list[tuple[int, ...]]] = {}
    for digit, ink in offline_digits._inks(1010, real, np.random.default_rng(0)):
        found.setdefault(digit, []).append(ink.shape)
        assert (ink == digit).all()
    for style, count in drawn.items():
        share = style.weight / sum(one.weight for one in STYLES if one.digit == style.digit)
        assert count == pytest.approx(
            808 * share, abs=4.5 * (808 * share) ** 0.5
        )  # chance, by four deviations and more
    assert set(drawn) == set(STYLES)
    assert sorted(found) == list(range(10))
    for shapes in found.values():
        assert sum(shape[0] for shape in shapes) == 1010
        assert sum(shape[0] for shape in shapes if shape[1:] == (80, 98)) == 202
        assert {shape[1:] for shape in shapes} == {(80, 98), (20, 20)}
        assert max(shape[0] for shape in shapes) == 100


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
