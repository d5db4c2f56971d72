"""What a pack leaves in the store: for each run what its training alone would have left, within rounding."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from nnviz.data.datasets import DATASETS, Loaded
from nnviz.executor import ensemble_recorder
from nnviz.executor.ensemble_recorder import train_ensemble
from nnviz.executor.recorder import PRUNED, train_run
from nnviz.spec.layers.dense import Dense
from nnviz.spec.network import NetworkSpec, build_model
from nnviz.spec.train_config import TrainConfig
from nnviz.store.run import Run, Status
from nnviz.store.runs import RunStore
from nnviz.store.writer import StoreWriter
from nnviz.train.checkpoint import Checkpoint
from nnviz.train.commands import Action, Command, Mailbox
from nnviz.train.ensemble import EnsembleBatch, EnsembleEpoch, EnsembleTrainer
from nnviz.train.evaluation import answers_are_finite

NETWORK = NetworkSpec((Dense(16),))
CONFIG = TrainConfig(epochs=3, batch_size=20, checkpoints=2)
RATES = (0.001, 0.01, 0.05)
STEPS = 3 * 15

Hook = Callable[[int], None]
"""Called with the number of steps done after each."""


@pytest.fixture
def store(tmp_path: Path, blobs: Loaded, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunStore]:
    monkeypatch.setattr(type(DATASETS["mnist"]), "load", lambda self, root=None: blobs)
    store = RunStore(tmp_path / "packed")
    yield store
    store.close()


@pytest.fixture
def runs(store: RunStore) -> list[Run]:
    return [store.create(NETWORK, CONFIG.with_(lr=rate)) for rate in RATES]


@pytest.fixture
def alone(store: RunStore, tmp_path: Path) -> Iterator[tuple[RunStore, list[Run]]]:
    """The same trainings one by one, in a store of their own."""
    other = RunStore(tmp_path / "alone")
    made = [other.create(NETWORK, CONFIG.with_(lr=rate)) for rate in RATES]
    for run in made:
        assert train_run(other, run.id) is Status.FINISHED
    yield other, [other.run(run.id) for run in made]
    other.close()


def ids(runs: list[Run]) -> tuple[str, ...]:
    return tuple(run.id for run in runs)


def after_steps(monkeypatch: pytest.MonkeyPatch, hook: Hook) -> None:
    """Do something after a step, before the recorder sees it."""
    run = EnsembleTrainer.run

    def hooked(self: EnsembleTrainer) -> Iterator[object]:
        for event in run(self):
            if isinstance(event, EnsembleBatch):
                hook(event.step)
            yield event

    monkeypatch.setattr(EnsembleTrainer, "run", hooked)


def posting(monkeypatch: pytest.MonkeyPatch, mailbox: Mailbox, **at: Command) -> None:
    """Post a command when a step (`step7=`) is done."""

    def post(step: int) -> None:
        if command := at.pop(f"step{step}", None):
            mailbox.post(command)

    after_steps(monkeypatch, post)


def assert_recorded_as_alone(store: RunStore, run: Run, alone: tuple[RunStore, list[Run]]) -> None:
    other, twins = alone
    twin = next(one for one in twins if one.config == run.config)
    mine, theirs = store.history.curve(run.id), other.history.curve(twin.id)
    assert mine.step.tolist() == theirs.step.tolist() == list(range(1, STEPS + 1))
    np.testing.assert_allclose(mine.loss, theirs.loss, rtol=2e-4, atol=2e-5)
    np.testing.assert_allclose(mine.accuracy, theirs.accuracy, atol=1.01 / 20)
    np.testing.assert_allclose(mine.lr, theirs.lr, rtol=1e-6)
    for epoch, other_epoch in zip(store.history.epochs(run.id), other.history.epochs(twin.id), strict=True):
        assert epoch[:2] == other_epoch[:2]
        assert epoch[2:] == pytest.approx(other_epoch[2:], rel=2e-4, abs=0.011)
    last, other_last = store.checkpoints.load(run.id), other.checkpoints.load(twin.id)
    assert last.position[:4] == other_last.position[:4]
    for part, other_part in ((last.model, other_last.model), (last.optimizer, other_last.optimizer)):
        assert part.keys() == other_part.keys()
        for key, tensor in part.items():
            torch.testing.assert_close(tensor, other_part[key], rtol=2e-4, atol=2e-5)
    assert store.checkpoints.steps(run.id)[0] == 0
    first, other_first = store.checkpoints.load(run.id, 0).model, other.checkpoints.load(twin.id, 0).model
    assert all(torch.equal(tensor, other_first[key]) for key, tensor in first.items())


def test_a_finished_pack_has_everything(store: RunStore, runs: list[Run], alone: tuple[RunStore, list[Run]]) -> None:
    train_ensemble(store, ids(runs))
    for run in runs:
        done = store.run(run.id)
        assert (done.status, done.reason, done.step, done.steps) == (Status.FINISHED, "", STEPS, STEPS)
        assert (done.ensemble, done.attempt, done.threads, done.device) == (3, 1, 1, "cpu")
        assert done.seconds > 0
        assert done.test_accuracy == store.history.epochs(run.id)[-1].test_accuracy
        assert store.checkpoints.steps(run.id) == [0, STEPS]
        assert_recorded_as_alone(store, run, alone)


@pytest.mark.parametrize("checkpoints", [False, True])
def test_a_pack_that_was_shut_down_goes_on_as_if_nothing_had_been(
    store: RunStore,
    runs: list[Run],
    alone: tuple[RunStore, list[Run]],
    monkeypatch: pytest.MonkeyPatch,
    checkpoints: bool,
) -> None:
    if checkpoints:  # at every event, not every so many seconds
        monkeypatch.setattr(ensemble_recorder, "CHECKPOINT_EVERY", 0)
        monkeypatch.setattr(ensemble_recorder, "RECORD_EVERY", 0)
    mailbox = Mailbox()
    with monkeypatch.context() as patch:
        posting(patch, mailbox, step22=Command(Action.SHUTDOWN, "The machine was wanted."))
        train_ensemble(store, ids(runs), mailbox)
    for run in runs:
        left = store.run(run.id)
        assert (left.status, left.reason) == (Status.INTERRUPTED, "The machine was wanted.")
        assert left.step == 22
        assert store.checkpoints.steps(run.id) == [0, 22]
    train_ensemble(store, ids(runs))
    for run in runs:
        done = store.run(run.id)
        assert (done.status, done.attempt) == (Status.FINISHED, 2)
        assert store.checkpoints.steps(run.id) == [0, STEPS]
        assert_recorded_as_alone(store, run, alone)


def test_a_pack_that_was_killed_goes_on_from_its_last_checkpoint(
    store: RunStore, runs: list[Run], alone: tuple[RunStore, list[Run]], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def kill(step: int) -> None:
        if step == 22:
            raise Killed

    monkeypatch.setattr(ensemble_recorder, "RECORD_EVERY", 0)
    with monkeypatch.context() as patch:
        patch.setattr(ensemble_recorder, "CHECKPOINT_EVERY", 0)
        after_steps(patch, kill)
        with pytest.raises(Killed):
            train_ensemble(store, ids(runs))
    assert [store.checkpoints.steps(run.id) for run in runs] == [[0, 21]] * 3
    train_ensemble(store, ids(runs))
    for run in runs:
        assert store.run(run.id).status is Status.FINISHED
        assert store.checkpoints.steps(run.id) == [0, STEPS]
        assert_recorded_as_alone(store, run, alone)


@pytest.mark.parametrize(
    ("action", "status", "reason"),
    [(Action.STOP, Status.STOPPED, "Stopped by hand."), (Action.PRUNE, Status.PRUNED, PRUNED)],
)
def test_one_is_stopped_and_the_others_go_on(
    store: RunStore,
    runs: list[Run],
    alone: tuple[RunStore, list[Run]],
    monkeypatch: pytest.MonkeyPatch,
    action: Action,
    status: Status,
    reason: str,
) -> None:
    mailbox = Mailbox()
    posting(monkeypatch, mailbox, step20=Command(action, run=runs[1].id))
    train_ensemble(store, ids(runs), mailbox)
    stopped = store.run(runs[1].id)
    assert (stopped.status, stopped.reason, stopped.step) == (status, reason, 20)
    assert store.checkpoints.steps(stopped.id) == [0, 20]
    assert len(store.history.epochs(stopped.id)) == 1
    for run in (runs[0], runs[2]):
        assert store.run(run.id).status is Status.FINISHED
        assert_recorded_as_alone(store, run, alone)
    train_ensemble(store, (stopped.id,))  # it may go on by itself later
    assert store.run(stopped.id).status is Status.FINISHED
    assert_recorded_as_alone(store, stopped, alone)


def test_all_are_stopped(store: RunStore, runs: list[Run], monkeypatch: pytest.MonkeyPatch) -> None:
    mailbox = Mailbox()
    posting(monkeypatch, mailbox, step20=Command(Action.STOP))
    train_ensemble(store, ids(runs), mailbox)
    assert [(store.run(run.id).status, store.run(run.id).step) for run in runs] == [(Status.STOPPED, 20)] * 3


def test_a_pause_is_of_all_and_costs_nothing(
    store: RunStore, runs: list[Run], alone: tuple[RunStore, list[Run]], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[Status]] = []

    class Pausing(Mailbox):
        def wait(self) -> Command:
            seen.append([store.run(run.id).status for run in runs])
            assert [store.checkpoints.load(run.id).position.step for run in runs] == [18] * 3  # safe, whatever comes
            return [Command(Action.STOP, run=runs[0].id), Command(Action.RESUME, run=runs[1].id)][len(seen) - 1]

    mailbox = Pausing()
    posting(monkeypatch, mailbox, step18=Command(Action.PAUSE, run=runs[2].id))
    train_ensemble(store, ids(runs), mailbox)
    assert seen == [[Status.PAUSED] * 3, [Status.STOPPED, Status.PAUSED, Status.PAUSED]]
    assert store.run(runs[0].id).status is Status.STOPPED
    for run in runs[1:]:
        assert store.run(run.id).status is Status.FINISHED
        assert_recorded_as_alone(store, run, alone)


@pytest.mark.parametrize("step", [1, 20])
def test_one_that_is_deleted_leaves_no_trace_and_the_others_go_on(
    store: RunStore, runs: list[Run], alone: tuple[RunStore, list[Run]], monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    after_steps(monkeypatch, lambda done: store.delete(runs[1].id) if done == step else None)
    train_ensemble(store, ids(runs))
    assert {run.id for run in store.runs()} == {runs[0].id, runs[2].id}
    assert not store.folder(runs[1].id).exists()
    for run in (runs[0], runs[2]):
        assert store.run(run.id).status is Status.FINISHED
        assert_recorded_as_alone(store, run, alone)


def test_one_that_is_deleted_before_it_begins(
    store: RunStore, runs: list[Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also in the moment in which the data are loaded."""
    init = EnsembleTrainer.__init__

    def deleting(self: EnsembleTrainer, *args: object, **kwargs: object) -> None:
        init(self, *args, **kwargs)  # type: ignore[arg-type]
        store.delete(runs[1].id)

    store.delete(runs[0].id)
    monkeypatch.setattr(EnsembleTrainer, "__init__", deleting)
    train_ensemble(store, ids(runs))
    assert [(run.id, run.status) for run in store.runs()] == [(runs[2].id, Status.FINISHED)]
    store.delete(runs[2].id)
    train_ensemble(store, ids(runs))  # nothing is left to do
    assert store.runs() == []


def test_one_that_diverges_says_what_to_try_and_keeps_finite_weights(store: RunStore) -> None:
    wild = NetworkSpec((Dense(32, "identity"),))
    runs = [store.create(wild, CONFIG.with_(lr=rate)) for rate in (100.0, 0.001)]
    train_ensemble(store, ids(runs))
    diverged, other = (store.run(run.id) for run in runs)
    assert diverged.status is Status.DIVERGED
    assert "learning rate of 100" in diverged.reason
    assert "Try a learning rate of 0.1 or less" in diverged.reason
    last = store.checkpoints.load(diverged.id)
    assert f"as they were after step {last.position.step}." in diverged.reason
    assert all(bool(tensor.isfinite().all()) for tensor in last.model.values())
    assert len(store.history.curve(diverged.id).step) == diverged.step < STEPS
    assert other.status is Status.FINISHED
    assert len(store.history.epochs(other.id)) == 3


def test_a_checkpoint_written_while_it_ran_away_is_not_the_last_that_is_kept(
    store: RunStore, blobs: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its weights may be finite, and too large for its answers to be."""
    monkeypatch.setattr(ensemble_recorder, "RECORD_EVERY", 0.0)
    monkeypatch.setattr(ensemble_recorder, "CHECKPOINT_EVERY", 0.0)
    wild = NetworkSpec((Dense(32, "identity"),))
    runs = [store.create(wild, CONFIG.with_(lr=rate)) for rate in (100.0, 0.001)]
    written: list[int] = []
    drop = StoreWriter.drop
    monkeypatch.setattr(StoreWriter, "drop", lambda self, run, step: (written.append(step), drop(self, run, step)))
    train_ensemble(store, ids(runs))
    diverged = store.run(runs[0].id)
    assert diverged.status is Status.DIVERGED
    *_, last = store.checkpoints.steps(diverged.id)
    assert max(written) > last  # those of the steps in between were there, and are gone
    model = build_model(wild, blobs.dataset.input_shape, len(blobs.dataset.classes), 0)
    model.load_state_dict(store.checkpoints.load(diverged.id).model)
    assert answers_are_finite(model, blobs, torch.device("cpu"))


def test_a_full_disk_is_said_with_each_and_what_was_recorded_stays(
    store: RunStore, runs: list[Run], alone: tuple[RunStore, list[Run]], monkeypatch: pytest.MonkeyPatch
) -> None:
    mailbox, keep = Mailbox(), StoreWriter.keep

    def full(self: StoreWriter, run_id: str, checkpoint: Checkpoint) -> None:
        if checkpoint.position.step:
            raise OSError(28, "No space left on device")
        keep(self, run_id, checkpoint)

    with monkeypatch.context() as patch:
        posting(patch, mailbox, step22=Command(Action.PAUSE))
        patch.setattr(StoreWriter, "keep", full)
        train_ensemble(store, ids(runs), mailbox)
    for run in runs:
        failed = store.run(run.id)
        assert failed.status is Status.FAILED
        assert "No space left" in failed.reason
        assert "resume" in failed.reason
        assert [epoch.epoch for epoch in store.history.epochs(run.id)] == [1]
        assert store.checkpoints.steps(run.id) == [0]
    train_ensemble(store, ids(runs))
    for run in runs:
        assert store.run(run.id).status is Status.FINISHED
        assert_recorded_as_alone(store, run, alone)


def test_a_disk_that_is_full_at_the_end_fails_those_that_could_not_be_kept(
    store: RunStore, runs: list[Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    keep = StoreWriter.keep

    def full(self: StoreWriter, run_id: str, checkpoint: Checkpoint) -> None:
        if run_id == runs[1].id and checkpoint.position.step:
            raise OSError(28, "No space left on device")
        keep(self, run_id, checkpoint)

    monkeypatch.setattr(StoreWriter, "keep", full)
    train_ensemble(store, ids(runs))
    assert [store.run(run.id).status for run in runs] == [Status.FINISHED, Status.FAILED, Status.FAILED]


def test_whatever_goes_wrong_is_recorded(store: RunStore, runs: list[Run], monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(step: int) -> None:
        if step == 9:
            raise ZeroDivisionError("no such luck")

    after_steps(monkeypatch, broken)
    train_ensemble(store, ids(runs))
    for run in runs:
        assert store.run(run.id).status is Status.FAILED
        assert "ZeroDivisionError: no such luck" in store.run(run.id).reason


def test_runs_that_do_not_go_together_say_so(store: RunStore, runs: list[Run]) -> None:
    other = store.create(NETWORK, CONFIG.with_(batch_size=30))
    train_ensemble(store, (runs[0].id, other.id))
    for run_id in (runs[0].id, other.id):
        assert store.run(run_id).status is Status.FAILED
        assert "must agree" in store.run(run_id).reason
    train_ensemble(store, (runs[1].id,))
    train_ensemble(store, (runs[1].id, runs[2].id))
    assert "no checkpoint" in store.run(runs[2].id).reason


def test_readers_find_a_run_in_the_middle_consistent(
    store: RunStore, runs: list[Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    """When an epoch is there, so are all its steps."""
    seen: list[tuple[int, int]] = []
    run = EnsembleTrainer.run

    def watched(self: EnsembleTrainer) -> Iterator[object]:
        for event in run(self):
            yield event
            if isinstance(event, EnsembleEpoch):
                seen.append((len(store.history.epochs(runs[0].id)), len(store.history.curve(runs[0].id).step)))

    monkeypatch.setattr(EnsembleTrainer, "run", watched)
    train_ensemble(store, ids(runs))
    assert seen == [(1, 15), (2, 30), (3, 45)]
