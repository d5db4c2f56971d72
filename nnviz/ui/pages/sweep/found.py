"""What a sweep has found so far, read once for everybody who looks at it."""

from __future__ import annotations

from typing import Any, NamedTuple

from nnviz.store.run import Status
from nnviz.sweep.analysis import PointResult, PointState, RunOfPoint, by_point, points
from nnviz.sweep.store import Member, Sweep
from nnviz.ui import services
from nnviz.ui.memory import kept

FRESH_SECONDS = 0.4
"""How long a reading serves all who look."""


class Found(NamedTuple):
    values: dict[int, dict[str, Any]]
    """Number of the point → its values."""
    members: dict[int, list[Member]]
    points: list[PointResult]
    best: int | None
    """The point with the highest mean test accuracy so far."""
    over: int
    """Trainings that are over."""
    steps_done: int
    steps_all: int
    """Of all trainings that are known, as planned."""


def find(sweep: Sweep) -> Found:
    found: Found = _find(sweep.id, sweep.status, sweep)
    return found


@kept(seconds=FRESH_SECONDS)
def _find(sweep_id: str, status: Status, _sweep: Sweep) -> Found:
    sweeps = services.sweeps()
    values, members = sweeps.points(sweep_id), sweeps.members(sweep_id)
    results = points(_sweep.spec, values, [as_run(member) for member in members])
    scored = [result for result in results if result.scored]
    best = max(scored, key=lambda result: result.accuracy or 0.0).point if scored else None
    planned = [member.steps for member in members if member.steps]
    usual = max(planned, default=1)
    return Found(
        values,
        by_point(members),
        results,
        best,
        sum(member.status.over for member in members),
        sum(usual if member.status.over else member.step for member in members),
        usual * _sweep.spec.runs,
    )


def as_run(member: Member) -> RunOfPoint:
    return RunOfPoint(
        member.run,
        member.point,
        member.seed_index,
        STATES[member.status],
        member.epochs,
        member.step,
        member.steps,
        member.loss if member.loss is not None else float("nan"),
        member.seconds,
    )


STATES: dict[Status, PointState] = {
    Status.QUEUED: PointState.WAITING,
    Status.INTERRUPTED: PointState.WAITING,
    Status.RUNNING: PointState.RUNNING,
    Status.PAUSED: PointState.RUNNING,
    Status.FINISHED: PointState.DONE,
    Status.DIVERGED: PointState.DIVERGED,
    Status.FAILED: PointState.FAILED,
    Status.STOPPED: PointState.STOPPED,
    Status.PRUNED: PointState.PRUNED,
}


def state_in_words(member: Member) -> str:
    """How far a run is, or how it ended."""
    words = {
        PointState.WAITING: "waits for its turn",
        PointState.RUNNING: f"trains, step {member.step:,} of {member.steps:,}",
        PointState.DONE: f"done after step {member.step:,}",
        PointState.DIVERGED: f"diverged after step {member.step:,}",
        PointState.FAILED: "failed",
        PointState.STOPPED: f"stopped after step {member.step:,}",
        PointState.PRUNED: f"pruned after step {member.step:,}",
    }[STATES[member.status]]
    if member.epochs and member.epochs[-1][0] is not None:
        words += f" · test accuracy {member.epochs[-1][0]:.2%}"
    if member.ensemble > 1:
        words += f" · trained in an ensemble of {member.ensemble}"
    return f"{words}. {member.reason}" if member.reason else f"{words}."
