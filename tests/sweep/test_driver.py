"""Sweeps with the executor: what they train, what people do to them, and what happens to them."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
import pytest

from nnviz.executor.local import LocalExecutor
from nnviz.executor.recorder import PRUNED, train_run
from nnviz.spec.layers.conv import Conv
from nnviz.spec.layers.dense import Dense
from nnviz.spec.network import NetworkSpec
from nnviz.spec.train_config import TrainConfig
from nnviz.store.run import Status
from nnviz.store.runs import RunStore
from nnviz.sweep.driver import ADAPTIVE_AT_ONCE, MOST_FAILURES, SweepDriver, results, strategy
from nnviz.sweep.space import Axis
from nnviz.sweep.spec import SweepSpec, suggest
from nnviz.sweep.store import Member, Sweep, SweepStore
from nnviz.train.commands import Action, Command, Job
from nnviz.train.events import Epoch
from tests.waiting import wait_until

NETWORK = NetworkSpec((Dense(16),))
SHORT = TrainConfig(epochs=2, per_class=20, batch_size=20)
MIDDLE = SHORT.with_(epochs=40, per_class=100)
"""A few seconds: long enough to interfere with."""
LONG = SHORT.with_(epochs=1000, per_class=1000)

CORES = os.cpu_count() or 1
RATES = Axis("lr", low=0.001, high=0.1, count=max(4, min(100, 2 * CORES)), log=True)
"""Enough values that there are packs of two on every core."""


def member(point: int, *accuracies: float | None, seed: int = 0, status: Status = Status.FINISHED) -> Member:
    epochs = tuple((accuracy, 1.0) for accuracy in accuracies)
    return Member(f"{point}-{seed}", point, seed, status, "", 1, 1, 1.0, None, 0, 0, epochs)


def test_a_point_is_known_by_the_epochs_that_all_its_seeds_have_done() -> None:
    spec = SweepSpec(NETWORK, SHORT, (RATES,))
    members = [
        member(0, 0.2, 0.6, 0.8),
        member(0, 0.4, None, seed=1, status=Status.RUNNING),
        member(2, status=Status.DIVERGED),
        member(2, 0.5, seed=1),
        member(3, 0.5),
        member(3, 0.7, seed=1),
    ]
    first, second, third, fourth = results(spec, {n: {"lr": 0.1 * n} for n in range(4)}, members)
    assert first.by_epoch == pytest.approx((0.3, 0.3))
    assert (first.point, first.values, first.ended, first.diverged) == (0, {"lr": 0.0}, False, False)
    assert (second.by_epoch, second.ended, second.diverged) == ((), True, False)
    assert (third.by_epoch, third.ended, third.diverged) == ((), True, True)
    assert (fourth.by_epoch, fourth.ended) == (pytest.approx((0.6,)), True)


def test_how_runs_are_trained_is_said_with_the_reason() -> None:
    spec = SweepSpec(NETWORK, SHORT, (RATES,))
    assert strategy(spec, [["a", "b"], ["c"], ["d", "e", "f"]]).startswith("Up to 3 nets train at once")
    assert strategy(spec, [["a", "b"]]).startswith("Up to 2 nets train at once")
    for batches in ([["a"], ["b"]], []):
        assert strategy(spec, batches) == (
            "Each point trains in a process of its own, for no two of them have the same shape, batch size and seed."
        )
    adam = SweepSpec(NETWORK, SHORT.with_(optimizer="adam"), (RATES,))
    assert (
        strategy(adam, [["a"]]) == "Each point trains in a process of its own: only SGD is done for many nets at once."
    )


@pytest.fixture(scope="module")
def environment(mnist_root: Path) -> Iterator[None]:
    """One place for people's trainings; the sweeps have their own."""
    before = dict(os.environ)
    os.environ.update(NNVIZ_DATA=str(mnist_root), NNVIZ_SLOTS="1")
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="module")
def store(environment: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunStore]:
    store = RunStore(tmp_path_factory.mktemp("runs"))
    yield store
    store.close()


@pytest.fixture(scope="module")
def sweeps(store: RunStore) -> SweepStore:
    return SweepStore(store)


@pytest.fixture(scope="module")
def executor(store: RunStore) -> Iterator[LocalExecutor]:
    executor = LocalExecutor(store)
    yield executor
    executor.close()


@pytest.fixture
def start(sweeps: SweepStore, executor: LocalExecutor) -> Iterator[Callable[[SweepSpec], Sweep]]:
    """Start a sweep; it is stopped when the test is over."""
    begun: list[Sweep] = []

    def start(spec: SweepSpec) -> Sweep:
        begun.append(sweeps.create(spec))
        executor.sweep(begun[-1].id, Command(Action.RESUME))
        return begun[-1]

    yield start
    for sweep in begun:
        executor.sweep(sweep.id, Command(Action.STOP))


def wait_for(sweeps: SweepStore, sweep: Sweep, status: Status = Status.FINISHED) -> list[Member]:
    wait_until(lambda: sweeps.sweep(sweep.id).status is status)
    return sweeps.members(sweep.id)


def wait_for_epochs(sweeps: SweepStore, sweep: Sweep, count: int = 1) -> None:
    """Until each of its runs has done so many."""
    expected = sweep.spec.runs
    wait_until(lambda: [len(m.epochs) >= count for m in sweeps.members(sweep.id)] == [True] * expected)


def pid_of(store: RunStore, run_id: str) -> int:
    return int(store.owner(run_id).split(":")[0])


def trains(store: RunStore, run_id: str, attempt: int) -> bool:
    """Whether its process, and no longer the supervisor, has it."""
    run = store.run(run_id)
    return run.attempt == attempt and run.status is Status.RUNNING


def is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.Error:
        return True


def wait_until_nobody_trains(sweeps: SweepStore, sweep: Sweep) -> None:
    wait_until(lambda: not any(member.status.active for member in sweeps.members(sweep.id)))


def begun_at(store: RunStore, run_id: str) -> list[int]:
    """The first step that each attempt recorded, in order."""
    rows = store.db.rows("SELECT MIN(first_step) AS step FROM batches WHERE run = ? GROUP BY attempt", run_id)
    return [row["step"] for row in rows]


def assert_whole_and_resumed(store: RunStore, member: Member) -> None:
    """No step is missing, and no attempt but the first began at the beginning."""
    begun, curve = begun_at(store, member.run), store.history.curve(member.run)
    assert len(curve.step) == member.steps
    assert np.isfinite(curve.loss).all()
    assert begun[0] == 1
    assert all(step > 50 for step in begun[1:])  # an epoch was done


def assert_as_alone(store: RunStore, run_ids: Sequence[str], folder: Path) -> None:
    other = RunStore(folder)
    for run_id in run_ids:
        run = store.run(run_id)
        twin = other.create(run.network, run.config)
        assert train_run(other, twin.id) is Status.FINISHED
        mine, theirs = store.history.curve(run_id), other.history.curve(twin.id)
        np.testing.assert_allclose(mine.loss, theirs.loss, rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(mine.lr, theirs.lr, rtol=1e-6)
        ours, alone = store.history.epochs(run_id), other.history.epochs(twin.id)
        assert [epoch[:2] for epoch in ours] == [epoch[:2] for epoch in alone]
        for epoch, other_epoch in zip(ours, alone, strict=True):
            assert epoch[2:] == pytest.approx(other_epoch[2:], abs=0.002)
    other.close()


# ---------------------------------------------------------------------- what is trained

Start = Callable[[SweepSpec], Sweep]


def test_a_grid_is_trained_in_packs_and_each_net_as_if_alone(
    store: RunStore, sweeps: SweepStore, start: Start, tmp_path: Path
) -> None:
    spec = SweepSpec(NETWORK, SHORT, (RATES,))
    sweep = start(spec)
    members = wait_for(sweeps, sweep)
    assert list(sweeps.points(sweep.id).values()) == [{"lr": rate} for rate in RATES.grid()]
    assert [member.point for member in members] == list(range(spec.points))
    assert {member.status for member in members} == {Status.FINISHED}
    assert all(member.ensemble >= 2 for member in members)
    assert "stacked" in sweeps.sweep(sweep.id).strategy
    assert sweeps.sweep(sweep.id).seconds > 0
    assert {run.id for run in store.runs()}.isdisjoint(member.run for member in members)
    assert_as_alone(store, [member.run for member in members[:4]], tmp_path)


def test_a_random_sweep_trains_each_point_from_every_seed(
    store: RunStore, sweeps: SweepStore, start: Start, tmp_path: Path
) -> None:
    axes = (Axis("lr", low=0.001, high=0.1, log=True), Axis("weight_decay", low=1e-5, high=1e-2, log=True))
    spec = SweepSpec(NETWORK, SHORT.with_(seed=3), axes, "random", points=3, seeds=2)
    sweep = start(spec)
    members = wait_for(sweeps, sweep)
    assert list(sweeps.points(sweep.id).values()) == suggest(spec, [], 3)
    assert [(member.point, member.seed_index) for member in members] == [(p, s) for p in range(3) for s in range(2)]
    for member in members:
        run = store.run(member.run)
        network, config = spec.setup(sweeps.points(sweep.id)[member.point], member.seed_index)
        assert (run.status, run.network) == (Status.FINISHED, network)
        assert run.config.with_(checkpoints=config.checkpoints) == config
    assert_as_alone(store, [member.run for member in members[:2]], tmp_path)


def test_a_guided_sweep_goes_in_generations(sweeps: SweepStore, start: Start) -> None:
    """What comes second is chosen by all that was found in the first."""
    first = ADAPTIVE_AT_ONCE * CORES
    axes = (Axis("lr", low=0.0001, high=1.0, log=True), Axis("momentum", low=0.0, high=0.9))
    spec = SweepSpec(NETWORK, SHORT.with_(epochs=1), axes, "tpe", points=first + 3)
    sweep = start(spec)
    members, points = wait_for(sweeps, sweep), sweeps.points(sweep.id)
    assert [member.status for member in members] == [Status.FINISHED] * (first + 3)
    known = {number: points[number] for number in range(first)}
    assert list(known.values()) == suggest(spec, [], first)
    found = results(spec, known, members[:first])
    assert [points[number] for number in range(first, first + 3)] == suggest(spec, found, first)


def test_what_does_badly_is_given_up(store: RunStore, sweeps: SweepStore, start: Start) -> None:
    """With batches of one image the steps are far too large, and there are many: it is still going when five are done,
    and worse.
    """
    config = TrainConfig(epochs=12, per_class=300, lr=5.0, momentum=0.0, loss="mse")
    axis = Axis("batch_size", (100, 90, 80, 70, 60, 1))
    sweep = start(SweepSpec(NETWORK, config, (axis,), prune=True))
    members, points = wait_for(sweeps, sweep), sweeps.points(sweep.id)
    (worst,) = [member for member in members if points[member.point] == {"batch_size": 1}]
    assert (worst.status, worst.reason) == (Status.PRUNED, PRUNED)
    assert 3 < len(worst.epochs) < 12  # the first quarter is left in peace
    best = max(member.epochs[-1][0] or 0 for member in members)
    assert any(member.status is Status.FINISHED and member.epochs[-1][0] == best for member in members)
    assert store.checkpoints.load(worst.run).position.step == worst.step
    assert "shape, batch size and seed" in sweeps.sweep(sweep.id).strategy


def test_convolutions_train_one_by_one_and_it_is_said_why(sweeps: SweepStore, start: Start) -> None:
    network = NetworkSpec((Conv(2, kernel=5, stride=4),))
    sweep = start(SweepSpec(network, SHORT.with_(epochs=1), (Axis("lr", (0.01, 0.02, 0.05)),)))
    members = wait_for(sweeps, sweep)
    assert [(member.status, member.ensemble) for member in members] == [(Status.FINISHED, 0)] * 3
    assert sweeps.sweep(sweep.id).strategy.startswith("Each point trains in a process of its own: convolutions")


# ---------------------------------------------------------------------- what people do


@pytest.mark.parametrize("patient", [True, False])
def test_a_paused_sweep_goes_on_where_it_was(
    store: RunStore, sweeps: SweepStore, executor: LocalExecutor, start: Start, patient: bool
) -> None:
    """Also when it is resumed before its trainings have saved what they had."""
    sweep = start(SweepSpec(NETWORK, MIDDLE, (RATES,)))
    wait_for_epochs(sweeps, sweep)
    executor.sweep(sweep.id, Command(Action.PAUSE))
    if patient:
        wait_for(sweeps, sweep, Status.PAUSED)
        wait_until_nobody_trains(sweeps, sweep)
        left = [member for member in sweeps.members(sweep.id) if member.status is not Status.FINISHED]
        assert {member.status for member in left} == {Status.INTERRUPTED}
        assert all(store.checkpoints.load(member.run).position.step == member.step for member in left)
    executor.sweep(sweep.id, Command(Action.RESUME))
    members = wait_for(sweeps, sweep)
    for member in members:
        assert member.status is Status.FINISHED
        assert_whole_and_resumed(store, member)
    assert max(member.attempt for member in members) == 2


def test_a_stopped_sweep_ends_at_once_and_may_be_resumed(
    sweeps: SweepStore, executor: LocalExecutor, start: Start
) -> None:
    sweep = start(SweepSpec(NETWORK, LONG, (RATES,), seeds=3))  # more packs than cores: some wait
    wait_until(lambda: any(member.step for member in sweeps.members(sweep.id)))
    executor.sweep(sweep.id, Command(Action.STOP))
    members = wait_for(sweeps, sweep, Status.STOPPED)
    wait_until_nobody_trains(sweeps, sweep)
    members = sweeps.members(sweep.id)
    assert {member.status for member in members} == {Status.INTERRUPTED}
    assert all(member.reason for member in members)
    assert any(member.attempt == 0 for member in members)
    executor.sweep(sweep.id, Command(Action.RESUME))
    wait_until(lambda: any(member.status is Status.RUNNING for member in sweeps.members(sweep.id)))
    assert sweeps.sweep(sweep.id).status is Status.RUNNING


def test_a_sweep_ends_when_its_time_is_over(sweeps: SweepStore, start: Start) -> None:
    sweep = start(SweepSpec(NETWORK, LONG, (RATES,), minutes=0.02))
    wait_for(sweeps, sweep)
    ended = sweeps.sweep(sweep.id)
    assert "time budget of 0.02 min" in ended.reason
    assert ended.seconds > 1.2
    wait_until_nobody_trains(sweeps, sweep)


def test_one_point_may_be_stopped_or_deleted(
    store: RunStore, sweeps: SweepStore, executor: LocalExecutor, start: Start
) -> None:
    sweep = start(SweepSpec(NETWORK, MIDDLE, (RATES,)))
    wait_for_epochs(sweeps, sweep)
    stopped, deleted = (member.run for member in sweeps.members(sweep.id)[:2])
    executor.control(stopped, Command(Action.STOP))
    executor.delete(store.run(deleted))
    rest = {member.run: member for member in wait_for(sweeps, sweep)}
    assert rest.pop(stopped).status is Status.STOPPED
    assert deleted not in rest
    assert len(rest) == sweep.spec.points - 2
    assert {(member.status, member.attempt) for member in rest.values()} == {(Status.FINISHED, 1)}


def test_a_sweep_that_is_deleted_while_it_goes_leaves_nobody_at_work(
    store: RunStore, sweeps: SweepStore, executor: LocalExecutor
) -> None:
    sweep = sweeps.create(SweepSpec(NETWORK, LONG, (RATES,)))
    executor.sweep(sweep.id, Command(Action.RESUME))
    wait_for_epochs(sweeps, sweep)
    members = sweeps.members(sweep.id)
    pids = {pid_of(store, member.run) for member in members}
    executor.delete_sweep(sweep.id)
    wait_until(lambda: all(map(is_gone, pids)))
    assert store.runs(sweep.id) == []
    sweeps.restore(sweep.id)
    assert {run.id for run in store.runs(sweep.id)} == {member.run for member in members}
    assert not any(run.status.active for run in store.runs(sweep.id))
    assert psutil.pid_exists(executor.pid)


def test_people_are_not_kept_waiting(
    store: RunStore, sweeps: SweepStore, executor: LocalExecutor, start: Start
) -> None:
    """Theirs begins although a sweep that has far to go fills all cores. How soon it ends, a busy machine decides."""
    sweep = start(SweepSpec(NETWORK, LONG, (RATES,), seeds=3))
    wait_until(lambda: sum(member.status is Status.RUNNING for member in sweeps.members(sweep.id)) >= CORES)
    run = store.create(NETWORK, SHORT)
    executor.submit(run.id)
    wait_until(lambda: store.run(run.id).status is not Status.QUEUED)
    assert store.run(run.id).status in (Status.RUNNING, Status.FINISHED)
    assert sweeps.sweep(sweep.id).status is Status.RUNNING


# ---------------------------------------------------------------------- what happens to them


def test_a_killed_pack_begins_again_from_its_snapshots(
    store: RunStore, sweeps: SweepStore, executor: LocalExecutor, start: Start
) -> None:
    sweep = start(SweepSpec(NETWORK, MIDDLE, (RATES,)))
    wait_for_epochs(sweeps, sweep)
    executor.sweep(sweep.id, Command(Action.PAUSE))  # which keeps checkpoints
    wait_for(sweeps, sweep, Status.PAUSED)
    wait_until_nobody_trains(sweeps, sweep)
    victim = next(member.run for member in sweeps.members(sweep.id) if member.status is Status.INTERRUPTED)
    executor.sweep(sweep.id, Command(Action.RESUME))
    wait_until(lambda: trains(store, victim, 2))
    os.kill(pid_of(store, victim), signal.SIGKILL)
    members = wait_for(sweeps, sweep)
    assert {member.status for member in members} == {Status.FINISHED}
    assert store.run(victim).attempt == 3
    for member in members:
        assert_whole_and_resumed(store, member)


def test_one_that_is_killed_again_and_again_is_left_behind(store: RunStore, sweeps: SweepStore, start: Start) -> None:
    sweep = start(SweepSpec(NETWORK, LONG.with_(per_class=20), (Axis("epochs", (1, 1000)),)))
    wait_until(lambda: len(sweeps.members(sweep.id)) == 2)
    other, victim = (member.run for member in sweeps.members(sweep.id))
    for attempt in range(1, MOST_FAILURES + 1):
        wait_until(lambda attempt=attempt: trains(store, victim, attempt))  # type: ignore[misc]
        os.kill(pid_of(store, victim), signal.SIGKILL)
    wait_for(sweeps, sweep)
    failed = store.run(victim)
    assert failed.status is Status.FAILED
    assert "killed 3 times" in failed.reason
    assert store.run(other).status is Status.FINISHED


def test_one_whose_snapshots_are_damaged_does_not_keep_the_others(
    store: RunStore, sweeps: SweepStore, executor: LocalExecutor
) -> None:
    sweep = sweeps.create(SweepSpec(NETWORK, SHORT, (RATES,)))
    sweeps.add_points(sweep.id, [{"lr": rate} for rate in RATES.grid()])
    damaged, *others = (member.run for member in sweeps.members(sweep.id))
    store.checkpoints.path(damaged, 10).write_bytes(b"half a fi")
    executor.sweep(sweep.id, Command(Action.RESUME))
    wait_for(sweeps, sweep)
    assert store.run(damaged).status is Status.FAILED
    assert "damaged" in store.run(damaged).reason
    assert {store.run(run_id).status for run_id in others} == {Status.FINISHED}


def test_a_run_that_another_process_is_still_saving_is_left_alone_until_it_has(tmp_path: Path) -> None:
    """As after a quick pause and resume, or a quick restart."""
    sweeps = SweepStore(store := RunStore(tmp_path))
    sweep = sweeps.create(SweepSpec(NETWORK, SHORT, (RATES,)))
    sweeps.add_points(sweep.id, [{"lr": rate} for rate in RATES.grid()])
    saving, *others = (member.run for member in sweeps.members(sweep.id))
    store.writer.begin(saving, "cpu", 1)
    jobs: list[Job] = []
    driver = SweepDriver(store, lambda: 1, jobs.append, lambda run_id, command: None)
    driver.obey(sweep.id, Command(Action.RESUME))
    assert [sorted(job.runs) for job in jobs] == [sorted(others)]
    for run_id in others:
        store.writer.set_status(run_id, store.run(run_id).attempt, Status.FINISHED)
    driver.ended(jobs[0], killed=False)
    driver.look()
    assert sweeps.sweep(sweep.id).status is Status.RUNNING
    store.writer.set_status(saving, store.run(saving).attempt, Status.INTERRUPTED)
    driver.look()
    assert [tuple(job.runs) for job in jobs[1:]] == [(saving,)]
    store.writer.set_status(saving, store.run(saving).attempt, Status.FINISHED)
    driver.ended(jobs[1], killed=False)
    driver.look()
    assert sweeps.sweep(sweep.id).status is Status.FINISHED
    store.close()


@dataclass
class Stage:
    """A driver in front of a supervisor that only writes down what it is asked for."""

    store: RunStore
    cores: int
    jobs: list[Job] = field(default_factory=list)
    told: list[tuple[str, Command]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.sweeps = SweepStore(self.store)
        self.driver = SweepDriver(
            self.store,
            lambda: self.cores,
            self.jobs.append,
            lambda run_id, command: self.told.append((run_id, command)),
        )

    def begin(self, spec: SweepSpec) -> str:
        sweep = self.sweeps.create(spec)
        self.driver.obey(sweep.id, Command(Action.RESUME))
        return sweep.id

    def end(self, job: Job, status: Status = Status.FINISHED, killed: bool = False) -> None:
        for run_id in job.runs:
            self.says(run_id, status)
        self.driver.ended(job, killed)

    def says(self, run_id: str, status: Status, reason: str = "") -> None:
        """As the run's present attempt."""
        self.store.writer.set_status(run_id, self.store.run(run_id).attempt, status, reason)


ALONE = SHORT.with_(optimizer="adam")
"""Of which each point trains by itself."""


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(RunStore(tmp_path), 4)
    yield stage
    stage.store.close()


def test_sweeps_share_the_cores(stage: Stage) -> None:
    spec = SweepSpec(NETWORK, ALONE, (Axis("lr", low=0.001, high=0.1, count=9),))
    first = stage.begin(spec)
    assert len(stage.jobs) == 4
    second = stage.begin(spec)
    assert len(stage.jobs) == 4 + 2  # its half
    of = {member.run: sweep for sweep in (first, second) for member in stage.sweeps.members(sweep)}
    for job in stage.jobs[:3]:
        stage.end(job)
    stage.driver.look()
    assert [of[job.id] for job in stage.jobs] == [first] * 4 + [second] * 2 + [first]  # two of each
    third = stage.begin(spec)
    assert len(stage.jobs) == 8  # one at least
    assert stage.jobs[-1].id in {member.run for member in stage.sweeps.members(third)}


def test_an_adaptive_sweep_asks_for_four_ensembles_or_runs_per_core(stage: Stage) -> None:
    axis = Axis("lr", low=0.0001, high=1.0, log=True)
    for seeds, points in ((1, 16), (3, 5), (20, 1)):
        sweep = stage.begin(SweepSpec(NETWORK, ALONE, (axis,), "tpe", points=40, seeds=seeds))
        assert len(stage.sweeps.points(sweep)) == points


def test_a_time_budget_is_in_minutes(stage: Stage) -> None:
    sweep = stage.begin(SweepSpec(NETWORK, ALONE, (RATES,), minutes=1.5))
    stage.sweeps.add_seconds(sweep, 30)
    stage.driver.look()
    assert stage.sweeps.sweep(sweep).status is Status.RUNNING
    stage.sweeps.add_seconds(sweep, 60)
    stage.driver.look()
    assert stage.sweeps.sweep(sweep).status is Status.FINISHED
    assert stage.sweeps.sweep(sweep).reason == "Its time budget of 1.5 min is used up."
    assert not stage.driver.busy


def test_a_run_that_was_killed_three_times_is_left_behind(stage: Stage) -> None:
    sweep = stage.begin(SweepSpec(NETWORK, ALONE, (Axis("lr", (0.1,)),)))
    for times in (1, 2, 3):
        assert len(stage.jobs) == times
        stage.end(stage.jobs[-1], Status.INTERRUPTED, killed=True)
        stage.driver.look()
    assert len(stage.jobs) == 3
    (member,) = stage.sweeps.members(sweep)
    assert (member.status, member.reason) == (
        Status.FAILED,
        "Its process was killed 3 times; the sweep went on without it.",
    )
    assert stage.sweeps.sweep(sweep).status is Status.FINISHED


def test_one_that_ended_without_being_killed_may_begin_again_as_often_as_it_likes(stage: Stage) -> None:
    stage.begin(SweepSpec(NETWORK, ALONE, (Axis("lr", (0.1,)),)))
    for times in range(1, 6):
        assert len(stage.jobs) == times
        stage.end(stage.jobs[-1], Status.INTERRUPTED)
        stage.driver.look()


def test_who_waits_keeps_the_reason_and_who_begins_again_does_not(stage: Stage) -> None:
    sweep = stage.sweeps.create(SweepSpec(NETWORK, ALONE, (Axis("lr", (0.1, 0.2)),)))
    stage.sweeps.add_points(sweep.id, [{"lr": 0.1}, {"lr": 0.2}])
    waiting, interrupted = (member.run for member in stage.sweeps.members(sweep.id))
    stage.says(waiting, Status.QUEUED, "Its machine was lost.")
    stage.says(interrupted, Status.INTERRUPTED, "It was cut off.")
    stage.driver.obey(sweep.id, Command(Action.RESUME))
    assert [stage.store.run(run_id).reason for run_id in (waiting, interrupted)] == ["Its machine was lost.", ""]
    assert {stage.store.run(run_id).status for run_id in (waiting, interrupted)} == {Status.QUEUED}


def test_a_poor_point_is_told_to_end_once(stage: Stage) -> None:
    """All of its seeds, and only those that are still under way."""
    axis = Axis("lr", tuple(n / 100 for n in range(1, 8)))
    spec = SweepSpec(NETWORK, ALONE.with_(epochs=4), (axis,), "grid", seeds=2, prune=True)
    stage.cores = 14
    sweep = stage.begin(spec)
    members = stage.sweeps.members(sweep)
    for member in members:
        good = member.point < 6
        stage.store.writer.begin(member.run, "cpu", 1)
        for epoch in range(1, 5 if good else 3):
            accuracy = 0.9 if good else 0.2
            stage.store.writer.add_epoch(member.run, Epoch(epoch, 10 * epoch, 1.0, 0.5, 1.0, accuracy))
        if good:
            stage.says(member.run, Status.FINISHED)
    for _ in range(2):
        stage.driver.look()
    poor = {member.run for member in members if member.point == 6}
    assert sorted(run for run, _ in stage.told) == sorted(poor)
    assert {command.action for _, command in stage.told} == {Action.PRUNE}


def test_a_generation_waits_for_the_last_of_the_one_before(tmp_path: Path) -> None:
    sweeps = SweepStore(store := RunStore(tmp_path))
    first = 2 * ADAPTIVE_AT_ONCE
    axis = Axis("lr", low=0.0001, high=1.0, log=True)
    sweep = sweeps.create(SweepSpec(NETWORK, SHORT, (axis,), "tpe", points=first + 2))
    jobs: list[Job] = []
    driver = SweepDriver(store, lambda: 2, jobs.append, lambda run_id, command: None)
    driver.obey(sweep.id, Command(Action.RESUME))
    assert len(jobs) == 2
    for job, asked in zip(list(jobs), (first, first + 2), strict=True):
        for run_id in job.runs:
            store.writer.set_status(run_id, store.run(run_id).attempt, Status.FINISHED)
        driver.ended(job, killed=False)
        driver.look()
        assert len(sweeps.points(sweep.id)) == asked
    store.close()


def test_a_new_server_goes_on_by_itself(environment: None, tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    sweeps = SweepStore(store)
    sweep = sweeps.create(SweepSpec(NETWORK, MIDDLE, (RATES,)))
    waiting = sweeps.create(SweepSpec(NETWORK, MIDDLE, (RATES,)))
    sweeps.update(waiting.id, status=Status.PAUSED)
    with ExitStack() as servers:
        servers.callback(store.close)

        def serve() -> LocalExecutor:
            executor = LocalExecutor(store)
            servers.callback(executor.close)
            return executor

        first = serve()
        first.sweep(sweep.id, Command(Action.RESUME))
        wait_for_epochs(sweeps, sweep)
        first.close()
        assert sweeps.sweep(sweep.id).status is Status.INTERRUPTED
        assert not any(member.status.active for member in sweeps.members(sweep.id))

        second = serve()
        wait_until(lambda: any(member.attempt == 2 for member in sweeps.members(sweep.id)))
        os.kill(second.pid, signal.SIGKILL)  # its packs save and end by themselves, while the next server begins
        serve()
        members = wait_for(sweeps, sweep)
        for member in members:
            assert (member.status, member.reason) == (Status.FINISHED, "")
            assert_whole_and_resumed(store, member)
        assert max(member.attempt for member in members) == 3
        assert sweeps.sweep(waiting.id).status is Status.PAUSED  # people paused it
