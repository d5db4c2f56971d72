"""A SQLite database shared by processes, whose schema has a version and moves up by migrations."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from nnviz.process import is_alive, this_process

T = TypeVar("T")

PATIENCE = 10.0
"""Seconds that a page waits for a database that another program has locked."""

LONG_PATIENCE = 900.0
"""Seconds that those wait who train: what they know would be lost."""

SAY_AFTER = 2.0
"""Seconds of waiting after which others are told of it."""

TRY_FOR, TRY_EVERY = 0.3, 0.05
"""Seconds that SQLite itself waits, while other threads of the process must too, and until the next try."""

Migration = Callable[[sqlite3.Connection], None]
"""Takes the schema one version up, inside a transaction."""


class StoreError(Exception):
    """The store can't be opened or written; the message names the folder and what to do."""


class StoreBusy(sqlite3.OperationalError):
    """Another program has had the database locked for longer than anybody would wait for it."""

    def __init__(self, path: Path, seconds: float) -> None:
        super().__init__(
            f"another program has had {path} locked for {seconds:g} s (a backup, a file browser, a folder that is"
            " synchronised); let it finish or close it, then try again"
        )


class ReadOnly(sqlite3.OperationalError):
    """Something was to be written where a store is only looked at."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"nothing can be written in {folder}: what is there can be looked at, but nothing trained, changed or"
            " deleted; mend its permissions, or copy it and name the copy in NNVIZ_RUNS"
        )


def can_write(path: Path) -> bool:
    """Whether a database can be written, or made. SQLite needs files beside it."""
    return os.access(path.parent, os.W_OK) and (not path.exists() or os.access(path, os.W_OK))


def connect_to_look(path: Path) -> sqlite3.Connection:
    """A connection for reading alone, also where nothing can be written. Without the files of a writer beside it the
    database stands still, as long as the connection is not kept.
    """
    alone = not path.with_name(f"{path.name}-wal").exists()
    return sqlite3.connect(
        f"{path.as_uri()}?mode=ro{'&immutable=1' * alone}",
        timeout=TRY_FOR,
        check_same_thread=False,
        isolation_level=None,
        uri=True,
    )


class Database:
    """One file; safe to share between threads, other processes open their own. Readers never wait for writers (WAL).

    `migrations[n]` leads from version n (`PRAGMA user_version`) to n + 1; what is missing is applied when it is opened.
    `gone` is raised for a row that refers to one that was deleted. Raises sqlite3.Error, StoreError for a newer schema,
    StoreBusy if another program has it locked for more than `patience` seconds. With `look_only`, one that
    can't be written is opened for reading alone; then `look_only` is true, and what would write raises ReadOnly.
    """

    def __init__(
        self,
        path: Path,
        migrations: Sequence[Migration],
        gone: type[Exception],
        patience: float = PATIENCE,
        *,
        look_only: bool = False,
    ) -> None:
        self._path, self._gone, self._patience = path, gone, patience
        self._lock = threading.RLock()
        self.look_only = look_only and path.exists() and not can_write(path)
        if self.look_only:
            self._open_to_look(path, migrations)
            return
        self._connection = sqlite3.connect(path, timeout=TRY_FOR, check_same_thread=False, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        try:
            self._patiently(lambda: self._connection.execute("PRAGMA journal_mode=WAL"))
            self._connection.execute("PRAGMA synchronous=NORMAL")
            self._connection.execute("PRAGMA foreign_keys=ON")
            self._migrate(path, migrations)
        except BaseException:
            self._connection.close()
            raise

    def _open_to_look(self, path: Path, migrations: Sequence[Migration]) -> None:
        """Where nothing can be written."""
        self._connection = connect_to_look(path)
        try:
            if self.version != len(migrations):
                raise StoreError(
                    f"{path} has another schema ({self.version}; this nnviz needs {len(migrations)}), and can't be"
                    " brought to it where nothing can be written: copy the folder, and name the copy"
                )
        except BaseException:
            self._connection.close()
            raise

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def rows(self, query: str, *values: Any) -> list[sqlite3.Row]:
        """What a SELECT gives."""
        return self._patiently(lambda: self._reader().execute(query, values).fetchall())

    def execute(self, query: str, *values: Any) -> int:
        """How many rows it changed. Raises `gone` if it refers to a row that was deleted."""
        self._must_write()
        try:
            return self._patiently(lambda: self._connection.execute(query, values).rowcount)
        except sqlite3.IntegrityError as error:
            raise self._gone(str(error)) from None

    def execute_many(self, query: str, values: Sequence[Sequence[Any]]) -> None:
        """The same statement for each of `values`."""
        with self.together():
            self._connection.executemany(query, values)

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is written inside is written all or not at all, and at once: an ensemble has much to write."""
        self._must_write()
        inside = not self._patiently(self._begin)
        try:
            yield
            if not inside:
                self._connection.execute("COMMIT")
        except BaseException as error:
            if not inside and self._connection.in_transaction:  # on a full disk SQLite has given it up by itself
                self._connection.execute("ROLLBACK")
            if isinstance(error, sqlite3.IntegrityError):
                raise self._gone(str(error)) from None
            raise
        finally:
            self._lock.release()

    def is_waited_for(self) -> bool:
        """Whether some process can't go on because another program has the database locked."""
        waiting = False
        for note in self._path.parent.glob(f"{self._path.name}.waiting-*"):
            with suppress(OSError):  # just taken away
                if is_alive(note.read_text()):
                    waiting = True
                else:  # it was killed while it waited
                    note.unlink()
        return waiting

    def _must_write(self) -> None:
        if self.look_only:
            raise ReadOnly(self._path.parent)

    def _reader(self) -> sqlite3.Connection:
        """Where nothing can be written, a new one each time: another user's nnviz may write there meanwhile."""
        if self.look_only:
            self._connection.close()
            self._connection = connect_to_look(self._path)
            self._connection.row_factory = sqlite3.Row
        return self._connection

    def _begin(self) -> bool:
        """Keeps the lock. False if this thread is within a transaction already."""
        self._lock.acquire()
        try:
            if self._connection.in_transaction:
                return False
            self._connection.execute("BEGIN IMMEDIATE")
            return True
        except BaseException:
            self._lock.release()
            raise

    def _patiently(self, work: Callable[[], T]) -> T:
        """What `work` gives, done again and again while another program has the database locked. In between other
        threads may go on: who only reads need not wait with those who write.
        """
        since, note = time.monotonic(), self._path.with_name(f"{self._path.name}.waiting-{os.getpid()}")
        noted = False
        try:
            while True:
                try:
                    with self._lock:
                        return work()
                except sqlite3.OperationalError as error:
                    if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                        raise
                waited = time.monotonic() - since
                if waited > self._patience:
                    raise StoreBusy(self._path, self._patience)
                if waited > SAY_AFTER and not noted:
                    noted = True
                    with suppress(OSError):
                        note.write_text(this_process())
                time.sleep(TRY_EVERY)
        finally:
            if noted:
                with suppress(OSError):
                    note.unlink(missing_ok=True)

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
