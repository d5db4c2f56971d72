"""The next optimizer step of a checkpoint, taken apart: forward, loss, backward by the chain rule, update.

Nothing of it touches the training: the step is computed again from the checkpoint, on the mini-batch that comes next.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from nnviz.analysis.activations import LayerTrace, trace
from nnviz.analysis.checkpoint_view import CheckpointView, LayerView, Step
from nnviz.analysis.optimizer_step import UpdateArithmetic, explain_update
from nnviz.spec.layers import WEIGHTED
from nnviz.spec.losses import LOSSES


class Followed(NamedTuple):
    """One weight of a layer, on its way through the step. What is of the image is of the one image that is looked at;
    `gradient` is the mean over the mini-batch.
    """

    layer: LayerView
    unit: int
    at: tuple[int, ...]
    """Where the weight stands in its parameter, which has one row for each unit."""
    x: float
    """What comes in through it."""
    weight: float
    total: float
    """z = Wx + b of its unit."""
    output: float
    """y = f(z)."""
    loss_by_output: float
    """∂L/∂y."""
    output_by_total: float
    """∂y/∂z."""
    of_image: float
    """∂L/∂W of the image. In a dense layer ∂L/∂y · ∂y/∂z · x; a convolution adds that up over all its positions, and
    x, z and y are those of the position with the largest output."""
    gradient: float
    update: UpdateArithmetic


class SlowStep(NamedTuple):
    step: Step
    layers: tuple[Followed, ...]
    """One weight of each layer that has some, from the input on."""
    label: int
    """The class that the image is taken to be of."""
    logits: Tensor
    """Of the image, float32 (classes,)."""
    probabilities: Tensor
    loss_of_image: float
    loss_before: float
    """Of the mini-batch, with dropout and the like switched off."""
    loss_after: float
    """Of the same images with the new weights."""
    graph: tuple[str, ...]
    """What autograd recorded for the image, from the loss back to the input, as `grad_fn` names it; with the
    parameters that a node leads to."""


def slow_step(
    checkpoint: CheckpointView, inputs: Tensor, label: int | None, chosen: tuple[str, int] | None = None
) -> SlowStep | None:
    """The step, with what it does to one image, normalised float32 (1, 1, 28, 28); without a `label` it is taken to be
    what the network answers. In the layer of `chosen` (name, unit) that unit is followed, in the others the one whose
    sum the loss depends on most.

    None if the loss of the mini-batch or of the image is not finite.
    """
    taken = checkpoint.one_step()
    if taken is None:
        return None
    step, trainer = taken
    traced = trace(checkpoint, inputs)
    truth = int(traced.probabilities[0].argmax()) if label is None else label
    loss_function = LOSSES[checkpoint.config.loss].function
    with torch.enable_grad():
        sums, outputs, loss, graph = _forward(checkpoint, inputs, truth)
        if not bool(loss.isfinite()):
            return None
        gradients = torch.autograd.grad(loss, [*sums, *outputs, *_weights(checkpoint)], retain_graph=True)
    count = len(sums)
    by_sum, by_output, by_weight = gradients[:count], gradients[count : 2 * count], gradients[2 * count :]
    followed = []
    for place, layer in enumerate(checkpoint.learning_layers):
        strength = by_sum[place][0].abs().flatten(1).sum(1) if by_sum[place].dim() == 4 else by_sum[place][0].abs()
        last = place == count - 1
        unit = truth if last else int(strength.argmax())
        if chosen is not None and chosen[0] == layer.name and 0 <= chosen[1] < layer.units:
            unit = chosen[1]
        name = f"{layer.name}.weight"
        found = _follow(layer, traced.of(layer.name), unit, sums[place], outputs[place], by_output[place])
        of_image = checkpoint.units_first(name, by_weight[place])[found[0]]
        followed.append(
            Followed(
                layer,
                unit,
                *found,
                float(of_image),
                float(step.gradient[name][found[0]]),
                explain_update(checkpoint, step, name, found[0]),
            )
        )
    with torch.inference_mode():
        trainer.model.eval()
        before = float(loss_function(checkpoint.model(step.images), step.labels))
        after = float(loss_function(trainer.model(step.images), step.labels))
    logits = traced.layers[-1].output[0]
    return SlowStep(step, tuple(followed), truth, logits, traced.probabilities[0], loss.item(), before, after, graph)


def _forward(
    checkpoint: CheckpointView, inputs: Tensor, label: int
) -> tuple[list[Tensor], list[Tensor], Tensor, tuple[str, ...]]:
    """Wx + b and f of it of each layer with weights, the loss, and what autograd recorded."""
    for parameter in checkpoint.model.parameters():
        parameter.requires_grad_(True)
    value, sums, outputs = inputs, [], []
    for layer in checkpoint.layers:
        for module in layer.modules:
            value = module(value)
            if isinstance(module, WEIGHTED):
                sums.append(value)
        if layer.weight is not None:
            outputs.append(value)
    loss = LOSSES[checkpoint.config.loss].function(value, torch.tensor([label]))
    names = {id(parameter): name for name, parameter in checkpoint.model.named_parameters()}
    return sums, outputs, loss, _recorded(loss, names)


def _weights(checkpoint: CheckpointView) -> list[Tensor]:
    named = dict(checkpoint.model.named_parameters())
    return [named[f"{layer.name}.weight"] for layer in checkpoint.learning_layers]


def _follow(
    layer: LayerView, at_work: LayerTrace, unit: int, sums: Tensor, outputs: Tensor, by_output: Tensor
) -> tuple[tuple[int, ...], float, float, float, float, float, float]:
    """The weight of `unit` through which most comes in, and the numbers of the chain rule up to it."""
    assert layer.weight is not None
    given, place = at_work.given[0], tuple[int, ...]()
    if outputs.dim() == 4:
        row, column = divmod(int(outputs[0, unit].argmax()), outputs.shape[3])
        place = (row, column)
        given = layer.plan.layer.window(given, row, column)
    at = (0, unit, *place)
    source = int(given.flatten().argmax())
    index = (unit, *(int(one) for one in torch.unravel_index(torch.tensor(source), layer.weight.shape[1:])))
    by_total = torch.autograd.grad(outputs[at], sums, retain_graph=True)[0][at] if outputs is not sums else 1.0
    return (
        index,
        float(given.flatten()[source]),
        float(layer.weight[index]),
        sums[at].item(),
        outputs[at].item(),
        by_output[at].item(),
        float(by_total),
    )


def _recorded(loss: Tensor, names: dict[int, str]) -> tuple[str, ...]:
    """Along the way of the values, from the loss to the input."""
    lines, node = [], loss.grad_fn
    while node is not None:
        following, parameters = None, []
        for before, _ in node.next_functions:
            variable = getattr(before, "variable", None)
            if variable is not None:
                parameters.append(names.get(id(variable), ""))
            elif before is not None and before.name() == "TBackward0":  # the transposed matrix of a dense layer
                parameters.append(names.get(id(getattr(before.next_functions[0][0], "variable", None)), ""))
            elif before is not None:
                following = before
        led = ", ".join(name for name in parameters if name)
        lines.append(f"{node.name()} ({led})" if led else node.name())
        node = following
    return tuple(lines)
