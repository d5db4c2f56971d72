"""A training on a machine that can't reach the store: it writes into a small store of its own, which passes every call
on, to be repeated where the real one is.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import suppress
from functools import partialmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from nnviz.process import this_process
from nnviz.store.checkpoints import PresentState
from nnviz.store.run import RunGone
from nnviz.store.runs import RunStore
from nnviz.store.writer import WRITES, RunWriter
from nnviz.train.checkpoint import Checkpoint, CheckpointError
from nnviz.train.events import Change


class Bundle(NamedTuple):
    """A run, as much as is needed to train it elsewhere."""

    row: dict[str, Any]
    """Of the table of runs."""
    changes: tuple[Change, ...]
    checkpoint: Checkpoint | None
    """The last one; None before it began."""


class Call(NamedTuple):
    """Of a method of RunWriter."""

    name: str
    args: tuple[Any, ...]
    options: dict[str, Any]


def bundle(store: RunStore, run_id: str) -> Bundle:
    """Raises RunGone."""
    store.run(run_id)
    (row,) = store.db.rows("SELECT * FROM runs WHERE id = ?", run_id)
    checkpoint = None
    if store.checkpoints.steps(run_id):
        with suppress(CheckpointError):  # none of them can be read: it begins again
            checkpoint = store.checkpoints.load(run_id)
    return Bundle(dict(row), tuple(store.history.changes(run_id)), checkpoint)


def repeat(store: RunStore, calls: Sequence[Call]) -> None:
    """Write what was written elsewhere. What is about a run that was deleted meanwhile is left out. Raises OSError."""
    for call in calls:
        try:
            getattr(store.writer, call.name)(*call.args, **call.options)
        except RunGone:
            continue
        except FileNotFoundError:
            if store.folder(str(call.args[0])).exists():
                raise
            # else it went with its run


class RemoteStore(RunStore):
    """A store in `root` of the runs in `bundles`; every write about them is kept until it is taken."""

    def __init__(self, root: Path, bundles: Sequence[Bundle]) -> None:
        super().__init__(root)
        self.present = self.watched = _Watched(self.root, self.checkpoints)
        local = self.writer
        self.writer = self.noted = NotedWriter(local)
        for one in bundles:
            row = {**one.row, "owner": this_process()}
            self.db.execute(f"INSERT INTO runs ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", *row.values())
            self.folder(row["id"]).mkdir(exist_ok=True)
            for change in one.changes:
                local.add_change(row["id"], change)
            if one.checkpoint:
                local.keep(row["id"], one.checkpoint)


class _Watched(PresentState):
    """Who looks is known where the real store is, and told from there."""

    runs: frozenset[str] = frozenset()

    def is_watched(self, run_id: str) -> bool:
        return run_id in self.runs


class NotedWriter:
    """Does what `local` does, and notes each call, to be repeated elsewhere. Raises TypeError for a missing write."""

    def __init__(self, local: RunWriter) -> None:
        self._local = local
        self._calls: list[Call] = []
        self._arrived = self._offered = 0
        """How many calls are known to have arrived, and are forgotten; how many were handed out at least once."""
        self._lock = threading.Lock()

    def fetch(self, arrived: int) -> list[Call]:
        """The calls after the first `arrived` ones; these are forgotten. A lost reply is asked again."""
        with self._lock:
            del self._calls[: max(0, arrived - self._arrived)]
            self._arrived = max(arrived, self._arrived)
            self._offered = self._arrived + len(self._calls)
            return list(self._calls)

    def _noted(self, name: str, *args: Any, **options: Any) -> Any:
        result = getattr(self._local, name)(*args, **options)
        with self._lock:
            if name in _LATEST:  # of these only the last matters: a slow link must not pile them up
                offered = self._offered - self._arrived  # those are counted already
                self._calls[offered:] = [c for c in self._calls[offered:] if (c.name, c.args[0]) != (name, args[0])]
            self._calls.append(Call(name, args, options))
        return result

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...


_LATEST = ("put_preview", "show")

for _name in WRITES:  # every write of the protocol, so that a new one can't be forgotten here
    setattr(NotedWriter, _name, partialmethod(NotedWriter._noted, _name))
