"""A runs folder in which nothing can be written, on a CD or another's, can be listed and looked at."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from multiprocessing.synchronize import Event
from pathlib import Path
from queue import Queue

import pytest

from nnviz.cli import main
from nnviz.spec.network import NetworkSpec
from nnviz.spec.train_config import TrainConfig
from nnviz.store.database import ReadOnly, StoreError
from nnviz.store.runs import RunStore
from nnviz.train.events import Epoch
from tests.waiting import LIMIT_S

NOBODY = 65534


@pytest.fixture
def root() -> Iterator[Path]:
    """Readable for everybody, unlike what pytest makes."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder / "runs"
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755)
    shutil.rmtree(folder)


def made(root: Path) -> str:
    store = RunStore(root)
    run = store.create(NetworkSpec(), TrainConfig(), "a net")
    store.writer.add_epoch(run.id, Epoch(1, 1, 1, 1, 1, 0.5))
    store.close()
    return run.id


def forbid(root: Path) -> None:
    for path in (*root.rglob("*"), root):
        path.chmod(0o555 if path.is_dir() else 0o444)


def _as_nobody(work: Callable[[Path], object], root: Path, answer: Queue[object]) -> None:
    if os.geteuid() == 0:  # to whom nothing is forbidden
        os.setuid(NOBODY)
    try:
        answer.put(work(root))
    except Exception as error:
        answer.put(error)


def as_nobody(work: Callable[[Path], object], root: Path) -> object:
    """What `work` gives in a process that may write nothing there."""
    forking = multiprocessing.get_context("fork")
    answer: Queue[object] = forking.Queue()
    process = forking.Process(target=_as_nobody, args=(work, root, answer))
    process.start()
    found = answer.get(timeout=LIMIT_S)
    process.join()
    return found


def looked_at(root: Path) -> object:
    store = RunStore(root, look_only=True)
    found = [(run.id, run.test_accuracy) for run in store.runs()]
    assert store.look_only
    for write in (lambda: store.rename(found[0][0], "x"), lambda: store.create(NetworkSpec(), TrainConfig())):
        with pytest.raises(ReadOnly, match=f"nothing can be written in {root}"):
            write()
    store.close()
    return found


def looked_at_while_it_changes(root: Path, before: Event, after: Event) -> object:
    store = RunStore(root, look_only=True)
    found = [store.runs()[0].test_accuracy]
    before.set()
    assert after.wait(LIMIT_S)
    found.append(store.runs()[0].test_accuracy)
    store.close()
    return found


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no other user to become")
class TestNothingCanBeWritten:
    def test_it_is_read(self, root: Path) -> None:
        run = made(root)
        forbid(root)
        assert as_nobody(looked_at, root) == [(run, 0.5)]

    def test_also_while_another_has_it_open(self, root: Path) -> None:
        """What is still in the journal of a writer is read too."""
        run = made(root)
        writer = RunStore(root)
        writer.writer.add_epoch(run, Epoch(2, 2, 1, 1, 1, 0.75))
        forbid(root)
        assert as_nobody(looked_at, root) == [(run, 0.75)]
        writer.close()

    def test_what_another_writes_meanwhile_is_seen(self, root: Path) -> None:
        """Though its file was taken to stand still when it was opened."""
        run = made(root)
        before, after = multiprocessing.Event(), multiprocessing.Event()
        root.chmod(0o555)

        def write() -> None:
            assert before.wait(LIMIT_S)
            with closing(RunStore(root)) as store:
                store.writer.add_epoch(run, Epoch(2, 2, 1, 1, 1, 0.75))
            after.set()

        with ThreadPoolExecutor() as pool:
            writing = pool.submit(write)
            found = as_nobody(lambda root: looked_at_while_it_changes(root, before, after), root)
            writing.result()
        assert found == [0.5, 0.75]

    def test_the_command_line_lists_it(self, root: Path) -> None:
        made(root)
        forbid(root)
        assert as_nobody(lambda root: main(["runs", "--runs", str(root)]), root) == 0

    def test_one_of_another_schema_says_what_to_do(self, root: Path) -> None:
        made(root)
        with sqlite3.connect(root / "runs.sqlite") as db:
            db.execute("PRAGMA user_version = 2")
        db.close()
        forbid(root)
        error = as_nobody(looked_at, root)
        assert isinstance(error, StoreError)
        assert "copy the folder" in str(error)
