"""A SQLite database shared by processes, whose schema has a version and moves up by migrations."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Migration = Callable[[sqlite3.Connection], None]
"""Takes the schema one version up, inside a transaction."""


class StoreError(Exception):
    """The store can't be opened or written; the message names the folder and what to do."""


def runs_root() -> Path:
    """The folder of the store: NNVIZ_RUNS, or `runs` where the app was started."""
    return Path(os.environ.get("NNVIZ_RUNS") or "runs")


class Database:
    """One file; safe to share between threads, other processes open their own. Readers never wait for writers (WAL).

    `migrations[n]` leads from version n (`PRAGMA user_version`) to n + 1; what is missing is applied when it is opened.
    `gone` is raised for a row that refers to one that was deleted. Raises sqlite3.Error, StoreError for a newer schema.
    """

    def __init__(self, path: Path, migrations: Sequence[Migration], gone: type[Exception]) -> None:
        self._gone, self._lock = gone, threading.RLock()
        self._connection = sqlite3.connect(path, timeout=10, check_same_thread=False, isolation_level=None)
        try:
            self._connection.row_factory = sqlite3.Row
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=NORMAL")
            self._connection.execute("PRAGMA foreign_keys=ON")
            self._migrate(path, migrations)
        except BaseException:
            self._connection.close()
            raise

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def rows(self, query: str, *values: Any) -> list[sqlite3.Row]:
        """What a SELECT gives."""
        with self._lock:
            return self._connection.execute(query, values).fetchall()

    def execute(self, query: str, *values: Any) -> int:
        """How many rows it changed. Raises `gone` if it refers to a row that was deleted."""
        with self._lock:
            try:
                return self._connection.execute(query, values).rowcount
            except sqlite3.IntegrityError as error:
                raise self._gone(str(error)) from None

    def execute_many(self, query: str, values: Sequence[Sequence[Any]]) -> None:
        """The same statement for each of `values`."""
        with self._lock:
            self._connection.executemany(query, values)

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is written inside is written all or not at all, and at once: an ensemble has much to write."""
        with self._lock:
            if self._connection.in_transaction:
                try:
                    yield
                except sqlite3.IntegrityError as error:
                    raise self._gone(str(error)) from None
                return
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException as error:
                if self._connection.in_transaction:  # on a full disk SQLite has given it up by itself
                    self._connection.execute("ROLLBACK")
                if isinstance(error, sqlite3.IntegrityError):
                    raise self._gone(str(error)) from None
                raise

    @property
    def version(self) -> int:
        version: int = self._connection.execute("PRAGMA user_version").fetchone()[0]
        return version

    def _migrate(self, path: Path, migrations: Sequence[Migration]) -> None:
        if self.version > len(migrations):
            raise StoreError(
                f"{path} was written by a newer nnviz (schema {self.version}; this one knows {len(migrations)}):"
                " update nnviz, or name another folder in NNVIZ_RUNS"
            )
        if self.version < len(migrations):
            with self.together():  # of two processes that open an old store, the second finds nothing left to do
                for number, migrate in enumerate(migrations[self.version :], self.version + 1):
                    migrate(self._connection)
                    self._connection.execute(f"PRAGMA user_version = {number}")
