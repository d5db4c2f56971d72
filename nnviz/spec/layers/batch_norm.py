"""Batch normalisation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from nnviz.spec.call import Call
from nnviz.spec.layers.base import Layer, Shape


@dataclass(frozen=True)
class BatchNorm(Layer):
    kind: ClassVar[str] = "batchnorm"
    title: ClassVar[str] = "Batch normalisation"
    help: ClassVar[str] = (
        "Brings each feature to mean 0 and standard deviation 1 over the batch, then scales and shifts it."
    )
    rank: ClassVar[int] = 40
    keeps_features: ClassVar[bool] = True

    def out_shape(self, shape: Shape) -> Shape:
        return shape

    def calls(self, shape: Shape) -> list[Call]:
        return [Call("BatchNorm2d" if len(shape) == 3 else "BatchNorm1d", (shape[0],))]

    def formula(self, shape: Shape) -> tuple[str, str]:
        return "y = γ · (x − mean) / standard deviation + β", f"γ: {shape[0]:,}, β: {shape[0]:,}"

    def parameters(self, shape: Shape) -> int:
        return 2 * shape[0]

    def fewest_images(self, shape: Shape) -> int:
        """Two where it gets one number per feature and image, since a single image has no deviation."""
        return 2 if math.prod(shape[1:]) == 1 else 1
