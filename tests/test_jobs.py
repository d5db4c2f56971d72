"""Background computations: one at a time, told as they go, given up on request."""

from __future__ import annotations

import threading

import pytest

from nnviz.jobs import Job, Jobs, Report, State
from tests.waiting import LIMIT_S


class Gate:
    """Work that begins, then waits to be let through."""

    def __init__(self, result: str = "made") -> None:
        self.begun, self.open = threading.Event(), threading.Event()
        self.result = result

    def __call__(self, report: Report) -> str:
        report(0.25)
        self.begun.set()
        assert self.open.wait(LIMIT_S)
        report(0.75)
        return self.result


def test_a_job_is_done_once_and_its_result_kept() -> None:
    jobs: Jobs[int] = Jobs()
    calls = []

    def work(report: Report) -> int:
        calls.append(threading.current_thread())
        return 42

    assert jobs.look("a") is None
    assert jobs.start("a", work)
    assert jobs.wait("a", LIMIT_S) == Job(State.DONE, 1.0, 42)
    assert jobs.start("a", work)
    assert jobs.look("a") == Job(State.DONE, 1.0, 42)
    assert len(calls) == 1
    assert calls[0] is not threading.current_thread()


def test_one_runs_while_the_others_wait_their_turn() -> None:
    jobs: Jobs[str] = Jobs(waiting=2)
    gates = {name: Gate(name) for name in "abc"}
    for name, gate in gates.items():
        assert jobs.start(name, gate)
        assert gates["a"].begun.wait(LIMIT_S)
    assert [jobs.look(name) for name in "abc"] == [Job(State.RUNNING, 0.25), Job(State.WAITING), Job(State.WAITING)]
    assert [jobs.ahead(name) for name in "abc"] == [0, 1, 2]
    assert not jobs.start("d", gates["a"])  # two wait already
    assert jobs.look("d") is None
    assert not gates["b"].begun.is_set()
    for gate in gates.values():
        gate.open.set()
    assert [jobs.wait(name, LIMIT_S) for name in "abc"] == [Job(State.DONE, 1.0, name) for name in "abc"]


def test_what_runs_is_given_up_at_its_next_report_and_may_be_started_again() -> None:
    jobs: Jobs[str] = Jobs()
    gate = Gate()
    jobs.start("a", gate)
    assert gate.begun.wait(LIMIT_S)
    jobs.cancel("a")
    gate.open.set()
    job = jobs.wait("a", LIMIT_S)
    assert job is not None
    assert (job.state, job.result) == (State.CANCELLED, None)
    assert jobs.start("a", gate)
    assert jobs.wait("a", LIMIT_S) == Job(State.DONE, 1.0, "made")


def test_what_waits_is_given_up_at_once_and_never_begins() -> None:
    jobs: Jobs[str] = Jobs()
    first, second, third = Gate(), Gate(), Gate()
    for name, gate in (("a", first), ("b", second), ("c", third)):
        jobs.start(name, gate)
    jobs.cancel("b")
    assert jobs.look("b") == Job(State.CANCELLED)
    for gate in (first, second, third):
        gate.open.set()
    assert jobs.wait("c", LIMIT_S) == Job(State.DONE, 1.0, "made")
    assert not second.begun.is_set()


def test_closing_gives_up_everything() -> None:
    jobs: Jobs[str] = Jobs()
    gate = Gate()
    jobs.start("a", gate)
    jobs.start("b", gate)
    assert gate.begun.wait(LIMIT_S)
    jobs.close()
    gate.open.set()
    for name in "ab":
        job = jobs.wait(name, LIMIT_S)
        assert job is not None
        assert job.state is State.CANCELLED


@pytest.mark.parametrize(
    ("error", "words"),
    [(ValueError("the numbers are bad"), "the numbers are bad"), (ZeroDivisionError(), "ZeroDivisionError")],
)
def test_a_failure_is_told_and_the_next_job_is_done(error: Exception, words: str) -> None:
    jobs: Jobs[int] = Jobs()

    def work(report: Report) -> int:
        raise error

    jobs.start("a", work)
    jobs.start("b", lambda report: 1)
    assert jobs.wait("a", LIMIT_S) == Job(State.FAILED, problem=words)
    assert jobs.wait("b", LIMIT_S) == Job(State.DONE, 1.0, 1)


def test_the_share_never_falls() -> None:
    jobs: Jobs[list[float]] = Jobs()

    def work(report: Report) -> list[float]:
        seen = []
        for share in (0.1, 0.5, 0.3, 2.0):
            report(share)
            job = jobs.look("a")
            assert job is not None
            seen.append(job.share)
        return seen

    jobs.start("a", work)
    job = jobs.wait("a", LIMIT_S)
    assert job is not None
    assert job.result == [0.1, 0.5, 0.5, 1.0]


def test_old_results_are_forgotten() -> None:
    jobs: Jobs[int] = Jobs(kept=3)
    for number in range(5):
        jobs.start(number, lambda report, number=number: number)  # type: ignore[misc]
        jobs.wait(number, LIMIT_S)
    assert [number for number in range(5) if jobs.look(number)] == [2, 3, 4]
