"""Pictures of networks for all who look on, each made once: the same net, image and quantity are the same bytes."""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from collections.abc import Hashable
from typing import Any, NamedTuple

from nnviz.analysis.checkpoint_view import CheckpointView
from nnviz.analysis.network_picture import network_picture
from nnviz.analysis.novelty import judge_digit
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
from nnviz.ui.confidence import headline, threshold
from nnviz.ui.live.slow import phases
from nnviz.ui.live.wish import Wish, WishError
from nnviz.ui.memory import kept
from nnviz.ui.subject import Subject, drawn_subject, test_subject

KEPT_BYTES = 20_000_000
"""Of pictures that somebody else may ask for in a moment."""

NETS, WEIGHTS_BYTES = 16, 12_000_000
"""Running nets whose newest state is held, at most; and their weights. With the next step each takes some five times
its weights."""

LOOK_EVERY = 0.25
"""Seconds until a run is looked up anew even if nothing in its folder has changed."""

SHARED = 0.15
"""Seconds for which a state is news to those who have not seen it."""


class _Looked(NamedTuple):
    at: float
    stamp: Hashable
    run: Run
    version: tuple[int, ...]


class Made(NamedTuple):
    token: str
    """Tells this picture from all others."""
    message: bytes


class Pictures:
    """For one thread at a time: whoever asks too often waits, so that trainings keep their cores."""

    def __init__(self, store: RunStore) -> None:
        self._store = store
        self._looked: OrderedDict[str, _Looked] = OrderedDict()
        self._newest: OrderedDict[str, tuple[tuple[int, ...], CheckpointView]] = OrderedDict()
        self._shown: dict[str, tuple[str, float]] = {}
        """Of each run, the state that a page was shown last, and when that was news."""
        self._made: OrderedDict[str, bytes] = OrderedDict()
        self._size = 0

    def newer(self, wish: Wish, seen: str) -> Made | None:
        """What is wished for, unless it is what was `seen`.

        Raises RunGone, CheckpointError, DataError, WishError.
        """
        state, view = self._shared(wish, seen) or self.view(wish)
        token = f"{wish.name}-{state}"
        if token == seen:
            return None
        if wish.run is not None and wish.step is None and self._shown.get(wish.run, ("", 0.0))[0] != state:
            self._shown[wish.run] = state, time.monotonic()
            if len(self._shown) > NETS:
                del self._shown[next(iter(self._shown))]
        if token not in self._made:
            self._keep(token, _message(view, wish))
        self._made.move_to_end(token)
        return Made(token, self._made[token])

    def _shared(self, wish: Wish, seen: str) -> tuple[str, CheckpointView] | None:
        """What another page has just been shown, if this one has not: of many who follow a run, each would else want a
        state of its own.
        """
        if not seen or wish.run is None or wish.step is not None or wish.run not in self._newest:
            return None
        version, view = self._newest[wish.run]
        state, at = self._shown.get(wish.run, ("", 0.0))
        news = state == _words(version) and time.monotonic() - at < SHARED and seen != f"{wish.name}-{state}"
        return (state, view) if news else None

    def view(self, wish: Wish) -> tuple[str, CheckpointView]:
        """The network, and what tells its state from others of the same wish. Raises as `newer` does."""
        if wish.run is None:
            data = usable(_read(wish.setup)[1].data)
            return data, untrained(wish.setup, data)
        if wish.step is not None:
            kept_view = checkpoint_at(self._store, self._store.run(wish.run), wish.step)
            return f"{len(kept_view.changes)}", kept_view
        return self._present(*self._look(wish.run))

    def _look(self, run_id: str) -> tuple[Run, tuple[int, ...]]:
        """The run, and the version of its present state: looked up when there is another, for all who follow it, and
        else a few times a second. Thirty pages ask fifty times a second, which would take half of a core.
        """
        stamp, now = self._store.present.stamp(run_id), time.monotonic()
        known = self._looked.get(run_id)
        if known is None or known.stamp != stamp or now - known.at >= LOOK_EVERY:
            run = self._store.run(run_id)
            if run.status.active:
                self._store.present.watch(run_id)
            known = self._looked[run_id] = _Looked(now, stamp, run, self._store.present.version(run_id))
            if len(self._looked) > NETS:
                self._looked.popitem(last=False)
        self._looked.move_to_end(run_id)
        return known.run, known.version

    def _present(self, run: Run, version: tuple[int, ...]) -> tuple[str, CheckpointView]:
        known, view = self._newest.get(run.id) or (None, None)
        if view is None or known != version:
            state = self._store.present.newest(run.id)
            if state is None:
                return "", _not_begun(run.id, run)
            view = checkpoint_now(self._store, run, state)
            self._newest[run.id] = version, view
            self._newest.move_to_end(run.id)
            while len(self._newest) > 1 and (len(self._newest) > NETS or self._weights() > WEIGHTS_BYTES):
                self._newest.popitem(last=False)
        self._newest.move_to_end(run.id)
        return _words(version), view

    def _weights(self) -> int:
        """Bytes of all that are held."""
        return sum(one.nbytes for _, view in self._newest.values() for one in view.state.model.values())

    def _keep(self, token: str, message: bytes) -> None:
        self._made[token] = message
        self._size += len(message)
        while self._size > KEPT_BYTES and len(self._made) > 1:
            _, old = self._made.popitem(last=False)
            self._size -= len(old)


def _words(version: tuple[int, ...]) -> str:
    return "-".join(map(str, version))


@kept()
def _read(setup: str) -> tuple[NetworkSpec, TrainConfig]:
    """The set-up of a link's parameters (JSON). Raises WishError."""
    network, config, _ = from_query(json.loads(setup))
    try:
        check(network, config)
    except SpecError as error:
        raise WishError(str(error)) from None
    return network, config


@kept(grows=True)
def untrained(setup: str, data: str) -> CheckpointView:
    """The network of a link's parameters (JSON) as it is before its first step on the data set called `data`. Raises
    WishError, DataError.
    """
    network, config = _read(setup)
    return _at_the_beginning(network, config.with_(data=data))


@kept(grows=True)
def _not_begun(run_id: str, _run: Run) -> CheckpointView:
    return _at_the_beginning(_run.network, _run.config)


def _at_the_beginning(network: NetworkSpec, config: TrainConfig) -> CheckpointView:
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
    slowly = _slowly(view, shown, wish) if wish.slow else {}
    novel = not isinstance(wish.image, int) and _is_novel(view, shown)
    return pack(
        picture,
        shown.pixels,
        view.data.dataset.classes,
        shown.label,
        title=headline(view.data.dataset) if novel else shown.title,
        run=wish.run or "",
        unit=unit,
        more={"step": place.step, "epoch": place.epoch, "novel": novel, **slowly},
    )


def _is_novel(view: CheckpointView, drawn: Subject) -> bool:
    """Whether a drawing is unlike the digits that the net is trained on; said of none that hasn't begun."""
    if not view.state.position.step or not drawn.pixels.any() or not view.data.dataset.of_digits:
        return False
    return judge_digit(drawn.pixels, threshold(view.config.data, view.data)).novel


def _slowly(view: CheckpointView, shown: Subject, wish: Wish) -> dict[str, Any]:
    slow = slow_step(view, shown.inputs, shown.label, wish.unit)
    if slow is None:
        raise WishError("the loss of the next mini-batch is not finite: there is no step to take")
    told = phases(slow, view.data.dataset.classes, view.config.loss, view.optimizer_title)
    return {"slow": told, "graph": slow.graph}
