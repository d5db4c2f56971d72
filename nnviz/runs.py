"""Runs on disk: one SQLite database of what was recorded, one folder of snapshots each.

The store, not a browser session, is the truth. Any process may read while others write (WAL); readers get copies.
"""

from __future__ import annotations

import json
import math
import os
import secrets
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import psutil

from nnviz.config import TrainConfig
from nnviz.datasets import DATASETS
from nnviz.network import NetworkSpec
from nnviz.optimizers import OPTIMIZERS
from nnviz.snapshots import Snapshot, SnapshotError
from nnviz.training import Batch, Change, Epoch


class Status(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    STOPPED = "stopped"
    DIVERGED = "diverged"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    """Its process ended without a word: killed, or the machine went down. Can be resumed."""

    @property
    def active(self) -> bool:
        return self in (Status.QUEUED, Status.RUNNING, Status.PAUSED)

    @property
    def resumable(self) -> bool:
        return self in (Status.STOPPED, Status.INTERRUPTED, Status.FAILED)


class RunGone(Exception):  # noqa: N818  # says what happened, as FileNotFoundError does not
    """The run is not in the store, or was deleted while it was looked at."""


class StoreError(Exception):
    """The store can't be opened or written; the message names the folder and what to do."""


@dataclass(frozen=True)
class Run:
    """One training as recorded so far."""

    id: str
    name: str
    note: str
    network: NetworkSpec
    config: TrainConfig
    """As it was started; changes made while it ran are in `RunStore.changes`."""
    status: Status
    reason: str
    """Why it is in this status, as a sentence for people; may be empty."""
    created: float
    """Seconds since the epoch."""
    seconds: float
    """Time spent training."""
    step: int
    steps: int
    """Optimizer steps of the whole training, as planned now."""
    speed: float
    """Images per second, lately."""
    device: str
    threads: int
    attempt: int
    """How many times it was started or resumed."""
    test_accuracy: float | None
    """After the last complete epoch, in [0, 1]."""


class Curve(NamedTuple):
    """One value per optimizer step, NaN where none was recorded."""

    step: npt.NDArray[np.int64]
    loss: npt.NDArray[np.float32]
    accuracy: npt.NDArray[np.float32]
    lr: npt.NDArray[np.float32]


_SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, note TEXT NOT NULL DEFAULT '', network TEXT NOT NULL, config TEXT NOT NULL,
    status TEXT NOT NULL, reason TEXT NOT NULL DEFAULT '', created REAL NOT NULL, seconds REAL NOT NULL DEFAULT 0,
    step INTEGER NOT NULL DEFAULT 0, steps INTEGER NOT NULL DEFAULT 0, speed REAL NOT NULL DEFAULT 0,
    device TEXT NOT NULL DEFAULT '', threads INTEGER NOT NULL DEFAULT 0, attempt INTEGER NOT NULL DEFAULT 0,
    owner TEXT NOT NULL, queued REAL NOT NULL DEFAULT 0
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
"""

_COLUMNS = """id, name, note, network, config, status, reason, created, seconds, step, steps, speed, device, threads,
    attempt, owner,
    (SELECT test_accuracy FROM epochs WHERE epochs.run = runs.id ORDER BY epoch DESC LIMIT 1) AS test_accuracy"""


def runs_root() -> Path:
    """The folder of the store: NNVIZ_RUNS, or `runs` where the app was started."""
    return Path(os.environ.get("NNVIZ_RUNS") or "runs")


class RunStore:
    """Every recorded run under one folder. Safe to share between threads; other processes open their own.

    Raises StoreError if the folder can't be used; its methods raise RunGone for an id that is not there.
    """

    def __init__(self, root: Path | None = None) -> None:
        self.root = (root or runs_root()).absolute()
        self._lock = threading.RLock()
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(
                self.root / "runs.sqlite", timeout=10, check_same_thread=False, isolation_level=None
            )
            self._db.row_factory = sqlite3.Row
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.execute("PRAGMA foreign_keys=ON")
            self._db.executescript(_SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise StoreError(
                f"the runs folder {self.root} can't be used ({error}); free some space, mend its permissions,"
                " or name another folder in NNVIZ_RUNS"
            ) from error

    def close(self) -> None:
        with self._lock:
            self._db.close()

    # ------------------------------------------------------------------ reading

    def run(self, run_id: str) -> Run:
        return _to_run(self._row(run_id))

    def runs(self) -> list[Run]:
        """All runs, newest first."""
        return [_to_run(row) for row in self._read(f"SELECT {_COLUMNS} FROM runs ORDER BY created DESC, id DESC")]

    def owner(self, run_id: str) -> str:
        """The process that last had the run: "pid:start time"."""
        owner: str = self._row(run_id)["owner"]
        return owner

    def place_in_queue(self, run_id: str) -> int:
        """1 for the next one to start; 0 if it isn't waiting."""
        waiting = [
            row["id"]
            for row in self._read("SELECT id, status, owner FROM runs WHERE status = 'queued' ORDER BY queued, id")
            if is_alive(row["owner"])
        ]
        return waiting.index(run_id) + 1 if run_id in waiting else 0

    def curve(self, run_id: str) -> Curve:
        """All recorded steps in order. A step recorded twice (by a resumed run) has the same values both times."""
        rows = self._read("SELECT first_step, numbers FROM batches WHERE run = ? ORDER BY attempt, first_step", run_id)
        if not rows:
            self._row(run_id)
        parts = [(row["first_step"], np.frombuffer(row["numbers"], np.float32).reshape(3, -1)) for row in rows]
        last = max((first + part.shape[1] - 1 for first, part in parts), default=0)
        numbers = np.full((3, last), np.nan, np.float32)
        for first, part in parts:
            numbers[:, first - 1 : first - 1 + part.shape[1]] = part
        return Curve(np.arange(1, last + 1), *numbers)

    def epochs(self, run_id: str) -> list[Epoch]:
        rows = self._read(
            "SELECT epoch, step, train_loss, train_accuracy, test_loss, test_accuracy FROM epochs WHERE run = ?"
            " ORDER BY epoch",
            run_id,
        )
        return [Epoch(*row[:2], *(math.nan if number is None else number for number in row[2:])) for row in rows]

    def changes(self, run_id: str) -> list[Change]:
        rows = self._read("SELECT step, name, before, after FROM changes WHERE run = ? ORDER BY step", run_id)
        return [Change(*row) for row in rows]

    # ------------------------------------------------------------------ by people

    def create(self, network: NetworkSpec, config: TrainConfig, name: str = "", owner: str = "") -> Run:
        """A new run, waiting to be started by `owner`."""
        now = time.time()
        run_id = time.strftime("%Y%m%d-%H%M%S-", time.localtime(now)) + secrets.token_hex(2)
        values = (
            run_id, clean_name(name) or describe(network, config), json.dumps(network.to_dict()),
            json.dumps(config.to_dict()), Status.QUEUED, now, owner or this_process(), now,
        )  # fmt: skip
        self._write(
            "INSERT INTO runs (id, name, network, config, status, created, owner, queued) VALUES (?,?,?,?,?,?,?,?)",
            *values,
        )
        self.folder(run_id).mkdir(exist_ok=True)
        return self.run(run_id)

    def rename(self, run_id: str, name: str) -> None:
        """An empty name gives back the one that describes the set-up."""
        run = self.run(run_id)
        self._update(run_id, name=clean_name(name) or describe(run.network, run.config))

    def annotate(self, run_id: str, note: str) -> None:
        self._update(run_id, note=note.strip()[:4000])

    def delete(self, run_id: str) -> None:
        """Forget the run and its files. Stop it first if it is active: its process would write on."""
        self._row(run_id)
        self._write("DELETE FROM runs WHERE id = ?", run_id)
        shutil.rmtree(self.folder(run_id), ignore_errors=True)

    # ------------------------------------------------------------------ by the process that trains

    def enqueue(self, run_id: str, owner: str) -> None:
        """Let an earlier run wait to be resumed by `owner`."""
        self._update(run_id, status=Status.QUEUED, reason="", owner=owner, queued=time.time())

    def begin(self, run_id: str, device: str, threads: int) -> int:
        """This process trains the run from now on; returns the number of the attempt."""
        attempt: int = self._row(run_id)["attempt"] + 1
        self._update(
            run_id, status=Status.RUNNING, reason="", owner=this_process(), device=device, threads=threads,
            attempt=attempt,
        )  # fmt: skip
        return attempt

    def set_status(self, run_id: str, status: Status, reason: str = "") -> None:
        self._update(run_id, status=status, reason=reason)

    def add_batches(
        self, run_id: str, attempt: int, batches: Sequence[Batch], *, seconds: float, steps: int, speed: float
    ) -> None:
        """Append consecutive steps and say how far the run is. Writing the same steps again is harmless."""
        with self._transaction():
            if batches:
                numbers = np.array([[b.loss, b.accuracy, b.lr] for b in batches], np.float32).T
                self._db.execute(
                    "INSERT OR REPLACE INTO batches VALUES (?,?,?,?)",
                    (run_id, attempt, batches[0].step, numbers.tobytes()),
                )
                self._update(run_id, step=batches[-1].step)
            self._update(run_id, seconds=seconds, steps=steps, speed=speed)

    def add_epoch(self, run_id: str, epoch: Epoch) -> None:
        self._write(
            "INSERT OR REPLACE INTO epochs VALUES (?,?,?,?,?,?,?)", run_id, *epoch[:2], *map(_finite, epoch[2:])
        )

    def add_change(self, run_id: str, change: Change) -> None:
        self._write("INSERT OR REPLACE INTO changes VALUES (?,?,?,?,?)", run_id, *change)

    # ------------------------------------------------------------------ files of a run

    def folder(self, run_id: str) -> Path:
        """Where the run keeps its files. `run_id` comes from links too, so it must not lead elsewhere."""
        if not run_id.replace("-", "").isalnum():
            raise RunGone(f"there is no run {run_id!r}")
        return self.root / run_id

    def snapshot_path(self, run_id: str, step: int) -> Path:
        return self.folder(run_id) / f"{step:09d}.safetensors"

    def snapshot_steps(self, run_id: str) -> list[int]:
        """Steps of which a snapshot is on disk, ascending."""
        return sorted(int(path.stem) for path in self.folder(run_id).glob("[0-9]*.safetensors"))

    def snapshot(self, run_id: str, step: int | None = None) -> Snapshot:
        """The snapshot at `step`, or the last one that can be read. Raises SnapshotError."""
        if step is not None:
            return Snapshot.load(self.snapshot_path(run_id, step))
        problem = SnapshotError(f"run {run_id} has no snapshot yet")
        for last in reversed(self.snapshot_steps(run_id)):
            try:
                return Snapshot.load(self.snapshot_path(run_id, last))
            except SnapshotError as error:
                problem = error
        raise problem

    # ------------------------------------------------------------------ SQLite

    def _row(self, run_id: str) -> sqlite3.Row:
        rows = self._read(f"SELECT {_COLUMNS} FROM runs WHERE id = ?", run_id)
        if not rows:
            raise RunGone(f"there is no run {run_id!r}; it may have been deleted")
        return rows[0]

    def _read(self, query: str, *values: Any) -> list[sqlite3.Row]:
        with self._lock:
            return self._db.execute(query, values).fetchall()

    def _write(self, query: str, *values: Any) -> None:
        with self._lock:
            try:
                self._db.execute(query, values)
            except sqlite3.IntegrityError as error:  # its run was deleted
                raise RunGone(str(error)) from None

    def _update(self, run_id: str, **values: Any) -> None:
        assignments = ", ".join(f"{name} = ?" for name in values)
        with self._lock:
            cursor = self._db.execute(f"UPDATE runs SET {assignments} WHERE id = ?", (*values.values(), run_id))
            if not cursor.rowcount:
                raise RunGone(f"there is no run {run_id!r}; it may have been deleted")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException as error:
                self._db.execute("ROLLBACK")
                if isinstance(error, sqlite3.IntegrityError):
                    raise RunGone(str(error)) from None
                raise
            self._db.execute("COMMIT")


def describe(network: NetworkSpec, config: TrainConfig) -> str:
    """A short name: the sizes of a dense net or the number of layers, the optimizer and its rate."""
    dataset = DATASETS[config.data]
    plans = network.plan(dataset.input_shape, len(dataset.classes))
    if all(plan.layer.kind == "dense" for plan in plans):
        inputs = int(np.prod(dataset.input_shape))
        shape = "-".join(str(size) for size in (inputs, *(plan.out_shape[0] for plan in plans)))
    else:
        kinds = [plan.layer.kind for plan in plans if plan.parameters]
        shape = (
            f"{kinds.count('conv')} conv + {kinds.count('dense')} dense" if "conv" in kinds else f"{len(plans)} layers"
        )
    return f"{shape} · {OPTIMIZERS[config.optimizer].title} {config.lr:g}"


def clean_name(name: str) -> str:
    """On one line, not long, and storable: a name from a command line may hold bytes that are no text."""
    return " ".join(name.encode(errors="replace").decode().split())[:80]


def this_process() -> str:
    """This process, told apart from a later one with the same number."""
    return f"{os.getpid()}:{psutil.Process().create_time()}"


def is_alive(owner: str) -> bool:
    pid, _, started = owner.partition(":")
    try:
        process = psutil.Process(int(pid))
        return abs(process.create_time() - float(started)) < 1 and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, ValueError):
        return False


def _to_run(row: sqlite3.Row) -> Run:
    values = dict(row)
    owner = values.pop("owner")
    status = Status(values.pop("status"))
    reason = values.pop("reason")
    if status.active and not is_alive(owner):
        status, reason = Status.INTERRUPTED, "Its process ended without a word: it was killed, or the server was."
    return Run(
        network=NetworkSpec.from_dict(json.loads(values.pop("network"))),
        config=TrainConfig.from_dict(json.loads(values.pop("config"))),
        status=status,
        reason=reason,
        **values,
    )


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None
