"""How the units of each layer behave over many images: which never speak, which stand at an end of their range, and
what each says of each digit.

A unit is a neuron of a dense layer or a channel of an image; a channel's value for an image is its largest anywhere.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from nnviz.analysis.activations import CHUNK, Trace, trace, unit_values
from nnviz.analysis.checkpoint_view import CheckpointView, LayerView
from nnviz.data.datasets import Split, to_input
from nnviz.spec.activations import ACTIVATIONS

VALUES_AT_ONCE = 4_000_000
"""Of the largest layer; bounds the memory of a chunk."""

MARGIN = 0.01
"""Of the range: what is closer to an end is saturated."""


class LayerHealth(NamedTuple):
    """One layer over n images."""

    name: str
    title: str
    activation: str
    mean: float
    """Of all outputs, at all positions."""
    deviation: float
    dead: Tensor | None
    """Which units give 0 for every image, bool (units,). None unless its activation is ReLU: only that one is flat
    where it is 0, so that nothing ever wakes the unit; its relatives let a gradient through."""
    saturation: Tensor | None
    """Share of each unit's outputs within 1 % of an end of the range, in [0, 1], (units,). None unless the activation
    is sigmoid or tanh: the others have no upper end."""
    class_mean: Tensor
    """Of each unit's value over the images of each class, float64 (units, classes); NaN for a class without images."""
    class_deviation: Tensor

    @property
    def dead_share(self) -> float | None:
        return None if self.dead is None else float(self.dead.double().mean())

    @property
    def saturated_share(self) -> float | None:
        """Of all outputs of the layer."""
        return None if self.saturation is None else float(self.saturation.mean())


def health(checkpoint: CheckpointView, split: Split) -> tuple[LayerHealth, ...]:
    """Of every layer, over the images of `split`, in evaluation mode."""
    classes = len(checkpoint.data.dataset.classes)
    counts = torch.bincount(split.labels, minlength=classes)
    sums = [_Sums(layer, classes) for layer in checkpoint.layers]
    start = 0
    for traced in _chunks(checkpoint, split.images):
        labels = split.labels[start : start + len(traced.inputs)]
        start += len(labels)
        for layer, one in zip(traced.layers, sums, strict=True):
            one.add(layer.output, labels)
    return tuple(one.done(counts) for one in sums)


def unit_matrix(checkpoint: CheckpointView, layer: str, count: int) -> Tensor:
    """What the units of a layer say of the first `count` test images, float32 (n, units)."""
    images = checkpoint.data.test.images[:count]
    return torch.cat([unit_values(traced.of(layer).output) for traced in _chunks(checkpoint, images)]).clone()


def is_dead(values: Tensor) -> Tensor:
    """Which units are 0 for all images; `values` (n, units) or (n, channels, h, w), after ReLU."""
    return (values == 0).transpose(0, 1).flatten(1).all(1)


def is_saturated(output: Tensor, activation: str) -> Tensor:
    """Which outputs are within 1 % of an end of the activation's range. Raises ValueError for one without ends."""
    ends = ACTIVATIONS[activation].ends
    if ends is None:
        raise ValueError(f"{ACTIVATIONS[activation].title} has no ends that a unit could stand at")
    low, high = ends
    margin = MARGIN * (high - low)
    return (output < low + margin) | (output > high - margin)


class _Sums:
    """What is added up over the chunks."""

    def __init__(self, layer: LayerView, classes: int) -> None:
        units = layer.units
        self.layer = layer
        self.count, self.mean, self.squares = 0, 0.0, 0.0
        self.dead = torch.ones(units, dtype=torch.bool) if ACTIVATIONS[layer.activation].flat_below_zero else None
        self.images = 0
        self.saturated = torch.zeros(units, dtype=torch.float64) if ACTIVATIONS[layer.activation].ends else None
        self.class_sum, self.class_squares = torch.zeros(2, classes, units, dtype=torch.float64)

    def add(self, output: Tensor, labels: Tensor) -> None:
        variance, mean = torch.var_mean(output, correction=0)
        self._merge(output.numel(), float(mean), float(variance))
        self.images += len(labels)
        if self.dead is not None:
            self.dead &= is_dead(output)
        if self.saturated is not None:
            found = is_saturated(output, self.layer.activation).transpose(0, 1).flatten(1)
            self.saturated += found.double().mean(1) * len(labels)
        values = unit_values(output).double()
        self.class_sum.index_add_(0, labels, values)
        self.class_squares.index_add_(0, labels, values.square())

    def _merge(self, count: int, mean: float, variance: float) -> None:
        """Chan, Golub and LeVeque's formula, 1979: no large numbers are subtracted."""
        total, delta = self.count + count, mean - self.mean
        self.squares += count * variance + delta**2 * self.count * count / total
        self.mean += delta * count / total
        self.count = total

    def done(self, counts: Tensor) -> LayerHealth:
        mean = self.class_sum / counts[:, None]
        variance = (self.class_squares / counts[:, None] - mean.square()).clamp(min=0)
        return LayerHealth(
            self.layer.name,
            self.layer.title,
            self.layer.activation,
            self.mean,
            math.sqrt(self.squares / self.count),
            self.dead,
            None if self.saturated is None else self.saturated / self.images,
            mean.T,
            variance.sqrt().T,
        )


def _chunks(checkpoint: CheckpointView, images: Tensor) -> Iterator[Trace]:
    """Trace uint8 images, as many at once as memory allows."""
    largest = max(math.prod(layer.plan.out_shape) for layer in checkpoint.layers)
    size = max(1, min(CHUNK, VALUES_AT_ONCE // largest))
    for chunk in images.split(size):
        yield trace(checkpoint, to_input(chunk, checkpoint.data.dataset))
