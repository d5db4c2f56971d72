"""Flattening."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from nnviz.spec.call import Call
from nnviz.spec.layers.base import Layer, Shape, sizes


@dataclass(frozen=True)
class Flatten(Layer):
    kind: ClassVar[str] = "flatten"
    title: ClassVar[str] = "Flatten"
    help: ClassVar[str] = "Lays the pixels of an image out in one row. A dense layer does it by itself."
    rank: ClassVar[int] = 60
    idle: ClassVar[str] = "lays its values out in a row"

    def out_shape(self, shape: Shape) -> Shape:
        return (math.prod(shape),)

    def calls(self, shape: Shape) -> list[Call]:
        return [Call("Flatten")]

    def formula(self, shape: Shape) -> tuple[str, str]:
        return f"y = the {math.prod(shape):,} values of x in one row", f"x: {sizes(shape)}"
