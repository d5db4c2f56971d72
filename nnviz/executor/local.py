"""The server's side: start the supervisor process and tell it what to do. Pages read the store, never this."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from nnviz.executor.choice import FILE as CHOICE_FILE
from nnviz.executor.choice import Choice
from nnviz.process import process_name
from nnviz.store.database import ReadOnly
from nnviz.store.run import Run
from nnviz.store.runs import RunStore
from nnviz.sweep.store import SweepStore
from nnviz.train.commands import Action, Command

SHUTDOWN_SECONDS = 15
STOP_SECONDS = 3.0
"""How long a training that is to be deleted has to save itself."""

LOOK_EVERY = 0.02
"""Seconds between two looks whether it has."""


class LocalExecutor:
    """Trainings in child processes of one supervisor. Safe to share between threads.

    The supervisor lives as long as its standard input is open: when this process ends, however, it checkpoints the
    trainings and goes. For a store that is only looked at there is none: what would train raises ReadOnly.
    """

    def __init__(self, store: RunStore) -> None:
        self.store = store
        self._lock = threading.Lock()
        self._supervisor: subprocess.Popen[str] | None = None
        if not store.look_only:
            store.empty_bin()
            self._supervisor = self._start()

    def submit(self, run_id: str, first: Command | None = None) -> None:
        """Start or resume a run as soon as there is room; `first` reaches it before its first step. Raises RunGone."""
        with self._lock:
            supervisor = self._alive()
            self.store.enqueue(run_id, self._owner)
            _send(supervisor, "submit", run_id, first)

    def control(self, run_id: str, command: Command) -> None:
        """Pass a command on to an active run; to one that isn't, it means nothing."""
        with self._lock:
            _send(self._alive(), "control", run_id, command)

    def sweep(self, sweep_id: str, command: Command) -> None:
        """Start or resume a sweep (`resume`), pause or stop it. Raises OSError if nobody can be told."""
        with self._lock:
            _send(self._alive(), "sweep", sweep_id, command)

    def delete(self, run: Run) -> None:
        """Stop the run, if it is going on, and put it into the bin. Raises RunGone."""
        if run.status.active:
            self.control(run.id, Command(Action.STOP))
            if not _comes_true(lambda: not self.store.run(run.id).status.active):
                # It hangs; if it ever writes again, it hears that its run is gone.
                self.control(run.id, Command(Action.KILL))
        self.store.discard(run.id)

    def delete_sweep(self, sweep_id: str) -> None:
        """Stop the sweep, if it is going on, and put it with its runs into the bin. Raises SweepGone, OSError."""
        sweeps = SweepStore(self.store)
        if sweeps.sweep(sweep_id).status.active:
            self.sweep(sweep_id, Command(Action.STOP))
            _comes_true(lambda: not sweeps.sweep(sweep_id).status.active)
        sweeps.discard(sweep_id)

    def close(self) -> None:
        """Checkpoint and end all trainings, then the supervisor."""
        if self._supervisor is None:
            return
        with self._lock, suppress(OSError):
            assert self._supervisor.stdin
            self._supervisor.stdin.close()
        try:
            self._supervisor.wait(SHUTDOWN_SECONDS)
        except subprocess.TimeoutExpired:  # it has given up on its trainings by then, and hangs itself
            self._supervisor.kill()
            self._supervisor.wait()

    @property
    def choice(self) -> Choice:
        """Where trainings run, and why not elsewhere; nothing to say in the first seconds."""
        return Choice.load(self.store.root)

    @property
    def pid(self) -> int:
        assert self._supervisor is not None
        return self._supervisor.pid

    def _start(self) -> subprocess.Popen[str]:
        (self.store.root / CHOICE_FILE).unlink(missing_ok=True)
        # Not multiprocessing: under Streamlit its children would run the whole app script again.
        process = subprocess.Popen(
            [sys.executable, "-m", "nnviz.executor.start", str(self.store.root)],
            stdin=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            start_new_session=True,  # Ctrl-C in the terminal is for the server; the supervisor sees its input close
        )
        self._owner = process_name(process.pid)
        return process

    def _alive(self) -> subprocess.Popen[str]:
        """The supervisor. One that was killed is replaced; what it ran shows as interrupted and can be resumed."""
        if self._supervisor is None:
            raise ReadOnly(self.store.root)
        if self._supervisor.poll() is not None:
            with suppress(OSError):
                assert self._supervisor.stdin
                self._supervisor.stdin.close()
            self._supervisor = self._start()
        return self._supervisor


def _send(supervisor: subprocess.Popen[str], what: str, run_id: str, command: Command | None) -> None:
    assert supervisor.stdin
    supervisor.stdin.write(json.dumps([what, run_id, command]) + "\n")
    supervisor.stdin.flush()


def _comes_true(condition: Callable[[], bool]) -> bool:
    """Wait for `condition`, no longer than `STOP_SECONDS`; whether it holds then."""
    until = time.monotonic() + STOP_SECONDS
    while not (holds := condition()) and time.monotonic() < until:
        time.sleep(LOOK_EVERY)
    return holds
