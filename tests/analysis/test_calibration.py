"""Calibration against other ways to compute the same: scipy's minimum, a loop over bins."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar
from torch.nn.functional import cross_entropy

from nnviz.analysis.calibration import TEMPERATURES, calibrate, evenly, fit_temperature, reliability
from nnviz.analysis.checkpoint_view import CheckpointView
from nnviz.data.datasets import Loaded, Split
from nnviz.spec.network import NetworkSpec
from nnviz.spec.train_config import TrainConfig
from nnviz.train.trainer import Trainer
from tests.analysis.untrained import checkpoint_of


def _answers(sharper: float, count: int = 4000, seed: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits (count, 10) that are `sharper` times too large for labels which are drawn from their softmax."""
    source = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(count, 10, generator=source)
    labels = torch.multinomial(logits.softmax(1), 1, generator=source)[:, 0]
    return sharper * logits, labels


@pytest.mark.parametrize("sharper", [0.3, 1.0, 4.0])
def test_the_temperature_is_where_scipy_finds_the_least_loss(sharper: float) -> None:
    logits, labels = _answers(sharper)
    found = minimize_scalar(
        lambda log: float(cross_entropy(logits.double() / np.exp(log), labels)),
        bounds=np.log(TEMPERATURES),
        method="bounded",
        options={"xatol": 1e-7},
    )
    assert fit_temperature(logits, labels) == pytest.approx(np.exp(found.x), rel=1e-4)
    assert fit_temperature(logits, labels) == pytest.approx(sharper, rel=0.05)


def test_a_net_that_is_always_right_gets_the_lowest_temperature() -> None:
    labels = torch.arange(10)
    assert fit_temperature(torch.eye(10), labels) == pytest.approx(TEMPERATURES[0])
    assert fit_temperature(-torch.eye(10), labels) == pytest.approx(TEMPERATURES[1])


def test_the_expected_calibration_error_is_that_of_a_plain_loop() -> None:
    logits, labels = _answers(2.0, 500)
    probabilities = logits.softmax(1)
    error = 0.0
    for number in range(15):
        inside = [
            (float(row.max()), int(row.argmax()) == int(label))
            for row, label in zip(probabilities.double(), labels, strict=True)
            if number / 15 < float(row.max()) <= (number + 1) / 15
        ]
        if inside:
            sure, right = np.mean([one[0] for one in inside]), np.mean([one[1] for one in inside])
            error += len(inside) / 500 * abs(right - sure)
    made = reliability(probabilities, labels)
    assert made.expected_calibration_error == pytest.approx(error)
    assert made.size.sum() == 500


def test_bins_hold_their_upper_edge_and_empty_ones_are_no_numbers() -> None:
    made = reliability(torch.tensor([[1.0, 0.0], [0.5, 0.5], [0.51, 0.49]]), torch.tensor([0, 1, 0]), bins=2)
    assert made.size.tolist() == [1, 2]
    assert made.accuracy.tolist() == [0.0, 1.0]
    assert made.confidence == pytest.approx([0.5, 0.755])
    empty = reliability(torch.tensor([[0.9, 0.1]]), torch.tensor([0]), bins=2)
    assert np.isnan(empty.accuracy[0])
    assert empty.expected_calibration_error == pytest.approx(0.1)


def test_the_temperature_changes_no_answer_and_mends_the_error_on_other_images(blobs: Loaded) -> None:
    trainer = Trainer(NetworkSpec(), TrainConfig(epochs=3, per_class=20, batch_size=10, lr=0.05), blobs)
    list(trainer.run())
    view = CheckpointView(trainer.network, trainer.config, trainer.checkpoint(), blobs)
    made = calibrate(view)
    assert made is not None
    assert made.before.size.sum() == made.after.size.sum() == len(blobs.test.labels) // 2
    assert calibrate(view).temperature == made.temperature  # type: ignore[union-attr]


def test_an_untrained_or_diverged_net_has_no_calibration(blobs: Loaded) -> None:
    view = checkpoint_of(NetworkSpec(), blobs)
    assert calibrate(view) is None
    weight = view.layers[0].weight
    assert weight is not None
    weight.fill_(float("nan"))
    assert calibrate(view) is None


def test_images_are_taken_from_all_over_the_set() -> None:
    split = Split(torch.arange(100, dtype=torch.uint8).view(-1, 1, 1, 1), torch.arange(100))
    few = evenly(split, 5)
    assert few.labels.tolist() == [0, 25, 50, 74, 99]
    assert few.images[:, 0, 0, 0].tolist() == few.labels.tolist()
    assert evenly(split, 1000) is split
