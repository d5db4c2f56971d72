"""Sweeps in the store: what is written is read, by anybody, and people's runs are left alone."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from nnviz.fields import SpecError
from nnviz.spec.layers.dense import Dense
from nnviz.spec.network import NetworkSpec
from nnviz.spec.train_config import TrainConfig
from nnviz.store.run import Status
from nnviz.store.runs import BIN_SECONDS, RunStore
from nnviz.sweep.space import Axis
from nnviz.sweep.spec import SweepSpec
from nnviz.sweep.store import SweepGone, SweepStore
from nnviz.train.checkpoint import Checkpoint, Position
from nnviz.train.events import Batch, Epoch
from tests.store.downgrade import before_versions

SPEC = SweepSpec(
    NetworkSpec((Dense(16),)), TrainConfig(epochs=2, seed=7), (Axis("lr", (0.01, 0.1)), Axis("units", (8, 16))), seeds=2
)
POINTS = [{"lr": 0.01, "units": 8}, {"lr": 0.1, "units": 16}]


@pytest.fixture
def runs(tmp_path: Path) -> RunStore:
    return RunStore(tmp_path / "runs")


@pytest.fixture
def sweeps(runs: RunStore) -> SweepStore:
    return SweepStore(runs)


def test_a_sweep_keeps_what_it_was_made_of(sweeps: SweepStore) -> None:
    sweep = sweeps.create(SPEC, "  my\n first   sweep ")
    again = SweepStore(RunStore(sweeps.runs.root)).sweep(sweep.id)
    assert again == sweep
    assert (again.spec, again.name, again.status) == (SPEC, "my first sweep", Status.QUEUED)
    assert sweeps.create(SPEC).name == "learning rate × units, 2 × 2, 2 seeds each"
    assert len({one.id for one in sweeps.sweeps()}) == 2


def test_the_newest_sweep_comes_first(sweeps: SweepStore) -> None:
    ids = [sweeps.create(SPEC).id for _ in range(3)]
    created = {sweep.id: sweep.created for sweep in sweeps.sweeps()}
    assert [sweep.id for sweep in sweeps.sweeps()] == sorted(ids, key=lambda one: (created[one], one), reverse=True)


def test_points_are_numbered_on_and_have_a_run_for_each_seed(sweeps: SweepStore) -> None:
    sweep, other = sweeps.create(SPEC), sweeps.create(SPEC)
    sweeps.add_points(sweep.id, POINTS[:1])
    sweeps.add_points(other.id, POINTS[1:])
    sweeps.add_points(sweep.id, POINTS[1:])
    assert sweeps.points(sweep.id) == dict(enumerate(POINTS))
    members = sweeps.members(sweep.id)
    assert [(member.point, member.seed_index) for member in members] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    for member in members:
        run = sweeps.runs.run(member.run)
        network, config = SPEC.setup(POINTS[member.point], member.seed_index)
        assert (run.network, run.config.with_(checkpoints=config.checkpoints)) == (network, config)
        assert (run.sweep, run.point, run.status) == (sweep.id, member.point, Status.QUEUED)
        assert run.config.seed == 7 + member.seed_index
    assert {run.id for run in sweeps.runs.runs(sweep.id)} == {member.run for member in members}


def test_a_point_that_cannot_be_made_leaves_nothing_half_done(sweeps: SweepStore) -> None:
    sweep = sweeps.create(SPEC)
    with pytest.raises(SpecError):
        sweeps.add_points(sweep.id, [POINTS[0], {"lr": 0.1, "momentum": 0.5}])
    assert sweeps.points(sweep.id) == {0: POINTS[0]}
    assert [member.point for member in sweeps.members(sweep.id)] == [0, 0]


def test_members_tell_how_far_they_are(sweeps: SweepStore) -> None:
    sweep, runs = sweeps.create(SPEC), sweeps.runs
    sweeps.add_points(sweep.id, POINTS[:1])
    first, second = sweeps.members(sweep.id)
    assert (first.loss, first.epochs, first.step, first.attempt) == (None, (), 0, 0)
    attempt = runs.writer.begin(first.run, "cpu", 1, ensemble=4)
    batches = [Batch(step, loss, 0.5, 0.1, 64) for step, loss in ((1, 2.0), (2, 1.0))]
    runs.writer.add_batches(first.run, attempt, batches, seconds=3.0, steps=20, speed=1.0)
    runs.writer.add_epoch(first.run, Epoch(1, 2, 1.5, 0.5, 1.25, 0.75))
    runs.writer.add_epoch(first.run, Epoch(2, 4, 1.5, 0.5, float("nan"), 0.8))
    runs.writer.set_status(second.run, 0, Status.FAILED, "It failed.")
    first, second = sweeps.members(sweep.id)
    assert (first.loss, first.step, first.steps, first.seconds) == (1.5, 2, 20, 3.0)
    assert (first.ensemble, first.attempt, first.status) == (4, 1, Status.RUNNING)
    assert first.epochs == ((0.75, 1.25), (0.8, None))
    assert (second.status, second.reason) == (Status.FAILED, "It failed.")


def test_the_list_of_runs_leaves_out_those_of_sweeps(sweeps: SweepStore) -> None:
    mine = sweeps.runs.create(NetworkSpec(), TrainConfig())
    sweep = sweeps.create(SPEC)
    sweeps.add_points(sweep.id, POINTS)
    assert [run.id for run in sweeps.runs.runs()] == [mine.id]
    assert sweeps.runs.place_in_queue(mine.id) == 1
    assert all(sweeps.runs.place_in_queue(member.run) == 0 for member in sweeps.members(sweep.id))


def test_a_deleted_sweep_takes_its_runs_along_and_nothing_else(
    sweeps: SweepStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep, other = sweeps.create(SPEC), sweeps.create(SPEC)
    mine = sweeps.runs.create(NetworkSpec(), TrainConfig())
    for one in (sweep, other):
        sweeps.add_points(one.id, POINTS)
    kept = sweeps.members(other.id)
    folders = [sweeps.runs.folder(member.run) for member in sweeps.members(sweep.id)]
    sweeps.discard(sweep.id)
    assert sweeps.runs.runs(sweep.id) == []
    assert sweeps.members(other.id) == kept
    assert sweeps.points(other.id) == dict(enumerate(POINTS))
    assert [run.id for run in sweeps.runs.runs()] == [mine.id]
    for use in (
        sweeps.sweep,
        sweeps.discard,
        sweeps.members,
        sweeps.take_over,
        lambda one: sweeps.update(one, name="x"),
        lambda one: sweeps.add_points(one, POINTS),
    ):
        with pytest.raises(SweepGone, match=sweep.id):
            use(sweep.id)
    assert [one.id for one in sweeps.discarded()] == [sweep.id]
    assert all(folder.exists() for folder in folders)
    after = time.time() + BIN_SECONDS + 1
    monkeypatch.setattr(time, "time", lambda: after)
    assert sweeps.discarded() == []
    sweeps.runs.empty_bin()
    assert not any(folder.exists() for folder in folders)
    assert sweeps.points(sweep.id) == {}
    with pytest.raises(SweepGone, match=f"{sweep.id}.* is not in the bin"):
        sweeps.restore(sweep.id)
    assert sweeps.members(other.id) == kept


def test_a_deleted_sweep_can_be_had_back_as_it_was(sweeps: SweepStore) -> None:
    sweep = sweeps.create(SPEC)
    sweeps.add_points(sweep.id, POINTS)
    sweeps.update(sweep.id, status=Status.FINISHED)
    before, points = sweeps.sweep(sweep.id), sweeps.points(sweep.id)
    first, *rest = sweeps.members(sweep.id)
    sweeps.runs.discard(first.run)  # before, and by itself: it does not come back with the sweep
    sweeps.discard(sweep.id)
    assert sweeps.restore(sweep.id) == before
    assert sweeps.points(sweep.id) == points
    assert sweeps.members(sweep.id) == rest
    assert sweeps.discarded() == []


def test_a_sweep_that_was_deleted_while_it_went_on_is_not_going_on_when_it_is_back(sweeps: SweepStore) -> None:
    sweep = sweeps.create(SPEC)
    sweeps.take_over(sweep.id)
    sweeps.discard(sweep.id)
    assert sweeps.restore(sweep.id).status is Status.STOPPED


def test_a_promoted_point_is_a_run_of_its_own(sweeps: SweepStore) -> None:
    sweep = sweeps.create(SPEC)
    sweeps.add_points(sweep.id, POINTS)
    member = sweeps.members(sweep.id)[3]
    Checkpoint(Position(), {}).save(sweeps.runs.checkpoints.path(member.run, 0))
    run = sweeps.promote(member.run, epochs=12)
    of = sweeps.runs.run(member.run)
    assert (run.network, run.config) == (of.network, of.config.with_(epochs=12, checkpoints=TrainConfig().checkpoints))
    assert (run.sweep, run.status) == ("", Status.QUEUED)
    assert [one.id for one in sweeps.runs.runs()] == [run.id]
    assert sweeps.runs.checkpoints.steps(run.id) == []  # it begins at the beginning


def test_a_sweep_whose_server_is_gone_says_so(sweeps: SweepStore) -> None:
    code = (
        "import sys, pathlib; from tests.sweep.test_store import *\n"
        "s = SweepStore(RunStore(pathlib.Path(sys.argv[1])))\n"
        "one, two, three = (s.create(SPEC) for _ in range(3))\n"
        "s.add_points(one.id, POINTS); s.take_over(one.id)\n"
        "s.update(two.id, status=Status.PAUSED)\n"
        "print(one.id, two.id, three.id)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, sweeps.runs.root],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    running, paused, waiting = map(sweeps.sweep, done.stdout.split())
    assert (running.status, waiting.status) == (Status.INTERRUPTED, Status.INTERRUPTED)
    assert "server was stopped" in running.reason
    assert paused.status is Status.PAUSED  # it waits for people, whoever serves them
    assert {member.status for member in sweeps.members(running.id)} == {Status.INTERRUPTED}
    assert sweeps.take_over(running.id).status is Status.RUNNING
    assert sweeps.sweep(running.id).reason == ""


def test_a_store_from_before_there_were_sweeps_opens(tmp_path: Path) -> None:
    old = RunStore(tmp_path)
    run = old.create(NetworkSpec(), TrainConfig())
    old.close()
    before_versions(tmp_path, "sweep", "point", "packed", "loss")
    runs = RunStore(tmp_path)
    assert (runs.run(run.id).sweep, runs.run(run.id).point, runs.run(run.id).ensemble) == ("", 0, 0)
    sweeps = SweepStore(runs)
    sweep = sweeps.create(SPEC)
    sweeps.add_points(sweep.id, POINTS)
    assert [one.id for one in runs.runs()] == [run.id]
    assert len(SweepStore(RunStore(tmp_path)).members(sweep.id)) == 4
