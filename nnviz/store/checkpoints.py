"""The files of a run: its checkpoints, each at a step of its training, and its present state while somebody looks."""

from __future__ import annotations

import errno
import os
import struct
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
    """What a running net shows those who look into it.

    It is one file that is written over where it lies, with a number before it that is odd while that goes on and
    another one afterwards: to replace a file takes fifty times as long (0.8 MB: 2.4 ms, written over 0.05), which at
    twenty states a second would be time that the training lacks.
    """

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
        """Where the present state of a watched run is."""
        return run_folder(self._root, run_id) / "now.state"

    def put(self, run_id: str, checkpoint: Checkpoint) -> None:
        """Show it. For the one process that trains the run. Raises OSError."""
        data = checkpoint.to_bytes()
        with open(os.open(self.path(run_id), os.O_RDWR | os.O_CREAT | _BINARY, 0o666), "r+b", buffering=0) as file:
            number = time.monotonic_ns() // 2 * 2
            file.write(_HEAD.pack(number + 1, len(data)))
            if file.write(data) < len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            file.seek(0)
            file.write(_HEAD.pack(number, len(data)))

    def hide(self, run_id: str) -> None:
        """Show nothing any more."""
        with suppress(OSError):
            self.path(run_id).unlink(missing_ok=True)

    def version(self, run_id: str) -> tuple[int, int]:
        """Differs from what it was whenever `newest` does; costs little."""
        return self._number(run_id), max(self._checkpoints.steps(run_id), default=-1)

    def stamp(self, run_id: str) -> tuple[int, int]:
        """Differs from what it was whenever `version` does, and sometimes when not; costs next to nothing."""
        try:
            return self._number(run_id), run_folder(self._root, run_id).stat().st_mtime_ns
        except OSError:
            return 0, 0

    def _number(self, run_id: str) -> int:
        """That of the state shown; 0 without one."""
        try:
            with self.path(run_id).open("rb", buffering=0) as file:
                number: int = _HEAD.unpack(file.read(_HEAD.size))[0]
        except (OSError, struct.error):
            return 0
        return number

    def newest(self, run_id: str) -> Checkpoint | None:
        """The newest state that is known: shown or kept; None before the first. Raises CheckpointError."""
        found = []
        with suppress(CheckpointError):  # of a process that was killed while it wrote
            if (data := self._read(run_id)) is not None:
                found.append(Checkpoint.from_bytes(data))
        steps = self._checkpoints.steps(run_id)
        if steps and (not found or steps[-1] >= found[0].position.step):
            found.append(self._checkpoints.load(run_id))
        return max(found, key=lambda checkpoint: checkpoint.position, default=None)

    def _read(self, run_id: str) -> bytes | None:
        """The state shown; None if there is none, or none that is whole."""
        try:
            with self.path(run_id).open("rb", buffering=0) as file:
                for _ in range(_TRIES):
                    number, size = _HEAD.unpack(file.read(_HEAD.size))
                    data = file.read(size) if number % 2 == 0 else b""
                    file.seek(0)
                    if data and _HEAD.unpack(file.read(_HEAD.size)) == (number, size):
                        return data
                    file.seek(0)
                    time.sleep(_WRITING)
        except (OSError, struct.error):  # never shown, or just hidden because the run ended
            pass
        return None


_HEAD = struct.Struct("<QQ")  # the number, and the bytes of the state
_TRIES, _WRITING = 50, 0.002  # seconds: a large state takes a while
_BINARY = getattr(os, "O_BINARY", 0)  # Windows
