"""What every layer kind has. A kind is a frozen dataclass in a module of this package, wholly described there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from torch import Tensor, nn

from nnviz.fields import SpecError, validate
from nnviz.spec.call import Call

Shape = tuple[int, ...]
"""Without the batch dimension: (channels, height, width) of images, (features,) of vectors."""

Drawn = Literal["neurons", "maps", "block"]


@dataclass(frozen=True)
class Layer:
    """A kind must say its names, shape rule, modules and formula; what else is here fits most kinds."""

    kind: ClassVar[str]
    """Its name in links and files: lower-case letters."""
    title: ClassVar[str]
    help: ClassVar[str]
    rank: ClassVar[int] = 100
    """Its place in menus; those of one rank by their kind."""

    drawn: ClassVar[Drawn] = "block"
    """How the builder draws it."""
    counted: ClassVar[str] = ""
    """The field that the − and + at its head change; empty for none."""
    weighted: ClassVar[tuple[type[nn.Module], ...]] = ()
    """The modules that hold its weight matrix W; empty where there is none."""
    convolves: ClassVar[bool] = False
    """Its units are channels, and its matrix a kernel that slides over the image."""
    stacks: ClassVar[bool] = False
    """Whether many nets of such layers can be trained as one ensemble."""
    idle: ClassVar[str] = ""
    """Why its outputs are no news to who looks into a net, as a clause; empty where they are."""
    keeps_features: ClassVar[bool] = False
    """Feature j of what goes in is feature j of what comes out, at most on another scale."""

    def __post_init__(self) -> None:
        validate(self)

    def out_shape(self, shape: Shape) -> Shape:
        """The shape this layer makes of `shape`. Raises SpecError with the rule if it can't take it."""
        raise NotImplementedError

    def calls(self, shape: Shape) -> list[Call]:
        """The `torch.nn` modules of this layer for inputs of `shape`."""
        raise NotImplementedError

    def formula(self, shape: Shape) -> tuple[str, str]:
        """What it computes of inputs of `shape`, and the sizes of what stands in it."""
        raise NotImplementedError

    def parameters(self, shape: Shape) -> int:
        """How many numbers this layer learns, given inputs of `shape`."""
        return 0

    def fewest_images(self, shape: Shape) -> int:
        """How many images a training batch needs."""
        return 1

    def units_first(self, weight: Tensor) -> Tensor:
        """A view of the module's weight, or of what has its shape, with one row for each unit: (units, …)."""
        return weight

    def window(self, image: Tensor, row: int, column: int) -> Tensor:
        """What one output of a layer that convolves sees of `image` (channels, h, w): as large as a unit's weights.

        Beyond the rim it is 0.
        """
        raise NotImplementedError


def flatten_calls(shape: Shape) -> list[Call]:
    """The flattening that a dense layer needs before it, if any."""
    return [Call("Flatten")] if len(shape) > 1 else []


def sizes(shape: Shape) -> str:
    """(16, 28, 28) → "16 × 28 × 28"; one channel is left out; (128,) → "128"."""
    shown = shape[1:] if len(shape) == 3 and shape[0] == 1 else shape
    return " × ".join(f"{size:,}" for size in shown)


def image_shape(shape: Shape, title: str) -> Shape:
    """`shape`, which must be an image's. Raises SpecError."""
    if len(shape) != 3:
        raise SpecError(f"{title} needs an image (channels × height × width), but gets {shape[0]} numbers in a row")
    return shape


def slide(size: int, kernel: int, stride: int, padding: int = 0) -> int:
    """How many positions a window has along one side (as torch.nn.Conv2d's formula, dilation 1). Raises SpecError."""
    room = size + 2 * padding
    if kernel > room:
        rim = f" + 2 × {padding} padding" if padding else ""
        raise SpecError(
            f"kernel {kernel} is larger than its input, {size}{rim} = {room} pixels"
            if rim
            else f"kernel {kernel} is larger than its input, {size} pixels"
        )
    return (room - kernel) // stride + 1
