"""Runs on disk: one SQLite database of what was recorded, one folder of checkpoints each.

The store, not a browser session, is the truth. Any process may read while others write (WAL); readers get copies.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from nnviz.environment import runs_root
from nnviz.fields import SpecError
from nnviz.process import is_alive, this_process
from nnviz.spec.network import NetworkSpec
from nnviz.spec.train_config import TrainConfig, check
from nnviz.store.checkpoints import CheckpointFiles, PresentState, run_folder
from nnviz.store.commands import Commands
from nnviz.store.database import PATIENCE, Database, StoreBusy, StoreError
from nnviz.store.history import Curve, History, NormCurves
from nnviz.store.run import (
    COLUMNS,
    PretrainedRun,
    Run,
    RunGone,
    Status,
    Waiting,
    clean_name,
    describe,
    gone,
    new_id,
    run_row,
    to_run,
    update_attempt,
    update_run,
)
from nnviz.store.schema import MIGRATIONS
from nnviz.store.writer import RunWriter, StoreWriter
from nnviz.train.events import Change, Epoch

BIN_SECONDS = 24 * 3600.0
"""How long what was deleted can be had back."""


class RunStore:
    """Every recorded run under one folder, and what people do with them. Safe to share between threads; other
    processes open their own.

    `history` reads what was recorded, `checkpoints` and `present` the files, `writer` is for those who train, and
    `commands` for those who steer what another process trains.
    With `look_only`, a folder in which nothing can be written will do for reading; the property says that it is so, and
    what would write raises ReadOnly.
    Raises StoreError if the folder can't be used; its methods raise RunGone for an id that is not there, StoreBusy if
    another program has the database locked for more than `patience` seconds.
    """

    def __init__(self, root: Path | None = None, patience: float = PATIENCE, *, look_only: bool = False) -> None:
        self.root = (root or runs_root()).absolute()
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            self.db = Database(self.root / "runs.sqlite", MIGRATIONS, RunGone, patience, look_only=look_only)
        except StoreBusy as error:
            raise StoreError(str(error)) from error
        except (OSError, sqlite3.Error) as error:
            raise StoreError(
                f"the runs folder {self.root} can't be used ({error}); free some space, mend its permissions,"
                " or name another folder in NNVIZ_RUNS"
            ) from error
        self.history = History(self.db)
        self.commands = Commands(self.db)
        self.checkpoints = CheckpointFiles(self.root)
        self.present = PresentState(self.root, self.checkpoints)
        self.writer: RunWriter = StoreWriter(self.root, self.db, self.checkpoints, self.present)

    def close(self) -> None:
        self.db.close()

    @property
    def look_only(self) -> bool:
        """Nothing can be written here."""
        return self.db.look_only

    def folder(self, run_id: str) -> Path:
        """Where the run keeps its files. Raises RunGone for what is no id."""
        return run_folder(self.root, run_id)

    # ------------------------------------------------------------------ reading

    def run(self, run_id: str) -> Run:
        return to_run(run_row(self.db, run_id))

    def runs(self, sweep: str = "") -> list[Run]:
        """The runs of a sweep, or those that belong to none, newest first; last of all those that came with nnviz."""
        query = f"SELECT {COLUMNS} FROM runs WHERE sweep = ? AND deleted = 0 ORDER BY pretrained, created DESC, id DESC"
        return [to_run(row) for row in self.db.rows(query, sweep)]

    def owner(self, run_id: str) -> str:
        """The process that last had the run: "pid:start time"."""
        owner: str = run_row(self.db, run_id)["owner"]
        return owner

    def place_in_queue(self, run_id: str) -> int:
        """1 for the next one to start; 0 if it isn't waiting. Sweeps leave the queue to people."""
        waiting = [
            row["id"]
            for row in self.db.rows(
                "SELECT id, status, owner FROM runs WHERE status = 'queued' AND sweep = '' AND deleted = 0"
                " ORDER BY queued, id"
            )
            if is_alive(row["owner"])
        ]
        return waiting.index(run_id) + 1 if run_id in waiting else 0

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
            run_id,
            clean_name(name) or describe(network, config),
            json.dumps(network.to_dict()),
            json.dumps(config.to_dict()),
            Status.QUEUED,
            now,
            owner or this_process(),
            now,
            sweep,
            point,
        )
        columns = "id, name, network, config, status, created, owner, queued, sweep, point"
        self.db.execute(f"INSERT INTO runs ({columns}) VALUES (?,?,?,?,?,?,?,?,?,?)", *values)
        self.folder(run_id).mkdir(exist_ok=True)
        return self.run(run_id)

    def fork(self, run_id: str, step: int, config: TrainConfig, name: str = "") -> Run:
        """A new run, waiting to be started, that goes on from the checkpoint of `run_id` at `step` with other settings.

        Weights, optimizer state, the place in the order of images and the number of threads go along: with the settings
        of `config_at` it repeats the curve bit for bit. Another optimizer starts afresh; another seed means another
        order from there on. Raises SpecError if the settings can't go on from there, CheckpointError, OSError.
        """
        parent, checkpoint = self.run(run_id), self.checkpoints.load(run_id, step)
        check(parent.network, config)
        for field in ("data", "per_class"):
            if getattr(config, field) != getattr(parent.config, field):
                raise SpecError(
                    f"a fork goes on with the data of its run: {field} must be"
                    f" {getattr(parent.config, field)}, not {getattr(config, field)}"
                )
        if config.epochs <= checkpoint.position.epoch:
            raise SpecError(
                f"epochs must be more than the {checkpoint.position.epoch} that are done after step {step}, not"
                f" {config.epochs}"
            )
        if config.optimizer != parent.config.optimizer:
            checkpoint = replace(checkpoint, optimizer={})
        words = clean_name(name) or f"{describe(parent.network, config)} · from step {step:,}"
        child = self.create(parent.network, config, words)
        update_run(self.db, child.id, parent=run_id, parent_step=step, step=step, threads=parent.threads)
        try:
            self.writer.keep(child.id, checkpoint)
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
        """A run from elsewhere becomes one of this store, under another id and as of now, no fork and of no sweep; a
        pretrained one keeps its id and its time.

        `fill` puts its checkpoints into the folder it is given. If anything goes wrong, there or here, nothing is left.
        """
        now = time.time()
        run_id = run.id if run.pretrained else new_id(now)
        values = {
            "id": run_id,
            "name": run.name,
            "note": run.note,
            "network": json.dumps(run.network.to_dict()),
            "config": json.dumps(run.config.to_dict()),
            "status": run.status,
            "reason": run.reason,
            "created": run.created if run.pretrained else now,
            "pretrained": run.pretrained,
            "seconds": run.seconds,
            "step": run.step,
            "steps": run.steps,
            "speed": run.speed,
            "device": run.device,
            "threads": run.threads,
            "attempt": run.attempt,
            "ensemble": run.ensemble,
            "owner": this_process(),
        }
        folder = self.folder(run_id)
        folder.mkdir()
        try:
            fill(folder)  # before the transaction: trainings must not wait for so many bytes
            with self.db.together():
                self.db.execute(
                    f"INSERT INTO runs ({', '.join(values)}) VALUES ({', '.join('?' * len(values))})", *values.values()
                )
                numbers = np.stack(curve[1:]).astype(np.float32)
                if numbers.size:
                    self.db.execute("INSERT INTO batches VALUES (?,?,?,?)", run_id, run.attempt, 1, numbers.tobytes())
                rows = np.stack(norms[2:], 1).astype(np.float32)
                for step, row in zip(norms.step.tolist(), rows, strict=True):
                    self.db.execute("INSERT INTO norms VALUES (?,?,?)", run_id, step, row.tobytes())
                for epoch in epochs:
                    self.writer.add_epoch(run_id, epoch)
                for change in changes:
                    self.writer.add_change(run_id, change)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return self.run(run_id)

    def rename(self, run_id: str, name: str) -> None:
        """An empty name gives back the one that describes the set-up. Raises PretrainedRun."""
        run = self._own(run_id)
        update_run(self.db, run_id, name=clean_name(name) or describe(run.network, run.config))

    def annotate(self, run_id: str, note: str) -> None:
        """Raises PretrainedRun."""
        self._own(run_id)
        update_run(self.db, run_id, note=note.strip()[:4000])

    def discard(self, run_id: str) -> None:
        """Put the run into the bin: it counts as gone, and can be had back for `BIN_SECONDS`. Stop it first if it is
        active. Raises PretrainedRun.
        """
        self._own(run_id)
        self.empty_bin()
        update_run(self.db, run_id, deleted=time.time())

    def restore(self, run_id: str) -> Run:
        """Take the run out of the bin again. Raises RunGone if it isn't there any more."""
        if not self.db.execute("UPDATE runs SET deleted = 0 WHERE id = ? AND deleted > 0", run_id):
            raise RunGone(f"run {run_id!r} is not in the bin; it may have been restored, or deleted for good")
        if (run := self.run(run_id)).status.active:  # it ended when it noticed that its run was gone
            update_run(self.db, run_id, status=Status.INTERRUPTED, reason="It was deleted while it trained.")
            run = self.run(run_id)
        return run

    def discarded(self) -> list[Run]:
        """What lies in the bin and belongs to no sweep, put there last first."""
        query = f"SELECT {COLUMNS} FROM runs WHERE sweep = '' AND deleted > ? ORDER BY deleted DESC"
        return [to_run(row) for row in self.db.rows(query, time.time() - BIN_SECONDS)]

    def empty_bin(self) -> None:
        """Delete for good what has been in the bin for longer than `BIN_SECONDS`."""
        until = time.time() - BIN_SECONDS
        for row in self.db.rows("SELECT id FROM runs WHERE deleted BETWEEN 1 AND ?", until):
            self.delete(row["id"])
        self.db.execute("DELETE FROM sweeps WHERE deleted BETWEEN 1 AND ?", until)

    def delete(self, run_id: str) -> None:
        """Forget the run and its files, wherever it is, for good."""
        if not self.db.execute("DELETE FROM runs WHERE id = ?", run_id):
            raise gone(run_id)
        shutil.rmtree(self.folder(run_id), ignore_errors=True)

    def enqueue(self, run_id: str, owner: str, reason: str = "", *, after: int | None = None) -> int:
        """Let a run wait to be started or resumed by `owner`: the number of this attempt. From now on earlier ones
        can't say any more how it stands. `reason` says why it has to wait, and stays while it trains.

        `after`: only if that is the run's attempt still, else AttemptOver. Raises PretrainedRun.
        """
        self._own(run_id)
        with self.db.together():
            before = run_row(self.db, run_id)["attempt"] if after is None else after
            update_attempt(
                self.db,
                run_id,
                before,
                attempt=before + 1,
                status=Status.QUEUED,
                waiting=Waiting.NOTHING,
                reason=reason,
                owner=owner,
                queued=time.time(),
            )
        return before + 1

    def wait_for(self, run_id: str, what: Waiting) -> None:
        """Say what a queued run waits for; nothing happens if it is no longer queued."""
        self.db.execute("UPDATE runs SET waiting = ? WHERE id = ? AND status = ?", what, run_id, Status.QUEUED)

    def _own(self, run_id: str) -> Run:
        """A run that may be changed. Raises PretrainedRun."""
        run = self.run(run_id)
        if run.pretrained:
            raise PretrainedRun(f"“{run.name}” came with nnviz and stays as it is: fork it, or train one like it")
        return run
