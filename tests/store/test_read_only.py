"""A runs folder in which nothing can be written, on a CD or another's, can be listed and looked at."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Queue

import pytest

from nnviz.cli import main
from nnviz.spec.network import NetworkSpec
from nnviz.spec.train_config import TrainConfig
from nnviz.store.database import StoreError
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
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        store.rename(found[0][0], "x")
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
