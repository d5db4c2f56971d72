"""Computations of some seconds in the background, one at a time for the whole server, while pages go on."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Generic, TypeVar

T = TypeVar("T")

Report = Callable[[float], None]
"""Called by the work now and then with the share done, in [0, 1]. Raises Cancelled when nobody wants it any more."""


class Cancelled(Exception):  # noqa: N818  # a wish, not an error
    """The work is to end at once."""


class State(StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def active(self) -> bool:
        return self in (State.WAITING, State.RUNNING)


@dataclass(frozen=True)
class Job(Generic[T]):
    """How far one computation is."""

    state: State
    share: float = 0.0
    """In [0, 1]; never falls."""
    result: T | None = field(default=None, repr=False)
    """Once it is done."""
    problem: str = ""
    """Why it failed."""


class Jobs(Generic[T]):
    """Computations by key, each done once. Safe to share between threads.

    At most `waiting` wait, and the results of the last `kept` are kept.
    """

    def __init__(self, waiting: int = 8, kept: int = 64) -> None:
        self._waiting, self._kept = waiting, kept
        self._changed = threading.Condition()
        self._jobs: dict[Hashable, Job[T]] = {}
        self._queue: deque[tuple[Hashable, Callable[[Report], T]]] = deque()
        self._unwanted: set[Hashable] = set()
        self._busy = False

    def look(self, key: Hashable) -> Job[T] | None:
        """None if nobody asked for it, or its result is no longer kept."""
        with self._changed:
            return self._jobs.get(key)

    def ahead(self, key: Hashable) -> int:
        """How many computations come before the one called `key`; 0 if it doesn't wait."""
        with self._changed:
            places = [waiting for waiting, _ in self._queue]
            return places.index(key) + self._busy if key in places else 0

    def start(self, key: Hashable, work: Callable[[Report], T]) -> bool:
        """Let `work` be done, unless it is under way or done. False if too many are waiting already."""
        with self._changed:
            known = self._jobs.get(key)
            if known is not None and (known.state.active or known.state is State.DONE):
                return True
            if len(self._queue) >= self._waiting:
                return False
            self._jobs.pop(key, None)  # the newest stand last
            self._jobs[key] = Job(State.WAITING)
            self._queue.append((key, work))
            self._forget_old()
            if not self._busy:
                self._busy = True
                threading.Thread(target=self._work, daemon=True, name="nnviz jobs").start()
            return True

    def cancel(self, key: Hashable) -> None:
        """Give up a computation that waits or runs; a running one ends at its next report."""
        with self._changed:
            job = self._jobs.get(key)
            if job is None or not job.state.active:
                return
            if job.state is State.RUNNING:
                self._unwanted.add(key)
            else:
                self._queue = deque(one for one in self._queue if one[0] != key)
                self._set(key, state=State.CANCELLED)

    def wait(self, key: Hashable, timeout: float | None = None) -> Job[T] | None:
        """Block until the computation is no longer under way, at most `timeout` seconds."""
        with self._changed:
            self._changed.wait_for(lambda: not ((job := self._jobs.get(key)) and job.state.active), timeout)
            return self._jobs.get(key)

    def close(self) -> None:
        """Give up everything."""
        with self._changed:
            active = [key for key, job in self._jobs.items() if job.state.active]
        for key in active:
            self.cancel(key)

    def _work(self) -> None:
        while True:
            with self._changed:
                if not self._queue:
                    self._busy = False
                    return
                key, work = self._queue.popleft()
                self._set(key, state=State.RUNNING)
            try:
                result = work(lambda share, key=key: self._report(key, share))  # type: ignore[misc]
                end: dict[str, object] = {"state": State.DONE, "share": 1.0, "result": result}
            except Cancelled:
                end = {"state": State.CANCELLED}
            except Exception as error:  # the thread must never die without a word: pages wait for it
                end = {"state": State.FAILED, "problem": str(error) or type(error).__name__}
            with self._changed:
                self._unwanted.discard(key)
                self._set(key, **end)

    def _report(self, key: Hashable, share: float) -> None:
        with self._changed:
            if key in self._unwanted:
                raise Cancelled
            self._set(key, share=max(self._jobs[key].share, min(1.0, share)))

    def _set(self, key: Hashable, **changes: object) -> None:
        self._jobs[key] = replace(self._jobs[key], **changes)  # type: ignore[arg-type]
        self._changed.notify_all()

    def _forget_old(self) -> None:
        ended = [key for key, job in self._jobs.items() if not job.state.active]
        for key in ended[: max(0, len(self._jobs) - self._kept)]:
            del self._jobs[key]
