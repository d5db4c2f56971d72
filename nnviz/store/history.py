"""What was recorded of a run step by step: curve, epochs, norms, changes; through the runs it was forked from."""

from __future__ import annotations

import math
import sqlite3
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from nnviz.spec.train_config import TrainConfig
from nnviz.store.database import Database
from nnviz.store.run import RunGone, learning_layers, run_row, to_run
from nnviz.train.events import Change, Epoch


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


class History:
    """Of the runs in a database. Its methods raise RunGone for an id that is not there."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def lineage(self, run_id: str) -> list[tuple[str, int]]:
        """The runs that its training went through and the last step in each, the oldest first, itself last (without an
        end: step -1). What was deleted is left out.
        """
        run = to_run(run_row(self._db, run_id))
        found = [(run.id, -1)]
        while run.parent and run.parent not in (one for one, _ in found):
            step = run.parent_step
            try:
                run = to_run(run_row(self._db, run.parent))
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
            for row in self._db.rows(
                "SELECT first_step, numbers FROM batches WHERE run = ? ORDER BY attempt, first_step", one
            ):
                numbers = np.frombuffer(row["numbers"], np.float32).reshape(3, -1)
                first = row["first_step"]
                shared = numbers if end < 0 else numbers[:, : max(0, end - first + 1)]
                if shared.size:
                    parts.append((first, shared))
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
        rows = self._db.rows("SELECT step, name, before, after FROM changes WHERE run = ? ORDER BY step", run_id)
        return [Change(*row) for row in rows]

    def norms(self, run_id: str) -> NormCurves:
        """Sizes of weights, gradients and updates, those before a fork included."""
        run = to_run(run_row(self._db, run_id))
        layers = learning_layers(run.network, run.config)
        rows = self._through_lineage("SELECT step, numbers FROM norms", run_id, "step")
        shaped = np.frombuffer(b"".join(row["numbers"] for row in rows), np.float32).reshape(-1, 3, len(layers))
        return NormCurves(
            np.array([row["step"] for row in rows], np.int64), layers, shaped[:, 0], shaped[:, 1], shaped[:, 2]
        )

    def config_at(self, run_id: str, step: int) -> TrainConfig:
        """The run's settings as they held for the step after `step`."""
        config = to_run(run_row(self._db, run_id)).config
        for change in self.changes(run_id):
            if change.step <= step:
                config = config.with_(**{change.name: change.after})
        return config

    def _through_lineage(self, select: str, run_id: str, order: str) -> list[sqlite3.Row]:
        """Rows of the run and, up to the forks, of those it comes from."""
        return [
            row
            for one, end in self.lineage(run_id)
            for row in self._db.rows(f"{select} WHERE run = ? AND (? < 0 OR step <= ?) ORDER BY {order}", one, end, end)
        ]
