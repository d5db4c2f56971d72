"""How far a run is, in words."""

from __future__ import annotations

from nnviz.environment import slots
from nnviz.store.run import Run, Status
from nnviz.store.runs import RunStore
from nnviz.ui import services
from nnviz.ui.format import duration


def progress_words(store: RunStore, run: Run, step: bool = True) -> str:
    """How far the run is: epoch, batch, `step`, speed and time left; its place while it waits; how it ended."""
    if run.status is Status.QUEUED:
        return _waiting(store, run)
    if not run.status.active:
        words = f"{run.status.capitalize()} after step {run.step:,}"
        if run.status is not Status.FINISHED and run.steps:
            words += f" of {run.steps:,}"
        return words + (f" · {duration(run.seconds)} of training" if run.seconds else "")
    epochs = store.history.epochs(run.id)
    done, begun = (epochs[-1].epoch, epochs[-1].step) if epochs else (0, 0)
    epoch = min(done + 1, run.config.epochs)
    to_come = max(1, run.config.epochs - done)
    if run.status is Status.PAUSED:
        where = f"Paused in epoch {epoch} of {run.config.epochs}, after step {run.step:,} of {run.steps:,}"
        return f"{where} · {duration(run.seconds)} of training"
    batch, batches = max(0, run.step - begun), round((run.steps - begun) / to_come)
    words = f"Epoch {epoch} of {run.config.epochs}, batch {batch:,} of {batches:,}"
    if step:
        words += f" · step {run.step:,} of {run.steps:,}"
    if run.speed:
        left = (run.steps - run.step) * store.history.config_at(run.id, run.step).batch_size / run.speed
        words += f" · {run.speed:,.0f} images/s · {duration(left)} left"
    return words


def _waiting(store: RunStore, run: Run) -> str:
    place = store.place_in_queue(run.id)
    training = sum(one.status is Status.RUNNING for one in store.runs())
    choice = services.executor().choice
    at_once = choice.slots if choice.where else slots()
    if place <= at_once - training:
        return "Starting …"
    words = "1 run trains" if at_once == 1 else f"{at_once} runs train"
    return f"Waiting for a free place: number {place} in the queue. {words} at once."
