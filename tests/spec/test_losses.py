"""Losses against their formulas in numpy, and the generated script's against ours."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from nnviz.spec.losses import LOSSES

LOGITS = torch.randn(7, 10, generator=torch.Generator().manual_seed(2), dtype=torch.float64) * 3
LABELS = torch.tensor([0, 9, 3, 3, 1, 5, 8])


def softmax(logits: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    powers = np.exp(logits)
    result: np.ndarray[Any, Any] = powers / powers.sum(1, keepdims=True)
    return result


EXPECTED = {
    "cross_entropy": lambda p, y: -np.log((p * y).sum(1)).mean(),
    "mse": lambda p, y: ((p - y) ** 2).mean(),
    "smoothed": lambda p, y: -(np.log(p) * (0.9 * y + 0.01)).sum(1).mean(),
}


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_is_its_formula(name: str) -> None:
    expected = EXPECTED[name](softmax(LOGITS.numpy()), np.eye(10)[LABELS.numpy()])
    assert LOSSES[name].function(LOGITS, LABELS).item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", LOSSES)
def test_the_losses_of_single_images_have_the_loss_as_their_mean(name: str) -> None:
    each = LOSSES[name].each(LOGITS, LABELS)
    singly = [LOSSES[name].function(logits[None], label[None]) for logits, label in zip(LOGITS, LABELS, strict=True)]
    torch.testing.assert_close(each, torch.stack(singly))
    torch.testing.assert_close(each.mean(), LOSSES[name].function(LOGITS, LABELS))


@pytest.mark.parametrize("name", LOSSES)
def test_its_gradient_is_the_slope(name: str) -> None:
    assert torch.autograd.gradcheck(lambda z: LOSSES[name].function(z, LABELS), (LOGITS.clone().requires_grad_(),))


def test_the_gradient_of_cross_entropy_is_softmax_minus_one_hot() -> None:
    logits = LOGITS.clone().requires_grad_()
    LOSSES["cross_entropy"].function(logits, LABELS).backward()
    assert logits.grad is not None
    np.testing.assert_allclose(logits.grad.numpy(), (softmax(LOGITS.numpy()) - np.eye(10)[LABELS.numpy()]) / 7)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("factor", [0.0, 1.0, 100.0])
def test_the_script_s_loss_is_ours_to_the_bit(name: str, factor: float) -> None:
    names: dict[str, Any] = {"nn": nn}
    exec("\n".join(LOSSES[name].code), names)
    logits = LOGITS.float() * factor
    assert torch.equal(names["criterion"](logits, LABELS), LOSSES[name].function(logits, LABELS))


@pytest.mark.parametrize(("name", "chance"), [("cross_entropy", np.log(10)), ("mse", 0.09)])
def test_a_net_that_knows_nothing_has_the_loss_of_chance(name: str, chance: float) -> None:
    assert LOSSES[name].function(torch.zeros(4, 10), LABELS[:4]).item() == pytest.approx(chance)


@pytest.mark.parametrize("name", LOSSES)
def test_enormous_logits_stay_finite(name: str) -> None:
    logits = torch.full((2, 10), -1e30).index_fill(1, torch.tensor([4]), 1e30)
    if name != "smoothed":  # which asks for a little of every class
        assert LOSSES[name].function(logits, torch.tensor([4, 4])).item() == 0
    assert LOSSES[name].function(logits, torch.tensor([4, 4])).isfinite()
    assert LOSSES[name].function(logits, torch.tensor([4, 5])).isfinite()
