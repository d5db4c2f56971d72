"""Places on a Ray cluster: an actor for each job, which trains in a thread and is asked for news.

Ray Train and Tune would take seconds for what takes an actor milliseconds, and show nothing live: so, plain actors.
"""

from __future__ import annotations

import itertools
import logging
import os
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import nnviz
from nnviz.environment import data_root
from nnviz.executor.backend import Ended, first_line
from nnviz.executor.recorder import failed_in_words
from nnviz.executor.remote_store import Bundle, Call, RemoteStore, bundle, repeat
from nnviz.executor.worker import train_job
from nnviz.store.database import LONG_PATIENCE
from nnviz.store.run import RunGone, Status, Waiting
from nnviz.store.runs import RunStore
from nnviz.train.commands import Command, Job, Mailbox

POLL_EVERY = 0.2
"""Seconds between two questions for news."""

PATIENCE = 2.0
"""Seconds without an actor after which its runs say that they wait for a place in the cluster."""

CORES_EVERY = 5.0
"""Seconds between two looks at how large the cluster is."""

NAMESPACE = "nnviz"


class News(NamedTuple):
    calls: list[Call]
    """What to write into the store."""
    over: bool
    """The job has ended; these are its last words."""
    node: str
    """Where it is, by Ray's id."""


class InOrder:
    """Passes commands on in the order of their numbers, counted from 0, however they arrive: of an actor that answers
    several calls at once Ray begins them in any order, and a step must not overtake the learning rate set for it.
    """

    def __init__(self, take: Callable[[Command], None]) -> None:
        self._take = take
        self._next = 0
        self._early: dict[int, Command] = {}
        self._lock = threading.Lock()

    def put(self, number: int, command: Command) -> None:
        with self._lock:
            self._early[number] = command
            while self._next in self._early:
                self._take(self._early.pop(self._next))
                self._next += 1


class Trainee:
    """The actor. It trains with one thread beside the one that answers questions."""

    def __init__(self, bundles: Sequence[Bundle], attempts: dict[str, int], first: Command | None, data: str) -> None:
        os.environ.setdefault("NNVIZ_DATA", data)  # a node may keep its data elsewhere, and says so itself
        self._folder = tempfile.TemporaryDirectory(prefix="nnviz-")
        self._store = RemoteStore(Path(self._folder.name), bundles)
        self._mailbox = Mailbox()
        if first:
            self._mailbox.post(first)
        self._commands = InOrder(self._mailbox.post)
        runs = {one.row["id"]: attempts[one.row["id"]] for one in bundles}
        self._thread = threading.Thread(
            target=train_job, args=(self._store, runs, self._mailbox, False), daemon=True, name="training"
        )
        self._thread.start()

    def send(self, number: int, command: Command) -> None:
        self._commands.put(number, command)

    def news(self, arrived: int, watched: frozenset[str]) -> News:
        """What there is after the first `arrived` calls."""
        import ray

        self._store.watched.runs = watched
        over = not self._thread.is_alive()  # asked first: what it wrote last is then among the calls
        return News(self._store.noted.fetch(arrived), over, ray.get_runtime_context().get_node_id())


class RayBackend:
    """Of the store in `root`, on the cluster at `address`. Raises whatever `ray.init` raises."""

    def __init__(self, root: Path, address: str) -> None:
        import ray

        self._ray: Any = ray
        self.store, self.address = RunStore(root, LONG_PATIENCE), address
        package = Path(str(nnviz.__file__)).parent
        ray.init(
            address=address,
            namespace=NAMESPACE,
            log_to_driver=False,
            logging_level=logging.ERROR,
            runtime_env={"py_modules": [str(package)], "excludes": [".mypy_cache", "__pycache__"]},
        )
        self._looked, self._cores = -CORES_EVERY, 1

    def describe(self) -> str:
        """Where trainings run, for people."""
        nodes = sum(bool(node["Alive"]) for node in self._ray.nodes())
        cores = self.cores()
        return f"Ray cluster at {self.address}: {nodes} node{'s' * (nodes > 1)}, {cores} core{'s' * (cores > 1)}"

    def prepare(self) -> None:
        """Nothing: an actor takes some seconds to start wherever it is."""

    def launch(self, job: Job, first: Command | None, alone: bool) -> _Actor:
        bundles = []
        for run_id in job.runs:
            with suppress(RunGone):  # deleted before it began
                bundles.append(bundle(self.store, run_id))
        trainee = self._ray.remote(Trainee).options(num_cpus=1, max_concurrency=4, max_restarts=0)
        return _Actor(self._ray, self.store, job, trainee.remote(bundles, job.runs, first, str(data_root().absolute())))

    def cores(self) -> int:
        now = time.monotonic()
        if now - self._looked > CORES_EVERY:
            self._looked = now
            with suppress(Exception):  # the cluster is busy with itself: what it was a moment ago will do
                self._cores = max(1, int(self._ray.cluster_resources().get("CPU", 1)))
        return self._cores

    def close(self) -> None:
        self._ray.shutdown()
        self.store.close()


class _Actor:
    def __init__(self, ray: Any, store: RunStore, job: Job, handle: Any) -> None:
        self._ray, self._store, self._job, self._handle = ray, store, job, handle
        self._killed = False
        self._numbers = itertools.count()
        self._node = ""
        """Where it is, once it answered."""

    def send(self, command: Command) -> None:
        self._handle.send.remote(next(self._numbers), command)

    def kill(self) -> None:
        self._killed = True
        with suppress(Exception):  # it is gone already
            self._ray.kill(self._handle)

    def wait(self) -> Ended:
        """Fetch news until the job is over or lost."""
        since = time.monotonic()
        arrived, said = 0, False
        while True:
            watched = frozenset(run_id for run_id in self._job.runs if self._store.present.is_watched(run_id))
            question = self._handle.news.remote(arrived, watched)
            try:
                while not self._ray.wait([question], timeout=POLL_EVERY)[0]:
                    if not self._node and not said and time.monotonic() - since > PATIENCE:
                        said = True
                        self._wait(Waiting.CORE)
                news: News = self._ray.get(question)
            except self._ray.exceptions.ActorUnavailableError:
                time.sleep(POLL_EVERY)  # the link is broken for the moment; whether for good, Ray will say
                continue
            except self._ray.exceptions.RayActorError as error:
                return self._lost(error)
            except self._ray.exceptions.RayError as error:  # not even its answer can be read
                self.kill()
                return Ended(f"could not be followed on the Ray cluster ({str(error).splitlines()[-1][:200]})")
            if said and not self._node:
                self._wait(Waiting.NOTHING)
            self._node = news.node
            try:
                repeat(self._store, news.calls)
            except (OSError, sqlite3.Error) as error:
                return self._unwritable(error)
            arrived += len(news.calls)
            if news.over:
                self.kill()
                return Ended()
            time.sleep(POLL_EVERY)

    def _lost(self, error: Exception) -> Ended:
        if self._killed:
            return Ended("was ended")
        if "creation task" in str(error):  # it never began, and would not elsewhere
            return Ended(f"could not be started on the Ray cluster ({first_line(error)})")
        if any(node["NodeID"] == self._node and node["Alive"] for node in self._ray.nodes()):
            return Ended("was killed on its node of the Ray cluster, or found too little memory there")
        return Ended("was lost with its node of the Ray cluster", again=True)

    def _unwritable(self, error: Exception) -> Ended:
        self.kill()
        reason = failed_in_words(error, self._store)
        for run_id, attempt in self._job.runs.items():
            with suppress(RunGone, sqlite3.Error):
                self._store.writer.set_status(run_id, attempt, Status.FAILED, reason)
        return Ended()

    def _wait(self, what: Waiting) -> None:
        for run_id in self._job.runs:
            with suppress(sqlite3.Error):
                self._store.wait_for(run_id, what)
