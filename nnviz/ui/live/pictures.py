"""Pictures of networks for all who look on, each made once: the same net, image and quantity are the same bytes."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Hashable
from typing import Any, NamedTuple

from nnviz.analysis.checkpoint_view import CheckpointView
from nnviz.analysis.network_picture import network_picture
from nnviz.analysis.slow_step import slow_step
from nnviz.analysis.unit_picture import unit_picture
from nnviz.data.datasets import DATASETS, usable
from nnviz.data.drawing import prepare, rasterise
from nnviz.fields import SpecError
from nnviz.spec.network import NetworkSpec, build_model
from nnviz.spec.train_config import TrainConfig, check
from nnviz.spec.url import from_query
from nnviz.store.run import Run
from nnviz.store.runs import RunStore
from nnviz.train.checkpoint import Checkpoint, Position, copy_of
from nnviz.ui.checkpoints import checkpoint_at, checkpoint_now, loaded_of
from nnviz.ui.components.network_view import pack
from nnviz.ui.live.slow import phases
from nnviz.ui.live.wish import Wish, WishError
from nnviz.ui.memory import kept
from nnviz.ui.subject import Subject, drawn_subject, test_subject

KEPT_BYTES = 20_000_000
"""Of pictures that somebody else may ask for in a moment."""

NETS = 16
"""Running nets whose newest state is held."""


class Made(NamedTuple):
    token: str
    """Tells this picture from all others."""
    message: bytes


class Pictures:
    """For one thread at a time: whoever asks too often waits, so that trainings keep their cores."""

    def __init__(self, store: RunStore) -> None:
        self._store = store
        self._newest: OrderedDict[str, tuple[Hashable, CheckpointView]] = OrderedDict()
        self._made: OrderedDict[str, bytes] = OrderedDict()
        self._size = 0

    def newer(self, wish: Wish, seen: str) -> Made | None:
        """What is wished for, unless it is what was `seen`.

        Raises RunGone, CheckpointError, DataError, WishError.
        """
        place, view = self.view(wish)
        token = f"{place}/{wish.quantity}/{wish.image_name}/{wish.unit}/{wish.slow}"
        if token == seen:
            return None
        if token not in self._made:
            self._keep(token, _message(view, wish))
        self._made.move_to_end(token)
        return Made(token, self._made[token])

    def view(self, wish: Wish) -> tuple[str, CheckpointView]:
        """The network, and words that tell its state from all others."""
        if wish.run is None:
            return wish.setup, untrained(wish.setup)
        run = self._store.run(wish.run)
        if wish.step is not None:
            return f"{run.id}@{wish.step}", checkpoint_at(self._store, run, wish.step)
        if run.status.active:
            self._store.present.watch(run.id)
        return self._present(run)

    def _present(self, run: Run) -> tuple[str, CheckpointView]:
        version = self._store.present.version(run.id)
        known, view = self._newest.get(run.id, (None, None))
        if view is None or known != version:
            state = self._store.present.newest(run.id)
            if state is None:  # it has not begun
                return f"{run.id}@", _at_the_beginning(run.network, run.config)
            view = checkpoint_now(self._store, run, state)
            self._newest[run.id] = version, view
            if len(self._newest) > NETS:
                self._newest.popitem(last=False)
        self._newest.move_to_end(run.id)
        return f"{run.id}@{version}", view

    def _keep(self, token: str, message: bytes) -> None:
        self._made[token] = message
        self._size += len(message)
        while self._size > KEPT_BYTES and len(self._made) > 1:
            _, old = self._made.popitem(last=False)
            self._size -= len(old)


@kept(grows=True)
def untrained(setup: str) -> CheckpointView:
    """The network of a link's parameters (JSON) as it is before its first step. Raises WishError, DataError."""
    network, config, _ = from_query(json.loads(setup))
    try:
        check(network, config)
    except SpecError as error:
        raise WishError(str(error)) from None
    return _at_the_beginning(network, config)


def _at_the_beginning(network: NetworkSpec, config: TrainConfig) -> CheckpointView:
    config = config.with_(data=usable(config.data))
    dataset = DATASETS[config.data]
    model = build_model(network, dataset.input_shape, len(dataset.classes), config.seed)
    beginning = Checkpoint(Position(), copy_of(model.state_dict()))
    return CheckpointView(network, config, beginning, loaded_of(config.data))


def subject(view: CheckpointView, wish: Wish) -> Subject:
    """The image. Raises WishError if there is none of that number."""
    test, dataset = view.data.test, view.data.dataset
    if isinstance(wish.image, int):
        if wish.image >= len(test.labels):
            raise WishError(f"there are {len(test.labels):,} test images, the last is {len(test.labels) - 1:,}")
        return test_subject(test, dataset, wish.image)
    return drawn_subject(prepare(rasterise(wish.image)).pixels, dataset)


def _message(view: CheckpointView, wish: Wish) -> bytes:
    shown = subject(view, wish)
    picture = network_picture(view, shown.inputs, wish.quantity, shown.label)
    unit = None if wish.unit is None else unit_picture(view, shown.inputs, *wish.unit)
    if picture is None:
        raise WishError("the loss of the next mini-batch is not finite: there is no gradient")
    place = view.state.position
    return pack(
        picture,
        shown.pixels,
        view.data.dataset.classes,
        shown.label,
        title=shown.title,
        run=wish.run or "",
        unit=unit,
        more={"step": place.step, "epoch": place.epoch, **(_slowly(view, shown, wish) if wish.slow else {})},
    )


def _slowly(view: CheckpointView, shown: Subject, wish: Wish) -> dict[str, Any]:
    slow = slow_step(view, shown.inputs, shown.label, wish.unit)
    if slow is None:
        raise WishError("the loss of the next mini-batch is not finite: there is no step to take")
    told = phases(slow, view.data.dataset.classes, view.config.loss, view.optimizer_title)
    return {"slow": told, "graph": slow.graph}
