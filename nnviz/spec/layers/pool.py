"""Pooling: one number for each window of an image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from nnviz.fields import Number, Suggested, field
from nnviz.spec.call import Call
from nnviz.spec.layers.base import Drawn, Layer, Shape, image_shape, sizes, slide


@dataclass(frozen=True)
class Pool(Layer):
    drawn: ClassVar[Drawn] = "maps"
    module: ClassVar[str]
    kept: ClassVar[str]
    """Of each window."""
    kernel: int = field(
        2,
        Number("kernel", 1, 28, whole=True, help="Side of the square window, pixels."),
        suggested=Suggested((2, 3), 2, 4, 3),
    )
    stride: int = field(
        2,
        Number("stride", 1, 28, whole=True, help="Step between two windows, pixels."),
        suggested=Suggested((1, 2, 3), 1, 3, 3),
    )

    def out_shape(self, shape: Shape) -> Shape:
        channels, height, width = image_shape(shape, self.title)
        return (channels, slide(height, self.kernel, self.stride), slide(width, self.kernel, self.stride))

    def calls(self, shape: Shape) -> list[Call]:
        return [Call(self.module, (self.kernel,), (("stride", self.stride),))]

    def formula(self, shape: Shape) -> tuple[str, str]:
        return f"y = {self.kept} of each {self.kernel} × {self.kernel} window of x", f"x: {sizes(shape)}"


@dataclass(frozen=True)
class MaxPool(Pool):
    kind: ClassVar[str] = "maxpool"
    title: ClassVar[str] = "Max pooling"
    help: ClassVar[str] = "Keeps the largest value of each window: smaller, and a little shift no longer matters."
    rank: ClassVar[int] = 30
    module: ClassVar[str] = "MaxPool2d"
    kept: ClassVar[str] = "max"


@dataclass(frozen=True)
class AvgPool(Pool):
    kind: ClassVar[str] = "avgpool"
    title: ClassVar[str] = "Average pooling"
    help: ClassVar[str] = "Keeps the mean of each window."
    rank: ClassVar[int] = 31
    module: ClassVar[str] = "AvgPool2d"
    kept: ClassVar[str] = "mean"
