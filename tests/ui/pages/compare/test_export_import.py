"""Section "Export and import" of the Compare page: files out and in, as somebody meets it who presses the buttons."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from nnviz.executor.recorder import train_run
from nnviz.export.archive import export_run, import_run, import_runs
from nnviz.export.tensorboard import folder_name
from nnviz.spec.layers.dense import Dense
from nnviz.spec.network import NetworkSpec
from nnviz.spec.train_config import TrainConfig
from nnviz.store.run import Run, Status
from nnviz.store.runs import RunStore
from nnviz.ui.format import size_in_words
from tests.pages import open_page, rerun, words
from tests.waiting import LIMIT_S

PAGE = "pages/5_Compare.py"
CONFIG = TrainConfig(epochs=1, batch_size=50, lr=0.01, checkpoints=4)


@pytest.fixture
def downloads(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[Callable[[], Any], str]]:
    """What each download button would hand over, and under which name; nothing of it is made before the click."""
    found: dict[str, tuple[Callable[[], Any], str]] = {}
    button = type(st._main).download_button

    def noted(self: Any, text: str, data: Any, name: str, *words: Any, key: str, **options: Any) -> bool:
        found[key] = (data, name)
        pressed: bool = button(self, text, data, name, *words, key=key, **options)
        return pressed

    monkeypatch.setattr(type(st._main), "download_button", noted)
    monkeypatch.setattr(st, "download_button", lambda *words, **options: noted(st._main, *words, **options))
    return found


def trained(store: RunStore, **changes: Any) -> Run:
    run = store.create(NetworkSpec((Dense(16),)), CONFIG.with_(**changes))
    train_run(store, run.id)
    return store.run(run.id)


def travel(*runs: Run) -> AppTest:
    at = AppTest.from_file(str(Path(__file__).parents[4] / "app.py"), default_timeout=LIMIT_S).switch_page(PAGE)
    at.query_params["runs"] = ",".join(run.id for run in runs)
    at.session_state["compare-look"] = "travel"
    return rerun(at)


def upload(at: AppTest, *files: tuple[str, bytes]) -> AppTest:
    at.file_uploader[0].set_value([(name, data, "application/zip") for name, data in files])
    return rerun(at)


def test_all_chosen_or_one_of_them_leave_as_a_file(
    store: RunStore, downloads: dict[str, tuple[Callable[[], Any], str]], tmp_path: Path
) -> None:
    runs = [trained(store, seed=seed) for seed in range(2)]
    there = RunStore(tmp_path)
    at = travel(*runs)
    make, name = downloads["compare-take-file"]
    assert name == "nnviz-runs.zip"
    assert [run.config.seed for run in import_runs(there, make())] == [0, 1]
    at.selectbox(key="compare-take").set_value(runs[1].id)
    at.toggle(key="compare-take-last").set_value(True)
    rerun(at)
    make, name = downloads["compare-take-file"]
    assert name == f"nnviz-{runs[1].id}.zip"
    twin = import_run(there, make())
    assert twin.config.seed == 1
    assert there.checkpoints.steps(twin.id) == [runs[1].step]
    size = store.checkpoints.path(runs[1].id, runs[1].step).stat().st_size
    assert f"about {size_in_words(size)}" in words(at, "caption")
    there.close()


def test_curves_and_events_of_all(store: RunStore, downloads: dict[str, tuple[Callable[[], Any], str]]) -> None:
    runs = [trained(store, seed=seed) for seed in range(2)]
    travel(*runs)
    table = pd.read_csv(io.StringIO(downloads["compare-take-csv"][0]()))
    assert table.columns[:3].tolist() == ["run", "name", "id"]
    assert table["run"].tolist() == ["A"] * runs[0].step + ["B"] * runs[1].step
    for run in runs:
        losses = table.loc[table["id"] == run.id, "batch loss (mean per example)"]
        np.testing.assert_allclose(losses, store.history.curve(run.id).loss, rtol=1e-6)
    with zipfile.ZipFile(io.BytesIO(downloads["compare-take-tensorboard"][0]())) as file:
        assert [name.split("/")[0] for name in file.namelist()] == [folder_name(run) for run in runs]


def test_runs_come_in_and_are_chosen(store: RunStore) -> None:
    run = trained(store)
    data = export_run(store, run.id)
    at = travel(run)
    upload(at, ("*mine*.zip", data), ("letter.zip", b"Dear reader"))
    assert len(store.runs()) == 2
    [twin] = [one for one in store.runs() if one.id != run.id]
    assert at.multiselect(key="compare-runs").value == [run.id, twin.id]
    assert "has arrived: finished after 6 of 6 steps." in words(at, "success")
    assert "letter.zip was not taken in. This is not a run of nnviz" in words(at, "error").replace("*", "")
    assert "Imported from *mine*.zip" in twin.note
    rerun(at)
    assert len(store.runs()) == 2  # not once more with every look


def test_the_first_run_may_come_from_a_file(store: RunStore) -> None:
    run = trained(store)
    data = export_run(store, run.id)
    store.delete(run.id)
    at = open_page(PAGE)
    assert "Nothing to compare yet" in words(at)
    upload(at, ("mine.zip", data))
    [twin] = store.runs()
    assert at.multiselect(key="compare-runs").value == [twin.id]


@pytest.mark.parametrize("page", ["pages/2_Train.py", "pages/3_Inspect.py", "pages/4_Draw.py", PAGE])
def test_a_run_that_came_in_opens_on_every_page(store: RunStore, page: str) -> None:
    run = trained(store)
    data = export_run(store, run.id)
    store.delete(run.id)
    twin = import_run(store, data, "mine.zip")
    assert twin.status is Status.FINISHED
    at = open_page(page, run=twin.id, runs=twin.id)
    assert twin.name in words(at, "markdown", "caption") + str(
        [box.options for box in (*at.selectbox, *at.multiselect)]
    )
    assert not at.error
