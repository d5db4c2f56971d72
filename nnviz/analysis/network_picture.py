"""The whole network at once, at a checkpoint and for one image: a picture or a number for every unit, and the strongest
connections between them.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from nnviz.analysis.activations import LayerTrace, source_shape, trace, unit_values
from nnviz.analysis.checkpoint_view import CheckpointView, LayerView, Step

NEURONS, CHANNELS = 256, 64
"""Units of a layer that are shown at most: those whose output for the image is largest."""

LINKS = 240
"""Connections between two layers that are shown, about: the strongest of each unit they lead to."""


class Quantity(StrEnum):
    """What colours the pictures and the connections."""

    WEIGHTS = "weights"
    GRADIENTS = "gradients"
    """∂L/∂W of the next mini-batch."""
    UPDATE = "update"
    """W_new − W_old of the next step."""
    ACTIVATIONS = "activations"
    """The outputs for the image; connections by their weights."""
    CONTRIBUTIONS = "contributions"
    """w·x: what each connection adds to the sum it leads to."""


class Drawn(StrEnum):
    """What stands for a unit, in words for many of them."""

    NEURONS = "neurons"
    """Its output for the image, and where the layer is given pixels, a picture of what it holds for each."""
    KERNELS = "kernels"
    MAPS = "feature maps"


class UnitsPicture(NamedTuple):
    """A layer with weights."""

    name: str
    title: str
    size: int
    """How many units it has."""
    drawn: Drawn
    units: Tensor
    """Those shown, in order, int64 (u,)."""
    values: Tensor
    """Their outputs for the image, float32 (u,); of a channel the largest in its map."""
    faces: Tensor | None
    """A signed picture for each, float32 (u, h, w); None where only the output is shown."""


class Links(NamedTuple):
    """The strongest connections between two layers in a row."""

    source: Tensor
    """Place among the units shown of the layer before, int64 (n,)."""
    target: Tensor
    """Place among those of the layer after, int64 (n,)."""
    value: Tensor
    """float32 (n,); of a connection with many weights (of a channel) their mean, as a contribution their sum."""


class NetworkPicture(NamedTuple):
    quantity: Quantity
    layers: tuple[UnitsPicture, ...]
    """Those with weights, from the input on; the output is the last."""
    links: tuple[Links, ...]
    """Into each layer but the first."""
    shares: Tensor
    """What each unit shown of the last hidden layer adds to each logit, float32 (classes, u); u is 0 without one."""
    logits: Tensor
    """float32 (classes,)."""
    probabilities: Tensor
    """float32 (classes,)."""
    loss: float | None
    """Cross-entropy of the image, nats; None where its class is not known."""


def network_picture(
    checkpoint: CheckpointView, inputs: Tensor, quantity: Quantity, label: int | None = None
) -> NetworkPicture | None:
    """How the network at `checkpoint` looks for one image, normalised float32 (1, 1, 28, 28).

    None where gradients or the update are asked for and the loss of the next mini-batch is not finite.
    """
    step = checkpoint.next_step if quantity in (Quantity.GRADIENTS, Quantity.UPDATE) else None
    if step is None and quantity in (Quantity.GRADIENTS, Quantity.UPDATE):
        return None
    traced = trace(checkpoint, inputs)
    learning = checkpoint.learning_layers
    pictures, matrices = [], []
    for layer in learning:
        at_work = traced.of(layer.name)
        shape = source_shape(checkpoint, layer)
        held = _held(layer, step, quantity)
        values = unit_values(at_work.output)[0]
        units = _shown(values, CHANNELS if layer.plan.layer.convolves else NEURONS)
        drawn, faces = _faces(layer, at_work, shape, held, quantity)
        some = None if faces is None else faces[units]
        pictures.append(UnitsPicture(layer.name, layer.title, layer.units, drawn, units, values[units], some))
        matrices.append(_between(layer, at_work, shape, held, quantity is Quantity.CONTRIBUTIONS))
    links = tuple(
        _strongest(matrix, before, after)
        for before, after, matrix in zip(pictures, pictures[1:], matrices[1:], strict=False)
    )
    last = learning[-1]
    logits = traced.of(last.name).output[0]
    shares = torch.zeros(len(logits), 0)
    if len(learning) > 1:
        assert last.weight is not None
        given = _between(last, traced.of(last.name), source_shape(checkpoint, last), last.weight, True)
        if given.shape[1] == pictures[-2].size:
            shares = given[:, pictures[-2].units]
    loss = None if label is None else float(F.cross_entropy(logits[None], torch.tensor([label])))
    return NetworkPicture(quantity, tuple(pictures), links, shares, logits, traced.probabilities[0], loss)


def _held(layer: LayerView, step: Step | None, quantity: Quantity) -> Tensor:
    """The layer's matrix of what is asked for, one row for each unit."""
    assert layer.weight is not None
    if step is None:
        return layer.weight
    name = f"{layer.name}.weight"
    return step.gradient[name] if quantity is Quantity.GRADIENTS else step.update(name)


def _shown(values: Tensor, most: int) -> Tensor:
    if len(values) <= most:
        return torch.arange(len(values))
    return values.abs().nan_to_num(0).topk(most).indices.sort().values


def _faces(
    layer: LayerView, at_work: LayerTrace, shape: tuple[int, ...], held: Tensor, quantity: Quantity
) -> tuple[Drawn, Tensor | None]:
    """(units, h, w): what a unit holds for the pixels it is given, or else the map it makes of them."""
    of_pixels = len(shape) == 3 and shape[0] == 1
    holds = of_pixels and quantity is not Quantity.ACTIVATIONS
    if layer.plan.layer.convolves:
        if holds and quantity is not Quantity.CONTRIBUTIONS:
            return Drawn.KERNELS, held.view(-1, *shape[1:])
        return Drawn.MAPS, at_work.output[0]
    if not holds:
        return Drawn.NEURONS, None
    shown = held * at_work.given[0].flatten() if quantity is Quantity.CONTRIBUTIONS else held
    return Drawn.NEURONS, shown.view(-1, *shape[1:])


def _between(layer: LayerView, at_work: LayerTrace, shape: tuple[int, ...], held: Tensor, contributes: bool) -> Tensor:
    """(units, units before): one number for each connection, whatever number of weights it has.

    In a dense layer what a unit before contributes is the sum of its products; in a convolution, whose sums are many,
    the mean weight times the mean input.
    """
    weights = held.reshape(len(held), shape[0], -1)
    if not contributes:
        return weights.mean(2)
    given = at_work.given[0].reshape(shape[0], -1)
    if layer.plan.layer.convolves:
        return weights.mean(2) * given.mean(1)
    return (weights * given).sum(2)


def _strongest(matrix: Tensor, before: UnitsPicture, after: UnitsPicture) -> Links:
    if matrix.shape[1] != before.size:  # the units before don't reach this layer one by one
        nothing = torch.zeros(0, dtype=torch.int64)
        return Links(nothing, nothing, torch.zeros(0))
    shown = matrix[after.units][:, before.units]
    each = max(1, min(shown.shape[1], LINKS // max(1, len(shown))))
    source = shown.abs().nan_to_num(0).topk(each, dim=1).indices
    target = torch.arange(len(shown))[:, None].expand_as(source)
    return Links(source.flatten(), target.flatten(), shown.gather(1, source).flatten())
