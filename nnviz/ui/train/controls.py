"""Start, pause, resume, stop, step by step, and change a setting while it runs."""

from __future__ import annotations

import random
from typing import Any

import streamlit as st

from nnviz.config import LIVE_FIELDS, TrainConfig
from nnviz.datasets import usable
from nnviz.network import NetworkSpec
from nnviz.optimizers import OPTIMIZERS
from nnviz.recording import Command
from nnviz.runs import Run, RunGone, Status
from nnviz.ui import services, state
from nnviz.ui.forms import field_input
from nnviz.ui.train.recipe import problem

_ASKED = "asked_while_running"


def chosen() -> Run | None:
    """The run this session looks at; says so and lets go of it if it is gone."""
    run_id = state.chosen_run()
    if run_id is None:
        return None
    try:
        return services.store().run(run_id)
    except RunGone as error:
        state.choose_run(None)
        st.info(f"{str(error)[0].upper()}{str(error)[1:]}.", icon=":material/delete:")
        return None


def launch(network: NetworkSpec, config: TrainConfig, first: Command | None = None) -> None:
    """Start a new run and look at it. It is trained on the data that is there, and its record says which."""
    config = config.with_(data=usable(config.data))
    executor, store = services.executor(), services.store()
    run = store.create(network, config)
    executor.submit(run.id, first)
    state.choose_run(run.id)


def control_bar(run: Run | None) -> None:
    with st.container(horizontal=True, key="controls"):
        if run and run.status.active:
            _active(run)
        else:
            _idle(run)


def _active(run: Run) -> None:
    if run.status is Status.PAUSED:
        _command("Resume", "resume", run, ":material/play_arrow:", primary=True)
        _command("One batch", "batch", run, ":material/skip_next:")
        _command("One epoch", "epoch", run, ":material/fast_forward:")
    else:
        _command("Pause", "pause", run, ":material/pause:", primary=True, disabled=run.status is Status.QUEUED)
    _command("Stop", "stop", run, ":material/stop:")
    if run.status is not Status.QUEUED:
        with st.popover("Change while it runs", icon=":material/tune:", key="steer"):
            _steer(run)


def _idle(run: Run | None) -> None:
    setup, blocked = state.setup(), problem()
    start: dict[str, Any] = {"disabled": bool(blocked), "help": blocked or None, "on_click": launch}
    title = "Train" if run is None else "Train a new run"
    st.button(
        title, key="train", type="primary", icon=":material/play_arrow:", args=(setup.network, setup.config), **start
    )
    for label, kind, icon in (("One batch", "batch", "skip_next"), ("One epoch", "epoch", "fast_forward")):
        arguments = (setup.network, setup.config, Command(kind))
        st.button(label, key=f"train-one-{kind}", icon=f":material/{icon}:", args=arguments, **start)
    if run is None:
        return
    if run.status.resumable:
        st.button(
            "Resume it", key="resume-run", icon=":material/restart_alt:",
            on_click=lambda: services.executor().submit(run.id),
            help="Goes on from its last snapshot, with optimizer state and order, as if it had never stopped.",
        )  # fmt: skip
    st.button(
        "Same again", key="run-again", icon=":material/replay:", on_click=launch, args=(run.network, run.config),
        help="The same network, settings and seed: the same curve.",
    )  # fmt: skip
    st.button(
        "New seed", key="run-again-new-seed", icon=":material/casino:", on_click=_launch_with_new_seed, args=(run,),
        help="The same network and settings with other initial weights and another order.",
    )  # fmt: skip


def _launch_with_new_seed(run: Run) -> None:
    launch(run.network, run.config.with_(seed=random.randrange(1_000_000)))


def _command(label: str, kind: str, run: Run, icon: str, *, primary: bool = False, disabled: bool = False) -> None:
    st.button(
        label,
        key=f"control-{kind}",
        type="primary" if primary else "secondary",
        icon=icon,
        disabled=disabled,
        on_click=lambda: services.executor().control(run.id, Command(kind)),
    )


def _steer(run: Run) -> None:
    """Settings of the running training; a change holds from its next batch on and is marked on the plots."""
    asked: dict[str, TrainConfig] = st.session_state.setdefault(_ASKED, {})
    config = asked.get(run.id, run.config)
    if run.id not in asked:
        for change in services.store().changes(run.id):
            config = config.with_(**{change.name: change.after})

    def send(name: str, value: Any) -> None:
        # What was asked is shown at once: the run takes it up with its next batch, and records it a little later.
        asked[run.id] = config.with_(**{name: value})
        services.executor().control(run.id, Command("set", name, float(value)))

    st.caption("Holds from the next batch on and is marked on the plots.")
    for name in LIVE_FIELDS:
        if name != "momentum" or "momentum" in OPTIMIZERS[config.optimizer].uses:
            field_input(config, name, f"steer-{name}", send)
