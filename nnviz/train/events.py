"""What a training tells as it goes: one event after each thing done."""

from __future__ import annotations

from typing import NamedTuple

from nnviz.fields import bounds_of
from nnviz.spec.train_config import TrainConfig


class Norms(NamedTuple):
    """Euclidean norms of each weight matrix in one step, in the order of the layers; biases are left out."""

    step: int
    weight: tuple[float, ...]
    """Before the step."""
    gradient: tuple[float, ...]
    """Of the mini-batch's mean loss."""
    update: tuple[float, ...]
    """W_new − W_old, whatever the optimizer makes of the gradient."""


class Batch(NamedTuple):
    """One optimizer step was taken. `loss` and `accuracy` are of this batch, before the step."""

    step: int
    """Steps done, this one included."""
    loss: float
    accuracy: float
    lr: float
    """The rate this step was taken with."""
    size: int
    norms: Norms | None = None
    """Measured at some steps only."""


class Tested(NamedTuple):
    """A part of the test pass is done."""

    done: int
    total: int


class Epoch(NamedTuple):
    """A pass is complete. The training figures are means over its batches, each measured as it was trained on."""

    epoch: int
    """Epochs done, this one included."""
    step: int
    train_loss: float
    train_accuracy: float
    test_loss: float
    test_accuracy: float


class Change(NamedTuple):
    """A setting that was changed while training; it holds from the step after `step` on."""

    step: int
    name: str
    before: float
    after: float

    @property
    def label(self) -> str:
        """Its name for people."""
        return bounds_of(TrainConfig)[self.name].label


class Diverged(NamedTuple):
    """The loss is no longer a finite number. The weights are put back to those after `kept` steps, all finite."""

    step: int
    loss: float
    lr: float
    kept: int


Event = Batch | Tested | Epoch | Change | Diverged
