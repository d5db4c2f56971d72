"""The point of a sweep that was clicked: its values, its runs, and the ways to look at them or to train it fully."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

import streamlit as st

from nnviz.fields import Number, bounds_of
from nnviz.spec.train_config import TrainConfig
from nnviz.sweep.space import point_label
from nnviz.sweep.store import Sweep
from nnviz.ui import services, state
from nnviz.ui.format import plain
from nnviz.ui.forms import number_field, refused, typed
from nnviz.ui.pages.sweep.found import Found, state_in_words
from nnviz.ui.runs import told
from nnviz.ui.state import Kept

TRAIN_PAGE, INSPECT_PAGE, DRAW_PAGE = "pages/2_Train.py", "pages/3_Inspect.py", "pages/4_Draw.py"

_POINT = Kept.POINT
_EPOCHS = "sweep-full-epochs"


def chosen(found: Found) -> int | None:
    """The number of the point that was clicked last, else of the best one so far; None while nothing is known."""
    number: int | None = st.session_state.get(_POINT)
    if number is not None and number in found.values:
        return number
    return found.best


def is_chosen(number: int) -> bool:
    return st.session_state.get(_POINT) == number


def choose(number: int) -> None:
    st.session_state[_POINT] = number


def forget(session: MutableMapping[Any, Any]) -> None:
    session.pop(_POINT, None)


def show(sweep: Sweep, found: Found) -> None:
    number = chosen(found)
    with st.container(border=True, key="sweep-point"):
        if number is None:
            st.caption("Click a cell to see its run. The best point stands here as soon as one has done an epoch.")
            return
        picked = is_chosen(number)
        title = "The chosen point" if picked else "The best trial so far"
        st.markdown(f"**{title}:** {plain(point_label(found.values[number]))}")
        members = found.members.get(number, [])
        for member in members:
            seed = f"seed {sweep.spec.config.seed + member.seed_index}: " if len(members) > 1 else ""
            st.caption(plain(f"{seed}{state_in_words(member)}"))
        if not members:
            return
        _ways(members[0].run)
        _promote(sweep, members[0].run)


def _ways(run_id: str) -> None:
    with st.container(horizontal=True, key="sweep-open"):
        for label, key, icon, page in (
            ("Curves", "train", "show_chart", TRAIN_PAGE),
            ("Look inside", "inspect", "search", INSPECT_PAGE),
            ("Draw for it", "draw", "draw", DRAW_PAGE),
        ):
            if st.button(label, key=f"sweep-open-{key}", icon=f":material/{icon}:"):
                state.choose_run(run_id)
                st.switch_page(page)


def _promote(sweep: Sweep, run_id: str) -> None:
    """The point as a run of its own, for more epochs."""
    bounds = bounds_of(TrainConfig)["epochs"]
    kept: dict[str, int | float] = st.session_state.setdefault(Kept.SWEEP_FULL, {"epochs": TrainConfig().epochs})
    assert isinstance(bounds, Number)
    with st.container(horizontal=True, vertical_alignment="bottom", key="sweep-full"):
        number_field("Epochs", kept["epochs"], bounds, _EPOCHS, lambda epochs: kept.update(epochs=epochs), width=130)
        if st.button(
            "Train it fully",
            key="sweep-promote",
            type="primary",
            icon=":material/rocket_launch:",
            on_click=_launch,
            args=(run_id, bounds),
            disabled=bool(refused(_EPOCHS) or services.look_only()),
            help="A run of its own with these settings, all checkpoints kept, to look into and to draw for.",
        ):
            st.switch_page(TRAIN_PAGE)


def _launch(run_id: str, bounds: Number) -> None:
    epochs = int(typed(_EPOCHS, bounds, st.session_state[Kept.SWEEP_FULL]["epochs"]))
    look, sweeps, executor = state.looking(), services.sweeps(), services.executor()
    with told():  # no use of `st` from here on: see Looking
        run = sweeps.promote(run_id, epochs)
        look.choose(run.id)
        executor.submit(run.id)
