"""The schema's version: old stores move up, newer ones are refused, and a step that fails leaves the old version."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

from nnviz.spec.network import NetworkSpec
from nnviz.spec.train_config import TrainConfig
from nnviz.store.database import Database, StoreError
from nnviz.store.run import RunGone, Status
from nnviz.store.runs import RunStore
from nnviz.store.schema import MIGRATIONS
from tests.store.downgrade import before_versions


def schema_of(path: Path) -> dict[str, list[str]]:
    db = sqlite3.connect(path)
    tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
    found = {table: sorted(row[1] for row in db.execute(f"PRAGMA table_info({table})")) for table in tables}
    db.close()
    return found


def test_a_store_from_before_versions_becomes_what_a_new_one_is(tmp_path: Path) -> None:
    old, new = RunStore(tmp_path / "old"), RunStore(tmp_path / "new")
    pruned, stopped = (old.create(NetworkSpec(), TrainConfig()) for _ in range(2))
    given_up = "Given up early: it did worse than the middle of the others had done by then."
    old.writer.set_status(pruned.id, 0, Status.STOPPED, given_up)
    old.writer.set_status(stopped.id, 0, Status.STOPPED, "Stopped by hand.")
    old.close()
    new.close()
    before_versions(tmp_path / "old", "parent", "parent_step", "sweep", "point", "packed", "loss")
    old = RunStore(tmp_path / "old")
    assert old.db.version == len(MIGRATIONS)
    assert [old.run(run.id).status for run in (pruned, stopped)] == [Status.PRUNED, Status.STOPPED]
    old.close()
    assert schema_of(tmp_path / "old" / "runs.sqlite") == schema_of(tmp_path / "new" / "runs.sqlite")


def test_a_newer_store_is_left_alone(tmp_path: Path) -> None:
    RunStore(tmp_path).close()
    with sqlite3.connect(tmp_path / "runs.sqlite") as db:
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    db.close()
    with pytest.raises(StoreError, match="was written by a newer nnviz"):
        RunStore(tmp_path)


def test_a_migration_that_fails_changes_nothing(tmp_path: Path) -> None:
    def first(db: sqlite3.Connection) -> None:
        db.execute("CREATE TABLE one (id INTEGER)")

    def broken(db: sqlite3.Connection) -> None:
        db.execute("CREATE TABLE two (id INTEGER)")
        db.execute("ALTER TABLE three ADD COLUMN x INTEGER")

    path = tmp_path / "a.sqlite"
    with pytest.raises(sqlite3.OperationalError, match="no such table: three"):
        Database(path, (first, broken), RunGone)
    assert schema_of(path) == {}
    Database(path, (first,), RunGone).close()
    assert schema_of(path) == {"one": ["id"]}


def test_many_that_open_an_old_store_at_once_move_it_up_once(tmp_path: Path) -> None:
    RunStore(tmp_path).close()
    before_versions(tmp_path)
    failures: list[BaseException] = []

    def use() -> None:
        try:
            RunStore(tmp_path).close()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
