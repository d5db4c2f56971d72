"""A convolution."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from nnviz.fields import Number, Suggested, field
from nnviz.spec.activations import activation_calls, activation_field, applied
from nnviz.spec.call import Call
from nnviz.spec.layers.base import Drawn, Layer, Shape, image_shape, sizes, slide


@dataclass(frozen=True)
class Conv(Layer):
    kind: ClassVar[str] = "conv"
    title: ClassVar[str] = "Convolution"
    help: ClassVar[str] = "Small kernels slide over the image; each makes one channel of the output."
    rank: ClassVar[int] = 20
    drawn: ClassVar[Drawn] = "maps"
    counted: ClassVar[str] = "channels"
    weighted: ClassVar[tuple[type[nn.Module], ...]] = (nn.Conv2d,)
    convolves: ClassVar[bool] = True
    channels: int = field(
        16,
        Number("channels", 1, 512, whole=True, log=True, help="How many kernels."),
        suggested=Suggested((4, 8, 16, 32), 4, 32, 4, log=True),
    )
    kernel: int = field(
        3,
        Number("kernel", 1, 28, whole=True, help="Side of the square kernel, pixels."),
        suggested=Suggested((3, 5, 7), 2, 7, 6),
    )
    stride: int = field(
        1,
        Number("stride", 1, 8, whole=True, help="Step between two positions, pixels."),
        suggested=Suggested((1, 2), 1, 3, 3),
    )
    padding: int = field(
        0,
        Number("padding", 0, 14, whole=True, help="Rim of zeros put around, pixels."),
        suggested=Suggested((0, 1, 2), 0, 3, 4),
    )
    activation: str = activation_field()

    def out_shape(self, shape: Shape) -> Shape:
        _, height, width = image_shape(shape, self.title)
        return (
            self.channels,
            slide(height, self.kernel, self.stride, self.padding),
            slide(width, self.kernel, self.stride, self.padding),
        )

    def calls(self, shape: Shape) -> list[Call]:
        options = (("kernel_size", self.kernel), ("stride", self.stride), ("padding", self.padding))
        return [Call("Conv2d", (shape[0], self.channels), options), *activation_calls(self.activation)]

    def formula(self, shape: Shape) -> tuple[str, str]:
        kernels = sizes((self.channels, shape[0], self.kernel, self.kernel))
        return applied(self.activation, "W ∗ x + b"), f"W: {kernels}, b: {self.channels:,}"

    def parameters(self, shape: Shape) -> int:
        return (shape[0] * self.kernel**2 + 1) * self.channels

    def window(self, image: Tensor, row: int, column: int) -> Tensor:
        padded = nn.functional.pad(image, (self.padding,) * 4)
        top, left = row * self.stride, column * self.stride
        return padded[:, top : top + self.kernel, left : left + self.kernel]
