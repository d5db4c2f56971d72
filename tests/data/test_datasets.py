"""Data sets: what is read, what is refused and why, and getting them from a server that may fail in every way."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
import torch

from nnviz.data import datasets, offline_digits, styles, torchvision_ops
from nnviz.data.datasets import DATASETS, OFFLINE, STYLES, DataError, Dataset, Loaded, first_per_class, to_input, usable
from nnviz.data.offline_digits import Digits
from nnviz.process import process_name
from tests.data.mirror import Mirror, closed_port, pack, use_proxy
from tests.waiting import LIMIT_S

MNIST, OFFLINE_DIGITS, WITH_STYLES = DATASETS["mnist"], DATASETS[OFFLINE], DATASETS[STYLES]
PLAIN = DATASETS["kmnist"]
"""Of which no checksums are known here: any content of the right form is whole."""


def put(dataset: Dataset, root: Path) -> Path:
    """Files of the right form, all images blank and all labels 0 to 9 in turn; returns their folder."""
    folder = root / dataset.folder / "raw"
    folder.mkdir(parents=True, exist_ok=True)
    for file in dataset.files:
        content = bytes(file.count * 784) if file.is_images else bytes(i % 10 for i in range(file.count))
        (folder / file.name).write_bytes(file.header + content)
    return folder


def copy_mnist(mnist_root: Path, root: Path) -> Path:
    """A copy of the real files that may be damaged."""
    folder = root / "MNIST" / "raw"
    folder.mkdir(parents=True)
    for file in MNIST.files:
        shutil.copyfile(mnist_root / "MNIST" / "raw" / file.name, folder / file.name)
    return folder


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def flip_a_bit(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(5000)
        byte = file.read(1)[0]
        file.seek(5000)
        file.write(bytes([byte ^ 1]))


def spoil_header(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"\x1f\x8b")


def make_unreadable(path: Path) -> None:
    path.unlink()
    path.mkdir()


def left_over(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.name.startswith(datasets._PARTIAL)]


@pytest.fixture
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where offline digits go if the data folder can't be written."""
    folder = tmp_path / "own"
    monkeypatch.setattr(datasets, "_own_folder", lambda: folder)
    return folder


@pytest.fixture
def quick_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Offline digits that are made in no time."""

    def split(count: int) -> Digits:
        return Digits(np.zeros((count, 28, 28), np.uint8), (np.arange(count) % 10).astype(np.uint8))

    monkeypatch.setattr(offline_digits, "generate", lambda progress: (split(60_000), split(10_000)))
    monkeypatch.setattr(styles, "generate", lambda progress: split(54_000))


# ---------------------------------------------------------------------- reading


@pytest.mark.mnist
def test_mnist_is_what_torchvision_reads(mnist_root: Path) -> None:
    torchvision_ops.declare()
    from torchvision import datasets as theirs

    loaded = MNIST.load(mnist_root)
    for split, train in ((loaded.train, True), (loaded.test, False)):
        expected = theirs.MNIST(str(mnist_root), train=train)
        assert split.images.dtype == torch.uint8
        assert torch.equal(split.images[:, 0], expected.data)
        assert torch.equal(split.labels, expected.targets)
    assert MNIST.problem(mnist_root) is None
    assert (MNIST.train_size, MNIST.test_size) == (60_000, 10_000)


@pytest.mark.parametrize("dataset", DATASETS.values(), ids=lambda dataset: dataset.name)
def test_inputs_go_from_minus_one_to_one(dataset: Dataset) -> None:
    ends = torch.tensor([0, 255], dtype=torch.uint8)
    assert to_input(ends, dataset).tolist() == [-1, 1]
    made_too = 54_000 if dataset.name == STYLES else 0
    assert (dataset.train_size, dataset.test_size) == (60_000 + made_too, 10_000)
    assert len(dataset.classes) == 10


def test_input_is_torchvisions_to_tensor_and_normalize(blobs: Loaded) -> None:
    torchvision_ops.declare()
    from torchvision.transforms import Compose, Normalize, ToTensor

    dataset, images = blobs.dataset, blobs.test.images[:20]
    transform = Compose([ToTensor(), Normalize((dataset.mean,), (dataset.std,))])
    theirs = torch.stack([transform(image[0].numpy()) for image in images])
    assert torch.equal(to_input(images, dataset), theirs)


@pytest.mark.parametrize("name", DATASETS)
def test_files_that_are_there_are_mapped_and_loaded(name: str, tmp_path: Path, own_folder: Path) -> None:
    dataset = DATASETS[name]
    assert not dataset.available(tmp_path)
    put(dataset, tmp_path)
    assert dataset.available(tmp_path)
    loaded = dataset.load(tmp_path)
    assert loaded.train.images.shape == (dataset.train_size, *dataset.input_shape)
    assert loaded.test.labels[:12].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]
    assert len(dataset.classes) == 10


def test_writing_into_a_loaded_set_does_not_reach_the_files(tmp_path: Path) -> None:
    put(PLAIN, tmp_path)
    PLAIN.load(tmp_path).train.images.fill_(9)
    assert int(PLAIN.load(tmp_path).train.images.max()) == 0


def test_what_is_missing_is_named_with_what_to_do(tmp_path: Path) -> None:
    folder = put(PLAIN, tmp_path)
    (folder / PLAIN.files[1].name).unlink()
    assert not PLAIN.available(tmp_path)
    assert PLAIN.problem(tmp_path) is None  # nothing that is there is wrong
    with pytest.raises(DataError, match=rf"{folder / PLAIN.files[1].name} is missing.*nnviz data kmnist"):
        PLAIN.load(tmp_path)


@pytest.mark.parametrize("index", range(4))
@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (truncate, "bytes instead of"),
        (spoil_header, "begins with 1f8b"),
        (make_unreadable, r"can't be read \(Is a directory\)"),
    ],
)
def test_a_damaged_file_is_named_and_not_used(
    index: int, harm: Callable[[Path], None], words: str, tmp_path: Path
) -> None:
    path = put(PLAIN, tmp_path) / PLAIN.files[index].name
    assert PLAIN.problem(tmp_path) is None
    harm(path)
    problem = PLAIN.problem(tmp_path)
    assert problem is not None
    assert str(path) in problem
    assert problem.endswith(("get it again.", "in NNVIZ_DATA."))
    with pytest.raises(DataError, match=words) as caught:
        PLAIN.load(tmp_path)
    assert str(path) in str(caught.value)
    assert usable("kmnist", tmp_path) == OFFLINE


def test_a_label_that_is_no_class_is_damage(tmp_path: Path) -> None:
    path = put(PLAIN, tmp_path) / PLAIN.files[3].name
    with path.open("r+b") as file:
        file.seek(100)
        file.write(b"\x0a")
    with pytest.raises(DataError, match=r"it has a label 10, and there are only 10 classes; get it again"):
        PLAIN.load(tmp_path)
    assert "label 10" in (PLAIN.problem(tmp_path) or "")


@pytest.mark.mnist
@pytest.mark.parametrize("index", range(4))
def test_one_wrong_bit_in_mnist_shows_by_its_checksum(index: int, mnist_root: Path, tmp_path: Path) -> None:
    path = copy_mnist(mnist_root, tmp_path) / MNIST.files[index].name
    assert usable("mnist", tmp_path) == "mnist"
    flip_a_bit(path)
    problem = MNIST.problem(tmp_path)
    assert problem is not None
    assert str(path) in problem
    assert f"instead of {MNIST.files[index].md5}" in problem
    assert usable("mnist", tmp_path) == OFFLINE


def test_a_file_without_permission_to_read_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put(PLAIN, tmp_path) / PLAIN.files[0].name
    real_open = Path.open

    def guarded(self: Path, *words: object, **options: object) -> object:
        if self == path:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return real_open(self, *words, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", guarded)
    with pytest.raises(DataError, match=rf"{path} can't be read \(Permission denied\); mend its permissions"):
        PLAIN.load(tmp_path)


@pytest.mark.mnist
def test_mnist_is_used_as_soon_as_it_is_there(
    mnist_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NNVIZ_DATA", str(tmp_path))
    assert usable("mnist") == OFFLINE
    copy_mnist(mnist_root, tmp_path)
    assert usable("mnist") == "mnist"


def test_every_data_set_says_where_its_numbers_are_from() -> None:
    for dataset in DATASETS.values():
        assert dataset.origin
        assert not dataset.origin.endswith(".")
    assert "not MNIST" in OFFLINE_DIGITS.origin


# ---------------------------------------------------------------------- parts of a set


@pytest.mark.parametrize("count", [1, 3, 1000])
def test_first_per_class_takes_the_first_of_each_in_order(count: int) -> None:
    labels = torch.randint(0, 7, (500,), generator=torch.Generator().manual_seed(count))
    seen: dict[int, int] = {}
    expected = []
    for index, label in enumerate(labels.tolist()):
        seen[label] = seen.get(label, 0) + 1
        if seen[label] <= count:
            expected.append(index)
    assert first_per_class(labels, count).tolist() == expected


def test_first_per_class_refuses_none() -> None:
    with pytest.raises(ValueError, match="must be at least 1, not 0"):
        first_per_class(torch.arange(3), 0)


# ---------------------------------------------------------------------- making the offline digits


def test_digits_are_made_once_and_stored_as_idx(quick_digits: None, tmp_path: Path, own_folder: Path) -> None:
    said = []
    OFFLINE_DIGITS.ensure(lambda share, text: said.append((share, text)), tmp_path)
    assert said[-1] == (1.0, "Ready")
    assert OFFLINE_DIGITS.load(tmp_path).test.labels[:3].tolist() == [0, 1, 2]
    assert not left_over(tmp_path)
    said.clear()
    OFFLINE_DIGITS.ensure(lambda share, text: said.append((share, text)), tmp_path)
    assert not said


def test_where_the_data_folder_cannot_be_written_digits_go_to_a_folder_of_their_own(
    quick_digits: None, tmp_path: Path, own_folder: Path
) -> None:
    root = tmp_path / "file"
    root.touch()
    OFFLINE_DIGITS.ensure(root=root)
    assert OFFLINE_DIGITS.available(root)
    assert len(OFFLINE_DIGITS.load(root).train.labels) == 60_000
    assert (own_folder / "OfflineDigits" / "raw").is_dir()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    root = tmp_path / "file"
    root.touch()
    with pytest.raises(DataError, match=rf"can't be stored in {root}.*free some space.*NNVIZ_DATA"):
        PLAIN.prepare(root=root)
    assert root.is_file()


def test_what_fails_half_way_leaves_nothing_and_a_retry_works(
    quick_digits: None, tmp_path: Path, own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:

        def write(path: Path, data: bytes) -> int:
            with path.open("wb") as file:
                file.write(data[:100])
            if "t10k" in path.name:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return len(data)

        patch.setattr(Path, "write_bytes", write)
        with pytest.raises(DataError, match=r"can't be stored in .*No space left on device.*free some space"):
            OFFLINE_DIGITS.prepare(root=tmp_path)
    assert not list(tmp_path.rglob("*ubyte*"))
    assert not left_over(tmp_path)
    OFFLINE_DIGITS.prepare(root=tmp_path)
    assert OFFLINE_DIGITS.problem(tmp_path) is None
    assert OFFLINE_DIGITS.available(tmp_path)


def test_what_was_whole_stays_when_its_renewal_fails(
    tmp_path: Path, own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = put(OFFLINE_DIGITS, tmp_path)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def interrupted(progress: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(offline_digits, "generate", interrupted)
    with pytest.raises(KeyboardInterrupt):
        OFFLINE_DIGITS.prepare(root=tmp_path)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert not left_over(tmp_path)


@pytest.mark.mnist
@pytest.mark.parametrize("writable", [True, False])
def test_mnist_and_styles_are_mnist_first_and_its_own_test_images(
    writable: bool, quick_digits: None, mnist_root: Path, tmp_path: Path, own_folder: Path
) -> None:
    mnist, root = MNIST.load(mnist_root), tmp_path / "data"
    copy_mnist(mnist_root, root)
    if not writable:
        (root / "MNISTStyles").touch()  # where a folder should be
    said: list[tuple[float, str]] = []
    if writable:
        WITH_STYLES.prepare(lambda share, text: said.append((share, text)), root)
        assert said[-1] == (1.0, "Ready")
        loaded = WITH_STYLES.load(root)
        assert torch.equal(loaded.train.images[:60_000], mnist.train.images)
        assert torch.equal(loaded.train.labels[:60_000], mnist.train.labels)
        assert loaded.train.labels[60_000:60_012].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]
        assert torch.equal(loaded.test.images, mnist.test.images)
        assert torch.equal(loaded.test.labels, mnist.test.labels)
        assert usable(STYLES, root) == STYLES
        assert not own_folder.exists()
    else:
        WITH_STYLES.ensure(root=root)
        assert WITH_STYLES.available(root)
        assert (own_folder / "MNISTStyles" / "raw").is_dir()
    assert not left_over(tmp_path)


@pytest.mark.mnist
def test_until_the_styles_are_there_mnist_is_next_best(mnist_root: Path, tmp_path: Path, own_folder: Path) -> None:
    assert usable(STYLES, tmp_path) == OFFLINE
    copy_mnist(mnist_root, tmp_path)
    assert usable(STYLES, tmp_path) == "mnist"


def test_without_mnist_there_are_no_styles_and_it_says_why(
    quick_digits: None, tmp_path: Path, own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_proxy(monkeypatch, closed_port())
    with pytest.raises(DataError, match="MNIST could not be downloaded"):
        WITH_STYLES.prepare(root=tmp_path)
    assert not WITH_STYLES.available(tmp_path)
    assert not left_over(tmp_path)


def test_it_says_what_is_made_and_what_is_mnist_s_own() -> None:
    assert "54,000 computer-drawn" in WITH_STYLES.origin
    assert WITH_STYLES.origin.endswith("the test images are MNIST's own")


def test_leftovers_of_dead_processes_are_cleared_and_those_of_the_living_are_not(
    quick_digits: None, tmp_path: Path, own_folder: Path
) -> None:
    folder = tmp_path / "OfflineDigits"
    living = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        began = process_name(living.pid).partition(":")[2]
        kept = folder / f".partial-{living.pid}-{began}-abc"
        gone = [
            folder / ".partial-4194305-1600000000-abc",  # no process can have this number
            folder / f".partial-{living.pid}-1600000000-abc",  # another process had it
            folder / ".partial-abc",
        ]
        for each in (kept, *gone):
            each.mkdir(parents=True)
            (each / "half").touch()
        OFFLINE_DIGITS.prepare(root=tmp_path)
        assert left_over(tmp_path) == [kept]
    finally:
        living.communicate()


# ---------------------------------------------------------------------- downloading


@pytest.fixture(scope="module")
def archives(mnist_root: Path) -> dict[str, bytes]:
    return pack(mnist_root / "MNIST" / "raw")


@pytest.fixture
def mirror(archives: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    mirror = Mirror(dict(archives))
    with mirror.serving() as address:
        use_proxy(monkeypatch, address)
        yield mirror


def same_as(mnist_root: Path, root: Path) -> bool:
    return all(
        (root / "MNIST" / "raw" / file.name).read_bytes() == (mnist_root / "MNIST" / "raw" / file.name).read_bytes()
        for file in MNIST.files
    )


@pytest.mark.mnist
def test_mnist_is_downloaded_once_with_progress(mirror: Mirror, mnist_root: Path, tmp_path: Path) -> None:
    said: list[tuple[float, str]] = []
    MNIST.ensure(lambda share, text: said.append((share, text)), tmp_path)
    assert same_as(mnist_root, tmp_path)
    assert sorted(path.name for path in (tmp_path / "MNIST" / "raw").iterdir()) == sorted(f.name for f in MNIST.files)
    assert not left_over(tmp_path)
    shares = [share for share, _ in said]
    assert shares == sorted(shares)
    assert 0 <= shares[0] < shares[-1] == 1
    assert all(text.startswith("Downloading MNIST: ") for _, text in said[:-1])

    mirror.asked.clear()
    MNIST.ensure(root=tmp_path)
    assert mirror.asked == []


@pytest.mark.mnist
@pytest.mark.parametrize("harm", [truncate, flip_a_bit, spoil_header])
def test_a_damaged_mnist_is_got_again(
    harm: Callable[[Path], None], mirror: Mirror, mnist_root: Path, tmp_path: Path
) -> None:
    harm(copy_mnist(mnist_root, tmp_path) / MNIST.files[3].name)
    MNIST.ensure(root=tmp_path)
    assert same_as(mnist_root, tmp_path)
    assert MNIST.problem(tmp_path) is None


@pytest.mark.mnist
def test_archives_that_were_put_there_by_hand_need_no_network(
    archives: dict[str, bytes], mnist_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_proxy(monkeypatch, closed_port())
    folder = tmp_path / "MNIST" / "raw"
    folder.mkdir(parents=True)
    for name, archive in archives.items():
        (folder / name).write_bytes(archive)
    MNIST.ensure(root=tmp_path)
    assert same_as(mnist_root, tmp_path)


def test_without_a_network_it_says_so_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_proxy(monkeypatch, closed_port())
    with pytest.raises(
        DataError, match=rf"could not be downloaded \(.*refused.*\); check the network.*{tmp_path / 'MNIST' / 'raw'}"
    ):
        MNIST.ensure(root=tmp_path)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not left_over(tmp_path)
    assert usable("mnist", tmp_path) == OFFLINE


@pytest.mark.mnist
@pytest.mark.parametrize("way", ["cut", "damaged", "missing"])
def test_a_server_that_fails_half_way_is_named_and_a_retry_repairs(
    way: str, mirror: Mirror, archives: dict[str, bytes], mnist_root: Path, tmp_path: Path
) -> None:
    name = "t10k-labels-idx1-ubyte.gz"
    if way == "cut":
        mirror.cut.add(name)
    elif way == "damaged":
        mirror.files[name] = archives[name][:-9] + bytes(9)
    else:
        del mirror.files[name]
    with pytest.raises(DataError, match=rf"MNIST could not be downloaded \({name}: .*\); check the network and try"):
        MNIST.ensure(root=tmp_path)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not left_over(tmp_path)

    mirror.cut.clear()
    mirror.files[name] = archives[name]
    MNIST.ensure(root=tmp_path)
    assert same_as(mnist_root, tmp_path)


@pytest.mark.mnist
def test_what_a_killed_download_left_is_cleared_by_the_next(mirror: Mirror, mnist_root: Path, tmp_path: Path) -> None:
    mirror.stall.add("train-images-idx3-ubyte.gz")
    code = "from nnviz.data.datasets import DATASETS; DATASETS['mnist'].prepare()"
    process = subprocess.Popen([sys.executable, "-c", code], env={**os.environ, "NNVIZ_DATA": str(tmp_path)})
    children = []
    try:
        assert mirror.stalled.wait(LIMIT_S)
        children = psutil.Process(process.pid).children()
    finally:
        process.kill()
        process.wait()
        for child in children:  # torchvision's, which would go on without it
            child.kill()
    assert len(left_over(tmp_path)) == 1
    mirror.stall.clear()
    MNIST.ensure(root=tmp_path)
    assert not left_over(tmp_path)
    assert same_as(mnist_root, tmp_path)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no small file system can be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.mnist
def test_a_full_disk_is_said_and_left_as_it_was(mirror: Mirror, small_disk: Path) -> None:
    with pytest.raises(DataError, match=rf"can't be stored in {small_disk}.*No space left on device.*free some space"):
        MNIST.ensure(root=small_disk)
    assert not [path for path in small_disk.rglob("*") if path.is_file()]
    assert not left_over(small_disk)


def test_a_process_that_ends_without_a_word_is_told_by_its_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datasets, "sys", SimpleNamespace(executable=shutil.which("false"), path=[]))
    with pytest.raises(DataError, match=r"could not be downloaded \(exit code 1\)"):
        MNIST.prepare(root=tmp_path)
