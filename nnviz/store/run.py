"""A training as it is recorded: what it is, how it stands, which process has it."""

from __future__ import annotations

import functools
import json
import secrets
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from nnviz.fields import Choice, Flag, bounds_of, changed_fields
from nnviz.process import is_alive
from nnviz.spec.activations import ACTIVATIONS
from nnviz.spec.initialisation import INITIALISATIONS
from nnviz.spec.network import NetworkSpec
from nnviz.spec.optimizers import OPTIMIZERS
from nnviz.spec.train_config import TrainConfig, layer_plans, unused
from nnviz.store.database import Database


class Status(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    STOPPED = "stopped"
    PRUNED = "pruned"
    """Its sweep ended it early: it did worse than the others had done by then."""
    DIVERGED = "diverged"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    """Its process ended without a word: killed, or the machine went down. Can be resumed."""

    @property
    def active(self) -> bool:
        return self in (Status.QUEUED, Status.RUNNING, Status.PAUSED)

    @property
    def moves(self) -> bool:
        """It trains, or is about to."""
        return self in (Status.QUEUED, Status.RUNNING)

    @property
    def over(self) -> bool:
        """It came to an end of its own or somebody's making, not by being cut off."""
        return not self.active and self is not Status.INTERRUPTED

    @property
    def resumable(self) -> bool:
        return self in (Status.STOPPED, Status.PRUNED, Status.INTERRUPTED, Status.FAILED)


class Waiting(StrEnum):
    """What keeps a queued run from starting, other than those before it."""

    NOTHING = ""
    CORE = "core"

    @property
    def words(self) -> str:
        return {Waiting.NOTHING: "", Waiting.CORE: "It waits for a free core of the Ray cluster."}[self]


class RunGone(Exception):  # noqa: N818  # says what happened, as FileNotFoundError does not
    """The run is not in the store, or was deleted while it was looked at."""


class AttemptOver(RunGone):
    """Another attempt has the run now: whoever was told to train it before has nothing to say about it any more."""


class PretrainedRun(Exception):  # noqa: N818  # as RunGone
    """The run came with nnviz, and can't be changed."""


@dataclass(frozen=True)
class Run:
    """One training as recorded so far."""

    id: str
    name: str
    note: str
    network: NetworkSpec
    config: TrainConfig
    """As it was started; changes made while it ran are in `History.changes`."""
    status: Status
    reason: str
    """Why it is in this status, as a sentence for people; may be empty."""
    created: float
    """Seconds since the epoch."""
    seconds: float
    """Time spent training."""
    step: int
    steps: int
    """Optimizer steps of the whole training, as planned now."""
    speed: float
    """Images per second, lately."""
    device: str
    threads: int
    attempt: int
    """How many times somebody was told to start or resume it. Only the last of them may write how it stands."""
    test_accuracy: float | None
    """After the last complete epoch, in [0, 1]."""
    parent: str
    """The run it was forked from, which may be deleted by now; empty for one that began at the beginning."""
    parent_step: int
    """The step of that run after which it went its own way."""
    sweep: str = ""
    """The sweep it is a member of; empty for a run that somebody started by itself."""
    point: int = 0
    """Which point of the sweep, from 0."""
    ensemble: int = 0
    """How many nets it is trained together with, itself included: its numbers then agree with those of a training by
    itself within rounding, not bit for bit. 0: by itself."""
    waiting: Waiting = Waiting.NOTHING
    """What a queued run waits for, beside its turn."""
    pretrained: bool = False
    """It came with nnviz: it can be looked into, asked, compared, exported and forked, but not changed."""


NAME_LENGTH = 120
"""Characters of a name; those that describe a set-up far from the classic recipe need some."""

COLUMNS = """id, name, note, network, config, status, reason, created, seconds, step, steps, speed, device, threads,
    attempt, owner, parent, parent_step, sweep, point, ensemble, waiting, pretrained,
    (SELECT test_accuracy FROM epochs WHERE epochs.run = runs.id ORDER BY epoch DESC LIMIT 1) AS test_accuracy"""
"""Of the table of runs, as `to_run` reads them. What lies in the bin (`deleted`) counts as gone."""


def run_row(db: Database, run_id: str) -> sqlite3.Row:
    """The row of a run. Raises RunGone."""
    rows = db.rows(f"SELECT {COLUMNS} FROM runs WHERE id = ? AND deleted = 0", run_id)
    if not rows:
        raise gone(run_id)
    return rows[0]


def update_run(db: Database, run_id: str, **values: object) -> None:
    """Change columns of a run. Raises RunGone."""
    assignments = ", ".join(f"{name} = ?" for name in values)
    if not db.execute(f"UPDATE runs SET {assignments} WHERE id = ? AND deleted = 0", *values.values(), run_id):
        raise gone(run_id)


def update_attempt(db: Database, run_id: str, attempt: int, /, **values: object) -> None:
    """Change columns of a run as its `attempt`. Raises AttemptOver if it is no longer that; RunGone."""
    assignments = ", ".join(f"{name} = ?" for name in values)
    query = f"UPDATE runs SET {assignments} WHERE id = ? AND attempt = ? AND deleted = 0"
    if not db.execute(query, *values.values(), run_id, attempt):
        now = run_row(db, run_id)["attempt"]
        raise AttemptOver(f"attempt {attempt} of run {run_id} is over: it is at attempt {now}")


def gone(run_id: str) -> RunGone:
    return RunGone(f"there is no run {run_id!r}; it may have been deleted")


def to_run(row: sqlite3.Row) -> Run:
    values = dict(row)
    owner = values.pop("owner")
    status, waiting = Status(values.pop("status")), Waiting(values.pop("waiting"))
    reason, pretrained = values.pop("reason") or waiting.words, bool(values.pop("pretrained"))
    if status.active and not is_alive(owner):
        status, reason = Status.INTERRUPTED, "Its process ended without a word: it was killed, or the server was."
    return Run(
        network=_network(values.pop("network")),
        config=_config(values.pop("config")),
        status=status,
        reason=reason,
        waiting=waiting,
        pretrained=pretrained,
        **values,
    )


# Lists of hundreds of runs are read again and again, and every visitor's session holds some: of equal set-ups one is
# enough. They are frozen.


@functools.lru_cache(maxsize=2000)
def _network(text: str) -> NetworkSpec:
    return NetworkSpec.from_dict(json.loads(text))


@functools.lru_cache(maxsize=2000)
def _config(text: str) -> TrainConfig:
    return TrainConfig.from_dict(json.loads(text))


def new_id(now: float) -> str:
    """Of a run or a sweep: when it was made (seconds since the epoch), and what tells it from others of that moment."""
    return time.strftime("%Y%m%d-%H%M%S-", time.localtime(now)) + secrets.token_hex(4)


def describe(network: NetworkSpec, config: TrainConfig) -> str:
    """A short name: the sizes of a dense net or the number of layers, the optimizer and its rate; and what else is not
    as in the classic recipe.
    """
    return " · ".join((f"{_shape(network, config)}{_activation(network)}", *_apart(network, config)))


def _apart(network: NetworkSpec, config: TrainConfig) -> Iterator[str]:
    """The optimizer with its rate, and what else differs from the classic recipe, each in a few words."""
    yield f"{OPTIMIZERS[config.optimizer].title} {config.lr:g}"
    for name, value in changed_fields(config).items():
        bounds = bounds_of(TrainConfig)[name]
        if name in ("optimizer", "lr", "device", "checkpoints") or unused(name, config):
            continue
        if isinstance(bounds, Choice):
            yield bounds.options[value]
        elif isinstance(bounds, Flag):
            yield bounds.label
        else:
            words = "1 epoch" if (name, value) == ("epochs", 1) else _FEW_WORDS.get(name, f"{bounds.label} {{}}")
            yield words.format(f"{value:g}" if isinstance(value, float) else value)
    if network.init != NetworkSpec().init:
        yield INITIALISATIONS[network.init].title


_FEW_WORDS = {"per_class": "{} per class", "batch_size": "batch {}", "epochs": "{} epochs"}


def _activation(network: NetworkSpec) -> str:
    """Of the hidden layers, where it is not ReLU in all of them."""
    found = {layer.activation for layer in network.layers if hasattr(layer, "activation")}
    if found <= {"relu"}:
        return ""
    return f" {ACTIVATIONS[found.pop()].title}" if len(found) == 1 else " mixed activations"


def _shape(network: NetworkSpec, config: TrainConfig) -> str:
    """ "784-128-10", "2 conv + 1 dense", "5 layers"."""
    plans = layer_plans(network, config)
    if all(plan.layer.stacks for plan in plans):
        inputs = int(np.prod(plans[0].in_shape))
        return "-".join(str(size) for size in (inputs, *(plan.out_shape[0] for plan in plans)))
    kinds = Counter(plan.layer.kind for plan in plans if plan.learns)
    convolves = any(plan.layer.convolves for plan in plans)
    return " + ".join(f"{n} {kind}" for kind, n in kinds.items()) if convolves else f"{len(plans)} layers"


def learning_layers(network: NetworkSpec, config: TrainConfig) -> tuple[str, ...]:
    """Names of the layers with a weight matrix, in order."""
    return tuple(plan.name for plan in layer_plans(network, config) if plan.learns)


def clean_name(name: str) -> str:
    """On one line, not long, and storable: a name from a command line may hold bytes that are no text."""
    return " ".join(name.encode(errors="replace").decode().split())[:NAME_LENGTH]
