"""What this is, networks to begin with, and the last runs: behind one button, for the net has the screen."""

from __future__ import annotations

import time

import streamlit as st
import torch

from nnviz.data.datasets import DATASETS, usable
from nnviz.environment import cores
from nnviz.spec.presets import PRESETS
from nnviz.store.run import Run, Status
from nnviz.train.trainer import pick_device
from nnviz.ui import runs, services, state
from nnviz.ui.components.builder import builder
from nnviz.ui.format import plain
from nnviz.ui.state import Kept

SHOWN = 8
"""Runs; all are listed on the Train page."""


def drawer() -> None:
    with st.popover("Runs", icon=":material/menu:", key="studio-drawer"):
        _presets()
        _runs()
        _machine()


def _presets() -> None:
    st.markdown(
        "A network is built, trained by PyTorch on 60,000 handwritten digits and looked into here: $y = f(Wx + b)$,"
        r" $\partial L/\partial W$ by the chain rule,"
        r" $W_\text{new} = W_\text{old} - \alpha\,\partial L/\partial W$."
    )
    st.markdown("**Networks to begin with**")
    network = state.setup().network
    with st.container(horizontal=True, key="studio-presets"):
        for preset in PRESETS.values():
            st.button(
                preset.title,
                key=f"studio-preset-{preset.name}",
                help=preset.teaches,
                type="primary" if preset.network == network else "secondary",
                on_click=state.set_network,
                args=(preset.network,),
            )


def _runs() -> None:
    found = [run for run in runs.offered_runs().values() if not run.sweep]
    found.sort(key=lambda run: not run.status.active)
    own = [run for run in found if not run.pretrained]
    if own:
        st.markdown("**Runs on this server**")
        for run in own[:SHOWN]:
            _run(run, time.strftime("%H:%M", time.localtime(run.created)))
    else:
        st.caption("No runs yet: press Play.")
    if len(own) > SHOWN:
        st.page_link("pages/2_Train.py", label=f"All {len(found)} runs", icon=":material/list:")
    if came := [run for run in found if run.pretrained]:
        st.markdown("**Came with nnviz, trained for drawings**")
        for run in came:
            _run(run, DATASETS[run.config.data].title)


def _run(run: Run, words: str) -> None:
    st.button(
        f"{plain(run.name)} · {words} · {_how(run)}",
        key=f"watch-{run.id}",
        type="tertiary",
        disabled=run.id == state.chosen_run(),
        on_click=show_run,
        args=(run,),
    )


def show_run(run: Run) -> None:
    """Look at it, and let the next run be as it was set up."""
    state.choose_run(run.id)
    state.set_setup(run.network, run.config)


def _how(run: Run) -> str:
    if run.status is Status.RUNNING:
        return f"{int(100 * run.step / run.steps)} %" if run.steps else "starting"
    if run.status is Status.FINISHED and run.test_accuracy is not None:
        return f"{100 * run.test_accuracy:.2f} % right"
    return {Status.QUEUED: "waiting"}.get(run.status, str(run.status))


def _close() -> None:
    st.session_state.pop(Kept.STUDIO_LAYERS, None)


@st.dialog("The network", width="large", on_dismiss=_close)
def edit_network() -> None:
    """The builder, over the screen, until it is closed: the page below may be drawn anew meanwhile."""
    builder()


def _machine() -> None:
    dataset = DATASETS[usable("mnist")]
    there = f"{dataset.title}: {dataset.origin}" if dataset.available() else "No data yet"
    count = f"{cores()} CPU core{'s' * (cores() > 1)}"
    device = {"cpu": count, "cuda": "NVIDIA GPU", "mps": "Apple GPU"}[pick_device("auto").type]
    where = services.executor().choice.where
    st.caption(
        f"Data: {there}. Device: {device}. PyTorch {torch.__version__}."
        + (f" Trainings run on the {plain(where)}." if where else "")
    )
