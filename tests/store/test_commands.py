"""Commands that go through the store reach the present attempt of their run, once and in order."""

from __future__ import annotations

from pathlib import Path

import pytest

from nnviz.spec.network import NetworkSpec
from nnviz.spec.train_config import TrainConfig
from nnviz.store.run import RunGone
from nnviz.store.runs import RunStore
from nnviz.train.commands import Action, Command


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore(tmp_path / "runs")


def test_they_arrive_once_in_order_and_whole(store: RunStore) -> None:
    run, other = (store.create(NetworkSpec(), TrainConfig()).id for _ in range(2))
    store.commands.post(run, Command(Action.SET, "lr", 0.05))
    store.commands.post(other, Command(Action.STOP))
    store.commands.post(run, Command(Action.PAUSE))
    assert [one.action for one in store.commands.waiting(run)] == [Action.SET, Action.PAUSE]
    asked = [Command(Action.SET, "lr", 0.05, run), Command(Action.PAUSE, run=run)]
    assert store.commands.take([run]) == asked
    assert store.commands.take([run]) == []
    assert store.commands.waiting(run) == []
    assert store.commands.take([run, other]) == [Command(Action.STOP, run=other)]
    assert store.commands.take([]) == []


def test_a_later_attempt_never_hears_of_them(store: RunStore) -> None:
    run = store.create(NetworkSpec(), TrainConfig()).id
    store.commands.post(run, Command(Action.STOP))
    store.enqueue(run, "")
    assert store.commands.waiting(run) == []
    assert store.commands.take([run]) == []
    store.commands.post(run, Command(Action.PAUSE))
    assert store.commands.take([run]) == [Command(Action.PAUSE, run=run)]


def test_of_a_run_that_is_gone_nothing_is_asked(store: RunStore) -> None:
    run = store.create(NetworkSpec(), TrainConfig()).id
    store.commands.post(run, Command(Action.STOP))
    store.delete(run)
    assert store.commands.take([run]) == []
    with pytest.raises(RunGone, match=run):
        store.commands.post(run, Command(Action.STOP))
