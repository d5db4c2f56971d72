"""Getting data in the background: once at a time, with progress, and never without a word."""

from __future__ import annotations

import threading

import pytest

from nnviz.data import download
from nnviz.data.datasets import DataError, Progress
from nnviz.data.download import Preparation
from tests.waiting import LIMIT_S, wait_until


class Stub:
    """A data set whose getting waits to be let go, and then fails with `error` if there is one."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.started, self.go_on, self.times = threading.Event(), threading.Event(), 0

    def prepare(self, progress: Progress) -> None:
        self.times += 1
        progress(0.5, "Half of it")
        self.started.set()
        assert self.go_on.wait(LIMIT_S)
        if self.error:
            raise self.error


@pytest.fixture
def stubs(monkeypatch: pytest.MonkeyPatch) -> dict[str, Stub]:
    stubs = {"a": Stub(), "b": Stub()}
    monkeypatch.setattr(download, "DATASETS", stubs)
    return stubs


def test_nothing_is_said_before_the_start() -> None:
    assert Preparation().progress("mnist") == download.Progress()


def test_it_runs_once_and_reports(stubs: dict[str, Stub]) -> None:
    one = Preparation()
    for _ in range(3):  # as many pages may ask
        one.start("a")
    assert stubs["a"].started.wait(LIMIT_S)
    assert one.progress("a") == download.Progress(0.5, "Half of it", running=True)
    one.start("a")
    stubs["a"].go_on.set()
    wait_until(lambda: not one.progress("a").running)
    assert one.progress("a") == download.Progress(1.0, "Ready.")
    assert stubs["a"].times == 1


def test_two_sets_are_got_side_by_side(stubs: dict[str, Stub]) -> None:
    one = Preparation()
    one.start("a")
    one.start("b")
    for stub in stubs.values():
        assert stub.started.wait(LIMIT_S)  # neither has been let go
    stubs["b"].go_on.set()
    wait_until(lambda: not one.progress("b").running)
    assert one.progress("a").running
    stubs["a"].go_on.set()
    wait_until(lambda: not one.progress("a").running)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (DataError("the file is damaged; get it again"), "the file is damaged; get it again"),
        (ZeroDivisionError("unforeseen"), "ZeroDivisionError: unforeseen"),
    ],
)
def test_a_failure_is_said_and_a_new_start_tries_again(error: Exception, words: str, stubs: dict[str, Stub]) -> None:
    one, stub = Preparation(), stubs["a"]
    stub.error = error
    stub.go_on.set()
    one.start("a")
    wait_until(lambda: not one.progress("a").running)
    assert one.progress("a").problem == words

    stub.error = None
    one.start("a")
    wait_until(lambda: not one.progress("a").running)
    assert one.progress("a") == download.Progress(1.0, "Ready.")
    assert stub.times == 2
