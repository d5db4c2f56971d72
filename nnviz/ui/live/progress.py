"""How far a run is, its curves and what is kept of it, as a small JSON object for the pages that follow it."""

from __future__ import annotations

import math
from typing import Any

import numpy.typing as npt

from nnviz.charts.curves import SMOOTHING, curves_info
from nnviz.spec.losses import LOSSES
from nnviz.store.runs import RunStore
from nnviz.ui.diagnosis import foremost
from nnviz.ui.memory import kept
from nnviz.ui.progress import progress_words

POINTS = 240
"""Of a curve: it is some 240 CSS pixels wide."""


def progress(store: RunStore, run_id: str) -> dict[str, Any]:
    """Raises RunGone."""
    run = store.run(run_id)
    epochs = store.history.epochs(run_id)
    last = epochs[-1] if epochs else None
    return {
        "run": run.id,
        "status": run.status,
        "reason": run.reason,
        "words": progress_words(store, run, step=False),
        "step": run.step,
        "steps": run.steps,
        "epoch": last.epoch if last else 0,
        "epochs": run.config.epochs,
        "accuracy": _number(last.test_accuracy) if last else None,
        "kept": store.checkpoints.steps(run_id),
        "unit": LOSSES[run.config.loss].unit,
        **_curves(run_id, run.step, len(epochs), len(store.history.changes(run_id)), run.parent_step, store),
    }


@kept()
def _curves(run_id: str, step: int, epochs: int, changes: int, forked: int, _store: RunStore) -> dict[str, Any]:
    """The same for everybody who follows; the arguments say when it is out of date."""
    history = _store.history
    info = curves_info(
        history.curve(run_id),
        history.epochs(run_id),
        history.changes(run_id),
        forked=forked or None,
        points=POINTS,
        smoothing=SMOOTHING,
    )
    return {
        "loss": [info.loss.step.tolist(), _numbers(info.loss.value)],
        "right": [info.accuracy.step.tolist(), _numbers(info.accuracy.value)],
        "tested": [info.epoch_step.tolist(), _numbers(info.test_loss), _numbers(info.test_accuracy)],
        "marks": [[mark.step, mark.label] for mark in info.marks],
    }


def finding(store: RunStore, run_id: str) -> str:
    """What the doctor says of the run, if anything. It takes a while. Raises RunGone, CheckpointError, DataError."""
    found = foremost(store.run(run_id))
    return "" if found is None else f"{found.title}. {found.evidence}"


def _numbers(values: npt.NDArray[Any]) -> list[float | None]:
    return [_number(value) for value in values.tolist()]


def _number(value: float) -> float | None:
    """With the digits that a line on the screen has; None for a gap."""
    return float(f"{value:.4g}") if math.isfinite(value) else None
