"""Loss functions. Each takes logits (batch, classes) and labels (batch,) and gives the mean over the batch."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Loss:
    name: str
    title: str
    unit: str
    function: Callable[[Tensor, Tensor], Tensor]
    each: Callable[[Tensor, Tensor], Tensor]
    """The same of every example by itself, (batch,); `function` is its mean."""
    code: tuple[str, ...]
    """Lines of the generated script that make `criterion`."""
    at_chance: Callable[[int], float]
    """What it is, with so many classes, of a network that takes each for equally likely."""


def squared_error(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean over examples and classes of (softmax(logits) − one-hot(labels))²."""
    return F.mse_loss(logits.softmax(1), F.one_hot(labels, logits.shape[1]).to(logits.dtype))


def cross_entropies(logits: Tensor, labels: Tensor) -> Tensor:
    """−log softmax(logits)[label] of each example."""
    return F.cross_entropy(logits, labels, reduction="none")


def squared_errors(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean over classes of (softmax(logits) − one-hot(labels))², of each example."""
    return (logits.softmax(1) - F.one_hot(labels, logits.shape[1])).square().mean(1)


LOSSES: dict[str, Loss] = {
    loss.name: loss
    for loss in (
        Loss(
            "cross_entropy",
            "Cross-entropy",
            "nats, mean per example",
            F.cross_entropy,
            cross_entropies,
            ("criterion = nn.CrossEntropyLoss()",),
            math.log,
        ),
        Loss(
            "mse",
            "Mean squared error",
            "mean over classes",
            squared_error,
            squared_errors,
            (
                "def criterion(logits, labels):",
                "    one_hot = nn.functional.one_hot(labels, logits.shape[1]).float()",
                "    return nn.functional.mse_loss(logits.softmax(1), one_hot)",
            ),
            lambda classes: (1 - 1 / classes) / classes,
        ),
        Loss(
            "smoothed",
            "Cross-entropy, labels smoothed by 0.1",
            "nats, mean per example",
            lambda logits, labels: F.cross_entropy(logits, labels, label_smoothing=0.1),
            lambda logits, labels: F.cross_entropy(logits, labels, label_smoothing=0.1, reduction="none"),
            ("criterion = nn.CrossEntropyLoss(label_smoothing=0.1)",),
            math.log,
        ),
    )
}
