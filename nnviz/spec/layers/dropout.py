"""Dropout."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from nnviz.fields import Number, Suggested, field
from nnviz.spec.call import Call
from nnviz.spec.layers.base import Layer, Shape, sizes


@dataclass(frozen=True)
class Dropout(Layer):
    kind: ClassVar[str] = "dropout"
    title: ClassVar[str] = "Dropout"
    help: ClassVar[str] = "While training, sets a random share of the values to zero, so that none is relied upon."
    rank: ClassVar[int] = 50
    idle: ClassVar[str] = "does nothing when the net is asked: it drops values only while training"
    keeps_features: ClassVar[bool] = True
    p: float = field(
        0.5,
        Number("share dropped", 0, 0.95, help="0.5 drops half of the values."),
        suggested=Suggested((0.0, 0.1, 0.2, 0.3, 0.5, 0.7), 0.0, 0.8, 6),
    )

    def out_shape(self, shape: Shape) -> Shape:
        return shape

    def calls(self, shape: Shape) -> list[Call]:
        return [Call("Dropout", (self.p,))]

    def formula(self, shape: Shape) -> tuple[str, str]:
        what = f"y = {self.p:.0%} of x set to 0, the rest × {1 / (1 - self.p):.3g}"
        return what, f"x: {sizes(shape)}; only while training"
