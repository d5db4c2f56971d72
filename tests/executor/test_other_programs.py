"""What another program trains on the same runs folder is steered too: the command line, or a second app."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nnviz.executor.local import LocalExecutor
from nnviz.store.run import Run, Status
from nnviz.store.runs import RunStore
from nnviz.train.commands import Action, Command
from tests.executor.contract import LONG, NETWORK, is_, started
from tests.waiting import LIMIT_S, wait_until

pytestmark = pytest.mark.mnist


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, mnist_root: Path) -> Iterator[RunStore]:
    before = dict(os.environ)
    os.environ.update(NNVIZ_DATA=str(mnist_root), NNVIZ_SLOTS="1")
    store = RunStore(tmp_path_factory.mktemp("runs"))
    yield store
    store.close()
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="module")
def executor(store: RunStore) -> Iterator[LocalExecutor]:
    """Of the app that people use."""
    executor = LocalExecutor(store)
    yield executor
    executor.close()


@pytest.fixture
def command_line(store: RunStore) -> Iterator[subprocess.Popen[str]]:
    words = ("train", "--hidden", "32", "--epochs", "1000", "--per-class", "1000", "--runs", str(store.root))
    process = subprocess.Popen(
        [sys.executable, "-m", "nnviz", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    yield process
    process.kill()
    process.communicate()


def newest(store: RunStore, process: subprocess.Popen[str]) -> Run:
    def is_there() -> bool:
        assert process.poll() is None
        return any(run.step for run in store.runs() if store.owner(run.id).startswith(f"{process.pid}:"))

    wait_until(is_there)
    return store.runs()[0]


def test_a_training_of_the_command_line(
    store: RunStore, executor: LocalExecutor, command_line: subprocess.Popen[str]
) -> None:
    run = newest(store, command_line)
    executor.control(run.id, Command(Action.PAUSE))
    wait_until(is_(store, run, Status.PAUSED))
    step = store.run(run.id).step
    executor.control(run.id, Command(Action.SET, "lr", 0.05))
    executor.control(run.id, Command(Action.BATCH))
    wait_until(lambda: store.run(run.id).step == step + 1 and store.run(run.id).status is Status.PAUSED)
    assert [(change.name, change.after) for change in store.history.changes(run.id)] == [("lr", 0.05)]
    executor.control(run.id, Command(Action.RESUME))
    wait_until(lambda: store.run(run.id).step > step + 10)
    assert store.commands.waiting(run.id) == []
    executor.delete(store.run(run.id))
    command_line.wait(LIMIT_S)
    assert store.restore(run.id).status is Status.STOPPED
    assert store.checkpoints.load(run.id).position.step == store.run(run.id).step


def test_what_a_second_app_trains_and_what_waits_there(store: RunStore, executor: LocalExecutor) -> None:
    second = LocalExecutor(store)
    try:
        run = started(store, second)
        waits = store.create(NETWORK, LONG)
        second.submit(waits.id)
        wait_until(lambda: store.place_in_queue(waits.id) == 1)
        executor.control(waits.id, Command(Action.STOP))
        wait_until(is_(store, waits, Status.STOPPED))
        executor.control(run.id, Command(Action.PAUSE))
        wait_until(is_(store, run, Status.PAUSED))
        executor.delete(store.run(run.id))
        assert store.restore(run.id).status is Status.STOPPED
    finally:
        second.close()


def test_one_that_does_not_listen_is_told_of_and_can_be_deleted_all_the_same(
    store: RunStore, executor: LocalExecutor
) -> None:
    run = store.create(NETWORK, LONG)  # this process claims to train it, and obeys nobody
    store.writer.begin(run.id, "cpu", 1)
    executor.control(run.id, Command(Action.PAUSE))
    wait_until(lambda: [one.action for one in store.commands.waiting(run.id)] == [Action.PAUSE])
    executor.delete(store.run(run.id))
    assert run.id not in [left.id for left in store.runs()]
    assert store.restore(run.id).status is Status.INTERRUPTED
