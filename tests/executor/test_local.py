"""Trainings in processes of their own: what people do to them, and what happens to them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from nnviz.executor.local import LocalExecutor
from nnviz.store.run import Run, Status
from nnviz.store.runs import RunStore
from nnviz.train.commands import Action, Command
from tests.executor.contract import LONG, NETWORK, ExecutorContract, is_, started
from tests.waiting import wait_until

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


def pid_of(store: RunStore, run: Run) -> int:
    return int(store.owner(run.id).split(":")[0])


class TestContract(ExecutorContract):
    """On this machine."""


def test_a_paused_run_leaves_its_place_however_it_came_to_pause(store: RunStore, executor: LocalExecutor) -> None:
    """Two places: a class that tries "one batch" must not stand in everybody's way, nor must a changed setting."""
    paused = [store.create(NETWORK, LONG) for _ in range(2)]
    for run in paused:
        executor.submit(run.id, Command(Action.BATCH))
    wait_until(lambda: all(store.run(run.id).status is Status.PAUSED for run in paused))
    executor.control(paused[0].id, Command(Action.SET, "lr", 0.01))
    others = [started(store, executor), started(store, executor)]
    for run in (*paused, *others):
        executor.delete(store.run(run.id))


def test_a_killed_worker_is_said_and_can_be_resumed(store: RunStore, executor: LocalExecutor) -> None:
    config = LONG.with_(epochs=4)
    run = store.create(NETWORK, config)
    executor.submit(run.id)
    wait_until(lambda: len(store.history.epochs(run.id)) >= 1)
    os.kill(pid_of(store, run), signal.SIGKILL)
    wait_until(is_(store, run, Status.INTERRUPTED))
    wait_until(lambda: "SIGKILL" in store.run(run.id).reason)
    recorded = store.history.curve(run.id).loss
    executor.submit(run.id)
    wait_until(is_(store, run, Status.FINISHED))

    whole = store.create(NETWORK, config)
    executor.submit(whole.id)
    wait_until(is_(store, whole, Status.FINISHED))
    curve = store.history.curve(run.id).loss
    assert curve.tolist() == store.history.curve(whole.id).loss.tolist()
    assert curve[: len(recorded)].tolist() == recorded.tolist()


def test_resumed_in_the_moment_its_process_is_killed_it_goes_on(store: RunStore, executor: LocalExecutor) -> None:
    """Before the supervisor has heard of the end of the attempt before, and again and again."""
    run = started(store, executor)
    for attempt in range(2, 12):
        os.kill(pid_of(store, run), signal.SIGKILL)
        wait_until(is_(store, run, Status.INTERRUPTED))
        executor.submit(run.id)
        wait_until(is_(store, run, Status.RUNNING), words=f"attempt {attempt} does not run: {store.run(run.id)}")
        assert store.run(run.id).attempt == attempt
    curve = store.history.curve(run.id)
    assert not np.isnan(curve.loss).any()
    executor.delete(store.run(run.id))


def test_deleting_an_active_run_ends_its_process(store: RunStore, executor: LocalExecutor) -> None:
    run = started(store, executor)
    pid = pid_of(store, run)
    executor.delete(store.run(run.id))
    assert run.id not in [left.id for left in store.runs()]
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
        "import sys, pathlib, time; from nnviz.executor.local import *; from tests.executor.contract import *\n"
        "store = RunStore(pathlib.Path(sys.argv[1])); run = started(store, LocalExecutor(store))\n"
        "print(run.id, flush=True); time.sleep(600)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", server, str(store.root)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout
    run = store.run(process.stdout.readline().strip())
    process.kill()
    process.wait()
    process.stdout.close()
    wait_until(is_(store, run, Status.INTERRUPTED))
    wait_until(lambda: "server was stopped" in store.run(run.id).reason)
    step = store.run(run.id).step
    assert store.checkpoints.load(run.id).position.step == step  # saved on the way out: nothing is lost
    executor.submit(run.id)
    wait_until(lambda: store.run(run.id).step > step)
    executor.delete(store.run(run.id))
