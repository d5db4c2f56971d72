"""Section "Fork": continue the training from this checkpoint with other settings, as a run; the family tree."""

from __future__ import annotations

from typing import Any

import streamlit as st

from nnviz.fields import SpecError
from nnviz.spec.optimizers import OPTIMIZERS
from nnviz.spec.train_config import TrainConfig, check
from nnviz.store.run import Run
from nnviz.ui import services, state
from nnviz.ui.checkpoints import View
from nnviz.ui.format import plain, sentence
from nnviz.ui.forms import field_input, refused
from nnviz.ui.pages.inspect.section import Section
from nnviz.ui.state import Kept
from nnviz.ui.training import fork

_TRAIN = "pages/2_Train.py"
_FIELDS = ("lr", "momentum", "batch_size", "epochs", "optimizer", "schedule", "weight_decay", "augment", "seed")
_CONFIG = Kept.FORK


def show(view: View) -> None:
    step = view.checkpoint.step_number
    st.caption(
        f"A new run begins with the weights, the momentum and the order of images as they are after step {step:,}, and "
        "goes on with what you set here. Unchanged, it repeats the run's own curve."
    )
    if view.live:
        st.info("Switch “Follow live” off and choose a checkpoint to fork from.", icon=":material/pause_circle:")
    else:
        _form(view)
    _tree(view.run)


def _form(view: View) -> None:
    config = _config(view)
    with st.container(key="inspect-fork-form"):
        columns = st.columns(3)
        for place, name in enumerate(_FIELDS):
            unused = name == "momentum" and name not in OPTIMIZERS[config.optimizer].uses
            with columns[place % 3]:
                field_input(config, name, f"inspect-fork-{name}", lambda name, value: _set(view, name, value), unused)
        if unfit := refused("inspect-fork-") or _problem(view, config):
            st.markdown(f":small[:red[{plain(sentence(unfit))}]]")
        started = st.button(
            f"Continue from step {view.checkpoint.step_number:,}",
            key="inspect-fork-start",
            type="primary",
            icon=":material/fork_right:",
            on_click=fork,
            args=(view.run.id, view.checkpoint.step_number, config),
            disabled=bool(unfit or services.look_only()),
        )
        if started and state.looking().run != view.run.id:
            st.switch_page(_TRAIN)


def _problem(view: View, config: TrainConfig) -> str:
    """Why nothing can go on from here with these settings; empty if it can."""
    done = view.checkpoint.state.position.epoch
    if config.epochs <= done:
        return f"epochs must be more than the {done} that are done after step {view.checkpoint.step_number:,}"
    try:
        check(view.run.network, config)
    except SpecError as error:
        return str(error)
    return ""


def _config(view: View) -> TrainConfig:
    """The settings of the fork: those that held at the checkpoint, and what was changed here since it was chosen."""
    place = (view.run.id, view.checkpoint.step_number)
    known, config = st.session_state.get(_CONFIG, (None, None))
    if known != place:
        config = services.store().history.config_at(view.run.id, view.checkpoint.step_number)
        st.session_state[_CONFIG] = (place, config)
    found: TrainConfig = config
    return found


def _set(view: View, name: str, value: Any) -> None:
    config = _config(view).with_(**{name: value})
    st.session_state[_CONFIG] = ((view.run.id, view.checkpoint.step_number), config)


def _tree(run: Run) -> None:
    """The family of the run: where it comes from, and what was forked from it."""
    runs = {one.id: one for one in services.store().runs()}
    root = run
    while root.parent in runs:
        root = runs[root.parent]
    children: dict[str, list[Run]] = {}
    for one in reversed(runs.values()):
        children.setdefault(one.parent, []).append(one)
    if root.id == run.id and run.id not in children:
        return
    with st.container(key="inspect-tree"):
        st.markdown("## Family tree")
        _branch(root, children, run.id, 0)


def _branch(run: Run, children: dict[str, list[Run]], here: str, depth: int) -> None:
    origin = f"{'    ' * (depth - 1)}└ from step {run.parent_step:,}: " if depth else ""
    accuracy = f" · {run.test_accuracy:.2%}" if run.test_accuracy is not None else ""
    label = f"{origin}{plain(run.name)} · {run.status}{accuracy}{'  ← shown' if run.id == here else ''}"
    if st.button(label, key=f"inspect-tree-{run.id}", type="tertiary", disabled=run.id == here):
        state.choose_run(run.id)
        st.rerun()
    for child in children.get(run.id, []):
        _branch(child, children, here, depth + 1)


SECTION = Section("fork", "Fork", show, rank=90)
