"""The curves of all chosen runs in one picture."""

from __future__ import annotations

from typing import get_args

import plotly.graph_objects as go
import streamlit as st

from nnviz.charts.colors import RUNS
from nnviz.charts.curves import SMOOTHING
from nnviz.charts.overlay import OVERLAY_CONFIG, Over, overlay_figure, overlay_info
from nnviz.store.run import Run
from nnviz.ui import state
from nnviz.ui.components.plot import plot
from nnviz.ui.pages.compare.verdict import same_images
from nnviz.ui.pages.compare.view import ENDED_POINTS, LIVE_POINTS, dark, loss_unit, names, training

_OVER_WORDS: dict[Over, str] = {"step": "steps", "epoch": "epochs", "seconds": "seconds"}


def show(runs: list[Run]) -> None:
    drawn = runs[: len(RUNS)]
    over, smoothing, log_loss = options()
    points = LIVE_POINTS if any(run.status.active for run in drawn) else ENDED_POINTS
    with st.container(key="compare-curves"):
        plot(
            _figure(drawn, over, smoothing, log_loss, points),
            key="compare-curves-plot",
            config=OVERLAY_CONFIG,
            alt="Training loss and test accuracy of " + ", ".join(f"{n}" for n in names(drawn).values()),
        )
    if len(runs) > len(drawn):
        st.caption(f"The first {len(drawn)} are drawn; the table below has all {len(runs)}.")
    if len({run.config.loss for run in drawn}) > 1:
        st.caption("These runs were trained with different loss functions: compare their accuracies, not their losses.")
    if not all(same_images(run, drawn[0]) for run in drawn):
        st.caption(
            "These runs were trained and tested on different data sets: their accuracies are of different images."
        )


def options() -> tuple[Over, float, bool]:
    """How curves are drawn, here and in the other sections."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="compare-options"):
        state.recall("compare-over", "step")
        over = st.segmented_control(
            "Over",
            get_args(Over),
            key="compare-over",
            format_func=_OVER_WORDS.__getitem__,
            required=True,
            help="With other batch sizes, an epoch has another number of steps: epochs count images seen instead.",
        )
        state.recall("compare-smoothing", SMOOTHING)
        smoothing = st.slider(
            "Smoothing",
            0.0,
            0.99,
            step=0.01,
            key="compare-smoothing",
            width=200,
            help="How much of the past each point of a loss holds. 0: none.",
        )
        state.recall("compare-log", False)
        log_loss = st.toggle(
            "Log scale", key="compare-log", help="Of the loss: small improvements late become visible."
        )
    return over or "step", smoothing, log_loss


def _figure(runs: list[Run], over: Over, smoothing: float, log_loss: bool, points: int) -> go.Figure:
    trainings = [training(run, names(runs)[run.id], place) for place, run in enumerate(runs)]
    info = overlay_info(trainings, over=over, smoothing=smoothing, points=points)
    return overlay_figure(info, log_loss=log_loss, loss_unit=loss_unit(runs), dark=dark())
