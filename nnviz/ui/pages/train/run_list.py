"""All runs of the store: look at one, rename it, note something, delete it and have it back."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress

import streamlit as st

from nnviz.data.datasets import DATASETS
from nnviz.store.run import Run, RunGone
from nnviz.store.runs import RunStore
from nnviz.table import csv_text
from nnviz.ui import services, state
from nnviz.ui.bin import show_bin
from nnviz.ui.components.row_table import Cell, Column, Row, row_table
from nnviz.ui.csv_button import csv_button
from nnviz.ui.format import plain
from nnviz.ui.runs import told
from nnviz.ui.state import Kept

REFRESH_SECONDS = 2.0
"""Between two looks at how far the runs are."""

COLUMNS = (
    Column("Name"),
    Column("State"),
    Column("Progress", numeric=True),
    Column("Test accuracy", numeric=True),
    Column("Data"),
    Column("Started"),
    Column("Note"),
)


def run_list(chosen: Run | None) -> None:
    st.markdown("## Runs")
    store = services.store()
    runs = store.runs()
    if runs:
        every = REFRESH_SECONDS if any(run.status.active for run in runs) else None
        st.fragment(_runs, run_every=every)(chosen.id if chosen else None)
    else:
        st.caption("No run yet. Press **Train** and it will be kept here, with its curves and weights.")
    if chosen:
        _edit(chosen)
    _foot(store, bool(runs))


def _runs(chosen: str | None) -> None:
    if state.chosen_run() != chosen:
        st.rerun()  # a row was picked
    row_table(
        COLUMNS,
        rows(services.store().runs()),
        chosen,
        state.choose_run,
        key="runs",
        label="All runs, newest first, forks below what they were forked from. The marked one is shown above.",
    )


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


def rows(runs: Sequence[Run]) -> list[Row]:
    """One for each run, forks below what they were forked from; without an accuracy before the first whole epoch."""
    return [
        Row(
            run.id,
            (
                Cell("\u2003" * (depth - 1) + "└ " * (depth > 0) + run.name, run.name),
                Cell(run.status.value, run.status.value),
                _progress(run),
                _accuracy(run),
                Cell(title := DATASETS[run.config.data].title, title),
                Cell(time.strftime("%-d %b, %H:%M", time.localtime(run.created)), run.created),
                Cell(run.note, run.note or None),
            ),
        )
        for depth, run in families(runs)
    ]


def _progress(run: Run) -> Cell:
    share = min(1.0, run.step / run.steps) if run.steps else 0.0
    return Cell(f"{int(100 * share)} %", share, share)


def _accuracy(run: Run) -> Cell:
    return Cell("–" if run.test_accuracy is None else f"{100 * run.test_accuracy:.2f} %", run.test_accuracy)


def table_csv(runs: Sequence[Run]) -> str:
    """The list for a spreadsheet."""
    return csv_text(
        ("id", *(column.title for column in COLUMNS)),
        ((row.id, *(cell.text for cell in row.cells)) for row in rows(runs)),
    )


def _edit(run: Run) -> None:
    if run.pretrained:
        st.caption(f"{plain(run.note)} It can be asked, looked into, compared and forked, but not changed.")
        return
    locked = bool(services.look_only())
    with st.container(horizontal=True, key="run-edit", vertical_alignment="bottom"):
        for label, name, value, save in (
            ("Name of this run", "run-name", run.name, services.store().rename),
            ("Note", "run-note", run.note, services.store().annotate),
        ):
            st.session_state[name] = value
            st.text_input(label, key=name, on_change=_save, args=(run.id, name, save), max_chars=4000, disabled=locked)
        with st.popover("Delete", icon=":material/delete:", key="delete-run", disabled=locked):
            st.markdown(f"Delete **{plain(run.name)}** with its curves and weights? For a day it can be had back.")
            st.button("Delete it", key="delete-run-sure", type="primary", on_click=_delete, args=(run,))


def _save(run_id: str, key: str, save: Callable[[str, str], None]) -> None:
    with told():
        save(run_id, st.session_state[key])


def _delete(run: Run) -> None:
    with told():
        with suppress(RunGone):  # somebody else was quicker, which is what was wanted
            services.executor().delete(run)
            st.session_state[Kept.DELETED] = run.id
        state.choose_run(None)


def _foot(store: RunStore, listed: bool) -> None:
    with st.container(horizontal=True, key="run-foot", vertical_alignment="center"):
        if listed:
            csv_button("CSV", lambda: table_csv(store.runs()), "runs.csv", key="download-runs")
        deleted = {run.id: run.name for run in store.discarded()}
        show_bin("runs", deleted, st.session_state.get(Kept.DELETED), _restore)


def _restore(run_id: str) -> None:
    look, store = state.looking(), services.store()
    with told():
        look.choose(store.restore(run_id).id)
