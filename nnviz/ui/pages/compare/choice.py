"""Which runs are compared: chosen by a person, by a link, or the last few of the session's own, else the newest."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import streamlit as st

from nnviz.store.run import Run, RunGone
from nnviz.store.runs import RunStore
from nnviz.ui import services
from nnviz.ui.format import run_label
from nnviz.ui.state import Kept, looking, went_back

MOST = 40
"""Runs in the table; no more than the first `nnviz.charts.colors.RUNS` are drawn."""

NEWEST = 4
"""So many are compared before anything was chosen."""

PARAMETER = "runs"
_WIDGET, _CHOSEN = "compare-runs", Kept.COMPARED


@dataclass
class Chosen:
    """Ids of the runs that the session compares; see `nnviz.ui.state.Looking` for why a callback gets this first."""

    ids: tuple[str, ...] | None = None
    """None: nobody has chosen yet."""
    moved: bool = False
    """The address bar says something older."""
    left: set[str] = field(default_factory=set)
    """What the address bar said before, as `nnviz.ui.state.Looking` has it."""
    twin: str = ""
    """The twin that was just started: it is shown next."""

    def set(self, ids: Iterable[str]) -> None:
        self.ids, self.moved = tuple(dict.fromkeys(ids))[:MOST], True

    def add(self, ids: Iterable[str]) -> None:
        self.set((*(self.ids or ()), *ids))


def chosen() -> Chosen:
    if _CHOSEN not in st.session_state:
        st.session_state[_CHOSEN] = Chosen()
    value: Chosen = st.session_state[_CHOSEN]
    return value


def choose() -> list[Run]:
    """Show the choice; the runs chosen, in the order of their choice. Those that are gone are told, and let go."""
    store, look = services.store(), chosen()
    _follow_link(look)
    listed = {run.id: run for run in store.runs()}
    if look.ids is None:
        begun = [run.id for run in listed.values() if run.step]
        own = [one for one in looking().own if one in begun]
        look.ids = tuple((own or begun)[:NEWEST])
    found, gone = _found(store, look.ids)
    if gone:
        look.set(run.id for run in found)
        words = "1 run was" if gone == 1 else f"{gone} runs were"
        st.info(f"{words} deleted, and can't be compared any more.", icon=":material/delete:")
    if not listed and not found:
        _write_link(look)
        return []
    options = {**listed, **{run.id: run for run in found}}  # a link may name members of a sweep, too
    labels = {one: run_label(run.name, one) for one, run in options.items()}  # a session keeps what is drawn with
    st.session_state[_WIDGET] = [run.id for run in found]
    st.multiselect(
        "Runs to compare",
        list(labels),
        key=_WIDGET,
        max_selections=MOST,
        on_change=_take,
        format_func=labels.__getitem__,
        placeholder="Choose two runs or more",
    )
    _write_link(look)
    return found


def _take() -> None:
    ids = st.session_state[_WIDGET]
    chosen().set(ids)


def _follow_link(look: Chosen) -> None:
    linked = st.query_params.get(PARAMETER)
    if linked and not look.moved and (linked not in look.left or went_back()):
        look.ids = tuple(dict.fromkeys(one for one in linked.split(",") if one))[:MOST]


def _write_link(look: Chosen) -> None:
    look.moved = False
    wanted = ",".join(look.ids or ())
    look.left.discard(wanted)
    if (before := st.query_params.get(PARAMETER, "")) == wanted:
        return
    look.left.add(before)
    if wanted:
        st.query_params[PARAMETER] = wanted
    else:
        st.query_params.pop(PARAMETER, None)


def _found(store: RunStore, ids: Iterable[str]) -> tuple[list[Run], int]:
    """Those that are there, and how many are not."""
    runs, gone = [], 0
    for one in ids:
        try:
            runs.append(store.run(one))
        except RunGone:
            gone += 1
    return runs, gone
