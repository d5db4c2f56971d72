"""Data sets: what they are, where their files are, and how the files become tensors.

All are in MNIST's own layout, four IDX files of bytes in `<root>/<folder>/raw`, and are memory-mapped: several
trainings share one copy, and opening takes milliseconds.
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
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nnviz.data.torchvision_ops import STORAGE
from nnviz.environment import data_root
from nnviz.process import is_alive, this_process

Progress = Callable[[float, str], None]
"""Called with the share done, in [0, 1], and what is going on."""

OFFLINE = "offline"
"""The data set that needs no download."""

SIDE = 28
CLASSES = 10
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
class File:
    """One IDX file: `count` images of 28×28 or `count` labels."""

    name: str
    count: int
    md5: str = ""

    @property
    def is_images(self) -> bool:
        return "images" in self.name

    @property
    def header(self) -> bytes:
        """Magic number and sizes, big-endian (the IDX format)."""
        sizes = (0x803, self.count, SIDE, SIDE) if self.is_images else (0x801, self.count)
        return np.array(sizes, ">i4").tobytes()

    @property
    def size(self) -> int:
        return len(self.header) + self.count * (SIDE * SIDE if self.is_images else 1)


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

    @property
    def train_size(self) -> int:
        return self.files[0].count

    @property
    def test_size(self) -> int:
        return self.files[2].count

    def available(self, root: Path | None = None) -> bool:
        """All files are there, each as long as it should be. Cheap: looks at sizes only."""
        return self._complete(self._root(root))

    def problem(self, root: Path | None = None) -> str | None:
        """What is wrong with files that are there, as a sentence; None if there is nothing, or nothing wrong.

        Reads the files, with MNIST's checksums, once for each state of them.
        """
        return next((f"{problem}." for file, path in self._paths(root) if (problem := _problem(file, path))), None)

    def load(self, root: Path | None = None) -> Loaded:
        """Map the files into memory. Raises DataError."""
        arrays = []
        for file, path in self._paths(root):
            try:
                if fault := _misshapen(file, path):
                    raise DataError(fault)
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
            if fault := _mislabelled(Path(str(labels.filename)), labels):
                raise DataError(fault)
            pixels = torch.from_numpy(images).view(-1, *self.input_shape)
            splits.append(Split(pixels, torch.from_numpy(labels.astype(np.int64))))
        return Loaded(self, *splits)

    def prepare(self, progress: Progress = lambda share, text: None, root: Path | None = None) -> None:
        """Download or make the files; damaged ones are replaced. Nothing half-written stays. Raises DataError."""
        target = self._writable_root(root) / self.folder / "raw"
        try:
            with _workshop(target.parent) as workshop:
                if self.name == OFFLINE:
                    self._generate(workshop, progress)
                else:
                    self._download(workshop, target, progress)
                made = {path.name: path for path in workshop.rglob("*-ubyte")}
                for file in self.files:
                    if file.name not in made:
                        raise DataError(f"{self.title} did not arrive whole: {file.name} is missing; try again")
                    if fault := _fault(file, made[file.name]):
                        raise DataError(f"{self.title} did not arrive whole: {fault}")
                target.mkdir(parents=True, exist_ok=True)
                for file in self.files:
                    os.replace(made[file.name], target / file.name)
        except OSError as error:
            raise DataError(_unstorable(self.title, target, error)) from None
        progress(1.0, "Ready")

    def ensure(self, progress: Progress = lambda share, text: None, root: Path | None = None) -> None:
        """`prepare` unless it is there. Raises DataError."""
        if not self.available(root) or self.problem(root):
            self.prepare(progress, root)

    def _paths(self, root: Path | None) -> Iterator[tuple[File, Path]]:
        folder = self._root(root) / self.folder / "raw"
        for file in self.files:
            yield file, folder / file.name

    def _root(self, root: Path | None) -> Path:
        """Where the files are. What is made here may also lie in the user's own temporary folder."""
        root = root or data_root()
        own = self.name == OFFLINE and not self._complete(root) and self._complete(_own_folder())
        return _own_folder() if own else root

    def _complete(self, root: Path) -> bool:
        return all(_length(root / self.folder / "raw" / file.name) == file.size for file in self.files)

    def _writable_root(self, root: Path | None) -> Path:
        root = root or data_root()
        target = (root / self.folder / "raw").absolute()
        nearest = next(folder for folder in (target, *target.parents) if folder.exists())
        writable = nearest.is_dir() and os.access(nearest, os.W_OK)
        return _own_folder() if self.name == OFFLINE and not writable else root

    def _generate(self, workshop: Path, progress: Progress) -> None:
        try:
            from nnviz.data.offline_digits import generate
        except ImportError as error:
            raise DataError(f"{self.title} can't be made: {error}; install requirements.txt") from None

        arrays: list[NDArray[np.uint8]] = [array for digits in generate(progress) for array in digits]
        for file, array in zip(self.files, arrays, strict=True):
            (workshop / file.name).write_bytes(file.header + array.tobytes())

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


def _idx(train: int, test: int, *md5: str) -> tuple[File, File, File, File]:
    sums = md5 or ("", "", "", "")
    return (
        File("train-images-idx3-ubyte", train, sums[0]),
        File("train-labels-idx1-ubyte", train, sums[1]),
        File("t10k-images-idx3-ubyte", test, sums[2]),
        File("t10k-labels-idx1-ubyte", test, sums[3]),
    )


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
            "fashion_mnist",
            "FashionMNIST",
            "70,000 pictures of clothes from a shop",
            "FashionMNIST",
            ("T-shirt", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Boot"),
            _idx(60_000, 10_000),
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
        ),
    )
}


def usable(name: str, root: Path | None = None) -> str:
    """`name` if its files are there and sound, else the data set that can always be made."""
    dataset = DATASETS[name]
    return name if dataset.available(root) and not dataset.problem(root) else OFFLINE


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
        stat = path.stat()
        return _remembered_fault(file, path, stat.st_size, stat.st_mtime_ns)
    except FileNotFoundError:
        return None
    except OSError as error:
        return _unreadable(path, error)


@lru_cache(maxsize=64)
def _remembered_fault(file: File, path: Path, size: int, changed: int) -> str | None:
    """Each state of a file, told by its size and the time of its last change, is read once."""
    return _fault(file, path)


def _fault(file: File, path: Path) -> str | None:
    """What is wrong with the content of a file, as a sentence. Raises OSError if it can't be read."""
    if fault := _misshapen(file, path):
        return fault
    if file.md5:
        with path.open("rb") as stream:
            found = hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
        if found != file.md5:
            return f"{path} is damaged: its MD5 checksum is {found} instead of {file.md5}; get it again"
    return None if file.is_images else _mislabelled(path, np.fromfile(path, np.uint8, offset=len(file.header)))


def _misshapen(file: File, path: Path) -> str | None:
    """Whether the file's beginning and length are those of an IDX file of its kind. Raises OSError."""
    with path.open("rb") as stream:
        header, size = stream.read(len(file.header)), os.fstat(stream.fileno()).st_size
    if size != file.size:
        return f"{path} has {size:,} bytes instead of {file.size:,}; get it again"
    if header != file.header:
        return (
            f"{path} begins with {header.hex(' ', 4)} instead of {file.header.hex(' ', 4)}, so it is no IDX file of"
            f" {file.count:,} {'images' if file.is_images else 'labels'}; get it again"
        )
    return None


def _mislabelled(path: Path, labels: NDArray[np.uint8]) -> str | None:
    if labels.max() < CLASSES:
        return None
    return f"{path} is damaged: it has a label {labels.max()}, and there are only {CLASSES} classes; get it again"


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
