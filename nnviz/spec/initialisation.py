"""How weights start. Biases start at 0, except by PyTorch's default."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor, nn


class Settings(Protocol):
    """What an initialisation reads of a network."""

    @property
    def init_std(self) -> float: ...


@dataclass(frozen=True)
class Initialisation:
    """`start` fills a weight matrix, drawing from PyTorch's global generator; `code` is the same of `module.weight`, as
    a line of a script. Both are None where PyTorch's constructors have done it.
    """

    name: str
    title: str
    start: Callable[[Tensor, Settings], object] | None = None
    code: Callable[[Settings], str] | None = None
    uses: tuple[str, ...] = ()
    """The fields of a network that count only with it."""


INITIALISATIONS: dict[str, Initialisation] = {
    one.name: one
    for one in (
        Initialisation("default", "PyTorch's default"),
        Initialisation(
            "kaiming",
            "Kaiming (He) normal",
            lambda weight, settings: nn.init.kaiming_normal_(weight, nonlinearity="relu"),
            lambda settings: 'nn.init.kaiming_normal_(module.weight, nonlinearity="relu")',
        ),
        Initialisation(
            "xavier",
            "Xavier (Glorot) uniform",
            lambda weight, settings: nn.init.xavier_uniform_(weight),
            lambda settings: "nn.init.xavier_uniform_(module.weight)",
        ),
        Initialisation(
            "normal",
            "Normal with a given standard deviation",
            lambda weight, settings: nn.init.normal_(weight, 0.0, settings.init_std),
            lambda settings: f"nn.init.normal_(module.weight, 0.0, {settings.init_std!r})",
            uses=("init_std",),
        ),
        Initialisation(
            "zeros",
            "All zeros",
            lambda weight, settings: nn.init.zeros_(weight),
            lambda settings: "nn.init.zeros_(module.weight)",
        ),
        Initialisation(
            "orthogonal",
            "Orthogonal",  # Saxe et al., 2014
            lambda weight, settings: nn.init.orthogonal_(weight),
            lambda settings: "nn.init.orthogonal_(module.weight)",
        ),
    )
}
