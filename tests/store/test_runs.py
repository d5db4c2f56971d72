"""The run store: what is written is read, by anybody, and nothing else is touched."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from nnviz.process import this_process
from nnviz.spec.layers.conv import Conv
from nnviz.spec.layers.dense import Dense
from nnviz.spec.layers.pool import MaxPool
from nnviz.spec.network import NetworkSpec
from nnviz.spec.train_config import TrainConfig
from nnviz.store.database import StoreError
from nnviz.store.run import AttemptOver, RunGone, Status, describe, new_id
from nnviz.store.runs import RunStore
from nnviz.train.checkpoint import Checkpoint, CheckpointError, Position
from nnviz.train.events import Batch, Change, Epoch


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore(tmp_path / "runs")


def batches(first: int, last: int) -> list[Batch]:
    return [Batch(step, 1 / step, step % 10 / 10, 0.001, 64) for step in range(first, last + 1)]


def test_a_run_keeps_what_it_was_made_of(store: RunStore) -> None:
    network, config = NetworkSpec((Conv(4), MaxPool(), Dense(9, "gelu")), "xavier"), TrainConfig(lr=0.3, seed=8)
    run = store.create(network, config, name="  my\n first   run ")
    again = RunStore(store.root).run(run.id)
    assert again == run
    assert (again.network, again.config, again.name) == (network, config, "my first run")
    assert again.status is Status.QUEUED
    assert again.test_accuracy is None


def test_equal_set_ups_are_one_in_memory(store: RunStore) -> None:
    for seed in (1, 1, 2):
        store.create(NetworkSpec(), TrainConfig(seed=seed))
    third, second, first = store.runs()
    assert first.network is second.network is third.network
    assert first.config is second.config
    assert (first.config.seed, third.config.seed) == (1, 2)


def test_names_describe_the_set_up(store: RunStore) -> None:
    assert describe(NetworkSpec(), TrainConfig()) == "784-128-10 · SGD 0.001"
    assert describe(NetworkSpec((Conv(), Dense())), TrainConfig(optimizer="adam")) == "1 conv + 2 dense · Adam 0.001"
    run = store.create(NetworkSpec(), TrainConfig())
    store.rename(run.id, "mine")
    assert store.run(run.id).name == "mine"
    store.rename(run.id, " ")
    assert store.run(run.id).name == run.name


def test_curve_is_in_order_and_repeats_are_harmless(store: RunStore) -> None:
    run = store.create(NetworkSpec(), TrainConfig())
    progress = {"seconds": 1.0, "steps": 100, "speed": 5000.0}
    store.writer.begin(run.id, "cpu", 1)
    store.writer.add_batches(run.id, 1, batches(1, 4), **progress)  # type: ignore[arg-type]
    store.writer.add_batches(run.id, 1, batches(5, 9), **progress)  # type: ignore[arg-type]
    store.writer.begin(run.id, "cpu", 1)
    store.writer.add_batches(run.id, 2, batches(4, 12), **progress)  # type: ignore[arg-type]  # resumed from step 3
    store.writer.add_batches(run.id, 2, batches(20, 21), **progress)  # type: ignore[arg-type]  # a gap
    curve = store.history.curve(run.id)
    assert curve.step.tolist() == list(range(1, 22))
    assert curve.loss[:12].tolist() == pytest.approx([1 / step for step in range(1, 13)])
    assert np.isnan(curve.loss[12:19]).all()
    assert curve.lr[20] == pytest.approx(0.001)
    assert store.run(run.id).step == 21


def test_epochs_and_changes_come_back(store: RunStore) -> None:
    run = store.create(NetworkSpec(), TrainConfig())
    good, bad = Epoch(1, 938, 0.7, 0.8, 0.4, 0.9), Epoch(2, 1876, float("nan"), 0.1, float("inf"), 0.1)
    for epoch in (good, bad, good):
        store.writer.add_epoch(run.id, epoch)
    store.writer.add_change(run.id, Change(10, "lr", 0.001, 0.01))
    first, second = store.history.epochs(run.id)
    assert first == good
    assert np.isnan(second.train_loss)
    assert np.isnan(second.test_loss)
    assert store.history.changes(run.id) == [Change(10, "lr", 0.001, 0.01)]
    assert store.run(run.id).test_accuracy == pytest.approx(0.1)


def test_a_deleted_run_is_gone_for_readers_and_its_writer(store: RunStore) -> None:
    run, other = store.create(NetworkSpec(), TrainConfig()), store.create(NetworkSpec(), TrainConfig())
    store.writer.add_epoch(run.id, Epoch(1, 1, 1, 1, 1, 1))
    Checkpoint(Position(), {}).save(store.checkpoints.path(run.id, 0))
    store.delete(run.id)
    assert [left.id for left in store.runs()] == [other.id]
    assert not store.folder(run.id).exists()
    for use in (store.run, store.history.curve, store.delete, lambda i: store.rename(i, "x")):
        with pytest.raises(RunGone, match=run.id):
            use(run.id)
    with pytest.raises(RunGone):
        store.writer.add_batches(run.id, 1, batches(1, 2), seconds=0, steps=1, speed=0)
    with pytest.raises(RunGone):
        store.writer.add_epoch(run.id, Epoch(1, 1, 1, 1, 1, 1))


@pytest.mark.parametrize("run_id", ["../other", "/etc", "", "a/b", "nothing-like-that"])
def test_ids_from_strangers_lead_nowhere(store: RunStore, run_id: str) -> None:
    with pytest.raises(RunGone):
        store.run(run_id)
    with pytest.raises(RunGone):
        store.delete(run_id)


def test_the_last_readable_snapshot_is_taken(store: RunStore) -> None:
    run = store.create(NetworkSpec(), TrainConfig())
    with pytest.raises(CheckpointError, match="no checkpoint"):
        store.checkpoints.load(run.id)
    for step in (0, 5):
        Checkpoint(Position(step=step), {}).save(store.checkpoints.path(run.id, step))
    store.checkpoints.path(run.id, 9).write_bytes(b"half a fi")
    assert store.checkpoints.steps(run.id) == [0, 5, 9]
    assert store.checkpoints.load(run.id).position.step == 5


def test_a_run_whose_process_is_gone_says_so(store: RunStore) -> None:
    code = (
        "import sys, pathlib; from nnviz.store.runs import *; "
        "from nnviz.spec.network import NetworkSpec; from nnviz.spec.train_config import TrainConfig; "
        "s = RunStore(pathlib.Path(sys.argv[1])); r = s.create(NetworkSpec(), TrainConfig()); "
        "s.writer.begin(r.id, 'cpu', 1); print(r.id)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, store.root],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    run = store.run(done.stdout.strip())
    assert run.status is Status.INTERRUPTED
    assert "killed" in run.reason
    assert run.status.resumable


def test_queue_places(store: RunStore) -> None:
    first, second = (store.create(NetworkSpec(), TrainConfig()) for _ in range(2))
    assert [store.place_in_queue(run.id) for run in (first, second)] == [1, 2]
    store.writer.begin(first.id, "cpu", 1)
    assert [store.place_in_queue(run.id) for run in (first, second)] == [0, 1]


def test_many_threads_share_a_store(store: RunStore) -> None:
    run = store.create(NetworkSpec(), TrainConfig())
    store.writer.begin(run.id, "cpu", 1)
    failures: list[BaseException] = []

    def use(first: int) -> None:
        try:
            for step in range(first, first + 50):
                store.writer.add_batches(run.id, 1, batches(step, step), seconds=0, steps=1, speed=0)
                store.history.curve(run.id)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=use, args=(1 + 50 * index,)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert not np.isnan(store.history.curve(run.id).loss).any()


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match=r"file.*NNVIZ_RUNS"):
        RunStore(tmp_path / "file")
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "runs.sqlite").write_text("this is no database, but it is long enough to be looked at" * 50)
    with pytest.raises(StoreError, match="runs"):
        RunStore(tmp_path / "runs")


def test_only_the_attempt_that_has_the_run_says_how_it_stands(store: RunStore) -> None:
    """Whatever an earlier one still has to say: that it was killed, ended, or how far it is."""
    run = store.create(NetworkSpec(), TrainConfig())
    first = store.writer.begin(run.id, "cpu", 1)
    second = store.enqueue(run.id, this_process())
    late: tuple[Callable[[], object], ...] = (
        lambda: store.writer.set_status(run.id, first, Status.INTERRUPTED, "It was killed."),
        lambda: store.writer.set_status(run.id, first, Status.FINISHED),
        lambda: store.writer.add_batches(run.id, first, batches(1, 2), seconds=9, steps=9, speed=9),
        lambda: store.writer.begin(run.id, "cuda", 2, attempt=first),
        lambda: store.enqueue(run.id, "somebody", "Lost.", after=first),
    )
    before = store.run(run.id)
    for word in late:
        with pytest.raises(AttemptOver, match=f"attempt {first} of run {run.id} is over: it is at attempt {second}"):
            word()
        assert store.run(run.id) == before
        assert not len(store.history.curve(run.id).step)
    assert store.writer.begin(run.id, "cpu", 1, attempt=second) == second
    store.writer.set_status(run.id, second, Status.FINISHED)
    assert store.run(run.id).status is Status.FINISHED


def test_runs_made_in_the_same_second_have_their_own_ids() -> None:
    """A sweep makes a thousand at once: of 16 bits two would be the same, of 32 hardly ever."""
    ids = [new_id(1.7e9) for _ in range(1000)]
    assert len(set(ids)) == len(ids)
    assert len({one.rpartition("-")[0] for one in ids}) == 1
