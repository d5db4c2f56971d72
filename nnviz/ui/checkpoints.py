"""What a section of the Inspect page is given: a run's network at the chosen checkpoint, the chosen layer, and what
it is compared with.
"""

from __future__ import annotations

from typing import NamedTuple

import streamlit as st

from nnviz.analysis.checkpoint_view import CheckpointView, LayerView
from nnviz.data.datasets import DATASETS, Loaded, Split
from nnviz.store.run import Run
from nnviz.store.runs import RunStore
from nnviz.train.checkpoint import Checkpoint
from nnviz.ui.memory import kept

LIVE_IMAGES, SLOW_IMAGES = 1000, 2000
"""Test images for an answer several times a second, and for one at once of a net with convolutions."""


class Beside(NamedTuple):
    """What the chosen checkpoint is compared with: another checkpoint of the run, or another run."""

    run: Run
    checkpoint: CheckpointView
    title: str


class View(NamedTuple):
    run: Run
    checkpoint: CheckpointView
    layer: LayerView
    beside: Beside | None
    live: bool
    """It follows a training that is going on: the checkpoint moves by itself."""
    dark: bool

    @property
    def beside_layer(self) -> LayerView | None:
        """The same layer of what it is compared with, if its weights have the same shape."""
        if self.beside is None:
            return None
        found = next((one for one in self.beside.checkpoint.layers if one.name == self.layer.name), None)
        same = found is not None and _shape(found) == _shape(self.layer)
        return found if same else None

    @property
    def name(self) -> str:
        """For file names: the run and the step."""
        return f"{self.run.id}-step-{self.checkpoint.step_number}"


def checkpoint_at(store: RunStore, run: Run, step: int) -> CheckpointView:
    """The run's network at a checkpoint on disk. Raises CheckpointError, RunGone, DataError."""
    return _checkpoint_view(str(store.root), run.id, step, len(store.history.changes(run.id)), store)


def checkpoint_now(store: RunStore, run: Run, checkpoint: Checkpoint) -> CheckpointView:
    """The network of a checkpoint that is not kept: the present state of a run that is going on."""
    changes = store.history.changes(run.id)
    return CheckpointView(
        run.network, store.history.config_at(run.id, checkpoint.position.step), checkpoint, loaded(run), changes
    )


def sample(checkpoint: CheckpointView, live: bool = False) -> tuple[Split, str]:
    """The test images that an answer at once is worth: all of them where the net is small and still, else fewer; and
    which, in words.
    """
    data = checkpoint.data
    slow = SLOW_IMAGES if checkpoint.network.convolves else len(data.test.labels)
    return data.first_test(LIVE_IMAGES if live else slow)


def loaded(run: Run) -> Loaded:
    """The run's data set, memory-mapped once for the whole server. Raises DataError."""
    return loaded_of(run.config.data)


@st.cache_resource(max_entries=4, show_spinner=False)
def loaded_of(name: str) -> Loaded:
    """The data set called `name`, likewise. Raises DataError."""
    return DATASETS[name].load()


@kept(grows=True)
def _checkpoint_view(root: str, run_id: str, step: int, changes: int, _store: RunStore) -> CheckpointView:
    """What is cached is told apart by `root`, `run_id`, `step` and how many settings were changed while the run went
    on: a checkpoint on disk never changes, but a change at its step makes the next one another.
    """
    return checkpoint_now(_store, _store.run(run_id), _store.checkpoints.load(run_id, step))


def _shape(layer: LayerView) -> tuple[int, ...]:
    return tuple(layer.weight.shape) if layer.weight is not None else layer.plan.out_shape
