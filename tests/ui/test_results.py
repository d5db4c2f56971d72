"""The section of results, in every state a run may have left behind."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import streamlit as st
import torch
from streamlit.testing.v1 import AppTest

from nnviz.analysis.calibration import Calibration, Reliability, calibrate
from nnviz.charts.confusion import confusion_info
from nnviz.data.datasets import DATASETS, Dataset, Loaded, Split
from nnviz.executor.recorder import train_run
from nnviz.spec.network import NetworkSpec
from nnviz.spec.train_config import TrainConfig
from nnviz.store.run import Run
from nnviz.store.runs import RunStore
from nnviz.train.evaluation import Evaluation
from nnviz.ui.checkpoints import checkpoint_at
from nnviz.ui.format import percent
from nnviz.ui.results import ALL, captions, cells, in_words, predictions_csv
from tests.waiting import LIMIT_S

CLASSES = ("a", "b", "c")


@pytest.fixture
def recorded(tmp_path: Path, blobs: Loaded, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[RunStore, Run]]:
    """A run that was trained for an epoch, on little data, so that there is something wrong."""
    monkeypatch.setattr(Dataset, "load", lambda self, root=None: blobs)
    monkeypatch.setenv("NNVIZ_RUNS", str(tmp_path))
    st.cache_resource.clear()
    store = RunStore(tmp_path)
    run = store.create(NetworkSpec(layers=()), TrainConfig(per_class=2, epochs=1, batch_size=4, lr=1e-5))
    train_run(store, run.id)
    yield store, store.run(run.id)
    store.close()


def script() -> None:
    from nnviz.store.runs import RunStore
    from nnviz.ui.results import show_results

    store = RunStore()
    for run in store.runs():
        show_results(store, run)


def shown() -> AppTest:
    app = AppTest.from_function(script, default_timeout=LIMIT_S).run()
    assert not app.exception
    return app


def words(app: AppTest) -> str:
    return "\n".join(str(element.value) for kind in ("markdown", "caption") for element in app.get(kind))


def test_the_numbers_are_those_of_the_last_snapshot(recorded: tuple[RunStore, Run]) -> None:
    _, run = recorded
    app = shown()
    assert app.metric[0].label == "Test accuracy"
    assert app.metric[0].value == f"{run.test_accuracy:.2%}"
    right = round(100 * (run.test_accuracy or 0))
    assert f"**{right:,} of 100 right** after step 5" in words(app)
    assert DATASETS["mnist"].origin in words(app)
    assert f"wrong about {100 - right:,} of 100 test images" in words(app)


def test_choosing_a_cell_shows_its_images_and_back(recorded: tuple[RunStore, Run]) -> None:
    app = shown()
    box = app.selectbox(key="confusion-cell")
    assert box.value == ALL
    assert not [button for button in app.button if button.key == "all-mistakes"]
    app = box.select_index(1).run()
    assert not app.exception
    true, answer = app.selectbox(key="confusion-cell").value
    assert true != answer
    assert f"of {true} w" in words(app)
    assert f"answered with {answer}" in words(app)
    app = app.button(key="all-mistakes").click().run()
    assert app.selectbox(key="confusion-cell").value == ALL
    assert "wrong about" in words(app)


def test_another_runs_choice_is_forgotten(recorded: tuple[RunStore, Run]) -> None:
    app = shown().selectbox(key="confusion-cell").select_index(1).run()
    app.session_state["confusion-run"] = "another"
    assert app.run().selectbox(key="confusion-cell").value == ALL


def test_without_a_snapshot_it_says_so(recorded: tuple[RunStore, Run]) -> None:
    store, run = recorded
    for step in store.checkpoints.steps(run.id):
        store.checkpoints.path(run.id, step).unlink()
    app = shown()
    assert f"run {run.id} has no checkpoint yet" in app.info[0].value
    assert not app.metric


def test_a_damaged_last_snapshot_is_passed_over(recorded: tuple[RunStore, Run]) -> None:
    store, run = recorded
    store.checkpoints.path(run.id, 999).write_bytes(b"torn")
    assert "after step 5" in words(shown())


def test_when_all_are_damaged_it_says_which(recorded: tuple[RunStore, Run]) -> None:
    store, run = recorded
    for step in store.checkpoints.steps(run.id):
        store.checkpoints.path(run.id, step).write_bytes(b"torn")
    assert "is damaged and was not used" in shown().info[0].value


def test_without_the_data_it_says_so(recorded: tuple[RunStore, Run], monkeypatch: pytest.MonkeyPatch) -> None:
    from nnviz.data.datasets import DataError

    def gone(self: Dataset, root: Path | None = None) -> Any:
        raise DataError("MNIST is not there: some/file is missing")

    monkeypatch.setattr(Dataset, "load", gone)
    assert shown().warning[0].value == "MNIST is not there: some/file is missing."


def test_weights_that_ran_away_give_no_number(recorded: tuple[RunStore, Run], monkeypatch: pytest.MonkeyPatch) -> None:
    def overflown(model: object, dataset: Dataset, split: Split) -> Evaluation:
        return Evaluation(torch.full((len(split.labels), 10), torch.nan), split.labels)

    monkeypatch.setattr("nnviz.ui.results.evaluate", overflown)
    app = shown()
    assert "For 100 of these images the weights are so large" in app.warning[0].value
    assert "nan" not in words(app).lower()


@pytest.fixture
def evaluation() -> Evaluation:
    probabilities = torch.tensor([[0.9, 0.1, 0], [0.2, 0.8, 0], [0, 0.0001, 0.9999], [0.3, 0.6, 0.1]])
    return Evaluation(probabilities, torch.tensor([0, 0, 1, 0]))


def test_cells_are_sorted_by_how_often_it_went_wrong(evaluation: Evaluation) -> None:
    assert cells(confusion_info(evaluation.confusion().numpy(), CLASSES)) == [(0, 1), (1, 2), (0, 0)]


def test_captions(evaluation: Evaluation) -> None:
    assert captions(evaluation, CLASSES, torch.tensor([2, 0])) == [
        ("b → c", "> 99.9 %", False),
        ("a → a", "90.0 %", True),
    ]


@pytest.mark.parametrize(
    ("share", "text"), [(0.998, "99.8 %"), (0.99951, "> 99.9 %"), (0.1, "10.0 %"), (float("nan"), "no number")]
)
def test_percent(share: float, text: str) -> None:
    assert percent(share) == text


def test_predictions_as_csv(evaluation: Evaluation) -> None:
    header, *rows = csv.reader(io.StringIO(predictions_csv(evaluation, CLASSES)))
    assert header == ["index", "true", "answer", "probability of the answer (0 to 1)"]
    assert rows[1:3] == [["1", "a", "b", "0.8"], ["2", "b", "c", "0.9999"]]
    assert len(rows) == 4


def test_calibration_stands_with_the_results_of_a_net_that_learned(
    tmp_path: Path, blobs: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Dataset, "load", lambda self, root=None: blobs)
    monkeypatch.setenv("NNVIZ_RUNS", str(tmp_path))
    st.cache_resource.clear()
    store = RunStore(tmp_path)
    run = store.create(NetworkSpec(), TrainConfig(per_class=20, epochs=3, batch_size=10, lr=0.05))
    train_run(store, run.id)
    found = calibrate(checkpoint_at(store, run, store.checkpoints.steps(run.id)[-1]))
    store.close()
    assert found is not None
    app = shown()
    values = [metric.value for metric in app.metric if "error" in metric.label or "after" in metric.label]
    errors = found.before.expected_calibration_error, found.after.expected_calibration_error
    assert values == [f"{error:.2%}" for error in errors]
    assert "Is it right as often as it says?" in words(app)


def test_a_net_that_learned_nothing_has_no_calibration(recorded: tuple[RunStore, Run]) -> None:
    assert "Is it right as often as it says?" not in words(shown())


def test_it_is_said_whether_the_net_is_too_sure() -> None:
    def calibration(sure: float, right: float) -> Calibration:
        made = Reliability(np.array([sure]), np.array([right]), np.array([100]))
        return Calibration(1.0, made, made, 100)

    assert in_words(calibration(0.95, 0.9)).endswith("90.0% of its answers are right: less often than it says.")
    assert "more often than it says" in in_words(calibration(0.8, 0.9))
    assert "about as often as it says" in in_words(calibration(0.902, 0.9))
