"""Drives sweeps: which points come next, which of them train together, which are pruned, when it is over.

It remembers nothing that matters: what a sweep has done is read off its runs, so a restart loses nothing.
"""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from nnviz.fields import SpecError
from nnviz.process import this_process
from nnviz.store.run import Run, RunGone, Status
from nnviz.store.runs import RunStore
from nnviz.sweep.analysis import by_point
from nnviz.sweep.spec import Result, SweepSpec, prune_now, suggest
from nnviz.sweep.store import Member, Sweep, SweepGone, SweepStore
from nnviz.train.checkpoint import CheckpointError
from nnviz.train.commands import Action, Command, Job
from nnviz.train.ensemble import ensemble_count, ensemble_key, why_not

LOOK_EVERY = 0.5
"""Seconds between two looks at the runs of a sweep."""

MOST_FAILURES = 3
"""Times that a run's process may be killed before the sweep goes on without it."""

WAITS = "It waits for its sweep to go on."

ADAPTIVE_AT_ONCE = 4
"""Ensembles or runs per core that an adaptive sweep asks for before it has seen how they did."""


@dataclass
class _Going:
    """A sweep that is being worked on."""

    id: str
    spec: SweepSpec
    jobs: set[str] = field(default_factory=set)
    """Given to the supervisor and not over."""
    runs: dict[str, str] = field(default_factory=dict)
    """Run → the job it is in."""
    told: set[str] = field(default_factory=set)
    """Runs that were told to end."""
    failures: Counter[str] = field(default_factory=Counter)
    """How often the process of a run was killed."""
    since: float = field(default_factory=time.monotonic)


class SweepDriver:
    """Of all sweeps of a store, in the supervisor's process and thread."""

    def __init__(
        self,
        store: RunStore,
        cores: Callable[[], int],
        submit: Callable[[Job], None],
        control: Callable[[str, Command], None],
    ) -> None:
        self.store, self.sweeps = store, SweepStore(store)
        self._cores, self._submit, self._control = cores, submit, control
        self._going: dict[str, _Going] = {}
        self._numbers = 0
        self._others = False
        """Whether another process drives a sweep: one that is ending may leave it to this one."""

    @property
    def busy(self) -> bool:
        return bool(self._going) or self._others

    def drives(self, job: Job) -> bool:
        """Whether a sweep that is going on asked for this job."""
        return any(job.id in going.jobs for going in self._going.values())

    def take_up(self) -> None:
        """Go on with the sweeps that a server before this one was working on."""
        self._others = False
        for sweep in self.sweeps.sweeps():
            if sweep.status is Status.INTERRUPTED:
                self._begin(sweep.id)
            elif sweep.status is Status.RUNNING and sweep.id not in self._going:
                self._others = True

    def obey(self, sweep_id: str, command: Command) -> None:
        """`resume` starts a sweep or goes on with it, `pause` and `stop` end its work; both can be resumed from."""
        with suppress(SweepGone):
            if command.action is Action.RESUME:
                self._begin(sweep_id)
            elif command.action is Action.PAUSE:
                self._end(sweep_id, Status.PAUSED, "")
            elif command.action is Action.STOP:
                self._end(sweep_id, Status.STOPPED, "Stopped by hand.")

    def look(self) -> None:
        """See how far the sweeps are, and give them more to do."""
        if self._others:
            self.take_up()
        for going in list(self._going.values()):
            self._attend(going)

    def ended(self, job: Job, killed: bool) -> None:
        """A job of the supervisor is over."""
        for going in self._going.values():
            if job.id in going.jobs and killed:
                going.failures.update(list(job.runs))  # of a dict it would count the values
            going.jobs.discard(job.id)
            going.runs = {run: name for run, name in going.runs.items() if name != job.id}

    def close(self) -> None:
        """The server ends: what is going on is taken up by the next one."""
        for going in self._going.values():
            with suppress(SweepGone):
                self._add_time(going)

    # ------------------------------------------------------------------ one sweep

    def _begin(self, sweep_id: str) -> None:
        if sweep_id in self._going:
            return
        sweep = self.sweeps.take_over(sweep_id)
        self._going[sweep_id] = _Going(sweep_id, sweep.spec)
        self._attend(self._going[sweep_id])

    def _attend(self, going: _Going) -> None:
        """Work on a sweep. Whatever is wrong with it, the supervisor and its other trainings go on."""
        try:
            self._work(going)
        except SweepGone:
            self._forget(going)
        except (RunGone, OSError, sqlite3.OperationalError):
            pass  # a run deleted under us, a full disk: the next look finds it otherwise, or waits until it does
        except (SpecError, CheckpointError) as error:
            with suppress(SweepGone):
                self._end(going.id, Status.FAILED, f"The sweep can't go on: {error}.")

    def _end(self, sweep_id: str, status: Status, reason: str) -> None:
        going = self._going.get(sweep_id)
        if going is None:
            if not self.sweeps.sweep(sweep_id).status.active:
                return
            self.sweeps.update(sweep_id, status=status, reason=reason)
            return
        self._add_time(going)
        for run in {job: run for run, job in going.runs.items()}.values():
            self._control(run, Command(Action.SHUTDOWN, "Its sweep goes on with it when it is resumed."))
        for member in self.sweeps.members(sweep_id):
            if member.status is Status.QUEUED:
                self._control(member.run, Command(Action.LEAVE))
                if member.run not in going.runs:  # its turn had not come yet
                    with suppress(RunGone):
                        self.store.writer.set_status(member.run, member.attempt, Status.INTERRUPTED, WAITS)
        self.sweeps.update(sweep_id, status=status, reason=reason)
        del self._going[sweep_id]

    def _forget(self, going: _Going) -> None:
        """It was deleted under us: end what is still trained for it."""
        for run in going.runs:
            self._control(run, Command(Action.KILL))
        self._going.pop(going.id, None)

    def _work(self, going: _Going) -> None:
        sweep = self.sweeps.sweep(going.id)
        self._add_time(going)
        members = self.sweeps.members(going.id)
        if sweep.spec.minutes and sweep.seconds > 60 * sweep.spec.minutes:
            words = f"Its time budget of {sweep.spec.minutes:g} min is used up."
            self._end(going.id, Status.FINISHED, words)
            return
        if sweep.spec.prune:
            self._prune(going, members)
        room, open_ = self._room(going), self._open(going, members)
        if room > 0 and not open_:
            self._ask(going, sweep, members)
            open_ = self._open(going, self.sweeps.members(going.id))
        if room > 0 and open_:
            self._launch(going, sweep, open_, room)
        if not open_ and not going.jobs and all(member.status.over for member in self.sweeps.members(going.id)):
            self._end(going.id, Status.FINISHED, "")

    def _open(self, going: _Going, members: list[Member]) -> list[Member]:
        """Those that are to be begun, or begun again."""
        found = []
        for member in members:
            if member.status.over or member.run in going.runs:
                continue
            if member.status in (Status.RUNNING, Status.PAUSED):
                continue  # a process that was told to end, perhaps by another server, is still saving it
            if going.failures[member.run] < MOST_FAILURES:
                found.append(member)
            else:
                words = f"Its process was killed {MOST_FAILURES} times; the sweep went on without it."
                with suppress(RunGone):
                    self.store.writer.set_status(member.run, member.attempt, Status.FAILED, words)
        return found

    def _room(self, going: _Going) -> int:
        """How many more jobs may be begun: the sweeps share the cores; people's trainings come on top of them."""
        share = max(1, self._cores() // len(self._going))
        return share - len(going.jobs)

    def _ask(self, going: _Going, sweep: Sweep, members: list[Member]) -> None:
        """Make the runs of the next points: all there are, unless what comes next depends on how these do."""
        spec = sweep.spec
        found = results(spec, self.sweeps.points(going.id), members)
        if spec.method != "tpe":
            count = spec.points
        elif going.jobs:
            return  # the generation before is not over
        else:
            count = max(1, ADAPTIVE_AT_ONCE * self._cores() // spec.seeds)
        self.sweeps.add_points(going.id, suggest(spec, found, count))

    def _launch(self, going: _Going, sweep: Sweep, members: list[Member], room: int) -> None:
        """Begin up to `room` jobs: ensembles of what can train together, runs of their own otherwise."""
        runs = {member.run: self.store.run(member.run) for member in members}
        groups: dict[object, list[str]] = {}
        for run in runs.values():
            groups.setdefault(self._kind(run), []).append(run.id)
        batches: list[list[str]] = []
        for group in groups.values():
            first = runs[group[0]]
            ensembles = ensemble_count(first.network, first.config, len(group), self._cores(), len(going.jobs))
            batches += [group[place::ensembles] for place in range(ensembles)]
        if not sweep.strategy or max(map(len, batches)) > 1:  # what is left over at the end may be one
            self.sweeps.update(going.id, strategy=strategy(going.spec, batches))
        for batch in batches[:room]:
            self._numbers += 1
            job = Job(batch[0] if len(batch) == 1 else f"ensemble-{going.id}-{self._numbers}", {})
            for run_id in batch:
                run = runs[run_id]  # one that lost its machine waits with that as its reason
                reason = run.reason if run.status is Status.QUEUED else ""
                job.runs[run_id] = self.store.enqueue(run_id, this_process(), reason)
                going.runs[run_id] = job.id
            going.jobs.add(job.id)
            self._submit(job)

    def _kind(self, run: Run) -> object:
        """Equal for runs that can go in step: of one shape and at the same place."""
        if why_not(run.network, run.config):
            return run.id
        try:
            at = self.store.checkpoints.load(run.id).position[:4] if self.store.checkpoints.steps(run.id) else None
        except CheckpointError:
            return run.id  # alone, it will say what is wrong with it
        return ensemble_key(run.network, run.config), at

    def _prune(self, going: _Going, members: list[Member]) -> None:
        running = [member for member in members if member.status is Status.RUNNING and member.run not in going.told]
        found = results(going.spec, self.sweeps.points(going.id), members)
        poor = prune_now(going.spec, found).intersection(member.point for member in running)
        for member in running:
            if member.point in poor:
                going.told.add(member.run)
                self._control(member.run, Command(Action.PRUNE))

    def _add_time(self, going: _Going) -> None:
        now = time.monotonic()
        self.sweeps.add_seconds(going.id, now - going.since)
        going.since = now


def results(spec: SweepSpec, points: dict[int, dict[str, object]], members: list[Member]) -> list[Result]:
    """What is known of each point, for choosing the next ones."""
    of_point = by_point(members)
    found = []
    for point, values in points.items():
        mine = of_point.get(point, [])
        done = min((len(member.epochs) for member in mine), default=0)
        scores = tuple(sum(member.epochs[epoch][0] or 0.0 for member in mine) / len(mine) for epoch in range(done))
        diverged = any(member.status is Status.DIVERGED for member in mine)
        found.append(Result(point, values, scores, all(member.status.over for member in mine), diverged))
    return found


def strategy(spec: SweepSpec, batches: list[list[str]]) -> str:
    """How the runs are trained, and why so, as a sentence."""
    largest = max(map(len, batches), default=1)
    if largest > 1:
        return (
            f"Up to {largest} nets train at once as one stacked batch, one ensemble per core. Their numbers are those"
            " of trainings one by one within rounding, not bit for bit."
        )
    reason = why_not(spec.network, spec.config)
    because = f": {reason}" if reason else ", for no two of them have the same shape, batch size and seed"
    return f"Each point trains in a process of its own{because}."
