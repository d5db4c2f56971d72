"""Trainings in processes of their own: what people do to them, and what happens to them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from nnviz.config import TrainConfig
from nnviz.executor.local import LocalExecutor
from nnviz.layers import Dense
from nnviz.network import NetworkSpec
from nnviz.recording import Command, train_run
from nnviz.runs import Run, RunStore, Status

NETWORK = NetworkSpec((Dense(32),))
SHORT = TrainConfig(epochs=2, per_class=200)
LONG = TrainConfig(epochs=1000, per_class=1000)

pytestmark = pytest.mark.mnist


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, mnist_root: Path) -> Iterator[Path]:
    """A store folder; the children find MNIST and four places through the environment."""
    before = dict(os.environ)
    os.environ.update(NNVIZ_DATA=str(mnist_root), NNVIZ_SLOTS="2")
    yield tmp_path_factory.mktemp("runs")
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="module")
def store(root: Path) -> Iterator[RunStore]:
    store = RunStore(root)
    yield store
    store.close()


@pytest.fixture(scope="module")
def executor(store: RunStore) -> Iterator[LocalExecutor]:
    executor = LocalExecutor(store)
    yield executor
    executor.close()


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


def started(store: RunStore, executor: LocalExecutor, config: TrainConfig = LONG) -> Run:
    run = store.create(NETWORK, config)
    executor.submit(run.id)
    wait_until(lambda: store.run(run.id).step > 0)
    return run


def is_(store: RunStore, run: Run, status: Status) -> Callable[[], bool]:
    return lambda: store.run(run.id).status is status


def pid_of(store: RunStore, run: Run) -> int:
    return int(store.owner(run.id).split(":")[0])


def test_a_run_in_a_worker_is_the_same_run(store: RunStore, executor: LocalExecutor, tmp_path: Path) -> None:
    run = store.create(NETWORK, SHORT)
    executor.submit(run.id)
    wait_until(is_(store, run, Status.FINISHED))
    here = RunStore(tmp_path)
    same = here.create(NETWORK, SHORT)
    train_run(here, same.id)
    np.testing.assert_allclose(store.curve(run.id).loss, here.curve(same.id).loss, atol=1e-6)
    assert store.run(run.id).threads == 1


def test_pause_steps_changes_and_stop(store: RunStore, executor: LocalExecutor) -> None:
    run = started(store, executor)
    executor.control(run.id, Command("pause"))
    wait_until(is_(store, run, Status.PAUSED))
    step = store.run(run.id).step
    executor.control(run.id, Command("set", "lr", 0.05))
    executor.control(run.id, Command("batch"))
    wait_until(lambda: store.run(run.id).step == step + 1 and store.run(run.id).status is Status.PAUSED)
    assert [tuple(change) for change in store.changes(run.id)] == [(step, "lr", 0.001, 0.05)]
    executor.control(run.id, Command("resume"))
    wait_until(lambda: store.run(run.id).step > step + 10)
    executor.control(run.id, Command("stop"))
    wait_until(is_(store, run, Status.STOPPED))
    assert store.snapshot(run.id).position.step == store.run(run.id).step


def test_a_run_may_begin_with_one_batch(store: RunStore, executor: LocalExecutor) -> None:
    run = store.create(NETWORK, LONG)
    executor.submit(run.id, Command("batch"))
    wait_until(is_(store, run, Status.PAUSED))
    assert store.run(run.id).step == 1
    executor.delete(store.run(run.id))


def test_more_runs_than_places_wait_their_turn(store: RunStore, executor: LocalExecutor) -> None:
    going = [started(store, executor) for _ in range(2)]
    first, second = (store.create(NETWORK, SHORT) for _ in range(2))
    for run in (first, second):
        executor.submit(run.id)
    wait_until(lambda: store.place_in_queue(second.id) == 2)
    assert store.run(first.id).status is Status.QUEUED
    executor.control(second.id, Command("stop"))
    wait_until(is_(store, second, Status.STOPPED))
    for run in going:
        executor.control(run.id, Command("stop"))
    wait_until(is_(store, first, Status.FINISHED))


def test_a_paused_run_leaves_its_place_however_it_came_to_pause(store: RunStore, executor: LocalExecutor) -> None:
    """Two places: a class that tries "one batch" must not stand in everybody's way, nor must a changed setting."""
    paused = [store.create(NETWORK, LONG) for _ in range(2)]
    for run in paused:
        executor.submit(run.id, Command("batch"))
    wait_until(lambda: all(store.run(run.id).status is Status.PAUSED for run in paused))
    executor.control(paused[0].id, Command("set", "lr", 0.01))
    others = [started(store, executor), started(store, executor)]
    for run in (*paused, *others):
        executor.delete(store.run(run.id))


def test_a_killed_worker_is_said_and_can_be_resumed(store: RunStore, executor: LocalExecutor) -> None:
    config = LONG.with_(epochs=4)
    run = store.create(NETWORK, config)
    executor.submit(run.id)
    wait_until(lambda: len(store.epochs(run.id)) >= 1)
    os.kill(pid_of(store, run), signal.SIGKILL)
    wait_until(is_(store, run, Status.INTERRUPTED))
    wait_until(lambda: "SIGKILL" in store.run(run.id).reason)
    recorded = store.curve(run.id).loss
    executor.submit(run.id)
    wait_until(is_(store, run, Status.FINISHED))

    whole = store.create(NETWORK, config)
    executor.submit(whole.id)
    wait_until(is_(store, whole, Status.FINISHED))
    curve = store.curve(run.id).loss
    assert curve.tolist() == store.curve(whole.id).loss.tolist()
    assert curve[: len(recorded)].tolist() == recorded.tolist()


def test_deleting_an_active_run_ends_its_process(store: RunStore, executor: LocalExecutor) -> None:
    run = started(store, executor)
    pid = pid_of(store, run)
    executor.delete(store.run(run.id))
    assert run.id not in [left.id for left in store.runs()]
    assert not store.folder(run.id).exists()
    wait_until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)


def test_a_killed_supervisor_is_replaced(store: RunStore, executor: LocalExecutor) -> None:
    run = started(store, executor)
    pid = pid_of(store, run)
    os.kill(executor.pid, signal.SIGKILL)
    wait_until(is_(store, run, Status.INTERRUPTED))  # the orphan saves and ends by itself
    wait_until(lambda: not psutil.pid_exists(pid))
    executor.submit(run.id)
    wait_until(lambda: store.run(run.id).status is Status.RUNNING and store.run(run.id).attempt == 2)
    executor.delete(store.run(run.id))


def test_a_server_killed_mid_run_leaves_runs_that_can_be_resumed(store: RunStore, executor: LocalExecutor) -> None:
    server = (
        "import sys, pathlib, time; from nnviz.executor.local import *; from tests.test_executor import *\n"
        "store = RunStore(pathlib.Path(sys.argv[1])); run = started(store, LocalExecutor(store))\n"
        "print(run.id, flush=True); time.sleep(600)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", server, str(store.root)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[1],
    )
    assert process.stdout
    run = store.run(process.stdout.readline().strip())
    process.kill()
    process.wait()
    process.stdout.close()
    wait_until(is_(store, run, Status.INTERRUPTED))
    wait_until(lambda: "server was stopped" in store.run(run.id).reason)
    step = store.run(run.id).step
    assert store.snapshot(run.id).position.step == step  # saved on the way out: nothing is lost
    executor.submit(run.id)
    wait_until(lambda: store.run(run.id).step > step)
    executor.delete(store.run(run.id))
