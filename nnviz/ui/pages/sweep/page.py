"""The Sweep page: what is to be varied, how the chosen sweep goes, and the pictures of what it found."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import streamlit as st

from nnviz.data.datasets import usable
from nnviz.store.run import Status
from nnviz.sweep.spec import SweepSpec
from nnviz.sweep.store import Sweep, SweepGone
from nnviz.train.commands import Action, Command
from nnviz.ui import services
from nnviz.ui.bin import show_bin
from nnviz.ui.choosing import choose_shown
from nnviz.ui.format import duration, plain, sentence
from nnviz.ui.pages.sweep import form, pictures, point
from nnviz.ui.pages.sweep.found import Found, find
from nnviz.ui.refresh import refresh_seconds
from nnviz.ui.runs import told
from nnviz.ui.state import Kept

_CHOSEN = Kept.SWEEP


def sweep_page(ready: bool) -> None:
    chosen = _chosen()
    with st.container(key="sweep-layout"):
        left, stage = st.columns([1, 2.4], gap="large")
    with left, st.container(border=True, key="sweep-form"):
        form.show(ready and not services.look_only(), _start)
    with stage:
        if chosen is None:
            _empty_state()
        else:
            every = max(0.5, refresh_seconds()) if chosen.status.moves else None
            st.fragment(_stage, run_every=every)(chosen.id, chosen.status)
        with st.container(horizontal=True, key="sweep-foot", vertical_alignment="center"):
            deleted = {sweep.id: sweep.name for sweep in services.sweeps().discarded()}
            show_bin("sweeps", deleted, st.session_state.get(Kept.SWEEP_DELETED), _restore, prefix="sweep-")


def _start(spec: SweepSpec) -> None:
    """From a click: no use of `st` between the first and the last line, see `state.Looking`."""
    session, executor, sweeps = st.session_state, services.executor(), services.sweeps()
    spec = replace(spec, config=spec.config.with_(data=usable(spec.config.data)))
    with told():
        sweep = sweeps.create(spec)
        executor.sweep(sweep.id, Command(Action.RESUME))
        session[_CHOSEN] = sweep.id
        point.forget(session)


def _chosen() -> Sweep | None:
    """The sweep this session looks at: the last one it chose or started, that of its link, else the newest."""
    sweeps = services.sweeps()
    wanted = st.session_state.get(_CHOSEN) or st.query_params.get("sweep")
    found: Sweep | None = None
    if wanted:
        try:
            found = sweeps.sweep(wanted)
        except SweepGone as error:
            st.info(plain(sentence(str(error))), icon=":material/delete:")
    if found is None:
        found = next(iter(sweeps.sweeps()), None)
    st.session_state[_CHOSEN] = found.id if found else None
    if found and st.query_params.get("sweep") != found.id:
        st.query_params["sweep"] = found.id
    elif not found:
        st.query_params.pop("sweep", None)
    return found


def _stage(sweep_id: str, drawn_as: Status) -> None:
    """All that moves while the sweep goes on."""
    try:
        sweep = services.sweeps().sweep(sweep_id)
        if sweep.status is not drawn_as:
            st.rerun()  # other buttons are due, and an ended sweep needs no more looking
        if st.session_state.get(_CHOSEN) != sweep_id:
            st.rerun()
        refresh_seconds()
        with st.container(horizontal=True, vertical_alignment="bottom", key="sweep-controls"):
            _choose(sweep)
            _buttons(sweep)
        found = find(sweep)
        _progress(sweep, found)
        pictures.show(sweep, found)
    except SweepGone:
        st.rerun()


def _choose(sweep: Sweep) -> None:
    names = {one.id: one.name for one in services.sweeps().sweeps()}
    if (picked := choose_shown("Sweep", names, sweep.id, "sweep-chosen", width=430)) != sweep.id:
        st.session_state[_CHOSEN] = picked
        point.forget(st.session_state)
        st.rerun()


def _buttons(sweep: Sweep) -> None:
    if sweep.status.moves:
        _command("Pause", Action.PAUSE, "pause", sweep, primary=True)
        _command("Stop", Action.STOP, "stop", sweep)
    elif sweep.status is not Status.FINISHED:
        _command("Go on", Action.RESUME, "play_arrow", sweep, primary=True)
        if sweep.status is Status.PAUSED:
            _command("Stop", Action.STOP, "stop", sweep)
    with st.popover("Delete", icon=":material/delete:", key="sweep-delete", disabled=bool(services.look_only())):
        st.markdown(f"Delete **{plain(sweep.name)}** with all its runs? For a day it can be had back.")
        st.button("Delete it", key="sweep-delete-sure", type="primary", on_click=_delete, args=(sweep.id,))


def _command(label: str, action: Action, icon: str, sweep: Sweep, primary: bool = False) -> None:
    st.button(
        label,
        key=f"sweep-{action}",
        icon=f":material/{icon}:",
        type="primary" if primary else "secondary",
        disabled=bool(services.look_only()),
        on_click=_tell,
        args=(sweep.id, Command(action)),
    )


def _tell(sweep_id: str, command: Command) -> None:
    with told():
        services.executor().sweep(sweep_id, command)


def _delete(sweep_id: str) -> None:
    session, executor = st.session_state, services.executor()
    with told():
        with suppress(SweepGone):  # somebody else was quicker, which is what was wanted
            executor.delete_sweep(sweep_id)
            session[Kept.SWEEP_DELETED] = sweep_id
        session[_CHOSEN] = None
        point.forget(session)


def _restore(sweep_id: str) -> None:
    session, sweeps = st.session_state, services.sweeps()
    with told():
        session[_CHOSEN] = sweeps.restore(sweep_id).id
        point.forget(session)


def _progress(sweep: Sweep, found: Found) -> None:
    share = 1.0 if sweep.status is Status.FINISHED else min(1.0, found.steps_done / max(1, found.steps_all))
    st.progress(share, text=progress_words(sweep, found))
    with st.container(key="sweep-way"):
        if sweep.strategy:
            st.caption(sweep.strategy)
        if sweep.reason:
            show = st.error if sweep.status is Status.FAILED else st.info
            show(plain(sweep.reason))


def progress_words(sweep: Sweep, found: Found) -> str:
    """How far it is: points done, time, time left."""
    state_ = {Status.QUEUED: "Starting", Status.RUNNING: "Training"}.get(sweep.status, sweep.status.capitalize())
    words = f"{state_} · {found.over:,} of {sweep.spec.runs:,} trainings are done · {duration(sweep.seconds)}"
    if sweep.status is Status.RUNNING and sweep.seconds > 2 and 0 < found.steps_done < found.steps_all:
        left = sweep.seconds * (found.steps_all - found.steps_done) / found.steps_done
        words += f", about {duration(left)} left"
    return words


def _empty_state() -> None:
    with st.container(border=True, key="sweep-empty"):
        st.markdown(
            "## Nothing has been explored yet\n"
            "Press **Start the sweep**: many nets, each set up a little differently, train at once. A map of them "
            "recolours while they learn, and shows where training is too slow, converges and diverges.\n\n"
            "- Each step moves every weight against its gradient: "
            r"$W_{\text{new}} = W_{\text{old}} - \alpha \cdot v$, with $v = \mu \cdot v_{\text{old}} + \partial L/"
            r"\partial W$."
            "\n- The **learning rate** α says how far one step goes; the **momentum** μ how much of the last steps goes"
            " on in it.\n- Which values are good depends on both, on the batch size, and on the net: so try them all."
        )
