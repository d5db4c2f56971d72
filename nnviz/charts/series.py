"""What charts of a training are given: whatever has these attributes. Arrays and numbers, and nothing of the app."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

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
