"""The nets that come with nnviz: whole, small, as their record says, there in every store, and not to be changed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from safetensors import safe_open

from nnviz import pretrained
from nnviz.cli import main
from nnviz.data.datasets import DATASETS, Dataset, Loaded
from nnviz.executor.recorder import train_run
from nnviz.export.archive import export_run, import_run
from nnviz.pretrained import PRETRAINED, Pretrained, install
from nnviz.spec.network import NetworkSpec, build_model
from nnviz.spec.presets import PRESETS
from nnviz.spec.train_config import TrainConfig
from nnviz.store.run import PretrainedRun, Status
from nnviz.store.runs import RunStore
from nnviz.train.evaluation import evaluate

every_net = pytest.mark.parametrize("net", PRETRAINED, ids=lambda net: net.id)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunStore]:
    monkeypatch.setenv("NNVIZ_PRETRAINED", "1")
    made = RunStore(tmp_path / "runs")
    yield made
    made.close()


@pytest.fixture
def installed(store: RunStore) -> RunStore:
    install(store)
    return store


@pytest.fixture
def blobs_run(blobs: Loaded, monkeypatch: pytest.MonkeyPatch) -> Callable[[RunStore], str]:
    """Trains a small one, long before the others were trained as the clock has it."""
    monkeypatch.setattr(Dataset, "load", lambda self, root=None: blobs)

    def train(store: RunStore) -> str:
        run = store.create(NetworkSpec(), TrainConfig(epochs=1))
        assert train_run(store, run.id) is Status.FINISHED
        store.db.execute("UPDATE runs SET created = 1 WHERE id = ?", run.id)
        return run.id

    return train


def test_all_take_less_than_two_megabytes() -> None:
    files = [path for net in PRETRAINED for path in net.folder.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} == {".json", ".safetensors"}
    assert sum(path.stat().st_size for path in files) < 2_000_000


@every_net
def test_each_is_a_run_with_its_whole_record(installed: RunStore, net: Pretrained) -> None:
    run = installed.run(net.id)
    assert run.pretrained
    assert (run.name, run.network, run.status) == (net.title, PRESETS[net.preset].network, Status.FINISHED)
    assert "scripts.pretrained" in run.note
    epochs, curve = installed.history.epochs(net.id), installed.history.curve(net.id)
    assert len(epochs) == run.config.epochs
    assert len(curve.loss) == run.step == run.steps
    assert run.test_accuracy == epochs[-1].test_accuracy
    assert installed.checkpoints.steps(net.id) == [0, run.step]


@every_net
def test_its_weights_have_the_accuracy_that_it_says(installed: RunStore, net: Pretrained, mnist_root: Path) -> None:
    """Of MNIST's own test images, whatever else it was trained on."""
    dataset = DATASETS["mnist"]
    model = build_model(PRESETS[net.preset].network, dataset.input_shape, len(dataset.classes), 0)
    model.load_state_dict(installed.checkpoints.load(net.id).model)
    found = evaluate(model, dataset, dataset.load(mnist_root).test).accuracy
    assert found == pytest.approx(installed.run(net.id).test_accuracy, abs=1e-3)  # rounding differs between machines


def test_they_come_last_and_are_put_there_once(installed: RunStore, blobs_run: Callable[[RunStore], str]) -> None:
    own = blobs_run(installed)
    first, *others = (run.id for run in installed.runs())
    assert first == own
    assert set(others) == {net.id for net in PRETRAINED}
    paths = [installed.checkpoints.path(net.id, 0) for net in PRETRAINED]
    before = [path.stat().st_mtime_ns for path in paths]
    install(installed)
    assert [path.stat().st_mtime_ns for path in paths] == before


def test_one_of_an_earlier_version_is_renewed_and_one_cut_off_is_made_whole(installed: RunStore) -> None:
    net, other = PRETRAINED[0], PRETRAINED[-1]
    installed.db.execute("UPDATE runs SET created = 1, name = 'as it was' WHERE id = ?", net.id)
    installed.db.execute("DELETE FROM runs WHERE id = ?", other.id)  # its files are still there
    install(installed)
    record = json.loads((net.folder / "run.json").read_text(encoding="utf-8"))
    assert installed.run(net.id).created == record["created"]
    assert installed.run(net.id).name == net.title
    assert installed.run(other.id).pretrained


def test_they_can_be_left_out(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NNVIZ_PRETRAINED", "0")
    install(store)
    assert store.runs() == []


def test_a_full_disk_keeps_nothing_else_from_going_on(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("nnviz.export.archive.write_atomically", full)
    install(store)
    assert store.runs() == []
    assert not store.folder(PRETRAINED[0].id).exists()


def test_a_damaged_copy_of_nnviz_keeps_nothing_else_from_going_on(
    store: RunStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "nets"
    for net in PRETRAINED:
        shutil.copytree(net.folder, copy / net.folder.name)
    monkeypatch.setattr(pretrained, "_HERE", copy)
    damaged, *others = PRETRAINED
    (damaged.folder / "curve.safetensors").write_bytes(b"not this")
    (others[-1].folder / "run.json").write_text("{")
    install(store)
    assert {run.id for run in store.runs()} == {net.id for net in others[:-1]}


@every_net
def test_it_cannot_be_changed(installed: RunStore, net: Pretrained) -> None:
    before = installed.run(net.id)
    for change in (
        lambda: installed.rename(net.id, "mine"),
        lambda: installed.annotate(net.id, "mine"),
        lambda: installed.discard(net.id),
        lambda: installed.enqueue(net.id, "me"),
    ):
        with pytest.raises(PretrainedRun, match=f"“{net.title}” came with nnviz and stays as it is"):
            change()
    assert installed.run(net.id) == before


def test_it_can_be_forked_and_exported_and_what_comes_of_it_is_ones_own(installed: RunStore) -> None:
    net = PRETRAINED[-1]
    run = installed.run(net.id)
    child = installed.fork(net.id, run.step, run.config.with_(epochs=run.config.epochs + 1))
    assert not child.pretrained
    assert child.parent == net.id
    copy = import_run(installed, export_run(installed, net.id))
    assert not copy.pretrained
    for own in (child, copy):
        installed.rename(own.id, "mine")
        installed.discard(own.id)


def test_the_weights_are_numbers_and_no_optimizer(installed: RunStore) -> None:
    for net in PRETRAINED:
        for path in net.folder.rglob("weights/*"):
            with safe_open(path, "pt") as file:
                names = list(file.keys())
                assert all(name.startswith("model.") for name in names)
                assert all(file.get_tensor(name).isfinite().all() for name in names)


def test_the_command_line_knows_them_by_name_where_nothing_was_trained(
    store: RunStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "elsewhere"
    assert main(["code", PRETRAINED[-1].id, "--runs", str(folder)]) == 0
    assert "nn.Linear(784, 128)" in capsys.readouterr().out
    assert main(["runs", "--runs", str(folder)]) == 0
    assert PRETRAINED[0].title in capsys.readouterr().out
    out = tmp_path / "net.zip"
    assert main(["export", PRETRAINED[0].id, "--out", str(out), "--runs", str(folder)]) == 0
    assert out.stat().st_size > 100_000
