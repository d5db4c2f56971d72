"""What charts of a training are given: whatever has these attributes. Arrays and numbers, and nothing of the app."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt


class Steps(Protocol):
    """One value per optimizer step, each (n,); NaN where there is none. Losses in the loss function's unit, accuracies
    in [0, 1].
    """

    @property
    def step(self) -> npt.NDArray[Any]: ...
    @property
    def loss(self) -> npt.NDArray[Any]: ...
    @property
    def accuracy(self) -> npt.NDArray[Any]: ...
    @property
    def lr(self) -> npt.NDArray[Any]: ...


class StepArrays(NamedTuple):
    """The plainest of them."""

    step: npt.NDArray[Any]
    loss: npt.NDArray[Any]
    accuracy: npt.NDArray[Any]
    lr: npt.NDArray[Any]


class Pass(Protocol):
    """A pass over the training images that ended after `step` steps."""

    @property
    def epoch(self) -> int: ...
    @property
    def step(self) -> int: ...
    @property
    def train_loss(self) -> float: ...
    @property
    def train_accuracy(self) -> float: ...
    @property
    def test_loss(self) -> float: ...
    @property
    def test_accuracy(self) -> float: ...


class Changed(Protocol):
    """A setting that has another value from the step after `step` on."""

    @property
    def step(self) -> int: ...
    @property
    def label(self) -> str: ...
    @property
    def before(self) -> float: ...
    @property
    def after(self) -> float: ...


class PassNumbers(NamedTuple):
    """The plainest of them."""

    epoch: int
    step: int
    train_loss: float
    train_accuracy: float
    test_loss: float
    test_accuracy: float


def example_steps(seed: int, count: int = 1000) -> StepArrays:
    """A training as it might go, for galleries."""
    step = np.arange(1, count + 1)
    noise = np.sin(step * (1.7 + seed)) * np.cos(step / (3 + seed))
    loss = 2.3 * np.exp(-step / (150 + 30 * seed)) + 0.15 + 0.05 * noise
    return StepArrays(step, loss, np.clip(1 - loss / 3, 0, 1), np.full(count, 0.01))


def example_passes(steps: StepArrays, epochs: int = 5) -> list[PassNumbers]:
    """Its epochs."""
    ends = np.linspace(0, len(steps.step), epochs + 1).astype(int)[1:]
    found = []
    for number, end in enumerate(ends.tolist(), 1):
        loss, accuracy = float(steps.loss[end - 1]), float(steps.accuracy[end - 1])
        found.append(PassNumbers(number, end, loss, accuracy, loss + 0.02, accuracy - 0.01))
    return found
