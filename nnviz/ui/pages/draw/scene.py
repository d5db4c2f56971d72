"""What a section beside the canvas is given, and what sections have in common."""

from __future__ import annotations

from typing import NamedTuple

import streamlit as st

from nnviz.analysis.recognition import as_inputs
from nnviz.ui import state
from nnviz.ui.checkpoints import View
from nnviz.ui.pages.draw.nets import Net
from nnviz.ui.pages.draw.sheet import Sheet
from nnviz.ui.subject import Subject

_LABEL = "draw-label"

AS_ANSWERED = -1
"""Not a digit but whichever the net answers. (None would be an empty select box.)"""


class Scene(NamedTuple):
    sheet: Sheet | None
    """None: the paper is empty."""
    net: Net
    """The one that the section is about."""
    dark: bool

    @property
    def view(self) -> View:
        """For what the Inspect page shows too."""
        checkpoint = self.net.checkpoint
        return View(self.net.run, checkpoint, checkpoint.learning_layers[0], None, self.net.live, self.dark)

    def subject(self, sheet: Sheet) -> Subject:
        # A taught net has the step of the one it was taught from, so its lessons tell what is kept of it apart.
        key = f"drawing-{sheet.name}-{self.net.taught}"
        inputs = as_inputs(sheet.prepared.pixels, self.net.checkpoint)
        return Subject(sheet.prepared.pixels, inputs, None, "Your drawing", key)


def choose_label(scene: Scene, answer: int, words: str = "True label") -> int:
    """Let the person say which class the drawing is meant to be; as long as they don't, it is what the net says."""
    options = [AS_ANSWERED, *range(len(scene.net.classes))]
    state.keep(_LABEL, options)
    classes = scene.net.classes
    st.selectbox(
        words,
        options,
        key=_LABEL,
        width=240,
        format_func=lambda one: f"what the net says, {classes[answer]}" if one == AS_ANSWERED else classes[one],
    )
    chosen: int = st.session_state[_LABEL]
    return answer if chosen == AS_ANSWERED else chosen


def empty_paper() -> None:
    st.info("Draw a digit first, or use a photo: then this shows what the net makes of it.", icon=":material/draw:")
