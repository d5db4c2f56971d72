"""The run that the session looks at, those that select boxes offer, and the start of new ones."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import streamlit as st

from nnviz.data.datasets import usable
from nnviz.spec.network import NetworkSpec
from nnviz.spec.train_config import TrainConfig
from nnviz.store.database import ReadOnly, StoreBusy
from nnviz.store.run import PretrainedRun, Run, RunGone
from nnviz.sweep.store import SweepGone
from nnviz.train.commands import Command
from nnviz.ui import services, state
from nnviz.ui.format import plain, sentence


def offered_runs() -> dict[str, Run]:
    """Id → run, newest first: those that were started by themselves, and the one this session looks at. A sweep's are
    many, and opened from its own page.
    """
    store = services.store()
    runs = {run.id: run for run in store.runs()}
    looked_at = state.chosen_run()
    if looked_at and looked_at not in runs:
        with suppress(RunGone):
            runs = {looked_at: store.run(looked_at), **runs}
    return runs


NO_DATA = "There are no images to train on yet: they are being got. See the top of the page."


def chosen() -> Run | None:
    """The run this session looks at; says so and lets go of it if it is gone.

    Its id stands in the address bar from now on, so that the page refreshed, or its link, shows the same.
    """
    run_id = state.chosen_run()
    if run_id is None:
        return None
    try:
        run = services.store().run(run_id)
        state.choose_run(run_id)
        return run
    except RunGone as error:
        state.choose_run(None)
        st.info(plain(sentence(str(error))), icon=":material/delete:")
        return None


def begin_as(run_id: str) -> None:
    """Let the next run be as this one was set up, if it is there."""
    with suppress(RunGone):
        run = services.store().run(run_id)
        state.set_setup(run.network, run.config)


def launch(network: NetworkSpec, config: TrainConfig, first: Command | None = None) -> None:
    """Start a new run and look at it. It is trained on the data that is there, and its record says which."""
    config = config.with_(data=usable(config.data))
    look, store, executor = state.looking(), services.store(), services.executor()
    with told():  # no use of `st` from here on: see Looking
        run = store.create(network, config)
        look.choose(run.id)
        executor.submit(run.id, first)


def busy_notice(key: str = "store-notice") -> None:
    """Say that trainings wait for the database, and why, while they do."""
    store = services.store()
    if store.db.is_waited_for():
        with st.container(key=key):
            st.warning(
                f"Trainings wait: another program has locked the records of the runs in {plain(str(store.root))} (a"
                " backup, a file browser, a folder that is synchronised). They go on by themselves when it lets go.",
                icon=":material/lock_clock:",
            )


@contextmanager
def told() -> Iterator[None]:
    """What keeps a click from being obeyed is said at the top of the page: a full disk, a run just deleted."""
    try:
        yield
    except (RunGone, SweepGone, PretrainedRun) as error:
        state.report(sentence(str(error)))
    except (ReadOnly, StoreBusy) as error:
        state.report(f"That did not work: {error}.")
    except (OSError, sqlite3.Error) as error:
        state.report(
            f"That did not work: {error} ({services.store().root}). Free some space or mend the folder, then try again."
        )
