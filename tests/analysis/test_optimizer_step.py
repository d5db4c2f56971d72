"""The arithmetic of one weight's update against what the optimizer really did."""

from __future__ import annotations

from itertools import islice
from typing import Any

import pytest

from nnviz.analysis.checkpoint_view import CheckpointView
from nnviz.analysis.optimizer_step import explain_update
from nnviz.data.datasets import Loaded
from nnviz.spec.layers.conv import Conv
from nnviz.spec.layers.dense import Dense
from nnviz.spec.network import NetworkSpec
from nnviz.spec.optimizers import OPTIMIZERS
from nnviz.spec.train_config import TrainConfig
from nnviz.train.trainer import Trainer


def checkpoint_after(steps: int, data: Loaded, network: NetworkSpec, **settings: Any) -> CheckpointView:
    config = TrainConfig(batch_size=32, lr=0.01, **settings)
    trainer = Trainer(network, config, data)
    list(islice(trainer.run(), steps))
    return CheckpointView(network, config, trainer.checkpoint(), data)


@pytest.mark.parametrize("steps", [0, 1, 7])
@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_the_lines_lead_to_the_weight_that_training_has(
    blobs: Loaded, optimizer: str, momentum: float, decay: float, steps: int
) -> None:
    checkpoint = checkpoint_after(
        steps, blobs, NetworkSpec((Dense(6),)), optimizer=optimizer, momentum=momentum, weight_decay=decay
    )
    step = checkpoint.next_step
    assert step is not None
    for index in ((0, 300), (5, 7), (3, 783)):
        told = explain_update(checkpoint, step, "dense1.weight", index)
        assert told.lines[-1].symbol == r"W_\text{new}"
        assert told.lines[-1].value == pytest.approx(told.trained, rel=2e-5, abs=2e-7)
        assert told.trained == float(step.after["dense1.weight"][index])
        assert told.lines[0].value == float(checkpoint.state.model["dense1.weight"][index])


def test_nesterov_is_told_as_it_is(blobs: Loaded) -> None:
    checkpoint = checkpoint_after(5, blobs, NetworkSpec((Conv(2),)), nesterov=True)
    step = checkpoint.next_step
    assert step is not None
    told = explain_update(checkpoint, step, "conv1.weight", (1, 0, 2, 1))
    assert [line.symbol for line in told.lines if line.symbol in "vn"] == ["v", "n"]
    assert told.lines[-1].value == pytest.approx(told.trained, rel=1e-5, abs=1e-8)
