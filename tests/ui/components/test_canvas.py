"""What of the browser's messages is taken for a drawing."""

from __future__ import annotations

from typing import Any

import pytest
import streamlit as st

from nnviz.data.drawing import Drawing, Stroke
from nnviz.ui.components.canvas import canvas, drawn, keep_photo, take_drawing, take_photo

ONE = Drawing((Stroke(((10, 10, 0), (90, 90, 50))),))
TWO = Drawing((*ONE.strokes, Stroke(((5, 5, 0),))))


@pytest.fixture(autouse=True)
def session(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    values: dict[str, Any] = {}
    monkeypatch.setattr(st, "session_state", values)
    return values


def message(drawing: Drawing, revision: int, generation: str = "a") -> dict[str, Any]:
    return {"generation": generation, "revision": revision, "drawing": drawing.to_dict()}


def test_the_newest_drawing_counts() -> None:
    assert drawn("pad", "a") is None
    take_drawing("pad", message(TWO, 2))
    take_drawing("pad", message(ONE, 1))
    assert drawn("pad", "a") == TWO
    assert drawn("other", "a") is None


def test_a_generation_begins_with_its_own_strokes() -> None:
    take_drawing("pad", message(TWO, 9, "a"))
    assert drawn("pad", "b") is None
    assert drawn("pad", "b", ONE) == ONE
    take_drawing("pad", message(TWO, 1, "b"))
    assert drawn("pad", "b", ONE) == TWO


def test_a_cleared_canvas_is_no_drawing() -> None:
    take_drawing("pad", message(ONE, 1))
    take_drawing("pad", message(Drawing(), 2))
    assert drawn("pad", "a", ONE) is None


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {"generation": 3, "revision": 5, "drawing": {}},
        {"generation": "a", "revision": "5", "drawing": {}},
        {"generation": "a", "revision": 5},
        {"generation": "a", "revision": 5, "drawing": {"strokes": [{"points": [[0, 0, float("nan")]]}]}},
        {"generation": "a", "revision": 5, "drawing": {"width": 10**9}},
    ],
)
def test_what_is_no_drawing_changes_nothing(value: Any) -> None:
    take_drawing("pad", message(ONE, 1))
    take_drawing("pad", value)
    assert drawn("pad", "a") == ONE


def test_a_photo_is_taken_once() -> None:
    assert take_photo("pad") is None
    keep_photo("pad", "aGVsbG8=")
    assert take_photo("pad") == b"hello"
    assert take_photo("pad") is None


@pytest.mark.parametrize("value", [None, 7, ["a"], "not base64!", "é"])
def test_what_is_no_photo_is_a_file_without_a_picture(value: Any) -> None:
    keep_photo("pad", value)
    assert take_photo("pad") == b""


def test_a_probability_for_each_class() -> None:
    with pytest.raises(ValueError, match="3 classes need as many probabilities, not 2"):
        canvas(key="pad", probabilities=[0.5, 0.5], classes="abc")
