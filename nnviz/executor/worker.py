"""One job in a process of its own, forked from the supervisor's warm fork server."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

import torch

from nnviz.environment import cores
from nnviz.executor.ensemble_recorder import train_ensemble
from nnviz.executor.recorder import train_run
from nnviz.store.database import LONG_PATIENCE
from nnviz.store.run import RunGone
from nnviz.store.runs import RunStore
from nnviz.train.commands import Action, Command, Mailbox

NICE = 10
"""Pages come first: their 95th-percentile delay stays at 8 ms instead of 23 with six trainings going."""


def main(root: str, runs: dict[str, int], commands: Connection, first: Command | None, alone: bool) -> None:
    """Train the runs, obeying what arrives on `commands`; when that closes, the supervisor is gone: save and end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "nice"):
        os.nice(NICE)
    mailbox = Mailbox()
    if first:
        mailbox.post(first)
    threading.Thread(target=_forward, args=(commands, mailbox), daemon=True).start()
    store = RunStore(Path(root), LONG_PATIENCE)
    train_job(store, runs, mailbox, alone)
    store.close()


def train_job(store: RunStore, runs: dict[str, int], mailbox: Mailbox, alone: bool) -> None:
    """Train one run, or several as an ensemble (id → attempt), in this process, and stay with them to their end."""
    if len(runs) > 1:
        torch.set_num_threads(1)
        train_ensemble(store, tuple(runs), mailbox, runs)
        return
    ((run_id, attempt),) = runs.items()
    try:
        run = store.run(run_id)
    except RunGone:  # deleted before it began
        return
    # Eight trainings with two threads each did 92 steps/s together, with one each 2,337. A lone net with
    # convolutions is faster with all cores.
    threads = run.threads or (cores() if alone and run.network.convolves else 1)
    torch.set_num_threads(threads)
    train_run(store, run.id, mailbox, threads=threads, attempt=attempt)


def warm_up() -> None:
    """Nothing: that it could be started means the fork server is ready."""


def _forward(commands: Connection, mailbox: Mailbox) -> None:
    with suppress(EOFError, OSError):
        while True:
            mailbox.post(commands.recv())
    mailbox.post(Command(Action.SHUTDOWN))
