"""What a training leaves in the store, however it ends."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from nnviz.data.datasets import DATASETS, Loaded
from nnviz.executor import recorder
from nnviz.executor.recorder import SLOWEST, train_run
from nnviz.spec.layers.dense import Dense
from nnviz.spec.network import NetworkSpec
from nnviz.spec.train_config import TrainConfig
from nnviz.store.run import Run, Status
from nnviz.store.runs import RunStore
from nnviz.train.checkpoint import Checkpoint
from nnviz.train.commands import Action, Command, Mailbox
from nnviz.train.events import Batch, Epoch, Event
from nnviz.train.preview import Preview
from nnviz.train.trainer import Trainer
from tests.waiting import LIMIT_S

NETWORK = NetworkSpec((Dense(16),))
CONFIG = TrainConfig(epochs=3, batch_size=20, lr=0.01, checkpoints=3)
STEPS = 3 * 15
KEPT = [0, 1, 2, 6, 15, 30, 45]
"""Steps of which checkpoints stay: chosen moments, and whole epochs."""


@pytest.fixture
def store(tmp_path: Path, blobs: Loaded, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunStore]:
    monkeypatch.setattr(type(DATASETS["mnist"]), "load", lambda self, root=None: blobs)
    store = RunStore(tmp_path)
    yield store
    store.close()


@pytest.fixture
def run(store: RunStore) -> Run:
    return store.create(NETWORK, CONFIG)


def plain_losses(blobs: Loaded) -> list[float]:
    return [e.loss for e in Trainer(NETWORK, CONFIG, blobs).run() if isinstance(e, Batch)]


def posting(mailbox: Mailbox, **at: Command) -> Callable[[Event, Trainer], None]:
    """Post a command when a step (`step7=`) is done."""

    def on_event(event: Event, trainer: Trainer) -> None:
        if isinstance(event, Batch) and (command := at.pop(f"step{event.step}", None)):
            mailbox.post(command)

    return on_event


def test_a_finished_run_has_everything(store: RunStore, run: Run, blobs: Loaded) -> None:
    assert train_run(store, run.id) is Status.FINISHED
    done = store.run(run.id)
    assert (done.status, done.step, done.steps, done.attempt) == (Status.FINISHED, STEPS, STEPS, 1)
    assert store.history.curve(run.id).loss.tolist() == np.float32(plain_losses(blobs)).tolist()
    epochs = store.history.epochs(run.id)
    assert [epoch.epoch for epoch in epochs] == [1, 2, 3]
    assert done.test_accuracy == epochs[-1].test_accuracy
    assert store.checkpoints.steps(run.id) == KEPT
    live = Preview.load(store.folder(run.id))
    assert live is not None
    assert live.step == STEPS
    assert done.seconds > 0


@pytest.mark.parametrize("ending", [Action.STOP, Action.SHUTDOWN])
def test_a_run_ended_anywhere_goes_on_as_if_nothing_had_been(
    store: RunStore, run: Run, blobs: Loaded, ending: Action
) -> None:
    mailbox = Mailbox()
    status = train_run(store, run.id, mailbox, posting(mailbox, step22=Command(ending)))
    assert status is (Status.STOPPED if ending is Action.STOP else Status.INTERRUPTED)
    assert store.run(run.id).reason
    assert store.run(run.id).step == 22
    assert train_run(store, run.id) is Status.FINISHED
    assert store.run(run.id).attempt == 2
    assert store.history.curve(run.id).loss.tolist() == np.float32(plain_losses(blobs)).tolist()
    assert store.checkpoints.steps(run.id) == KEPT  # the one to resume from has had its use


def test_one_batch_and_one_epoch_pause_where_they_should(store: RunStore, run: Run) -> None:
    seen: list[tuple[int, Status]] = []
    orders = iter([Command(Action.EPOCH), Command(Action.EPOCH), Command(Action.RESUME)])

    class Stepping(Mailbox):
        def wait(self) -> Command:
            seen.append((store.run(run.id).step, store.run(run.id).status))
            return next(orders)

    mailbox = Stepping()
    mailbox.post(Command(Action.BATCH))
    assert train_run(store, run.id, mailbox) is Status.FINISHED
    assert seen == [(1, Status.PAUSED), (15, Status.PAUSED), (30, Status.PAUSED)]


def test_a_run_that_begins_paused_takes_no_step(store: RunStore, run: Run) -> None:
    seen: list[tuple[int, Status]] = []

    class Waiting(Mailbox):
        def wait(self) -> Command:
            seen.append((store.run(run.id).step, store.run(run.id).status))
            return Command(Action.RESUME)

    mailbox = Waiting()
    mailbox.post(Command(Action.PAUSE))
    assert train_run(store, run.id, mailbox) is Status.FINISHED
    assert seen == [(0, Status.PAUSED)]


def test_changes_are_recorded_and_repeated_after_a_crash(store: RunStore, run: Run) -> None:
    """A process that dies leaves curve and changes beyond its last checkpoint; the resumed one must meet them again."""
    mailbox = Mailbox()
    ended = posting(mailbox, step18=Command(Action.SET, "lr", 0.2), step40=Command(Action.STOP))
    train_run(store, run.id, mailbox, ended)
    first = store.history.curve(run.id).loss[:40].tolist()
    assert [tuple(change) for change in store.history.changes(run.id)] == [(18, "lr", 0.01, 0.2)]
    for step in (30, 40):  # as if it had been killed: only the checkpoint of the first epoch is there
        store.checkpoints.path(run.id, step).unlink(missing_ok=True)
    assert train_run(store, run.id) is Status.FINISHED
    curve = store.history.curve(run.id)
    assert curve.loss[:40].tolist() == first
    assert curve.lr[[17, 18]].tolist() == pytest.approx([0.01, 0.2])


def test_impossible_changes_do_no_harm(store: RunStore, run: Run) -> None:
    mailbox = Mailbox()
    orders = posting(mailbox, step2=Command(Action.SET, "lr", -3.0), step4=Command(Action.SET, "epochs", 9))
    assert train_run(store, run.id, mailbox, orders) is Status.FINISHED
    assert store.history.changes(run.id) == []


def test_a_diverged_run_says_what_to_try_and_keeps_finite_weights(store: RunStore) -> None:
    run = store.create(NetworkSpec((Dense(32, "identity"),)), CONFIG.with_(lr=100.0))
    assert train_run(store, run.id) is Status.DIVERGED
    reason = store.run(run.id).reason
    assert "learning rate of 100" in reason
    assert "Try a learning rate of 0.1 or less" in reason
    weights = store.checkpoints.load(run.id).model.values()
    assert all(bool(tensor.isfinite().all()) for tensor in weights)


def test_a_deleted_run_ends_without_a_trace(store: RunStore, run: Run) -> None:
    def delete(event: Event, trainer: Trainer) -> None:
        if isinstance(event, Epoch) and event.epoch == 1:
            store.delete(run.id)

    assert train_run(store, run.id, on_event=delete) in (Status.STOPPED, Status.FAILED)
    assert store.runs() == []
    assert not store.folder(run.id).exists()


def test_a_full_disk_is_said_and_what_was_recorded_stays(
    store: RunStore, run: Run, blobs: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    save, calls = Checkpoint.save, list[Path]()

    def full(self: Checkpoint, path: Path) -> None:
        calls.append(path)
        if path.stem == "000000030" and calls.count(path) == 1:
            raise OSError(28, "No space left on device", str(path))
        save(self, path)

    monkeypatch.setattr(Checkpoint, "save", full)
    assert train_run(store, run.id) is Status.FAILED
    failed = store.run(run.id)
    assert "No space left" in failed.reason
    assert "resume" in failed.reason
    assert [epoch.epoch for epoch in store.history.epochs(run.id)] == [1]
    assert train_run(store, run.id) is Status.FINISHED
    assert store.history.curve(run.id).loss.tolist() == np.float32(plain_losses(blobs)).tolist()


def test_whatever_goes_wrong_is_recorded(store: RunStore, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: object, **kwargs: object) -> None:
        raise ZeroDivisionError("no such luck")

    monkeypatch.setattr(recorder, "preview", broken)
    assert train_run(store, run.id) is Status.FAILED
    assert "ZeroDivisionError: no such luck" in store.run(run.id).reason


def test_old_epochs_are_let_go_when_the_budget_is_spent(
    store: RunStore, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = store.create(NETWORK, CONFIG.with_(epochs=12, batch_size=300))
    train_run(store, run.id)
    size = store.checkpoints.path(run.id, 15).stat().st_size
    monkeypatch.setattr(recorder, "CHECKPOINT_BUDGET", 6 * size)
    train_run(store, long.id)
    kept = store.checkpoints.steps(long.id)
    assert kept[0] == 0
    assert kept[-1] == 12
    assert 3 <= len(kept) <= 6


class Paced(Mailbox):
    """Notes for how long it is to wait, and does not."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float] = []

    def wait_at_most(self, seconds: float) -> None:
        self.waits.append(seconds)


def test_a_pace_waits_after_each_step_and_changes_nothing_else(store: RunStore, run: Run, blobs: Loaded) -> None:
    mailbox = Paced()
    mailbox.post(Command(Action.PACE, value=0.25))
    orders = posting(mailbox, step20=Command(Action.PACE, value=0.0), step41=Command(Action.PACE, value=0.5))
    assert train_run(store, run.id, mailbox, orders) is Status.FINISHED
    assert mailbox.waits == [0.25] * 20 + [0.5] * (STEPS - 41)
    assert store.history.curve(run.id).loss.tolist() == np.float32(plain_losses(blobs)).tolist()
    assert store.checkpoints.steps(run.id) == KEPT
    assert store.history.changes(run.id) == []


@pytest.mark.parametrize(("asked", "waited"), [(1e9, [SLOWEST] * STEPS), (-1.0, []), (0.0, [])])
def test_a_pace_is_bounded(store: RunStore, run: Run, asked: float, waited: list[float]) -> None:
    mailbox = Paced()
    mailbox.post(Command(Action.PACE, value=asked))
    assert train_run(store, run.id, mailbox) is Status.FINISHED
    assert mailbox.waits == waited


def test_a_pace_holds_for_steps_of_one_and_after_a_pause(store: RunStore, run: Run) -> None:
    seen = list[int]()
    orders = iter([Command(Action.BATCH), Command(Action.RESUME)])

    class Stepping(Paced):
        def wait(self) -> Command:
            seen.append(store.run(run.id).step)
            return next(orders)

    mailbox = Stepping()
    mailbox.post(Command(Action.PACE, value=0.25))
    mailbox.post(Command(Action.BATCH))
    assert train_run(store, run.id, mailbox) is Status.FINISHED
    assert seen == [1, 2]
    assert set(mailbox.waits) == {0.25}


@pytest.mark.parametrize("action", [Action.PAUSE, Action.STOP])
def test_a_slow_pace_is_left_at_once(
    store: RunStore, run: Run, monkeypatch: pytest.MonkeyPatch, action: Action
) -> None:
    monkeypatch.setattr(recorder, "SLOWEST", 10 * LIMIT_S)
    waits, paused = threading.Event(), threading.Event()

    class Watched(Mailbox):
        def wait_at_most(self, seconds: float) -> None:
            waits.set()
            super().wait_at_most(seconds)

        def wait(self) -> Command:
            paused.set()
            return Command(Action.STOP)

    mailbox = Watched()
    mailbox.post(Command(Action.PACE, value=10 * LIMIT_S))
    ended = list[Status]()
    training = threading.Thread(target=lambda: ended.append(train_run(store, run.id, mailbox)), daemon=True)
    training.start()
    assert waits.wait(LIMIT_S)
    mailbox.post(Command(action))
    training.join(LIMIT_S)
    assert ended == [Status.STOPPED]
    assert store.run(run.id).step == 1
    assert paused.is_set() == (action is Action.PAUSE)
