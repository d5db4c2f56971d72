"""Sweeps on disk, beside the runs they consist of: what each is to try, its points, and how far it is.

What a sweep found is never stored: it is read off its runs.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from nnviz.process import is_alive, this_process
from nnviz.store.run import Run, Status, clean_name, describe, new_id
from nnviz.store.runs import BIN_SECONDS, RunStore
from nnviz.sweep.spec import SweepSpec
from nnviz.sweep.spec import describe as describe_sweep


class SweepGone(Exception):  # noqa: N818  # says what happened, as FileNotFoundError does not
    """The sweep is not in the store, or was deleted while it was looked at."""


@dataclass(frozen=True)
class Sweep:
    id: str
    name: str
    spec: SweepSpec
    status: Status
    """Queued before its first run is asked for; running, paused, stopped, finished, failed; interrupted while nobody
    drives it.
    """
    reason: str
    created: float
    """Seconds since the epoch."""
    seconds: float
    """Time it was being worked on."""
    strategy: str
    """How it trains its points, and why so, as a sentence; empty before it is decided."""


class Member(NamedTuple):
    """A run of a sweep, as much as a picture of the sweep needs."""

    run: str
    point: int
    seed_index: int
    status: Status
    reason: str
    step: int
    steps: int
    seconds: float
    loss: float | None
    """Mean training loss of the last batches that were recorded; None before, or when it is no number."""
    ensemble: int
    attempt: int
    epochs: tuple[tuple[float | None, float | None], ...]
    """Test accuracy in [0, 1] and test loss after each epoch."""


class SweepStore:
    """The sweeps of a run store. Its methods raise SweepGone for an id that is not there."""

    def __init__(self, runs: RunStore) -> None:
        self.runs = runs

    def create(self, spec: SweepSpec, name: str = "") -> Sweep:
        """A new sweep, waiting to be started."""
        now = time.time()
        sweep_id = new_id(now)
        self.runs.db.execute(
            "INSERT INTO sweeps (id, name, spec, status, created, owner) VALUES (?,?,?,?,?,?)",
            sweep_id,
            clean_name(name) or describe_sweep(spec),
            json.dumps(spec.to_dict()),
            Status.QUEUED,
            now,
            this_process(),
        )
        return self.sweep(sweep_id)

    def sweep(self, sweep_id: str) -> Sweep:
        return _to_sweep(self._row("*", sweep_id))

    def sweeps(self) -> list[Sweep]:
        """All of them, newest first."""
        return [
            _to_sweep(row)
            for row in self.runs.db.rows("SELECT * FROM sweeps WHERE deleted = 0 ORDER BY created DESC, id DESC")
        ]

    def take_over(self, sweep_id: str) -> Sweep:
        """This process drives the sweep from now on."""
        self.update(sweep_id, owner=this_process(), status=Status.RUNNING, reason="")
        return self.sweep(sweep_id)

    def update(self, sweep_id: str, **values: Any) -> None:
        """Change columns of the sweep: status, reason, strategy, owner, name."""
        self._change(", ".join(f"{name} = ?" for name in values), *values.values(), sweep_id)

    def add_seconds(self, sweep_id: str, seconds: float) -> None:
        """It was worked on for so long since the last time."""
        self._change("seconds = seconds + ?", seconds, sweep_id)

    def discard(self, sweep_id: str) -> None:
        """Put the sweep and its runs into the bin, where they can be had back for a day. Stop it first if it is going
        on.
        """
        self.runs.empty_bin()
        with self.runs.db.together():
            self.update(sweep_id, deleted=(now := time.time()))
            self.runs.db.execute("UPDATE runs SET deleted = ? WHERE sweep = ? AND deleted = 0", now, sweep_id)

    def restore(self, sweep_id: str) -> Sweep:
        """Take the sweep out of the bin again, with the runs that went there with it."""
        with self.runs.db.together():
            rows = self.runs.db.rows("SELECT deleted FROM sweeps WHERE id = ? AND deleted > 0", sweep_id)
            if not rows:
                raise SweepGone(f"sweep {sweep_id!r} is not in the bin; it may have been restored, or deleted for good")
            since = rows[0]["deleted"]
            self.runs.db.execute("UPDATE runs SET deleted = 0 WHERE sweep = ? AND deleted = ?", sweep_id, since)
            self.runs.db.execute("UPDATE sweeps SET deleted = 0 WHERE id = ?", sweep_id)
            if self.sweep(sweep_id).status.active:
                self.update(sweep_id, status=Status.STOPPED, reason="It was deleted while it went on.")
        return self.sweep(sweep_id)

    def discarded(self) -> list[Sweep]:
        """What lies in the bin, put there last first."""
        query = "SELECT * FROM sweeps WHERE deleted > ? ORDER BY deleted DESC"
        return [_to_sweep(row) for row in self.runs.db.rows(query, time.time() - BIN_SECONDS)]

    def add_points(self, sweep_id: str, points: Sequence[Mapping[str, Any]]) -> None:
        """Number these points on from those there are, and make their runs, waiting to be started."""
        spec = self.sweep(sweep_id).spec
        for number, values in enumerate(points, len(self.points(sweep_id))):
            with self.runs.db.together():  # a point and its runs; trainings that write need not wait for hundreds
                self.runs.db.execute("INSERT INTO points VALUES (?,?,?)", sweep_id, number, json.dumps(dict(values)))
                for index in range(spec.seeds):
                    network, config = spec.setup(values, index)
                    config = config.with_(checkpoints=2)  # the first and the last: there are many runs
                    self.runs.create(network, config, describe(network, config), sweep=sweep_id, point=number)

    def points(self, sweep_id: str) -> dict[int, dict[str, Any]]:
        """Number → the values chosen for it, in order."""
        rows = self.runs.db.rows("SELECT point, chosen FROM points WHERE sweep = ? ORDER BY point", sweep_id)
        return {row["point"]: json.loads(row["chosen"]) for row in rows}

    def members(self, sweep_id: str) -> list[Member]:
        """The runs of the sweep, by point and seed. Quick also for hundreds: their set-ups are not read."""
        epochs: dict[str, list[tuple[float | None, float | None]]] = {}
        for row in self.runs.db.rows(
            "SELECT run, test_accuracy, test_loss FROM epochs JOIN runs ON runs.id = epochs.run"
            " WHERE runs.sweep = ? AND runs.deleted = 0 ORDER BY epochs.epoch",
            sweep_id,
        ):
            epochs.setdefault(row["run"], []).append((row["test_accuracy"], row["test_loss"]))
        rows = self.runs.db.rows(
            "SELECT id, point, json_extract(config, '$.seed') AS seed, status, reason, step, steps, seconds, loss,"
            " ensemble, attempt, owner FROM runs WHERE sweep = ? AND deleted = 0 ORDER BY point, seed",
            sweep_id,
        )
        first = self._row("json_extract(spec, '$.config.seed') AS seed", sweep_id)["seed"]
        alive = {owner: is_alive(owner) for owner in {row["owner"] for row in rows}}
        return [
            Member(
                row["id"],
                row["point"],
                row["seed"] - first,
                _status(row, alive[row["owner"]]),
                row["reason"],
                row["step"],
                row["steps"],
                row["seconds"],
                row["loss"],
                row["ensemble"],
                row["attempt"],
                tuple(epochs.get(row["id"], ())),
            )
            for row in rows
        ]

    def promote(self, run_id: str, epochs: int) -> Run:
        """A run of its own with the set-up of a sweep's run, for so many epochs, waiting to be started."""
        run = self.runs.run(run_id)
        config = run.config.with_(epochs=epochs, checkpoints=type(run.config)().checkpoints)
        return self.runs.create(run.network, config)

    def _row(self, columns: str, sweep_id: str) -> sqlite3.Row:
        rows = self.runs.db.rows(f"SELECT {columns} FROM sweeps WHERE id = ? AND deleted = 0", sweep_id)
        if not rows:
            raise _gone(sweep_id)
        return rows[0]

    def _change(self, assignments: str, *values: Any) -> None:
        """The last of `values` is the id."""
        if not self.runs.db.execute(f"UPDATE sweeps SET {assignments} WHERE id = ? AND deleted = 0", *values):
            raise _gone(values[-1])


def _gone(sweep_id: str) -> SweepGone:
    return SweepGone(f"there is no sweep {sweep_id!r}; it may have been deleted")


def _status(row: sqlite3.Row, alive: bool) -> Status:
    status = Status(row["status"])
    return Status.INTERRUPTED if status.active and not alive else status


def _to_sweep(row: sqlite3.Row) -> Sweep:
    status, reason = Status(row["status"]), row["reason"]
    if status in (Status.QUEUED, Status.RUNNING) and not is_alive(row["owner"]):
        status, reason = Status.INTERRUPTED, "The server was stopped meanwhile; what it had found is kept."
    spec = SweepSpec.from_dict(json.loads(row["spec"]))
    return Sweep(row["id"], row["name"], spec, status, reason, row["created"], row["seconds"], row["strategy"])
