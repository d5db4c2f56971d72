"""A database that another program has locked: who trains waits and goes on, who looks is told, nothing is lost."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from nnviz.data.datasets import Dataset, Loaded
from nnviz.executor.recorder import train_run
from nnviz.spec.network import NetworkSpec
from nnviz.spec.train_config import TrainConfig
from nnviz.store import database
from nnviz.store.database import StoreBusy, StoreError
from nnviz.store.run import Status
from nnviz.store.runs import RunStore
from nnviz.train.commands import Mailbox
from nnviz.train.events import Batch, Event
from nnviz.train.trainer import Trainer
from tests.waiting import LIMIT_S, wait_until

CONFIG = TrainConfig(epochs=2, batch_size=10, per_class=10, lr=0.01)


@contextmanager
def locked(root: Path, how: str = "IMMEDIATE") -> Iterator[None]:
    """As a backup does; "EXCLUSIVE" with the locking mode of that name keeps readers away too."""
    with closing(sqlite3.connect(root / "runs.sqlite", timeout=LIMIT_S, isolation_level=None)) as other:
        if how == "EXCLUSIVE":
            other.execute("PRAGMA locking_mode=EXCLUSIVE")
        other.execute(f"BEGIN {how}")
        other.execute("UPDATE runs SET note = note")
        yield
        other.execute("ROLLBACK")


@pytest.fixture
def patient(tmp_path: Path, blobs: Loaded, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunStore]:
    monkeypatch.setattr(Dataset, "load", lambda self, root=None: blobs)
    monkeypatch.setattr(database, "SAY_AFTER", 0.0)
    store = RunStore(tmp_path, LIMIT_S)
    yield store
    store.close()


@pytest.mark.parametrize("step", [1, 7, 20])
def test_a_training_waits_and_loses_nothing(patient: RunStore, step: int) -> None:
    """Locked from some step on, until it is known to wait."""
    whole = patient.create(NetworkSpec(), CONFIG)
    train_run(patient, whole.id)
    run = patient.create(NetworkSpec(), CONFIG)
    reached, held = threading.Event(), threading.Event()

    def until_it_waits() -> None:
        reached.wait(LIMIT_S)
        with closing(RunStore(patient.root)) as other, locked(patient.root):
            held.set()
            wait_until(other.db.is_waited_for)
            assert other.run(run.id).status is Status.RUNNING  # who reads need not wait

    def on_event(event: Event, trainer: Trainer) -> None:
        if isinstance(event, Batch) and event.step == step:
            reached.set()
            assert held.wait(LIMIT_S)

    thread = threading.Thread(target=until_it_waits)
    thread.start()
    assert train_run(patient, run.id, Mailbox(), on_event) is Status.FINISHED
    thread.join()
    assert not patient.db.is_waited_for()
    assert patient.history.curve(run.id).loss.tolist() == patient.history.curve(whole.id).loss.tolist()
    assert patient.history.epochs(run.id) == patient.history.epochs(whole.id)
    assert not list(patient.root.glob("*.waiting-*"))


def test_whose_patience_ends_says_who_is_in_the_way(tmp_path: Path) -> None:
    with closing(RunStore(tmp_path, patience=0.2)) as store:
        run = store.create(NetworkSpec(), CONFIG)
        with locked(tmp_path):
            words = r"another program has had .*runs\.sqlite locked for 0\.2 s \(a backup, a file browser"
            for write in (
                lambda: store.rename(run.id, "new"),
                lambda: store.create(NetworkSpec(), CONFIG),
                lambda: store.enqueue(run.id, "me"),
                lambda: store.writer.add_batches(run.id, 0, [Batch(1, 1, 1, 1, 1)], seconds=1, steps=1, speed=1),
            ):
                with pytest.raises(StoreBusy, match=words):
                    write()
        assert store.run(run.id) == run
        store.rename(run.id, "new")
        assert store.run(run.id).name == "new"


def test_a_store_that_nobody_may_even_read_is_said(tmp_path: Path) -> None:
    RunStore(tmp_path).close()
    with locked(tmp_path, "EXCLUSIVE"), pytest.raises(StoreError, match="another program has had"):
        RunStore(tmp_path, patience=0.2)
    RunStore(tmp_path).close()


def test_other_threads_read_on_while_one_waits_to_write(patient: RunStore) -> None:
    run = patient.create(NetworkSpec(), CONFIG)
    with locked(patient.root):
        writer = threading.Thread(target=patient.rename, args=(run.id, "new"))
        writer.start()
        wait_until(patient.db.is_waited_for)
        for _ in range(10):
            assert patient.run(run.id).name == run.name
        assert writer.is_alive()
    writer.join()
    assert patient.run(run.id).name == "new"


def test_the_note_of_a_process_that_was_killed_while_it_waited_says_nothing(patient: RunStore) -> None:
    note = patient.root / "runs.sqlite.waiting-4194305"
    note.write_text("4194305:1")
    assert not patient.db.is_waited_for()
    assert not note.exists()
