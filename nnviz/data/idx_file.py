"""IDX files of images and labels: under which names they lie in a folder, packed or not, and whether they are sound.

Who puts the files there by hand leaves them as a browser, 7-zip or Kaggle did: `train-images.idx3-ubyte`, a folder of
the file's name around it, only the archive, or the archive's bytes under the file's name.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO, cast

import numpy as np
from numpy.typing import NDArray

SIDE = 28
CLASSES = 10

_GZIP = b"\x1f\x8b"
_MOST_LAYERS = 3  # of archives around archives


@dataclass(frozen=True)
class File:
    """One IDX file: `count` images of 28×28 or `count` labels."""

    name: str
    count: int
    md5: str = ""
    """Of what it holds, unpacked; empty if it isn't known."""

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


def candidates(file: File, folder: Path) -> Iterator[Path]:
    """The paths in `folder` that may be the file, likeliest first: its own name before others, plain before packed."""
    exact = folder / file.name
    found = [path for path in _entries(folder) if _plain_name(path) == file.name and path != exact]
    found.sort(key=lambda path: (path.name.lower().endswith("gz"), path.name))
    for path in ([exact] if os.path.lexists(exact) else []) + found:
        inside = [one for one in _entries(path) if _plain_name(one) == file.name] if path.is_dir() else []
        yield from sorted(inside) or [path]


def _plain_name(path: Path) -> str:
    return path.name.lower().replace(".", "-").removesuffix("-gz")


def _entries(folder: Path) -> list[Path]:
    with suppress(OSError):
        return list(folder.iterdir())
    return []


def is_packed(file: File, path: Path) -> bool:
    """Whether it is an archive, by its first bytes; what is as long as the plain file is none. Raises OSError."""
    with path.open("rb") as stream:
        return stream.read(2) == _GZIP and os.fstat(stream.fileno()).st_size != file.size


def unpacked(file: File, path: Path) -> bytes:
    """What an archive holds, at most one byte more than the file should have. Raises OSError, EOFError, zlib.error."""
    with path.open("rb") as raw:
        stream: IO[bytes] = raw
        for _ in range(_MOST_LAYERS):
            inner = gzip.GzipFile(fileobj=stream, mode="rb")
            if inner.peek(2)[:2] != _GZIP:
                return inner.read(file.size + 1)
            stream = cast(IO[bytes], inner)
    raise gzip.BadGzipFile("archives around archives")


def checksum(file: File, path: Path) -> str:
    """MD5 of what the file holds, read once for each state of it; empty if that can't be told."""
    try:
        stat = path.stat()
        return _checksum(file, path, stat.st_size, stat.st_mtime_ns)
    except (OSError, EOFError, zlib.error):
        return ""


@lru_cache(maxsize=64)
def _checksum(file: File, path: Path, size: int, changed: int) -> str:
    if is_packed(file, path):
        return hashlib.md5(unpacked(file, path), usedforsecurity=False).hexdigest()
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def fault(file: File, path: Path) -> str | None:
    """What is wrong with the content of a file, as a sentence. Raises OSError if it can't be read."""
    if not is_packed(file, path):
        if wrong := misshapen(file, path):
            return wrong
        labels = None if file.is_images else np.fromfile(path, np.uint8, offset=len(file.header))
    else:
        try:
            content = unpacked(file, path)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            return f"{path} is damaged or cut off: it can't be unpacked ({error}); get it again"
        if len(content) > file.size:
            return f"what {path} holds has more than {file.size:,} bytes; get it again"
        if wrong := _misshapen(file, f"what {path} holds", content[: len(file.header)], len(content)):
            return wrong
        labels = None if file.is_images else np.frombuffer(content, np.uint8, offset=len(file.header))
    if file.md5 and (found := checksum(file, path)) != file.md5:
        return (
            f"{path} is damaged or of another data set: its MD5 checksum is {found} instead of {file.md5}; get it again"
        )
    return None if labels is None else mislabelled(path, labels)


def remembered_fault(file: File, path: Path) -> str | None:
    """`fault`, for which each state of a file, told by its size and the time of its last change, is read once."""
    stat = path.stat()
    return _remembered_fault(file, path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=64)
def _remembered_fault(file: File, path: Path, size: int, changed: int) -> str | None:
    return fault(file, path)


def misshapen(file: File, path: Path) -> str | None:
    """Whether the plain file's beginning and length are those of an IDX file of its kind. Raises OSError."""
    with path.open("rb") as stream:
        return _misshapen(file, str(path), stream.read(len(file.header)), os.fstat(stream.fileno()).st_size)


def _misshapen(file: File, what: str, header: bytes, size: int) -> str | None:
    if size != file.size:
        return f"{what} has {size:,} bytes instead of {file.size:,}; get it again"
    if header != file.header:
        return (
            f"{what} begins with {header.hex(' ', 4)} instead of {file.header.hex(' ', 4)}, so it is no IDX file of"
            f" {file.count:,} {'images' if file.is_images else 'labels'}; get it again"
        )
    return None


def mislabelled(path: Path, labels: NDArray[np.uint8]) -> str | None:
    if labels.max() < CLASSES:
        return None
    return f"{path} is damaged: it has a label {labels.max()}, and there are only {CLASSES} classes; get it again"
