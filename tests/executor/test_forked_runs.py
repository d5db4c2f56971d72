"""Forked runs and their checkpoints on the Train page: where they come from, and what checkpoints take on the disk."""

from __future__ import annotations

import numpy as np
import pytest

from nnviz.charts.curves import curves_info
from nnviz.executor.recorder import train_run
from nnviz.spec.layers.dense import Dense
from nnviz.spec.network import NetworkSpec
from nnviz.spec.train_config import TrainConfig
from nnviz.store.history import Curve
from nnviz.store.run import Run
from nnviz.store.runs import RunStore
from nnviz.train.checkpoint import Checkpoint, Position
from nnviz.train.events import Batch, Change
from nnviz.ui.pages.train.recipe import checkpoint_words
from nnviz.ui.pages.train.run_list import families, rows
from tests.pages import open_page, rerun, words

TRAIN = "pages/2_Train.py"
NETWORK = NetworkSpec((Dense(8),))
CONFIG = TrainConfig(per_class=4, epochs=2, batch_size=10)


def trained(store: RunStore, run: Run) -> Run:
    train_run(store, run.id)
    return store.run(run.id)


@pytest.fixture
def parent(store: RunStore) -> Run:
    return trained(store, store.create(NETWORK, CONFIG, name="*parent*"))


@pytest.fixture
def child(store: RunStore, parent: Run) -> Run:
    return trained(store, store.fork(parent.id, 2, CONFIG.with_(lr=0.05), name="child"))


def test_the_heading_says_where_it_comes_from(store: RunStore, parent: Run, child: Run) -> None:
    at = open_page(TRAIN, run=child.id)
    assert "from step 2 of *parent*" in words(at, "caption")
    assert r"\*parent\*" in "".join(caption.value for caption in at.caption)
    assert "from step" not in words(open_page(TRAIN, run=parent.id), "caption")
    store.delete(parent.id)
    assert "from step 2 of a run that was deleted since" in words(rerun(at), "caption")


@pytest.mark.parametrize("step", [1, 2, 5, 7])
def test_a_fork_that_has_not_begun_has_the_curve_up_to_there(store: RunStore, step: int) -> None:
    """However its run wrote its steps down: in one piece or in several, of which some come after the fork."""
    run = store.create(NETWORK, CONFIG)
    for first, last in ((1, 2), (3, 5), (6, 9)):
        steps = [Batch(one, float(one), 0.5, 0.1, 10) for one in range(first, last + 1)]
        store.writer.add_batches(run.id, 0, steps, seconds=1, steps=20, speed=1)
    Checkpoint(Position(step=step), {}).save(store.checkpoints.path(run.id, step))
    child = store.fork(run.id, step, CONFIG)
    assert store.history.curve(child.id).loss.tolist() == [float(one) for one in range(1, step + 1)]


def test_the_curves_are_marked_at_the_fork() -> None:
    curve = Curve(np.arange(1, 6), *np.ones((3, 5), np.float32))
    changes = [Change(4, "lr", 0.1, 0.2)]
    assert curves_info(curve, [], changes, forked=3).marks == ((3, "forked here"), (4, "learning rate 0.1 → 0.2"))
    assert len(curves_info(curve, [], changes).marks) == 1


def test_the_page_draws_that_mark(store: RunStore, parent: Run, child: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = {}
    monkeypatch.setattr("nnviz.ui.pages.train.live.plot", lambda figure, key, **_: drawn.setdefault(key, figure))
    open_page(TRAIN, run=child.id)
    assert [note.text for note in drawn["curves-plot"].layout.annotations] == ["forked here"]
    assert drawn["curves-plot"].layout.shapes[0].x0 == 2
    drawn.clear()
    open_page(TRAIN, run=parent.id)
    assert not drawn["curves-plot"].layout.annotations


def test_forks_stand_below_their_parents(store: RunStore, parent: Run, child: Run) -> None:
    alone = store.create(NETWORK, CONFIG, name="alone")
    grandchild = store.fork(child.id, 4, CONFIG, name="grandchild")
    runs = store.runs()
    assert [(depth, run.id) for depth, run in families(runs)] == [
        (0, parent.id),
        (1, child.id),
        (2, grandchild.id),
        (0, alone.id),
    ]
    assert [row.cells[0].text for row in rows(runs)] == ["*parent*", "└ child", "\u2003└ grandchild", "alone"]
    store.delete(child.id)
    newest_first = [(0, grandchild.id), (0, alone.id), (0, parent.id)]
    assert [(depth, run.id) for depth, run in families(store.runs())] == newest_first
    assert rows([]) == []


@pytest.mark.parametrize(
    ("network", "config", "words"),
    [
        # Each weight and its momentum, four bytes each.
        (NetworkSpec(), TrainConfig(), "Each checkpoint takes 814 kB; 30 of them 24.4 MB."),
        (NetworkSpec(()), TrainConfig(checkpoints=2), "Each checkpoint takes 62.8 kB; 2 of them 126 kB."),
    ],
)
def test_what_checkpoints_take_on_the_disk(network: NetworkSpec, config: TrainConfig, words: str) -> None:
    assert checkpoint_words(network, config) == words


def test_the_form_has_their_number_and_says_what_they_take(store: RunStore) -> None:
    at = open_page(TRAIN)
    assert "30 of them 24.4 MB" in words(at, "caption")
    at.text_input(key="recipe-checkpoints").set_value("100")
    assert "100 of them 81.4 MB" in words(rerun(at), "caption")
    assert at.query_params["checkpoints"] in ("100", ["100"])
