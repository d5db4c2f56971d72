"""Work of some seconds or minutes in the background, for the whole server, while pages go on.

Not a ThreadPoolExecutor: the end of the server would wait for its threads, for a download that hangs, say; and it knows
neither a place in the queue nor how far something is.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial
from typing import Generic, Protocol, TypeVar

T = TypeVar("T")


class Report(Protocol):
    def __call__(self, share: float, text: str = "") -> None:
        """Called by the work now and then with the share done, in [0, 1], and what it is about. Raises Cancelled when
        nobody wants it any more.
        """


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
    text: str = ""
    """What it is about, as the work last said."""


class Jobs(Generic[T]):
    """Computations by key, each done once, `at_once` at a time. Safe to share between threads.

    At most `waiting` wait, and the results of the last `kept` are kept.
    """

    def __init__(self, waiting: int = 8, kept: int = 64, at_once: int = 1) -> None:
        self._waiting, self._kept, self._at_once = waiting, kept, at_once
        self._changed = threading.Condition()
        self._jobs: dict[Hashable, Job[T]] = {}
        self._queue: deque[tuple[Hashable, Callable[[Report], T]]] = deque()
        self._unwanted: set[Hashable] = set()
        self._busy = 0
        """Threads that work."""

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
            if self._busy < self._at_once:
                self._busy += 1
                threading.Thread(target=self._work, daemon=True, name="nnviz jobs").start()
            return True

    def forget(self, key: Hashable) -> None:
        """Let go of what is over, so that it can be done again."""
        with self._changed:
            job = self._jobs.get(key)
            if job is not None and not job.state.active:
                del self._jobs[key]

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
                    self._busy -= 1
                    return
                key, work = self._queue.popleft()
                self._set(key, state=State.RUNNING)
            try:
                result = work(partial(self._report, key))
                end: dict[str, object] = {"state": State.DONE, "share": 1.0, "result": result}
            except Cancelled:
                end = {"state": State.CANCELLED}
            except Exception as error:  # the thread must never die without a word: pages wait for it
                end = {"state": State.FAILED, "problem": str(error) or type(error).__name__}
            with self._changed:
                self._unwanted.discard(key)
                self._set(key, **end)

    def _report(self, key: Hashable, share: float, text: str = "") -> None:
        with self._changed:
            if key in self._unwanted:
                raise Cancelled
            job = self._jobs[key]
            self._set(key, share=max(job.share, min(1.0, share)), text=text or job.text)

    def _set(self, key: Hashable, **changes: object) -> None:
        self._jobs[key] = replace(self._jobs[key], **changes)  # type: ignore[arg-type]
        self._changed.notify_all()

    def _forget_old(self) -> None:
        ended = [key for key, job in self._jobs.items() if not job.state.active]
        for key in ended[: max(0, len(self._jobs) - self._kept)]:
            del self._jobs[key]
