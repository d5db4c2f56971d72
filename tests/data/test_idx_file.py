"""Files as browsers, 7-zip and Kaggle leave them: found, checked and used where they are; what is wrong is named."""

from __future__ import annotations

import gzip
import hashlib
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nnviz.data import datasets
from nnviz.data.datasets import DATASETS, OFFLINE, DataError, Dataset, usable
from nnviz.data.idx_file import File, unpacked
from tests.data.mirror import closed_port, use_proxy

KINDS = ("mnist", "fashion_mnist", "kmnist")


def content_of(file: File, seed: int) -> bytes:
    drawn = np.random.default_rng([seed, file.count, file.is_images])
    most, size = (256, 784 * file.count) if file.is_images else (10, file.count)
    return file.header + drawn.integers(0, most, size, np.uint8).tobytes()


Contents = dict[str, dict[str, bytes]]


@pytest.fixture
def contents(monkeypatch: pytest.MonkeyPatch) -> Contents:
    """By data set and file: all sets are made as small as 30 and 20 images, with checksums where the real have some."""
    made: Contents = {}
    for seed, name in enumerate(KINDS):
        dataset = DATASETS[name]
        small = [replace(file, count=30 if file.count == 60_000 else 20) for file in dataset.files]
        made[name] = {file.name: content_of(file, seed) for file in small}
        files = tuple(
            replace(file, md5=hashlib.md5(made[name][file.name]).hexdigest() if file.md5 else "") for file in small
        )
        monkeypatch.setitem(DATASETS, name, replace(dataset, files=files))  # type: ignore[arg-type]
    return made


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    use_proxy(monkeypatch, closed_port())
    folder = tmp_path / "own"
    monkeypatch.setattr(datasets, "_own_folder", lambda: folder)
    return folder


def write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def dotted(name: str) -> str:
    return name.replace("-idx", ".idx")


Put = Callable[[Path, str, bytes], None]
FORMS: dict[str, Put] = {
    "torchvision's": lambda folder, name, data: write(folder / "raw" / name, data),
    "dotted": lambda folder, name, data: write(folder / "raw" / dotted(name), data),
    "all dots": lambda folder, name, data: write(folder / "raw" / name.replace("-", "."), data),
    "capitals": lambda folder, name, data: write(folder / "raw" / name.upper(), data),
    "in a folder of its name": lambda folder, name, data: write(folder / "raw" / name / name, data),
    "dotted in a folder of its name": lambda folder, name, data: write(folder / name / dotted(name), data),
    "archive": lambda folder, name, data: write(folder / "raw" / f"{name}.gz", gzip.compress(data, 6)),
    "packed again": lambda folder, name, data: write(folder / "raw" / f"{name}.gz", gzip.compress(data, 1, mtime=7)),
    "packed twice": lambda folder, name, data: write(
        folder / "raw" / f"{name}.gz", gzip.compress(gzip.compress(data), 1)
    ),
    "archive in a folder": lambda folder, name, data: write(folder / f"{name}.gz" / f"{name}.gz", gzip.compress(data)),
    "dotted archive": lambda folder, name, data: write(folder / f"{dotted(name)}.gz", gzip.compress(data)),
    "archive's bytes under the plain name": lambda folder, name, data: write(
        folder / "raw" / name, gzip.compress(data)
    ),
    "without raw": lambda folder, name, data: write(folder / name, data),
    "archive without raw": lambda folder, name, data: write(folder / f"{name}.gz", gzip.compress(data)),
    "directly in the data folder": lambda folder, name, data: write(folder.parent / name, data),
    "dotted directly in the data folder": lambda folder, name, data: write(folder.parent / dotted(name), data),
    "archive directly in the data folder": lambda folder, name, data: write(
        folder.parent / f"{name}.gz", gzip.compress(data)
    ),
    "raw in the data folder": lambda folder, name, data: write(folder.parent / "raw" / name, data),
    "another spelling": lambda folder, name, data: write(
        folder.parent / folder.name.lower().replace("mnist", "-mnist") / name, data
    ),
}


def put(form: str, dataset: Dataset, contents: Contents, root: Path) -> None:
    for name, data in contents[dataset.name].items():
        FORMS[form](root / dataset.folder, name, data)


def tree(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """For root by a mount, as its permissions don't hold it back."""
    if os.geteuid():
        folders = [folder, *(path for path in folder.rglob("*") if path.is_dir())]
        try:
            for path in folders:
                path.chmod(0o555)
            yield
        finally:
            for path in folders:
                path.chmod(0o755)
        return
    with ExitStack() as stack:
        for options in (["--bind"], ["-o", "remount,ro,bind"]):
            if subprocess.run(["mount", *options, str(folder), str(folder)], capture_output=True).returncode:
                pytest.skip("nothing can be mounted here")
            if options == ["--bind"]:
                stack.callback(subprocess.run, ["umount", str(folder)], check=True)
        yield


def assert_read(dataset: Dataset, contents: Contents, root: Path) -> None:
    loaded = dataset.load(root)
    files = contents[dataset.name]
    for split, (images, labels) in ((loaded.train, dataset.files[:2]), (loaded.test, dataset.files[2:])):
        assert split.images.numpy().tobytes() == files[images.name][16:]
        assert split.labels.tolist() == list(files[labels.name][8:])


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_used_where_it_is(form: str, name: str, contents: Contents, tmp_path: Path) -> None:
    dataset, root = DATASETS[name], tmp_path / "data"
    put(form, dataset, contents, root)
    before = tree(root)
    assert usable(name, root) == name
    assert tree(root) == before  # to look changes nothing
    assert_read(dataset, contents, root)
    dataset.ensure(root=root)
    dataset.prepare(root=root)
    after = tree(root)
    assert {path: after[path] for path in before} == before  # what was put there stays as it was
    added = set(after) - set(before)
    assert added <= {f"{dataset.folder}/raw/{file.name}" for file in dataset.files}
    assert bool(added) == (("archive" in form and "bytes" not in form) or "packed" in form)
    assert usable(name, root) == name
    assert_read(dataset, contents, root)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_in_a_folder_that_cannot_be_written(form: str, contents: Contents, tmp_path: Path) -> None:
    dataset, root = DATASETS["mnist"], tmp_path / "data"
    put(form, dataset, contents, root)
    before = tree(root)
    with read_only(root):
        assert usable("mnist", root) == "mnist"
        assert_read(dataset, contents, root)
        dataset.ensure(root=root)
        assert usable("mnist", root) == "mnist"
        assert_read(dataset, contents, root)
        assert tree(root) == before


def test_forms_may_be_mixed(contents: Contents, tmp_path: Path) -> None:
    dataset = DATASETS["mnist"]
    forms = iter(("dotted", "archive", "without raw", "in a folder of its name"))
    for name, data in contents["mnist"].items():
        FORMS[next(forms)](tmp_path / "MNIST", name, data)
    assert usable("mnist", tmp_path) == "mnist"
    assert_read(dataset, contents, tmp_path)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("inside", ["", "raw"])
def test_the_data_folder_may_be_the_sets_own(name: str, inside: str, contents: Contents, tmp_path: Path) -> None:
    dataset = DATASETS[name]
    root = tmp_path / dataset.folder / inside
    for file, data in contents[name].items():
        write(root / dotted(file), data)
    assert [one for one in KINDS if usable(one, root) == one] == [name]
    assert_read(dataset, contents, root)


@pytest.mark.parametrize("name", KINDS)
def test_files_in_a_folder_that_says_nothing_are_those_of_their_set_alone(
    name: str, contents: Contents, tmp_path: Path
) -> None:
    put("directly in the data folder", DATASETS[name], contents, tmp_path)
    assert [one for one in KINDS if usable(one, tmp_path) == one] == [name]
    assert usable(OFFLINE, tmp_path) == OFFLINE
    assert not DATASETS[OFFLINE].available(tmp_path)


HARM: dict[str, Callable[[bytes], bytes]] = {
    "half of it": lambda data: data[: len(data) // 2],
    "nothing": lambda data: b"",
    "something else": lambda data: b"<html>404</html>".ljust(len(data)),
    "too much": lambda data: data + b"\0",
    "a wrong header": lambda data: b"\0\0\x08\x07" + data[4:],
    "one wrong bit": lambda data: data[:20] + bytes([data[20] ^ 1]) + data[21:],
}


@pytest.mark.parametrize("harm", HARM)
@pytest.mark.parametrize("form", FORMS)
def test_what_is_wrong_is_named_by_its_path(form: str, harm: str, contents: Contents, tmp_path: Path) -> None:
    dataset, index = DATASETS["mnist"], (list(FORMS).index(form) + list(HARM).index(harm)) % 4
    put(form, dataset, contents, tmp_path)
    before = tree(tmp_path)
    name = dataset.files[index].name
    FORMS[form](tmp_path / "MNIST", name, HARM[harm](contents["mnist"][name]))
    (changed,) = [path for path, data in tree(tmp_path).items() if before[path] != data]
    problem = dataset.problem(tmp_path)
    assert problem is not None
    assert str(tmp_path / changed) in problem
    assert problem.endswith("get it again.")
    assert usable("mnist", tmp_path) == OFFLINE
    if harm != "one wrong bit":
        with pytest.raises(DataError) as caught:
            dataset.load(tmp_path)
        assert str(tmp_path / changed) in str(caught.value)


def test_without_a_network_what_was_wrong_stays_named(contents: Contents, tmp_path: Path) -> None:
    dataset = DATASETS["mnist"]
    put("archive", dataset, contents, tmp_path)
    path = tmp_path / "MNIST" / "raw" / f"{dataset.files[2].name}.gz"
    path.write_bytes(path.read_bytes()[:-20])
    problem = dataset.problem(tmp_path)
    with pytest.raises(DataError, match="could not be downloaded"):
        dataset.ensure(root=tmp_path)
    assert problem
    assert dataset.problem(tmp_path) == problem


@pytest.mark.parametrize("cut", [-1, -9, 15, 1 / 2])
@pytest.mark.parametrize("form", [form for form in FORMS if "archive" in form])
def test_a_cut_off_archive_is_named(form: str, cut: float, contents: Contents, tmp_path: Path) -> None:
    dataset = DATASETS["mnist"]
    put(form, dataset, contents, tmp_path)
    (path,) = [path for path in tmp_path.rglob("*") if path.is_file() and "train-images" in path.name]
    data = path.read_bytes()
    path.write_bytes(data[: int(cut) if isinstance(cut, int) else int(cut * len(data))])
    problem = dataset.problem(tmp_path) or ""
    assert problem.startswith(f"{path} is damaged or cut off: it can't be unpacked (")
    assert usable("mnist", tmp_path) == OFFLINE
    with pytest.raises(DataError, match="cut off"):
        dataset.load(tmp_path)


@pytest.mark.parametrize("other", [form for form in FORMS if form != "torchvision's"])
def test_a_sound_copy_is_used_beside_a_damaged_one(other: str, contents: Contents, tmp_path: Path) -> None:
    dataset = DATASETS["mnist"]
    if other != "archive's bytes under the plain name":
        put("torchvision's", dataset, contents, tmp_path)
        path = tmp_path / "MNIST" / "raw" / dataset.files[0].name
        path.write_bytes(path.read_bytes()[:-1])
    if other != "in a folder of its name":  # there the damaged one has the folder's place
        put(other, dataset, contents, tmp_path)
    else:
        put("dotted", dataset, contents, tmp_path)
    assert usable("mnist", tmp_path) == "mnist"
    assert_read(dataset, contents, tmp_path)


def test_an_archive_that_changed_is_unpacked_again(contents: Contents, tmp_path: Path) -> None:
    dataset = DATASETS["kmnist"]
    form = "archive's bytes under the plain name"
    put(form, dataset, contents, tmp_path)
    assert_read(dataset, contents, tmp_path)
    changed = {"kmnist": {file.name: content_of(file, 9) for file in dataset.files}}
    put(form, dataset, changed, tmp_path)
    assert_read(dataset, changed, tmp_path)


def test_what_unpacks_without_an_end_is_not_unpacked_whole(tmp_path: Path) -> None:
    file = File("t10k-labels-idx1-ubyte", 20)
    path = tmp_path / "large.gz"
    path.write_bytes(gzip.compress(bytes(5_000_000)))
    assert len(unpacked(file, path)) == file.size + 1


@pytest.mark.mnist
@pytest.mark.parametrize("form", ["dotted", "packed again", "archive's bytes under the plain name"])
def test_the_real_mnist_in_another_form(form: str, mnist_root: Path, tmp_path: Path) -> None:
    dataset = DATASETS["mnist"]
    for file in dataset.files:
        data = (mnist_root / "MNIST" / "raw" / file.name).read_bytes()
        if form == "dotted":
            FORMS[form](tmp_path / "MNIST", file.name, data)
        else:
            packed = gzip.compress(data, 1)
            write(tmp_path / "MNIST" / "raw" / (f"{file.name}.gz" if form == "packed again" else file.name), packed)
    assert usable("mnist", tmp_path) == "mnist"
    assert dataset.load(tmp_path).test.labels[:5].tolist() == [7, 2, 1, 0, 4]
