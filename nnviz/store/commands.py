"""What people ask of trainings that another process has: it goes through the store, to whoever trains them."""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import NamedTuple

from nnviz.store.database import Database
from nnviz.store.run import run_row
from nnviz.train.commands import Action, Command


class Asked(NamedTuple):
    """A command that nobody has taken yet."""

    action: Action
    since: float
    """Seconds since the epoch."""


class Commands:
    """Those that wait in the store. A command is for the run's attempt at the time: a later one never hears of it."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def post(self, run_id: str, command: Command) -> None:
        """Raises RunGone."""
        attempt = run_row(self._db, run_id)["attempt"]
        self._db.execute(
            "INSERT INTO commands (run, attempt, action, name, value, since) VALUES (?,?,?,?,?,?)",
            run_id,
            attempt,
            command.action,
            command.name,
            command.value,
            time.time(),
        )

    def take(self, run_ids: Collection[str]) -> list[Command]:
        """What was asked of these runs, in order, each with its run; from now on it waits no longer."""
        marks = ", ".join("?" * len(run_ids))
        if not self._db.rows(f"SELECT 1 FROM commands WHERE run IN ({marks}) LIMIT 1", *run_ids):
            return []  # as nearly always; it costs no writing
        with self._db.together():
            rows = self._db.rows(
                "SELECT commands.* FROM commands JOIN runs ON runs.id = run AND runs.attempt = commands.attempt"
                f" WHERE run IN ({marks}) ORDER BY number",
                *run_ids,
            )
            self._db.execute(f"DELETE FROM commands WHERE run IN ({marks})", *run_ids)
        return [Command(Action(row["action"]), row["name"], row["value"], row["run"]) for row in rows]

    def waiting(self, run_id: str) -> list[Asked]:
        """What was asked of the run and not taken yet, in order."""
        rows = self._db.rows(
            "SELECT action, since FROM commands JOIN runs ON runs.id = run AND runs.attempt = commands.attempt"
            " WHERE run = ? ORDER BY number",
            run_id,
        )
        return [Asked(Action(row["action"]), row["since"]) for row in rows]
