"""What a run records so that it can be looked into: moments, norms, its present state; and forks from any moment."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from nnviz.data.datasets import Dataset, Loaded
from nnviz.executor import recorder
from nnviz.executor.recorder import train_run
from nnviz.export.script import training_script
from nnviz.fields import SpecError
from nnviz.spec.layers.conv import Conv
from nnviz.spec.layers.dense import Dense
from nnviz.spec.layers.pool import MaxPool
from nnviz.spec.network import NetworkSpec
from nnviz.spec.optimizers import OPTIMIZERS
from nnviz.spec.train_config import TrainConfig, checkpoint_bytes
from nnviz.store.run import Status
from nnviz.store.runs import RunStore
from nnviz.train import events, trainer
from nnviz.train.checkpoint import Checkpoint, CheckpointError, kept_steps
from nnviz.train.commands import Action, Command, Mailbox
from nnviz.train.events import Batch, Event
from nnviz.train.trainer import Trainer
from tests.store.downgrade import before_versions
from tests.waiting import LIMIT_S

NETWORK = NetworkSpec((Dense(16),))
CONFIG = TrainConfig(epochs=3, batch_size=20, lr=0.01, checkpoints=5)  # 45 steps
CNN = NetworkSpec((Conv(3), MaxPool(), Dense(8)))


@pytest.fixture
def store(tmp_path: Path, blobs: Loaded, monkeypatch: pytest.MonkeyPatch) -> RunStore:
    monkeypatch.setattr(Dataset, "load", lambda self, root=None: blobs)
    return RunStore(tmp_path)


def trained(store: RunStore, config: TrainConfig = CONFIG, network: NetworkSpec = NETWORK, **options: Any) -> str:
    run = store.create(network, config)
    assert train_run(store, run.id, **options) is Status.FINISHED
    return run.id


def posting(mailbox: Mailbox, **commands: Command) -> Any:
    """Posts a command after a step: `step18=Command(…)`."""

    def on_event(event: Event, trainer: Trainer) -> None:
        if isinstance(event, Batch) and (command := commands.get(f"step{event.step}")):
            mailbox.post(command)

    return on_event


class Killed(BaseException):
    """Ends a training as a kill does: nothing more is written."""


def killed(store: RunStore, run_id: str, step: int, on_event: Callable[[Event, Trainer], None] | None = None) -> None:
    """Train up to `step` and die there."""

    def die(event: Event, trainer: Trainer) -> None:
        if on_event:
            on_event(event, trainer)
        if isinstance(event, Batch) and event.step == step:
            raise Killed

    with pytest.raises(Killed):
        train_run(store, run_id, on_event=die)


# ---------------------------------------------------------------------- moments


@pytest.mark.parametrize(("total", "count"), [(0, 2), (1, 30), (3, 2), (45, 5), (9380, 30), (9380, 300), (10**6, 30)])
def test_moments_are_denser_at_the_start_and_bounded(total: int, count: int) -> None:
    steps = kept_steps(total, count)
    assert steps == sorted(set(steps))
    assert steps[0] == 0
    assert steps[-1] == total
    assert len(steps) <= count + 3
    if total > 1000:
        gaps = np.diff(steps)
        assert gaps[:2].max() == 1
        assert gaps[len(gaps) // 2] < gaps[-1] / 3
        assert gaps[-1] < 3.2 * total / count


def test_a_run_keeps_the_moments_and_whole_epochs(store: RunStore) -> None:
    assert store.checkpoints.steps(trained(store)) == sorted({*kept_steps(45, 5), 15, 30, 45})


def test_epochs_do_not_add_more_snapshots_than_asked_for(store: RunStore) -> None:
    run = trained(store, CONFIG.with_(epochs=24, batch_size=300, checkpoints=4))
    assert len(store.checkpoints.steps(run)) <= 2 * 4 + 3


def test_another_batch_size_moves_the_moments_to_come(store: RunStore) -> None:
    mailbox = Mailbox()
    run = trained(store, mailbox=mailbox, on_event=posting(mailbox, step15=Command(Action.SET, "batch_size", 10)))
    assert store.run(run).steps == 15 + 2 * 30
    assert {step for step in kept_steps(75, 5) if step > 15} <= set(store.checkpoints.steps(run))


def changing_batch_size(event: Event, trainer: Trainer) -> None:
    if isinstance(event, Batch) and event.step == 17 and trainer.config.batch_size == 20:
        trainer.change("batch_size", 10)


@pytest.mark.parametrize("at", [18, 20, 31, 36, 60])
@pytest.mark.parametrize("change", [None, changing_batch_size])
def test_a_killed_run_goes_on_to_the_same_curve_and_the_same_moments(
    store: RunStore, monkeypatch: pytest.MonkeyPatch, at: int, change: Callable[[Event, Trainer], None] | None
) -> None:
    config = CONFIG.with_(epochs=5)
    whole = trained(store, config, on_event=change)
    run = store.create(NETWORK, config)
    killed(store, run.id, at, change)
    monkeypatch.setattr(recorder, "RECORD_EVERY", 0.0)
    monkeypatch.setattr(recorder, "CHECKPOINT_EVERY", 0.0)  # each lets the one before go; none of those to be kept
    assert train_run(store, run.id, on_event=change) is Status.FINISHED
    assert store.history.curve(run.id).loss.tolist() == store.history.curve(whole).loss.tolist()
    assert store.checkpoints.steps(run.id) == store.checkpoints.steps(whole)
    assert store.history.norms(run.id).step.tolist() == store.history.norms(whole).step.tolist()


@pytest.mark.parametrize("step", [0, 2, 6, 15, 19])
def test_a_moment_at_which_a_run_was_paused_is_kept(store: RunStore, step: int) -> None:
    class Patient(Mailbox):
        def wait(self) -> Command:
            return Command(Action.RESUME)

    mailbox = Patient()
    if not step:
        mailbox.post(Command(Action.PAUSE))
    run = trained(store, mailbox=mailbox, on_event=posting(mailbox, **{f"step{step}": Command(Action.PAUSE)}))
    assert store.checkpoints.steps(run) == sorted({*kept_steps(45, 5), 15, 30, 45})


def test_a_large_net_keeps_fewer_but_its_first_steps_too(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    config = CONFIG.with_(epochs=40, batch_size=100, checkpoints=300)  # 120 steps
    budget = 16 * checkpoint_bytes(NETWORK, config)
    monkeypatch.setattr(recorder, "CHECKPOINT_BUDGET", budget)
    steps = store.checkpoints.steps(run := trained(store, config))
    assert steps[:3] == [0, 1, 2]
    assert steps[-1] == 120
    assert len(steps) >= 8
    assert sum(store.checkpoints.path(run, step).stat().st_size for step in steps) <= budget


def test_the_number_of_snapshots_is_of_no_concern_to_a_script() -> None:
    assert training_script(NETWORK, CONFIG) == training_script(NETWORK, CONFIG.with_(checkpoints=99))


def test_the_number_of_snapshots_does_not_touch_the_curve(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    many, few = trained(store), trained(store, CONFIG.with_(checkpoints=2))
    monkeypatch.setattr(trainer, "NORM_ROWS", 0)
    bare = trained(store, CONFIG.with_(checkpoints=2))
    assert (
        store.history.curve(many).loss.tolist()
        == store.history.curve(few).loss.tolist()
        == store.history.curve(bare).loss.tolist()
    )
    assert not len(store.history.norms(bare).step)


@pytest.mark.parametrize("momentum", [0.9, 0.0])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_what_a_snapshot_costs_is_what_it_takes_on_the_disk(store: RunStore, optimizer: str, momentum: float) -> None:
    config = CONFIG.with_(optimizer=optimizer, momentum=momentum, epochs=1)
    run = trained(store, config)
    size = store.checkpoints.path(run, 15).stat().st_size
    assert size == pytest.approx(checkpoint_bytes(NETWORK, config), rel=0.05)


# ---------------------------------------------------------------------- norms


@pytest.mark.parametrize("network", [NETWORK, CNN])
def test_norms_are_those_of_plain_pytorch(blobs: Loaded, network: NetworkSpec) -> None:
    trainer = Trainer(network, CONFIG.with_(epochs=1), blobs)
    names = [name for name, p in trainer.model.named_parameters() if name.endswith("weight") and p.dim() > 1]
    before = {name: trainer.model.get_parameter(name).detach().clone() for name in names}
    seen = 0
    for event in trainer.run():
        if isinstance(event, Batch) and (norms := event.norms):
            now = {name: trainer.model.get_parameter(name) for name in names}
            for place, name in enumerate(names):
                gradient = now[name].grad
                assert gradient is not None
                assert norms.weight[place] == pytest.approx(float(before[name].norm()), rel=1e-5)
                assert norms.gradient[place] == pytest.approx(float(gradient.norm()), rel=1e-5)
                assert norms.update[place] == pytest.approx(float((now[name] - before[name]).detach().norm()), rel=1e-4)
            before = {name: value.detach().clone() for name, value in now.items()}
            seen += 1
            assert norms.step == event.step == seen
    assert seen == 15


def test_norms_are_kept_for_every_layer_and_survive_a_resume(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainer, "NORM_APART", 1)
    whole = store.history.norms(trained(store))
    run, mailbox = store.create(NETWORK, CONFIG), Mailbox()
    train_run(store, run.id, mailbox, posting(mailbox, step22=Command(Action.STOP)))
    assert train_run(store, run.id) is Status.FINISHED
    again = store.history.norms(run.id)
    assert whole.layers == ("dense1", "output")
    assert whole.step.tolist() == list(range(1, 46))
    for one, other in zip(whole[2:], again[2:], strict=True):
        assert one.shape == (45, 2)
        np.testing.assert_array_equal(one, other)


def test_long_trainings_are_measured_now_and_then(blobs: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainer, "NORM_ROWS", 5)
    assert measured(blobs) == [*range(1, 21), 40]
    monkeypatch.setattr(trainer, "NORM_APART", 1)
    assert measured(blobs) == [*range(1, 21), 27, 36, 45]


def measured(blobs: Loaded) -> list[int]:
    events = Trainer(NETWORK, CONFIG, blobs).run()
    return [event.step for event in events if isinstance(event, Batch) and event.norms]


# ---------------------------------------------------------------------- the present state


def test_only_a_watched_run_shows_its_present_state(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "RECORD_EVERY", 0.0)
    monkeypatch.setattr(recorder, "SHOW_EVERY", 0.0)
    monkeypatch.setattr(recorder, "SHOW_CROWDED_EVERY", 0.0)
    monkeypatch.setattr(recorder, "SHOW_SHARE", 1e9)
    run = store.create(NETWORK, CONFIG)
    seen: list[int] = []

    def preview(event: Event, trainer: Trainer) -> None:
        if isinstance(event, Batch):
            if event.step == 10:
                assert not store.present.path(run.id).exists()
                store.present.watch(run.id)
            checkpoint = store.present.newest(run.id)
            assert checkpoint is not None
            seen.append(checkpoint.position.step)
            if event.step == 30:
                expected = trainer.model.state_dict()
                assert checkpoint.position.step == 29
                assert not torch.equal(checkpoint.model["dense1.weight"], expected["dense1.weight"])
                assert "0.momentum_buffer" in checkpoint.optimizer

    assert train_run(store, run.id, on_event=preview) is Status.FINISHED
    assert seen[10:] == list(range(10, 45))
    assert store.history.curve(run.id).loss.tolist() == store.history.curve(trained(store)).loss.tolist()
    assert not store.present.path(run.id).exists()
    last = store.present.newest(run.id)
    assert last is not None
    assert last.position.step == 45


def test_a_paused_run_shows_the_step_it_stands_at(store: RunStore) -> None:
    run = store.create(NETWORK, CONFIG)
    store.present.watch(run.id)
    seen: list[int] = []
    orders = iter([Command(Action.BATCH), Command(Action.BATCH), Command(Action.STOP)])

    class Stepping(Mailbox):
        def wait(self) -> Command:
            checkpoint = store.present.newest(run.id)
            assert checkpoint is not None
            seen.append(checkpoint.position.step)
            return next(orders)

    mailbox = Stepping()
    mailbox.post(Command(Action.BATCH))
    train_run(store, run.id, mailbox)
    assert seen == [1, 2, 3]


def test_showing_a_large_net_takes_its_share_of_the_time_only(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    run = store.create(NETWORK, CONFIG)
    one = recorder._Recorder(store, run.id, Mailbox(), None)
    one.start(1)
    puts: list[str] = []

    def put(run_id: str, checkpoint: Checkpoint) -> None:  # takes two seconds
        puts.append(run_id)
        clock.now += 2.0

    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(store.present, "put", put)
    monkeypatch.setattr(recorder, "time", SimpleNamespace(monotonic=lambda: clock.now, thread_time=lambda: clock.now))
    store.present.watch(run.id)
    for _ in range(3000):  # 300 seconds, and those that the writing takes
        one._show(clock.now)
        clock.now += 0.1
    assert puts == [run.id] * len(puts)
    assert len(puts) >= 2
    assert 2.0 * len(puts) <= 0.04 * (clock.now - 100)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_training_on_all_cores_shows_itself_less_often(
    store: RunStore, monkeypatch: pytest.MonkeyPatch, threads: int
) -> None:
    monkeypatch.setattr(recorder, "cores", lambda: 2)
    one = recorder._Recorder(store, store.create(NETWORK, CONFIG).id, Mailbox(), None)
    one.start(threads)
    store.present.watch(one.run_id)
    one._show(100.0)
    assert one.next_show >= 100 + (recorder.SHOW_CROWDED_EVERY if threads == 2 else recorder.SHOW_EVERY)
    assert one.crowded is (threads == 2)


def test_what_is_shown_may_vanish_or_be_damaged(store: RunStore) -> None:
    run = trained(store)
    for damaged in (b"half a file", bytes(1000)):
        store.present.path(run).write_bytes(damaged)
        assert store.present.newest(run) is not None
    shown = Checkpoint.from_bytes(store.checkpoints.path(run, 45).read_bytes())
    store.present.put(run, shown)
    store.checkpoints.path(run, 45).write_bytes(b"half a file")
    newest = store.present.newest(run)
    assert newest is not None
    assert newest.position == shown.position
    for tensors in ("model", "optimizer"):
        wanted, got = getattr(shown, tensors), getattr(newest, tensors)
        assert wanted.keys() == got.keys()
        assert all(torch.equal(wanted[name], got[name]) for name in wanted)
    store.present.hide(run)
    newest = store.present.newest(run)
    assert newest is not None
    assert newest.position.step == 30


def test_a_state_that_is_being_written_is_waited_for_and_never_read_by_half(store: RunStore) -> None:
    run = trained(store)
    states = [store.checkpoints.load(run, step) for step in store.checkpoints.steps(run)]
    over = threading.Event()

    def write() -> None:
        while not over.is_set():
            for state in states:
                store.present.put(run, state)

    for step in store.checkpoints.steps(run)[1:]:
        store.checkpoints.path(run, step).unlink()
    store.present.put(run, states[0])
    thread = threading.Thread(target=write)
    thread.start()
    try:
        seen = set()
        until = time.monotonic() + LIMIT_S
        while len(seen) < len(states) and time.monotonic() < until:
            newest = store.present.newest(run)
            assert newest is not None
            (whole,) = (one for one in states if one.position == newest.position)
            assert all(torch.equal(tensor, newest.model[name]) for name, tensor in whole.model.items())
            seen.add(newest.position)
    finally:
        over.set()
        thread.join()
    assert len(seen) == len(states)


@pytest.mark.parametrize("named", ["version", "stamp"])
def test_the_version_changes_with_what_is_shown(store: RunStore, named: str) -> None:
    run = trained(store)
    kept = store.checkpoints.load(run, 45)
    told = getattr(store.present, named)
    assert told("no-such-run") == told("nor-this-one")
    versions = [told(run)]
    for _ in range(2):
        store.present.put(run, kept)
        versions.append(told(run))
    assert told(run) == versions[-1]
    store.present.hide(run)
    store.checkpoints.path(run, 45).unlink()
    versions.append(told(run))
    assert len(set(versions)) == len(versions)


def test_at_the_end_of_an_epoch_the_present_is_after_its_test_pass(store: RunStore) -> None:
    run = store.create(NETWORK, CONFIG)

    def show_before_the_test_pass(event: Event, trainer: Trainer) -> None:
        if isinstance(event, Batch) and event.step == 15:
            store.present.put(run.id, trainer.checkpoint())

    killed(store, run.id, 16, show_before_the_test_pass)
    newest = store.present.newest(run.id)
    assert newest is not None
    assert (newest.position.step, newest.position.epoch) == (15, 1)


def test_a_disk_too_full_to_show_does_not_end_the_run(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "RECORD_EVERY", 0.0)
    run, asked = store.create(NETWORK, CONFIG), []

    def full(run_id: str, checkpoint: Checkpoint) -> None:
        asked.append(run_id)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store.present, "put", full)
    store.present.watch(run.id)
    assert train_run(store, run.id) is Status.FINISHED
    assert asked


def test_nothing_is_shown_of_a_run_that_has_not_begun_or_is_gone(store: RunStore) -> None:
    run = store.create(NETWORK, CONFIG)
    assert store.present.newest(run.id) is None
    store.delete(run.id)
    store.present.watch(run.id)
    assert not store.present.is_watched(run.id)
    assert store.present.newest(run.id) is None


def test_a_damaged_snapshot_is_named(store: RunStore) -> None:
    run = trained(store)
    store.checkpoints.path(run, 15).write_bytes(b"half a file")
    with pytest.raises(CheckpointError, match=r"000000015\.safetensors is damaged"):
        store.checkpoints.load(run, 15)


# ---------------------------------------------------------------------- forks


@pytest.mark.parametrize("step", [0, 2, 15, 19])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_an_unchanged_fork_repeats_the_curve_bit_for_bit(store: RunStore, optimizer: str, step: int) -> None:
    config = CONFIG.with_(optimizer=optimizer, lr=0.003)
    run = trained(store, config)
    child = store.fork(run, step, store.history.config_at(run, step))
    assert (child.parent, child.parent_step, child.status) == (run, step, Status.QUEUED)
    assert train_run(store, child.id) is Status.FINISHED
    assert store.history.curve(child.id).loss.tolist() == store.history.curve(run).loss.tolist()
    assert store.history.epochs(child.id) == store.history.epochs(run)
    np.testing.assert_array_equal(store.history.norms(child.id).update, store.history.norms(run).update)
    assert store.checkpoints.steps(child.id)[0] == step


def test_changes_before_the_fork_hold_in_it(store: RunStore) -> None:
    mailbox = Mailbox()
    run = trained(store, mailbox=mailbox, on_event=posting(mailbox, step10=Command(Action.SET, "lr", 0.05)))
    assert [store.history.config_at(run, step).lr for step in (3, 10, 15)] == [0.01, 0.05, 0.05]
    child = store.fork(run, 15, store.history.config_at(run, 15))
    train_run(store, child.id)
    assert store.history.curve(child.id).loss.tolist() == store.history.curve(run).loss.tolist()
    assert store.history.changes(child.id) == []


@pytest.mark.parametrize(
    "change",
    [
        {"lr": 0.1},
        {"momentum": 0.0},
        {"batch_size": 7},
        {"optimizer": "adam"},
        {"optimizer": "rmsprop"},
        {"seed": 5},
        {"epochs": 5},
        {"weight_decay": 0.01},
        {"nesterov": True},
        {"schedule": "cosine"},
        {"augment": "shift"},
    ],
)
def test_a_fork_goes_its_own_way_from_there(store: RunStore, change: dict[str, Any]) -> None:
    run = trained(store)
    child = store.fork(run, 15, CONFIG.with_(**change))
    assert train_run(store, child.id) is Status.FINISHED
    own, before = store.history.curve(child.id), store.history.curve(run)
    assert own.loss[:15].tolist() == before.loss[:15].tolist()
    assert np.isfinite(own.loss).all()
    assert own.loss[15:].tolist() != before.loss[15:].tolist()
    assert store.run(child.id).step == len(own.step)


def test_momentum_that_was_off_can_be_turned_on(store: RunStore) -> None:
    for optimizer in ("sgd", "rmsprop"):
        run = trained(store, CONFIG.with_(optimizer=optimizer, momentum=0.0, lr=0.001))
        child = store.fork(run, 15, CONFIG.with_(optimizer=optimizer, momentum=0.5, lr=0.001))
        assert train_run(store, child.id) is Status.FINISHED


def test_a_fork_of_a_fork_and_a_deleted_parent(store: RunStore) -> None:
    run = trained(store)
    child = store.fork(run, 15, CONFIG.with_(lr=0.02))
    train_run(store, child.id)
    grandchild = store.fork(child.id, 30, CONFIG.with_(lr=0.04), "the third")
    train_run(store, grandchild.id)
    assert store.history.lineage(grandchild.id) == [(run, 15), (child.id, 30), (grandchild.id, -1)]
    curve = store.history.curve(grandchild.id)
    assert curve.lr[[0, 14, 15, 29, 30, 44]].tolist() == pytest.approx([0.01, 0.01, 0.02, 0.02, 0.04, 0.04])
    assert [epoch.epoch for epoch in store.history.epochs(grandchild.id)] == [1, 2, 3]
    assert store.run(grandchild.id).name == "the third"
    store.delete(child.id)
    assert store.history.lineage(grandchild.id) == [(grandchild.id, -1)]
    own = store.history.curve(grandchild.id)
    assert np.isnan(own.loss[:30]).all()
    assert own.loss[30:].tolist() == curve.loss[30:].tolist()


def test_a_fork_keeps_the_number_of_threads_on_which_its_curve_depends(store: RunStore) -> None:
    run = trained(store, threads=3)
    assert store.fork(run, 15, CONFIG).threads == 3


def test_a_changed_batch_size_goes_into_a_fork_as_a_whole_number(store: RunStore) -> None:
    run = trained(store, CONFIG.with_(epochs=5), on_event=changing_batch_size)
    config = store.history.config_at(run, 30)
    assert (config.batch_size, type(config.batch_size)) == (10, int)
    step = next(step for step in store.checkpoints.steps(run) if step > 17)
    child = store.fork(run, step, store.history.config_at(run, step))
    train_run(store, child.id)
    assert store.history.curve(child.id).loss.tolist() == store.history.curve(run).loss.tolist()


def test_a_fork_in_the_middle_of_a_test_pass_tells_its_epoch_once(store: RunStore) -> None:
    run, mailbox = store.create(NETWORK, CONFIG), Mailbox()

    def stop(event: Event, trainer: Trainer) -> None:
        if isinstance(event, events.Tested) and not store.history.epochs(run.id):
            mailbox.post(Command(Action.STOP))

    assert train_run(store, run.id, mailbox, stop) is Status.STOPPED
    child = store.fork(run.id, 15, CONFIG)
    for one in (run.id, child.id):
        assert train_run(store, one) is Status.FINISHED
        assert [epoch.epoch for epoch in store.history.epochs(one)] == [1, 2, 3]
    assert store.history.epochs(child.id) == store.history.epochs(run.id)


def test_a_stopped_fork_can_be_resumed(store: RunStore) -> None:
    run = trained(store)
    child, mailbox = store.fork(run, 15, CONFIG), Mailbox()
    assert train_run(store, child.id, mailbox, posting(mailbox, step20=Command(Action.STOP))) is Status.STOPPED
    assert train_run(store, child.id) is Status.FINISHED
    assert store.history.curve(child.id).loss.tolist() == store.history.curve(run).loss.tolist()
    assert 15 in store.checkpoints.steps(child.id)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"data": "kmnist"}, "goes on with the data of its run: data must be mnist, not kmnist"),
        ({"per_class": 5}, "per_class must be 0, not 5"),
        ({"epochs": 1}, "epochs must be more than the 1 that are done after step 15, not 1"),
    ],
)
def test_what_can_not_go_on_is_refused(store: RunStore, change: dict[str, Any], words: str) -> None:
    run = trained(store)
    with pytest.raises(SpecError, match=words):
        store.fork(run, 15, CONFIG.with_(**change))
    with pytest.raises(CheckpointError, match="is gone"):
        store.fork(run, 14, CONFIG)
    assert len(store.runs()) == 1


def test_a_store_of_an_older_version_opens(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    old = store.create(NETWORK, CONFIG, "from before")
    store.close()
    before_versions(tmp_path, "parent", "parent_step")
    config = {name: value for name, value in CONFIG.to_dict().items() if name != "checkpoints"}
    with sqlite3.connect(tmp_path / "runs.sqlite") as db:
        db.execute("DROP TABLE norms")
        db.execute("UPDATE runs SET config = ?", (json.dumps(config),))
    db.close()
    store = RunStore(tmp_path)
    found = store.run(old.id)
    assert (found.name, found.parent, found.config) == ("from before", "", CONFIG.with_(checkpoints=30))
    assert store.history.lineage(old.id) == [(old.id, -1)]
    run = store.create(NETWORK, CONFIG)
    assert (run.parent, run.parent_step) == ("", 0)
    assert store.history.norms(run.id).weight.shape == (0, 2)
    store.close()
