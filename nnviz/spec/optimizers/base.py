"""What an optimizer is: a class of PyTorch's with its settings, and its formula, one weight at a time."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import torch
from torch import nn

_OFF: dict[str, Any] = {"momentum": 0, "nesterov": False}


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


class Line(NamedTuple):
    """One quantity on the way from the old weight to the new one."""

    symbol: str
    """LaTeX."""
    formula: str
    """LaTeX; empty for what is given."""
    meaning: str
    value: float


Formula = Callable[[float, float, Settings, dict[str, float]], list[Line]]
"""(weight, gradient, settings, state before the step by its keys in torch) → the way to the new weight."""


@dataclass(frozen=True)
class Optimizer:
    name: str
    title: str
    cls: type[torch.optim.Optimizer]
    formula: Formula
    uses: tuple[str, ...] = ()
    """The settings it takes beside lr and weight_decay."""
    state: int = 2
    """How many numbers it keeps per weight."""
    decay: float = 0.0
    """The weight decay that its class has if none is given."""
    late_buffer: str = ""
    """The part of its state that its class makes only if there was a momentum at the start."""
    rank: int = 100
    """Its place in menus; those of one rank by their name."""

    @property
    def own(self) -> bool:
        """Whether its class is no part of PyTorch: a script must bring it along."""
        return not self.cls.__module__.startswith("torch.")

    def arguments(self, settings: Settings) -> dict[str, Any]:
        """The keyword arguments of the class, those at its default left out."""
        arguments: dict[str, Any] = {"lr": settings.lr}
        for name in self.uses:
            if value := getattr(settings, name):
                arguments[name] = value
        if settings.weight_decay != self.decay:
            arguments["weight_decay"] = settings.weight_decay
        if "momentum" not in arguments:
            arguments.pop("nesterov", None)  # torch: Nesterov needs a momentum
        return arguments

    def build(self, parameters: Iterable[nn.Parameter], settings: Settings) -> torch.optim.Optimizer:
        make: Callable[..., torch.optim.Optimizer] = self.cls
        return make(parameters, **self.arguments(settings))

    def adjust(self, optimizer: torch.optim.Optimizer, settings: Settings) -> None:
        """Let a running optimizer go on with other settings; what it remembers stays."""
        off = {**{name: _OFF[name] for name in self.uses}, "weight_decay": self.decay}
        for group in optimizer.param_groups:
            group.update(off | self.arguments(settings))
            if self.late_buffer and settings.momentum:
                for parameter in group["params"]:
                    if state := optimizer.state.get(parameter):
                        state.setdefault(self.late_buffer, torch.zeros_like(parameter))

    def code(self, settings: Settings) -> str:
        """The line of a script that makes it."""
        words = ", ".join(f"{name}={value!r}" for name, value in self.arguments(settings).items())
        module = "" if self.own else "torch.optim."
        return f"{module}{self.cls.__name__}(model.parameters(), {words})"

    def class_code(self) -> list[str]:
        """The lines of a script that define its class; none for PyTorch's own."""
        return inspect.getsource(self.cls).splitlines() if self.own else []


def decayed(before: float, gradient: float, config: Settings) -> tuple[list[Line], str, float]:
    """Weight decay as L2 regularisation: lines, symbol and value of the gradient that the optimizer goes on with."""
    if not config.weight_decay:
        return [], "g", gradient
    d = gradient + config.weight_decay * before
    words = f"the gradient and the pull of weight decay, λ = {config.weight_decay:g}"
    return [Line("d", r"g + \lambda\,W_\text{old}", words, d)], "d", d


def last_lines(before: float, value: float, direction: str, config: Settings) -> list[Line]:
    step = config.lr * value
    return [
        Line(rf"\alpha\,{direction}", rf"\alpha \cdot {direction}", "how far the weight moves", step),
        Line(r"W_\text{new}", rf"W_\text{{old}} - \alpha\,{direction}", "the weight after the step", before - step),
    ]
