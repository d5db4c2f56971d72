"""What was deleted counts as gone, and can be had back for a day."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from nnviz.spec.network import NetworkSpec
from nnviz.spec.train_config import TrainConfig
from nnviz.store.run import RunGone, Status
from nnviz.store.runs import BIN_SECONDS, RunStore
from nnviz.train.checkpoint import Checkpoint, Position
from nnviz.train.events import Batch, Epoch


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore(tmp_path / "runs")


def made(store: RunStore, status: Status = Status.STOPPED) -> str:
    run = store.create(NetworkSpec(), TrainConfig(), "a net")
    Checkpoint(Position(), {}).save(store.checkpoints.path(run.id, 0))
    store.writer.add_epoch(run.id, Epoch(1, 1, 1, 1, 1, 0.5))
    store.writer.set_status(run.id, 0, status)
    return run.id


def test_a_run_in_the_bin_is_gone_for_readers_and_its_writer(store: RunStore) -> None:
    run_id = made(store)
    store.discard(run_id)
    assert store.runs() == []
    for use in (store.run, store.owner, store.discard, lambda one: store.rename(one, "x")):
        with pytest.raises(RunGone, match=run_id):
            use(run_id)
    with pytest.raises(RunGone, match=run_id):
        store.writer.add_batches(run_id, 0, [Batch(1, 1.0, 0.5, 0.1, 64)], seconds=0, steps=1, speed=0)
    with pytest.raises(RunGone, match=run_id):
        store.enqueue(run_id, "")
    assert store.place_in_queue(run_id) == 0


def test_it_comes_back_as_it_was(store: RunStore) -> None:
    run_id, other = made(store), made(store)
    before, epochs = store.run(run_id), store.history.epochs(run_id)
    store.discard(other)
    store.discard(run_id)
    assert [run.id for run in store.discarded()] == [run_id, other]
    assert store.restore(run_id) == before
    assert store.history.epochs(run_id) == epochs
    assert store.checkpoints.steps(run_id) == [0]
    assert [run.id for run in store.discarded()] == [other]
    with pytest.raises(RunGone, match="not in the bin"):
        store.restore(run_id)


@pytest.mark.parametrize("status", [Status.RUNNING, Status.PAUSED, Status.QUEUED])
def test_one_that_was_deleted_while_it_trained_can_be_resumed(store: RunStore, status: Status) -> None:
    """Whoever trained it has given up when it heard that the run was gone, and still lives perhaps."""
    run_id = made(store, status)
    store.discard(run_id)
    assert store.restore(run_id).status is Status.INTERRUPTED


def test_after_a_day_it_is_deleted_for_good(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    old, kept = made(store), made(store)
    store.discard(old)
    began = time.time()
    monkeypatch.setattr(time, "time", lambda: began + BIN_SECONDS - 1)
    store.empty_bin()
    assert store.folder(old).exists()
    monkeypatch.setattr(time, "time", lambda: began + BIN_SECONDS + 1)
    assert store.discarded() == []
    store.discard(kept)  # whoever deletes, empties the bin too
    assert not store.folder(old).exists()
    assert [run.id for run in store.discarded()] == [kept]
    with pytest.raises(RunGone, match="not in the bin"):
        store.restore(old)
