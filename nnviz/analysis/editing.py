"""Surgery on a copy of a network: set weights to zero, draw them again, or nudge them. The run's record stays."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

import torch
from torch import Tensor

from nnviz.analysis.checkpoint_view import CheckpointView, LayerView
from nnviz.fields import SpecError, show
from nnviz.spec.network import build_model
from nnviz.train.loader import generator

MAX_NUDGE = 100.0


class Action(StrEnum):
    ZERO = "zero"
    REDRAW = "redraw"
    """As the network's initialisation would have it, from another seed."""
    NUDGE = "nudge"
    """One weight: add the amount. Several: add noise of that standard deviation."""


@dataclass(frozen=True)
class Edit:
    """One change. `unit` None means the whole layer, `source` None all weights of the unit and its bias."""

    layer: str
    action: Action
    unit: int | None = None
    source: int | None = None
    """Index into the unit's (flattened) incoming weights."""
    amount: float = 0.1
    seed: int = 0

    def in_words(self, title: str) -> str:
        what = title
        if self.unit is not None:
            what = f"neuron {self.unit} of {title}"
        if self.source is not None:
            what = f"the weight from input {self.source} to {what}"
        words = {
            Action.ZERO: f"{what} set to zero",
            Action.REDRAW: f"{what} drawn again",
            Action.NUDGE: f"{what} nudged by {self.amount:+g}"
            if self.source is not None
            else f"{what} nudged by noise of standard deviation {self.amount:g}",
        }[self.action]
        return words[0].upper() + words[1:]


def edited(checkpoint: CheckpointView, edits: Iterable[Edit]) -> CheckpointView:
    """A copy of `checkpoint` with the edits made, one after the other. Raises SpecError for one that fits nothing."""
    model = {name: tensor.clone() for name, tensor in checkpoint.state.model.items()}
    for edit in edits:
        layer = _layer(checkpoint, edit)
        _apply(checkpoint, layer, edit, model)
    return CheckpointView(
        checkpoint.network,
        checkpoint.config,
        replace(checkpoint.state, model=model),
        checkpoint.data,
        checkpoint.changes,
    )


def _layer(checkpoint: CheckpointView, edit: Edit) -> LayerView:
    layers = {layer.name: layer for layer in checkpoint.learning_layers}
    if edit.layer not in layers:
        raise SpecError(f"layer must be one of {', '.join(layers)}, not {show(edit.layer)}")
    layer = layers[edit.layer]
    assert layer.weight is not None
    for name, value, count in (("neuron", edit.unit, layer.units), ("input", edit.source, layer.weight[0].numel())):
        if value is not None and not 0 <= value < count:
            raise SpecError(f"{name} must be a whole number from 0 to {count - 1}, not {value}")
    if edit.source is not None and edit.unit is None:
        raise SpecError("a single weight needs a neuron and an input")
    if not abs(edit.amount) <= MAX_NUDGE:
        raise SpecError(f"a nudge must be a number from {-MAX_NUDGE:g} to {MAX_NUDGE:g}, not {edit.amount:g}")
    return layer


def _apply(checkpoint: CheckpointView, layer: LayerView, edit: Edit, model: dict[str, Tensor]) -> None:
    """Change the tensors of `model` in place."""
    fresh: dict[str, Tensor] = {}
    if edit.action is Action.REDRAW:
        dataset = checkpoint.data.dataset
        seed = (checkpoint.config.seed + edit.seed + 1) % 2**31
        fresh = build_model(checkpoint.network, dataset.input_shape, len(dataset.classes), seed).state_dict()
    noise = generator(checkpoint.config.seed, edit.seed)
    for name in (f"{layer.name}.weight", f"{layer.name}.bias"):
        here = checkpoint.units_first(name, model[name])
        whole = here.flatten(1) if here.dim() > 1 else here.unsqueeze(1)
        if edit.source is not None and name.endswith("bias"):
            continue
        rows = slice(None) if edit.unit is None else slice(edit.unit, edit.unit + 1)
        columns = slice(None) if edit.source is None else slice(edit.source, edit.source + 1)
        part = whole[rows, columns]
        if edit.action is Action.ZERO:
            part.zero_()
        elif edit.action is Action.REDRAW:
            part.copy_(checkpoint.units_first(name, fresh[name]).reshape(whole.shape)[rows, columns])
        elif edit.source is not None:
            part.add_(edit.amount)
        else:
            part.add_(torch.empty_like(part).normal_(0, abs(edit.amount), generator=noise))
        if whole.data_ptr() != here.data_ptr():  # flattening had to lay them out anew
            here.copy_(whole.view_as(here))
