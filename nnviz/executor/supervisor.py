"""The supervisor: one child process per training, so many at once, the others in a queue.

It reads one JSON command a line from standard input and ends, its trainings saved, when that closes. A child costs
12–14 MB and starts in under 0.1 s, since it is forked from a process that has already imported torch.
"""

from __future__ import annotations

import json
import multiprocessing as mp
import os
import queue
import signal
import sys
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

from nnviz.executor import worker
from nnviz.recording import Command
from nnviz.runs import RunGone, RunStore, Status

SHUTDOWN_SECONDS = 10

RECHECK_SECONDS = 0.5
"""How long a run waits at most for a place that a paused training left: it pauses by itself too, after one batch."""


def slots() -> int:
    """How many trainings run at once: NNVIZ_SLOTS, or one per core but at least four."""
    return int(os.environ.get("NNVIZ_SLOTS") or max(4, os.cpu_count() or 1))


@dataclass
class _Child:
    process: BaseProcess
    commands: Connection


@dataclass
class Supervisor:
    store: RunStore
    slots: int
    inbox: queue.Queue[tuple[str, str, Command | None]] = field(default_factory=queue.Queue)
    children: dict[str, _Child] = field(default_factory=dict)
    waiting: deque[tuple[str, Command | None]] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self.processes = mp.get_context("spawn") if sys.platform == "win32" else mp.get_context("forkserver")

    def serve(self) -> None:
        """Obey until the standard input closes."""
        self._warm_up()
        threading.Thread(target=self._read_commands, daemon=True).start()
        while True:
            try:
                what, run_id, command = self.inbox.get(timeout=RECHECK_SECONDS if self.waiting else None)
            except queue.Empty:
                self._fill_slots()
                continue
            if what == "close":
                break
            if what == "submit":
                self.waiting.append((run_id, command))
            elif what == "control" and command:
                self._control(run_id, command)
            elif what == "ended":
                self._ended(run_id)
            self._fill_slots()
        self._close()

    def _warm_up(self) -> None:
        """Let the fork server import torch now, not at the first click."""
        process = self.processes.Process(target=worker.warm_up)
        process.start()
        process.join()

    def _read_commands(self) -> None:
        for line in sys.stdin:
            what, run_id, command = json.loads(line)
            self.inbox.put((what, run_id, Command(*command) if command else None))
        self.inbox.put(("close", "", None))

    def _fill_slots(self) -> None:
        while self.waiting and self._training() < self.slots:
            self._launch(*self.waiting.popleft())

    def _training(self) -> int:
        """How many places are taken; a paused training leaves its place to others."""
        taken = 0
        for run_id in self.children:
            with suppress(RunGone):
                taken += self.store.run(run_id).status is not Status.PAUSED
        return taken

    def _launch(self, run_id: str, first: Command | None) -> None:
        if run_id in self.children:
            return
        ours, theirs = self.processes.Pipe()
        alone = not self.children and not self.waiting
        process = self.processes.Process(
            target=worker.main, args=(str(self.store.root), run_id, theirs, first, alone), daemon=True
        )
        process.start()
        theirs.close()
        self.children[run_id] = _Child(process, ours)
        threading.Thread(target=self._wait_for, args=(run_id, process), daemon=True).start()

    def _wait_for(self, run_id: str, process: BaseProcess) -> None:
        process.join()
        self.inbox.put(("ended", run_id, None))

    def _control(self, run_id: str, command: Command) -> None:
        child = self.children.get(run_id)
        if child is None:
            self._control_waiting(run_id, command)
            return
        if command.kind == "kill":
            child.process.kill()
            child.process.join()
            return
        with suppress(OSError):  # it is just ending
            child.commands.send(command)

    def _control_waiting(self, run_id: str, command: Command) -> None:
        if command.kind in ("stop", "kill") and any(waiting == run_id for waiting, _ in self.waiting):
            self.waiting = deque(item for item in self.waiting if item[0] != run_id)
            with suppress(RunGone):
                self.store.set_status(run_id, Status.STOPPED, "Stopped while it waited for its turn.")

    def _ended(self, run_id: str) -> None:
        """A training that ended by itself has said how; one that was killed could not."""
        code = self.children.pop(run_id).process.exitcode or 0
        with suppress(RunGone):
            # The store already shows a run without a process as interrupted; here it is known how it ended.
            if code and self.store.run(run_id).status in (Status.RUNNING, Status.PAUSED, Status.INTERRUPTED):
                how = f"was killed ({signal.Signals(-code).name})" if code < 0 else f"ended with exit code {code}"
                self.store.set_status(
                    run_id, Status.INTERRUPTED, f"Its process {how}. What it had recorded is kept; it can be resumed."
                )

    def _close(self) -> None:
        for run_id, _ in self.waiting:
            with suppress(RunGone):
                self.store.set_status(run_id, Status.INTERRUPTED, "The server was stopped while it waited.")
        for child in self.children.values():
            with suppress(OSError):
                child.commands.send(Command("shutdown"))
        deadline = time.monotonic() + SHUTDOWN_SECONDS
        for run_id, child in self.children.items():
            child.process.join(max(0.0, deadline - time.monotonic()))
            if child.process.is_alive():
                child.process.kill()
                with suppress(RunGone):
                    self.store.set_status(run_id, Status.INTERRUPTED, "The server was stopped while it trained.")
