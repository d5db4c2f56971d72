"""A run to look at."""

from __future__ import annotations

from nnviz.executor.recorder import train_run
from nnviz.spec.network import NetworkSpec
from nnviz.spec.train_config import TrainConfig
from nnviz.store.run import Run
from nnviz.store.runs import RunStore


def trained(store: RunStore, network: NetworkSpec, config: TrainConfig) -> Run:
    """A new one, trained in this process to its end."""
    made = store.create(network, config)
    train_run(store, made.id)
    return store.run(made.id)
