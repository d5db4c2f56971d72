"""The parts of the home page."""

from __future__ import annotations

import streamlit as st
import torch

from nnviz.data.datasets import DATASETS, usable
from nnviz.environment import cores
from nnviz.spec.network import NetworkSpec
from nnviz.spec.train_config import TrainConfig
from nnviz.store.run import Run, Status
from nnviz.train.trainer import pick_device
from nnviz.ui import runs, services, state
from nnviz.ui.format import plain

BUILD_PAGE, TRAIN_PAGE = "pages/1_Build.py", "pages/2_Train.py"
INSPECT_PAGE, DRAW_PAGE = "pages/3_Inspect.py", "pages/4_Draw.py"
COMPARE_PAGE = "pages/5_Compare.py"

REFRESH_SECONDS = 2.0
"""Between two looks at the runs that are going."""

SHOWN = 6
"""Of the runs that are going; a class starts more."""


def welcome() -> None:
    st.title("See a neural network learn")
    st.markdown(
        "Build a network, train it with PyTorch on 60,000 handwritten digits, and watch its loss, its accuracy and its "
        "weights move while it learns. Nothing to install, no code to write; the code is there when you want it."
    )


def first_run(ready: bool) -> None:
    """One button to the first trained net, and the runs that are going now."""
    with st.container(horizontal=True, key="home-actions"):
        pressed = st.button(
            "Train the classic net",
            key="first-run",
            type="primary",
            icon=":material/play_arrow:",
            disabled=not ready or bool(services.look_only()),
            on_click=runs.launch,
            args=(NetworkSpec(), TrainConfig()),
            help="784-128-10 with ReLU, SGD 0.001, momentum 0.9, batches of 64, 10 epochs: the reference.",
        )
        if st.button("Build my own", key="go-to-build", icon=":material/account_tree:"):
            st.switch_page(BUILD_PAGE)
        if st.button("Draw a digit", key="go-to-draw", icon=":material/draw:"):
            st.switch_page(DRAW_PAGE)
    if pressed:
        st.switch_page(TRAIN_PAGE)
    st.fragment(_going, run_every=REFRESH_SECONDS if _active() else None)()


def _active() -> list[Run]:
    return [run for run in services.store().runs() if run.status.active]


def _going() -> None:
    """The runs that train on this server, whoever started them."""
    active = _active()
    if not active:
        return
    with st.container(key="going"):
        st.markdown(f"**{len(active)} {'run is' if len(active) == 1 else 'runs are'} going on this server now**")
        with st.container(horizontal=True):
            for run in active[:SHOWN]:
                _watch(run)
        if len(active) > SHOWN:
            st.caption(f"{len(active) - SHOWN} more are listed on the Train page.")


def _watch(run: Run) -> None:
    share = f"{int(100 * run.step / run.steps)} %" if run.steps else "starting"
    words = {Status.QUEUED: "waiting", Status.PAUSED: "paused"}.get(run.status, share)
    if st.button(f"{plain(run.name)} · {words}", key=f"watch-{run.id}", icon=":material/visibility:"):
        state.choose_run(run.id)
        st.switch_page(TRAIN_PAGE)


def steps() -> None:
    """What there is to see, in the order a person meets it."""
    build, train, look = st.columns(3)
    with build.container(border=True, height="stretch"):
        st.markdown(
            "## 1 · Build\n"
            r"Draw the network: layers, neurons, activations. Each dense layer computes $y = f(Wx + b)$ and says how "
            "many numbers it has to learn."
        )
        st.page_link(
            BUILD_PAGE,
            label="Open the builder",
            icon=":material/account_tree:",
            query_params=state.own_address("Build"),
        )
    with train.container(border=True, height="stretch"):
        st.markdown(
            "## 2 · Train\n"
            r"For every batch, autograd finds $\partial L/\partial W$ by the chain rule, and "
            r"$W_\text{new} = W_\text{old} - \alpha\,\partial L/\partial W$. Watch it happen, change α while it runs."
        )
        st.page_link(
            TRAIN_PAGE,
            label="Open the training",
            icon=":material/play_circle:",
            query_params=state.own_address("Train"),
        )
    with look.container(border=True, height="stretch"):
        st.markdown(
            "## 3 · Look\n"
            "Which digits does it confuse, which mistakes is it sure of? Train on ten images of each digit instead of "
            "six thousand and see why data matter; on a larger net, why computing does."
        )
        st.page_link(
            INSPECT_PAGE, label="Look inside a net", icon=":material/search:", query_params=state.own_address("Inspect")
        )
        st.page_link(COMPARE_PAGE, label="Compare trainings", icon=":material/compare_arrows:")


def machine() -> None:
    dataset = DATASETS[usable("mnist")]
    there = f"{dataset.title}: {dataset.origin}" if dataset.available() else "No data yet"
    count = f"{cores()} CPU core{'s' * (cores() > 1)}"
    device = {"cpu": count, "cuda": "NVIDIA GPU", "mps": "Apple GPU"}[pick_device("auto").type]
    where = services.executor().choice.where
    st.caption(
        f"Data: {there}. Device: {device}. PyTorch {torch.__version__}."
        + (f" Trainings run on the {plain(where)}." if where else "")
    )
