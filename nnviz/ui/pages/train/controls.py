"""Start, pause, resume, stop, step by step, and change a setting while it runs."""

from __future__ import annotations

import random
import time
from typing import Any, NamedTuple

import streamlit as st

from nnviz.spec.optimizers import OPTIMIZERS
from nnviz.spec.train_config import LIVE_FIELDS, TrainConfig
from nnviz.store.run import Run, Status
from nnviz.store.runs import RunStore
from nnviz.train.commands import Action, Command
from nnviz.ui import services, state
from nnviz.ui.format import sentence
from nnviz.ui.forms import field_input
from nnviz.ui.pages.train.recipe import problem
from nnviz.ui.runs import NO_DATA, launch, told
from nnviz.ui.state import Kept

_ASKED = Kept.ASKED

ANSWERED_WITHIN = 2.0
"""Seconds after which a change that a running training has not recorded counts as one it did not take."""


class Asked(NamedTuple):
    """A change sent to a training."""

    value: float
    step: int
    """How far it was when it was asked."""
    at: float
    """Seconds of a monotonic clock."""


def control_bar(run: Run | None, ready: bool = True) -> None:
    """What can be done with the run shown, and the start of new ones; `ready`: there are images to train on."""
    unfit, locked = problem(), services.look_only()
    blocked = locked or unfit or ("" if ready else NO_DATA)
    with st.container(horizontal=True, key="controls"):
        if run and run.status.active and run.sweep:
            _member(run)
        elif run and run.status.active:
            _active(run)
            _start(
                "Train another",
                "train-another",
                "add",
                blocked,
                "Starts the next run, as set beside, while this one goes on.",
            )
        else:
            _idle(run, blocked, ready and not locked)
    if unfit:
        with st.container(key="unfit"):
            st.warning(f"The next run can't be started. {sentence(unfit)}", icon=":material/block:")


def _start(
    label: str, key: str, icon: str, blocked: str, words: str = "", first: Command | None = None, primary: bool = False
) -> None:
    st.button(
        label,
        key=key,
        icon=f":material/{icon}:",
        type="primary" if primary else "secondary",
        disabled=bool(blocked),
        help=blocked or words or None,
        on_click=_launch_as_set,
        args=(first,),
    )


def _launch_as_set(first: Command | None) -> None:
    """As it is set up by now: an edit may have arrived together with the click."""
    if unfit := problem():
        state.report(sentence(unfit))
        return
    setup = state.setup()
    launch(setup.network, setup.config, first)


def _active(run: Run) -> None:
    if run.status is Status.PAUSED:
        _command("Resume", Action.RESUME, run, ":material/play_arrow:", primary=True)
        _command("One batch", Action.BATCH, run, ":material/skip_next:")
        _command("One epoch", Action.EPOCH, run, ":material/fast_forward:")
    else:
        _command("Pause", Action.PAUSE, run, ":material/pause:", primary=True, disabled=run.status is Status.QUEUED)
    _command("Stop", Action.STOP, run, ":material/stop:")
    if run.status is not Status.QUEUED:
        with st.popover(
            "Adjust hyperparameters", icon=":material/tune:", key="steer", disabled=bool(services.look_only())
        ):
            _steer(run)


def _member(run: Run) -> None:
    """A run of a sweep goes in step with others: it may be stopped, all else is up to the sweep."""
    _command("Stop this one", Action.STOP, run, ":material/stop:")
    if st.button("Back to the sweep", key="back-to-sweep", icon=":material/grid_on:"):
        st.switch_page("pages/6_Sweep.py", query_params={"sweep": run.sweep})


def _idle(run: Run | None, blocked: str, ready: bool) -> None:
    _start("Train" if run is None else "Train a new run", "train", "play_arrow", blocked, primary=True)
    for action, icon in ((Action.BATCH, "skip_next"), (Action.EPOCH, "fast_forward")):
        words = f"Starts a new run that pauses after its first {action}."
        _start(f"One {action}", f"train-one-{action}", icon, blocked, words, Command(action))
    if run is None:
        return
    if run.status.resumable:
        st.button(
            "Resume it",
            key="resume-run",
            icon=":material/restart_alt:",
            on_click=_resume,
            args=(run.id,),
            disabled=bool(services.look_only()),
            help="Goes on from its last checkpoint, with optimizer state and order, as if it had never stopped.",
        )
    st.button(
        "Rerun",
        key="run-again",
        icon=":material/replay:",
        on_click=launch,
        args=(run.network, run.config),
        disabled=not ready,
        help="The same network, settings and seed: the same curve.",
    )
    st.button(
        "Rerun with a new seed",
        key="run-again-new-seed",
        icon=":material/casino:",
        on_click=_launch_with_new_seed,
        args=(run,),
        disabled=not ready,
        help="The same network and settings with other initial weights and another order.",
    )


def _resume(run_id: str) -> None:
    with told():
        services.executor().submit(run_id)


def _launch_with_new_seed(run: Run) -> None:
    launch(run.network, run.config.with_(seed=random.randrange(1_000_000)))


def _command(label: str, action: Action, run: Run, icon: str, *, primary: bool = False, disabled: bool = False) -> None:
    st.button(
        label,
        key=f"control-{action}",
        type="primary" if primary else "secondary",
        icon=icon,
        disabled=disabled or bool(services.look_only()),
        on_click=_control,
        args=(run.id, Command(action)),
    )


def _control(run_id: str, command: Command) -> None:
    with told():
        services.executor().control(run_id, command)


def _steer(run: Run) -> None:
    """Settings of the running training; a change holds from its next batch on and is marked on the plots."""
    asked: dict[tuple[str, str], Asked] = st.session_state.setdefault(_ASKED, {})
    config = steered(services.store(), run, asked, time.monotonic())

    def send(name: str, value: Any) -> None:
        asked[run.id, name] = Asked(value, run.step, time.monotonic())
        _control(run.id, Command(Action.SET, name, float(value)))

    st.caption("Holds from the next batch on and is marked on the plots.")
    for name in LIVE_FIELDS:
        if name != "momentum" or "momentum" in OPTIMIZERS[config.optimizer].uses:
            field_input(config, name, f"steer-{name}", send)


def steered(store: RunStore, run: Run, asked: dict[tuple[str, str], Asked], now: float) -> TrainConfig:
    """The settings that hold for the run's next batch, as far as is known.

    What this session asked is taken as done until the run has had time to record it: it takes a change up with its next
    batch (a paused one, whenever that comes). What it then has not recorded, it refused.
    """
    config = run.config
    changes = store.history.changes(run.id)
    for change in changes:
        config = config.with_(**{change.name: change.after})
    for (run_id, name), one in asked.items():
        recorded = any(change.name == name and change.step >= one.step for change in changes)
        if run_id == run.id and not recorded and (run.status is Status.PAUSED or now - one.at < ANSWERED_WITHIN):
            config = config.with_(**{name: one.value})
    return config
