"""The supervisor: so many jobs at once, the others in a queue; sweeps are driven from here.

It reads one JSON command a line from standard input and ends, its trainings saved, when that closes.
"""

from __future__ import annotations

import json
import queue
import sys
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from nnviz.environment import slots
from nnviz.executor.backend import Backend, Ended, Place
from nnviz.executor.recorder import SHUT_DOWN
from nnviz.process import this_process
from nnviz.store.run import RunGone, Status
from nnviz.store.runs import RunStore
from nnviz.sweep.driver import LOOK_EVERY, WAITS, SweepDriver
from nnviz.train.commands import Action, Command, Job

SHUTDOWN_SECONDS = 10

RECHECK_SECONDS = 0.5
"""How long a run waits at most for a place that a paused training left, which pauses by itself too, after one batch;
and a command of another process.
"""

MOST_ATTEMPTS = 5
"""Times that a run is started, when again and again its machine is lost."""


def _command(action: str, *rest: Any) -> Command:
    return Command(Action(action), *rest)


@dataclass
class Supervisor:
    store: RunStore
    backend: Backend
    inbox: queue.Queue[tuple[str, str, Command | Ended | None]] = field(default_factory=queue.Queue)
    jobs: dict[str, tuple[Job, Place]] = field(default_factory=dict)
    """Those that have a place, by id."""
    waiting: deque[tuple[Job, Command | None]] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self._next_look = self._next_asked = 0.0
        self.driver = SweepDriver(self.store, self.backend.cores, self._launch, self.control)

    def serve(self) -> None:
        """Obey until the standard input closes."""
        self.backend.prepare()
        self.driver.take_up()
        self._fill_slots()
        threading.Thread(target=self._read_commands, daemon=True).start()
        while True:
            try:
                busy = self.jobs or self.waiting or self.driver.busy
                what, name, detail = self.inbox.get(timeout=RECHECK_SECONDS if busy else None)
            except queue.Empty:
                self._look()
                continue
            if what == "close":
                break
            if what == "submit":
                with suppress(RunGone):
                    attempt = self.store.run(name).attempt
                    self.submit(Job(name, {name: attempt}), detail if isinstance(detail, Command) else None)
            elif what == "control" and isinstance(detail, Command):
                self.control(name, detail)
            elif what == "sweep" and isinstance(detail, Command):
                self.driver.obey(name, detail)
            elif what == "ended" and isinstance(detail, Ended):
                self._ended(name, detail)
            self._look()
        self._close()

    def _look(self) -> None:
        """Give the sweeps something to do, not at every message but often enough, and the free places too; and obey
        what other processes ask of the runs here.
        """
        if time.monotonic() >= self._next_asked:
            have = [run_id for job in self._all() for run_id in job.runs]
            for command in self.store.commands.take(have):
                self.control(command.run, command)
            self._next_asked = time.monotonic() + RECHECK_SECONDS
        if self.driver.busy and time.monotonic() >= self._next_look:
            self.driver.look()
            self._next_look = time.monotonic() + LOOK_EVERY
        self._fill_slots()

    def submit(self, job: Job, first: Command | None = None) -> None:
        """Start a job as soon as there is room; `first` reaches it before its first step."""
        self.waiting.append((job, first))

    def control(self, run_id: str, command: Command) -> None:
        """Pass a command on to a run, wherever it is: what another process trains hears of it through the store."""
        for job, place in self.jobs.values():
            if run_id in job.runs:
                if command.action is Action.KILL and len(job.runs) > 1:
                    place.send(Command(Action.STOP, run=run_id))  # the others of its ensemble go on
                elif command.action is Action.KILL:
                    place.kill()
                else:
                    place.send(command._replace(run=run_id))
                return
        if not any(run_id in job.runs for job, _ in self.waiting):
            with suppress(RunGone):
                if self.store.run(run_id).status.active:
                    kept = Command(Action.STOP) if command.action is Action.KILL else command
                    self.store.commands.post(run_id, kept)
        elif command.action in (Action.STOP, Action.KILL):
            self._stop_waiting(run_id, Status.STOPPED, "Stopped while it waited for its turn.")
        elif command.action in (Action.LEAVE, Action.SHUTDOWN):
            self._stop_waiting(run_id, Status.INTERRUPTED, WAITS)

    def _read_commands(self) -> None:
        for line in sys.stdin:
            what, name, command = json.loads(line)
            self.inbox.put((what, name, _command(*command) if command else None))
        self.inbox.put(("close", "", None))

    def _all(self) -> list[Job]:
        return [job for job, _ in (*self.jobs.values(), *self.waiting)]

    def _fill_slots(self) -> None:
        for _ in range(len(self.waiting)):
            if self._training() >= slots(self.backend.cores()):
                return
            job, first = self.waiting.popleft()
            going = {run_id for other, _ in self.jobs.values() for run_id in other.runs}
            if going.intersection(job.runs):  # its process is just ending, or it was started twice
                self.waiting.append((job, first))
            else:
                self._launch(job, first)

    def _training(self) -> int:
        """How many places are taken; a paused training leaves its place to others, and sweeps have places of their own,
        one per core, lest people wait for them.
        """
        return sum(self._is_training(job) for job, _ in self.jobs.values() if not self.driver.drives(job))

    def _is_queued(self, run_id: str, attempt: int) -> bool:
        try:
            run = self.store.run(run_id)
        except RunGone:
            return False
        return run.status is Status.QUEUED and run.attempt == attempt

    def _is_training(self, job: Job) -> bool:
        for run_id in job.runs:
            with suppress(RunGone):
                if self.store.run(run_id).status is not Status.PAUSED:
                    return True
        return False

    def _launch(self, job: Job, first: Command | None = None) -> None:
        """Give a place to those of its runs that still wait for one."""
        job = job._replace(runs={run_id: n for run_id, n in job.runs.items() if self._is_queued(run_id, n)})
        if not job.runs:
            self.driver.ended(job, killed=False)
            return
        place = self.backend.launch(job, first, alone=not self.jobs and not self.waiting)
        self.jobs[job.id] = (job, place)
        threading.Thread(target=self._wait_for, args=(job.id, place), daemon=True).start()

    def _wait_for(self, job_id: str, place: Place) -> None:
        self.inbox.put(("ended", job_id, place.wait()))

    def _stop_waiting(self, run_id: str, status: Status, reason: str) -> None:
        for index, (job, first) in enumerate(self.waiting):
            if run_id in job.runs:
                rest = {one: attempt for one, attempt in job.runs.items() if one != run_id}
                self.waiting[index] = (job._replace(runs=rest), first)
                with suppress(RunGone):
                    self.store.writer.set_status(run_id, job.runs[run_id], status, reason)
        for job, _ in self.waiting:
            if not job.runs:
                self.driver.ended(job, killed=False)
        self.waiting = deque(one for one in self.waiting if one[0].runs)

    def _ended(self, job_id: str, ended: Ended) -> None:
        """A training that ended by itself has said how; one that was killed could not."""
        job, _ = self.jobs.pop(job_id)
        if not ended.how:
            self.driver.ended(job, killed=False)
            return
        for run_id, attempt in job.runs.items():
            with suppress(RunGone):
                run = self.store.run(run_id)
                # The store already shows a run without a process as interrupted; here it is known how it ended.
                if run.status.active or run.status is Status.INTERRUPTED:
                    if ended.again and attempt < MOST_ATTEMPTS:
                        words = (
                            f"The training {ended.how} after step {run.step:,}; it goes on from its last checkpoint."
                        )
                        if run.sweep:  # its driver tells it to start again, together with those that are level
                            self.store.writer.set_status(run_id, attempt, Status.QUEUED, words)
                        else:
                            again = self.store.enqueue(run_id, this_process(), words, after=attempt)
                            first = Command(Action.PAUSE) if run.status is Status.PAUSED else None
                            self.waiting.appendleft((Job(run_id, {run_id: again}), first))
                    else:
                        words = f"Its process {ended.how}. What it had recorded is kept; it can be resumed."
                        self.store.writer.set_status(run_id, attempt, Status.INTERRUPTED, words)
        self.driver.ended(job, killed=not ended.again)

    def _close(self) -> None:
        self.driver.close()
        for job, _ in self.waiting:
            self._interrupt(job, "The server was stopped while it waited.")
        for _, place in self.jobs.values():
            place.send(Command(Action.SHUTDOWN))
        deadline = time.monotonic() + SHUTDOWN_SECONDS
        while self.jobs and (left := deadline - time.monotonic()) > 0:
            with suppress(queue.Empty):
                what, name, _ = self.inbox.get(timeout=left)
                if what == "ended":
                    self.jobs.pop(name)
        for job, place in self.jobs.values():
            place.kill()
            self._interrupt(job, SHUT_DOWN)
        self.backend.close()

    def _interrupt(self, job: Job, reason: str) -> None:
        for run_id, attempt in job.runs.items():
            with suppress(RunGone):
                self.store.writer.set_status(run_id, attempt, Status.INTERRUPTED, reason)
