"""Section "Export and import": runs as files, for another nnviz, TensorBoard or a spreadsheet; runs from files."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import suppress

import streamlit as st

from nnviz.charts.curves import all_curves_csv
from nnviz.export.archive import ArchiveError, export_run, export_runs, file_name, import_runs
from nnviz.export.tensorboard import event_zip
from nnviz.store.run import Run
from nnviz.store.runs import RunStore
from nnviz.ui import services, state
from nnviz.ui.csv_button import csv_button
from nnviz.ui.format import plain, sentence, size_in_words
from nnviz.ui.pages.compare import choice
from nnviz.ui.pages.compare.view import label, names
from nnviz.ui.state import Kept

MAX_UPLOAD = 1000
"""MB."""

_REPORT, _TURN = Kept.IMPORTED, Kept.IMPORT_TURN
_ALL = ""
"""Stands for every chosen run."""

Chosen = Callable[[list[str]], None]
"""Gets the ids of the runs that came in."""


def show(runs: list[Run]) -> None:
    out, into = st.columns(2, gap="large")
    with out:
        _out(runs)
    with into:
        bring_in(choice.chosen().add)


def _out(runs: list[Run]) -> None:
    store, short = services.store(), names(runs)
    st.markdown("## Export")
    st.caption(
        "A file that another nnviz opens, here or at home: settings, curve and weights. A training that was "
        "stopped goes on there as if it had never left."
    )
    labels = {_ALL: f"all {len(runs)}"} if len(runs) > 1 else {}
    labels |= {run.id: label(short[run.id], run) for run in runs}
    state.keep("compare-take", list(labels))
    picked = st.selectbox("Which", [*labels], key="compare-take", format_func=labels.__getitem__)
    ids = [run.id for run in runs if picked in (_ALL, run.id)]
    state.recall("compare-take-last", False)
    last = st.toggle(
        "Last weights only",
        key="compare-take-last",
        help="Without the earlier checkpoints that Inspect can go back to: a much smaller file.",
    )
    with st.container(horizontal=True, vertical_alignment="center", key="compare-take-run"):
        st.download_button(
            "As a file" if len(ids) == 1 else "All as one file",
            lambda: _file(store, ids, last),
            file_name(store.run(ids[0])) if len(ids) == 1 else "nnviz-runs.zip",
            "application/zip",
            key="compare-take-file",
            icon=":material/archive:",
            type="primary",
            on_click="ignore",
        )
        st.caption(f"about {_size(store, ids, last)}")
    with st.container(horizontal=True, key="compare-take-other"):
        csv_button(
            "Curves as CSV",
            lambda: _curves(store, [run for run in runs if run.id in ids], short),
            "nnviz-curves.csv",
            key="compare-take-csv",
            help="Every step of every run in one long table, for a spreadsheet or pandas.",
        )
        st.download_button(
            "For TensorBoard",
            lambda: event_zip(store, ids),
            "nnviz-tensorboard.zip",
            "application/zip",
            key="compare-take-tensorboard",
            icon=":material/download:",
            on_click="ignore",
            help="Unpack it, then: tensorboard --logdir FOLDER. Curves, histograms of the weights and settings.",
        )


def _file(store: RunStore, ids: list[str], last: bool) -> bytes:
    return export_run(store, ids[0], last_only=last) if len(ids) == 1 else export_runs(store, ids, last_only=last)


def _size(store: RunStore, ids: list[str], last: bool) -> str:
    """What the weights take, for people."""
    total = 0
    for run_id in ids:
        for step in store.checkpoints.steps(run_id)[-1 if last else 0 :]:
            with suppress(FileNotFoundError):  # a checkpoint that was let go just now
                total += store.checkpoints.path(run_id, step).stat().st_size
    return size_in_words(total)


def _curves(store: RunStore, runs: list[Run], short: dict[str, str]) -> str:
    trainings = (
        ((short[run.id], run.name, run.id), store.history.curve(run.id), store.history.epochs(run.id)) for run in runs
    )
    return all_curves_csv(trainings, ("run", "name", "id"))


def bring_in(chosen: Chosen | None = None) -> None:
    """Runs from files; those that came in are given to `chosen`."""
    st.markdown("## Import")
    st.caption("Files that were taken along before. Nothing in them is ever executed.")
    turn = st.session_state.setdefault(_TURN, 0)
    st.file_uploader(
        "Files of runs",
        "zip",
        accept_multiple_files=True,
        key=f"compare-import-{turn}",
        on_change=_import,
        args=(f"compare-import-{turn}", chosen),
        max_upload_size=MAX_UPLOAD,
        disabled=bool(services.look_only()),
    )
    if reports := st.session_state.get(_REPORT):
        with st.container(key="compare-import-report"):
            for good, words in reports:
                if good:
                    st.success(words, icon=":material/check:")
                else:
                    st.error(words, icon=":material/error:")


def _import(key: str, chosen: Chosen | None) -> None:
    store, reports, came = services.store(), [], []
    for file in st.session_state[key]:
        try:
            runs = import_runs(store, file, file.name[:80])
        except ArchiveError as error:
            reports.append((False, f"**{plain(file.name)}** was not taken in. {plain(sentence(str(error)))}"))
        except (OSError, sqlite3.Error) as error:
            words = f"It can't be kept: {error} ({store.root}). Free some space or mend the folder, then try again."
            reports.append((False, f"**{plain(file.name)}** was not taken in. {plain(words)}"))
        else:
            came += [run.id for run in runs]
            reports += [(True, _welcome(run)) for run in runs]
    if reports:
        st.session_state[_REPORT] = reports
        st.session_state[_TURN] += 1  # an empty box again: else each of its files would come in twice
    if came and chosen:
        chosen(came)


def _welcome(run: Run) -> str:
    how = f"{run.status.value} after {run.step:,} of {run.steps:,} steps" if run.steps else run.status.value
    more = " The Train page can resume it." if run.status.resumable else ""
    return f"**{plain(run.name)}** has arrived: {how}.{more}"
