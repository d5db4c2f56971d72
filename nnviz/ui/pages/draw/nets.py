"""The networks that are asked: which runs, and each as it is now."""

from __future__ import annotations

from typing import NamedTuple

import streamlit as st

from nnviz.analysis.checkpoint_view import Moment
from nnviz.store.runs import Run, RunGone, Status
from nnviz.train.checkpoint import SnapshotError
from nnviz.ui import services, state
from nnviz.ui.format import run_label
from nnviz.ui.offered import offered_runs
from nnviz.ui.pages.draw.pupils import pupil_of
from nnviz.ui.pages.inspect.view import moment_at, moment_now

LIVE_SECONDS = 0.4
"""Between two looks at a running net."""

MOST = 8
"""Nets side by side."""

_WIDGET, _CHOSEN = "draw-nets", "draw_nets"
DIGITS = ("mnist", "offline")
"""Data sets of the digits that people draw."""


class Net(NamedTuple):
    run: Run
    moment: Moment
    taught: int
    """Lessons that this session gave it; 0: as its training left it."""

    @property
    def live(self) -> bool:
        return self.run.status.active

    @property
    def classes(self) -> tuple[str, ...]:
        return self.moment.data.dataset.classes

    @property
    def title(self) -> str:
        """Its name and, where that is not its end, the moment. As people gave it: to be shown as text."""
        words = f"{self.run.name} · step {self.moment.step_number:,}" if self.live else self.run.name
        return f"{words} · taught {self.taught}×" if self.taught else words


def choose() -> list[str]:
    """Show the choice of runs; ids of those chosen, the first of them answers in the bars. Empty if there is no run."""
    runs = {run.id: run for run in offered_runs().values() if run.step}
    if not runs:
        return []
    before = st.session_state.get(_CHOSEN)
    kept = [one for one in before or () if one in runs]
    emptied = before == []  # by the person; runs that are gone make room for another one
    st.session_state[_WIDGET] = kept if kept or emptied else [_default(list(runs.values()))]
    chosen = st.multiselect(
        "Networks", list(runs), key=_WIDGET, max_selections=MOST,
        format_func=lambda one: run_label(runs[one].name, one),
        placeholder="Choose networks to ask", on_change=_remember,
        help="The first one answers in the bars; all of them stand side by side below.",
    )  # fmt: skip
    st.session_state[_CHOSEN] = chosen
    return chosen


def _remember() -> None:
    st.session_state[_CHOSEN] = st.session_state[_WIDGET]


def _default(runs: list[Run]) -> str:
    """The run that is looked at elsewhere, else the best finished one on digits, else the newest."""
    looked_at = state.chosen_run()
    if any(run.id == looked_at for run in runs):
        return str(looked_at)
    digits = [run for run in runs if run.config.data in DIGITS]
    finished = [run for run in digits if run.status is Status.FINISHED and run.test_accuracy is not None]
    best = max(finished, key=lambda run: run.test_accuracy or 0.0, default=None)
    return (best or (digits or runs)[0]).id


def refresh_every(ids: list[str]) -> float | None:
    """Seconds after which the answer is looked at again by itself: while one of the nets is being trained."""
    active = {run.id for run in offered_runs().values() if run.status.active}
    return LIVE_SECONDS if active.intersection(ids) else None


def present(ids: list[str]) -> list[Net]:
    """The nets as they are now, without those that have no weights yet or are gone. Raises DataError."""
    found = [_present(one) for one in ids]
    return [net for net in found if net is not None]


def _present(run_id: str) -> Net | None:
    store = services.store()
    try:
        run = store.run(run_id)
        if pupil := pupil_of(run_id):
            return Net(run, pupil.moment, pupil.taught)
        if run.status.active:
            store.watch(run_id)
            snapshot = store.now(run_id)
            return Net(run, moment_now(store, run, snapshot), 0) if snapshot else None
        return Net(run, last_moment(run), 0)
    except (RunGone, SnapshotError):
        return None


def last_moment(run: Run) -> Moment:
    """The net at the last snapshot that is kept of it. Raises SnapshotError, RunGone, DataError."""
    steps = services.store().snapshot_steps(run.id)
    if not steps:
        raise SnapshotError(f"run {run.id} has no snapshot yet")
    return moment_at(services.store(), run, steps[-1])
