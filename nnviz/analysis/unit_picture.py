"""One neuron or channel at a checkpoint: its arithmetic for one image, its weights, their gradient and next update."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from nnviz.analysis.activations import Arithmetic, arithmetic, source_shape, trace
from nnviz.analysis.checkpoint_view import CheckpointView, LayerView

TERMS = 4
"""Products that are told one by one."""


class UnitPicture(NamedTuple):
    layer: LayerView
    unit: int
    told: Arithmetic
    weights: Tensor
    """As a picture, float32 (h, w): over the pixels where the layer is given an image, the kernels of all input
    channels side by side in a convolution, else one square for each neuron before, row by row."""
    gradient: Tensor | None
    """∂L/∂W of the next mini-batch, likewise; None where its loss is not finite."""
    update: Tensor | None
    """W_new − W_old of the next step."""


def unit_picture(checkpoint: CheckpointView, inputs: Tensor, layer_name: str, unit: int) -> UnitPicture | None:
    """Unit number `unit` of a layer, for one normalised image (1, 1, 28, 28); None where there is none such."""
    layer = next((one for one in checkpoint.learning_layers if one.name == layer_name), None)
    if layer is None or not 0 <= unit < layer.units:
        return None
    assert layer.weight is not None
    told = arithmetic(layer, trace(checkpoint, inputs).of(layer.name), 0, unit, TERMS)
    shape, step, name = source_shape(checkpoint, layer), checkpoint.next_step, f"{layer.name}.weight"
    return UnitPicture(
        layer,
        unit,
        told,
        as_picture(layer.weight[unit], shape),
        None if step is None else as_picture(step.gradient[name][unit], shape),
        None if step is None else as_picture(step.update(name)[unit], shape),
    )


def as_picture(weights: Tensor, shape: tuple[int, ...]) -> Tensor:
    """The weights of one unit, for inputs of `shape`, as float32 (h, w)."""
    if len(shape) == 3:
        return torch.cat(list(weights.detach().reshape(shape)), 1)
    count = weights.numel()
    width = math.ceil(math.sqrt(count))
    square = torch.zeros(math.ceil(count / width) * width)
    square[:count] = weights.detach().flatten()
    return square.view(-1, width)
