"""Section "When did it learn my 7?": what the net would have said at every checkpoint of its training."""

from __future__ import annotations

import numpy as np
import streamlit as st

from nnviz.analysis.checkpoint_view import CheckpointView
from nnviz.analysis.recognition import History, answer, history
from nnviz.charts.history import history_config, history_csv, history_figure, history_info
from nnviz.spec.train_config import checkpoint_bytes
from nnviz.store.run import Run
from nnviz.store.runs import RunStore
from nnviz.ui import services, state
from nnviz.ui.checkpoints import checkpoint_at
from nnviz.ui.components.plot import plot
from nnviz.ui.csv_button import csv_button
from nnviz.ui.format import percent
from nnviz.ui.memory import kept
from nnviz.ui.pages.draw.scene import Scene, choose_label, empty_paper

MOST_MOMENTS, MOST_BYTES = 60, 60_000_000
"""Of a training that are asked: all of its checkpoints where it has no more, and they take no more memory."""

_AT, _LOG = "draw-moment", "draw-history-log"


def show(scene: Scene) -> None:
    if scene.sheet is None:
        empty_paper()
        return
    run, classes = scene.net.run, scene.net.classes
    with st.container(horizontal=True, vertical_alignment="bottom", key="draw-history-choice"):
        answered = int(answer(scene.net.checkpoint, scene.sheet.prepared.pixels).argmax())
        label = choose_label(scene, answered)
        state.recall(_LOG, True)
        log = st.toggle("Log step axis", key=_LOG, help="Nets learn most in their first steps.")
    checkpoints = checkpoints_of(services.store(), run)
    if not checkpoints:
        st.info("There is no checkpoint of this training yet.", icon=":material/hourglass_empty:")
        return
    told = history(checkpoints, scene.sheet.prepared.pixels)
    info = history_info(told.step, told.probabilities, classes, label)
    st.markdown(f"## {in_words(told, label, classes)}")
    steps = told.step.tolist()
    at = steps[-1]
    if len(steps) > 1:
        if st.session_state.get(_AT) not in steps:
            st.session_state[_AT] = told.learned(label) or at
        at = st.select_slider("Checkpoint: after step", steps, key=_AT, format_func="{:,}".format)
    plot(
        history_figure(info, at=at, log=log, dark=scene.dark),
        key="draw-history",
        config=history_config(f"{run.id}-drawing"),
        alt=f"Probability of each digit for the drawing, by step. {in_words(told, label, classes)}",
    )
    st.markdown(at_in_words(told, at, classes))
    csv_button("CSV", lambda: history_csv(info), f"{run.id}-drawing.csv", key="draw-history-csv")
    if scene.net.taught:
        st.caption("This is the training as recorded, without your lessons.")


def in_words(told: History, label: int, classes: tuple[str, ...]) -> str:
    if not np.isfinite(told.probabilities[-1]).all():
        return "Its training has diverged: the last answers are not numbers"
    since = told.learned(label)
    if since is None:
        return f"It does not take this for a {classes[label]}"
    if since == int(told.step[0]):
        return f"From the start it says {classes[label]}" + (", by chance at first" if since == 0 else "")
    return f"From step {since:,} on it says {classes[label]}"


def at_in_words(told: History, step: int, classes: tuple[str, ...]) -> str:
    """The first three guesses at one checkpoint."""
    shares = told.probabilities[told.step.tolist().index(step)]
    best = shares.argsort()[::-1][:3].tolist()
    return f"After step {step:,} it said " + ", ".join(
        f"**{classes[one]}** {percent(float(shares[one]))}" for one in best
    )


def checkpoints_of(store: RunStore, run: Run) -> list[CheckpointView]:
    """The checkpoints of the run and, before a fork, of the runs it comes from, in order; some if there are many."""
    places = [
        (one, step)
        for one, end in store.history.lineage(run.id)
        for step in store.checkpoints.steps(one)
        if end < 0 or step < end
    ]
    most = max(8, min(MOST_MOMENTS, MOST_BYTES // max(1, checkpoint_bytes(run.network, run.config))))
    if len(places) > most:
        places = [places[round(index * (len(places) - 1) / (most - 1))] for index in range(most)]
    return _checkpoints(str(store.root), tuple(places), store)


@kept(grows=True)
def _checkpoints(root: str, places: tuple[tuple[str, int], ...], _store: RunStore) -> list[CheckpointView]:
    with st.spinner("Loading the checkpoints of the training …"):
        return [checkpoint_at(_store, _store.run(run_id), step) for run_id, step in places]
