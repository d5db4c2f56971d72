"""What tests start outlives them unless it is ended: the processes of trainings, found and ended here."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import psutil

from nnviz.store.run import RunGone
from nnviz.store.runs import RunStore
from nnviz.sweep.store import SweepGone, SweepStore
from tests.waiting import LIMIT_S, wait_until

MARK = "NNVIZ_TESTED_BY"
"""In the environment of all that this process starts, directly or not: children whose parents died have it too."""

SUPERVISOR, FORKED = "nnviz.executor.start", "multiprocessing.forkserver"

OURS = ("-m nnviz", FORKED, "streamlit run")
"""In the command lines of what would go on working; browsers and the like end with their connections."""


def mark() -> None:
    """Call this before anything is started."""
    os.environ[MARK] = str(os.getpid())


def started() -> dict[psutil.Process, str]:
    """The living servers, supervisors and trainings that come from this process, with their command lines."""
    found = {}
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            words = " ".join(process.cmdline())  # none: it is a zombie
            if any(ours in words for ours in OURS) and process.environ().get(MARK) == str(os.getpid()):
                found[process] = words
    return found


def trainings() -> list[psutil.Process]:
    """Those that train: forked by a server that is no supervisor's other child."""
    processes = started()
    supervisors = {process.pid for process, words in processes.items() if SUPERVISOR in words}
    found = []
    for process, words in processes.items():
        with suppress(psutil.Error):
            if FORKED in words and process.ppid() not in supervisors:
                found.append(process)
    return found


def end_trainings() -> None:
    """End what still trains for any app of this process, and what waits for its turn; forget those runs and sweeps."""
    roots = {Path(words.split()[-1]) for words in started().values() if SUPERVISOR in words}
    for root in roots:
        if (root / "runs.sqlite").exists():
            _forget_active(root)
    for process in trainings():
        with suppress(psutil.NoSuchProcess):
            process.kill()
    wait_until(lambda: not trainings())


def _forget_active(root: Path) -> None:
    store = RunStore(root)
    sweeps = SweepStore(store)
    for sweep in sweeps.sweeps():
        if not sweep.status.over:
            with suppress(SweepGone, RunGone):
                sweeps.discard(sweep.id)
    for run in store.runs():
        if run.status.active:
            with suppress(RunGone):
                store.delete(run.id)
    store.close()


def end_all() -> list[str]:
    """End all of `started()`; the command lines of those that would not go by themselves."""
    with suppress(AssertionError):
        wait_until(lambda: not started(), LIMIT_S)
    left = started()
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(list(left), LIMIT_S)
    return list(left.values())
