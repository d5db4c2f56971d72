"""A fully connected layer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from torch import nn

from nnviz.fields import Number, Suggested, field
from nnviz.spec.activations import activation_calls, activation_field, applied
from nnviz.spec.call import Call
from nnviz.spec.layers.base import Drawn, Layer, Shape, flatten_calls


@dataclass(frozen=True)
class Dense(Layer):
    kind: ClassVar[str] = "dense"
    title: ClassVar[str] = "Dense"
    help: ClassVar[str] = "Every output is connected with every input: y = f(Wx + b)."
    rank: ClassVar[int] = 10
    drawn: ClassVar[Drawn] = "neurons"
    counted: ClassVar[str] = "units"
    weighted: ClassVar[tuple[type[nn.Module], ...]] = (nn.Linear,)
    stacks: ClassVar[bool] = True
    units: int = field(
        128,
        Number("units", 1, 8192, whole=True, log=True, help="How many neurons."),
        suggested=Suggested((16, 32, 64, 128, 256), 16, 256, 5, log=True),
    )
    activation: str = activation_field()

    def out_shape(self, shape: Shape) -> Shape:
        return (self.units,)

    def calls(self, shape: Shape) -> list[Call]:
        linear = Call("Linear", (math.prod(shape), self.units))
        return [*flatten_calls(shape), linear, *activation_calls(self.activation)]

    def formula(self, shape: Shape) -> tuple[str, str]:
        inputs = math.prod(shape)
        return applied(self.activation, "W x + b"), f"W: {self.units:,} × {inputs:,}, b: {self.units:,}"

    def parameters(self, shape: Shape) -> int:
        return (math.prod(shape) + 1) * self.units
