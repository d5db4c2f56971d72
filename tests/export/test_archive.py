"""A run that travels as a file: all of it arrives, it goes on as if it had stayed, and no stranger's file does harm."""

from __future__ import annotations

import io
import json
import random
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load, save
from safetensors.torch import save as save_tensors

from nnviz.data.datasets import Dataset, Loaded
from nnviz.executor.recorder import train_run
from nnviz.export import archive
from nnviz.export.archive import ArchiveError, export_run, export_runs, import_run, import_runs
from nnviz.spec.layers.dense import Dense
from nnviz.spec.network import NetworkSpec, build_model
from nnviz.spec.train_config import TrainConfig
from nnviz.store.run import NAME_LENGTH, Run, Status
from nnviz.store.runs import RunStore
from nnviz.store.writer import StoreWriter
from nnviz.train.checkpoint import Checkpoint
from nnviz.train.commands import Action, Command, Mailbox
from nnviz.train.evaluation import evaluate
from nnviz.train.events import Batch, Event
from nnviz.train.trainer import Trainer

NETWORK = NetworkSpec((Dense(16),))
CONFIG = TrainConfig(epochs=3, batch_size=20, lr=0.01, checkpoints=3)
CONV = NetworkSpec(NetworkSpec.layers_from_text("conv_4_3~batchnorm~maxpool~dense_8~dropout"))


@pytest.fixture(autouse=True)
def _data(blobs: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Dataset, "load", lambda self, root=None: blobs)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RunStore]:
    store = RunStore(tmp_path / "here")
    yield store
    store.close()


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[RunStore]:
    store = RunStore(tmp_path / "elsewhere")
    yield store
    store.close()


def trained(
    store: RunStore, network: NetworkSpec = NETWORK, config: TrainConfig = CONFIG, **at: Command | tuple[Command, ...]
) -> Run:
    """A run; commands are posted when a step (`step7=`) is done."""
    mailbox = Mailbox()

    def on_event(event: Event, trainer: Trainer) -> None:
        if isinstance(event, Batch) and (command := at.pop(f"step{event.step}", None)):
            for one in command if isinstance(command[0], Command) else (command,):
                mailbox.post(one)  # type: ignore[arg-type]

    run = store.create(network, config, name="mine")
    train_run(store, run.id, mailbox, on_event)
    return store.run(run.id)


def same_record(store: RunStore, run: Run, other: RunStore, twin: Run) -> None:
    for mine, theirs in zip(store.history.curve(run.id), other.history.curve(twin.id), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    for mine, theirs in zip(store.history.norms(run.id), other.history.norms(twin.id), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert store.history.epochs(run.id) == other.history.epochs(twin.id)
    assert store.history.changes(run.id) == other.history.changes(twin.id)
    assert store.checkpoints.steps(run.id) == other.checkpoints.steps(twin.id)
    for step in store.checkpoints.steps(run.id):
        assert store.checkpoints.path(run.id, step).read_bytes() == other.checkpoints.path(twin.id, step).read_bytes()


# ---------------------------------------------------------------------- there and back


@pytest.mark.parametrize(
    ("network", "config"),
    [
        (NETWORK, CONFIG),
        (NetworkSpec(()), CONFIG.with_(momentum=0)),
        (CONV, CONFIG.with_(optimizer="adam", epochs=1)),
        (NETWORK, CONFIG.with_(optimizer="rmsprop", epochs=1)),
        (NETWORK, CONFIG.with_(optimizer="adagrad", epochs=1)),
        (NETWORK, CONFIG.with_(optimizer="adamw", epochs=1)),
    ],
    ids=lambda one: one.to_text() if isinstance(one, NetworkSpec) else one.optimizer,
)
def test_all_of_a_run_arrives(store: RunStore, elsewhere: RunStore, network: NetworkSpec, config: TrainConfig) -> None:
    run = trained(store, network, config, step5=Command(Action.SET, "lr", 0.02))
    store.annotate(run.id, "looks good")
    twin = import_run(elsewhere, export_run(store, run.id), "mine.zip")
    same_record(store, run, elsewhere, twin)
    assert (twin.network, twin.config, twin.name) == (run.network, run.config, "mine")
    assert (twin.status, twin.step, twin.steps, twin.seconds) == (Status.FINISHED, run.step, run.steps, run.seconds)
    assert twin.test_accuracy == run.test_accuracy
    assert twin.id in [one.id for one in elsewhere.runs()]
    first, second = twin.note.splitlines()
    assert first == "looks good"
    assert second.startswith(f"Imported from mine.zip: run {run.id}, begun ")


def test_into_its_own_store_it_is_another_run(store: RunStore) -> None:
    run = trained(store)
    twin = import_run(store, export_run(store, run.id))
    assert twin.id != run.id
    same_record(store, run, store, twin)
    store.delete(run.id)
    assert store.checkpoints.load(twin.id).position.step == run.step


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("stop", [Action.STOP, Action.SHUTDOWN])
def test_it_goes_on_there_as_if_it_had_stayed(
    store: RunStore, elsewhere: RunStore, optimizer: str, stop: Action
) -> None:
    config = CONFIG.with_(optimizer=optimizer)
    whole = trained(store, NETWORK, config, step5=Command(Action.SET, "lr", 0.02))
    half = trained(store, NETWORK, config, step5=Command(Action.SET, "lr", 0.02), step22=Command(stop))
    assert half.step == 22
    twin = import_run(elsewhere, export_run(store, half.id, last_only=True))
    assert elsewhere.checkpoints.steps(twin.id) == [22]
    assert train_run(elsewhere, twin.id) is Status.FINISHED
    for mine, theirs in zip(store.history.curve(whole.id), elsewhere.history.curve(twin.id), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert store.history.epochs(whole.id) == elsewhere.history.epochs(twin.id)
    mine, theirs = store.checkpoints.load(whole.id).model, elsewhere.checkpoints.load(twin.id).model
    assert all(torch.equal(mine[name], theirs[name]) for name in mine)


def test_a_fork_brings_its_whole_curve_along(store: RunStore, elsewhere: RunStore) -> None:
    parent = trained(store)
    fork = store.fork(parent.id, 15, CONFIG.with_(lr=0.1))
    train_run(store, fork.id)
    twin = import_run(elsewhere, export_run(store, fork.id))
    same_record(store, fork, elsewhere, twin)
    assert len(elsewhere.history.curve(twin.id).step) == parent.step
    assert (twin.parent, twin.parent_step) == ("", 0)
    assert f"forked from {parent.id} after step 15." in twin.note
    again = elsewhere.fork(twin.id, 15, CONFIG.with_(lr=0.1))
    assert train_run(elsewhere, again.id) is Status.FINISHED
    np.testing.assert_array_equal(elsewhere.history.curve(again.id).loss, store.history.curve(fork.id).loss)


def test_it_answers_the_same_there_and_in_plain_pytorch(
    store: RunStore, elsewhere: RunStore, blobs: Loaded, tmp_path: Path
) -> None:
    run = trained(store, CONV, CONFIG.with_(epochs=1))
    data = export_run(store, run.id)
    twin = import_run(elsewhere, data)

    def answers(store: RunStore, one: Run) -> torch.Tensor:
        model = build_model(one.network, (1, 28, 28), 10, 0)
        model.load_state_dict(store.checkpoints.load(one.id).model)
        return evaluate(model, blobs.dataset, blobs.test).probabilities

    mine = answers(store, run)
    assert torch.equal(answers(elsewhere, twin), mine)
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        file.extractall(tmp_path / "unpacked")
    images = (blobs.test.images.float() / 255 - blobs.dataset.mean) / blobs.dataset.std
    torch.save(images, tmp_path / "images.pt")
    code = (
        "import torch\nfrom net import model\nwith torch.no_grad():\n"
        f"    torch.save(model(torch.load({str(tmp_path / 'images.pt')!r})), {str(tmp_path / 'logits.pt')!r})"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path / "unpacked", check=True)
    assert torch.allclose(torch.load(tmp_path / "logits.pt").softmax(1), mine, atol=1e-6)


def test_one_that_is_going_on_arrives_interrupted(store: RunStore, elsewhere: RunStore) -> None:
    run = store.create(NETWORK, CONFIG)
    found = [export_run(store, run.id)]

    def on_event(event: Event, trainer: Trainer) -> None:
        if isinstance(event, Batch) and event.step == 20:
            found.append(export_run(store, run.id))

    train_run(store, run.id, Mailbox(), on_event)
    assert [json.loads(part(one, "run.json"))["status"] for one in found] == ["queued", "running"]
    for data in found:
        twin = import_run(elsewhere, data)
        assert twin.status is Status.INTERRUPTED
        assert "Resume it" in twin.reason
        assert train_run(elsewhere, twin.id) is Status.FINISHED
        np.testing.assert_array_equal(elsewhere.history.curve(twin.id).loss, store.history.curve(run.id).loss)


def test_one_that_diverged_arrives_with_its_reason(store: RunStore, elsewhere: RunStore) -> None:
    run = trained(store, NetworkSpec((Dense(16, "identity"), Dense(16, "identity"))), CONFIG.with_(lr=100))
    assert run.status is Status.DIVERGED
    twin = import_run(elsewhere, export_run(store, run.id))
    assert (twin.status, twin.reason) == (Status.DIVERGED, run.reason)
    same_record(store, run, elsewhere, twin)


def test_several_travel_in_one_file(store: RunStore, elsewhere: RunStore) -> None:
    runs = [trained(store, NetworkSpec(()), CONFIG.with_(seed=seed, epochs=1)) for seed in range(3)]
    twins = import_runs(elsewhere, export_runs(store, [run.id for run in runs], last_only=True))
    assert [twin.config.seed for twin in twins] == [0, 1, 2]
    assert [elsewhere.checkpoints.steps(twin.id) for twin in twins] == [[15]] * 3
    [alone] = import_runs(elsewhere, io.BytesIO(export_run(store, runs[0].id)))
    same_record(store, runs[0], elsewhere, alone)


# ---------------------------------------------------------------------- files from strangers


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory, blobs: Loaded) -> bytes:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Dataset, "load", lambda self, root=None: blobs)
        store = RunStore(tmp_path_factory.mktemp("exported"))
        run = trained(store, NETWORK, CONFIG.with_(epochs=1), step3=Command(Action.SET, "lr", 0.02))
        data = export_run(store, run.id)
        store.close()
    return data


def part(data: bytes, name: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        return file.read(name)


def with_parts(data: bytes, new: dict[str, bytes | None]) -> bytes:
    """The file with some parts replaced, added, or (None) left out."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(stream, "w") as file:
        for name in dict.fromkeys([*old.namelist(), *new]):
            content = new[name] if name in new else old.read(name)
            if content is not None:
                file.writestr(name, content)
    return stream.getvalue()


def with_record(data: bytes, **changed: Any) -> bytes:
    record = json.loads(part(data, "run.json")) | changed
    return with_parts(data, {"run.json": json.dumps({k: v for k, v in record.items() if v is not ...}).encode()})


def with_curve(data: bytes, change: Callable[[dict[str, Any]], Any]) -> bytes:
    tensors = load(part(data, "curve.safetensors"))
    change(tensors)
    return with_parts(data, {"curve.safetensors": save({k: np.ascontiguousarray(v) for k, v in tensors.items()})})


LAST = "weights/000000015.safetensors"


def with_weights(data: bytes, tmp_path: Path, change: Callable[[dict[str, Any], dict[str, Any]], Any]) -> bytes:
    path = tmp_path / "changed.safetensors"
    path.write_bytes(part(data, LAST))
    checkpoint = Checkpoint.load(path)
    tensors = {f"model.{k}": v for k, v in checkpoint.model.items()}
    tensors |= {f"optimizer.{k}": v for k, v in checkpoint.optimizer.items()}
    position = checkpoint.position._asdict()
    change(tensors, position)
    return with_parts(data, {LAST: save_tensors(tensors, {"position": json.dumps(position)})})


def refused(store: RunStore, data: bytes) -> str:
    """What is said of a file that must not come in; nothing is left of it."""
    with pytest.raises(ArchiveError) as caught:
        import_runs(store, data)
    assert store.runs() == []
    assert [path for path in store.root.iterdir() if path.is_dir()] == []
    return str(caught.value)


def test_the_unchanged_file_comes_in(exported: bytes, store: RunStore) -> None:
    assert LAST in zipfile.ZipFile(io.BytesIO(exported)).namelist()
    assert import_run(store, with_record(exported)).step == 15


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"run.json": None}, "it lacks its part run.json"),
        ({"curve.safetensors": None}, "it lacks its part curve.safetensors"),
        ({"run.json": b"{"}, "run.json must be JSON"),
        ({"run.json": b"[" * 100_000}, "run.json must be JSON"),
        ({"run.json": b'{"nnviz_run": ' + b"9" * 5000 + b"}"}, "run.json must be JSON"),
        ({"run.json": b"[]"}, "must be an object that says its version"),
        ({"run.json": b'{"nnviz_run": 2}'}, "is of version 2; this nnviz reads version 1"),
        ({"run.json": b'{"nnviz_run": true}'}, "is of version True"),
        ({"curve.safetensors": b"nonsense"}, "curve.safetensors of this file is damaged"),
        ({"../evil.txt": b"x"}, "has no part '../evil.txt'"),
        ({"/etc/passwd": b"x"}, "has no part '/etc/passwd'"),
        ({"model.pkl": b"x"}, "has no part 'model.pkl'"),
        ({"weights/1.safetensors": b"x"}, "has no part 'weights/1.safetensors'"),
        ({"weights/000000007.safetensors": b"x"}, "weights/000000007.safetensors of this file is damaged"),
        ({"weights/000000007.safetensors": bytes(2_000_000)}, "weights of this network take at most 1."),
        ({"README.txt": bytes(300_000)}, "README.txt is at most 0.2 MB long, not 0.3 MB"),
    ],
)
def test_a_file_of_other_parts(exported: bytes, store: RunStore, parts: dict[str, Any], words: str) -> None:
    assert words in refused(store, with_parts(exported, parts))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"network": ...}, "run.json needs the field 'network'"),
        ({"pickle": "x"}, "run.json has no field 'pickle'"),
        ({"network": 3}, "a network must be an object with a list of layers"),
        ({"network": {"layers": [{"kind": "evil"}], "init": "default"}}, "layer 1 of this run's network: layer kind"),
        ({"training": {"lr": -1}}, "learning rate must be a number from 0 to 100, not -1"),
        ({"training": {"data": "../.."}}, "data set must be one of mnist"),
        ({"status": "great"}, "status must be one of queued, running"),
        ({"name": 7}, "name must be text, not 7"),
        ({"step": -1}, "step must be a whole number from 0"),
        ({"seconds": float("nan")}, "seconds must be a number"),
        ({"ensemble": 1e9}, "ensemble must be"),
        ({"epochs": {}}, "epochs must be a list of at most 1, not {}"),
        ({"epochs": [[1, 15, 0, 0, 0, 0]] * 2}, "epochs must be a list of at most 1, not 2"),
        ({"epochs": [[1, 2]]}, "each of epochs must be a list of 6 values"),
        ({"epochs": [[1, 15, 0.1, 0.5, 0.1, 1.5]]}, "an accuracy must be a number from 0 to 1, not 1.5"),
        ({"changes": [[3, "lr", 0.01, "x"]]}, "learning rate must be a number"),
        ({"changes": [[3, "data", 0.01, 0.02]]}, "what was changed must be one of lr, momentum, batch_size"),
        ({"changes": [[3, "lr", 0.01, 0.02]] * 10_001}, "changes must be a list of at most 10,000, not 10,001"),
        ({"forked_from": [7]}, "forked_from must be a list of runs and steps"),
    ],
)
def test_a_record_that_can_not_be(exported: bytes, store: RunStore, changes: dict[str, Any], words: str) -> None:
    assert words in refused(store, with_record(exported, **changes))


def test_a_name_that_is_half_a_letter_does_no_harm(exported: bytes, store: RunStore) -> None:
    run = import_run(store, with_record(exported, name="caf\ud83d\n", note="\udc00", forked_from=[["\ud83d", 3]]))
    assert run.name == "caf?"
    assert run.note.startswith("?\nImported")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.pop("lr"), "it lacks lr"),
        (lambda t: t.update(more=t["lr"]), "there is no 'more' in it"),
        (lambda t: t.update(lr=t["lr"][1:]), "lr must be float32 (15,), not float32 (14,)"),
        (lambda t: t.update(loss=t["loss"].astype(np.float64)), "loss must be float32 (15,), not float64 (15,)"),
        (lambda t: t.update(norms=t["norms"][:, :, :1]), "norms must be float32 (15, 3, 2), not float32 (15, 3, 1)"),
        (lambda t: t.update(norms_step=t["norms_step"][::-1]), "the steps of the norms must ascend"),
    ],
)
def test_a_curve_that_does_not_fit(exported: bytes, store: RunStore, change: Any, words: str) -> None:
    assert words in refused(store, with_curve(exported, change))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t, p: t.pop("model.output.bias"), "it lacks output.bias"),
        (lambda t, p: t.update({"model.x": torch.zeros(1)}), "there is no 'x' in it"),
        (
            lambda t, p: t.update({"model.dense1.bias": torch.zeros(17)}),
            "dense1.bias must be float32 (16,), not float32 (17,)",
        ),
        (
            lambda t, p: t.update({"model.dense1.bias": torch.zeros(16, dtype=torch.int64)}),
            "dense1.bias must be float32 (16,), not int64 (16,)",
        ),
        (lambda t, p: t.update({"optimizer.4.momentum_buffer": torch.zeros(1)}), "there is no '4.momentum_buffer'"),
        (lambda t, p: t.update({"optimizer.1.exp_avg": torch.zeros(16)}), "there is no '1.exp_avg' in it"),
        (lambda t, p: t.update({"optimizer.1.momentum_buffer": torch.zeros(3)}), "1.momentum_buffer must be float32"),
        (lambda t, p: p.update(step=14), "its step must be a whole number from 15 to 15, not 14"),
        (lambda t, p: p.update(cursor=-5), "its cursor must be a whole number from 0"),
        (lambda t, p: p.update(cursor="5"), "its cursor must be a number, not '5'"),
        (lambda t, p: p.update(epoch=7), "its epoch must be a whole number from 0 to 1, not 7"),
        (lambda t, p: p.update(shell=7), "is damaged"),
    ],
)
def test_weights_that_do_not_fit(exported: bytes, store: RunStore, tmp_path: Path, change: Any, words: str) -> None:
    said = refused(store, with_weights(exported, tmp_path, change))
    assert words in said
    assert LAST in said


def listed(*parts: tuple[str, int]) -> Any:
    """An archive that says so much of its parts, name and size."""
    infos = []
    for name, size in (("run.json", 1), ("curve.safetensors", 1), *parts):
        infos = [info for info in infos if info.filename != name]
        infos.append(zipfile.ZipInfo(name))
        infos[-1].file_size = size
    return SimpleNamespace(infolist=lambda: infos)


def weights(step: int) -> str:
    return f"weights/{step:09d}.safetensors"


@pytest.mark.parametrize(
    ("parts", "one_more", "words"),
    [
        ([("run.json", 5_000_000)], ("run.json", 5_000_001), "run.json is at most 5 MB long, not 5.0 MB"),
        ([("curve.safetensors", 300_000_000)], ("curve.safetensors", 300_000_001), "at most 300 MB long"),
        ([("README.txt", 200_000)], ("README.txt", 250_000), "README.txt is at most 0.2 MB long, not 0.2 MB"),
        ([("net.py", 200_000)], ("net.py", 200_001), "net.py is at most 0.2 MB long"),
        ([(weights(n), 1) for n in range(998)], (weights(998), 1), "has at most 1,000 parts, not 1,001"),
        ([(weights(0), 999_999_998)], (weights(1), 400_000_000), "unpacks to at most 1 GB, not 1.4 GB"),
        ([(weights(0), 999_999_998)], (weights(1), 1), "unpacks to at most 1 GB, not 1.0 GB"),
    ],
)
def test_as_much_as_is_allowed_comes_in(parts: list[tuple[str, int]], one_more: tuple[str, int], words: str) -> None:
    assert len(archive._parts(archive._entries(listed(*parts)))) == len({"run.json", "curve.safetensors", *dict(parts)})
    with pytest.raises(ArchiveError, match=words):
        archive._parts(archive._entries(listed(*parts, one_more)))


def test_a_large_network_s_weights_come_in(store: RunStore, elsewhere: RunStore) -> None:
    """Of some megabytes: twice what a checkpoint takes is allowed."""
    run = store.create(NetworkSpec((Dense(600),)), CONFIG.with_(epochs=1, batch_size=300))
    train_run(store, run.id)
    assert store.checkpoints.path(run.id, 1).stat().st_size > 3_000_000
    arrived = import_run(elsewhere, export_run(store, run.id))
    assert elsewhere.checkpoints.steps(arrived.id) == store.checkpoints.steps(run.id) == [0, 1]


def test_a_record_may_go_to_its_limits(exported: bytes, store: RunStore) -> None:
    run = import_run(
        store,
        with_record(
            exported,
            name="n" * (NAME_LENGTH + 10),
            note="",
            reason="r" * 4001,
            device="d" * 41,
            id="i" * 41,
            status="failed",
            steps=10**9,
            threads=1024,
            ensemble=100_000,
            seconds=1e12,
            speed=1e12,
            attempt=10**9,
            created=4e9,
            epochs=[[1, 10**9, 3.4e38, 1, 0, 0]],
            changes=[*([step, "lr", 0.01, 0.01] for step in range(9999)), [10**9, "lr", 0.01, 0.01]],
        ),
        origin="o" * 50,
    )
    assert (len(run.name), len(run.reason), len(run.device)) == (NAME_LENGTH, 4000, 40)
    assert (run.steps, run.threads, run.ensemble, run.seconds) == (10**9, 1024, 100_000, 1e12)
    assert run.note == f"Imported from {'o' * 50}: run {'i' * 40}, begun 02 Oct 2096."
    assert len(store.history.changes(run.id)) == 10_000
    note = import_run(store, with_record(exported, note="n" * 5000)).note
    assert note == "n" * 4000


@pytest.mark.parametrize(
    "changes",
    [
        {"steps": 10**9 + 1},
        {"step": 10**9 + 1},
        {"attempt": 10**9 + 1},
        {"threads": 1025},
        {"ensemble": 100_001},
        {"seconds": 1.1e12},
        {"speed": -0.1},
        {"created": 4.1e9},
        {"epochs": [[0, 1, 0, 0, 0, 0]]},
        {"epochs": [[2, 1, 0, 0, 0, 0]]},
        {"epochs": [[1, 10**9 + 1, 0, 0, 0, 0]]},
        {"epochs": [[1, 1, -0.1, 0, 0, 0]]},
        {"epochs": [[1, 1, 0, 0, 3.5e38, 0]]},
        {"epochs": [[1, 1, 0, 1.1, 0, 0]]},
        {"changes": [[-1, "lr", 0.01, 0.02]]},
        {"changes": [[10**9 + 1, "lr", 0.01, 0.02]]},
        {"changes": [[1, "lr", 0.01]]},
    ],
    ids=str,
)
def test_beyond_its_limits_a_record_is_refused(exported: bytes, store: RunStore, changes: dict[str, Any]) -> None:
    assert "must be " in refused(store, with_record(exported, **changes))


def test_a_bomb_is_not_unpacked(exported: bytes, store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipfile.ZipFile, "read", lambda *_: pytest.fail("read before its size was checked"))
    monkeypatch.setattr(archive, "MAX_BYTES", 40_000_000)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as file:
        for step in range(3):
            file.writestr(f"weights/{step:09d}.safetensors", bytes(20_000_000))
    assert len(stream.getvalue()) < 100_000
    assert "unpacks to at most 0 GB, not 0.1 GB" in refused(store, stream.getvalue())
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        for step in range(1001):
            file.writestr(f"weights/{step:09d}.safetensors", b"")
    assert "has at most 1,000 parts, not 1,001" in refused(store, stream.getvalue())


def test_one_bad_run_keeps_all_of_a_file_out(exported: bytes, store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def several(*runs: bytes) -> bytes:
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as file:
            for number, run in enumerate(runs):
                file.writestr(f"nnviz-{number}.zip", run)
        return stream.getvalue()

    assert "run.json must be JSON" in refused(store, several(exported, with_parts(exported, {"run.json": b"{"})))
    assert "this is not a run of nnviz" in refused(store, several(exported, b"nonsense"))
    assert "has no part 'nnviz-0.zip'" in refused(store, several(exported, several(exported)))
    assert "at most 100 runs, not 101" in refused(store, several(*[b""] * 101))
    with monkeypatch.context() as patch:
        patch.setattr(archive, "MAX_BYTES_OF_ALL", len(exported) * 1.5)
        assert "take at most" in refused(store, several(exported, exported))
    assert len(import_runs(store, several(exported, exported))) == 2


def test_a_part_twice(exported: bytes, store: RunStore) -> None:
    stream = io.BytesIO(exported)
    with zipfile.ZipFile(stream, "a") as file, pytest.warns(UserWarning, match="Duplicate"):
        file.writestr("run.json", b"{}")
    assert "run.json is there twice" in refused(store, stream.getvalue())


LEFT_BY_COMPUTERS = [
    "__MACOSX/._run.json",
    "__MACOSX/{}weights/._000000015.safetensors",
    "{}.DS_Store",
    "{}weights/.DS_Store",
    "{}._README.txt",
    "{}Thumbs.db",
    "{}weights/desktop.ini",
    "{}weights/",
    "{}",
]


def packed_again(data: bytes, folder: str, extra: Sequence[str] = (), slash: str = "/") -> dict[str, bytes]:
    """What is in a run's file, in another folder and beside other things, as name → content."""
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        parts = {(folder + name).replace("/", slash): file.read(name) for name in file.namelist()}
    return {**{name.format(folder): b"" for name in extra if name.format(folder)}, **parts}


def zipped(parts: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in parts.items():
            file.writestr(zipfile.ZipInfo(name), content)
    return stream.getvalue()


@pytest.mark.parametrize("read", [import_run, lambda store, data: import_runs(store, io.BytesIO(data))[0]])
@pytest.mark.parametrize("folder", ["", "nnviz-20260101-101010-abcd/", "my best net (1)/", "a/b/c/", "Ärger/", "./"])
@pytest.mark.parametrize("slash", ["/", "\\"])
def test_a_run_that_was_unpacked_and_packed_again(
    exported: bytes, store: RunStore, elsewhere: RunStore, read: Any, folder: str, slash: str
) -> None:
    run = import_run(elsewhere, exported)
    for extra in ((), LEFT_BY_COMPUTERS):
        twin = read(store, zipped(packed_again(exported, folder, extra, slash)))
        same_record(elsewhere, run, store, twin)


def test_several_runs_that_were_unpacked_and_packed_again(exported: bytes, store: RunStore) -> None:
    whole = {f"nnviz-{number}.zip": exported for number in range(3)}
    renamed = {"My best.ZIP": exported, "nnviz-1 (1).zip": exported, "nnviz-1 copy.zip": exported}
    unpacked = {k: v for number in range(3) for k, v in packed_again(exported, f"nnviz-{number}/").items()}
    for parts in (whole, renamed, unpacked):
        for folder in ("", "downloads/"):
            placed = {f"{folder}{name}": content for name, content in parts.items()}
            assert len(import_runs(store, zipped(placed))) == 3
            looks = {"__MACOSX/._x": b"", f"{folder}.DS_Store": b"", "downloads/": b""}
            assert len(import_runs(store, zipped(looks | placed))) == 3


@pytest.mark.parametrize("folder", ["run/", "a/b/"])
def test_a_run_packed_again_is_checked_like_any_other(exported: bytes, store: RunStore, folder: str) -> None:
    parts = packed_again(exported, folder, LEFT_BY_COMPUTERS)
    for name, words in {
        f"{folder}model.pkl": "has no part 'model.pkl'",
        f"{folder}../evil.txt": "has no part '../evil.txt'",
        f"{folder}weights/000000007.safetensors": "weights/000000007.safetensors of this file is damaged",
    }.items():
        assert words in refused(store, zipped(parts | {name: b"x"}))
    for name in ("beside.txt", "other/README.txt"):  # not all of it is in the folder
        assert "has no part" in refused(store, zipped(parts | {name: b"x"}))
    assert "has no part" in refused(store, zipped(parts | {f"{folder}again/run.json": b"{}"}))
    assert "run.json must be JSON" in refused(store, zipped(parts | {f"{folder}run.json": b"{"}))
    for outside in ("../", "/", "/etc/", "a/../"):
        assert "has no part" in refused(store, zipped(packed_again(exported, outside)))
    unpacked = {k: v for number in range(2) for k, v in packed_again(exported, f"{folder}{number}/").items()}
    assert "README.txt is at most" in refused(store, zipped(unpacked | {f"{folder}1/README.txt": bytes(300_000)}))
    assert "has no part" in refused(store, zipped(unpacked | {f"{folder}1/x": b""}))
    stream = io.BytesIO(zipped(parts))
    with zipfile.ZipFile(stream, "a") as file, pytest.warns(UserWarning, match="Duplicate"):
        file.writestr(f"{folder}run.json", b"{}")
    assert "run.json is there twice" in refused(store, stream.getvalue())


def test_a_bomb_of_many_folders_is_not_unpacked(
    exported: bytes, store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = {f"{number}/run.json": b"{}" for number in range(101)}
    assert "at most 100 runs, not 101" in refused(store, zipped(many))
    steps = {f"run/weights/{step:09d}.safetensors": b"" for step in range(1001)}
    assert "has at most 1,000 parts" in refused(store, zipped({"run/run.json": b"{}"} | steps))
    monkeypatch.setattr(archive, "MAX_BYTES_OF_ALL", len(exported) * 1.5)
    two = packed_again(exported, "1/") | packed_again(exported, "2/")
    assert "take at most" in refused(store, zipped(two))
    monkeypatch.setattr(archive, "MAX_BYTES", 1_000_000)
    big = packed_again(exported, "run/") | {"run/weights/000000001.safetensors": bytes(2_000_000)}
    assert "unpacks to at most" in refused(store, zipped(big))


@pytest.mark.parametrize("data", [b"", b"nonsense", b"PK\x03\x04", b"PK\x05\x06" + bytes(18)])
def test_what_is_no_zip_or_empty(store: RunStore, data: bytes) -> None:
    assert "this is not a run of nnviz" in refused(store, data)


def test_a_file_damaged_anywhere_is_said_or_comes_in_whole(exported: bytes, store: RunStore) -> None:
    """Bytes changed at random, and files cut off: nothing but an ArchiveError, and nothing left of it."""
    source = random.Random(3)
    refusals = 0
    for trial in range(150):
        data = bytearray(exported)
        if trial % 3 == 0:
            del data[source.randrange(len(data)) :]
        else:  # half of them where the names and sizes stand, at the end
            low = 0 if trial % 3 == 1 else len(data) - 900
            for _ in range(3):
                data[source.randrange(low, len(data))] = source.randrange(256)
        try:
            store.delete(import_run(store, bytes(data)).id)
        except ArchiveError:
            refusals += 1
        assert store.runs() == []
        assert [path for path in store.root.iterdir() if path.is_dir()] == []
    assert refusals > 100


def test_a_full_disk_leaves_nothing(exported: bytes, store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, data: bytes) -> None:
        if path.name.startswith("000000015"):
            raise OSError(28, "No space left on device")
        path.write_bytes(data)

    with monkeypatch.context() as patch:
        patch.setattr(archive, "write_atomically", full)
        with pytest.raises(OSError, match="No space"):
            import_run(store, exported)
    with monkeypatch.context() as patch:

        def locked(*_: Any) -> None:
            raise sqlite3.OperationalError("database or disk is full")

        patch.setattr(StoreWriter, "add_change", locked)
        with pytest.raises(sqlite3.OperationalError, match="full"):
            import_run(store, exported)
    assert store.runs() == []
    assert [path for path in store.root.iterdir() if path.is_dir()] == []
    assert import_run(store, exported).step == 15
