"""Train a run of the store and record it: curve, epochs, changes, checkpoints, how it ended. In whatever process.

A few times a second what happened since goes into the store; people's commands come through a `Mailbox`.
"""

from __future__ import annotations

import sqlite3
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from nnviz.data.datasets import DATASETS, DataError, Loaded
from nnviz.environment import cores
from nnviz.fields import SpecError
from nnviz.spec.train_config import LIVE_FIELDS, TrainConfig, checkpoint_bytes
from nnviz.store.database import StoreBusy
from nnviz.store.run import RunGone, Status
from nnviz.store.runs import RunStore
from nnviz.train.checkpoint import CheckpointError, Position, kept_steps
from nnviz.train.commands import Action, Command, Mailbox
from nnviz.train.events import Batch, Change, Diverged, Epoch, Event, Norms
from nnviz.train.preview import preview, sample_of
from nnviz.train.trainer import Trainer

RECORD_EVERY = 0.2
"""Seconds between two writes to the store and two live looks."""

CHECKPOINT_EVERY = 5.0
"""Seconds between two checkpoints to resume from; only the last of them is kept, beside those for looking."""

SHOW_EVERY = 0.045
"""Seconds between two states for those who look into the running net, unless..."""

SHOW_CROWDED_EVERY = 0.15
"""...it trains on all cores, so that whoever makes a picture of it takes one of them from it, or is so large that..."""

SHOW_SHARE = 0.03
"""...more than this share of the time would go into them."""

SLOWEST = 10.0
"""Seconds between two steps, at most."""

SPEED_OVER = 2.0
"""Seconds over which images per second are counted."""

SHUT_DOWN = "The server was stopped while it trained."

PRUNED = "Pruned: it did worse than the middle of the others had done by then."

CHECKPOINT_BUDGET = 400_000_000
"""Bytes of checkpoints a run may keep: a large net keeps fewer than its settings say."""


def train_run(
    store: RunStore,
    run_id: str,
    mailbox: Mailbox | None = None,
    on_event: Callable[[Event, Trainer], None] | None = None,
    threads: int = 1,
    attempt: int | None = None,
) -> Status:
    """Start or resume the run, as the attempt that was announced for it or a new one, and stay with it to its end,
    which is returned and recorded with its reason.

    Whatever goes wrong is recorded as a sentence; only a run that was deleted meanwhile, or that another attempt has
    now, ends without a record.
    """
    try:
        recorder = _Recorder(store, run_id, mailbox or Mailbox(), on_event, attempt)
    except RunGone:
        return Status.STOPPED
    try:
        recorder.start(threads)
        status, reason = recorder.train()
    except RunGone:
        return Status.STOPPED
    except Exception as error:  # the net of a stranger may fail in ways nobody thought of; the run must say so
        status, reason = Status.FAILED, failed_in_words(error, store)
    # Deleted meanwhile, or not even this fits on the disk: then readers see that its process is gone.
    with suppress(RunGone, sqlite3.Error):
        store.writer.set_status(run_id, recorder.attempt, status, reason)
    return status


class _Recorder:
    def __init__(
        self,
        store: RunStore,
        run_id: str,
        mailbox: Mailbox,
        on_event: Callable[[Event, Trainer], None] | None,
        attempt: int | None = None,
    ) -> None:
        self.store, self.run_id, self.mailbox, self.on_event = store, run_id, mailbox, on_event
        self.run = store.run(run_id)
        self.told, self.attempt = attempt, self.run.attempt if attempt is None else attempt
        self.pending: list[Batch] = []
        self.norms: list[Norms] = []
        self.next_show = 0.0
        self.crowded = False
        self.paused = False
        self.pace = 0.0
        self.pause_after: str | None = None
        self.ending: tuple[Status, str] | None = None
        self.planned_for: TrainConfig | None = None
        self.rolling: int | None = None
        """The step of the checkpoint that is only there to resume from."""
        self.stopwatch = _Stopwatch(self.run.seconds)

    def start(self, threads: int) -> None:
        """Make the trainer, at the last checkpoint if there is one, and take the run over."""
        run, store = self.run, self.store
        data: Loaded = DATASETS[run.config.data].load()
        start = store.checkpoints.load(run.id) if store.checkpoints.steps(run.id) else None
        self.trainer = Trainer(run.network, run.config, data, start=start, changes=store.history.changes(run.id))
        self.data, self.sample = data, sample_of(data.test.labels)
        self.attempt = store.writer.begin(run.id, str(self.trainer.device), threads, attempt=self.told)
        store.writer.hide(run.id)
        self.crowded = threads >= cores()
        self._plan()
        if start is None:
            self._checkpoint()
        elif not self._keeps(start.position):
            self.rolling = start.position.step

    def train(self) -> tuple[Status, str]:
        """Pull events until the training or somebody ends it."""
        self.stopwatch.restart()
        self._listen()
        next_record, next_checkpoint = 0.0, time.monotonic() + CHECKPOINT_EVERY
        for event in self.trainer.run():
            if self.on_event:
                self.on_event(event, self.trainer)
            if isinstance(event, Batch):
                self.pending.append(event)
                self.stopwatch.images += event.size
                if event.norms:
                    self.norms.append(event.norms)
                if self.trainer.config is not self.planned_for:  # changed, now or at this step of an earlier attempt
                    self._plan()
                if event.step in self.kept:
                    self._write()  # all that led to it, so that a run resumed from it has no gap in its curve
                    self._checkpoint()
            elif isinstance(event, Epoch):
                self._record()
                self._checkpoint()
                self.store.writer.add_epoch(self.run_id, event)
                self._thin_out()
            elif isinstance(event, Change):
                self.store.writer.add_change(self.run_id, event)
            elif isinstance(event, Diverged):
                return self._end_diverged(event)
            if (now := time.monotonic()) >= next_record:
                self._record()
                next_record = now + RECORD_EVERY
                if now >= next_checkpoint:
                    self._checkpoint()
                    next_checkpoint = now + CHECKPOINT_EVERY
            self._show(now)
            if self.pause_after == type(event).__name__:
                self._pause()
            if self.pace and isinstance(event, Batch):
                self.mailbox.wait_at_most(self.pace)
            self._listen()
            if self.ending:
                self._record()
                self._checkpoint()
                self.store.writer.hide(self.run_id)
                return self.ending
        self._record()
        self.store.writer.hide(self.run_id)
        return Status.FINISHED, ""

    def _plan(self) -> None:
        """Which checkpoints are kept: at chosen moments, and after whole epochs, no more than of the others."""
        config = self.planned_for = self.trainer.config
        affordable = CHECKPOINT_BUDGET // max(1, 2 * checkpoint_bytes(self.run.network, config))
        count = max(2, min(config.checkpoints, affordable))
        self.kept = frozenset(kept_steps(self.trainer.total_steps, count))
        self.epochs_apart = -(-config.epochs // count)

    def _keeps(self, position: Position) -> bool:
        """Whether a checkpoint at `position` is for looking too, not only to resume from."""
        if position.step in self.kept or position.step == self.run.parent_step:
            return True
        whole = position.epoch > 0 and position.cursor == 0
        return whole and (position.epoch % self.epochs_apart == 0 or position.epoch == self.run.config.epochs)

    def _listen(self) -> None:
        """Obey what has arrived; a pause lasts until more arrives."""
        while command := self.mailbox.take():
            self._obey(command)
        while self.paused and not self.ending:
            self._obey(self.mailbox.wait())
            if not self.paused:
                self.stopwatch.restart()

    def _obey(self, command: Command) -> None:
        if command.action is Action.PAUSE:
            self._pause()
        elif command.action in (Action.RESUME, Action.BATCH, Action.EPOCH):
            self.pause_after = {Action.BATCH: "Batch", Action.EPOCH: "Epoch"}.get(command.action)
            if self.paused:
                self.paused = False
                self.store.writer.set_status(self.run_id, self.attempt, Status.RUNNING)
        elif command.action is Action.PACE:
            self.pace = min(max(0.0, command.value), SLOWEST)
        elif command.action is Action.STOP:
            self.ending = (Status.STOPPED, "Stopped by hand.")
        elif command.action is Action.PRUNE:
            self.ending = (Status.PRUNED, PRUNED)
        elif command.action is Action.SHUTDOWN:
            self.ending = (Status.INTERRUPTED, command.name or SHUT_DOWN)
        elif command.action is Action.SET and command.name in LIVE_FIELDS:
            with suppress(SpecError):  # forms refuse it with the rule; a run doesn't end for it
                self.trainer.change(command.name, command.value)

    def _pause(self) -> None:
        self.pause_after = None
        if not self.paused:
            self._record()
            self._checkpoint()
            self.paused = True
            self.store.writer.set_status(self.run_id, self.attempt, Status.PAUSED)

    def _end_diverged(self, event: Diverged) -> tuple[Status, str]:
        self._record()
        self._checkpoint(keep=True)
        self.store.writer.hide(self.run_id)
        return Status.DIVERGED, diverged_in_words(event)

    # ------------------------------------------------------------------ writing

    def _record(self) -> None:
        """Write what happened since the last time, and look into the net."""
        self._write()
        trainer = self.trainer
        with suppress(PermissionError):  # Windows: a reader has the file open; the next look is due in a moment
            self.store.writer.put_preview(
                self.run_id, preview(trainer.model, self.data, self.sample, trainer.position.step)
            )

    def _write(self) -> None:
        self.store.writer.add_batches(
            self.run_id,
            self.attempt,
            self.pending,
            self.norms,
            seconds=self.stopwatch.seconds,
            steps=self.trainer.total_steps,
            speed=self.stopwatch.tick(),
        )
        self.pending, self.norms = [], []

    def _show(self, now: float) -> None:
        """Write the whole present state for those who look into the net, if there are any."""
        if now < self.next_show:
            return
        self.next_show = now + SHOW_EVERY
        if not self.store.present.is_watched(self.run_id):
            return
        start = time.thread_time()  # what the machine does meanwhile for others is nothing that the training lost
        with suppress(OSError):  # a full disk ends the run when something must be kept, not for this
            self.store.writer.show(self.run_id, self.trainer.checkpoint())
        took = time.thread_time() - start
        self.next_show = now + max(SHOW_CROWDED_EVERY if self.crowded else SHOW_EVERY, took / SHOW_SHARE)

    def _checkpoint(self, keep: bool = False) -> None:
        step = self.trainer.position.step
        # One that is there already, say when a run is paused at a chosen moment, was kept for looking.
        there = step != self.rolling and self.store.checkpoints.path(self.run_id, step).exists()
        keep = keep or self._keeps(self.trainer.position) or there
        self.store.writer.keep(self.run_id, self.trainer.checkpoint())
        if self.rolling not in (None, step):
            assert self.rolling is not None
            self.store.writer.drop(self.run_id, self.rolling)
        self.rolling = None if keep else step

    def _thin_out(self) -> None:
        """Keep the first and the last checkpoint, and every second one in between, until they fit the budget."""
        steps = self.store.checkpoints.steps(self.run_id)
        while len(steps) > 2 and sum(self._size(step) for step in steps) > CHECKPOINT_BUDGET:
            for step in steps[1:-1:2]:
                self.store.writer.drop(self.run_id, step)
            steps = self.store.checkpoints.steps(self.run_id)

    def _size(self, step: int) -> int:
        return self.store.checkpoints.path(self.run_id, step).stat().st_size


def failed_in_words(error: Exception, store: RunStore) -> str:
    """What kept a training from going on."""
    if isinstance(error, DataError | SpecError | CheckpointError):
        return f"{error}."
    if isinstance(error, StoreBusy):
        return f"The run could not be recorded any more: {error}."
    if isinstance(error, OSError | sqlite3.Error):
        return (
            f"The run could not be recorded any more: {error} ({store.root}). Free some space or mend the folder, "
            "then resume it."
        )
    if "out of memory" in str(error).lower() or "can't allocate memory" in str(error).lower():
        return "There was not enough memory for this network: take smaller batches or layers."
    return f"Training failed: {type(error).__name__}: {error}"


def diverged_in_words(event: Diverged) -> str:
    what = "infinite" if event.loss in (float("inf"), float("-inf")) else "not a number (NaN)"
    return (
        f"The loss became {what} at step {event.step + 1} with a learning rate of {event.lr:g}: the steps were too"
        f" large: the weights diverged. Try a learning rate of {min(event.lr / 10, 0.1):g} or less, or less momentum."
        f" The weights are kept as they were after step {event.kept}."
    )


class _Stopwatch:
    """Time and speed of the training alone, without pauses."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.restart()

    def restart(self) -> None:
        self.images = 0
        self._last = time.monotonic()
        self._window = deque([(self._last, 0)])

    def tick(self) -> float:
        """Add the time since the last tick; images per second, lately."""
        now = time.monotonic()
        self.seconds += now - self._last
        self._last = now
        self._window.append((now, self.images))
        while now - self._window[0][0] > SPEED_OVER:
            self._window.popleft()
        since, images = self._window[0]
        return (self.images - images) / (now - since) if now > since else 0.0
