"""Train the runs of an ensemble and record them: the same curves, epochs and endings as `recorder` keeps of one run.

Of each run two checkpoints are kept, the first and the last; sizes of gradients and looks at the running net are not.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from nnviz.data.datasets import DATASETS
from nnviz.executor.recorder import PRUNED, SHUT_DOWN, diverged_in_words, failed_in_words
from nnviz.store.run import Run, RunGone, Status
from nnviz.store.runs import RunStore
from nnviz.train.checkpoint import Checkpoint
from nnviz.train.commands import Action, Command, Mailbox
from nnviz.train.ensemble import EnsembleBatch, EnsembleDiverged, EnsembleEpoch, EnsembleTrainer
from nnviz.train.events import Batch

RECORD_EVERY = 0.5
"""Seconds between two writes to the store; one write for all runs."""

CHECKPOINT_EVERY = 20.0
"""Seconds between two checkpoints to resume from, of all runs."""


def train_ensemble(
    store: RunStore, run_ids: Sequence[str], mailbox: Mailbox | None = None, attempts: Mapping[str, int] | None = None
) -> None:
    """Start or resume the runs, which must go together (`ensemble_key`) and be at the same step, and stay with
    them to their ends; as the `attempts` announced for them, or new ones. Whatever goes wrong is recorded as a
    sentence with each run it keeps from ending.
    """
    recorder = _EnsembleRecorder(store, mailbox or Mailbox(), attempts or {})
    try:
        recorder.start(run_ids)
        recorder.train()
    except Exception as error:  # the nets of strangers may fail in ways nobody thought of; the runs must say so
        reason = failed_in_words(error, store)
        for run_id in recorder.left or run_ids:
            with suppress(RunGone, sqlite3.Error):
                store.writer.set_status(run_id, recorder.attempt(run_id), Status.FAILED, reason)


class _EnsembleRecorder:
    def __init__(self, store: RunStore, mailbox: Mailbox, told: Mapping[str, int]) -> None:
        self.store, self.mailbox, self.told = store, mailbox, told
        self.runs: list[Run] = []
        self.left: list[str] = []
        """Ids of the runs that are still trained."""
        self.attempts: dict[str, int] = {}
        """Of the runs that have begun."""
        self.pending: dict[int, list[Batch]] = {}
        self.last_kept: dict[int, int] = {}
        """Member → step of the checkpoint that is only there to resume from."""
        self.ending = ""
        """Why all of them are interrupted; empty while they aren't."""
        self.paused = False

    def start(self, run_ids: Sequence[str]) -> None:
        for run_id in run_ids:
            with suppress(RunGone):  # deleted before it began
                self.runs.append(self.store.run(run_id))
        if not self.runs:
            return
        starts = self._starts()
        members = [(run.network, run.config) for run in self.runs]
        self.trainer = EnsembleTrainer(members, DATASETS[self.runs[0].config.data].load(), starts=starts)
        self.pending = {member: [] for member in range(len(self.runs))}
        self.seconds = max(run.seconds for run in self.runs)
        self.images, self.since = 0, time.monotonic()
        self.left = [run.id for run in self.runs]
        with self.store.db.together():
            for member in list(self.trainer.members):
                self._told(member, self._begin)
        if starts is None:
            for member in list(self.trainer.members):
                self._told(member, self.store.writer.keep, self.trainer.checkpoint(member))
        else:
            at = self.trainer.position.step
            self.last_kept = {member: at for member in range(len(self.runs)) if at}

    def _begin(self, run_id: str) -> None:
        self.attempts[run_id] = self.store.writer.begin(
            run_id, "cpu", 1, attempt=self.told.get(run_id), ensemble=len(self.runs)
        )

    def attempt(self, run_id: str) -> int:
        """Which it is, or would have been if it had begun. Raises RunGone."""
        return self.attempts.get(run_id) or self.told.get(run_id) or self.store.run(run_id).attempt

    def _starts(self) -> list[Checkpoint] | None:
        """The last checkpoints, if the runs have any."""
        if not any(self.store.checkpoints.steps(run.id) for run in self.runs):
            return None
        return [self.store.checkpoints.load(run.id) for run in self.runs]

    def train(self) -> None:
        if not self.runs:
            return
        next_record, next_checkpoint = 0.0, time.monotonic() + CHECKPOINT_EVERY
        for event in self.trainer.run():
            if isinstance(event, EnsembleBatch):
                self.images += event.size
                for place, member in enumerate(event.members):
                    self.pending[member].append(
                        Batch(event.step, event.loss[place], event.accuracy[place], event.lr[place], event.size)
                    )
            elif isinstance(event, EnsembleEpoch):
                self._write()
                with self.store.db.together():
                    for member, epoch in zip(event.members, event.epochs, strict=True):
                        self._told(member, self.store.writer.add_epoch, epoch)
            elif isinstance(event, EnsembleDiverged):
                self._end(event.member, Status.DIVERGED, diverged_in_words(event.diverged))
            if (now := time.monotonic()) >= next_record:
                self._write()
                next_record = now + RECORD_EVERY
                if now >= next_checkpoint:
                    self._checkpoint()
                    next_checkpoint = now + CHECKPOINT_EVERY
            while command := self.mailbox.take():
                self._obey(command)
            while self.paused and not self.ending and self.trainer.members:
                self._obey(self.mailbox.wait())
            if self.ending:
                break
        self._write()
        for member in list(self.trainer.members):
            if self.ending:
                self._end(member, Status.INTERRUPTED, self.ending)
            else:
                self._end(member, Status.FINISHED, "")

    def _obey(self, command: Command) -> None:
        """Commands are for one run or, without its id, for all; only one can't be paused: they go in step."""
        chosen = [member for member in self.trainer.members if not command.run or self.runs[member].id == command.run]
        if command.action is Action.SHUTDOWN:
            self.ending = command.name or SHUT_DOWN
        elif command.action is Action.STOP:
            for member in chosen:
                self._end(member, Status.STOPPED, "Stopped by hand.")
        elif command.action is Action.PRUNE:
            for member in chosen:
                self._end(member, Status.PRUNED, PRUNED)
        elif command.action is Action.PAUSE and chosen:
            self._write()
            self._checkpoint()
            self.paused = True
            self._set_all(Status.PAUSED)
        elif command.action is Action.RESUME and self.paused:
            self.paused = False
            self.since = time.monotonic()
            self._set_all(Status.RUNNING)

    def _set_all(self, status: Status) -> None:
        with self.store.db.together():
            for member in self.trainer.members:
                self._told(member, self._set_status, status)

    def _set_status(self, run_id: str, status: Status, reason: str = "") -> None:
        self.store.writer.set_status(run_id, self.attempt(run_id), status, reason)

    def _end(self, member: int, status: Status, reason: str) -> None:
        """Keep the last state of a member and say how it ended."""
        self._write()
        if member in self.trainer.members and status is not Status.FINISHED and not self.ending:
            self.trainer.drop(member)
        self._told(member, self._keep, member)
        self._told(member, self._set_status, status, reason)
        if (run_id := self.runs[member].id) in self.left:
            self.left.remove(run_id)

    def _checkpoint(self) -> None:
        for member in list(self.trainer.members):
            self._told(member, self._keep, member)

    def _keep(self, run_id: str, member: int) -> None:
        checkpoint = self.trainer.checkpoint(member)
        self.store.writer.keep(run_id, checkpoint)
        before = self.last_kept.get(member, checkpoint.position.step)
        self.last_kept[member] = checkpoint.position.step
        if before != checkpoint.position.step:
            self.store.writer.drop(run_id, before)

    def _write(self) -> None:
        """What happened since the last time, of all runs at once."""
        now = time.monotonic()
        elapsed = 0.0 if self.paused else now - self.since
        self.seconds += elapsed
        speed = self.images / elapsed if elapsed else 0.0
        self.images, self.since = 0, now
        with self.store.db.together():
            for member, batches in self.pending.items():
                if batches:
                    self._told(
                        member,
                        self.store.writer.add_batches,
                        self.attempts[self.runs[member].id],
                        batches,
                        seconds=self.seconds,
                        steps=self.trainer.total_steps,
                        speed=speed,
                    )
        self.pending = {member: [] for member in self.pending}

    def _told(self, member: int, write: Callable[..., object], *what: Any, **options: Any) -> None:
        """Call `write` with the run's id and the rest; a run that was deleted meanwhile is let go of."""
        try:
            write(self.runs[member].id, *what, **options)
        except (RunGone, FileNotFoundError):
            if member in self.trainer.members:
                self.trainer.drop(member)
