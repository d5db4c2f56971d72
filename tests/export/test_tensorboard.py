"""TensorBoard itself reads in our event files what was recorded."""

from __future__ import annotations

import io
import itertools
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnviz.data.datasets import Dataset, Loaded
from nnviz.executor.recorder import train_run
from nnviz.export.tensorboard import event_file, event_zip, folder_name
from nnviz.spec.layers.dense import Dense
from nnviz.spec.network import NetworkSpec
from nnviz.spec.train_config import TrainConfig
from nnviz.store.run import Run, RunGone
from nnviz.store.runs import RunStore

CONFIG = TrainConfig(epochs=2, batch_size=20, lr=0.01, checkpoints=3)


@pytest.fixture
def store(tmp_path: Path, blobs: Loaded, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunStore]:
    monkeypatch.setattr(Dataset, "load", lambda self, root=None: blobs)
    store = RunStore(tmp_path / "runs")
    yield store
    store.close()


@pytest.fixture
def run(store: RunStore) -> Run:
    run = store.create(NetworkSpec((Dense(16),)), CONFIG, name="a | b/../c")
    train_run(store, run.id)
    return store.run(run.id)


def accumulated(folder: Path) -> Any:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    everything = dict.fromkeys(("scalars", "histograms", "tensors", "images"), 0)
    found = EventAccumulator(str(folder), size_guidance=everything)
    found.Reload()
    return found


def test_every_number_is_read_back(store: RunStore, run: Run, tmp_path: Path) -> None:
    path = event_file(store, run.id, tmp_path / "out")
    found = accumulated(path.parent)
    curve = store.history.curve(run.id)
    for tag, values in (("batch/loss", curve.loss), ("batch/accuracy", curve.accuracy), ("learning_rate", curve.lr)):
        events = found.Scalars(tag)
        assert [event.step for event in events] == curve.step.tolist() == list(range(1, 31))
        assert np.float32([event.value for event in events]).tolist() == values.tolist()
    times = [event.wall_time for event in found.Scalars("batch/loss")]
    assert times == sorted(times)
    assert times[-1] == pytest.approx(run.created + run.seconds)
    for place, tag in enumerate(("train/loss", "train/accuracy", "test/loss", "test/accuracy"), start=2):
        epochs = [(event.step, event.value) for event in found.Scalars(tag)]
        assert epochs == [(epoch.step, np.float32(epoch[place])) for epoch in store.history.epochs(run.id)]


def test_a_fork_s_clock_begins_where_it_was_forked(store: RunStore, run: Run, tmp_path: Path) -> None:
    """Each step takes as long as its own steps took; what its parent did lies before. Untrained, it has no pace."""
    step = store.checkpoints.steps(run.id)[1]
    fork = store.fork(run.id, step, CONFIG)
    events = accumulated(event_file(store, fork.id, tmp_path / "new").parent).Scalars("batch/loss")
    assert len(events) == step > 0
    assert {event.wall_time for event in events} == {fork.created}
    train_run(store, fork.id)
    fork = store.run(fork.id)
    events = accumulated(event_file(store, fork.id, tmp_path / "trained").parent).Scalars("batch/loss")
    pace = fork.seconds / (fork.step - step)
    assert [event.wall_time - fork.created for event in events] == pytest.approx(
        [pace * (event.step - step) for event in events], abs=1e-5
    )
    assert events[-1].wall_time == pytest.approx(fork.created + fork.seconds)


def test_what_is_no_number_is_left_out(store: RunStore, run: Run, tmp_path: Path, monkeypatch: Any) -> None:
    curve, epochs = store.history.curve(run.id), store.history.epochs(run.id)
    loss, accuracy = curve.loss.copy(), curve.accuracy.copy()
    loss[3] = np.nan
    for column in (loss, accuracy, lr := curve.lr.copy()):
        column[5] = np.inf
    monkeypatch.setattr(store.history, "curve", lambda _: curve._replace(loss=loss, accuracy=accuracy, lr=lr))
    epochs[0] = epochs[0]._replace(test_loss=float("nan"))
    monkeypatch.setattr(store.history, "epochs", lambda _: epochs)
    found = accumulated(event_file(store, run.id, tmp_path / "out").parent)
    steps = set(range(1, 31))
    for tag, missing in (("batch/loss", {4, 6}), ("batch/accuracy", {6}), ("learning_rate", {6})):
        assert {event.step for event in found.Scalars(tag)} == steps - missing
    assert [len(found.Scalars(f"test/{name}")) for name in ("loss", "accuracy")] == [1, 2]


def test_a_folder_s_name_is_not_endless(store: RunStore) -> None:
    run = store.create(NetworkSpec(()), CONFIG, name="_. " + "a" * 50)
    assert folder_name(run) == f"{'a' * 40}-{run.id}"


def test_the_weights_are_histograms(store: RunStore, run: Run, tmp_path: Path) -> None:
    found = accumulated(event_file(store, run.id, tmp_path / "out").parent)
    assert set(found.Tags()["histograms"]) == {"dense1/weight", "dense1/bias", "output/weight", "output/bias"}
    events = found.Histograms("dense1/weight")
    assert [event.step for event in events] == store.checkpoints.steps(run.id)
    weights = store.checkpoints.load(run.id).model["dense1.weight"].double()
    last = events[-1].histogram_value
    assert last.num == weights.numel()
    assert (last.min, last.max) == (weights.min(), weights.max())
    assert last.sum == pytest.approx(weights.sum().item(), rel=1e-6)
    counts, _ = np.histogram(weights.numpy(), last.bucket_limit)
    assert sum(last.bucket) == weights.numel() >= counts.sum()
    assert accumulated(event_file(store, run.id, tmp_path / "bare", histograms=False).parent).Tags()["histograms"] == []


def test_the_settings_are_told(store: RunStore, run: Run, tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_file_loader import LegacyEventFileLoader
    from tensorboard.plugins.hparams import metadata

    path = event_file(store, run.id, tmp_path / "out")
    first, *settings = itertools.islice(LegacyEventFileLoader(str(path)).Load(), 5)
    assert first.file_version == "brain.Event:2"
    assert [(event.step, event.wall_time) for event in settings] == [(0, run.created)] * 4
    found = accumulated(path.parent)
    text = found.Tensors("setup/text_summary")[0].tensor_proto.string_val[0].decode()
    assert "| lr | 0.01 |" in text
    assert "| layers | dense_16 |" in text
    assert r"| name | a \| b/../c |" in text
    content = found.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    told = metadata.parse_session_start_info_plugin_data(content).hparams
    assert told["lr"].number_value == 0.01
    assert told["optimizer"].string_value == "sgd"


def test_several_runs_have_a_folder_each(store: RunStore, run: Run, tmp_path: Path) -> None:
    untrained = store.create(NetworkSpec(()), CONFIG, name="../..")
    with zipfile.ZipFile(io.BytesIO(event_zip(store, [run.id, untrained.id]))) as file:
        folders = [name.split("/")[0] for name in file.namelist()]
        assert folders == [folder_name(run), folder_name(untrained)] == [f"a_b_.._c-{run.id}", untrained.id]
        file.extractall(tmp_path / "logs")
    assert len(accumulated(tmp_path / "logs" / folders[0]).Scalars("batch/loss")) == 30
    assert accumulated(tmp_path / "logs" / folders[1]).Tags()["scalars"] == []
    with pytest.raises(RunGone):
        event_zip(store, [run.id, "gone"])
