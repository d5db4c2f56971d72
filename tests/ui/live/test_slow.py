"""A step in slow motion, in words."""

from __future__ import annotations

import json

import pytest

from nnviz.analysis.network_picture import Quantity
from nnviz.analysis.slow_step import slow_step
from nnviz.data.datasets import Loaded, to_input
from nnviz.spec.losses import LOSSES
from nnviz.spec.optimizers import OPTIMIZERS
from nnviz.spec.presets import PRESETS
from nnviz.spec.train_config import TrainConfig
from nnviz.ui.live.slow import Phase, phases
from tests.analysis.test_slow_step import view_after


def told(data: Loaded, preset: str, config: TrainConfig) -> list[Phase]:
    view = view_after(data, PRESETS[preset].network, config)
    slow = slow_step(view, to_input(data.test.images[:1], data.dataset), int(data.test.labels[0]))
    assert slow is not None
    return phases(slow, data.dataset.classes, config.loss, view.optimizer_title)


@pytest.mark.parametrize("preset", PRESETS)
def test_it_goes_forward_through_all_layers_and_back_through_all(blobs: Loaded, preset: str) -> None:
    found = told(blobs, preset, TrainConfig(batch_size=20))
    kinds = [phase["kind"] for phase in found]
    layers = kinds.count("forward")
    assert kinds == ["batch", *["forward"] * layers, "loss", *["backward"] * layers, "update", "after"]
    assert [phase["upto"] for phase in found if phase["kind"] == "forward"] == list(range(layers))
    assert [phase["start"] for phase in found if phase["kind"] == "backward"] == list(range(layers))[::-1]
    assert all(phase["quantity"] in list(Quantity) and phase["lines"] and phase["words"] for phase in found)
    assert "NaN" not in json.dumps(found)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_says_its_own_formula_without_latex(blobs: Loaded, optimizer: str, loss: str) -> None:
    found = told(blobs, "classic", TrainConfig(batch_size=20, optimizer=optimizer, loss=loss, momentum=0.9))
    update = next(phase for phase in found if phase["kind"] == "update")
    names = [name for name, _ in update["lines"]]
    assert names[0] == "W_old"
    assert names[-1] == "W_new"
    assert not [name for name in names if set(name) & set("\\{}")]
    assert OPTIMIZERS[optimizer].title in update["title"]


def test_it_says_whether_the_loss_fell(blobs: Loaded) -> None:
    words = {lr: told(blobs, "softmax", TrainConfig(batch_size=20, lr=lr))[-1]["words"] for lr in (0.001, 100.0)}
    assert words[0.001].startswith("It fell")
    assert words[100.0].startswith("It did not fall")
