"""The tables of runs and sweeps, as the first stores had them and as they changed: one migration for each version.

A migration that was released is never edited; what changes comes as another one at the end.
"""

from __future__ import annotations

import sqlite3

_TABLES = """
CREATE TABLE IF NOT EXISTS runs (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, note TEXT NOT NULL DEFAULT '', network TEXT NOT NULL, config TEXT NOT NULL,
    status TEXT NOT NULL, reason TEXT NOT NULL DEFAULT '', created REAL NOT NULL, seconds REAL NOT NULL DEFAULT 0,
    step INTEGER NOT NULL DEFAULT 0, steps INTEGER NOT NULL DEFAULT 0, speed REAL NOT NULL DEFAULT 0,
    device TEXT NOT NULL DEFAULT '', threads INTEGER NOT NULL DEFAULT 0, attempt INTEGER NOT NULL DEFAULT 0,
    owner TEXT NOT NULL, queued REAL NOT NULL DEFAULT 0, parent TEXT NOT NULL DEFAULT '',
    parent_step INTEGER NOT NULL DEFAULT 0, sweep TEXT NOT NULL DEFAULT '', point INTEGER NOT NULL DEFAULT 0,
    packed INTEGER NOT NULL DEFAULT 0, loss REAL
) STRICT;
CREATE TABLE IF NOT EXISTS batches (
    run TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE, attempt INTEGER NOT NULL, first_step INTEGER NOT NULL,
    numbers BLOB NOT NULL, PRIMARY KEY (run, attempt, first_step)
) STRICT;
CREATE TABLE IF NOT EXISTS epochs (
    run TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE, epoch INTEGER NOT NULL, step INTEGER NOT NULL,
    train_loss REAL, train_accuracy REAL, test_loss REAL, test_accuracy REAL, PRIMARY KEY (run, epoch)
) STRICT;
CREATE TABLE IF NOT EXISTS changes (
    run TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE, step INTEGER NOT NULL, name TEXT NOT NULL,
    before REAL NOT NULL, after REAL NOT NULL, PRIMARY KEY (run, step, name)
) STRICT;
CREATE TABLE IF NOT EXISTS norms (
    run TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE, step INTEGER NOT NULL, numbers BLOB NOT NULL,
    PRIMARY KEY (run, step)
) STRICT;
CREATE TABLE IF NOT EXISTS sweeps (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, spec TEXT NOT NULL, status TEXT NOT NULL, reason TEXT NOT NULL DEFAULT '',
    created REAL NOT NULL, seconds REAL NOT NULL DEFAULT 0, way TEXT NOT NULL DEFAULT '', owner TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS points (
    sweep TEXT NOT NULL REFERENCES sweeps(id) ON DELETE CASCADE, point INTEGER NOT NULL, chosen TEXT NOT NULL,
    PRIMARY KEY (sweep, point)
) STRICT;
"""

_ADDED_COLUMNS = (
    "parent TEXT NOT NULL DEFAULT ''",
    "parent_step INTEGER NOT NULL DEFAULT 0",
    "sweep TEXT NOT NULL DEFAULT ''",
    "point INTEGER NOT NULL DEFAULT 0",
    "packed INTEGER NOT NULL DEFAULT 0",
    "loss REAL",
)
"""Of `runs`, which stores without a version may lack."""

_PRUNED_ONCE = "Given up early: it did worse than the middle of the others had done by then."
"""How a pruned run was told from one stopped by hand before there was a status for it."""


def _tables(db: sqlite3.Connection) -> None:
    """1: every table, in stores that have none and in those from before there was a version."""
    for statement in _TABLES.split(";"):
        if statement.strip():
            db.execute(statement)
    known = {row["name"] for row in db.execute("PRAGMA table_info(runs)")}
    for column in _ADDED_COLUMNS:
        if column.split()[0] not in known:
            db.execute(f"ALTER TABLE runs ADD COLUMN {column}")
    db.execute("CREATE INDEX IF NOT EXISTS runs_by_sweep ON runs (sweep)")


def _field_words(db: sqlite3.Connection) -> None:
    """2: columns and settings by the field's words; pruned is a status, what a run waits for a column."""
    db.execute("ALTER TABLE runs RENAME COLUMN packed TO ensemble")
    db.execute("ALTER TABLE sweeps RENAME COLUMN way TO strategy")
    db.execute("ALTER TABLE runs ADD COLUMN waiting TEXT NOT NULL DEFAULT ''")
    db.execute("UPDATE runs SET status = 'pruned' WHERE status = 'stopped' AND reason = ?", (_PRUNED_ONCE,))


def _bin_and_commands(db: sqlite3.Connection) -> None:
    """3: what was deleted lies in a bin first (since when, in seconds since the epoch; 0: it was not); and what people
    ask of trainings of other processes.
    """
    for table in ("runs", "sweeps"):
        db.execute(f"ALTER TABLE {table} ADD COLUMN deleted REAL NOT NULL DEFAULT 0")
    db.execute(
        "CREATE TABLE commands (number INTEGER PRIMARY KEY, run TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,"
        " attempt INTEGER NOT NULL, action TEXT NOT NULL, name TEXT NOT NULL, value REAL NOT NULL, since REAL NOT NULL)"
        " STRICT"
    )


def _pretrained(db: sqlite3.Connection) -> None:
    """4: which runs came with nnviz."""
    db.execute("ALTER TABLE runs ADD COLUMN pretrained INTEGER NOT NULL DEFAULT 0")


MIGRATIONS = (_tables, _field_words, _bin_and_commands, _pretrained)
