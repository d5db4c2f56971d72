"""Layer normalisation (Ba et al., 2016)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from nnviz.fields import Number, field
from nnviz.spec.call import Call
from nnviz.spec.layers.base import Layer, Shape, sizes


@dataclass(frozen=True)
class LayerNorm(Layer):
    kind: ClassVar[str] = "layernorm"
    title: ClassVar[str] = "Layer normalisation"
    help: ClassVar[str] = (
        "Brings the features of each image to mean 0 and standard deviation 1, then scales and shifts them."
    )
    rank: ClassVar[int] = 41
    keeps_features: ClassVar[bool] = True
    eps: float = field(
        1e-5, Number("eps", 1e-8, 0.1, log=True, help="Added to the variance, so that nothing is divided by 0.")
    )

    def out_shape(self, shape: Shape) -> Shape:
        return shape

    def calls(self, shape: Shape) -> list[Call]:
        return [Call("LayerNorm", (list(shape),), (("eps", self.eps),))]

    def formula(self, shape: Shape) -> tuple[str, str]:
        return "y = γ · (x − mean) / √(variance + ε) + β", f"γ: {sizes(shape)}, β: {sizes(shape)}"

    def parameters(self, shape: Shape) -> int:
        return 2 * math.prod(shape)
