"""Styles that MNIST hardly has: what is made of them and how, and what is never trained on."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch

from nnviz.data import offline_digits, styles
from nnviz.data.datasets import DATASETS, STYLES, Loaded, Split
from nnviz.data.drawing import CANVAS, STROKE_RANGE, Drawing, Stroke, prepare, rasterise
from nnviz.data.offline_digits import CLASSES, Digits
from nnviz.data.strokes import Style, curves_of
from nnviz.data.styles import HELD_OUT, RARE, covered, generate, held_out
from nnviz.spec.network import NetworkSpec
from nnviz.spec.train_config import TrainConfig
from nnviz.train.events import Epoch
from nnviz.train.trainer import Trainer


def split_of(digits: Digits) -> Split:
    return Split(torch.from_numpy(digits.images)[:, None], torch.from_numpy(digits.labels).long())


@pytest.mark.parametrize("digits", [generate(600), held_out(600)], ids=["training", "held out"])
def test_sizes_types_and_balance(digits: Digits) -> None:
    assert digits.images.shape == (600, 28, 28)
    assert digits.images.dtype == digits.labels.dtype == np.uint8
    assert np.bincount(digits.labels).tolist() == [60] * CLASSES
    assert digits.images.max(axis=(1, 2)).min() > 100  # no picture is blank
    assert np.bincount(digits.labels[:200], minlength=10).min() > 5  # in random order


def test_always_the_same_and_progress_rises_to_the_end() -> None:
    said: list[tuple[float, str]] = []
    first = generate(400, lambda share, text: said.append((share, text)))
    np.random.seed(99)  # the global generator must not matter
    again = generate(400)
    assert np.array_equal(first.images, again.images)
    assert np.array_equal(first.labels, again.labels)
    assert [share for share, _ in said] == sorted(share for share, _ in said)
    assert said[-1] == (1, "Drawing digits: 400 of 400")


def test_every_digit_has_many_styles_and_some_that_are_held_out() -> None:
    for digit in range(CLASSES):
        assert sum(style.digit == digit for style in RARE) >= 8
        assert sum(style.digit == digit for style in HELD_OUT) >= 2
    trained_on = {style.strokes and style.points for style in (*RARE, *offline_digits.STYLES)}
    assert not trained_on & {style.points for style in HELD_OUT}
    every = (*RARE, *HELD_OUT)
    assert len({(style.points, style.strokes) for style in every}) == len(every)


def test_training_is_on_usual_and_rare_styles_and_on_none_that_is_held_out(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: Counter[Style] = Counter()

    def draw(style: Style, curves: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
        drawn[style] += count
        return np.zeros((count, 28, 28), np.float32)

    monkeypatch.setattr(styles, "_draw", draw)
    generate()
    assert drawn.total() == styles.TRAIN_SIZE == 54_000
    assert set(drawn) == {*RARE, *offline_digits.STYLES}
    for digit in range(CLASSES):
        usual, rare = ([one for one in some if one.digit == digit] for some in (offline_digits.STYLES, RARE))
        whole = sum(one.weight for one in (*usual, *rare))
        for one in usual:
            expected = 3000 * one.weight / whole
            assert drawn[one] == pytest.approx(expected, abs=5 * expected**0.5)
        assert sum(drawn[one] for one in (*usual, *rare)) == 5400
    drawn.clear()
    held_out(5000)
    assert set(drawn) == set(HELD_OUT)


def test_pens_are_mostly_what_a_drawing_s_become_and_some_thin_or_thick() -> None:
    pens = styles._pens(4000, np.random.default_rng(0))[:, 0, 0]
    assert pens.min() < 1.8
    assert pens.max() > 4.4
    usual = (pens >= STROKE_RANGE[0]) & (pens <= STROKE_RANGE[1])
    assert 0.6 < usual.mean() < 0.8


def test_most_hands_are_steady_and_some_shake() -> None:
    shake = styles._shake(61, 2000, np.random.default_rng(0))
    assert shake.shape == (2000, 61, 2)
    assert np.abs(shake.mean((0, 1))).max() < 0.001
    size = shake.std((1, 2))
    assert np.quantile(size, 0.3) == pytest.approx(0, abs=1e-9)
    assert 0.01 < np.quantile(size, 0.95) < 0.05  # of the digit's height
    steps = np.abs(np.diff(shake, axis=1)).max((1, 2))
    assert steps.max() < 0.1  # jerks, no leaps


@pytest.mark.parametrize("pen", [2.4, 3.2])
@pytest.mark.parametrize("style", [style for style in HELD_OUT if style.digit in (2, 6, 9)])
def test_a_made_digit_is_what_a_drawing_of_the_same_line_becomes(
    style: Style, pen: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = np.array(style.points)
    monkeypatch.setattr(styles, "untidy", lambda style, curves, count, rng: (curves @ plain)[None].copy())
    monkeypatch.setattr(styles, "_shake", lambda samples, count, rng: 0)
    monkeypatch.setattr(styles, "_hands", lambda count, rng: np.eye(2)[None])
    monkeypatch.setattr(styles, "_pens", lambda count, rng: np.full((1, 1, 1), pen))
    (made,) = styles._draw(style, curves_of(style), 1, np.random.default_rng(0))

    on_canvas = 200 / 20 * pen
    scale = (200 - on_canvas) / np.ptp(curves_of(style) @ plain, axis=0).max()
    strokes = []
    for stroke in style.strokes:
        line = curves_of(Style(style.digit, 1, style.points, (stroke,))) @ plain
        places = (line - plain.mean(0)) * scale + CANVAS / 2
        strokes.append(Stroke(tuple((x, y, 0.0) for x, y in places.tolist()), on_canvas))
    drawn = prepare(rasterise(Drawing(tuple(strokes)))).pixels / 255
    away = min(  # the centre of mass may lie just between two pixels
        np.abs(made - np.roll(drawn, (down, right), (0, 1))).mean() for down in (-1, 0, 1) for right in (-1, 0, 1)
    )
    assert away < 0.2 * drawn.mean()  # a shift by one pixel makes all of it


def test_ink_fades_over_two_pixels_at_an_edge_and_all_of_it_is_there() -> None:
    distance = np.linspace(0, 5, 501, dtype=np.float32)
    ink = covered(distance, np.full(1, 3.0))
    assert ink[0] == 1
    assert ink[150] == pytest.approx(0.5)
    assert ink[250:].max() == 0 < ink[240]
    for pen in (0.5, 1.0, 3.0):
        assert 2 * np.trapezoid(covered(distance, np.full(1, pen)), distance) == pytest.approx(pen, rel=0.01)


def test_what_is_learned_from_them_holds_for_styles_that_were_held_out() -> None:
    data = Loaded(DATASETS[STYLES], split_of(generate(3000)), split_of(held_out(500)))
    config = TrainConfig(data=STYLES, optimizer="adam", epochs=6)
    epochs = [event for event in Trainer(NetworkSpec(), config, data).run() if isinstance(event, Epoch)]
    assert epochs[-1].test_accuracy > 0.7  # chance is 0.1
