"""Trainings on a Ray cluster of two nodes, started here; what happens without the package or the cluster."""

from __future__ import annotations

import os
import socket
import warnings
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from nnviz.executor import choice
from nnviz.executor.choice import Choice
from nnviz.executor.local import LocalExecutor
from nnviz.executor.processes import Processes
from nnviz.executor.remote_store import RemoteStore, bundle, repeat
from nnviz.store.run import Status
from nnviz.store.runs import RunStore
from nnviz.sweep.space import Axis
from nnviz.sweep.spec import SweepSpec
from nnviz.sweep.store import SweepStore
from nnviz.train.commands import Action, Command
from tests.executor.contract import LONG, NETWORK, SHORT, ExecutorContract, is_, started
from tests.waiting import LIMIT_S, wait_until

QUICK = {
    "health_check_initial_delay_ms": 1000,
    "health_check_period_ms": 500,
    "health_check_timeout_ms": 20_000,
    "health_check_failure_threshold": 3,
}
"""A lost node refuses an answer at once, and so is noticed within seconds; one of a busy machine may take its time."""

NODE = {"num_cpus": 1, "object_store_memory": 100_000_000, "include_dashboard": False}


@pytest.fixture(scope="module")
def cluster(mnist_root: Path) -> Iterator[Any]:
    """Two nodes with one core each; the supervisor, which joins at the first, finds it through the environment."""
    before = dict(os.environ)
    os.environ.update(choice.SILENT, NNVIZ_DATA=str(mnist_root), NNVIZ_SLOTS="2")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Ray's own, about its next releases
        from ray.cluster_utils import Cluster

        started_here: Any = Cluster(initialize_head=True, head_node_args={**NODE, "_system_config": QUICK})
        started_here.second = started_here.add_node(**NODE)
        started_here.wait_for_nodes()
        os.environ["NNVIZ_RAY_ADDRESS"] = started_here.address
        yield started_here
        started_here.shutdown()
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="module")
def store(cluster: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunStore]:
    store = RunStore(tmp_path_factory.mktemp("runs"))
    yield store
    store.close()


@pytest.fixture(scope="module")
def executor(store: RunStore) -> Iterator[LocalExecutor]:
    executor = LocalExecutor(store)
    yield executor
    executor.close()


@pytest.mark.mnist
class TestContract(ExecutorContract):
    """On the cluster."""

    def test_the_pages_are_told_where_trainings_run(
        self, store: RunStore, executor: LocalExecutor, cluster: Any
    ) -> None:
        wait_until(lambda: executor.choice != Choice())
        assert executor.choice == Choice(where=f"Ray cluster at {cluster.address}: 2 nodes, 2 cores", slots=2)

    def test_without_a_free_core_a_run_says_that_it_waits(
        self, store: RunStore, executor: LocalExecutor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        paused = [store.create(NETWORK, LONG) for _ in range(2)]
        for run in paused:
            executor.submit(run.id, Command(Action.BATCH))
        wait_until(lambda: all(store.run(run.id).status is Status.PAUSED for run in paused))  # their actors stay
        third = store.create(NETWORK, LONG)
        executor.submit(third.id)
        wait_until(lambda: "waits for a free core" in store.run(third.id).reason)
        assert store.run(third.id).status is Status.QUEUED
        executor.delete(store.run(paused[0].id))
        wait_until(is_(store, third, Status.RUNNING))  # for long: what it says now it says while it trains
        assert store.run(third.id).reason == ""
        for run in (paused[1], third):
            executor.delete(store.run(run.id))


@pytest.mark.mnist
def test_a_killed_worker_is_said_and_can_be_resumed(store: RunStore, executor: LocalExecutor) -> None:
    config = LONG.with_(epochs=4)
    run = store.create(NETWORK, config)
    executor.submit(run.id, Command(Action.EPOCH))
    wait_until(is_(store, run, Status.PAUSED))  # a training that ran on might be over before it is killed
    for process in psutil.Process().children(recursive=True):  # the nodes are ours
        with suppress(psutil.Error):
            if any("ray::Trainee" in word for word in process.cmdline()):
                process.kill()
    wait_until(lambda: "was killed on its node" in store.run(run.id).reason)
    assert store.run(run.id).status is Status.INTERRUPTED
    executor.submit(run.id)
    whole = store.create(NETWORK, config)
    executor.submit(whole.id)
    wait_until(lambda: all(store.run(one.id).status is Status.FINISHED for one in (run, whole)))
    assert store.history.curve(run.id).loss.tolist() == store.history.curve(whole.id).loss.tolist()


def test_a_lost_reply_loses_nothing(tmp_path: Path) -> None:
    store = RunStore(tmp_path / "here")
    run = store.create(NETWORK, SHORT)
    remote = RemoteStore(tmp_path / "there", [bundle(store, run.id)])
    remote.writer.begin(run.id, "cpu", 1)
    first = remote.noted.fetch(0)
    remote.writer.set_status(run.id, 1, Status.STOPPED, "Enough.")
    again = remote.noted.fetch(0)
    assert [call.name for call in first] == ["begin"]
    assert [call.name for call in again] == ["begin", "set_status"]
    assert remote.noted.fetch(2) == []
    repeat(store, again)
    assert (store.run(run.id).status, store.run(run.id).attempt) == (Status.STOPPED, 1)
    store.close()
    remote.close()


@pytest.mark.mnist
def test_a_sweep_goes_on_without_a_lost_node(store: RunStore, executor: LocalExecutor, cluster: Any) -> None:
    sweeps = SweepStore(store)
    config = LONG.with_(epochs=30)
    sweep = sweeps.create(SweepSpec(NETWORK, config, (Axis("lr", (0.01, 0.02, 0.03, 0.05)),)))
    executor.sweep(sweep.id, Command(Action.RESUME))
    wait_until(
        lambda: all(member.step for member in sweeps.members(sweep.id)) and sweeps.sweep(sweep.id).strategy != ""
    )
    cluster.remove_node(cluster.second, allow_graceful=False)
    wait_until(lambda: sweeps.sweep(sweep.id).status is Status.FINISHED, 5 * LIMIT_S)
    cluster.second = cluster.add_node(**NODE)
    members = sweeps.members(sweep.id)
    assert {member.status for member in members} == {Status.FINISHED}
    assert sorted(store.run(member.run).attempt for member in members) == [1, 1, 2, 2]  # one of two packs moved
    for member in members:
        curve, run = store.history.curve(member.run), store.run(member.run)
        assert len(curve.loss) == run.steps
        assert np.isfinite(curve.loss).all()
        assert run.test_accuracy is not None
        assert run.test_accuracy > 0.85


@pytest.mark.mnist
def test_runs_of_a_lost_node_go_on_elsewhere(store: RunStore, executor: LocalExecutor, cluster: Any) -> None:
    config = LONG.with_(epochs=30)
    runs = [started(store, executor, config) for _ in range(2)]
    wait_until(lambda: all(len(store.history.epochs(run.id)) >= 1 for run in runs))
    cluster.remove_node(cluster.second, allow_graceful=False)  # kill -9 of its processes
    wait_until(lambda: any("was lost with its node" in store.run(run.id).reason for run in runs))
    lost = next(run for run in runs if "was lost with its node" in store.run(run.id).reason)
    wait_until(lambda: all(store.run(run.id).status is Status.FINISHED for run in runs), 5 * LIMIT_S)
    curves = [store.history.curve(run.id).loss.tolist() for run in runs]
    assert curves[0] == curves[1]  # the one that moved as the one that stayed
    assert store.run(lost.id).attempt == 2


# ---------------------------------------------------------------------- without a cluster


def test_without_an_address_nothing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NNVIZ_RAY_ADDRESS", raising=False)
    backend, chosen = choice.choose(tmp_path)
    assert isinstance(backend, Processes)
    assert (chosen.where, chosen.problem) == ("", "")


def test_without_the_package_trainings_run_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NNVIZ_RAY_ADDRESS", "10.0.0.1:6379")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    backend, chosen = choice.choose(tmp_path)
    assert isinstance(backend, Processes)
    assert "the package ray is not installed; `pip install -r requirements-ray.txt`" in chosen.problem
    assert capsys.readouterr().err.count(chosen.problem) == 1


def test_where_nobody_answers_trainings_run_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NNVIZ_RAY_ADDRESS", "127.0.0.1:1")
    backend, chosen = choice.choose(tmp_path)
    assert isinstance(backend, Processes)
    assert chosen.problem.startswith("Trainings run on this machine: nobody answers at 127.0.0.1:1")
    assert capsys.readouterr().err.strip() == chosen.problem


def test_where_somebody_else_answers_trainings_run_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "ANSWERS_WITHIN", 3.0)
    with socket.create_server(("127.0.0.1", 0)) as stranger:  # it accepts, and says nothing
        address = f"127.0.0.1:{stranger.getsockname()[1]}"
        assert choice.obstacle(address) == f"what listens at {address} does not answer as a Ray cluster within 3 s"


@pytest.mark.parametrize("address", ["nonsense", "host:", "host:x", "ray://host:10001"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    assert choice.obstacle(address) == f"NNVIZ_RAY_ADDRESS must be host:port or auto, not {address!r}"


def test_a_damaged_note_says_nothing(tmp_path: Path) -> None:
    Choice("there", "no", 5).save(tmp_path)
    assert Choice.load(tmp_path) == Choice("there", "no", 5)
    (tmp_path / choice.FILE).write_text("{")
    assert Choice.load(tmp_path) == Choice()
