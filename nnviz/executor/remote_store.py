"""A training on a machine that can't reach the store: it writes into a small store of its own, which passes every call
on, to be repeated where the real one is.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from nnviz.store.runs import RunGone, RunStore, Status, this_process
from nnviz.train.checkpoint import Snapshot, SnapshotError
from nnviz.train.preview import Live
from nnviz.train.trainer import Batch, Change, Epoch, Norms


class Parcel(NamedTuple):
    """A run, as much as is needed to train it elsewhere."""

    row: dict[str, Any]
    """Of the table of runs."""
    changes: tuple[Change, ...]
    snapshot: Snapshot | None
    """The last one; None before it began."""


class Call(NamedTuple):
    """Of a method of RunStore."""

    name: str
    args: tuple[Any, ...]
    options: dict[str, Any]


def parcel(store: RunStore, run_id: str) -> Parcel:
    """Raises RunGone."""
    store.run(run_id)
    (row,) = store.rows("SELECT * FROM runs WHERE id = ?", run_id)
    snapshot = None
    if store.snapshot_steps(run_id):
        with suppress(SnapshotError):  # none of them can be read: it begins again
            snapshot = store.snapshot(run_id)
    return Parcel(dict(row), tuple(store.changes(run_id)), snapshot)


def repeat(store: RunStore, calls: Sequence[Call]) -> None:
    """Write what was written elsewhere. What is about a run that was deleted meanwhile is left out. Raises OSError."""
    for call in calls:
        try:
            getattr(store, call.name)(*call.args, **call.options)
        except RunGone:
            continue
        except FileNotFoundError:
            if store.folder(str(call.args[0])).exists():
                raise
            # else it went with its run


class RelayStore(RunStore):
    """A store in `root` of the runs in `parcels`; every call that writes about them is kept until it is taken."""

    def __init__(self, root: Path, parcels: Sequence[Parcel]) -> None:
        super().__init__(root)
        self.watched: frozenset[str] = frozenset()
        """Runs that somebody looks into, as was last heard."""
        self._calls: list[Call] = []
        self._arrived = self._offered = 0
        """How many calls are known to have arrived, and are forgotten; how many were handed out at least once."""
        self._calls_lock = threading.Lock()
        for one in parcels:
            row = {**one.row, "owner": this_process()}
            self.execute(
                f"INSERT INTO runs ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", *row.values()
            )  # fmt: skip
            self.folder(row["id"]).mkdir(exist_ok=True)
            for change in one.changes:
                super().add_change(row["id"], change)
            if one.snapshot:
                super().keep(row["id"], one.snapshot)

    def fetch(self, arrived: int) -> list[Call]:
        """The calls after the first `arrived` ones; these are forgotten. A lost reply is asked again."""
        with self._calls_lock:
            del self._calls[: max(0, arrived - self._arrived)]
            self._arrived = max(arrived, self._arrived)
            self._offered = self._arrived + len(self._calls)
            return list(self._calls)

    def is_watched(self, run_id: str) -> bool:
        return run_id in self.watched

    # What follows does what RunStore does, and notes it.

    def begin(self, run_id: str, device: str, threads: int, *, packed: int = 0) -> int:
        attempt: int = self._noted(super().begin, run_id, device, threads, packed=packed)
        return attempt

    def set_status(self, run_id: str, status: Status, reason: str = "") -> None:
        self._noted(super().set_status, run_id, status, reason)

    def add_batches(
        self,
        run_id: str,
        attempt: int,
        batches: Sequence[Batch],
        norms: Sequence[Norms] = (),
        *,
        seconds: float,
        steps: int,
        speed: float,
    ) -> None:
        self._noted(
            super().add_batches, run_id, attempt, list(batches), list(norms), seconds=seconds, steps=steps, speed=speed
        )

    def add_epoch(self, run_id: str, epoch: Epoch) -> None:
        self._noted(super().add_epoch, run_id, epoch)

    def add_change(self, run_id: str, change: Change) -> None:
        self._noted(super().add_change, run_id, change)

    def keep(self, run_id: str, snapshot: Snapshot) -> None:
        self._noted(super().keep, run_id, snapshot)

    def drop(self, run_id: str, step: int) -> None:
        self._noted(super().drop, run_id, step)

    def show(self, run_id: str, snapshot: Snapshot) -> None:
        self._noted(super().show, run_id, snapshot)

    def put_live(self, run_id: str, live: Live) -> None:
        self._noted(super().put_live, run_id, live)

    def hide(self, run_id: str) -> None:
        self._noted(super().hide, run_id)

    def _noted(self, write: Callable[..., Any], *args: Any, **options: Any) -> Any:
        result = write(*args, **options)
        with self._calls_lock:
            if write.__name__ in _LATEST:  # of these only the last matters: a slow link must not pile them up
                offered = self._offered - self._arrived  # those are counted already
                self._calls[offered:] = [
                    c for c in self._calls[offered:] if (c.name, c.args[0]) != (write.__name__, args[0])
                ]
            self._calls.append(Call(write.__name__, args, options))
        return result


_LATEST = ("put_live", "show")
