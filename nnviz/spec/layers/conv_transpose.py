"""A transposed convolution: from a small image to a larger one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from nnviz.fields import Number, SpecError, field
from nnviz.spec.activations import activation_calls, activation_field, applied
from nnviz.spec.call import Call
from nnviz.spec.layers.base import Drawn, Layer, Shape, image_shape, sizes


@dataclass(frozen=True)
class ConvTranspose(Layer):
    kind: ClassVar[str] = "convtranspose"
    title: ClassVar[str] = "Transposed convolution"
    help: ClassVar[str] = "Every pixel lays down a kernel, weighted by its value; where they overlap, they add up."
    rank: ClassVar[int] = 21
    drawn: ClassVar[Drawn] = "maps"
    counted: ClassVar[str] = "channels"
    weighted: ClassVar[tuple[type[nn.Module], ...]] = (nn.ConvTranspose2d,)
    convolves: ClassVar[bool] = True
    channels: int = field(8, Number("channels", 1, 512, whole=True, log=True, help="How many kernels."))
    kernel: int = field(2, Number("kernel", 1, 28, whole=True, help="Side of the square kernel, pixels."))
    stride: int = field(2, Number("stride", 1, 4, whole=True, help="Step between two kernels laid down, pixels."))
    padding: int = field(0, Number("padding", 0, 14, whole=True, help="Rim cut off all around, pixels."))
    activation: str = activation_field()

    def out_shape(self, shape: Shape) -> Shape:
        _, height, width = image_shape(shape, self.title)
        return self.channels, self._side(height), self._side(width)

    def _side(self, size: int) -> int:
        side = (size - 1) * self.stride - 2 * self.padding + self.kernel
        if side < 1:
            raise SpecError(f"padding {self.padding} cuts off all of the {side + 2 * self.padding} pixels")
        return side

    def calls(self, shape: Shape) -> list[Call]:
        options = (("kernel_size", self.kernel), ("stride", self.stride), ("padding", self.padding))
        return [Call("ConvTranspose2d", (shape[0], self.channels), options), *activation_calls(self.activation)]

    def formula(self, shape: Shape) -> tuple[str, str]:
        kernels = sizes((self.channels, shape[0], self.kernel, self.kernel))
        return applied(self.activation, "Wᵀ ∗ x + b"), f"W: {kernels}, b: {self.channels:,}"

    def parameters(self, shape: Shape) -> int:
        return (shape[0] * self.kernel**2 + 1) * self.channels

    def units_first(self, weight: Tensor) -> Tensor:
        return weight.transpose(0, 1)  # PyTorch's has the input channels first

    def window(self, image: Tensor, row: int, column: int) -> Tensor:
        """For each place of the kernel the pixel that laid it down here, 0 where there is none."""
        seen = image.new_zeros((len(image), self.kernel, self.kernel))
        for down in range(self.kernel):
            for right in range(self.kernel):
                y, no_row = divmod(row + self.padding - down, self.stride)
                x, no_column = divmod(column + self.padding - right, self.stride)
                if not (no_row or no_column) and 0 <= y < image.shape[1] and 0 <= x < image.shape[2]:
                    seen[:, down, right] = image[:, y, x]
        return seen
