"""What trainings do wherever they run. A test module brings the fixtures `store` and `executor`, with two places."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from nnviz.executor.local import LocalExecutor
from nnviz.executor.recorder import train_run
from nnviz.spec.layers.dense import Dense
from nnviz.spec.network import NetworkSpec
from nnviz.spec.train_config import TrainConfig
from nnviz.store.run import Run, Status
from nnviz.store.runs import RunStore
from nnviz.sweep.space import Axis
from nnviz.sweep.spec import SweepSpec
from nnviz.sweep.store import SweepStore
from nnviz.train.commands import Action, Command
from tests.waiting import wait_until

NETWORK = NetworkSpec((Dense(32),))
SHORT = TrainConfig(epochs=2, per_class=200)
LONG = TrainConfig(epochs=1000, per_class=1000)


def started(store: RunStore, executor: LocalExecutor, config: TrainConfig = LONG) -> Run:
    run = store.create(NETWORK, config)
    executor.submit(run.id)
    wait_until(lambda: store.run(run.id).step > 0)
    return run


def is_(store: RunStore, run: Run, status: Status) -> Callable[[], bool]:
    return lambda: store.run(run.id).status is status


class ExecutorContract:
    def test_a_run_in_a_worker_is_the_same_run(self, store: RunStore, executor: LocalExecutor, tmp_path: Path) -> None:
        run = store.create(NETWORK, SHORT)
        executor.submit(run.id)
        wait_until(is_(store, run, Status.FINISHED))
        here = RunStore(tmp_path)
        same = here.create(NETWORK, SHORT)
        train_run(here, same.id)
        np.testing.assert_allclose(store.history.curve(run.id).loss, here.history.curve(same.id).loss, atol=1e-6)
        assert store.checkpoints.steps(run.id) == here.checkpoints.steps(same.id)
        assert store.history.norms(run.id).step.tolist() == here.history.norms(same.id).step.tolist()
        assert store.run(run.id).threads == 1

    def test_pause_steps_changes_and_stop(self, store: RunStore, executor: LocalExecutor) -> None:
        run = started(store, executor)
        executor.control(run.id, Command(Action.PAUSE))
        wait_until(is_(store, run, Status.PAUSED))
        step = store.run(run.id).step
        executor.control(run.id, Command(Action.SET, "lr", 0.05))
        executor.control(run.id, Command(Action.BATCH))
        wait_until(lambda: store.run(run.id).step == step + 1 and store.run(run.id).status is Status.PAUSED)
        assert [tuple(change) for change in store.history.changes(run.id)] == [(step, "lr", 0.001, 0.05)]
        executor.control(run.id, Command(Action.RESUME))
        wait_until(lambda: store.run(run.id).step > step + 10)
        executor.control(run.id, Command(Action.STOP))
        wait_until(is_(store, run, Status.STOPPED))
        assert store.checkpoints.load(run.id).position.step == store.run(run.id).step

    def test_a_run_may_begin_with_one_batch(self, store: RunStore, executor: LocalExecutor) -> None:
        run = store.create(NETWORK, LONG)
        executor.submit(run.id, Command(Action.BATCH))
        wait_until(is_(store, run, Status.PAUSED))
        assert store.run(run.id).step == 1
        executor.delete(store.run(run.id))

    def test_who_looks_into_a_running_net_sees_it(self, store: RunStore, executor: LocalExecutor) -> None:
        run = started(store, executor)
        store.present.watch(run.id)
        wait_until(lambda: store.present.watch(run.id) is None and store.present.path(run.id).exists())
        executor.control(run.id, Command(Action.STOP))
        wait_until(is_(store, run, Status.STOPPED))
        assert not store.present.path(run.id).exists()

    def test_a_stopped_run_goes_on_from_its_last_snapshot(self, store: RunStore, executor: LocalExecutor) -> None:
        config = SHORT.with_(epochs=4)
        run = store.create(NETWORK, config)
        executor.submit(run.id, Command(Action.EPOCH))
        wait_until(is_(store, run, Status.PAUSED))
        executor.control(run.id, Command(Action.STOP))
        wait_until(is_(store, run, Status.STOPPED))
        executor.submit(run.id)
        wait_until(is_(store, run, Status.FINISHED))
        whole = store.create(NETWORK, config)
        executor.submit(whole.id)
        wait_until(is_(store, whole, Status.FINISHED))
        assert store.history.curve(run.id).loss.tolist() == store.history.curve(whole.id).loss.tolist()

    def test_deleting_an_active_run_ends_its_training(self, store: RunStore, executor: LocalExecutor) -> None:
        run = started(store, executor)
        executor.delete(store.run(run.id))
        assert run.id not in [left.id for left in store.runs()]
        free = [started(store, executor) for _ in range(2)]  # both places are free again
        back = store.restore(run.id)  # it was saved as it ended
        assert back.status is Status.STOPPED
        assert store.checkpoints.load(run.id).position.step == back.step
        store.discard(run.id)
        for other in free:
            executor.delete(store.run(other.id))

    def test_more_runs_than_places_wait_their_turn(self, store: RunStore, executor: LocalExecutor) -> None:
        going = [started(store, executor) for _ in range(2)]
        first, second = (store.create(NETWORK, SHORT) for _ in range(2))
        for run in (first, second):
            executor.submit(run.id)
        wait_until(lambda: store.place_in_queue(second.id) == 2)
        assert store.run(first.id).status is Status.QUEUED
        executor.control(second.id, Command(Action.STOP))
        wait_until(is_(store, second, Status.STOPPED))
        for run in going:
            executor.control(run.id, Command(Action.STOP))
        wait_until(is_(store, first, Status.FINISHED))

    def test_a_sweep_trains_packs_and_can_be_paused(self, store: RunStore, executor: LocalExecutor) -> None:
        config = TrainConfig(epochs=3, per_class=100)
        sweeps = SweepStore(store)
        spec = SweepSpec(NETWORK, config, (Axis("lr", (0.01, 0.02, 0.03, 0.05)), Axis("momentum", (0.0, 0.9))))
        sweep = sweeps.create(spec)
        executor.sweep(sweep.id, Command(Action.RESUME))
        wait_until(lambda: any(member.step for member in sweeps.members(sweep.id)))
        executor.sweep(sweep.id, Command(Action.PAUSE))
        wait_until(lambda: sweeps.sweep(sweep.id).status is Status.PAUSED)
        wait_until(lambda: all(m.status is not Status.RUNNING for m in sweeps.members(sweep.id)))
        executor.sweep(sweep.id, Command(Action.RESUME))
        wait_until(lambda: sweeps.sweep(sweep.id).status is Status.FINISHED)
        members = sweeps.members(sweep.id)
        assert {member.status for member in members} == {Status.FINISHED}
        assert {member.ensemble for member in members} <= {2, 4}
        alone = store.create(*spec.setup(sweeps.points(sweep.id)[5]))
        executor.submit(alone.id)
        wait_until(is_(store, alone, Status.FINISHED))
        np.testing.assert_allclose(
            store.history.curve(members[5].run).loss, store.history.curve(alone.id).loss, atol=1e-4
        )
