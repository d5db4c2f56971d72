"""All runs of the store: look at one, rename it, note something, delete it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import pandas as pd
import streamlit as st

from nnviz.data.datasets import DATASETS
from nnviz.store.run import Run, RunGone
from nnviz.ui import services, state
from nnviz.ui.format import plain
from nnviz.ui.runs import told
from nnviz.ui.state import Kept

REFRESH_SECONDS = 2.0
"""Between two looks at how far the runs are."""

_LISTED = Kept.RUNS_LISTED
"""Ids of the runs in the table as it was last shown, by row."""

_OVERTAKEN = Kept.RUNS_OVERTAKEN
"""The rows that were ticked before the list changed by itself, until the browser has followed: a refresh that was under
way sends them once more, and nobody has picked what stands there now.
"""


def run_list(chosen: Run | None) -> None:
    st.markdown("## Runs")
    runs = services.store().runs()
    if not runs:
        st.caption("No run yet. Press **Train** and it will be kept here, with its curves and weights.")
        return
    every = REFRESH_SECONDS if any(run.status.active for run in runs) else None
    st.fragment(_runs, run_every=every)(chosen.id if chosen else None, every is not None)
    if chosen:
        _edit(chosen)


def _runs(chosen: str | None, refreshed: bool) -> None:
    """The table, its row of the run shown ticked; it follows what others start, so a row is not the same for ever."""
    if state.chosen_run() != chosen:
        st.rerun()  # a row was picked
    runs = services.store().runs()
    listed = [run.id for _, run in families(runs)]
    before = st.session_state.get(_LISTED, listed)
    st.session_state[_LISTED] = listed
    ticked = [listed.index(chosen)] if chosen in listed else []
    if refreshed and listed != before:
        st.session_state[_OVERTAKEN] = [before.index(chosen)] if chosen in before else []
    elif not refreshed or _ticked() == ticked:
        st.session_state.pop(_OVERTAKEN, None)
    selection: Any = {"selection": {"rows": ticked, "columns": [], "cells": []}}
    if _ticked() != ticked:
        st.session_state["runs"] = selection
    st.dataframe(
        table(runs),
        key="runs",
        hide_index=True,
        on_select=_pick,
        selection_mode="single-row",
        selection_default=selection,  # a table that is just being made misses what the session's state says
        height=min(38 + 35 * len(runs), 320),
        placeholder="–",
        alt="All runs, newest first, forks below what they were forked from. The ticked one is shown above.",
        column_config={
            "Progress": st.column_config.ProgressColumn(format="%d %%", min_value=0, max_value=100),
            "Test accuracy": st.column_config.NumberColumn(format="%.2f %%"),
            "Started": st.column_config.DatetimeColumn(format="D MMM, HH:mm"),
        },
    )


def _ticked() -> list[int]:
    rows: list[int] = st.session_state.get("runs", {}).get("selection", {}).get("rows", [])
    return rows


def _pick() -> None:
    listed, rows = st.session_state.get(_LISTED, []), _ticked()
    if rows and rows[0] < len(listed) and rows != st.session_state.get(_OVERTAKEN):
        state.choose_run(listed[rows[0]])


def families(runs: Sequence[Run]) -> list[tuple[int, Run]]:
    """Every run with how many forks lead to it, below the one it was forked from; the family with the newest run first.

    `runs` come newest first. A fork of a run that was deleted begins a family of its own.
    """
    known = {run.id for run in runs}
    children: dict[str, list[Run]] = {}
    for run in runs:
        children.setdefault(run.parent if run.parent in known else "", []).append(run)

    def family(run: Run, depth: int) -> list[tuple[int, Run]]:
        return [(depth, run), *(one for child in children.get(run.id, ()) for one in family(child, depth + 1))]

    found = [family(root, 0) for root in children.get("", ())]
    found.sort(key=lambda members: max((run.created, run.id) for _, run in members), reverse=True)
    return [one for members in found for one in members]


def table(runs: list[Run]) -> pd.DataFrame:
    """One line per run, forks below what they were forked from; progress and accuracy in per cent, the accuracy
    missing before the first whole epoch.
    """
    names = ["\u2003" * (depth - 1) + "└ " * (depth > 0) + run.name for depth, run in families(runs)]
    runs = [run for _, run in families(runs)]
    return pd.DataFrame(
        {
            "Name": names,
            "State": [run.status.value for run in runs],
            "Progress": [int(100 * run.step / run.steps) if run.steps else 0 for run in runs],
            "Test accuracy": [None if run.test_accuracy is None else 100 * run.test_accuracy for run in runs],
            "Data": [DATASETS[run.config.data].title for run in runs],
            "Started": [pd.Timestamp(time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(run.created))) for run in runs],
            "Note": [run.note for run in runs],
        }
    )


def _edit(run: Run) -> None:
    with st.container(horizontal=True, key="run-edit", vertical_alignment="bottom"):
        for label, name, value, save in (
            ("Name of this run", "run-name", run.name, services.store().rename),
            ("Note", "run-note", run.note, services.store().annotate),
        ):
            st.session_state[name] = value
            st.text_input(label, key=name, on_change=_save, args=(run.id, name, save), max_chars=4000)
        with st.popover("Delete", icon=":material/delete:", key="delete-run"):
            st.markdown(f"Delete **{plain(run.name)}** with its curves and weights? This can't be undone.")
            st.button("Delete it", key="delete-run-sure", type="primary", on_click=_delete, args=(run,))


def _save(run_id: str, key: str, save: Callable[[str, str], None]) -> None:
    with told():
        save(run_id, st.session_state[key])


def _delete(run: Run) -> None:
    with told():
        with suppress(RunGone):  # somebody else was quicker, which is what was wanted
            services.executor().delete(run)
        state.choose_run(None)
