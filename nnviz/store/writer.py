"""What a training writes about its runs, and nothing else: the narrow door through which every worker records."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from nnviz.process import this_process
from nnviz.store.checkpoints import CheckpointFiles, PresentState, run_folder
from nnviz.store.database import Database
from nnviz.store.run import Status, Waiting, run_row, update_attempt, update_run
from nnviz.train.checkpoint import Checkpoint
from nnviz.train.events import Batch, Change, Epoch, Norms
from nnviz.train.preview import Preview


class RunWriter(Protocol):
    """Every write of a training. Each takes the run's id first and raises RunGone if it was deleted, AttemptOver if
    it says which attempt it is and that is no longer the run's.
    """

    def begin(self, run_id: str, device: str, threads: int, *, attempt: int | None = None, ensemble: int = 0) -> int:
        """This process trains the run from now on, together with `ensemble` others of its kind: as the attempt it was
        told to be, or as one of its own making, whose number is returned.
        """

    def set_status(self, run_id: str, attempt: int, status: Status, reason: str = "") -> None: ...

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

    def add_epoch(self, run_id: str, epoch: Epoch) -> None: ...

    def add_change(self, run_id: str, change: Change) -> None: ...

    def keep(self, run_id: str, checkpoint: Checkpoint) -> None:
        """Put a checkpoint to those of the run. Raises OSError."""

    def drop(self, run_id: str, step: int) -> None:
        """Let go of the checkpoint at `step`."""

    def show(self, run_id: str, checkpoint: Checkpoint) -> None:
        """Let those who watch see the present state. Raises OSError."""

    def put_preview(self, run_id: str, preview: Preview) -> None:
        """Replace the small look at a running net. Raises OSError."""

    def hide(self, run_id: str) -> None:
        """Nothing is shown any more: the run is about to begin, or its last checkpoint says all."""


WRITES = tuple(name for name in vars(RunWriter) if not name.startswith("_"))
"""The names of them all."""


class StoreWriter:
    """Writes into the store's database and folders."""

    def __init__(self, root: Path, db: Database, checkpoints: CheckpointFiles, present: PresentState) -> None:
        self._root, self._db, self._checkpoints, self._present = root, db, checkpoints, present

    def begin(self, run_id: str, device: str, threads: int, *, attempt: int | None = None, ensemble: int = 0) -> int:
        with self._db.together():
            if attempt is None:
                attempt = run_row(self._db, run_id)["attempt"] + 1
                update_run(self._db, run_id, attempt=attempt)
            update_attempt(
                self._db,
                run_id,
                attempt,
                status=Status.RUNNING,
                waiting=Waiting.NOTHING,
                owner=this_process(),
                device=device,
                threads=threads,
                ensemble=ensemble,
            )
        return attempt

    def set_status(self, run_id: str, attempt: int, status: Status, reason: str = "") -> None:
        update_attempt(self._db, run_id, attempt, status=status, reason=reason, waiting=Waiting.NOTHING)

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
        with self._db.together():
            update_attempt(self._db, run_id, attempt, seconds=seconds, steps=steps, speed=speed)
            if batches:
                numbers = np.array([[b.loss, b.accuracy, b.lr] for b in batches], np.float32).T
                self._db.execute(
                    "INSERT OR REPLACE INTO batches VALUES (?,?,?,?)",
                    run_id,
                    attempt,
                    batches[0].step,
                    numbers.tobytes(),
                )
                update_run(self._db, run_id, step=batches[-1].step, loss=_finite(float(numbers[0].mean())))
            self._db.execute_many(
                "INSERT OR REPLACE INTO norms VALUES (?,?,?)",
                [(run_id, norm.step, np.array(norm[1:], np.float32).tobytes()) for norm in norms],
            )

    def add_epoch(self, run_id: str, epoch: Epoch) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO epochs VALUES (?,?,?,?,?,?,?)", run_id, *epoch[:2], *map(_finite, epoch[2:])
        )

    def add_change(self, run_id: str, change: Change) -> None:
        self._db.execute("INSERT OR REPLACE INTO changes VALUES (?,?,?,?,?)", run_id, *change)

    def keep(self, run_id: str, checkpoint: Checkpoint) -> None:
        checkpoint.save(self._checkpoints.path(run_id, checkpoint.position.step))

    def drop(self, run_id: str, step: int) -> None:
        self._checkpoints.path(run_id, step).unlink(missing_ok=True)

    def show(self, run_id: str, checkpoint: Checkpoint) -> None:
        self._present.put(run_id, checkpoint)

    def put_preview(self, run_id: str, preview: Preview) -> None:
        preview.save(run_folder(self._root, run_id))

    def hide(self, run_id: str) -> None:
        self._present.hide(run_id)


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None
