"""The supervisor by itself: what becomes of trainings whose machine is lost, with places that only pretend."""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from nnviz.executor.backend import Ended
from nnviz.executor.supervisor import MOST_ATTEMPTS, Supervisor
from nnviz.process import this_process
from nnviz.spec.network import NetworkSpec
from nnviz.spec.train_config import TrainConfig
from nnviz.store.run import Run, Status
from nnviz.store.runs import RunStore
from nnviz.train.commands import Action, Command, Job
from tests.waiting import LIMIT_S, wait_until

LOST = Ended("was lost with its node", again=True)


class Pretended:
    """A place where a run is, until the test says how it ended."""

    def __init__(self, store: RunStore, job: Job, first: Command | None) -> None:
        self.first, self.endings = first, queue.Queue[Ended]()
        for run_id, attempt in job.runs.items():
            store.writer.begin(run_id, "cpu", 1, attempt=attempt)

    def send(self, command: Command) -> None:
        if command.action is Action.SHUTDOWN:
            self.endings.put(Ended())

    def kill(self) -> None:
        self.endings.put(Ended("was killed"))

    def wait(self) -> Ended:
        return self.endings.get()


class PretendedBackend:
    def __init__(self, store: RunStore) -> None:
        self.store, self.places = store, queue.Queue[Pretended]()

    def prepare(self) -> None: ...

    def launch(self, job: Job, first: Command | None, alone: bool) -> Pretended:
        place = Pretended(self.store, job, first)
        self.places.put(place)
        return place

    def cores(self) -> int:
        return 2

    def close(self) -> None: ...


class Supervised:
    """A supervisor that serves in a thread, and what it is told."""

    def __init__(self, store: RunStore, told: IO[str]) -> None:
        self.store, self.backend, self._told = store, PretendedBackend(store), told
        self._thread = threading.Thread(target=Supervisor(store, self.backend).serve)
        self._thread.start()

    def started(self) -> tuple[Run, Pretended]:
        run = self.store.create(NetworkSpec(), TrainConfig())
        self.submit(run)
        return run, self.next_place()

    def submit(self, run: Run) -> None:
        self.store.enqueue(run.id, this_process())
        print(json.dumps(["submit", run.id, None]), file=self._told, flush=True)

    def next_place(self) -> Pretended:
        return self.backend.places.get(timeout=LIMIT_S)

    def close(self) -> None:
        """Returns when the supervisor has done all that it was told."""
        self._told.close()
        self._thread.join(LIMIT_S)
        assert not self._thread.is_alive()


@pytest.fixture
def supervised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Supervised]:
    store = RunStore(tmp_path)
    read, write = os.pipe()
    with os.fdopen(read) as commands, os.fdopen(write, "w") as told:
        monkeypatch.setattr(sys, "stdin", commands)
        supervised = Supervised(store, told)
        yield supervised
        supervised.close()
    store.close()


def test_a_run_whose_machine_is_lost_goes_on_elsewhere_and_says_so(supervised: Supervised) -> None:
    run, place = supervised.started()
    place.endings.put(LOST)
    elsewhere = supervised.next_place()
    assert elsewhere.first is None
    now = supervised.store.run(run.id)
    assert (now.status, now.attempt) == (Status.RUNNING, 2)
    assert now.reason == "The training was lost with its node after step 0; it goes on from its last checkpoint."


def test_one_that_was_paused_stays_paused_elsewhere(supervised: Supervised) -> None:
    run, place = supervised.started()
    supervised.store.writer.set_status(run.id, supervised.store.run(run.id).attempt, Status.PAUSED)
    place.endings.put(LOST)
    assert supervised.next_place().first == Command(Action.PAUSE)


def test_a_run_that_loses_every_machine_is_left_to_people(supervised: Supervised) -> None:
    run, place = supervised.started()
    for _ in range(MOST_ATTEMPTS - 1):
        place.endings.put(LOST)
        place = supervised.next_place()
    place.endings.put(LOST)
    wait_until(lambda: supervised.store.run(run.id).status is Status.INTERRUPTED)
    now = supervised.store.run(run.id)
    assert (now.status, now.attempt) == (Status.INTERRUPTED, MOST_ATTEMPTS)
    assert now.reason.startswith("Its process was lost with its node.")


def test_a_run_that_was_killed_is_not_begun_again(supervised: Supervised) -> None:
    run, place = supervised.started()
    place.endings.put(Ended("was killed (SIGKILL)"))
    wait_until(lambda: supervised.store.run(run.id).status is Status.INTERRUPTED)
    supervised.close()
    assert supervised.backend.places.empty()
    assert supervised.store.run(run.id).reason.startswith("Its process was killed (SIGKILL).")


@pytest.mark.parametrize("late", [Ended("was killed (SIGKILL)"), LOST])
def test_what_is_heard_late_of_an_earlier_attempt_changes_nothing(supervised: Supervised, late: Ended) -> None:
    """Somebody resumes it before the supervisor hears how the attempt before came to its end."""
    run, place = supervised.started()
    supervised.submit(run)
    place.endings.put(late)
    supervised.next_place()
    now = supervised.store.run(run.id)
    assert (now.status, now.reason, now.attempt) == (Status.RUNNING, "", 2)
    assert supervised.backend.places.empty()


def test_two_who_resume_a_run_at_once_start_it_once(supervised: Supervised) -> None:
    run, place = supervised.started()
    place.endings.put(Ended("was killed"))
    wait_until(lambda: supervised.store.run(run.id).status is Status.INTERRUPTED)
    supervised.store.enqueue(run.id, this_process())
    supervised.submit(run)
    supervised.submit(run)
    supervised.next_place()
    supervised.close()
    assert supervised.backend.places.empty()
