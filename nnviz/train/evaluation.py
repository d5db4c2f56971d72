"""What a network says of the test images."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn

from nnviz.data.datasets import Dataset, Loaded, Split, first_per_class, to_input

CHUNK = 1000
"""Test images at once: large enough to be fast, small enough that pausing never waits long."""


class Evaluation(NamedTuple):
    """Class probabilities of each test image, float32 (n, classes), and the true labels, int64 (n,)."""

    probabilities: Tensor
    labels: Tensor

    @property
    def predictions(self) -> Tensor:
        return self.probabilities.argmax(1)

    @property
    def accuracy(self) -> float:
        """Share of right answers, in [0, 1]."""
        return float((self.predictions == self.labels).double().mean())

    def confusion(self) -> Tensor:
        """Counts, int64 (classes, classes): row = the true class, column = the answer."""
        classes = self.probabilities.shape[1]
        return torch.bincount(self.labels * classes + self.predictions, minlength=classes**2).view(classes, classes)

    def class_accuracy(self) -> Tensor:
        """Share of each class recognised, float64 (classes,); NaN for a class without test images."""
        counts = self.confusion().double()
        return counts.diagonal() / counts.sum(1)

    def worst(self, count: int) -> Tensor:
        """Indices of wrongly answered images, the most confident mistake first; int64 (≤ count,)."""
        wrong = (self.predictions != self.labels).nonzero().flatten()
        confidence = self.probabilities.max(1).values[wrong]
        return wrong[confidence.argsort(descending=True, stable=True)][:count]

    def answered(self, true: int, answer: int) -> Tensor:
        """Indices of images of class `true` answered with `answer`, the most confident first; int64."""
        hits = ((self.labels == true) & (self.predictions == answer)).nonzero().flatten()
        return hits[self.probabilities[hits, answer].argsort(descending=True, stable=True)]


def logits_in_chunks(model: nn.Module, dataset: Dataset, images: Tensor, device: torch.device) -> Iterator[Tensor]:
    """Logits of uint8 `images`, CHUNK at a time, in evaluation mode without gradients; the mode is put back."""
    was_training = model.training
    model.eval()
    try:
        for chunk in images.split(CHUNK):
            with torch.inference_mode():
                logits: Tensor = model(to_input(chunk.to(device), dataset))
            yield logits
    finally:
        model.train(was_training)


def answers_are_finite(model: nn.Module, data: Loaded, device: torch.device) -> bool:
    """Whether the logits of one test image of each class are numbers; weights may be too large for that, and finite."""
    watched = data.test.images[first_per_class(data.test.labels, 1)]
    return all(bool(logits.isfinite().all()) for logits in logits_in_chunks(model, data.dataset, watched, device))


def evaluate(model: nn.Module, dataset: Dataset, split: Split, device: torch.device | None = None) -> Evaluation:
    """Run all images of `split` through `model`."""
    device = device or torch.device("cpu")
    logits = torch.cat(list(logits_in_chunks(model, dataset, split.images, device)))
    return Evaluation(logits.softmax(1).cpu().clone(), split.labels)
