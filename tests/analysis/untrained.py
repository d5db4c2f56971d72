"""Networks to look into before they have learned anything."""

from __future__ import annotations

from nnviz.analysis.checkpoint_view import CheckpointView
from nnviz.data.datasets import Loaded
from nnviz.spec.network import NetworkSpec
from nnviz.spec.train_config import TrainConfig
from nnviz.train.trainer import Trainer


def checkpoint_of(network: NetworkSpec, data: Loaded) -> CheckpointView:
    """Of the classic recipe, before the first step."""
    return CheckpointView(network, TrainConfig(), Trainer(network, TrainConfig(), data).checkpoint(), data)
