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
import psutil
import torch
from numpy.typing import NDArray
from torch import Tensor

Progress = Callable[[float, str], None]
"""Called with the share done, in [0, 1], and what is going on."""

OFFLINE = "offline"
"""The data set that needs no download."""

SIDE = 28
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
        """All files are there, each as long as it should be."""
        return all(_length(path) == file.size for file, path in self._paths(root))

    def problem(self, root: Path | None = None) -> str | None:
        """What is wrong with files that are there, as a sentence; None if there is nothing, or nothing wrong."""
        for file, path in self._paths(root):
            try:
                stat = path.stat()
            except FileNotFoundError:
                continue
            except OSError as error:
                return _unreadable(path, error)
            if problem := _problem(file, path, stat.st_size, stat.st_mtime_ns):
                return problem
        return None

    def load(self, root: Path | None = None) -> Loaded:
        """Map the files into memory. Raises DataError."""
        arrays = []
        for file, path in self._paths(root):
            try:
                with path.open("rb") as stream:
                    header = stream.read(len(file.header))
                if _length(path) != file.size or header != file.header:
                    raise DataError(_problem(file, path, _length(path), 0) or f"{path} is damaged; get it again")
                arrays.append(np.memmap(path, np.uint8, "c", len(header)))
            except FileNotFoundError:
                raise DataError(f"{self.title} is not there: {path} is missing; get it on the Train page, or with"
                                f" `python -m nnviz data {self.name}`") from None  # fmt: skip
            except OSError as error:
                raise DataError(f"{path} can't be read: {error.strerror}") from None
        splits = []
        for images, labels in (arrays[:2], arrays[2:]):
            if labels.max() >= len(self.classes):
                raise DataError(f"a label file of {self.title} holds {labels.max()}, but there are only"
                                f" {len(self.classes)} classes: the file is damaged; get it again")  # fmt: skip
            pixels = torch.from_numpy(images).view(-1, *self.input_shape)
            splits.append(Split(pixels, torch.from_numpy(labels.astype(np.int64))))
        return Loaded(self, *splits)

    def prepare(self, progress: Progress = lambda share, text: None, root: Path | None = None) -> None:
        """Download or make the files; damaged ones are replaced. Nothing half-written stays. Raises DataError."""
        target = (root or self._writable_root()) / self.folder / "raw"
        try:
            with _workshop(target.parent) as workshop:
                if self.name == OFFLINE:
                    self._generate(workshop, progress)
                else:
                    self._download(workshop, progress)
                made = {path.name: path for path in workshop.rglob("*-ubyte")}
                for file in self.files:
                    path = made.get(file.name, workshop / file.name)
                    if problem := _problem(file, path, _length(path), -1):
                        raise DataError(f"{self.title} did not arrive whole: {problem}")
                target.mkdir(parents=True, exist_ok=True)
                for file in self.files:
                    os.replace(made[file.name], target / file.name)
        except OSError as error:
            raise DataError(
                f"{self.title} can't be stored in {target} ({error.strerror or error}); free some space, mend the"
                " folder's permissions, or name another folder in NNVIZ_DATA"
            ) from None
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
        if self.name == OFFLINE and not (root / self.folder).is_dir() and (_own_folder() / self.folder).is_dir():
            return _own_folder()
        return root

    def _writable_root(self) -> Path:
        root = data_root()
        nearest = next((folder for folder in (root, *root.absolute().parents) if folder.exists()), root)
        return _own_folder() if self.name == OFFLINE and not os.access(nearest, os.W_OK) else root

    def _generate(self, workshop: Path, progress: Progress) -> None:
        from nnviz.offline_digits import generate

        arrays: list[NDArray[np.uint8]] = [array for digits in generate(progress) for array in digits]
        for file, array in zip(self.files, arrays, strict=True):
            (workshop / file.name).write_bytes(file.header + array.tobytes())

    def _download(self, workshop: Path, progress: Progress) -> None:
        """Let torchvision do it, in a process of its own: it prints, and has no time limit of its own."""
        expected = 1.2 * sum(file.size for file in self.files)  # it keeps the archives beside what they hold
        process = subprocess.Popen(
            [sys.executable, "-m", "nnviz.torchvision_ops", self.folder, str(workshop)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        try:
            while process.poll() is None:
                done = sum(_length(path) for path in workshop.rglob("*"))
                progress(min(0.99, done / expected), f"Downloading {self.title}: {done / 1e6:.0f} MB")
                time.sleep(0.2)
            assert process.stderr
            if process.returncode:
                lines = [line for line in process.stderr.read().splitlines() if line.strip()]
                reason = lines[-1].rpartition(": ")[2].strip("<>") if lines else f"exit code {process.returncode}"
                raise DataError(
                    f"{self.title} could not be downloaded ({reason}); check the network and try again,"
                    f" or put its files into {data_root() / self.folder / 'raw'} by hand"
                )
        finally:
            process.kill()
            process.wait()
            assert process.stderr
            process.stderr.close()


@dataclass(frozen=True)
class Loaded:
    dataset: Dataset
    train: Split
    test: Split


def _idx(train: int, test: int, *md5: str) -> tuple[File, File, File, File]:
    sums = md5 or ("",) * 4
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
            _idx(24_000, 4_000),
        ),
    )
}


def data_root() -> Path:
    """The folder of all data sets: NNVIZ_DATA, or `data` where the app was started."""
    return Path(os.environ.get("NNVIZ_DATA") or "data")


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
    user = os.environ.get("USER") or os.environ.get("USERNAME") or "me"
    return Path(tempfile.gettempdir()) / f"nnviz-{user}"


def _length(path: Path) -> int:
    """Bytes of a file; 0 if it is not one or just went."""
    try:
        return path.stat().st_size if path.is_file() else 0
    except OSError:
        return 0


@lru_cache(maxsize=64)
def _problem(file: File, path: Path, size: int, changed: int) -> str | None:
    """Looked at as a whole once for each state (size, time of change) of the file."""
    again = "get it again"
    if size != file.size:
        return f"{path} has {size:,} bytes instead of {file.size:,}; {again}."
    try:
        content = path.read_bytes()
    except OSError as error:
        return _unreadable(path, error)
    if content[: len(file.header)] != file.header:
        return f"{path} does not begin as an IDX file of {file.count:,} entries does; {again}."
    if file.md5 and hashlib.md5(content, usedforsecurity=False).hexdigest() != file.md5:
        return f"{path} is damaged: its MD5 checksum is not {file.md5}; {again}."
    return None


def _unreadable(path: Path, error: OSError) -> str:
    return f"{path} can't be read ({error.strerror}); mend its permissions or name another folder in NNVIZ_DATA."


@contextmanager
def _workshop(folder: Path) -> Iterator[Path]:
    """A folder to make files in, gone afterwards whatever happens; those of processes that died are cleared away."""
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob(_PARTIAL + "*"):
        pid = left.name.removeprefix(_PARTIAL).partition("-")[0]
        if not (pid.isdigit() and psutil.pid_exists(int(pid))):
            shutil.rmtree(left, ignore_errors=True)
    made = Path(tempfile.mkdtemp(prefix=f"{_PARTIAL}{os.getpid()}-", dir=folder))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)
