"""Section "Twin runs": the same initial weights, the same batches, and one thing changed."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from nnviz.analysis.comparison import ACTIVATION, TWIN_FIELDS, activation_of, in_words, start_twin, twins
from nnviz.charts.curves import SMOOTHING
from nnviz.charts.norms import NormsInfo, norms_config, norms_figure, norms_info
from nnviz.charts.overlay import OVERLAY_CONFIG, overlay_figure, overlay_info
from nnviz.fields import SpecError, bounds_of
from nnviz.spec.activations import ACTIVATIONS
from nnviz.spec.network import with_all
from nnviz.spec.optimizers import OPTIMIZERS
from nnviz.spec.train_config import TrainConfig
from nnviz.store.run import Run, learning_layers
from nnviz.train.checkpoint import CheckpointError
from nnviz.ui import services, state
from nnviz.ui.components.plot import plot
from nnviz.ui.format import plain, run_label, sentence
from nnviz.ui.forms import field_input, refused
from nnviz.ui.memory import kept
from nnviz.ui.pages.compare.choice import chosen
from nnviz.ui.pages.compare.verdict import NOT_SAID, compare, verdict
from nnviz.ui.pages.compare.view import ENDED_POINTS, LIVE_POINTS, dark, label, loss_unit, names, training
from nnviz.ui.results import last_result
from nnviz.ui.runs import told
from nnviz.ui.state import Kept

_CONFIG = Kept.TWIN


def show(runs: list[Run]) -> None:
    st.caption(
        "A twin begins with the very same weights and gets the very same batches in the same order; one thing is "
        "changed. So whatever differs between the two comes from that one thing."
    )
    known, short = {run.id: run for run in runs}, names(runs)
    state.keep("compare-twin-run", list(known))
    run_id = st.selectbox(
        "The original", list(known), key="compare-twin-run", format_func=lambda one: label(short[one], known[one])
    )
    run = known[run_id]
    _form(run)
    store = services.store()
    every = {**{one.id: one for one in store.runs()}, **known}
    changed = frozenset(one for one in every if store.history.changes(one))
    others = {one.id: one for one in twins(run, every.values(), changed)}
    if not others:
        st.caption("This run has no twin yet.")
        return
    look = chosen()
    if look.twin in others:
        st.session_state["compare-twin-other"], look.twin = look.twin, ""
    state.keep("compare-twin-other", list(others))
    twin = others[
        st.selectbox(
            "Its twin", list(others), key="compare-twin-other", format_func=lambda one: run_label(others[one].name, one)
        )
    ]
    _pair(run, twin)


def _form(run: Run) -> None:
    fields = [*TWIN_FIELDS]
    uses = OPTIMIZERS[run.config.optimizer].uses
    fields = [name for name in fields if name not in ("momentum", "nesterov") or name in uses]
    if activation_of(run.network) and not run.parent:
        fields.append(ACTIVATION)
    with st.container(horizontal=True, vertical_alignment="bottom", key="compare-twin-form"):
        state.keep("compare-twin-field", fields)
        field = st.selectbox(
            "What is changed", fields, key="compare-twin-field", format_func=_field_in_words, width=220
        )
        value = _value(run, field)
        same = value == (activation_of(run.network) if field == ACTIVATION else getattr(run.config, field))
        if same and field == ACTIVATION:
            same = with_all(run.network, ACTIVATION, value) == run.network
        st.button(
            "Start the twin",
            key="compare-twin-start",
            type="primary",
            icon=":material/group_add:",
            on_click=_start,
            args=(run.id, field, value),
            disabled=same or bool(refused("compare-twin-value") or services.look_only()),
            help="Give it another value first." if same else None,
        )
    if services.store().history.changes(run.id):
        st.caption("The original was steered while it trained; the twin won't be.")


def _field_in_words(name: str) -> str:
    words = "activation of all hidden layers" if name == ACTIVATION else bounds_of(TrainConfig)[name].label
    return words[0].upper() + words[1:]


def _value(run: Run, field: str) -> Any:
    """What the person wants the field to be in the twin."""
    if field == ACTIVATION:
        options = list(ACTIVATIONS)
        if st.session_state.get("compare-twin-activation") not in options:
            st.session_state["compare-twin-activation"] = activation_of(run.network)
        return st.selectbox(
            "In the twin",
            options,
            key="compare-twin-activation",
            format_func=lambda one: ACTIVATIONS[one].title,
            width=220,
        )
    place = (run.id, field)
    known, config = st.session_state.get(_CONFIG, (None, run.config))
    if known != place:
        config = run.config

    def remember(name: str, value: Any) -> None:
        st.session_state[_CONFIG] = (place, config.with_(**{name: value}))

    field_input(config, field, "compare-twin-value", remember)
    return getattr(config, field)


def _start(run_id: str, field: str, value: Any) -> None:
    look, store, executor = chosen(), services.store(), services.executor()
    with told():  # no use of `st` from here on: see Looking
        try:
            twin_id = start_twin(store, store.run(run_id), field, value).id
        except (SpecError, CheckpointError) as error:
            state.report(sentence(str(error)))
            return
        look.add([twin_id])
        look.twin = twin_id
        executor.submit(twin_id)


def _pair(run: Run, twin: Run) -> None:
    with st.container(horizontal=True, key="compare-twin-options"):
        state.recall("compare-lock-step", True)
        locked = st.toggle(
            "In lock step", key="compare-lock-step", help="Shows both only up to the step that both have done."
        )
        state.recall("compare-twin-log", False)
        log_loss = st.toggle("Log scale", key="compare-twin-log")
    pair = ("Original", "Twin")
    st.markdown(plain(in_words(run, twin, ("the original", "The twin"))))
    both = min(run.step, twin.step)
    trainings = [training(one, name, place) for place, (one, name) in enumerate(zip((run, twin), pair, strict=True))]
    info = overlay_info(
        trainings,
        smoothing=state.recalled("compare-smoothing", SMOOTHING),
        until=both if locked else None,
        points=LIVE_POINTS if twin.status.active else ENDED_POINTS,
    )
    left, right = st.columns([3, 2], gap="medium")
    with left, st.container(key="compare-twin-curves"):
        plot(
            overlay_figure(info, log_loss=log_loss, loss_unit=loss_unit([run, twin]), dark=dark(), revision=twin.id),
            key="compare-twin-plot",
            config=OVERLAY_CONFIG,
            alt="Loss and accuracy of the original and its twin",
        )
    with right:
        _at_this_step(trainings[0].curve.loss, trainings[1].curve.loss, both, pair)
        _distance(run, twin)
    if not (run.status.active or twin.status.active):
        results = [last_result(services.store(), one).evaluation for one in (run, twin)]
        with st.container(key="compare-twin-verdict"):
            st.markdown(plain(verdict(compare(*results), ("the original", "the twin"))))
            st.caption(NOT_SAID)


def _at_this_step(first: Any, second: Any, step: int, pair: tuple[str, str]) -> None:
    """The two losses on the batch of the last step that both have done."""
    step = min(step, len(first), len(second))
    with st.container(horizontal=True, key="compare-twin-step"):
        for name, losses in zip(pair, (first, second), strict=True):
            value = float(losses[step - 1]) if step else float("nan")
            st.metric(f"{name}: loss", f"{value:.4f}" if np.isfinite(value) else "–")
    st.caption(f"On the same batch, that of step {step:,}." if step else "Waiting for the first step.")


def _distance(run: Run, twin: Run) -> None:
    info = _apart(run.id, twin.id, tuple(common_steps(run, twin)))
    if info is None:
        st.caption("How far their weights are apart is shown from the first step on of which both kept a checkpoint.")
        return
    with st.container(key="compare-twin-distance"):
        plot(
            norms_figure(info, dark=dark()),
            key="compare-twin-distance-plot",
            config=norms_config("nnviz-twins"),
            alt="How far the weights of the twins are apart, a line for each layer",
        )
    st.caption(
        "How far the twins' weights have gone apart in each layer, as a share of the weights' own size, at the steps "
        "of which both kept a checkpoint. At the start it is 0."
    )


def common_steps(run: Run, twin: Run) -> list[int]:
    """Steps of which both kept a checkpoint, ascending."""
    store = services.store()
    reached = min(run.step, twin.step)
    common = set(store.checkpoints.steps(run.id)) & set(store.checkpoints.steps(twin.id))
    return sorted(step for step in common if step <= reached)


@kept()
def _apart(run_id: str, twin_id: str, steps: tuple[int, ...]) -> NormsInfo | None:
    """‖W_twin − W‖ / ‖W‖ of each layer's weight matrix; None before they part."""
    store = services.store()
    run = store.run(run_id)
    layers = learning_layers(run.network, run.config)
    kept: list[int] = []
    rows = []
    for step in steps:
        try:
            rows.append(_distances(run_id, twin_id, step, layers))
        except CheckpointError:  # a checkpoint that was let go just now
            continue
        kept.append(step)
    if not rows or not any(map(any, rows)):
        return None
    title = "‖W<sub>twin</sub> − W‖ / ‖W‖"
    return norms_info(np.array(kept, np.int64), layers, np.array(rows, np.float64), title)


@kept()
def _distances(run_id: str, twin_id: str, step: int, layers: tuple[str, ...]) -> list[float]:
    store = services.store()
    first, second = store.checkpoints.load(run_id, step).model, store.checkpoints.load(twin_id, step).model
    return [
        float((second[f"{layer}.weight"] - first[f"{layer}.weight"]).norm() / first[f"{layer}.weight"].norm())
        for layer in layers
    ]
