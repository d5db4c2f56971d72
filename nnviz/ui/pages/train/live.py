"""The live part of the Train page: how far the run is, its curves, its first layer and its answers to a few digits."""

from __future__ import annotations

import math
import time
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from nnviz.charts.curves import PLOT_CONFIG, SMOOTHING, curves_csv, curves_figure, curves_info
from nnviz.data.datasets import DATASETS, DataError
from nnviz.spec.losses import LOSSES
from nnviz.store.run import Run, RunGone, Status
from nnviz.sweep.store import SweepGone
from nnviz.train.preview import Preview
from nnviz.ui import services, state
from nnviz.ui.components.image_grid import Caption, signed_to_bytes, tiles
from nnviz.ui.components.plot import plot
from nnviz.ui.csv_button import csv_button
from nnviz.ui.format import duration, plain
from nnviz.ui.memory import kept
from nnviz.ui.progress import progress_words
from nnviz.ui.refresh import refresh_seconds
from nnviz.ui.runs import busy_notice

LIVE_POINTS = 500
ENDED_POINTS = 2000

ANSWERED_WITHIN = 2.0
"""Seconds after which a command that another program has not taken is told of."""


def live_view(run: Run) -> None:
    """Follows an active run by itself, several times a second; an ended one is shown once."""
    every = refresh_seconds() if run.status.active else None
    st.fragment(_view, run_every=every)(run.id, run.status)


def _view(run_id: str, drawn_as: Status) -> None:
    try:
        run = services.store().run(run_id)
        if run.status is not drawn_as:
            st.rerun()  # other controls are due, and an ended run needs no more refreshing
        refresh_seconds()
        _progress(run)
        if run.status.active:
            busy_notice("live-store-notice")
            _unanswered(run)
        _figures(run)
    except RunGone:
        st.rerun()


def _progress(run: Run) -> None:
    share = run.step / run.steps if run.steps else 0.0
    st.progress(min(1.0, share), text=progress_words(services.store(), run))


def _unanswered(run: Run) -> None:
    """Say so where the process of another program trains the run and has not taken what it was asked."""
    now = time.time()
    asked = [one for one in services.store().commands.waiting(run.id) if now - one.since > ANSWERED_WITHIN]
    if asked:
        with st.container(key="unanswered"):
            st.warning(
                f"“{asked[0].action.capitalize()}” was sent {duration(now - asked[0].since)} ago to the program that"
                " trains this run, which is not this server, and has not been taken yet. It obeys when it gets to it;"
                " if it hangs, it can only be ended where it runs.",
                icon=":material/hourglass_top:",
            )


def _figures(run: Run) -> None:
    live = Preview.load(services.store().folder(run.id))
    curves, numbers = st.columns([3, 2], gap="medium")
    with curves, st.container(key="curves"):
        plot(_curves(run), key="curves-plot", alt="Loss, accuracy and learning rate by step", config=PLOT_CONFIG)
        if live:
            _answers(run, live)
    with numbers:
        _numbers(run)
        if live:
            _first_layer(live)


def _curves(run: Run) -> go.Figure:
    return _figure(
        run.id,
        run.step,
        len(services.store().history.epochs(run.id)),
        len(services.store().history.changes(run.id)),
        ENDED_POINTS if not run.status.active else LIVE_POINTS,
        run.config.loss,
        run.parent_step if run.parent else None,
        st.context.theme.type == "dark",
        state.recalled("curve-log", False),
        state.recalled("curve-raw", True),
        state.recalled("curve-smoothing", SMOOTHING),
    )


@kept()
def _figure(
    run_id: str,
    step: int,
    epochs: int,
    changes: int,
    points: int,
    loss: str,
    forked: int | None,
    dark: bool,
    log_loss: bool,
    show_raw: bool,
    smoothing: float,
) -> go.Figure:
    """One drawing for everybody who watches the same run; the arguments say when it is out of date."""
    store = services.store()
    info = curves_info(
        store.history.curve(run_id),
        store.history.epochs(run_id),
        store.history.changes(run_id),
        forked=forked,
        points=points,
        smoothing=smoothing,
    )
    return curves_figure(info, log_loss=log_loss, show_raw=show_raw, loss_unit=LOSSES[loss].unit, dark=dark)


def _numbers(run: Run) -> None:
    epochs = services.store().history.epochs(run.id)
    if epochs:
        last = epochs[-1]
        numbers = {
            "Test accuracy": f"{last.test_accuracy:.2%}",
            "Train accuracy": f"{last.train_accuracy:.2%}",
            "Test loss": f"{last.test_loss:.4f}",
        }
        words = f"At the end of epoch {last.epoch}."
    else:
        accuracy, loss = _last_batch(run)
        numbers = {"Test accuracy": "–", "Batch accuracy": accuracy, "Batch loss": loss}
        words = "Of the last mini-batch. The test images are asked at the end of each epoch."
    with st.container(horizontal=True, key="numbers"):
        for label, value in numbers.items():
            st.metric(label, value)
    st.caption(words)


def _last_batch(run: Run) -> tuple[str, str]:
    """Its accuracy and loss; dashes before the first."""
    curve = services.store().history.curve(run.id)
    return (f"{curve.accuracy[-1]:.2%}", f"{curve.loss[-1]:.4f}") if len(curve.step) else ("–", "–")


def _first_layer(live: Preview) -> None:
    st.markdown(f"**Weights of the first layer** ({live.layer}), step {live.step:,}")
    pixels, limit = signed_to_bytes(live.weights.numpy())
    tiles(pixels, key="live-weights", palette="diverging", size=56, limit=limit, label="Weights of the first layer")
    shown = f"{len(live.weights)} of {live.units}" if live.units > len(live.weights) else f"All {live.units}"
    st.caption(f"{shown} neurons: each picture is one neuron's incoming weights, one pixel per input pixel.")


def _answers(run: Run, live: Preview) -> None:
    try:
        images, labels = _test_images(run.config.data)
    except DataError:
        return
    classes = DATASETS[run.config.data].classes
    answers = live.probabilities.argmax(1)
    captions = [
        Caption(classes[int(answer)], _sure(float(probabilities[answer])), bool(answer == labels[index]))
        for index, answer, probabilities in zip(live.sample, answers, live.probabilities, strict=True)
    ]
    st.markdown(f"**What it says of ten test images**, step {live.step:,}")
    tiles(
        images[live.sample, 0].numpy(),
        key="live-digits",
        palette="ink",
        captions=captions,
        size=42,
        label="Test images with the predicted class and its probability",
    )


def _sure(share: float) -> str:
    return "no number" if math.isnan(share) else f"{share:.0%}"


@st.cache_resource(max_entries=4, show_spinner=False)
def _test_images(name: str) -> tuple[Any, Any]:
    test = DATASETS[name].load().test
    return test.images, test.labels


def plot_options(run: Run) -> None:
    """How the curves are drawn; outside of the live part, so that a click is never lost to a refresh."""
    for key, default in (("curve-log", False), ("curve-raw", True), ("curve-smoothing", SMOOTHING)):
        state.recall(key, default)
    with st.container(horizontal=True, key="curve-options", vertical_alignment="bottom"):
        st.toggle("Log scale", key="curve-log", help="Of the loss: small improvements late become visible.")
        st.toggle("Every batch", key="curve-raw", help="The loss of each batch, unsmoothed.")
        st.slider(
            "Smoothing",
            0.0,
            0.99,
            step=0.01,
            key="curve-smoothing",
            width=220,
            help="How much of the past each point of the thick lines holds. 0: none.",
        )
        csv_button(
            "CSV",
            lambda: _csv(run.id),
            f"{run.id}-curves.csv",
            key="download-curves",
            help="Every recorded step. A picture: the camera at the top right of the plot.",
        )


def _csv(run_id: str) -> str:
    store = services.store()
    return curves_csv(store.history.curve(run_id), store.history.epochs(run_id))


def empty_state() -> None:
    """What the page shows while no run is chosen: what will be seen, and what to press."""
    first = not services.store().runs()
    title = "Nothing is training yet" if first else "No run is shown"
    press = "Press **Train**." if first else "Pick one in the list below, or press **Train**."
    with st.container(border=True, key="no-run"):
        st.markdown(
            f"## {title}\n"
            f"{press} Within a second you will see the loss fall batch by batch, the pictures that the first "
            "layer's neurons form, and what the net says of ten test images.\n\n"
            "- **Loss** is how wrong the net is on a batch: lower is better.\n"
            "- Each step moves every weight against its gradient: "
            r"$W_{\text{new}} = W_{\text{old}} - \alpha \cdot \partial L / \partial W$"
            ", with the learning rate α that you set.\n"
            "- **Test accuracy** is the share of 10,000 images it never trained on that it gets right."
        )


def heading(run: Run) -> None:
    """The run's name, what it runs on, and how it ended where that needs words."""
    dataset = DATASETS[run.config.data]
    st.markdown(f"## {plain(run.name)}")
    some = f", the first {run.config.per_class:,} of each class" if run.config.per_class else ""
    words = f"{dataset.title}{some} · seed {run.config.seed}"
    if run.parent:
        words += f" · from step {run.parent_step:,} of {_parent_name(run)}"
    if run.device:
        words += f" · {run.device.upper()}, {run.threads} thread{'s' * (run.threads > 1)}"
    if run.sweep:
        words += f" · point {run.point + 1} of the sweep {_sweep_name(run)}"
    if run.ensemble > 1:
        words += f" · trained in an ensemble of {run.ensemble}: as by itself within rounding, not bit for bit"
    with st.container(horizontal=True, vertical_alignment="center", key="about-run"):
        st.caption(words, width="content")
        with st.container(key="go-to-network", width="content"):
            st.page_link(
                "pages/3_Inspect.py",
                label="Look inside",
                icon=":material/hub:",
                query_params={"run": run.id},
                help="Every neuron's picture, the connections and the answer, live.",
            )
    if run.reason:
        show = {Status.DIVERGED: st.error, Status.FAILED: st.error, Status.INTERRUPTED: st.warning}
        show.get(run.status, st.info)(plain(run.reason))


def _sweep_name(run: Run) -> str:
    try:
        return f"“{plain(services.sweeps().sweep(run.sweep).name)}”"
    except SweepGone:
        return "that was deleted since"


def _parent_name(run: Run) -> str:
    try:
        return plain(services.store().run(run.parent).name)
    except RunGone:
        return "a run that was deleted since"
