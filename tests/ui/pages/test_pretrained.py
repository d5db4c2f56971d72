"""The nets that come with nnviz, on the pages: they answer where nothing was trained and no images are."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import streamlit as st

from nnviz.data.download import Preparation
from nnviz.data.drawing import Drawing, Stroke
from nnviz.pretrained import PRETRAINED
from nnviz.store.runs import RunStore
from nnviz.ui.components.canvas import _Sent
from tests.pages import keys, open_page, rerun, words

SEVEN = Drawing((Stroke(((70, 60, 0), (200, 60, 60), (150, 140, 100), (120, 230, 160))),))


@pytest.fixture(autouse=True)
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine on which nnviz was just put: no runs, no images, and nobody who gets any."""
    monkeypatch.setenv("NNVIZ_PRETRAINED", "1")
    monkeypatch.setenv("NNVIZ_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("NNVIZ_DATA", str(tmp_path / "data"))
    monkeypatch.setattr("nnviz.data.datasets._own_folder", lambda: tmp_path / "own")
    monkeypatch.setattr(Preparation, "start", lambda self, name: None)
    st.cache_resource.clear()
    yield
    st.cache_resource.clear()


def test_draw_answers_at_once() -> None:
    at = open_page("pages/4_Draw.py")
    at.session_state["draw-canvas_drawn"] = _Sent("0", 1, SEVEN)
    rerun(at)
    assert at.multiselect[0].value == [PRETRAINED[0].id]
    assert "came with nnviz" in at.multiselect[0].options[0]
    assert f"Answered by {PRETRAINED[0].title}" in words(at)


@pytest.mark.parametrize("section", ["history", "nearest", "teach"])
def test_what_needs_images_offers_to_get_them(section: str) -> None:
    at = open_page("pages/4_Draw.py")
    at.session_state["draw-canvas_drawn"] = _Sent("0", 1, SEVEN)
    at.pills(key="draw-look").set_value(section)
    rerun(at)
    assert "they are not on this machine yet" in words(at)
    assert "get-images" in keys(at)


@pytest.mark.parametrize("section", ["path", "pixels", "layers", "quiz"])
def test_what_needs_none_goes_without(section: str) -> None:
    at = open_page("pages/4_Draw.py")
    at.session_state["draw-canvas_drawn"] = _Sent("0", 1, SEVEN)
    at.pills(key="draw-look").set_value(section)
    rerun(at)
    assert "get-images" not in keys(at)


def test_inspect_offers_to_get_the_images() -> None:
    at = open_page("pages/3_Inspect.py", run=PRETRAINED[-1].id)
    assert f"To look into “{PRETRAINED[-1].title}”" in words(at)
    assert "get-images" in keys(at)


def test_train_says_what_it_is_and_offers_no_change() -> None:
    at = open_page("pages/2_Train.py", run=PRETRAINED[-1].id)
    assert "It can be asked, looked into, compared and forked, but not changed." in words(at)
    assert not {"delete-run", "delete-run-sure"} & keys(at)
    assert "run-name" not in {field.key for field in at.text_input}


def test_the_studio_lists_them_apart() -> None:
    at = open_page()
    assert "Came with nnviz, trained for drawings" in words(at)
    assert {f"watch-{net.id}" for net in PRETRAINED} <= keys(at)


def test_its_results_are_there_as_soon_as_mnist_is(mnist_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its test images are MNIST's, whatever else it was trained on."""
    monkeypatch.setenv("NNVIZ_DATA", str(mnist_root))
    at = open_page("pages/2_Train.py", run=PRETRAINED[-1].id)
    with closing(RunStore(Path(os.environ["NNVIZ_RUNS"]))) as store:
        accuracy = store.run(PRETRAINED[-1].id).test_accuracy
    assert accuracy is not None
    assert f"{accuracy:.2%}" in [metric.value for metric in at.metric]
