"""What each layer makes of images, and the arithmetic of a single neuron.

The network is run module by module, so nothing has to be hooked into it.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from nnviz.inspection.moment import LayerView, Moment

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


def trace(moment: Moment, inputs: Tensor) -> Trace:
    """Follow normalised images (n, 1, 28, 28) through all layers, in evaluation mode."""
    layers = []
    value = inputs
    with torch.inference_mode():
        for layer in moment.layers:
            given = sums = value
            for module in layer.modules:
                weighted = isinstance(module, nn.Linear | nn.Conv2d)
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
    """Index into the layer's (flattened) input."""
    value: float
    """x."""
    weight: float
    """W."""

    @property
    def product(self) -> float:
        return self.value * self.weight


class Arithmetic(NamedTuple):
    """How one dense neuron comes to its output for one image: sum of all terms + bias → activation → output."""

    terms: tuple[Term, ...]
    """Those of the largest magnitude, the largest first."""
    rest: float
    """Sum of all other products."""
    bias: float
    total: float
    """Wx + b."""
    activation: str
    output: float


def arithmetic(layer: LayerView, traced: LayerTrace, image: int, unit: int, count: int = 8) -> Arithmetic:
    """The sum that neuron `unit` of a dense layer computes for image number `image` of the trace, in float32.

    Raises ValueError for a layer that is not dense.
    """
    if layer.weight is None or layer.weight.dim() != 2:
        raise ValueError(f"only a dense layer's neuron is one sum; {layer.title} is not dense")
    x, w = traced.given[image].flatten(), layer.weight[unit]
    products = x * w
    order = products.abs().argsort(descending=True, stable=True)[:count].tolist()
    terms = tuple(Term(j, float(x[j]), float(w[j])) for j in order)
    total = float(traced.sums[image, unit])
    bias = 0.0 if layer.bias is None else float(layer.bias[unit])
    return Arithmetic(
        terms, total - bias - sum(term.product for term in terms), bias, total, layer.activation,
        float(traced.output[image, unit]),
    )  # fmt: skip
