"""A canvas to draw a digit on, with bars for what a network says of it.

The browser holds the drawing: updates of the page only ever change the bars. It sends its strokes several times a
second while the pen moves and at once when a stroke ends. Only a new `generation` puts other strokes onto the canvas;
a new session of the same page gets those that are there.

A page reads `drawn` first and mounts `canvas` after it, so that the answer travels back in the same run of the script:

    drawing = drawn("canvas", generation)
    canvas(key="canvas", generation=generation, probabilities=answer_to(drawing), classes=names)

The canvas stands in a fragment that does little else. What takes longer stands in another one, which ends with
`follow`: it is run again when the pen rests.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import streamlit as st
from streamlit.components.v2 import component

from nnviz.data.drawing import BRUSH, CANVAS, MAX_PHOTO_BYTES, MAX_POINTS, MAX_STROKES, Drawing
from nnviz.fields import SpecError
from nnviz.ui.components.order import numbered, scripts, session

_HERE = Path(__file__).parent
SCRIPTS = [_HERE / "sheet.js"]
_mount = component(
    "nnviz.canvas", css=(_HERE / "canvas.css").read_text(encoding="utf-8"), js=scripts(*SCRIPTS, _HERE / "canvas.js")
)

LIMITS = {"size": CANVAS, "brush": BRUSH, "maxStrokes": MAX_STROKES, "maxPoints": MAX_POINTS}
"""What paper holds, as the browser is told."""

_follow = component("nnviz.follow", js=scripts(_HERE / "follow.js"))


@dataclass(frozen=True)
class _Sent:
    """The last drawing that came from the browser, and its place in the order of those of its generation."""

    generation: str
    revision: int
    drawing: Drawing


class Found(NamedTuple):
    """One of several digits, and its answer: its box, pixels of the canvas (negative: it is not on the canvas)."""

    left: int
    top: int
    right: int
    bottom: int
    name: str
    """Of the class that is answered, or what stands in its place."""
    probability: float
    """In [0, 1]."""
    refused: bool
    """It doesn't look like a digit."""


def canvas(
    *,
    key: str,
    generation: str | int = 0,
    strokes: Drawing | None = None,
    height: int = 420,
    probabilities: Sequence[float] | None = None,
    classes: Sequence[str] = (),
    hint: str = "Draw a digit",
    photos: bool = False,
    found: Sequence[Found] = (),
    place: int = 0,
    refused: str = "",
    reason: str = "",
) -> Drawing | None:
    """Show the canvas, at most `height` CSS pixels high; what is drawn on it, or None if nothing is.

    With a new `generation` it starts with `strokes`, or empty. `probabilities` in [0, 1], one for each of `classes`,
    are shown as bars; without them the bars are empty, and `hint` says what to do. A canvas without `classes` has no
    bars. Of several digits `found` says where each is, and the bars are of the one at `place`. With `refused`, that is
    said in place of the answer, with the `reason` below it, and the bars turn grey. With `photos`, pictures may be
    pasted into the page and dropped onto the canvas: see `take_photo`.
    """
    if probabilities is not None and len(probabilities) != len(classes):
        raise ValueError(f"{len(classes)} classes need as many probabilities, not {len(probabilities)}")
    sent = _sent(key, str(generation))
    message = {
        "key": key,
        "session": session(),
        "generation": str(generation),
        "revision": sent.revision if sent else 0,
        "strokes": strokes.to_dict()["strokes"] if strokes else [],
        **LIMITS,
        "height": height,
        "percent": None if probabilities is None else [_percent(share) for share in probabilities],
        "classes": list(classes),
        "hint": hint,
        "photos": photos,
        "found": [[*one[:5], _percent(one.probability), one.refused] for one in found],
        "place": place,
        "refused": refused,
        "reason": reason,
    }
    _mount(
        key=key,
        data=numbered(key, message),
        on_drawing_change=partial(_on_drawing, key),
        on_photo_change=partial(_on_photo, key),
    )
    return drawn(key, generation, strokes)


def drawn(key: str, generation: str | int = 0, strokes: Drawing | None = None) -> Drawing | None:
    """What is on the canvas `key` now; `strokes` are those its generation began with. None if it is blank."""
    sent = _sent(key, str(generation))
    drawing = sent.drawing if sent else strokes
    return drawing if drawing and drawing.strokes else None


def follow(key: str, generation: str | int = 0) -> None:
    """Rerun the fragment that this stands in whenever the drawing on canvas `key` has changed and the pen rests."""
    sent = _sent(key, str(generation))
    seen = f"{generation}/{sent.revision if sent else 0}"
    own = f"{key}-follow"
    _follow(key=own, data=numbered(own, {"key": key, "seen": seen}), on_rested_change=lambda: None)


def take_photo(key: str) -> bytes | None:
    """The file that was just pasted or dropped, once; None if there is none. For `nnviz.data.drawing.from_photo`."""
    photo: bytes | None = st.session_state.pop(f"{key}_photo", None)
    return photo


def take_drawing(key: str, value: Any) -> None:
    """Take what the browser sent, {"generation", "revision", "drawing"}, if it is a drawing and newer than the last."""
    if not isinstance(value, dict):
        return
    generation, revision = value.get("generation"), value.get("revision")
    if not isinstance(generation, str) or not isinstance(revision, int):
        return
    last = _sent(key, generation)
    if last and revision <= last.revision:
        return
    try:
        drawing = Drawing.from_dict(value.get("drawing"))
    except SpecError:  # our own script keeps the bounds; this came from elsewhere
        return
    st.session_state[_record(key)] = _Sent(generation, revision, drawing)


def _on_drawing(key: str) -> None:
    take_drawing(key, st.session_state[key]["drawing"])


def _on_photo(key: str) -> None:
    keep_photo(key, st.session_state[key]["photo"])


def keep_photo(key: str, value: Any) -> None:
    """Keep a pasted picture, base64 text, for `take_photo`; what is not such text is a file that is no picture."""
    try:
        photo = base64.b64decode(value, validate=True) if len(value) <= 2 * MAX_PHOTO_BYTES else b""
    except (TypeError, ValueError):
        photo = b""
    st.session_state[f"{key}_photo"] = photo


def _sent(key: str, generation: str) -> _Sent | None:
    sent: _Sent | None = st.session_state.get(_record(key))
    return sent if sent and sent.generation == generation else None


def _record(key: str) -> str:
    return f"{key}_drawn"


def _percent(share: float) -> float:
    """Fine enough for the browser to tell "> 99 %" from certainty."""
    return round(100 * share, 5) if math.isfinite(share) else 0.0
