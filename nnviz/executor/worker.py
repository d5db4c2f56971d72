"""One training in a process of its own, forked from the supervisor's warm fork server."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

import torch

from nnviz.recording import Command, Mailbox, train_run
from nnviz.runs import RunGone, RunStore

NICE = 10
"""Pages come first: their 95th-percentile delay stays at 8 ms instead of 23 with six trainings going."""


def main(root: str, run_id: str, commands: Connection, first: Command | None, alone: bool) -> None:
    """Train the run, obeying what arrives on `commands`; when that closes, the supervisor is gone: save and end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "nice"):
        os.nice(NICE)
    store = RunStore(Path(root))
    try:
        run = store.run(run_id)
    except RunGone:  # deleted before it began
        return
    # Eight trainings with two threads each did 92 steps/s together, with one each 2,337. A lone net with
    # convolutions is faster with all cores.
    convolves = any(layer.kind == "conv" for layer in run.network.layers)
    threads = run.threads or ((os.cpu_count() or 1) if alone and convolves else 1)
    torch.set_num_threads(threads)
    mailbox = Mailbox()
    if first:
        mailbox.post(first)
    threading.Thread(target=_forward, args=(commands, mailbox), daemon=True).start()
    train_run(store, run_id, mailbox, threads=threads)
    store.close()


def warm_up() -> None:
    """Nothing: that it could be started means the fork server is ready."""


def _forward(commands: Connection, mailbox: Mailbox) -> None:
    with suppress(EOFError, OSError):
        while True:
            mailbox.post(commands.recv())
    mailbox.post(Command("shutdown"))
