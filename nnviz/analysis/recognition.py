"""What trained networks say of one drawing: now, at every checkpoint of a training, what it reminds them of, and what
one lesson on it changes.

A drawing is uint8 (28, 28), 0 paper to 255 ink, as `nnviz.data.drawing.prepare` makes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from nnviz.analysis.activations import trace
from nnviz.analysis.checkpoint_view import CheckpointView
from nnviz.data.datasets import Split, to_input
from nnviz.fields import Number
from nnviz.spec.losses import LOSSES
from nnviz.train.checkpoint import copy_of
from nnviz.train.loader import generator

NEAREST_AMONG = 10_000
"""Training images that a drawing is compared with, the first ones."""

MOST_LOGIT = 1e4
"""What a logit may be; those of nets that learned are below a thousand."""

LESSON_RATE = Number("learning rate of a lesson", 1e-5, 1.0, log=True)
LESSON_STEPS = Number("steps of a lesson", 1, 500, whole=True)


def as_inputs(pixels: NDArray[np.uint8], checkpoint: CheckpointView) -> Tensor:
    """Drawings (28, 28) or (n, 28, 28) as the network gets them, float32 (n, 1, 28, 28)."""
    images = torch.from_numpy(np.ascontiguousarray(pixels)).view(-1, 1, *pixels.shape[-2:])
    return to_input(images, checkpoint.data.dataset)


def answer(checkpoint: CheckpointView, pixels: NDArray[np.uint8], temperature: float = 1.0) -> NDArray[np.float32]:
    """Probabilities of the classes for one drawing, (classes,); see `answers`."""
    probabilities: NDArray[np.float32] = answers(checkpoint, pixels, temperature)[0]
    return probabilities


def answers(checkpoint: CheckpointView, pixels: NDArray[np.uint8], temperature: float = 1.0) -> NDArray[np.float32]:
    """Probabilities of the classes for drawings (n, 28, 28), softmax(logits / temperature), (n, classes). No numbers
    (NaN) where the training has diverged, also where the logits are finite but so large that their softmax is sure of
    anything.
    """
    with torch.inference_mode():
        logits: Tensor = checkpoint.model(as_inputs(pixels, checkpoint))
        sound = (logits.abs() <= MOST_LOGIT).all(1, keepdim=True)
        probabilities: NDArray[np.float32] = (logits / temperature).softmax(1).where(sound, torch.nan).numpy()
    return probabilities


class History(NamedTuple):
    """The answer to one drawing at the checkpoints of a training."""

    step: NDArray[np.int64]
    probabilities: NDArray[np.float32]
    """(checkpoints, classes)."""

    def learned(self, label: int) -> int | None:
        """The step from which on the answer is `label` at all later checkpoints; None if it isn't at the last one."""
        right = self.probabilities.argmax(1) == label
        if not len(right) or not right[-1]:
            return None
        wrong = np.flatnonzero(~right)
        return int(self.step[wrong[-1] + 1 if len(wrong) else 0])


def history(checkpoints: Iterable[CheckpointView], pixels: NDArray[np.uint8]) -> History:
    """Ask the network at each of the checkpoints, which come in the order of their steps."""
    told = [(checkpoint.step_number, answer(checkpoint, pixels)) for checkpoint in checkpoints]
    if not told:
        return History(np.zeros(0, np.int64), np.zeros((0, 0), np.float32))
    return History(np.array([step for step, _ in told], np.int64), np.stack([one for _, one in told]))


class Nearest(NamedTuple):
    """Training images that the network finds most alike, the nearest first."""

    images: tuple[int, ...]
    """Indices into the training images."""
    similarity: tuple[float, ...]
    """Cosine between the features, in [-1, 1]."""


def features(checkpoint: CheckpointView, inputs: Tensor) -> Tensor:
    """What the output layer sees of each image, of length 1: (n, features). Without hidden layers, the pixels."""
    return F.normalize(trace(checkpoint, inputs).layers[-1].given.flatten(1))


def training_features(checkpoint: CheckpointView) -> Tensor:
    """Features of the first NEAREST_AMONG training images, (n, features). Worth keeping: it takes a moment."""
    return features_of(checkpoint, checkpoint.data.train.images[:NEAREST_AMONG])


def features_of(checkpoint: CheckpointView, images: Tensor) -> Tensor:
    """Features of uint8 images (n, 1, 28, 28), a part of them at a time, (n, features)."""
    return torch.cat([features(checkpoint, to_input(part, checkpoint.data.dataset)) for part in images.split(1000)])


def nearest(checkpoint: CheckpointView, pixels: NDArray[np.uint8], among: Tensor, count: int = 8) -> Nearest:
    """The training images whose features, `among` of `training_features`, point most in the drawing's direction."""
    likeness = among @ features(checkpoint, as_inputs(pixels, checkpoint))[0]
    best = likeness.topk(min(count, len(likeness)))
    return Nearest(tuple(best.indices.tolist()), tuple(best.values.tolist()))


def teach(
    checkpoint: CheckpointView, pixels: NDArray[np.uint8], labels: Sequence[int], *, lr: float = 0.01, steps: int = 1
) -> CheckpointView:
    """A copy of the network after `steps` plain gradient steps, W_new = W_old − α·∂L/∂W, on drawings (n, 28, 28).

    All drawings make one batch. Batch normalisation and dropout stand still, as when the network answers.
    Raises SpecError for a rate or a number of steps out of range.
    """
    rate, count = LESSON_RATE.check(lr), int(LESSON_STEPS.check(steps))
    copy = _changeable(checkpoint)
    inputs, wanted = as_inputs(pixels, checkpoint), torch.tensor(list(labels))
    loss_function = LOSSES[checkpoint.config.loss].function
    for _ in range(count):
        copy.model.zero_grad()
        loss_function(copy.model(inputs), wanted).backward()
        with torch.no_grad():
            for parameter in copy.model.parameters():
                if parameter.grad is not None:
                    parameter.sub_(parameter.grad, alpha=float(rate))
    copy.model.zero_grad()
    return copy


def fine_tune(
    checkpoint: CheckpointView,
    drawings: Split,
    *,
    lr: float = 0.01,
    steps: int = 100,
    share: float = 0.5,
    batch: int = 64,
) -> CheckpointView:
    """A copy of the network after `steps` gradient steps on batches of which `share` are the kept drawings and the
    rest training images: on drawings alone it would forget what it knew.

    Raises SpecError for a rate or a number of steps out of range, ValueError without drawings.
    """
    if not len(drawings.labels):
        raise ValueError("there are no drawings to learn from")
    rate, count = LESSON_RATE.check(lr), int(LESSON_STEPS.check(steps))
    copy = _changeable(checkpoint)
    source, train, dataset = generator(checkpoint.config.seed, 7), checkpoint.data.train, checkpoint.data.dataset
    own = max(1, round(share * batch))
    loss_function = LOSSES[checkpoint.config.loss].function
    optimizer = torch.optim.SGD(copy.model.parameters(), lr=float(rate), momentum=0.9)
    for _ in range(count):
        mine = torch.randint(len(drawings.labels), (own,), generator=source)
        others = torch.randint(len(train.labels), (batch - own,), generator=source)
        images = torch.cat([drawings.images[mine], train.images[others]])
        optimizer.zero_grad()
        labels = torch.cat([drawings.labels[mine], train.labels[others]])
        loss_function(copy.model(to_input(images, dataset)), labels).backward()
        optimizer.step()
    copy.model.zero_grad()
    return copy


def _changeable(view: CheckpointView) -> CheckpointView:
    """The same network with weights of its own, to be changed in place; its checkpoint changes with them."""
    state = replace(view.state, model=copy_of(view.state.model))
    return CheckpointView(view.network, view.config, state, view.data, view.changes)
