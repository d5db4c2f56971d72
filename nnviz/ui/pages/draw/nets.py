"""The networks that are asked: which runs, and each as it is now."""

from __future__ import annotations

from typing import NamedTuple

import streamlit as st

from nnviz.analysis.checkpoint_view import CheckpointView
from nnviz.data.datasets import DATASETS, DataError, Dataset, Loaded
from nnviz.pretrained import PRETRAINED
from nnviz.store.run import Run, RunGone, Status
from nnviz.train.checkpoint import CheckpointError
from nnviz.ui import services, state
from nnviz.ui.checkpoints import checkpoint_at, checkpoint_now, loaded_of
from nnviz.ui.confidence import pending
from nnviz.ui.format import run_label
from nnviz.ui.pages.draw.pupils import pupil_of
from nnviz.ui.runs import offered_runs
from nnviz.ui.state import Kept

LIVE_SECONDS = 0.4
"""Between two looks at a running net."""

MOST = 8
"""Nets side by side."""

_WIDGET, _CHOSEN = "draw-nets", Kept.NETS
DIGITS = tuple(name for name, dataset in DATASETS.items() if dataset.of_digits)
"""Data sets of the digits that people draw."""


class Net(NamedTuple):
    run: Run
    checkpoint: CheckpointView
    taught: int
    """Lessons that this session gave it; 0: as its training left it."""

    @property
    def live(self) -> bool:
        return self.run.status.active

    @property
    def has_images(self) -> bool:
        """Images that it was trained and tested on are there, some at least."""
        return bool(len(self.checkpoint.data.train.labels))

    @property
    def dataset(self) -> Dataset:
        return self.checkpoint.data.dataset

    @property
    def classes(self) -> tuple[str, ...]:
        return self.dataset.classes

    @property
    def title(self) -> str:
        """Its name and, where that is not its end, the step. As people gave it: to be shown as text."""
        words = f"{self.run.name} · step {self.checkpoint.step_number:,}" if self.live else self.run.name
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
    labels = {one: run_label(run.name, one) for one, run in runs.items()}  # a session keeps what is drawn with
    chosen = st.multiselect(
        "Networks",
        list(labels),
        key=_WIDGET,
        max_selections=MOST,
        format_func=labels.__getitem__,
        placeholder="Choose networks to ask",
        on_change=_remember,
        help="The first one answers in the bars; all of them stand side by side below.",
    )
    st.session_state[_CHOSEN] = chosen
    return chosen


def _remember() -> None:
    st.session_state[_CHOSEN] = st.session_state[_WIDGET]


def _default(runs: list[Run]) -> str:
    """The run that is looked at elsewhere, else the last one that this session started or opened, else the one that
    came with nnviz and reads drawings best, else the best finished one on digits, else the newest.
    """
    there = {run.id for run in runs}
    for one in (state.chosen_run(), *state.looking().own):
        if one in there:
            return str(one)
    if came := [net.id for net in PRETRAINED if net.id in there]:
        return came[0]
    digits = [run for run in runs if run.config.data in DIGITS]
    finished = [run for run in digits if run.status is Status.FINISHED and run.test_accuracy is not None]
    best = max(finished, key=lambda run: run.test_accuracy or 0.0, default=None)
    return (best or (digits or runs)[0]).id


def refresh_every(ids: list[str]) -> float | None:
    """Seconds after which the answer is looked at again by itself: while one of the nets is being trained, or how far
    it can be believed is being worked out.
    """
    active = {run.id for run in offered_runs().values() if run.status.active}
    return LIVE_SECONDS if active.intersection(ids) or any(map(pending, ids)) else None


def present(ids: list[str]) -> list[Net]:
    """The nets as they are now, without those that have no weights yet or are gone. Raises DataError."""
    found = [_present(one) for one in ids]
    return [net for net in found if net is not None]


def _present(run_id: str) -> Net | None:
    store = services.store()
    try:
        run = store.run(run_id)
        if pupil := pupil_of(run_id):
            return Net(run, pupil.checkpoint, pupil.taught)
        if run.status.active:
            store.present.watch(run_id)
            checkpoint = store.present.newest(run_id)
            return Net(run, checkpoint_now(store, run, checkpoint), 0) if checkpoint else None
        return Net(run, _to_answer(run), 0)
    except (RunGone, CheckpointError):
        return None


def _to_answer(run: Run) -> CheckpointView:
    """`last_checkpoint`; of a net that came with nnviz also where its images are not there: it answers without them.
    Raises CheckpointError, RunGone, DataError.
    """
    try:
        return last_checkpoint(run)
    except DataError:
        if not run.pretrained:
            raise
        config, checkpoint = run.config, services.store().checkpoints.load(run.id)
        return CheckpointView(run.network, config, checkpoint, _part_of(DATASETS[config.data]))


def _part_of(dataset: Dataset) -> Loaded:
    """What is here of a data set that isn't: the images that it extends others by are missing, or all."""
    if dataset.extends and DATASETS[dataset.extends].available():
        part = loaded_of(dataset.extends)
        return Loaded(dataset, part.train, part.test)
    return dataset.without_images()


def last_checkpoint(run: Run) -> CheckpointView:
    """The net at the last checkpoint that is kept of it. Raises CheckpointError, RunGone, DataError."""
    steps = services.store().checkpoints.steps(run.id)
    if not steps:
        raise CheckpointError(f"run {run.id} has no checkpoint yet")
    return checkpoint_at(services.store(), run, steps[-1])
