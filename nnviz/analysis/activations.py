"""What each layer makes of images, and the arithmetic of a single neuron.

The network is run module by module, so nothing has to be hooked into it.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from nnviz.analysis.checkpoint_view import CheckpointView, LayerView
from nnviz.spec.layers import WEIGHTED

CHUNK = 500
"""Images at once."""


class LayerTrace(NamedTuple):
    """One layer at work on n images."""

    name: str
    given: Tensor
    """What its weights are applied to (flattened for a dense layer), float32 (n, …)."""
    sums: Tensor
    """Wx + b, before the activation function; the output itself where there are no weights. (n, *out_shape)."""
    output: Tensor
    """After it, (n, *out_shape)."""


class Trace(NamedTuple):
    inputs: Tensor
    """As the network gets them, float32 (n, 1, 28, 28)."""
    layers: tuple[LayerTrace, ...]
    probabilities: Tensor
    """(n, classes), softmax of the last layer's output."""

    def of(self, name: str) -> LayerTrace:
        return next(layer for layer in self.layers if layer.name == name)


def trace(checkpoint: CheckpointView, inputs: Tensor) -> Trace:
    """Follow normalised images (n, 1, 28, 28) through all layers, in evaluation mode."""
    layers = []
    value = inputs
    with torch.inference_mode():
        for layer in checkpoint.layers:
            given = sums = value
            for module in layer.modules:
                weighted = isinstance(module, WEIGHTED)
                if weighted:
                    given = value
                value = module(value)
                if weighted:
                    sums = value
            layers.append(LayerTrace(layer.name, given, sums if layer.weight is not None else value, value))
        probabilities = value.softmax(1)
    return Trace(inputs, tuple(layers), probabilities)


def unit_values(output: Tensor) -> Tensor:
    """One number per image and unit, (n, units): of a channel, its largest value anywhere in the image."""
    return output.amax(dim=(2, 3)) if output.dim() == 4 else output


class Term(NamedTuple):
    """One summand of Wx + b."""

    source: int
    """Index into the neuron's (flattened) weights: into the layer's flattened input for a dense layer, into the kernel
    (in channels, h, w) for a convolution."""
    value: float
    """x."""
    weight: float
    """W."""

    @property
    def product(self) -> float:
        return self.value * self.weight


class Arithmetic(NamedTuple):
    """How one neuron comes to its output for one image: sum of all terms + bias → activation → output."""

    terms: tuple[Term, ...]
    """Those of the largest magnitude, the largest first."""
    rest: float
    """Sum of all other products."""
    bias: float
    total: float
    """Wx + b."""
    activation: str
    output: float
    position: tuple[int, int] | None = None
    """Row and column of this output in a convolution's map; None for a dense neuron."""
    others: int = 0
    """How many products are in `rest`."""


def arithmetic(layer: LayerView, traced: LayerTrace, image: int, unit: int, count: int = 8) -> Arithmetic:
    """The sum that neuron `unit` of a layer computes for image number `image` of the trace, in float32.

    A convolution's filter computes one at every position: this is where its output is largest. `count` is how many
    terms are told one by one. Raises ValueError for a layer without a weight matrix.
    """
    if layer.weight is None:
        raise ValueError(f"only a dense neuron or a channel is a sum of inputs × weights; {layer.title} has no weights")
    sums, outputs, position = traced.sums[image, unit], traced.output[image, unit], None
    x = traced.given[image]
    if layer.weight.dim() == 4:
        row, column = divmod(int(outputs.argmax()), outputs.shape[1])
        position = (row, column)
        x, sums, outputs = layer.plan.layer.window(x, row, column), sums[position], outputs[position]
    x, w = x.flatten(), layer.weight[unit].flatten()
    products = x * w
    order = products.abs().argsort(descending=True, stable=True)[:count].tolist()
    terms = tuple(Term(j, float(x[j]), float(w[j])) for j in order)
    total = float(sums)
    bias = 0.0 if layer.bias is None else float(layer.bias[unit])
    return Arithmetic(
        terms,
        total - bias - sum(term.product for term in terms),
        bias,
        total,
        layer.activation,
        float(outputs),
        position,
        len(products) - len(terms),
    )


def source_shape(checkpoint: CheckpointView, layer: LayerView) -> tuple[int, ...]:
    """The shape of what a neuron of `layer` is given, before it was flattened; of a filter, its kernel's."""
    assert layer.weight is not None
    if layer.weight.dim() == 4:
        return tuple(layer.weight.shape[1:])
    shape = layer.plan.in_shape
    for before in reversed(checkpoint.layers[: layer.place]):
        if len(shape) > 1 or not (before.plan.layer.keeps_features or before.plan.layer.kind == "flatten"):
            break
        shape = before.plan.in_shape
    return shape


def source_title(shape: tuple[int, ...], source: int) -> str:
    """Number `source` of what has `shape`, flattened: "neuron 7", "pixel (3, 9)" or "channel 2 (3, 9)".

    Rows and columns count from 0.
    """
    if len(shape) == 1:
        return f"neuron {source}"
    channel, place = divmod(source, shape[1] * shape[2])
    row, column = divmod(place, shape[2])
    return f"channel {channel} ({row}, {column})" if shape[0] > 1 else f"pixel ({row}, {column})"


def feeding_layer(checkpoint: CheckpointView, layer: LayerView) -> LayerView | None:
    """The dense layer whose neuron j is input j of `layer`, perhaps normalised on its way; None if there is none."""
    for before in reversed(checkpoint.layers[: layer.place]):
        if before.plan.learns and not before.plan.layer.convolves:
            return before if layer.weight is not None and layer.weight.dim() == 2 else None
        if len(before.plan.out_shape) != 1:
            return None
    return None


class Outgoing(NamedTuple):
    """Where a unit's output goes."""

    layer: LayerView
    """The next one with weights."""
    weights: Tensor
    """Its weights for this unit: (units,), or where the unit is a channel that gives images or the next layer has
    kernels, (units, h, w)."""


def outgoing(checkpoint: CheckpointView, layer: LayerView, unit: int) -> Outgoing | None:
    """What the next layer with weights does with a unit's output; None of the last one's."""
    after = next((one for one in checkpoint.learning_layers if one.place > layer.place), None)
    if after is None:
        return None
    assert after.weight is not None
    weights = after.weight.view(len(after.weight), *source_shape(checkpoint, after))[:, unit]
    return Outgoing(after, weights.flatten() if weights[0].numel() == 1 else weights)


class Link(NamedTuple):
    """One neuron on the way back from a class, and what adds up to its sum."""

    layer: LayerView
    unit: int
    told: Arithmetic


def backwards(checkpoint: CheckpointView, traced: Trace, image: int, unit: int, count: int = 5) -> tuple[Link, ...]:
    """From output `unit` back through the dense layers, each time to the neuron that adds most to the sum before.

    Where all products are negative or 0, to the one of the largest magnitude. The output comes first.
    """
    links: list[Link] = []
    layer: LayerView | None = checkpoint.learning_layers[-1]
    while layer is not None:
        told = arithmetic(layer, traced.of(layer.name), image, unit, count)
        links.append(Link(layer, unit, told))
        layer = feeding_layer(checkpoint, layer)
        if told.terms:
            best = max(told.terms, key=lambda term: term.product)
            unit = best.source if best.product > 0 else told.terms[0].source
    return tuple(links)
