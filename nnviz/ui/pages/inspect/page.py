"""The Inspect page: which run, which checkpoint, which layer, and the section that shows it."""

from __future__ import annotations

import streamlit as st

from nnviz.analysis.checkpoint_view import CheckpointView, LayerView
from nnviz.data.datasets import DATASETS, DataError
from nnviz.registry import registry
from nnviz.store.run import Run, RunGone
from nnviz.train.checkpoint import CheckpointError
from nnviz.ui import runs, services, state
from nnviz.ui.checkpoints import View
from nnviz.ui.choosing import choose_section, choose_shown
from nnviz.ui.data import offer_images
from nnviz.ui.format import plain, sentence
from nnviz.ui.pages.inspect import checkpoints, sections
from nnviz.ui.pages.inspect.section import Section
from nnviz.ui.runs import offered_runs
from nnviz.ui.state import Kept

_FOUND = registry("nnviz.ui.pages.inspect.sections", list(sections.__path__), Section)

SECTIONS: dict[str, Section] = {one.name: one for one in _FOUND.values()}
"""By name, in the order of the page."""

_LAYER, _SECTION = "inspect-layer", "inspect-look"


def inspect_page() -> None:
    run = runs.chosen() or _newest()
    if run is None:
        _empty_state()
        return
    every = checkpoints.refresh_every(run)
    st.fragment(_inspect, run_every=every)(run.id, every)


def _newest() -> Run | None:
    runs = services.store().runs()
    return next((run for run in runs if run.step), runs[0] if runs else None)


def _inspect(run_id: str, every: float | None) -> None:
    """All of it is one fragment: it follows a running training, or plays, by itself."""
    try:
        run = services.store().run(run_id)
        with st.container(horizontal=True, vertical_alignment="bottom", key="inspect-what"):
            _choose_run(run)
            other = checkpoints.choose_other(run)
            checkpoint = checkpoints.choose_checkpoint(run)
        if checkpoints.refresh_every(run) != every:
            st.rerun()
        if checkpoint is None:
            _state_of(run)
            words = "This run has no weights to look at yet: it is waiting, or about to begin."
            st.info(words, icon=":material/hourglass_empty:")
            return
        beside = checkpoints.beside(run, checkpoint, other)
        with st.container(key="inspect-choice", gap="small"):
            section = _choose_section()
            with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
                layer = _choose_layer(checkpoint, SECTIONS[section].of_layer)
                _state_of(run)
        view = View(run, checkpoint, layer, beside, checkpoints.following(run), st.context.theme.type == "dark")
        with st.container(key=f"inspect-section-{section}"):
            SECTIONS[section].show(view)
    except RunGone:
        st.rerun()
    except (CheckpointError, DataError) as error:
        if isinstance(error, DataError) and run.pretrained:
            offer_images(run.config.data, f"To look into “{plain(run.name)}”")
        else:
            st.warning(sentence(str(error)), icon=":material/warning:")


def _choose_run(run: Run) -> None:
    names = {one.id: one.name for one in offered_runs().values()}
    if (picked := choose_shown("Run", names, run.id, "inspect-run", width=340)) != run.id:
        state.choose_run(picked)
        st.rerun()


def _state_of(run: Run) -> None:
    accuracy = f" · {run.test_accuracy:.2%} on the test images" if run.test_accuracy is not None else ""
    words = f"{run.status.capitalize()} after step {run.step:,}{accuracy} · {DATASETS[run.config.data].title}"
    with st.container(key="inspect-state", width="content"):
        st.caption(words)


def _choose_layer(checkpoint: CheckpointView, asked: bool) -> LayerView:
    """The layer that is looked at; `asked`: it makes a difference, and is to be chosen."""
    if wanted := st.session_state.pop(Kept.LAYER_WANTED, None):
        st.session_state[_LAYER] = wanted
    layers = {layer.name: layer for layer in checkpoint.learning_layers}
    state.keep(_LAYER, list(layers))
    if not asked:
        return layers[st.session_state[_LAYER]]
    st.pills(
        "Layer",
        list(layers),
        key=_LAYER,
        format_func=lambda name: _layer_in_words(layers[name]),
        required=True,
        label_visibility="collapsed",
    )
    return layers[st.session_state[_LAYER]]


def _layer_in_words(layer: LayerView) -> str:
    return f"{layer.title} · {_sizes(layer.plan.in_shape)} → {_sizes(layer.plan.out_shape)}"


def _sizes(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))


def _choose_section() -> str:
    if wanted := st.session_state.pop(Kept.SECTION_WANTED, None):
        st.session_state[_SECTION] = wanted
    return choose_section({name: (one.title, one.show) for name, one in SECTIONS.items()}, _SECTION)


def _empty_state() -> None:
    with st.container(border=True, key="inspect-empty"):
        st.markdown(
            "## Nothing to look into yet\n"
            "Train a network first. Then every weight, gradient and activation of every layer can be seen here, at any "
            "checkpoint of its training, also while it trains."
        )
        st.page_link(
            "pages/2_Train.py",
            label="Train a network",
            icon=":material/play_circle:",
            query_params=state.own_address("Train"),
        )
