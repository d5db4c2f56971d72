"""All runs of the store: look at one, rename it, note something, delete it."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

import pandas as pd
import streamlit as st

from nnviz.datasets import DATASETS
from nnviz.runs import Run, RunGone
from nnviz.ui import services, state
from nnviz.ui.text import plain


def run_list(chosen: Run | None) -> None:
    st.markdown("##### Runs")
    runs = services.store().runs()
    if not runs:
        st.caption("No run yet. Press **Train** and it will be kept here, with its curves and weights.")
        return
    picked = st.dataframe(
        _table(runs),
        key="runs",
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        height=min(38 + 35 * len(runs), 320),
        column_config={
            "Test accuracy": st.column_config.NumberColumn(format="%.2f %%"),
            "Started": st.column_config.DatetimeColumn(format="D MMM, HH:mm"),
            "Progress": st.column_config.ProgressColumn(format="percent", min_value=0, max_value=1),
        },
    )
    rows = picked["selection"]["rows"]
    if rows and rows[0] < len(runs):
        _look_at(runs[rows[0]].id)
    if chosen:
        _edit(chosen)


def _look_at(run_id: str) -> None:
    """Follow a new selection in the table, once: the session may move on to another run by other means."""
    if st.session_state.get("runs_picked") != run_id:
        st.session_state["runs_picked"] = run_id
        if state.chosen_run() != run_id:
            state.choose_run(run_id)
            st.rerun()


def _table(runs: list[Run]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Name": [run.name for run in runs],
            "State": [run.status.value for run in runs],
            "Progress": [run.step / run.steps if run.steps else 0.0 for run in runs],
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
    try:
        save(run_id, st.session_state[key])
    except RunGone as error:
        st.toast(f"{error}.")


def _delete(run: Run) -> None:
    with suppress(RunGone):  # somebody else was quicker, which is what was wanted
        services.executor().delete(run)
    state.choose_run(None)
