"""What there is to answer: the drawing on the canvas or a photo, and the steps that take it into MNIST's frame."""

from __future__ import annotations

import hashlib
from functools import partial
from typing import NamedTuple

import streamlit as st

from nnviz.analysis.checkpoint_view import CheckpointView
from nnviz.analysis.reading import Digit, decide, digits
from nnviz.analysis.recognition import answers
from nnviz.data.drawing import Drawing, DrawingError, Floats, Prepared, Steps, from_photo, rasterise
from nnviz.ui.components.canvas import drawn
from nnviz.ui.state import Kept

KEY = "draw-canvas"

_GENERATION, _PHOTO, _PROBLEM = Kept.SHEET, Kept.PHOTO, Kept.PHOTO_PROBLEM
_STEPS, _PREPARED = Kept.STEPS, Kept.PREPARED


class Sheet(NamedTuple):
    """A drawing or a photo, and what the networks get of it."""

    ink: Floats
    """(H, W) in [0, 1], of any size."""
    digits: tuple[Digit, ...]
    """At least one, left to right."""
    place: int
    """Which of them is looked at."""
    photo: bool

    @property
    def prepared(self) -> Prepared:
        """The digit that is looked at."""
        return self.digits[self.place].prepared

    @property
    def name(self) -> str:
        """Tells what the networks get apart from all else that they might."""
        return hashlib.md5(self.prepared.pixels.tobytes()).hexdigest()


class _Done(NamedTuple):
    """The last work, so that it isn't done again for a part of the page that shows it, or for a net that moves on."""

    source: Drawing | Floats
    steps: Steps
    separate: bool
    ink: Floats
    digits: tuple[Digit, ...]


def generation() -> int:
    """Which sheet of paper lies on the canvas."""
    number: int = st.session_state.setdefault(_GENERATION, 0)
    return number


def new_sheet() -> None:
    """Put an empty sheet on the canvas and lay the photo aside. The page must run again to show it."""
    st.session_state[_GENERATION] = generation() + 1
    for name in (_PHOTO, _PROBLEM):
        st.session_state.pop(name, None)


def use_photo(data: bytes) -> None:
    """Look at a photo instead of a drawing; why that can't be is said by `photo_problem`."""
    try:
        ink = from_photo(data)
    except DrawingError as error:
        st.session_state[_PROBLEM] = str(error)
        return
    new_sheet()
    st.session_state[_PHOTO] = ink


def photo_problem() -> str:
    words: str = st.session_state.get(_PROBLEM, "")
    return words


def steps() -> Steps:
    """The steps that are switched on."""
    chosen: Steps = st.session_state.get(_STEPS, Steps())
    return chosen


def set_steps(chosen: Steps) -> None:
    st.session_state[_STEPS] = chosen


def separates() -> bool:
    """Whether several digits on one paper are told apart."""
    return bool(st.session_state.get(Kept.SEPARATE, True))


def current(net: CheckpointView | None) -> Sheet | None:
    """What is on the canvas, else the photo; None for empty paper. Who draws lays the photo aside. `net` says what it
    can read where digits may touch.
    """
    drawing = drawn(KEY, generation())
    if drawing is not None:
        for name in (_PHOTO, _PROBLEM):
            st.session_state.pop(name, None)
    source = drawing if drawing is not None else st.session_state.get(_PHOTO)
    if source is None:
        return None
    done: _Done | None = st.session_state.get(_PREPARED)
    if done is None or done.source is not source or (done.steps, done.separate) != (steps(), separates()):
        ink = rasterise(source) if isinstance(source, Drawing) else source
        done = _Done(source, steps(), separates(), ink, digits(ink, steps(), separate=separates()))
        st.session_state[_PREPARED] = done
    if not (found := decide(done.digits, partial(answers, net) if net else None)):
        return None
    place = min(st.session_state.get(Kept.DIGIT, 0), len(found) - 1)
    return Sheet(done.ink, found, place, not isinstance(source, Drawing))
