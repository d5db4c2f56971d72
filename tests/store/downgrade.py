"""A store as it was before its schema had a version."""

from __future__ import annotations

import sqlite3
from pathlib import Path


def before_versions(root: Path, *missing: str) -> None:
    """Take the store in `root`, closed, back to that time, without these columns of its runs."""
    with sqlite3.connect(root / "runs.sqlite") as db:
        db.execute("PRAGMA user_version = 0")
        db.execute("DROP INDEX runs_by_sweep")
        db.execute("ALTER TABLE runs RENAME COLUMN ensemble TO packed")
        db.execute("ALTER TABLE sweeps RENAME COLUMN strategy TO way")
        db.execute("DROP TABLE commands")
        db.execute("ALTER TABLE sweeps DROP COLUMN deleted")
        for column in ("waiting", "deleted", "pretrained", *missing):
            db.execute(f"ALTER TABLE runs DROP COLUMN {column}")
    db.close()
