"""How to train a net for a purpose: the fields of a TrainConfig that make it so."""

from __future__ import annotations

from typing import Any

from nnviz.data.datasets import STYLES
from nnviz.spec.network import NetworkSpec
from nnviz.spec.train_config import TrainConfig


def robust(network: NetworkSpec) -> dict[str, Any]:
    """What makes a net read what people draw; seed and device are left open."""
    recipe: dict[str, Any] = {
        "data": STYLES,
        "per_class": 0,
        "optimizer": "adam",
        "lr": 0.0025,
        "batch_size": 256,
        "epochs": 24,
        "schedule": "onecycle",
        "augment": "handwriting",
    }
    if network.convolves:  # each image costs twenty times as much, so there are fewer, in smaller batches
        recipe |= {"epochs": 5, "batch_size": 64, "lr": 0.002}
    return recipe


def robust_config(network: NetworkSpec, config: TrainConfig | None = None) -> TrainConfig:
    """The configuration of such a training, with the other fields of `config`, or the usual ones."""
    return (config or TrainConfig()).with_(**robust(network))
