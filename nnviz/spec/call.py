"""A `torch.nn` module to be made or to be written: the script a person copies is the network they trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Call:
    """`torch.nn.<name>(*args, **kwargs)`, to be made or to be written."""

    name: str
    args: tuple[Any, ...] = ()
    kwargs: tuple[tuple[str, Any], ...] = ()

    def build(self) -> nn.Module:
        cls = _OWN_MODULES.get(self.name) or getattr(nn, self.name)
        module: nn.Module = cls(*self.args, **dict(self.kwargs))
        return module

    def code(self) -> str:
        words = [repr(a) for a in self.args] + [f"{k}={v!r}" for k, v in self.kwargs]
        return f"nn.{self.name}({', '.join(words)})"


class SeededDropout(nn.Dropout):
    """`nn.Dropout` that draws from a generator of its own, so that a run never touches the global one."""

    generator: torch.Generator | None = None

    def forward(self, input: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return input
        keep = 1 - self.p
        return input * torch.empty_like(input).bernoulli_(keep, generator=self.generator).div_(keep)


_OWN_MODULES: dict[str, type[nn.Module]] = {"Dropout": SeededDropout}
