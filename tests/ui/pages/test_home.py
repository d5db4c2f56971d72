"""The home page without a browser: the way to the first trained net."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from nnviz.data.datasets import DATASETS, OFFLINE, Dataset
from nnviz.data.download import Preparation, Progress
from nnviz.executor.choice import Choice
from nnviz.spec.network import NetworkSpec
from nnviz.spec.train_config import TrainConfig
from nnviz.store.run import Status
from nnviz.store.runs import RunStore
from nnviz.ui import services
from nnviz.ui.format import plain
from nnviz.ui.pages.home import SHOWN
from tests.pages import click, keys, open_page, parameter, words


@pytest.fixture
def store(app_runs: Path, images_at_hand: None) -> Iterator[RunStore]:
    """The store that the page reads, empty again afterwards."""
    store = RunStore(app_runs)
    yield store
    for run in store.runs():
        store.delete(run.id)
    store.close()


def test_it_says_what_this_is_and_what_to_press(store: RunStore) -> None:
    at = open_page()
    assert at.title[0].value == "See a neural network learn"
    assert {"first-run", "go-to-build"} <= keys(at)
    assert "going on this server now" not in words(at)
    assert "PyTorch" in words(at, "caption")
    places = [link.proto.label for link in at.get("page_link")[-4:]]
    assert places == ["Open the builder", "Open the training", "Look inside a net", "Compare trainings"]


def test_it_says_where_trainings_run(store: RunStore) -> None:
    open_page()
    Choice(where="Ray cluster at head:6379: 2 nodes, 4 cores").save(store.root)
    at = open_page()
    assert "Trainings run on the Ray cluster" in words(at, "caption")
    Choice(problem="Trainings run on this machine: nobody answers at head:6379.").save(store.root)
    at = open_page()
    assert "nobody answers" in at.warning[0].value
    Choice().save(store.root)


@pytest.mark.usefixtures("mnist_root")
def test_one_click_trains_the_classic_net_and_shows_it(store: RunStore) -> None:
    at = click(open_page(), "first-run")
    (run,) = store.runs()
    assert (run.network, run.config) == (NetworkSpec(), TrainConfig())
    assert f"## {plain(run.name)}" in [element.value for element in at.markdown]
    assert parameter(at, "run") == run.id
    services.executor().delete(store.run(run.id))


def test_the_runs_that_are_going_can_be_watched(store: RunStore) -> None:
    for status in (Status.RUNNING, Status.PAUSED, Status.QUEUED, Status.STOPPED):
        run = store.create(NetworkSpec(), TrainConfig(), name=f"*{status}*")
        store.writer.set_status(run.id, store.run(run.id).attempt, status)
    at = open_page()
    assert "3 runs are going on this server now" in words(at)
    labels = {button.label.replace("\\", "") for button in at.button if (button.key or "").startswith("watch-")}
    assert labels == {"*running* · starting", "*paused* · paused", "*queued* · waiting"}
    running = next(run for run in store.runs() if run.status is Status.RUNNING)
    click(at, f"watch-{running.id}")
    assert parameter(at, "run") == running.id
    assert "control-pause" in keys(at)


def test_a_whole_class_does_not_fill_the_page(store: RunStore) -> None:
    for _ in range(SHOWN + 2):
        store.create(NetworkSpec(), TrainConfig())
    at = open_page()
    assert sum(key.startswith("watch-") for key in keys(at)) == SHOWN
    assert "2 more are listed on the Train page." in words(at)


def test_without_mnist_it_names_what_is_used(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    present = {OFFLINE}
    monkeypatch.setattr(Dataset, "available", lambda self, root=None: self.name in present)
    monkeypatch.setattr(Dataset, "problem", lambda self, root=None: None)
    monkeypatch.setattr(Preparation, "start", lambda self, name: None)
    monkeypatch.setattr(Preparation, "progress", lambda self, name: Progress(problem="There is no network."))
    at = open_page()
    assert words(at, "warning") == "There is no network."
    assert not at.button(key="first-run").disabled
    assert f"Data: {DATASETS[OFFLINE].title}: {DATASETS[OFFLINE].origin}." in words(at, "caption")
    present.clear()
    at = open_page()
    assert at.button(key="first-run").disabled
    assert "No data yet" in words(at, "caption")


def test_a_variable_that_cannot_be_is_said_and_nothing_is_started(
    store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NNVIZ_SLOTS", "many")
    monkeypatch.setattr(services, "executor", lambda: pytest.fail("the supervisor would end in silence"))
    at = open_page()
    assert [error.value.replace("\\", "") for error in at.error] == [
        "NNVIZ_SLOTS must be a whole number from 1 to 1,000, not 'many'."
    ]
    assert not at.button
