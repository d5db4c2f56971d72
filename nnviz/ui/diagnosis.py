"""What the doctor says of a run at a checkpoint, and the click that tries its cure."""

from __future__ import annotations

from nnviz.analysis.checkpoint_view import CheckpointView
from nnviz.analysis.doctor import Diagnosis, evidence, examine
from nnviz.store.run import Run, Status
from nnviz.ui import services
from nnviz.ui.checkpoints import checkpoint_at
from nnviz.ui.memory import kept


def diagnoses(run: Run, checkpoint: CheckpointView) -> list[Diagnosis]:
    """All that hold at the checkpoint, the most telling first; empty for a healthy net. Raises RunGone."""
    store = services.store()
    return examine(
        evidence(
            checkpoint,
            store.history.curve(run.id),
            store.history.epochs(run.id),
            store.history.norms(run.id),
            run.status is Status.DIVERGED and checkpoint.step_number >= run.step,
        )
    )


def foremost(run: Run) -> Diagnosis | None:
    """The most telling one at the last checkpoint that is kept; None for a healthy net, or before the first. Raises
    RunGone, CheckpointError, DataError.
    """
    steps = services.store().checkpoints.steps(run.id)
    return _foremost(run.id, steps[-1], run.status is Status.DIVERGED, run) if steps else None


@kept()
def _foremost(run_id: str, step: int, diverged: bool, _run: Run) -> Diagnosis | None:
    """Looked for once for everybody who watches."""
    return next(iter(diagnoses(_run, checkpoint_at(services.store(), _run, step))), None)
