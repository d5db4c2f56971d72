"""Activation functions: the f in y = f(Wx + b)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nnviz.fields import Choice, Suggested, field
from nnviz.spec.call import Call


@dataclass(frozen=True)
class Activation:
    """`call` is None for the identity, which needs no module."""

    name: str
    title: str
    call: Call | None
    ends: tuple[float, float] | None = None
    """Of its range, where it squashes: near them the gradient vanishes."""
    flat_below_zero: bool = False
    """Whether it is 0, without a gradient, for all negative sums, so that a unit can be dead."""


ACTIVATIONS: dict[str, Activation] = {
    one.name: one
    for one in (
        Activation("relu", "ReLU", Call("ReLU"), flat_below_zero=True),
        Activation("leakyrelu", "Leaky ReLU", Call("LeakyReLU")),
        Activation("elu", "ELU", Call("ELU")),
        Activation("gelu", "GELU", Call("GELU")),
        Activation("silu", "SiLU", Call("SiLU")),
        Activation("sigmoid", "Sigmoid", Call("Sigmoid"), ends=(0.0, 1.0)),
        Activation("tanh", "Tanh", Call("Tanh"), ends=(-1.0, 1.0)),
        Activation("softplus", "Softplus", Call("Softplus")),
        Activation("identity", "Identity", None),
    )
}

_FIELD = Choice(
    "activation",
    {name: one.title for name, one in ACTIVATIONS.items()},
    help="The f in y = f(Wx + b). Without one, two layers are no more than one.",
)
_SUGGESTED = Suggested(("relu", "leakyrelu", "gelu", "sigmoid", "tanh", "identity"))


def activation_field(default: str = "relu") -> Any:
    """The field of a layer that has one."""
    return field(default, _FIELD, suggested=_SUGGESTED)


def activation_calls(name: str) -> list[Call]:
    call = ACTIVATIONS[name].call
    return [call] if call else []


def applied(name: str, inner: str) -> str:
    """The formula of a layer: "y = ReLU(W x + b)"."""
    return f"y = {inner}" if ACTIVATIONS[name].call is None else f"y = {ACTIVATIONS[name].title}({inner})"
