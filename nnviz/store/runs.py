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
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import psutil

from nnviz.fields import SpecError
from nnviz.spec.network import NetworkSpec
from nnviz.spec.optimizers import OPTIMIZERS
from nnviz.spec.train_config import TrainConfig, check, layer_plans
from nnviz.train.checkpoint import Snapshot, SnapshotError
from nnviz.train.preview import Live
from nnviz.train.trainer import Batch, Change, Epoch, Norms

WATCHED_FOR = 3.0
"""Seconds that somebody who looked into a running net is taken to be still looking."""


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
    def over(self) -> bool:
        """It came to an end of its own or somebody's making, not by being cut off."""
        return not self.active and self is not Status.INTERRUPTED

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
    parent: str
    """The run it was forked from, which may be deleted by now; empty for one that began at the beginning."""
    parent_step: int
    """The step of that run after which it went its own way."""
    sweep: str = ""
    """The sweep it is a member of; empty for a run that somebody started by itself."""
    point: int = 0
    """Which point of the sweep, from 0."""
    packed: int = 0
    """How many nets it is trained together with, itself included: its numbers then agree with those of a training by
    itself within rounding, not bit for bit. 0: by itself."""


class Curve(NamedTuple):
    """One value per optimizer step, NaN where none was recorded."""

    step: npt.NDArray[np.int64]
    loss: npt.NDArray[np.float32]
    accuracy: npt.NDArray[np.float32]
    lr: npt.NDArray[np.float32]


class NormCurves(NamedTuple):
    """Sizes of every layer's weight matrix over the training, one row per measured step."""

    step: npt.NDArray[np.int64]
    """(n,)."""
    layers: tuple[str, ...]
    """As in the model's parameters: "dense1", …, "output"."""
    weight: npt.NDArray[np.float32]
    """Euclidean norm before the step, (n, layers), as the two below."""
    gradient: npt.NDArray[np.float32]
    update: npt.NDArray[np.float32]


_SCHEMA = """
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
"""

_ADDED_COLUMNS = (
    "parent TEXT NOT NULL DEFAULT ''", "parent_step INTEGER NOT NULL DEFAULT 0", "sweep TEXT NOT NULL DEFAULT ''",
    "point INTEGER NOT NULL DEFAULT 0", "packed INTEGER NOT NULL DEFAULT 0",
    "loss REAL",
)  # fmt: skip
"""Of `runs`, since the first stores were written."""

_COLUMNS = """id, name, note, network, config, status, reason, created, seconds, step, steps, speed, device, threads,
    attempt, owner, parent, parent_step, sweep, point, packed,
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
            if self._missing_columns():
                with self.together():  # of two processes that open an old store, the second finds nothing to add
                    for column in self._missing_columns():
                        self._db.execute(f"ALTER TABLE runs ADD COLUMN {column}")
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

    def runs(self, sweep: str = "") -> list[Run]:
        """The runs of a sweep, or those that belong to none, newest first."""
        rows = self.rows(f"SELECT {_COLUMNS} FROM runs WHERE sweep = ? ORDER BY created DESC, id DESC", sweep)
        return [_to_run(row) for row in rows]

    def owner(self, run_id: str) -> str:
        """The process that last had the run: "pid:start time"."""
        owner: str = self._row(run_id)["owner"]
        return owner

    def place_in_queue(self, run_id: str) -> int:
        """1 for the next one to start; 0 if it isn't waiting. Sweeps leave the queue to people."""
        waiting = [
            row["id"]
            for row in self.rows(
                "SELECT id, status, owner FROM runs WHERE status = 'queued' AND sweep = '' ORDER BY queued, id"
            )
            if is_alive(row["owner"])
        ]
        return waiting.index(run_id) + 1 if run_id in waiting else 0

    def lineage(self, run_id: str) -> list[tuple[str, int]]:
        """The runs that its training went through and the last step in each, the oldest first, itself last (without an
        end: step -1). What was deleted is left out.
        """
        run = self.run(run_id)
        found = [(run.id, -1)]
        while run.parent and run.parent not in (one for one, _ in found):
            step = run.parent_step
            try:
                run = self.run(run.parent)
            except RunGone:
                break
            found.insert(0, (run.id, step))
        return found

    def curve(self, run_id: str) -> Curve:
        """All recorded steps in order, those before a fork included. A step recorded twice (by a resumed run) has the
        same values both times.
        """
        parts: list[tuple[int, npt.NDArray[np.float32]]] = []
        for one, end in self.lineage(run_id):
            for row in self.rows(
                "SELECT first_step, numbers FROM batches WHERE run = ? ORDER BY attempt, first_step", one
            ):
                numbers = np.frombuffer(row["numbers"], np.float32).reshape(3, -1)
                first = row["first_step"]
                parts.append((first, numbers if end < 0 else numbers[:, : max(0, end - first + 1)]))
        last = max((first + part.shape[1] - 1 for first, part in parts), default=0)
        numbers = np.full((3, last), np.nan, np.float32)
        for first, part in parts:
            numbers[:, first - 1 : first - 1 + part.shape[1]] = part
        return Curve(np.arange(1, last + 1), *numbers)

    def epochs(self, run_id: str) -> list[Epoch]:
        """Whole epochs, those before a fork included."""
        columns = "epoch, step, train_loss, train_accuracy, test_loss, test_accuracy"
        rows = self._through_lineage(f"SELECT {columns} FROM epochs", run_id, "epoch")
        # A fork in the middle of a test pass shares that epoch with its parent: each did the pass, and found the same.
        once = {row["epoch"]: row for row in rows}.values()
        return [Epoch(*row[:2], *(math.nan if number is None else number for number in row[2:])) for row in once]

    def changes(self, run_id: str) -> list[Change]:
        """What was changed while it ran; changes of a run it was forked from are in its configuration already."""
        rows = self.rows("SELECT step, name, before, after FROM changes WHERE run = ? ORDER BY step", run_id)
        return [Change(*row) for row in rows]

    def norms(self, run_id: str) -> NormCurves:
        """Sizes of weights, gradients and updates, those before a fork included."""
        run = self.run(run_id)
        layers = learning_layers(run.network, run.config)
        rows = self._through_lineage("SELECT step, numbers FROM norms", run_id, "step")
        shaped = np.frombuffer(b"".join(row["numbers"] for row in rows), np.float32).reshape(-1, 3, len(layers))
        return NormCurves(
            np.array([row["step"] for row in rows], np.int64), layers, shaped[:, 0], shaped[:, 1], shaped[:, 2]
        )

    def config_at(self, run_id: str, step: int) -> TrainConfig:
        """The run's settings as they held for the step after `step`."""
        config = self.run(run_id).config
        for change in self.changes(run_id):
            if change.step <= step:
                config = config.with_(**{change.name: change.after})
        return config

    # ------------------------------------------------------------------ by people

    def create(
        self,
        network: NetworkSpec,
        config: TrainConfig,
        name: str = "",
        owner: str = "",
        *,
        sweep: str = "",
        point: int = 0,
    ) -> Run:
        """A new run, waiting to be started by `owner`; as one of the runs of a point of a sweep, if it says so."""
        now = time.time()
        run_id = new_id(now)
        values = (
            run_id, clean_name(name) or describe(network, config), json.dumps(network.to_dict()),
            json.dumps(config.to_dict()), Status.QUEUED, now, owner or this_process(), now, sweep, point,
        )  # fmt: skip
        columns = "id, name, network, config, status, created, owner, queued, sweep, point"
        self.execute(f"INSERT INTO runs ({columns}) VALUES (?,?,?,?,?,?,?,?,?,?)", *values)
        self.folder(run_id).mkdir(exist_ok=True)
        return self.run(run_id)

    def fork(self, run_id: str, step: int, config: TrainConfig, name: str = "") -> Run:
        """A new run, waiting to be started, that goes on from the snapshot of `run_id` at `step` with other settings.

        Weights, optimizer state, the place in the order of images and the number of threads go along: with the settings
        of `config_at` it repeats the curve bit for bit. Another optimizer starts afresh; another seed means another
        order from there on. Raises SpecError if the settings can't go on from there, SnapshotError, OSError.
        """
        parent, snapshot = self.run(run_id), self.snapshot(run_id, step)
        check(parent.network, config)
        for field in ("data", "per_class"):
            if getattr(config, field) != getattr(parent.config, field):
                raise SpecError(f"a fork goes on with the data of its run: {field} must be"
                                f" {getattr(parent.config, field)}, not {getattr(config, field)}")  # fmt: skip
        if config.epochs <= snapshot.position.epoch:
            raise SpecError(
                f"epochs must be more than the {snapshot.position.epoch} that are done after step {step}, not"
                f" {config.epochs}"
            )
        if config.optimizer != parent.config.optimizer:
            snapshot = replace(snapshot, optimizer={})
        words = clean_name(name) or f"{describe(parent.network, config)} · from step {step:,}"
        child = self.create(parent.network, config, words)
        self._update(child.id, parent=run_id, parent_step=step, step=step, threads=parent.threads)
        try:
            self.keep(child.id, snapshot)
        except OSError:
            self.delete(child.id)
            raise
        return self.run(child.id)

    def adopt(
        self,
        run: Run,
        curve: Curve,
        norms: NormCurves,
        epochs: Sequence[Epoch],
        changes: Sequence[Change],
        fill: Callable[[Path], None],
    ) -> Run:
        """A run from elsewhere becomes one of this store, under another id and as of now, no fork and of no sweep.

        `fill` puts its snapshots into the folder it is given. If anything goes wrong, there or here, nothing is left.
        """
        now = time.time()
        run_id = new_id(now)
        values = {
            "id": run_id, "name": run.name, "note": run.note, "network": json.dumps(run.network.to_dict()),
            "config": json.dumps(run.config.to_dict()), "status": run.status, "reason": run.reason, "created": now,
            "seconds": run.seconds, "step": run.step, "steps": run.steps, "speed": run.speed, "device": run.device,
            "threads": run.threads, "attempt": run.attempt, "packed": run.packed, "owner": this_process(),
        }  # fmt: skip
        folder = self.folder(run_id)
        folder.mkdir()
        try:
            fill(folder)  # before the transaction: trainings must not wait for so many bytes
            with self.together():
                self.execute(
                    f"INSERT INTO runs ({', '.join(values)}) VALUES ({', '.join('?' * len(values))})", *values.values()
                )
                numbers = np.stack(curve[1:]).astype(np.float32)
                if numbers.size:
                    self.execute("INSERT INTO batches VALUES (?,?,?,?)", run_id, run.attempt, 1, numbers.tobytes())
                rows = np.stack(norms[2:], 1).astype(np.float32)
                for step, row in zip(norms.step.tolist(), rows, strict=True):
                    self.execute("INSERT INTO norms VALUES (?,?,?)", run_id, step, row.tobytes())
                for epoch in epochs:
                    self.add_epoch(run_id, epoch)
                for change in changes:
                    self.add_change(run_id, change)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
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
        self.execute("DELETE FROM runs WHERE id = ?", run_id)
        shutil.rmtree(self.folder(run_id), ignore_errors=True)

    # ------------------------------------------------------------------ by the process that trains

    def enqueue(self, run_id: str, owner: str, reason: str = "") -> None:
        """Let an earlier run wait to be resumed by `owner`; `reason` says why it has to, and stays while it trains."""
        self._update(run_id, status=Status.QUEUED, reason=reason, owner=owner, queued=time.time())

    def begin(self, run_id: str, device: str, threads: int, *, packed: int = 0) -> int:
        """This process trains the run from now on, together with `packed` others of its kind; returns the number of
        the attempt.
        """
        attempt: int = self._row(run_id)["attempt"] + 1
        self._update(
            run_id, status=Status.RUNNING, owner=this_process(), device=device, threads=threads, attempt=attempt,
            packed=packed,
        )  # fmt: skip
        return attempt

    def set_status(self, run_id: str, status: Status, reason: str = "") -> None:
        self._update(run_id, status=status, reason=reason)

    def add_batches(
        self,
        run_id: str,
        attempt: int,
        batches: Sequence[Batch],
        norms: Sequence[Norms] = (),
        *,
        seconds: float,
        steps: int,
        speed: float,
    ) -> None:
        """Append consecutive steps and say how far the run is. Writing the same steps again is harmless."""
        with self.together():
            if batches:
                numbers = np.array([[b.loss, b.accuracy, b.lr] for b in batches], np.float32).T
                self._db.execute(
                    "INSERT OR REPLACE INTO batches VALUES (?,?,?,?)",
                    (run_id, attempt, batches[0].step, numbers.tobytes()),
                )
                self._update(run_id, step=batches[-1].step, loss=_finite(float(numbers[0].mean())))
            self._db.executemany(
                "INSERT OR REPLACE INTO norms VALUES (?,?,?)",
                [(run_id, norm.step, np.array(norm[1:], np.float32).tobytes()) for norm in norms],
            )
            self._update(run_id, seconds=seconds, steps=steps, speed=speed)

    def add_epoch(self, run_id: str, epoch: Epoch) -> None:
        self.execute(
            "INSERT OR REPLACE INTO epochs VALUES (?,?,?,?,?,?,?)", run_id, *epoch[:2], *map(_finite, epoch[2:])
        )

    def add_change(self, run_id: str, change: Change) -> None:
        self.execute("INSERT OR REPLACE INTO changes VALUES (?,?,?,?,?)", run_id, *change)

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

    def keep(self, run_id: str, snapshot: Snapshot) -> None:
        """Put a snapshot to those of the run. Raises OSError."""
        snapshot.save(self.snapshot_path(run_id, snapshot.position.step))

    def drop(self, run_id: str, step: int) -> None:
        """Let go of the snapshot at `step`."""
        self.snapshot_path(run_id, step).unlink(missing_ok=True)

    # ------------------------------------------------------------------ looking into a running net

    def watch(self, run_id: str) -> None:
        """Let the process that trains the run show its present state for the next WATCHED_FOR seconds."""
        with suppress(OSError):  # deleted meanwhile, or a full disk: then there is nothing new to see
            (self.folder(run_id) / "watched").touch()

    def is_watched(self, run_id: str) -> bool:
        try:
            return time.time() - (self.folder(run_id) / "watched").stat().st_mtime < WATCHED_FOR
        except OSError:
            return False

    def shown_path(self, run_id: str) -> Path:
        """Where the present state of a watched run is, replaced again and again."""
        return self.folder(run_id) / "now.safetensors"

    def show(self, run_id: str, snapshot: Snapshot) -> None:
        """Let those who watch see the present state. Raises OSError."""
        snapshot.save(self.shown_path(run_id))

    def put_live(self, run_id: str, live: Live) -> None:
        """Replace the small look at a running net. Raises OSError."""
        live.save(self.folder(run_id))

    def hide(self, run_id: str) -> None:
        """Nothing is shown any more: the run is about to begin, or its last snapshot says all."""
        with suppress(OSError):
            self.shown_path(run_id).unlink(missing_ok=True)

    def now(self, run_id: str) -> Snapshot | None:
        """The newest state that is known: shown or kept; None before the first. Raises SnapshotError."""
        found = []
        with suppress(SnapshotError):  # never shown, or just hidden because the run ended
            found.append(Snapshot.load(self.shown_path(run_id)))
        steps = self.snapshot_steps(run_id)
        if steps and (not found or steps[-1] >= found[0].position.step):
            found.append(self.snapshot(run_id))
        return max(found, key=lambda snapshot: snapshot.position, default=None)

    # ------------------------------------------------------------------ SQLite

    def _missing_columns(self) -> list[str]:
        known = {row["name"] for row in self._db.execute("PRAGMA table_info(runs)")}
        return [column for column in _ADDED_COLUMNS if column.split()[0] not in known]

    def _row(self, run_id: str) -> sqlite3.Row:
        rows = self.rows(f"SELECT {_COLUMNS} FROM runs WHERE id = ?", run_id)
        if not rows:
            raise RunGone(f"there is no run {run_id!r}; it may have been deleted")
        return rows[0]

    def _through_lineage(self, select: str, run_id: str, order: str) -> list[sqlite3.Row]:
        """Rows of the run and, up to the forks, of those it comes from."""
        return [
            row
            for one, end in self.lineage(run_id)
            for row in self.rows(
                f"{select} WHERE run = ? AND (? < 0 OR step <= ?) ORDER BY {order}", one, end, end
            )
        ]  # fmt: skip

    def rows(self, query: str, *values: Any) -> list[sqlite3.Row]:
        """What a SELECT gives, for those who keep tables beside these."""
        with self._lock:
            return self._db.execute(query, values).fetchall()

    def execute(self, query: str, *values: Any) -> int:
        """How many rows it changed. Raises RunGone if it refers to a run that was deleted."""
        with self._lock:
            try:
                return self._db.execute(query, values).rowcount
            except sqlite3.IntegrityError as error:  # its run was deleted
                raise RunGone(str(error)) from None

    def _update(self, run_id: str, **values: Any) -> None:
        assignments = ", ".join(f"{name} = ?" for name in values)
        if not self.execute(f"UPDATE runs SET {assignments} WHERE id = ?", *values.values(), run_id):
            raise RunGone(f"there is no run {run_id!r}; it may have been deleted")

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is written inside is written all or not at all, and at once: a pack of trainings has much to write."""
        with self._lock:
            if self._db.in_transaction:
                try:
                    yield
                except sqlite3.IntegrityError as error:
                    raise RunGone(str(error)) from None
                return
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException as error:
                if self._db.in_transaction:  # on a full disk SQLite has given it up by itself
                    self._db.execute("ROLLBACK")
                if isinstance(error, sqlite3.IntegrityError):
                    raise RunGone(str(error)) from None
                raise


def new_id(now: float) -> str:
    """Of a run or a sweep: when it was made (seconds since the epoch), and what tells it from others of that moment."""
    return time.strftime("%Y%m%d-%H%M%S-", time.localtime(now)) + secrets.token_hex(2)


def describe(network: NetworkSpec, config: TrainConfig) -> str:
    """A short name: the sizes of a dense net or the number of layers, the optimizer and its rate."""
    plans = layer_plans(network, config)
    if all(plan.layer.kind == "dense" for plan in plans):
        inputs = int(np.prod(plans[0].in_shape))
        shape = "-".join(str(size) for size in (inputs, *(plan.out_shape[0] for plan in plans)))
    else:
        kinds = [plan.layer.kind for plan in plans if plan.parameters]
        shape = (
            f"{kinds.count('conv')} conv + {kinds.count('dense')} dense" if "conv" in kinds else f"{len(plans)} layers"
        )
    return f"{shape} · {OPTIMIZERS[config.optimizer].title} {config.lr:g}"


def learning_layers(network: NetworkSpec, config: TrainConfig) -> tuple[str, ...]:
    """Names of the layers with a weight matrix, in order."""
    return tuple(plan.name for plan in layer_plans(network, config) if plan.layer.kind in ("dense", "conv"))


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
