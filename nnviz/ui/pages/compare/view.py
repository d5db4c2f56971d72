"""What the sections of the Compare page share: short names of the runs, their curves, options that last."""

from __future__ import annotations

import string
from collections.abc import Sequence

import streamlit as st

from nnviz.charts.overlay import Training
from nnviz.spec.losses import LOSSES
from nnviz.store.run import Run, Status
from nnviz.ui import services
from nnviz.ui.format import run_label
from nnviz.ui.memory import kept

LIVE_POINTS, ENDED_POINTS = 300, 800
"""Per line: eight of them are many points."""

LETTERS = string.ascii_uppercase


def names(runs: Sequence[Run]) -> dict[str, str]:
    """Id → a short name: A to Z, then AA, AB, …"""
    return {run.id: _letters(place) for place, run in enumerate(runs)}


def _letters(place: int) -> str:
    return LETTERS[place] if place < len(LETTERS) else LETTERS[place // len(LETTERS) - 1] + LETTERS[place % 26]


def label(name: str, run: Run) -> str:
    """The run in a select box; unique and unchanging, as `run_label`."""
    return f"{name} · {run_label(run.name, run.id)}"


def training(run: Run, name: str, place: int) -> Training:
    """The run's curves as recorded so far. Raises RunGone."""
    epochs = len(services.store().history.epochs(run.id))
    found: Training = _training(run.id, run.step, epochs, run.status, run)
    return found._replace(name=name, place=place, title=run.name)


@kept()
def _training(run_id: str, step: int, epochs: int, status: Status, _run: Run) -> Training:
    """Read once for everybody; the arguments say when it is out of date."""
    store = services.store()
    done = store.history.epochs(run_id)
    begun = _run.parent_step if _run.parent else 0
    per_epoch = done[-1].step / done[-1].epoch if done else _run.steps / _run.config.epochs
    pace = _run.seconds / (step - begun) if step > begun else 0.0
    return Training("", _run.name, store.history.curve(run_id), done, per_epoch, pace, begun)


def loss_unit(runs: Sequence[Run]) -> str:
    units = dict.fromkeys(LOSSES[run.config.loss].unit for run in runs)
    return " or ".join(units)


def dark() -> bool:
    return st.context.theme.type == "dark"
