"""What a person does with a training, on whatever page: begin it, command it, change a setting while it goes."""

from __future__ import annotations

import random
import time
from typing import Any, NamedTuple

import streamlit as st

from nnviz.fields import SpecError
from nnviz.spec.train_config import TrainConfig, check
from nnviz.store.run import Run, Status
from nnviz.store.runs import RunStore
from nnviz.train.checkpoint import CheckpointError
from nnviz.train.commands import Action, Command
from nnviz.ui import services, state
from nnviz.ui.format import sentence
from nnviz.ui.forms import refused
from nnviz.ui.runs import launch, told
from nnviz.ui.state import Kept

_ASKED = Kept.ASKED

ANSWERED_WITHIN = 2.0
"""Seconds after which a change that a running training has not recorded counts as one it did not take."""


class Asked(NamedTuple):
    """A change sent to a training."""

    value: float
    step: int
    """How far it was when it was asked."""
    at: float
    """Seconds of a monotonic clock."""


def problem(prefix: str) -> str:
    """Why there is nothing that could be trained, as a sentence: a number that is none in a field whose key begins
    with `prefix`, or a network and configuration that don't go together; empty if there is.
    """
    if wrong := refused(prefix):
        return f"{wrong}."
    setup = state.setup()
    try:
        check(setup.network, setup.config)
    except SpecError as error:
        return f"{error}."
    return ""


def launch_as_set(prefix: str, first: Command | None = None) -> None:
    """As it is set up by now: an edit may have arrived together with the click."""
    if unfit := problem(prefix):
        state.report(sentence(unfit))
        return
    setup = state.setup()
    launch(setup.network, setup.config, first)


def launch_with_new_seed(run: Run) -> None:
    launch(run.network, run.config.with_(seed=new_seed()))


def new_seed() -> int:
    return random.randrange(1_000_000)


def resume(run_id: str, first: Command | None = None) -> None:
    with told():
        services.executor().submit(run_id, first)


def control(run_id: str, command: Command) -> None:
    with told():
        services.executor().control(run_id, command)


def fork(run_id: str, step: int, config: TrainConfig) -> None:
    """Go on from a checkpoint as a run of its own, and look at it."""
    look, store, executor = state.looking(), services.store(), services.executor()
    with told():  # no use of `st` from here on: see Looking
        try:
            child = store.fork(run_id, step, config)
        except (SpecError, CheckpointError) as error:
            state.report(sentence(str(error)))
            return
        look.choose(child.id)
        executor.submit(child.id)


def steer(run: Run, name: str, value: Any) -> None:
    """Change a setting of the running training, from its next batch on."""
    _asked()[run.id, name] = Asked(value, run.step, time.monotonic())
    control(run.id, Command(Action.SET, name, float(value)))


def steered_by_all(run: Run) -> TrainConfig:
    """The settings that hold for the run's next batch, those just asked for included."""
    return steered(services.store(), run, _asked(), time.monotonic())


def _asked() -> dict[tuple[str, str], Asked]:
    asked: dict[tuple[str, str], Asked] = st.session_state.setdefault(_ASKED, {})
    return asked


def steered(store: RunStore, run: Run, asked: dict[tuple[str, str], Asked], now: float) -> TrainConfig:
    """The settings that hold for the run's next batch, as far as is known.

    What this session asked is taken as done until the run has had time to record it: it takes a change up with its next
    batch (a paused one, whenever that comes). What it then has not recorded, it refused.
    """
    config = run.config
    changes = store.history.changes(run.id)
    for change in changes:
        config = config.with_(**{change.name: change.after})
    for (run_id, name), one in asked.items():
        recorded = any(change.name == name and change.step >= one.step for change in changes)
        if run_id == run.id and not recorded and (run.status is Status.PAUSED or now - one.at < ANSWERED_WITHIN):
            config = config.with_(**{name: one.value})
    return config
