"""Kept drawings: what is kept comes back, names are checked, and what is exported others can read."""

from __future__ import annotations

import csv
import io
import sqlite3
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from nnviz.data.datasets import DATASETS
from nnviz.data.drawing import Drawing, Prepared, Stroke, prepare, rasterise
from nnviz.data.torchvision_ops import declare
from nnviz.fields import SpecError
from nnviz.spec.network import NetworkSpec, build_model
from nnviz.store import drawings
from nnviz.store.database import StoreError
from nnviz.store.drawings import DEFAULT_COLLECTION, DrawingGone, HandwritingStore
from nnviz.train.evaluation import evaluate


def ink(slant: float = 0) -> np.ndarray:
    return rasterise(Drawing((Stroke(((100 + slant, 40, 0), (100, 240, 90))),)))


ONE, SLASH = ink(), ink(90)
PREPARED: list[Prepared] = [prepare(ONE), prepare(SLASH)]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[HandwritingStore]:
    opened = HandwritingStore(tmp_path / "drawings")
    yield opened
    opened.close()


def keep(store: HandwritingStore, label: int = 1, author: str = "", collection: str = DEFAULT_COLLECTION) -> int:
    return store.add(ONE, PREPARED[0].pixels, label, author, collection)


class TestKeeping:
    def test_a_drawing_comes_back_as_it_was(self, store: HandwritingStore, tmp_path: Path) -> None:
        first = store.add(ONE, PREPARED[0].pixels, 1, "  Ada  L. ")
        second = store.add(SLASH, PREPARED[1].pixels, 7)
        again = HandwritingStore(tmp_path / "drawings")
        newest, oldest = again.drawings(DEFAULT_COLLECTION)
        again.close()
        assert (newest.id, newest.label, newest.author) == (second, 7, "")
        assert (oldest.id, oldest.label, oldest.author) == (first, 1, "Ada L.")
        np.testing.assert_array_equal(oldest.pixels, PREPARED[0].pixels)
        np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(newest.ink_png))), np.rint(255 * SLASH))
        assert [one.id for one in store.drawings(DEFAULT_COLLECTION, limit=1, offset=1)] == [first]

    def test_collections_in_numbers(self, store: HandwritingStore) -> None:
        for label, author, name in ((3, "Bo", "A"), (3, "Al", "A"), (5, "", "A"), (0, "Bo", "B")):
            keep(store, label, author, name)
        a, b = store.collections()
        assert (a.name, a.count, a.authors) == ("A", 3, ("Al", "Bo"))
        assert a.per_class == (0, 0, 0, 2, 0, 1, 0, 0, 0, 0)
        assert (b.name, b.count) == ("B", 1)

    def test_rename(self, store: HandwritingStore) -> None:
        keep(store, collection="A")
        keep(store, collection="B")
        store.rename("A", " Class  7b ")
        store.rename("B", "B")
        assert [one.name for one in store.collections()] == ["Class 7b", "B"]
        assert len(store.drawings("Class 7b")) == 1
        with pytest.raises(SpecError, match="a collection 'B' already"):
            store.rename("Class 7b", "B")
        with pytest.raises(DrawingGone, match="no collection 'A'"):
            store.rename("A", "C")

    def test_delete_one_and_all(self, store: HandwritingStore) -> None:
        first, second = keep(store), keep(store)
        other = keep(store, collection="B")
        store.delete(first)
        assert [one.id for one in store.drawings(DEFAULT_COLLECTION)] == [second]
        with pytest.raises(DrawingGone):
            store.delete(first)
        store.delete_collection(DEFAULT_COLLECTION)
        assert [one.name for one in store.collections()] == ["B"]
        with pytest.raises(DrawingGone):
            store.drawings(DEFAULT_COLLECTION)
        with pytest.raises(DrawingGone):
            store.delete(second)
        assert [one.id for one in store.drawings("B")] == [other]

    def test_many_at_once(self, store: HandwritingStore, tmp_path: Path) -> None:
        """Threads share one store, other processes have their own: none waits for ever, none is lost."""
        stores = [store, store, HandwritingStore(tmp_path / "drawings"), HandwritingStore(tmp_path / "drawings")]

        def write(number: int) -> None:
            for _ in range(10):
                keep(stores[number], number, f"author {number}")

        threads = [threading.Thread(target=write, args=(number,)) for number in range(len(stores))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        (collection,) = store.collections()
        assert collection.per_class[:4] == (10, 10, 10, 10)
        for opened in stores[2:]:
            opened.close()

    def test_what_fails_leaves_nothing(self, store: HandwritingStore) -> None:
        with pytest.raises(SpecError):
            keep(store, 10, collection="New")
        assert store.collections() == []

    def test_no_more_than_fit(self, store: HandwritingStore, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(drawings, "MAX_DRAWINGS", 2)
        keep(store)
        keep(store, collection="B")
        with pytest.raises(SpecError, match="2 drawings are kept already"):
            keep(store, collection="C")
        assert len(store.collections()) == 2

    def test_a_folder_that_can_not_be_used(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(StoreError, match=r"drawings folder .*file.* can't be used"):
            HandwritingStore(tmp_path / "file")

    def test_a_disk_that_takes_no_more(self, store: HandwritingStore) -> None:
        keep(store)
        store._db.execute("PRAGMA max_page_count = 1")  # no more than it has: SQLite takes the disk for full
        noise = np.random.default_rng(0).random((500, 500), np.float32)
        with pytest.raises(StoreError, match=r"full.*free some space"):
            store.add(noise, PREPARED[0].pixels, 1)
        assert store.collections()[0].count == 1


class TestStrangers:
    @pytest.mark.parametrize("label", [-1, 10, 1.0, "1", True, None])
    def test_labels(self, store: HandwritingStore, label: object) -> None:
        with pytest.raises(SpecError, match="a label must be a digit from 0 to 9, not"):
            keep(store, label)  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        ("name", "message"),
        [
            (7, "must be text, not 7"),
            ("a" * 41, "at most 40 letters, not 41"),
            ("a" * 1_000_000, "at most 40 letters, not 400"),
            ("bell\a", "visible letters only"),
            ("nul\0", "visible letters only"),
            ("\u202egnp.exe", "visible letters only"),
            ("zero\u200bwidth", "visible letters only"),
            ("\ud800", "visible letters only"),
        ],
    )
    def test_nicknames(self, store: HandwritingStore, name: str, message: str) -> None:
        with pytest.raises(SpecError, match=message):
            keep(store, author=name)

    @pytest.mark.parametrize("name", ["", "   ", "x" * 61, "a\x1b[31m"])
    def test_names_of_collections(self, store: HandwritingStore, name: str) -> None:
        keep(store)
        with pytest.raises(SpecError, match="a collection's name must"):
            store.rename(DEFAULT_COLLECTION, name)

    @pytest.mark.parametrize("name", ["<b>Zoë</b>", "'); DROP TABLE drawings; --", "王小明", "👩‍🚀", "Ada\n\tLovelace"])
    def test_plain_text_is_kept_as_text(self, store: HandwritingStore, name: str) -> None:
        keep(store, author=name, collection=name)
        (collection,) = store.collections()
        assert collection.name == " ".join(name.split())
        assert collection.authors == (collection.name,)

    def test_what_is_no_drawing(self, store: HandwritingStore) -> None:
        pixels = PREPARED[0].pixels
        for drawn, small, message in (
            (ONE, pixels[:20], "uint8 28×28, not uint8"),
            (ONE, pixels.astype(float), "not float64"),
            (ONE, np.zeros_like(pixels), "no ink"),
            (np.zeros((0, 0), np.float32), pixels, "at most 1000"),
            (np.zeros((1001, 9), np.float32), pixels, "at most 1000"),
            (np.full((9, 9), np.nan, np.float32), pixels, "at most 1000"),
        ):
            with pytest.raises(SpecError, match=message):
                store.add(drawn, small, 1)


class TestExports:
    @pytest.fixture
    def filled(self, store: HandwritingStore) -> HandwritingStore:
        store.add(ONE, PREPARED[0].pixels, 1, "Ada")
        store.add(SLASH, PREPARED[1].pixels, 7, "=1+1")
        return store

    def test_as_test_images_for_a_run(self, filled: HandwritingStore) -> None:
        split = filled.split(DEFAULT_COLLECTION)
        assert (split.images.shape, split.images.dtype) == ((2, 1, 28, 28), torch.uint8)
        assert split.labels.tolist() == [1, 7]
        np.testing.assert_array_equal(split.images[1, 0], PREPARED[1].pixels)
        model = build_model(NetworkSpec(()), (1, 28, 28), 10, seed=0)
        assert evaluate(model, DATASETS["mnist"], split).accuracy in (0, 0.5, 1)

    def test_idx_files_are_those_that_torchvision_reads(self, filled: HandwritingStore, tmp_path: Path) -> None:
        with zipfile.ZipFile(io.BytesIO(filled.to_zip(DEFAULT_COLLECTION))) as archive:
            assert archive.testzip() is None
            archive.extractall(tmp_path)
        declare()
        from torchvision.datasets.mnist import read_image_file, read_label_file

        images = read_image_file(str(tmp_path / "images-idx3-ubyte"))
        labels = read_label_file(str(tmp_path / "labels-idx1-ubyte"))
        assert labels.tolist() == [1, 7]
        np.testing.assert_array_equal(images, np.stack([one.pixels for one in PREPARED]))
        with (tmp_path / "drawings.csv").open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
        assert [row["author"] for row in rows] == ["Ada", "'=1+1"]
        for row, drawn, small in zip(rows, (ONE, SLASH), PREPARED, strict=True):
            np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / row["drawn"])), np.rint(255 * drawn))
            np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / row["pixels"])), small.pixels)

    def test_npz(self, filled: HandwritingStore) -> None:
        with np.load(io.BytesIO(filled.to_npz(DEFAULT_COLLECTION)), allow_pickle=False) as arrays:
            assert arrays["labels"].tolist() == [1, 7]
            assert arrays["authors"].tolist() == ["Ada", "=1+1"]
            np.testing.assert_array_equal(arrays["images"][0], PREPARED[0].pixels)

    def test_an_empty_collection(self, store: HandwritingStore) -> None:
        store.delete(keep(store))
        assert store.collections()[0].count == 0
        assert store.split(DEFAULT_COLLECTION).images.shape == (0, 1, 28, 28)
        with np.load(io.BytesIO(store.to_npz(DEFAULT_COLLECTION))) as arrays:
            assert arrays["images"].shape == (0, 28, 28)
        assert zipfile.ZipFile(io.BytesIO(store.to_zip(DEFAULT_COLLECTION))).testzip() is None


def test_it_lies_beside_the_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NNVIZ_RUNS", str(tmp_path))
    HandwritingStore().close()
    with sqlite3.connect(tmp_path / "drawings" / "drawings.sqlite") as database:
        assert database.execute("SELECT count(*) FROM drawings").fetchone() == (0,)
    database.close()
