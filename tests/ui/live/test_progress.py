"""How far a run is, as the browser is told."""

from __future__ import annotations

import json
import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from nnviz.charts.curves import SMOOTHING, smooth
from nnviz.executor.choice import Choice
from nnviz.executor.recorder import train_run
from nnviz.spec.layers.dense import Dense
from nnviz.spec.losses import LOSSES
from nnviz.spec.network import NetworkSpec
from nnviz.spec.train_config import TrainConfig
from nnviz.store.run import Run, RunGone, Status
from nnviz.store.runs import RunStore
from nnviz.train.events import Batch, Change, Epoch
from nnviz.ui import services
from nnviz.ui.live.progress import POINTS, finding, progress
from nnviz.ui.progress import progress_words
from tests.ui.live.trained import trained

NETWORK = NetworkSpec((Dense(6),))
CONFIG = TrainConfig(epochs=2, batch_size=4, per_class=2, lr=0.01)
STEPS = 2 * 5


@pytest.fixture(autouse=True)
def no_executor(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked only where trainings run."""
    monkeypatch.setattr(services, "executor", lambda: SimpleNamespace(choice=Choice()))


@pytest.fixture
def run(store: RunStore) -> Run:
    """A finished one."""
    return trained(store, NETWORK, CONFIG)


def told(store: RunStore, run: Run) -> dict[str, Any]:
    """As the browser reads it."""
    found: dict[str, Any] = json.loads(json.dumps(progress(store, run.id), allow_nan=False))
    return found


def record(store: RunStore, run: Run, losses: list[float]) -> None:
    """These losses as its batches, by this process."""
    batches = [Batch(step, loss, 0.25, 0.01, 4) for step, loss in enumerate(losses, 1)]
    attempt = store.writer.begin(run.id, "cpu", 1)
    store.writer.add_batches(run.id, attempt, batches, seconds=1.0, steps=STEPS, speed=100.0)


def test_its_numbers_are_those_of_the_store(run: Run, store: RunStore) -> None:
    shown, history = told(store, run), store.history
    last = history.epochs(run.id)[-1]
    assert {name: shown[name] for name in ("run", "status", "step", "steps", "epoch", "epochs")} == {
        "run": run.id,
        "status": "finished",
        "step": STEPS,
        "steps": STEPS,
        "epoch": 2,
        "epochs": 2,
    }
    assert shown["accuracy"] == pytest.approx(last.test_accuracy, rel=1e-3)
    assert shown["kept"] == store.checkpoints.steps(run.id)
    assert shown["words"] == progress_words(store, run)
    assert shown["unit"] == LOSSES["cross_entropy"].unit
    curve = history.curve(run.id)
    assert shown["loss"][0] == curve.step.tolist() == list(range(1, STEPS + 1))
    assert shown["loss"][1] == pytest.approx(smooth(curve.loss, SMOOTHING).tolist(), rel=1e-3)
    assert shown["right"][1] == pytest.approx(smooth(curve.accuracy, SMOOTHING).tolist(), rel=1e-3)
    assert shown["tested"][0] == [5, 10]
    assert shown["tested"][1] == pytest.approx([epoch.test_loss for epoch in history.epochs(run.id)], rel=1e-3)
    assert shown["tested"][2] == pytest.approx([epoch.test_accuracy for epoch in history.epochs(run.id)], rel=1e-3)
    assert shown["marks"] == []


def test_it_grows_with_the_run(store: RunStore) -> None:
    run = store.create(NETWORK, CONFIG)
    record(store, run, [2.0] * 4)
    assert told(store, run)["loss"] == [[1, 2, 3, 4], [2.0] * 4]
    store.writer.add_batches(run.id, 1, [Batch(5, 2.0, 0.25, 0.01, 4)], seconds=1.0, steps=STEPS, speed=100.0)
    store.writer.add_epoch(run.id, Epoch(1, 5, 2.0, 0.25, 1.5, 0.5))
    store.writer.add_change(run.id, Change(3, "lr", 0.01, 0.1))
    shown = told(store, run)
    assert shown["loss"][0] == [1, 2, 3, 4, 5]
    assert (shown["epoch"], shown["accuracy"], shown["tested"]) == (1, 0.5, [[5], [1.5], [0.5]])
    ((step, words),) = shown["marks"]
    assert step == 3
    assert "0.1" in words


def test_a_fork_is_marked_where_it_went_its_own_way(run: Run, store: RunStore) -> None:
    child = store.fork(run.id, 5, CONFIG.with_(lr=0.1))
    assert told(store, child)["marks"] == [[5, "forked here"]]
    assert told(store, child)["loss"][0] == [1, 2, 3, 4, 5]


def test_numbers_that_are_none_are_gaps(store: RunStore) -> None:
    run = store.create(NETWORK, CONFIG)
    record(store, run, [2.0, math.nan, math.inf, 1.0])
    store.writer.add_epoch(run.id, Epoch(1, 4, math.nan, 0.25, math.inf, math.nan))
    shown = told(store, run)
    assert [value is None for value in shown["loss"][1]] == [False, True, True, False]
    assert shown["tested"][1:] == [[None], [None]]
    assert shown["accuracy"] is None


def test_a_run_that_diverges_says_so(store: RunStore) -> None:
    run = store.create(NetworkSpec((Dense(32, "identity"),)), CONFIG.with_(lr=100.0))
    assert train_run(store, run.id) is Status.DIVERGED
    shown = told(store, run)
    assert shown["status"] == "diverged"
    assert "learning rate of 100" in shown["reason"]
    assert "learning rate" in finding(store, run.id)


def test_a_run_that_has_not_begun(store: RunStore) -> None:
    run = store.create(NETWORK, CONFIG)
    shown = told(store, run)
    assert (shown["status"], shown["step"], shown["epoch"], shown["accuracy"]) == ("queued", 0, 0, None)
    assert (shown["kept"], finding(store, run.id)) == ([], "")
    assert (shown["loss"], shown["right"], shown["tested"], shown["marks"]) == ([[], []], [[], []], [[], [], []], [])
    assert shown["words"] == "Starting …"


def test_a_long_run_is_as_few_points_as_the_screen_has(store: RunStore) -> None:
    run = store.create(NETWORK, CONFIG)
    record(store, run, np.linspace(2, 1, 5000).tolist())
    shown = told(store, run)
    assert POINTS // 4 < len(shown["loss"][0]) <= POINTS
    assert shown["loss"][0][-1] == 5000
    assert len(json.dumps(shown)) < 20_000


def test_of_a_deleted_run_there_is_nothing_to_tell(run: Run, store: RunStore) -> None:
    store.delete(run.id)
    for tell in (progress, finding):
        with pytest.raises(RunGone, match="may have been deleted"):
            tell(store, run.id)
