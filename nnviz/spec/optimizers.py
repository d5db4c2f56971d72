"""Optimizers and learning-rate schedules."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import nn

_OFF: dict[str, Any] = {"momentum": 0, "nesterov": False, "weight_decay": 0}


class Settings(Protocol):
    """What an optimizer reads of a training configuration."""

    @property
    def lr(self) -> float: ...
    @property
    def momentum(self) -> float: ...
    @property
    def nesterov(self) -> bool: ...
    @property
    def weight_decay(self) -> float: ...


@dataclass(frozen=True)
class Optimizer:
    """`uses` names the settings it takes beside lr and weight_decay; `state` how many numbers it keeps per weight."""

    name: str
    title: str
    torch_name: str
    uses: tuple[str, ...] = ()
    state: int = 2

    def arguments(self, settings: Settings) -> dict[str, Any]:
        """The keyword arguments of the torch class, those at torch's default left out."""
        arguments: dict[str, Any] = {"lr": settings.lr}
        for name in (*self.uses, "weight_decay"):
            if value := getattr(settings, name):
                arguments[name] = value
        if "momentum" not in arguments:
            arguments.pop("nesterov", None)  # torch: Nesterov needs a momentum
        if self.torch_name == "AdamW":
            arguments["weight_decay"] = settings.weight_decay  # torch's default is 0.01
        return arguments

    def build(self, parameters: Iterable[nn.Parameter], settings: Settings) -> torch.optim.Optimizer:
        optimizer: torch.optim.Optimizer = getattr(torch.optim, self.torch_name)(parameters, **self.arguments(settings))
        return optimizer

    def adjust(self, optimizer: torch.optim.Optimizer, settings: Settings) -> None:
        """Let a running optimizer go on with other settings; what it remembers stays."""
        arguments = {name: _OFF[name] for name in (*self.uses, "weight_decay")} | self.arguments(settings)
        for group in optimizer.param_groups:
            group.update(arguments)
            if self.torch_name == "RMSprop" and settings.momentum:
                for parameter in group["params"]:  # torch makes the buffer only if there was a momentum at the start
                    if state := optimizer.state.get(parameter):
                        state.setdefault("momentum_buffer", torch.zeros_like(parameter))

    def code(self, settings: Settings) -> str:
        words = ", ".join(f"{name}={value!r}" for name, value in self.arguments(settings).items())
        return f"torch.optim.{self.torch_name}(model.parameters(), {words})"


OPTIMIZERS: dict[str, Optimizer] = {
    o.name: o
    for o in (
        Optimizer("sgd", "SGD", "SGD", uses=("momentum", "nesterov"), state=1),
        Optimizer("adam", "Adam", "Adam"),
        Optimizer("adamw", "AdamW", "AdamW"),
        Optimizer("rmsprop", "RMSprop", "RMSprop", uses=("momentum",)),
        Optimizer("adagrad", "Adagrad", "Adagrad", state=1),
    )
}


@dataclass(frozen=True)
class Schedule:
    """How the learning rate moves: lr(step) = lr · factor(step, total, epoch, epochs).

    `step` counts batches from 0, `epoch` from 0. `code` makes `scheduler` in the generated script; it is stepped
    after every batch, or after every epoch where `per_epoch`.
    """

    name: str
    title: str
    factor: Callable[[float, float, int, int], float]
    code: Callable[[float, int], str | None]
    per_epoch: bool = False


def _steps_of(epochs: int) -> int:
    return max(1, epochs // 3)


def _one_cycle(step: float, total: float, epoch: int, epochs: int) -> float:
    """torch's OneCycleLR with its defaults: 1/25 → 1 over 30 % of the way, then → 1/250,000, along cosines."""
    peak, last = 0.3 * total - 1, total - 1
    if step <= peak:
        return _cosine(1 / 25, 1, step / peak if peak > 0 else 1)
    return _cosine(1, 1 / 250_000, min(1, (step - peak) / max(last - peak, 1e-9)))


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) / 2 * (1 + math.cos(math.pi * share))


SCHEDULES: dict[str, Schedule] = {
    s.name: s
    for s in (
        Schedule("constant", "Constant", lambda step, total, epoch, epochs: 1.0, lambda lr, epochs: None),
        Schedule(
            "step",
            "Step: ×0.1 after each third",
            lambda step, total, epoch, epochs: 0.1 ** (epoch // _steps_of(epochs)),
            lambda lr, epochs: f"torch.optim.lr_scheduler.StepLR(optimizer, step_size={_steps_of(epochs)}, gamma=0.1)",
            per_epoch=True,
        ),
        Schedule(
            "cosine",
            "Cosine to zero",
            lambda step, total, epoch, epochs: _cosine(1, 0, min(1, step / total)),
            lambda lr, epochs: (
                "torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs * len(train_loader))"
            ),
        ),
        Schedule(
            "onecycle",
            "One cycle: up, then down",
            _one_cycle,
            lambda lr, epochs: (
                f"torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr={lr!r}, "
                "total_steps=epochs * len(train_loader), cycle_momentum=False)"
            ),
        ),
    )
}
