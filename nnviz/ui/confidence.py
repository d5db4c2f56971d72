"""How far the answers of a net can be believed, worked out in the background and kept for everybody."""

from __future__ import annotations

from collections.abc import Hashable
from typing import NamedTuple

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from nnviz.analysis.calibration import LEARNED, Calibration, calibrate
from nnviz.analysis.checkpoint_view import CheckpointView
from nnviz.analysis.novelty import Novelty, Verdict, digit_threshold, fit, judge_digit, styles_threshold
from nnviz.data.datasets import Dataset, Loaded
from nnviz.jobs import Jobs
from nnviz.store.run import Run
from nnviz.ui.memory import kept


class Confidence(NamedTuple):
    calibration: Calibration
    novelty: Novelty


@st.cache_resource(show_spinner=False, on_release=Jobs.close)
def jobs() -> Jobs[bool]:
    """By run and step: whether the net says something."""
    return Jobs()


@st.cache_resource(show_spinner=False)
def asked() -> dict[str, Hashable]:
    """By run, the job that was asked for last."""
    return {}


def confidence(run: Run, checkpoint: CheckpointView) -> Confidence | None:
    """Of a net that holds still. None where it says nothing (it has diverged, or not learned yet), and until it is
    worked out: that takes a moment, in which nobody is to wait.
    """
    key = (run.id, checkpoint.step_number)
    job = jobs().look(key)
    if job is None:
        asked()[run.id] = key
        jobs().start(key, lambda report: _confidence(*key, checkpoint) is not None)
    return _confidence(*key, checkpoint) if job is not None and job.result else None


def pending(run_id: str) -> bool:
    """Whether it is being worked out for the run just now."""
    key = asked().get(run_id)
    job = jobs().look(key) if key is not None else None
    return job is not None and job.state.active


@kept()
def _confidence(run_id: str, step: int, _checkpoint: CheckpointView) -> Confidence | None:
    found = calibration(run_id, step, _checkpoint)
    return None if found is None else Confidence(found, fit(_checkpoint))


@kept()
def calibration(run_id: str, step: int, _checkpoint: CheckpointView) -> Calibration | None:
    """Of the net of a run after so many steps, for Draw and for its results."""
    return calibrate(_checkpoint)


def verdict_live(run: Run, data: Loaded, pixels: NDArray[np.uint8]) -> Verdict | None:
    """Of a net that is being trained, as soon as it has learned something: whether this is a digit at all. None for
    other data sets than digits, for which only its features can tell, and they move.
    """
    learned = run.test_accuracy is not None and run.test_accuracy >= LEARNED / len(data.dataset.classes)
    if not learned or not data.dataset.of_digits:
        return None
    return judge_digit(pixels, threshold(data.dataset.name, data))


def verdict_alone(dataset: Dataset, pixels: NDArray[np.uint8]) -> Verdict | None:
    """Where no image of the data set is here: by digits that are drawn for it. None for other data sets than digits."""
    return judge_digit(pixels, styles_threshold()) if dataset.of_digits else None


@kept()
def threshold(name: str, _data: Loaded) -> float:
    """Of digits of the data set called `name`."""
    return digit_threshold(_data.test)


def headline(dataset: Dataset) -> str:
    """What is said in place of an answer."""
    return "Doesn't look like a digit" if dataset.of_digits else f"Doesn't look like {dataset.title}"


def reason(verdict: Verdict, dataset: Dataset) -> str:
    """Why, in one line."""
    words = "Unlike its training images"
    if not verdict.nearest:
        return words
    names = [dataset.classes[one] for one in verdict.nearest]
    return f"{words}; the nearest are {', '.join(names[:-1])} and {names[-1]}"
