"""Data sets: what they are, where their files are, and how the files become tensors.

All are in MNIST's own layout, four IDX files of bytes in `<root>/<folder>/raw` or near it (`_places`), and are
memory-mapped: several trainings share one copy, and opening takes milliseconds. Archives are unpacked first.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nnviz.data.idx_file import (
    SIDE,
    File,
    candidates,
    checksum,
    fault,
    is_packed,
    mislabelled,
    misshapen,
    remembered_fault,
    unpacked,
)
from nnviz.data.torchvision_ops import STORAGE
from nnviz.environment import data_root
from nnviz.process import is_alive, this_process

Bytes = NDArray[np.uint8]
Progress = Callable[[float, str], None]
"""Called with the share done, in [0, 1], and what is going on."""

OFFLINE = "offline"
"""The data set that needs no download."""

STYLES = "mnist_styles"
"""MNIST with digits in styles that it hardly has."""

_DIGITS = tuple("0123456789")
_PARTIAL = ".partial-"


class DataError(Exception):
    """A data set that can't be read or got; the message names the file and says what to do."""


@dataclass(frozen=True)
class Split:
    """Read-only, and perhaps shared with other processes."""

    images: Tensor
    """uint8 (N, 1, 28, 28), 0 = paper, 255 = ink."""
    labels: Tensor
    """int64 (N,)."""


@dataclass(frozen=True)
class Dataset:
    name: str
    title: str
    origin: str
    """What the images are, in one sentence without a full stop; shown with the numbers that come from them."""
    folder: str
    classes: tuple[str, ...]
    files: tuple[File, File, File, File]
    """Training images and labels, test images and labels."""
    input_shape: tuple[int, int, int] = (1, SIDE, SIDE)
    mean: float = 0.5
    std: float = 0.5
    make: Callable[[Progress, Path | None], tuple[Bytes, Bytes, Bytes, Bytes]] | None = None
    """Makes what the files hold, in their order, on this machine; None if they are downloaded. Raises DataError."""
    extends: str = ""
    """The data set that this one adds training images to, and whose test images it has: the next best until it is
    there.
    """

    @property
    def tested_on(self) -> str:
        """The name of the data set that the test images are from: accuracies on the same ones can be compared."""
        return self.extends or self.name

    @property
    def of_digits(self) -> bool:
        """Its images are of the digits that people draw."""
        return self.classes == _DIGITS

    @property
    def train_size(self) -> int:
        return self.files[0].count

    @property
    def test_size(self) -> int:
        return self.files[2].count

    def available(self, root: Path | None = None) -> bool:
        """All files are there, each as long as it should be. Cheap: looks at sizes only, at archives once."""
        return self._complete(self._root(root))

    def problem(self, root: Path | None = None) -> str | None:
        """What is wrong with files that are there, as a sentence; None if there is nothing, or nothing wrong.

        Reads the files, with MNIST's checksums, once for each state of them.
        """
        return next((f"{problem}." for file, path in self._paths(root) if (problem := _problem(file, path))), None)

    def without_images(self) -> Loaded:
        """The data set as far as it is known without its files: for nets that only answer."""
        none = Split(torch.zeros((0, *self.input_shape), dtype=torch.uint8), torch.zeros(0, dtype=torch.int64))
        return Loaded(self, none, none)

    def load(self, root: Path | None = None) -> Loaded:
        """Map the files into memory. Raises DataError."""
        arrays = []
        for file, path in self._paths(root):
            try:
                if is_packed(file, path):
                    path = self._unpack(file, path, root)
                if wrong := misshapen(file, path):
                    raise DataError(wrong)
                arrays.append(np.memmap(path, np.uint8, "c", len(file.header)))
            except FileNotFoundError:
                raise DataError(
                    f"{self.title} is not there: {path} is missing; get it on the Train page, or with"
                    f" `python -m nnviz data {self.name}`"
                ) from None
            except OSError as error:
                raise DataError(_unreadable(path, error)) from None
        splits = []
        for images, labels in (arrays[:2], arrays[2:]):
            if wrong := mislabelled(Path(str(labels.filename)), labels):
                raise DataError(wrong)
            pixels = torch.from_numpy(images).view(-1, *self.input_shape)
            splits.append(Split(pixels, torch.from_numpy(labels.astype(np.int64))))
        return Loaded(self, *splits)

    def prepare(self, progress: Progress = lambda share, text: None, root: Path | None = None) -> None:
        """Download or make the files, unless all are there; damaged ones are replaced. Nothing half-written stays.

        Raises DataError.
        """
        if self.make is None and self.available(root) and not self.problem(root):
            self._unpack_all(root)
            progress(1.0, "Ready")
            return
        target = self._writable_root(root) / self.folder / "raw"
        try:
            with _workshop(target.parent) as workshop:
                if self.make is None:
                    self._download(workshop, target, progress)
                else:
                    for file, content in zip(self.files, self.make(progress, root), strict=True):
                        (workshop / file.name).write_bytes(b"".join((file.header, content.data)))
                made = {path.name: path for path in workshop.rglob("*-ubyte")}
                for file in self.files:
                    if file.name not in made:
                        raise DataError(f"{self.title} did not arrive whole: {file.name} is missing; try again")
                    if wrong := fault(file, made[file.name]):
                        raise DataError(f"{self.title} did not arrive whole: {wrong}")
                target.mkdir(parents=True, exist_ok=True)
                for file in self.files:
                    os.replace(made[file.name], target / file.name)
        except OSError as error:
            raise DataError(_unstorable(self.title, target, error)) from None
        progress(1.0, "Ready")

    def ensure(self, progress: Progress = lambda share, text: None, root: Path | None = None) -> None:
        """`prepare` unless it is there, unpacked. Raises DataError."""
        if not self.available(root) or self.problem(root):
            self.prepare(progress, root)
        else:
            self._unpack_all(root)

    def _paths(self, root: Path | None) -> Iterator[tuple[File, Path]]:
        """Each file with where it is: the first sound one of several, and where it should be if there is none."""
        root = self._root(root)
        for file in self.files:
            yield file, self._found(file, root) or root / self.folder / "raw" / file.name

    def _found(self, file: File, root: Path) -> Path | None:
        found = [path for place in self._places(root) for path in candidates(file, place) if self._own(file, path)]
        if len(found) < 2:  # then it need not be read
            return found[0] if found else None
        return next((path for path in found if not _problem(file, path)), found[0])

    def _places(self, root: Path) -> Iterator[Path]:
        """The folders in which the files may lie, torchvision's first, then those of people and of other programs."""
        yield root / self.folder / "raw"
        if self.make is not None:  # made here, so there is no other
            return
        yield root / self.folder
        with suppress(OSError):
            for path in sorted(root.iterdir()):
                if path.name != self.folder and _alike(path.name) == _alike(self.folder):
                    yield from (path / "raw", path)
        where = root.absolute()
        named = {_alike(where.name), _alike(where.parent.name) if where.name == "raw" else ""}
        if not any(_alike(one.folder) in named for one in DATASETS.values() if one is not self):
            yield from (root / "raw", root)

    def _own(self, file: File, path: Path) -> bool:
        """Whether a file may be of this data set. All have the same names, so in a folder that says nothing it isn't if
        it has the checksum of another's.
        """
        if any(_alike(folder.name) == _alike(self.folder) for folder in path.absolute().parents[:3]):
            return True
        others = {one.md5 for each in DATASETS.values() if each is not self for one in each.files if one.md5}
        return checksum(file, path) not in others

    def _unpack_all(self, root: Path | None) -> None:
        for file, path in self._paths(root):
            try:
                if is_packed(file, path):
                    self._unpack(file, path, root)
            except OSError as error:
                raise DataError(_unreadable(path, error)) from None

    def _unpack(self, file: File, archive: Path, root: Path | None) -> Path:
        """The plain file that an archive holds: beside the others, or in the user's own temporary folder where nothing
        can be written or another file lies in its place. Raises DataError, and OSError if the archive can't be read.
        """
        stat = archive.stat()
        if wrong := remembered_fault(file, archive):
            raise DataError(wrong)
        state = f"{archive.absolute()}:{stat.st_size}:{stat.st_mtime_ns}".encode()
        own = _own_folder() / "unpacked" / hashlib.md5(state, usedforsecurity=False).hexdigest() / file.name
        beside = self._root(root) / self.folder / "raw" / file.name
        for target in [own] if os.path.lexists(beside) or _length(own) == file.size else [beside, own]:
            try:
                if _length(target) != file.size:
                    with _workshop(target.parent.parent) as workshop:
                        (workshop / file.name).write_bytes(unpacked(file, archive))
                        target.parent.mkdir(parents=True, exist_ok=True)
                        os.replace(workshop / file.name, target)
                return target
            except OSError as error:
                failure = _unstorable(self.title, target.parent, error)
        raise DataError(failure)

    def _root(self, root: Path | None) -> Path:
        """Where the files are. What is made here may also lie in the user's own temporary folder."""
        root = root or data_root()
        own = self.make is not None and not self._complete(root) and self._complete(_own_folder())
        return _own_folder() if own else root

    def _complete(self, root: Path) -> bool:
        return all(_is_whole(file, self._found(file, root)) for file in self.files)

    def _writable_root(self, root: Path | None) -> Path:
        root = root or data_root()
        target = (root / self.folder / "raw").absolute()
        nearest = next(folder for folder in (target, *target.parents) if folder.exists())
        writable = nearest.is_dir() and os.access(nearest, os.W_OK)
        return _own_folder() if self.make is not None and not writable else root

    def _download(self, workshop: Path, target: Path, progress: Progress) -> None:
        """Let torchvision do it, in a process of its own: it prints, and has no time limit and no way to stop it."""
        for archive in target.glob("*.gz"):  # torchvision checks them, and gets only what isn't whole
            (workshop / self.folder / "raw").mkdir(parents=True, exist_ok=True)
            shutil.copyfile(archive, workshop / self.folder / "raw" / archive.name)
        expected = 1.2 * sum(file.size for file in self.files)  # it keeps the archives beside what they hold
        log = workshop / "log"
        with log.open("w") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "nnviz.data.torchvision_ops", self.folder, str(workshop)],
                stdout=subprocess.DEVNULL,
                stderr=output,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONIOENCODING": "utf-8"},
            )
        try:
            while process.poll() is None:
                done = sum(_length(path) for path in workshop.rglob("*"))
                progress(min(0.99, done / expected), f"Downloading {self.title}: {done / 1e6:.0f} MB")
                time.sleep(0.2)
        finally:
            process.kill()
            process.wait()
        if process.returncode:
            lines = log.read_text("utf-8", "replace").split("\n")
            reason = next((line.strip() for line in reversed(lines) if line.strip()), "")
            if reason.startswith(STORAGE):
                raise OSError(0, reason.removeprefix(STORAGE))
            raise DataError(
                f"{self.title} could not be downloaded ({reason or f'exit code {process.returncode}'}); check the"
                f" network and try again, or put its files into {target} by hand"
            )


@dataclass(frozen=True)
class Loaded:
    dataset: Dataset
    train: Split
    test: Split

    def first_test(self, count: int) -> tuple[Split, str]:
        """The first `count` test images, or all if there are no more; and which those are, in words that stand beside
        every number that is of them.
        """
        test, total = self.test, len(self.test.labels)
        if count >= total:
            return test, f"all {total:,} test images of {self.dataset.title}"
        words = f"the first {count:,} of the {total:,} test images of {self.dataset.title}"
        return Split(test.images[:count], test.labels[:count]), words


def _idx(train: int, test: int, *md5: str) -> tuple[File, File, File, File]:
    sums = md5 or ("", "", "", "")
    return (
        File("train-images-idx3-ubyte", train, sums[0]),
        File("train-labels-idx1-ubyte", train, sums[1]),
        File("t10k-images-idx3-ubyte", test, sums[2]),
        File("t10k-labels-idx1-ubyte", test, sums[3]),
    )


def _offline_digits(progress: Progress, root: Path | None) -> tuple[Bytes, Bytes, Bytes, Bytes]:
    try:
        from nnviz.data.offline_digits import generate
    except ImportError as error:
        raise DataError(f"{DATASETS[OFFLINE].title} can't be made: {error}; install requirements.txt") from None
    train, test = generate(progress)
    return (*train, *test)


def _mnist_and_styles(progress: Progress, root: Path | None) -> tuple[Bytes, Bytes, Bytes, Bytes]:
    """MNIST's training images and then the made ones; its test images."""
    from nnviz.data.styles import generate

    mnist = DATASETS["mnist"]
    first = 0.0 if usable("mnist", root) == "mnist" else 0.5  # of the progress, to get MNIST
    mnist.ensure(lambda share, text: progress(first * share, text), root)
    made = generate(progress=lambda share, text: progress(first + (1 - first) * share, text))
    (train, labels), (test, test_labels) = (
        (split.images[:, 0].numpy(), split.labels.numpy().astype(np.uint8))
        for split in (mnist.load(root).train, mnist.load(root).test)
    )
    return np.concatenate([train, made.images]), np.concatenate([labels, made.labels]), test, test_labels


DATASETS: dict[str, Dataset] = {
    dataset.name: dataset
    for dataset in (
        Dataset(
            "mnist",
            "MNIST",
            "70,000 handwritten digits of American census workers and students",
            "MNIST",
            _DIGITS,
            _idx(
                60_000,
                10_000,
                "6bbc9ace898e44ae57da46a324031adb",
                "a25bea736e30d166cdddb491f175f624",
                "2646ac647ad5339dbf082846283269ea",
                "27ae3e4e09519cfbb04c329615203637",
            ),
        ),
        Dataset(
            STYLES,
            "MNIST and styles it lacks",
            "MNIST's 60,000 training images and 54,000 computer-drawn digits in many styles of handwriting; the test"
            " images are MNIST's own",
            "MNISTStyles",
            _DIGITS,
            _idx(114_000, 10_000),
            make=_mnist_and_styles,
            extends="mnist",
        ),
        Dataset(
            "fashion_mnist",
            "FashionMNIST",
            "70,000 pictures of clothes from a shop",
            "FashionMNIST",
            ("T-shirt", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Boot"),
            _idx(60_000, 10_000, "", "9018921c3c673c538a1fc5bad174d6f9", "", "15d484375f8d13e6eb1aabb0c3f46965"),
        ),
        Dataset(
            "kmnist",
            "KMNIST",
            "70,000 cursive Japanese characters from old books",
            "KMNIST",
            ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
            _idx(60_000, 10_000),
        ),
        Dataset(
            OFFLINE,
            "Offline digits",
            "1,797 real 8×8 digits and computer-drawn strokes; not MNIST",
            "OfflineDigits",
            _DIGITS,
            _idx(60_000, 10_000),
            make=_offline_digits,
        ),
    )
}


def usable(name: str, root: Path | None = None) -> str:
    """`name` if its files are there and sound, else what it extends, else the data set that can always be made."""
    dataset = DATASETS[name]
    if dataset.available(root) and not dataset.problem(root):
        return name
    return usable(dataset.extends, root) if dataset.extends else OFFLINE


def first_per_class(labels: Tensor, count: int) -> Tensor:
    """Indices of the first `count` examples of each class, ascending; int64. Raises ValueError."""
    if count < 1:
        raise ValueError(f"examples per class must be at least 1, not {count}")
    return torch.cat([(labels == label).nonzero()[:count, 0] for label in labels.unique()]).sort().values


def to_input(images: Tensor, dataset: Dataset) -> Tensor:
    """uint8 pixels as the network gets them: torchvision's ToTensor and Normalize, bit for bit; float32, same shape."""
    return images.to(torch.float32).div_(255).sub_(dataset.mean).div_(dataset.std)


def _own_folder() -> Path:
    user = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "me")
    return Path(tempfile.gettempdir()) / f"nnviz-{user}"


def _length(path: Path) -> int:
    """Bytes of a file; 0 if it is not one or just went."""
    try:
        return path.stat().st_size if path.is_file() else 0
    except OSError:
        return 0


def _problem(file: File, path: Path) -> str | None:
    """What is wrong with a file, unless it isn't there."""
    try:
        return remembered_fault(file, path)
    except FileNotFoundError:
        return None
    except OSError as error:
        return _unreadable(path, error)


def _is_whole(file: File, path: Path | None) -> bool:
    """Whether a file is as long as it should be, or an archive with all of it."""
    if path is None:
        return False
    if _length(path) == file.size:
        return True
    try:
        return path.is_file() and is_packed(file, path) and remembered_fault(file, path) is None
    except OSError:
        return False


def _alike(name: str) -> str:
    """A folder's name as people may also write it: Fashion-MNIST, fashion_mnist."""
    return "".join(sign for sign in name.lower() if sign.isalnum())


def _unreadable(path: Path, error: OSError) -> str:
    return (
        f"{path} can't be read ({error.strerror or error}); mend its permissions or name another folder in NNVIZ_DATA"
    )


def _unstorable(title: str, target: Path, error: OSError) -> str:
    return (
        f"{title} can't be stored in {target} ({error.strerror or error}); free some space, mend the folder's"
        " permissions, or name another folder in NNVIZ_DATA"
    )


@contextmanager
def _workshop(folder: Path) -> Iterator[Path]:
    """A folder to make files in, gone afterwards whatever happens; those of processes that died are cleared away."""
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob(f"{_PARTIAL}*"):
        if not is_alive(":".join(left.name.removeprefix(_PARTIAL).split("-")[:2])):
            shutil.rmtree(left, ignore_errors=True)
    owner = this_process().replace(":", "-")
    made = Path(tempfile.mkdtemp(prefix=f"{_PARTIAL}{owner}-", dir=folder))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)
