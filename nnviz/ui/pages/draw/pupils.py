"""Copies of networks that this session has taught something. They are never part of a run's record."""

from __future__ import annotations

from typing import NamedTuple

import streamlit as st

from nnviz.analysis.checkpoint_view import CheckpointView
from nnviz.ui.state import Kept

MOST_LESSONS = 30
"""That can be undone; each holds a copy of the network."""

_PUPILS = Kept.PUPILS


class Lesson(NamedTuple):
    """What was taught, and the network afterwards."""

    checkpoint: CheckpointView
    words: str
    share: tuple[float, float]
    """Probability of the right answer for the drawing, or accuracy on the kept drawings, before and after."""
    accuracy: tuple[float, float]
    """Share of test images that it gets right, before and after."""


class Pupil(NamedTuple):
    lessons: tuple[Lesson, ...]
    forgotten: int = 0
    """Lessons that can't be undone any more."""

    @property
    def checkpoint(self) -> CheckpointView:
        return self.lessons[-1].checkpoint

    @property
    def taught(self) -> int:
        return self.forgotten + len(self.lessons)


def pupil_of(run_id: str) -> Pupil | None:
    """The taught copy of a run's network, if there is one."""
    pupils: dict[str, Pupil] = st.session_state.get(_PUPILS, {})
    return pupils.get(run_id)


def taught(run_id: str, lesson: Lesson) -> None:
    """Let the run's pupil be the network after `lesson`."""
    old = pupil_of(run_id) or Pupil(())
    lessons = (*old.lessons, lesson)
    _set(run_id, Pupil(lessons[-MOST_LESSONS:], old.forgotten + max(0, len(lessons) - MOST_LESSONS)))


def undo(run_id: str) -> None:
    """Take the last lesson back; without lessons there is no pupil."""
    old = pupil_of(run_id)
    if old is not None:
        _set(run_id, Pupil(old.lessons[:-1], old.forgotten) if len(old.lessons) > 1 else None)


def forget(run_id: str) -> None:
    """Back to the network as its training left it."""
    _set(run_id, None)


def _set(run_id: str, pupil: Pupil | None) -> None:
    pupils = {one: kept for one, kept in st.session_state.get(_PUPILS, {}).items() if one != run_id}
    st.session_state[_PUPILS] = pupils if pupil is None else {**pupils, run_id: pupil}
