"""Lion: steps of one size, in the direction of a running mean's sign (Chen et al., 2023)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn

from nnviz.spec.optimizers.base import Line, Optimizer, Settings, last_lines


class Lion(torch.optim.Optimizer):
    """w = w − lr · (sign(0.9·m + 0.1·g) + weight_decay·w), then m = 0.99·m + 0.01·g."""

    def __init__(self, params: Iterable[nn.Parameter], lr: float = 1e-4, weight_decay: float = 0.0) -> None:
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                state = self.state[weight]
                if not state:
                    state["exp_avg"] = torch.zeros_like(weight)
                mean = state["exp_avg"]
                direction = (0.9 * mean + 0.1 * weight.grad).sign()
                weight.sub_(group["lr"] * (direction + group["weight_decay"] * weight))
                mean.mul_(0.99).add_(weight.grad, alpha=0.01)


def _lion(before: float, gradient: float, config: Settings, old: dict[str, float]) -> list[Line]:
    c = 0.9 * old.get("exp_avg", 0.0) + 0.1 * gradient
    value = float((c > 0) - (c < 0))
    lines = [
        Line("c", r"0.9\,m_\text{old} + 0.1\,g", "the running mean, moved towards the gradient", c),
        Line("u", r"\operatorname{sign}(c)", "the direction: every weight moves as far", value),
    ]
    if config.weight_decay:
        value += config.weight_decay * before
        words = f"and the pull of weight decay, λ = {config.weight_decay:g}"
        lines.append(Line("d", r"u + \lambda\,W_\text{old}", words, value))
    return [*lines, *last_lines(before, value, "d" if config.weight_decay else "u", config)]


LION = Optimizer("lion", "Lion", Lion, _lion, state=1, rank=50)
