"""Section "Quiz": the app asks for a digit, the person draws it, and the net says whether it can read it."""

from __future__ import annotations

import random
from typing import NamedTuple

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from nnviz.analysis.recognition import answer
from nnviz.ui.format import percent
from nnviz.ui.pages.draw import sheet
from nnviz.ui.pages.draw.scene import Scene
from nnviz.ui.state import Kept

_QUIZ = Kept.QUIZ


class Quiz(NamedTuple):
    asked: int
    right: int = 0
    done: int = 0
    streak: int = 0
    verdict: tuple[int, float] | None = None
    """What the net said of the digit asked for now, and how sure it was; None before that."""


def show(scene: Scene) -> None:
    classes = scene.net.classes
    quiz: Quiz = st.session_state.setdefault(_QUIZ, Quiz(random.randrange(len(classes))))
    with st.container(key="draw-quiz"):
        st.markdown(f"## Draw a {classes[quiz.asked]}")
        with st.container(horizontal=True, vertical_alignment="center"):
            if quiz.verdict is None:
                checked = st.button(
                    "It is done, ask the net",
                    key="draw-quiz-check",
                    type="primary",
                    icon=":material/check:",
                    disabled=scene.sheet is None,
                )
                if checked and scene.sheet is not None:
                    st.session_state[_QUIZ] = judged(quiz, answer(scene.net.checkpoint, scene.sheet.prepared.pixels))
                    st.rerun()
            onward = "Next digit" if quiz.verdict else "Another digit"
            if st.button(onward, key="draw-quiz-next", icon=":material/skip_next:"):
                st.session_state[_QUIZ] = following(quiz, len(classes))
                sheet.new_sheet()
                st.rerun()
            if quiz.done and st.button("Start again", key="draw-quiz-again", icon=":material/restart_alt:"):
                st.session_state[_QUIZ] = Quiz(following(quiz, len(classes)).asked)
                sheet.new_sheet()
                st.rerun()
        if quiz.verdict is not None:
            _verdict(quiz, classes)
        with st.container(horizontal=True):
            st.metric("Score", f"{quiz.right} of {quiz.done}", width=140)
            st.metric("In a row", quiz.streak, width=140)
    st.caption("Every wrong answer is the net's or the hand's: let somebody else say which digit they see.")


def _verdict(quiz: Quiz, classes: tuple[str, ...]) -> None:
    assert quiz.verdict is not None
    said, share = quiz.verdict
    if said == quiz.asked:
        st.success(
            f"Right: predicted class {classes[said]}, probability {percent(share)}.", icon=":material/check_circle:"
        )
    else:
        st.warning(
            f"Predicted class {classes[said]}, probability {percent(share)}. You can teach it: choose **Fine-tune**"
            " above.",
            icon=":material/cancel:",
        )


def judged(quiz: Quiz, probabilities: NDArray[np.float32]) -> Quiz:
    """The quiz after the net has answered; a digit counts once."""
    if quiz.verdict is not None:
        return quiz
    said = int(probabilities.argmax())
    right = said == quiz.asked
    return quiz._replace(
        verdict=(said, float(probabilities[said])),
        right=quiz.right + right,
        done=quiz.done + 1,
        streak=quiz.streak + 1 if right else 0,
    )


def following(quiz: Quiz, classes: int) -> Quiz:
    """The next digit, another one than before; a digit that was left out does not count."""
    asked = random.choice([one for one in range(classes) if one != quiz.asked])
    return quiz._replace(asked=asked, verdict=None)
