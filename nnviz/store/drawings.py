"""Kept drawings: a test set in the handwriting of those who use the app.

Drawings lie in named collections in one SQLite database under the runs folder. Names and nicknames come from
strangers: they are cleaned and bounded here, and are plain text, to be shown as such.
"""

from __future__ import annotations

import io
import sqlite3
import threading
import time
import unicodedata
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from nnviz.data.datasets import Split
from nnviz.data.drawing import Bytes, Floats, to_bytes
from nnviz.data.idx_file import CLASSES, SIDE
from nnviz.environment import runs_root
from nnviz.fields import SpecError, show
from nnviz.store.database import StoreError, connect_to_look
from nnviz.table import BOM, csv_text

DEFAULT_COLLECTION = "Our handwriting"
MAX_COLLECTION = 60  # letters of its name
MAX_AUTHOR = 40
MAX_DRAWINGS = 20_000  # of all collections, so that strangers can't fill the disk
MAX_INK_SIDE = 1000

_SCHEMA = """
CREATE TABLE IF NOT EXISTS collections (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, created REAL NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS drawings (
    id INTEGER PRIMARY KEY AUTOINCREMENT, collection INTEGER NOT NULL REFERENCES collections(id) ON DELETE CASCADE,
    label INTEGER NOT NULL, author TEXT NOT NULL, created REAL NOT NULL, ink BLOB NOT NULL, pixels BLOB NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS by_collection ON drawings (collection, id);
"""


class DrawingGone(Exception):  # noqa: N818  # says what happened, as FileNotFoundError does not
    """The drawing or collection is not there, or was deleted while it was looked at."""


@dataclass(frozen=True)
class Kept:
    """One labelled drawing."""

    id: int
    label: int
    author: str
    """Nickname; empty if none was given."""
    created: float
    """Seconds since the epoch."""
    ink_png: bytes
    """The drawing as it was drawn, as a PNG file: 0 paper to 255 ink."""
    pixels: Bytes
    """What networks get, uint8 (28, 28), 0 paper to 255 ink."""


@dataclass(frozen=True)
class Collection:
    """A named set of drawings, in numbers."""

    name: str
    created: float
    count: int
    per_class: tuple[int, ...]
    authors: tuple[str, ...]
    """Nicknames in alphabetical order, without the empty one."""


class HandwritingStore:
    """The kept drawings under `root`. Safe to share between threads and processes. With `look_only` they are read as
    they are now, also where nothing can be written or is.

    Raises StoreError if the folder can't be used or written, DrawingGone for what is not there, SpecError for names,
    labels and drawings that can't be.
    """

    def __init__(self, root: Path | None = None, *, look_only: bool = False) -> None:
        self.root = (root or runs_root() / "drawings").absolute()
        self._lock = threading.RLock()
        path = self.root / "drawings.sqlite"
        try:
            if look_only:
                self._db = _to_look(path)
                return
            self.root.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, timeout=10, check_same_thread=False, isolation_level=None)
            self._db.row_factory = sqlite3.Row
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.execute("PRAGMA foreign_keys=ON")
            self._db.executescript(_SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise self._unusable(error) from error

    def close(self) -> None:
        with self._lock:
            self._db.close()

    # ------------------------------------------------------------------ keeping

    def add(
        self, ink: Floats, pixels: Bytes, label: int, author: str = "", collection: str = DEFAULT_COLLECTION
    ) -> int:
        """Keep a drawing: its ink (H, W) in [0, 1] and what networks get of it, uint8 (28, 28); its id."""
        label, author, collection = check_label(label), check_author(author), check_collection(collection)
        if pixels.shape != (SIDE, SIDE) or pixels.dtype != np.uint8:
            raise SpecError(f"a kept drawing must be uint8 28×28, not {pixels.dtype} {show(pixels.shape)}")
        if not pixels.any():
            raise SpecError("an empty drawing can't be kept: there is no ink on it")
        if ink.ndim != 2 or not 1 <= max(ink.shape) <= MAX_INK_SIDE or not np.isfinite(ink).all():
            raise SpecError(f"the ink of a drawing must be at most {MAX_INK_SIDE} pixels wide and high")
        png, now = _png(to_bytes(ink.clip(0, 1))), time.time()
        with self._transaction():
            if self._db.execute("SELECT count(*) FROM drawings").fetchone()[0] >= MAX_DRAWINGS:
                raise SpecError(f"{MAX_DRAWINGS:,} drawings are kept already; delete some first")
            self._db.execute("INSERT OR IGNORE INTO collections (name, created) VALUES (?, ?)", (collection, now))
            cursor = self._db.execute(
                "INSERT INTO drawings (collection, label, author, created, ink, pixels)"
                " SELECT id, ?, ?, ?, ?, ? FROM collections WHERE name = ?",
                (label, author, now, png, pixels.tobytes(), collection),
            )
            assert cursor.lastrowid is not None
            return cursor.lastrowid

    def rename(self, name: str, new: str) -> None:
        """Give a collection another name. Raises SpecError if that is another collection's."""
        new = check_collection(new)
        with self._transaction():
            number = self._number(name)
            if new != name and self._find(new) is not None:
                raise SpecError(f"there is a collection {show(new)} already")
            self._db.execute("UPDATE collections SET name = ? WHERE id = ?", (new, number))

    def delete(self, drawing_id: int) -> None:
        """A collection that becomes empty stays."""
        with self._transaction():
            if not self._db.execute("DELETE FROM drawings WHERE id = ?", (drawing_id,)).rowcount:
                raise DrawingGone("this drawing is not there; it may have been deleted")

    def delete_collection(self, name: str) -> None:
        """With all its drawings."""
        with self._transaction():
            self._db.execute("DELETE FROM collections WHERE id = ?", (self._number(name),))

    # ------------------------------------------------------------------ reading

    def collections(self) -> list[Collection]:
        """The oldest first."""
        with self._lock:
            names = self._db.execute("SELECT id, name, created FROM collections ORDER BY id").fetchall()
            counts = self._db.execute(
                "SELECT collection, label, author, count(*) FROM drawings GROUP BY collection, label, author"
            ).fetchall()
        found = []
        for number, name, created in names:
            own = [row for row in counts if row[0] == number]
            per_class = tuple(sum(row[3] for row in own if row[1] == label) for label in range(CLASSES))
            authors = tuple(sorted({row[2] for row in own if row[2]}))
            found.append(Collection(name, created, sum(per_class), per_class, authors))
        return found

    def drawings(self, name: str, limit: int | None = None, offset: int = 0) -> list[Kept]:
        """The drawings of a collection, the newest first."""
        return self._drawings(name, "DESC", -1 if limit is None else limit, offset)

    def split(self, name: str) -> Split:
        """A collection as test images for scoring a run, the oldest first."""
        images, labels, _ = self._arrays(name)
        return Split(torch.from_numpy(images)[:, None], torch.from_numpy(labels.astype(np.int64)))

    # ------------------------------------------------------------------ exporting

    def to_npz(self, name: str) -> bytes:
        """A NumPy file with `images` uint8 (n, 28, 28), `labels` uint8 (n,) and `authors` text (n,)."""
        images, labels, authors = self._arrays(name)
        stream = io.BytesIO()
        np.savez_compressed(stream, images=images, labels=labels, authors=np.array(authors, np.str_))
        return stream.getvalue()

    def to_zip(self, name: str) -> bytes:
        """A ZIP of MNIST's own format (IDX), PNG files as drawn and as networks get them, and a table of them."""
        kept = self._drawings(name, "ASC")
        images, labels, _ = _stack(kept)
        stream, rows = io.BytesIO(), []
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("images-idx3-ubyte", idx(images))
            archive.writestr("labels-idx1-ubyte", idx(labels))
            for number, one in enumerate(kept):
                drawn, small = (f"{folder}/{number:05d}-{one.label}.png" for folder in ("drawn", "pixels"))
                archive.writestr(drawn, one.ink_png)
                archive.writestr(small, _png(one.pixels))
                rows.append((number, one.label, one.author, drawn, small))
            head = ("number", "label", "author", "drawn", "pixels")
            archive.writestr("drawings.csv", BOM + csv_text(head, rows))
        return stream.getvalue()

    # ------------------------------------------------------------------ SQLite

    def _drawings(self, name: str, order: str, limit: int = -1, offset: int = 0) -> list[Kept]:
        with self._lock:
            rows = self._db.execute(
                "SELECT id, label, author, created, ink, pixels FROM drawings WHERE collection = ?"
                f" ORDER BY id {order} LIMIT ? OFFSET ?",
                (self._number(name), limit, offset),
            ).fetchall()
        return [
            Kept(number, label, author, created, ink, np.frombuffer(pixels, np.uint8).reshape(SIDE, SIDE))
            for number, label, author, created, ink, pixels in rows
        ]

    def _arrays(self, name: str) -> tuple[Bytes, Bytes, list[str]]:
        return _stack(self._drawings(name, "ASC"))

    def _find(self, name: str) -> int | None:
        row = self._db.execute("SELECT id FROM collections WHERE name = ?", (name,)).fetchone()
        return row and int(row[0])

    def _number(self, name: str) -> int:
        number = self._find(name)
        if number is None:
            raise DrawingGone(f"there is no collection {show(name)}; it may have been renamed or deleted")
        return number

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                try:
                    yield
                except BaseException:
                    if self._db.in_transaction:  # SQLite gives some of them up by itself
                        self._db.execute("ROLLBACK")
                    raise
                self._db.execute("COMMIT")
            except sqlite3.OperationalError as error:
                raise self._unusable(error) from error

    def _unusable(self, error: Exception) -> StoreError:
        return StoreError(
            f"the drawings folder {self.root} can't be used ({error}); free some space, mend its permissions,"
            " or name another folder in NNVIZ_RUNS"
        )


def _to_look(path: Path) -> sqlite3.Connection:
    if path.exists():
        return connect_to_look(path)
    empty = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
    empty.executescript(_SCHEMA)
    empty.execute("PRAGMA query_only=ON")
    return empty


def check_label(label: object) -> int:
    """The digit that was drawn. Raises SpecError."""
    if isinstance(label, bool) or not isinstance(label, int | np.integer) or not 0 <= label < CLASSES:
        raise SpecError(f"a label must be a digit from 0 to {CLASSES - 1}, not {show(label)}")
    return int(label)


def check_author(author: object) -> str:
    """A nickname, tidied; empty is allowed. Raises SpecError."""
    return _check_name(author, "a nickname", MAX_AUTHOR, 0)


def check_collection(name: object) -> str:
    """A collection's name, tidied. Raises SpecError."""
    return _check_name(name, "a collection's name", MAX_COLLECTION, 1)


def _check_name(name: object, what: str, longest: int, shortest: int) -> str:
    """Text of one line: spaces tidied, nothing invisible in it that would hide or turn round what stands beside it."""
    if not isinstance(name, str):
        raise SpecError(f"{what} must be text, not {show(name)}")
    tidy = " ".join(unicodedata.normalize("NFC", name[: 10 * longest]).split())
    if any(unicodedata.category(letter) in ("Cc", "Cf", "Co", "Cs", "Cn") for letter in tidy.replace(_JOINER, "")):
        raise SpecError(f"{what} must be of visible letters only, not {show(name)}")
    if not shortest <= len(tidy) <= longest:
        rule = f"at most {longest} letters" if not shortest else f"{shortest} to {longest} letters"
        raise SpecError(f"{what} must have {rule}, not {len(tidy)}")
    return tidy


_JOINER = "\u200d"  # within emoji and some scripts it is part of a letter


def idx(array: Bytes) -> bytes:
    """An array of bytes in MNIST's file format: magic number, sizes, values, numbers big-endian."""
    return np.array([0x800 + array.ndim, *array.shape], ">i4").tobytes() + array.tobytes()


def _stack(kept: Sequence[Kept]) -> tuple[Bytes, Bytes, list[str]]:
    images = np.zeros((len(kept), SIDE, SIDE), np.uint8)
    for place, one in enumerate(kept):
        images[place] = one.pixels
    return images, np.array([one.label for one in kept], np.uint8), [one.author for one in kept]


def _png(picture: NDArray[Any]) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "PNG")
    return stream.getvalue()
