"""One weight through one optimizer step, with every number that the optimizer's formula needs."""

from __future__ import annotations

from typing import NamedTuple

from nnviz.analysis.checkpoint_view import CheckpointView, Step
from nnviz.spec.optimizers import OPTIMIZERS
from nnviz.spec.optimizers.base import Line
from nnviz.spec.train_config import TrainConfig


class UpdateArithmetic(NamedTuple):
    """How one weight is updated; the lines build on one another and the last one is the new weight."""

    lines: tuple[Line, ...]
    trained: float
    """The new weight that the training itself has: the last line but for rounding in float32."""


def explain_update(checkpoint: CheckpointView, step: Step, name: str, index: tuple[int, ...]) -> UpdateArithmetic:
    """The step of `checkpoint` for the weight at `index` of the parameter `name`. Raises IndexError, KeyError."""
    before, gradient = float(step.before[name][index]), float(step.gradient[name][index])
    place = list(step.before).index(name)
    old = {
        key.split(".", 1)[1]: float(checkpoint.units_first(name, tensor)[index] if tensor.dim() else tensor)
        for key, tensor in checkpoint.state.optimizer.items()
        if key.split(".", 1)[0] == str(place)
    }
    config = _at_step(checkpoint.config, step)
    lines = [
        Line(r"W_\text{old}", "", "the weight before the step", before),
        Line("g", r"\partial L / \partial W", f"its gradient, the mean over the {len(step.labels)} images", gradient),
        Line(r"\alpha", "", "the learning rate", step.lr),
    ]
    lines += OPTIMIZERS[config.optimizer].formula(before, gradient, config, old)
    return UpdateArithmetic(tuple(lines), float(step.after[name][index]))


def _at_step(config: TrainConfig, step: Step) -> TrainConfig:
    return config.with_(lr=step.lr)
