"""The row above the network: play, step, reset, and what may be changed while it runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import streamlit as st

from nnviz.spec.activations import ACTIVATIONS
from nnviz.spec.network import NetworkSpec
from nnviz.spec.optimizers import OPTIMIZERS
from nnviz.spec.train_config import LIVE_FIELDS
from nnviz.store.run import Run, Status
from nnviz.train.commands import Action, Command
from nnviz.ui import services, state
from nnviz.ui.format import plain, sentence
from nnviz.ui.forms import field_input, refused
from nnviz.ui.pages.studio.drawer import drawer, edit_network
from nnviz.ui.runs import NO_DATA, told
from nnviz.ui.state import Kept
from nnviz.ui.training import control, launch_as_set, new_seed, problem, resume, steer, steered_by_all

PREFIX = "studio-set-"

PACES = {0.0: "as fast as it goes", 0.05: "20 steps/s", 0.25: "4 steps/s", 1.0: "1 step/s"}
"""Seconds between two steps → in words."""

WIDTHS = {"lr": 114, "momentum": 106, "batch_size": 106}
"""Of the fields, CSS pixels."""

_PACE = "studio-pace"


def controls(run: Run | None, ready: bool) -> None:
    unfit, locked = problem(PREFIX), services.look_only()
    blocked = locked or unfit or ("" if ready else NO_DATA)
    with st.container(horizontal=True, vertical_alignment="bottom", key="studio-controls"):
        _play(run, blocked)
        _small("Step", "studio-step", "skip_next", "One optimizer step, then a pause.", run, Action.BATCH, blocked)
        _small("Epoch", "studio-epoch", "fast_forward", "To the end of this epoch.", run, Action.EPOCH, blocked)
        st.button(
            "Reset",
            key="studio-reset",
            icon=":material/restart_alt:",
            help="The same initial weights, untrained. The run stays in the list.",
            on_click=reset,
            args=(run,),
            disabled=run is None,
        )
        st.button(
            "New seed",
            key="studio-new-seed",
            icon=":material/casino:",
            help="Other initial weights and another order of images.",
            on_click=reset,
            args=(run, True),
        )
        _settings(run)
        st.button(
            "Layers",
            key="studio-layers",
            icon=":material/account_tree:",
            help="Add, remove and resize layers.",
            on_click=_ask_for_layers,
        )
        drawer()
    if st.session_state.get(Kept.STUDIO_LAYERS):
        edit_network()
    if unfit and not refused(PREFIX):  # which says it below the field
        with st.container(key="unfit"):
            st.warning(plain(sentence(unfit)), icon=":material/block:")


def _ask_for_layers() -> None:
    st.session_state[Kept.STUDIO_LAYERS] = True


def _is_late(run: Run | None) -> bool:
    """Whether a click was meant for another run than the one that is looked at by now: of several quick ones the first
    has begun one already.
    """
    return state.looking().run != (run.id if run is not None else None)


def _play(run: Run | None, blocked: str) -> None:
    moves, over = run is not None and run.status.moves, run is not None and _is_over(run)
    st.button(
        "Pause" if moves else "Again" if over else "Play",
        key="studio-play",
        icon=f":material/{'pause' if moves else 'replay' if over else 'play_arrow'}:",
        type="primary",
        on_click=play,
        args=(run,),
        disabled=bool(blocked),
        help=blocked or ("Begins anew, as set here. The run that is over stays in the list." if over else None),
        width=96,
    )


def _is_over(run: Run) -> bool:
    return run.status in (Status.FINISHED, Status.DIVERGED)


def play(run: Run | None) -> None:
    """Begin, pause or go on, whichever is next."""
    if _is_late(run):
        return
    if run is None or _is_over(run):
        with _paced():
            launch_as_set(PREFIX)
    elif run.status.moves:
        control(run.id, Command(Action.PAUSE))
    elif run.status is Status.PAUSED:
        control(run.id, Command(Action.RESUME))
    else:
        with _paced():
            resume(run.id)


def _small(label: str, key: str, icon: str, words: str, run: Run | None, action: Action, blocked: str) -> None:
    st.button(
        label,
        key=key,
        icon=f":material/{icon}:",
        help=blocked or words,
        disabled=bool(blocked) or (run is not None and run.status is Status.QUEUED),
        on_click=_advance,
        args=(run, action),
    )


def _advance(run: Run | None, action: Action) -> None:
    if _is_late(run):
        return
    if run is not None and run.status.active:
        control(run.id, Command(action))
    elif run is not None and run.status.resumable:
        with _paced():
            resume(run.id, Command(action))
    else:
        with _paced():
            launch_as_set(PREFIX, Command(action))


def reset(run: Run | None, other_seed: bool = False) -> None:
    """Back to the untrained network; a run that is going on ends, and stays in the list."""
    if run is not None and run.status.active:
        control(run.id, Command(Action.STOP))
    if other_seed:
        state.set_config(state.setup().config.with_(seed=new_seed()))
    state.choose_run(None)


def begin_anew(run: Run) -> None:
    """Another network was made: where one was learning, the new one learns at once."""
    moved = run.status.moves
    reset(run)
    if moved and not problem(PREFIX):
        with _paced():
            launch_as_set(PREFIX)


def _settings(run: Run | None) -> None:
    config = steered_by_all(run) if run is not None and run.status.active else state.setup().config

    def change(name: str, value: Any) -> None:
        state.set_config(state.setup().config.with_(**{name: value}))
        if run is not None and run.status.active:
            steer(run, name, value)

    for name in LIVE_FIELDS:
        with st.container(width=WIDTHS[name]):
            unused = name == "momentum" and name not in OPTIMIZERS[config.optimizer].uses
            field_input(config, name, f"{PREFIX}{name}", change, disabled=unused or bool(services.look_only()))
    _activation()
    _speed(run)


def _activation() -> None:
    network = state.setup().network
    now = activations(network)
    options = [*ACTIVATIONS] if len(now) == 1 else [_MIXED, *ACTIVATIONS]
    st.session_state[_ACTIVATION] = next(iter(now)) if len(now) == 1 else _MIXED
    st.selectbox(
        "Activation",
        options,
        key=_ACTIVATION,
        format_func=lambda one: "differs" if one == _MIXED else ACTIVATIONS[one].title,
        on_change=_activate,
        disabled=not now,
        help="The f in y = f(Wx + b), of all hidden layers. Another one makes another network, which begins anew.",
        width=112,
    )


_ACTIVATION, _MIXED = "studio-activation", ""


def activations(network: NetworkSpec) -> set[str]:
    """Those that its layers have."""
    return {str(layer.activation) for layer in network.layers if hasattr(layer, "activation")}


def _activate() -> None:
    if chosen := st.session_state[_ACTIVATION]:
        network = state.setup().network
        layers = tuple(
            replace(layer, **{"activation": chosen}) if hasattr(layer, "activation") else layer
            for layer in network.layers
        )
        state.set_network(replace(network, layers=layers))


def _speed(run: Run | None) -> None:
    state.keep(_PACE, list(PACES))
    st.selectbox(
        "Speed",
        list(PACES),
        key=_PACE,
        format_func=PACES.__getitem__,
        on_change=lambda: _keep_pace(run.id if run else None),
        width=164,
    )


def _keep_pace(run_id: str | None) -> None:
    """Tell the run how fast it may go."""
    if run_id is not None:
        control(run_id, _pace())


@contextmanager
def _paced() -> Iterator[None]:
    """Tell the run that begins or goes on how fast it may."""
    look, pace, executor = state.looking(), _pace(), services.executor()
    yield
    if look.run is not None:  # no use of `st` here: see Looking
        with told():
            executor.control(look.run, pace)


def _pace() -> Command:
    return Command(Action.PACE, value=float(state.recalled(_PACE, 0.0)))
