"""The checkpoint that is looked at: a scrubber over the run's checkpoints, playing through them, following a live
training, and what it is compared with.
"""

from __future__ import annotations

from typing import NamedTuple

import streamlit as st

from nnviz.analysis.checkpoint_view import CheckpointView
from nnviz.store.run import Run
from nnviz.ui import services
from nnviz.ui.checkpoints import Beside, checkpoint_at, checkpoint_now
from nnviz.ui.format import plain, run_label
from nnviz.ui.state import Kept, keep

LIVE_SECONDS = 0.4
"""Between two looks at a running net: two a second with room to spare."""

PLAY_SECONDS = 0.6
"""Each checkpoint is shown so long when the training is played."""

_PLAYING, _REACHED = Kept.PLAYING, Kept.PLAY_REACHED
_STEP = "inspect-moment"
_FOLLOW = "inspect-follow"
_KIND = "inspect-compare"
_OTHER_STEP = "inspect-compare-moment"
_OTHER_RUN = "inspect-compare-run"

_KINDS = {"none": "nothing", "checkpoint": "another checkpoint of it", "run": "another run"}


def refresh_every(run: Run) -> float | None:
    """Seconds after which the page looks again by itself: while it follows a training, or plays."""
    if st.session_state.get(_PLAYING) == run.id:
        return PLAY_SECONDS
    return LIVE_SECONDS if following(run) else None


def following(run: Run) -> bool:
    """Whether the page shows the present state of a run that is going on."""
    return run.status.active and bool(st.session_state.get(_FOLLOW, True)) and not _wanted(run)


def choose_checkpoint(run: Run) -> CheckpointView | None:
    """Show the scrubber; the network at the checkpoint it points to, None if there is none yet.

    Raises CheckpointError, RunGone, DataError.
    """
    store = services.store()
    steps = store.checkpoints.steps(run.id)
    with st.container(horizontal=True, vertical_alignment="bottom", key="inspect-time"):
        if run.status.active:
            st.toggle(
                "Follow live",
                value=True,
                key=_FOLLOW,
                on_change=_stop_playing,
                help="Shows the net as it is now, several times a second. Off: choose a checkpoint with the slider.",
            )
        if following(run):
            store.present.watch(run.id)
            checkpoint = store.present.newest(run.id)
            if checkpoint is None:
                return None
            st.markdown(f"**Now: after step {checkpoint.position.step:,}**")
            return checkpoint_now(store, run, checkpoint)
        if not steps:
            return None
        return checkpoint_at(store, run, _scrub(run, steps))


def _scrub(run: Run, steps: list[int]) -> int:
    """The slider over the checkpoints and the button that plays them."""
    playing = _wanted(run)
    if playing:
        _advance(steps)
    # A rerun that the page itself asks for brings the browser's older value of the slider: what was reached counts.
    if (reached := st.session_state.pop(_REACHED, None)) in steps:
        st.session_state[_STEP] = reached
    if st.session_state.get(_STEP) not in steps:
        st.session_state[_STEP] = steps[-1]
    if playing:
        st.session_state[_REACHED] = st.session_state[_STEP]
    if len(steps) == 1:
        st.markdown(f"**After step {steps[0]:,}**, its only checkpoint")
        return steps[0]
    st.button(
        "Pause" if playing else "Play",
        key="inspect-play",
        icon=f":material/{'pause' if playing else 'play_arrow'}:",
        on_click=_stop_playing if playing else _play,
        args=() if playing else (run.id, steps),
        help="Run through all checkpoints, from the first to the last.",
    )
    step: int = st.select_slider(
        "Checkpoint: after step", steps, key=_STEP, format_func=lambda one: f"{one:,}", disabled=playing
    )
    return step


def _play(run_id: str, steps: list[int]) -> None:
    st.session_state[_PLAYING] = run_id
    at_end = st.session_state.get(_STEP) == steps[-1]
    st.session_state[_REACHED] = None if at_end else st.session_state.get(_STEP)


def _stop_playing() -> None:
    st.session_state.pop(_PLAYING, None)


def _advance(steps: list[int]) -> None:
    """One checkpoint further than was reached; the last one ends the playing."""
    reached = st.session_state.get(_REACHED)
    later = [step for step in steps if reached is None or step > reached]
    st.session_state[_REACHED] = later[0] if later else steps[-1]
    if st.session_state[_REACHED] == steps[-1]:
        _stop_playing()


def _wanted(run: Run) -> bool:
    return st.session_state.get(_PLAYING) == run.id


class Other(NamedTuple):
    """What a person wants to see beside the checkpoint: a step of the same run, or another run."""

    run: Run
    step: int | None
    """None: the checkpoint nearest to the one shown."""


def choose_other(run: Run) -> Other | None:
    """Show what the checkpoint may be compared with; what was chosen."""
    store = services.store()
    keep(_KIND, list(_KINDS))
    kind = st.selectbox("Compare with", list(_KINDS), key=_KIND, format_func=_KINDS.__getitem__, width=210)
    if kind == "checkpoint" and (steps := store.checkpoints.steps(run.id)):
        keep(_OTHER_STEP, steps)
        step = st.select_slider("The other checkpoint: after step", steps, key=_OTHER_STEP, format_func="{:,}".format)
        return Other(run, step)
    if kind == "run":
        others = {one.id: one for one in store.runs() if one.id != run.id and one.config.data == run.config.data}
        if not others:
            st.caption("There is no other run on the same data yet.")
            return None
        keep(_OTHER_RUN, list(others))
        st.selectbox(
            "The other run", list(others), key=_OTHER_RUN, format_func=lambda one: run_label(others[one].name, one)
        )
        return Other(others[st.session_state[_OTHER_RUN]], None)
    return None


def beside(run: Run, checkpoint: CheckpointView, other: Other | None) -> Beside | None:
    """The network to compare with. Raises CheckpointError, RunGone, DataError."""
    if other is None:
        return None
    store = services.store()
    step = other.step
    if step is None:
        steps = store.checkpoints.steps(other.run.id)
        if not steps:
            st.caption("That run has no checkpoint yet.")
            return None
        step = min(steps, key=lambda one: abs(one - checkpoint.step_number))
    words = f"after step {step:,}"
    title = words if other.run.id == run.id else f"{plain(other.run.name)}, {words}"
    return Beside(other.run, checkpoint_at(store, other.run, step), title)
