"""What a running net looks like right now: first-layer weights and its answers to a handful of test digits.

One small file per run, replaced four times a second; only the latest matters, so nothing is queued.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from nnviz.data.datasets import Loaded, first_per_class, to_input
from nnviz.spec.layers import unit_weights, weighted_modules
from nnviz.train.checkpoint import write_atomically

MAX_UNITS = 40
"""First-layer units shown live; more would not be told apart and would cost disk."""

FILE = "live.safetensors"


class Preview(NamedTuple):
    step: int
    weights: Tensor
    """Of the first layer that learns, one image per unit: float32 (≤ MAX_UNITS, h, w)."""
    units: int
    """How many units the layer has."""
    layer: str
    sample: Tensor
    """Indices of the test images asked about, int64 (n,)."""
    probabilities: Tensor
    """Answers to them, float32 (n, classes)."""

    def save(self, folder: Path) -> None:
        tensors = {name: getattr(self, name) for name in ("weights", "sample", "probabilities")}
        words = {"step": self.step, "units": self.units, "layer": self.layer}
        write_atomically(folder / FILE, save(tensors, {"live": json.dumps(words)}))

    @staticmethod
    def load(folder: Path) -> Preview | None:
        """The latest look, or None if there is none (yet, or any more)."""
        try:
            with safe_open(folder / FILE, "pt") as file:
                words = json.loads((file.metadata() or {})["live"])
                tensors = {name: file.get_tensor(name) for name in ("weights", "sample", "probabilities")}
        except (OSError, SafetensorError, KeyError, ValueError):
            return None
        return Preview(**words, **tensors)


def sample_of(labels: Tensor) -> Tensor:
    """One test image of each class, int64 (classes,)."""
    return first_per_class(labels, 1)[labels[first_per_class(labels, 1)].argsort()]


def preview(model: nn.Module, data: Loaded, sample: Tensor, step: int) -> Preview:
    """Look into `model` without disturbing its training: modes and generators stay as they are."""
    name, layer = weighted_modules(model)[0]
    every = unit_weights(layer)
    weights = every[:MAX_UNITS]
    modes = [(module, module.training) for module in model.modules()]
    for module, _ in modes:
        module.training = False
    try:
        with torch.inference_mode():
            inputs = to_input(data.test.images[sample], data.dataset)
            probabilities = model(inputs.to(weights.device)).softmax(1)
    finally:
        for module, mode in modes:
            module.training = mode
    return Preview(
        step,
        as_images(weights, data.dataset.input_shape).cpu().contiguous(),
        len(every),
        name,
        sample,
        probabilities.cpu().clone(),
    )


def as_images(weights: Tensor, input_shape: tuple[int, ...]) -> Tensor:
    """Incoming weights of each unit as an image (n, h, w): a dense layer on the input, or a filter's first channel."""
    if weights.dim() == 4:
        return weights[:, 0]
    height, width = input_shape[-2:]
    if weights.shape[1] == height * width:
        return weights.view(-1, height, width)
    side = int(weights.shape[1] ** 0.5)
    return weights.view(-1, side, side) if side * side == weights.shape[1] else weights[:, None, :]
