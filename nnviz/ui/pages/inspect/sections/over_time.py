"""Section "Over time": where in the training the checkpoint is, how large gradients and updates were in each layer, and
what the net confused at this moment.
"""

from __future__ import annotations

from typing import Any

import streamlit as st

from nnviz.charts.confusion import CONFUSION_CONFIG, confusion_figure, confusion_info
from nnviz.charts.curves import PLOT_CONFIG, Mark, curves_figure, curves_info
from nnviz.charts.norms import HEALTHY_PACE, NormsInfo, norms_config, norms_csv, norms_figure, norms_info, pace
from nnviz.spec.losses import LOSSES
from nnviz.store.run import Run
from nnviz.train.evaluation import Evaluation, evaluate
from nnviz.ui import services
from nnviz.ui.checkpoints import View, sample
from nnviz.ui.components.plot import plot
from nnviz.ui.csv_button import csv_button
from nnviz.ui.memory import kept
from nnviz.ui.pages.inspect.section import Section

POINTS = 600


def show(view: View) -> None:
    left, right = st.columns([3, 2], gap="medium")
    with left, st.container(key="inspect-curves"):
        _curves(view)
    with right, st.container(key="inspect-confusion"):
        _confusion(view)
    _norms(view)


def _curves(view: View) -> None:
    store, run = services.store(), view.run
    info = curves_info(
        store.history.curve(run.id), store.history.epochs(run.id), store.history.changes(run.id), points=POINTS
    )
    here = Mark(view.checkpoint.step_number, "this checkpoint")
    figure = curves_figure(
        info._replace(marks=(*info.marks, here)), loss_unit=LOSSES[run.config.loss].unit, dark=view.dark
    )
    plot(
        figure,
        key="inspect-curves-plot",
        config=PLOT_CONFIG,
        alt=f"Loss, accuracy and learning rate by step; step {here.step:,} is marked",
    )


def _confusion(view: View) -> None:
    test, words = sample(view.checkpoint, view.live)
    found = (
        evaluate(view.checkpoint.model, view.checkpoint.data.dataset, test) if view.live else _evaluation(view, words)
    )
    info = confusion_info(found.confusion().numpy(), view.checkpoint.data.dataset.classes)
    st.metric("Accuracy at this checkpoint", f"{info.accuracy:.2%}", help=f"Of {words}.")
    plot(
        confusion_figure(info, dark=view.dark),
        key="inspect-confusion-plot",
        config=CONFUSION_CONFIG,
        alt=f"Confusion matrix after step {view.checkpoint.step_number:,}: {info.right:,} of {info.total:,} right",
    )
    st.caption(f"Confusion matrix, on {words}.")


def _evaluation(view: View, words: str) -> Evaluation:
    return _cached_evaluation(view.run.id, view.checkpoint.step_number, words, view)


@kept()
def _cached_evaluation(run_id: str, step: int, words: str, _view: View) -> Evaluation:
    return evaluate(_view.checkpoint.model, _view.checkpoint.data.dataset, sample(_view.checkpoint, _view.live)[0])


def _norms(view: View) -> None:
    infos = norms_of(view.run)
    if infos is None:
        st.caption("This run was recorded before the sizes of gradients were.")
        return
    gradient, ratio, weight = infos
    words = {
        "gradient": "Each line is a layer. Lines that part by orders of magnitude tell of vanishing or exploding "
        "gradients.",
        "ratio": "How much of its size a layer's weights change in one step. Around 0.001 (shaded) is usual: far above "
        "it, the learning rate is too high; far below, too low.",
        "weight": "How large the weights have become.",
    }
    columns = st.columns(2, gap="medium")
    for column, (name, info) in zip(
        (*columns, columns[0]), (("gradient", gradient), ("ratio", ratio), ("weight", weight)), strict=True
    ):
        with column, st.container(key=f"inspect-norms-{name}"):
            plot(
                norms_figure(info, dark=view.dark, at=view.checkpoint.step_number),
                key=f"inspect-norms-{name}-plot",
                config=norms_config(f"{view.run.id}-{name}"),
                alt=f"{info.title} by step, a line for each layer",
            )
            st.caption(words[name])
    with columns[1]:
        csv_button("Norms as CSV", lambda: norms_csv(infos), f"{view.run.id}-norms.csv", key="inspect-norms-csv")


def norms_of(run: Run) -> tuple[NormsInfo, NormsInfo, NormsInfo] | None:
    """Gradient norm, update-to-weight ratio and weight norm of the run; None where none were recorded."""
    norms: Any = services.store().history.norms(run.id)
    if not len(norms.step):
        return None
    return (
        norms_info(norms.step, norms.layers, norms.gradient, "gradient norm ‖∂L/∂W‖"),
        norms_info(norms.step, norms.layers, pace(norms.weight, norms.update), "‖ΔW‖ / ‖W‖", HEALTHY_PACE),
        norms_info(norms.step, norms.layers, norms.weight, "weight norm ‖W‖"),
    )


SECTION = Section("time", "Over time", show, rank=20)
