"""The files of a run: its checkpoints, each at a step of its training, and its present state while somebody looks."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

from nnviz.store.run import RunGone
from nnviz.train.checkpoint import Checkpoint, CheckpointError

WATCHED_FOR = 3.0
"""Seconds that somebody who looked into a running net is taken to be still looking."""


def run_folder(root: Path, run_id: str) -> Path:
    """Where a run keeps its files. `run_id` comes from links too, so it must not lead elsewhere. Raises RunGone."""
    if not run_id.replace("-", "").isalnum():
        raise RunGone(f"there is no run {run_id!r}")
    return root / run_id


class CheckpointFiles:
    """The kept checkpoints of the runs under `root`."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def path(self, run_id: str, step: int) -> Path:
        return run_folder(self._root, run_id) / f"{step:09d}.safetensors"

    def steps(self, run_id: str) -> list[int]:
        """Steps of which a checkpoint is on disk, ascending."""
        return sorted(int(path.stem) for path in run_folder(self._root, run_id).glob("[0-9]*.safetensors"))

    def load(self, run_id: str, step: int | None = None) -> Checkpoint:
        """The checkpoint at `step`, or the last one that can be read. Raises CheckpointError."""
        if step is not None:
            return Checkpoint.load(self.path(run_id, step))
        problem = CheckpointError(f"run {run_id} has no checkpoint yet")
        for last in reversed(self.steps(run_id)):
            try:
                return Checkpoint.load(self.path(run_id, last))
            except CheckpointError as error:
                problem = error
        raise problem


class PresentState:
    """What a running net shows those who look into it, replaced again and again."""

    def __init__(self, root: Path, checkpoints: CheckpointFiles) -> None:
        self._root, self._checkpoints = root, checkpoints

    def watch(self, run_id: str) -> None:
        """Let the process that trains the run show its present state for the next WATCHED_FOR seconds."""
        with suppress(OSError):  # deleted meanwhile, or a full disk: then there is nothing new to see
            (run_folder(self._root, run_id) / "watched").touch()

    def is_watched(self, run_id: str) -> bool:
        try:
            return time.time() - (run_folder(self._root, run_id) / "watched").stat().st_mtime < WATCHED_FOR
        except OSError:
            return False

    def path(self, run_id: str) -> Path:
        """Where the present state of a watched run is, replaced again and again."""
        return run_folder(self._root, run_id) / "now.safetensors"

    def newest(self, run_id: str) -> Checkpoint | None:
        """The newest state that is known: shown or kept; None before the first. Raises CheckpointError."""
        found = []
        with suppress(CheckpointError):  # never shown, or just hidden because the run ended
            found.append(Checkpoint.load(self.path(run_id)))
        steps = self._checkpoints.steps(run_id)
        if steps and (not found or steps[-1] >= found[0].position.step):
            found.append(self._checkpoints.load(run_id))
        return max(found, key=lambda checkpoint: checkpoint.position, default=None)
