"""Start, pause, resume, stop, step by step, and change a setting while it runs."""

from __future__ import annotations

from functools import partial

import streamlit as st

from nnviz.spec.optimizers import OPTIMIZERS
from nnviz.spec.train_config import LIVE_FIELDS
from nnviz.store.run import Run, Status
from nnviz.train.commands import Action, Command
from nnviz.ui import services
from nnviz.ui.format import sentence
from nnviz.ui.forms import field_input
from nnviz.ui.pages.train.recipe import PREFIX
from nnviz.ui.runs import NO_DATA, launch
from nnviz.ui.training import control, launch_as_set, launch_with_new_seed, problem, resume, steer, steered_by_all


def control_bar(run: Run | None, ready: bool = True) -> None:
    """What can be done with the run shown, and the start of new ones; `ready`: there are images to train on."""
    unfit, locked = problem(PREFIX), services.look_only()
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
        on_click=launch_as_set,
        args=(PREFIX, first),
    )


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
            on_click=resume,
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
        on_click=launch_with_new_seed,
        args=(run,),
        disabled=not ready,
        help="The same network and settings with other initial weights and another order.",
    )


def _command(label: str, action: Action, run: Run, icon: str, *, primary: bool = False, disabled: bool = False) -> None:
    st.button(
        label,
        key=f"control-{action}",
        type="primary" if primary else "secondary",
        icon=icon,
        disabled=disabled or bool(services.look_only()),
        on_click=control,
        args=(run.id, Command(action)),
    )


def _steer(run: Run) -> None:
    """Settings of the running training; a change holds from its next batch on and is marked on the plots."""
    config = steered_by_all(run)

    st.caption("Holds from the next batch on and is marked on the plots.")
    for name in LIVE_FIELDS:
        if name != "momentum" or "momentum" in OPTIMIZERS[config.optimizer].uses:
            field_input(config, name, f"steer-{name}", partial(steer, run))
