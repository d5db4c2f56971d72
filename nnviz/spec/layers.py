"""Layer kinds. A layer is a frozen dataclass that knows its output shape and the `torch.nn` calls that make it.

The same `Call` list builds the module and writes the code, so the script a person copies is the network they
trained. Adding a kind is one class here; the builder, links, tests and sweeps take it from `LAYERS`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from nnviz.fields import Choice, Number, SpecError, field, from_dict, to_dict, validate

Shape = tuple[int, ...]
"""Without the batch dimension: (channels, height, width) of images, (features,) of vectors."""


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

ACTIVATIONS: dict[str, tuple[str, Call | None]] = {
    "relu": ("ReLU", Call("ReLU")),
    "leakyrelu": ("Leaky ReLU", Call("LeakyReLU")),
    "elu": ("ELU", Call("ELU")),
    "gelu": ("GELU", Call("GELU")),
    "silu": ("SiLU", Call("SiLU")),
    "sigmoid": ("Sigmoid", Call("Sigmoid")),
    "tanh": ("Tanh", Call("Tanh")),
    "softplus": ("Softplus", Call("Softplus")),
    "identity": ("Identity", None),
}
"""Name → (title, call); identity needs no module."""

_ACTIVATION = Choice(
    "activation",
    {name: title for name, (title, _) in ACTIVATIONS.items()},
    help="The f in y = f(Wx + b). Without one, two layers are no more than one.",
)


class Layer:
    """What every layer kind has. Shapes are without the batch dimension."""

    kind: ClassVar[str]
    title: ClassVar[str]
    help: ClassVar[str]

    def __post_init__(self) -> None:
        validate(self)  # type: ignore[arg-type]  # every kind is a dataclass

    def out_shape(self, shape: Shape) -> Shape:
        """The shape this layer makes of `shape`. Raises SpecError with the rule if it can't take it."""
        raise NotImplementedError

    def calls(self, shape: Shape) -> list[Call]:
        """The `torch.nn` modules of this layer for inputs of `shape`."""
        raise NotImplementedError

    def parameters(self, shape: Shape) -> int:
        """How many numbers this layer learns, given inputs of `shape`."""
        return 0


@dataclass(frozen=True)
class Dense(Layer):
    kind: ClassVar[str] = "dense"
    title: ClassVar[str] = "Dense"
    help: ClassVar[str] = "Every output is connected with every input: y = f(Wx + b)."
    units: int = field(128, Number("units", 1, 8192, whole=True, log=True, help="How many neurons."))
    activation: str = field("relu", _ACTIVATION)

    def out_shape(self, shape: Shape) -> Shape:
        return (self.units,)

    def calls(self, shape: Shape) -> list[Call]:
        return [*flatten_calls(shape), Call("Linear", (math.prod(shape), self.units)), *_activation(self.activation)]

    def parameters(self, shape: Shape) -> int:
        return (math.prod(shape) + 1) * self.units


@dataclass(frozen=True)
class Conv(Layer):
    kind: ClassVar[str] = "conv"
    title: ClassVar[str] = "Convolution"
    help: ClassVar[str] = "Small filters slide over the image; each makes one channel of the output."
    channels: int = field(16, Number("channels", 1, 512, whole=True, log=True, help="How many filters."))
    kernel: int = field(3, Number("kernel", 1, 28, whole=True, help="Side of the square filter, pixels."))
    stride: int = field(1, Number("stride", 1, 8, whole=True, help="Step between two positions, pixels."))
    padding: int = field(0, Number("padding", 0, 14, whole=True, help="Rim of zeros put around, pixels."))
    activation: str = field("relu", _ACTIVATION)

    def out_shape(self, shape: Shape) -> Shape:
        _, height, width = _image(shape, self.title)
        return (
            self.channels,
            _slide(height, self.kernel, self.stride, self.padding),
            _slide(width, self.kernel, self.stride, self.padding),
        )

    def calls(self, shape: Shape) -> list[Call]:
        options = (("kernel_size", self.kernel), ("stride", self.stride), ("padding", self.padding))
        return [Call("Conv2d", (shape[0], self.channels), options), *_activation(self.activation)]

    def parameters(self, shape: Shape) -> int:
        return (shape[0] * self.kernel**2 + 1) * self.channels


@dataclass(frozen=True)
class _Pool(Layer):
    kernel: int = field(2, Number("kernel", 1, 28, whole=True, help="Side of the square window, pixels."))
    stride: int = field(2, Number("stride", 1, 28, whole=True, help="Step between two windows, pixels."))
    module: ClassVar[str]

    def out_shape(self, shape: Shape) -> Shape:
        channels, height, width = _image(shape, self.title)
        return (channels, _slide(height, self.kernel, self.stride), _slide(width, self.kernel, self.stride))

    def calls(self, shape: Shape) -> list[Call]:
        return [Call(self.module, (self.kernel,), (("stride", self.stride),))]


@dataclass(frozen=True)
class MaxPool(_Pool):
    kind: ClassVar[str] = "maxpool"
    title: ClassVar[str] = "Max pooling"
    help: ClassVar[str] = "Keeps the largest value of each window: smaller, and a little shift no longer matters."
    module: ClassVar[str] = "MaxPool2d"


@dataclass(frozen=True)
class AvgPool(_Pool):
    kind: ClassVar[str] = "avgpool"
    title: ClassVar[str] = "Average pooling"
    help: ClassVar[str] = "Keeps the mean of each window."
    module: ClassVar[str] = "AvgPool2d"


@dataclass(frozen=True)
class BatchNorm(Layer):
    kind: ClassVar[str] = "batchnorm"
    title: ClassVar[str] = "Batch normalisation"
    help: ClassVar[str] = "Brings each feature to mean 0 and deviation 1 over the batch, then scales and shifts it."

    def out_shape(self, shape: Shape) -> Shape:
        return shape

    def calls(self, shape: Shape) -> list[Call]:
        return [Call("BatchNorm2d" if len(shape) == 3 else "BatchNorm1d", (shape[0],))]

    def parameters(self, shape: Shape) -> int:
        return 2 * shape[0]


@dataclass(frozen=True)
class Dropout(Layer):
    kind: ClassVar[str] = "dropout"
    title: ClassVar[str] = "Dropout"
    help: ClassVar[str] = "While training, sets a random share of the values to zero, so that none is relied upon."
    p: float = field(0.5, Number("share dropped", 0, 0.95, help="0.5 drops half of the values."))

    def out_shape(self, shape: Shape) -> Shape:
        return shape

    def calls(self, shape: Shape) -> list[Call]:
        return [Call("Dropout", (self.p,))]


@dataclass(frozen=True)
class Flatten(Layer):
    kind: ClassVar[str] = "flatten"
    title: ClassVar[str] = "Flatten"
    help: ClassVar[str] = "Lays the pixels of an image out in one row. A dense layer does it by itself."

    def out_shape(self, shape: Shape) -> Shape:
        return (math.prod(shape),)

    def calls(self, shape: Shape) -> list[Call]:
        return [Call("Flatten")]


LAYERS: dict[str, type[Layer]] = {cls.kind: cls for cls in (Dense, Conv, MaxPool, AvgPool, BatchNorm, Dropout, Flatten)}


def layer_to_dict(layer: Layer) -> dict[str, Any]:
    return {"kind": layer.kind, **to_dict(layer)}  # type: ignore[arg-type]  # every kind is a dataclass


def layer_from_dict(data: object) -> Layer:
    """The layer that untrusted `data` describes. Raises SpecError."""
    if not isinstance(data, dict) or "kind" not in data:
        raise SpecError(f"a layer must be an object with a kind, one of {', '.join(LAYERS)}")
    kind = Choice("layer kind", {name: cls.title for name, cls in LAYERS.items()}).check(data["kind"])
    values = {key: value for key, value in data.items() if key != "kind"}
    layer: Layer = from_dict(LAYERS[kind], values, f"a {kind} layer")  # type: ignore[type-var]
    return layer


def flatten_calls(shape: Shape) -> list[Call]:
    """The flattening that a dense layer needs before it, if any."""
    return [Call("Flatten")] if len(shape) > 1 else []


def _activation(name: str) -> list[Call]:
    call = ACTIVATIONS[name][1]
    return [call] if call else []


def _image(shape: Shape, title: str) -> Shape:
    if len(shape) != 3:
        raise SpecError(f"{title} needs an image (channels × height × width), but gets {shape[0]} numbers in a row")
    return shape


def _slide(size: int, kernel: int, stride: int, padding: int = 0) -> int:
    """How many positions a window has along one side (as torch.nn.Conv2d's formula, dilation 1)."""
    room = size + 2 * padding
    if kernel > room:
        rim = f" + 2 × {padding} padding" if padding else ""
        raise SpecError(
            f"kernel {kernel} is larger than its input, {size}{rim} = {room} pixels"
            if rim
            else f"kernel {kernel} is larger than its input, {size} pixels"
        )
    return (room - kernel) // stride + 1


def default_layer(kind: str) -> Layer:
    """A layer of `kind` with every field at its default."""
    return LAYERS[kind]()
