"""Which test image comes next."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from nnviz.data.datasets import Loaded, to_input
from nnviz.spec.network import NetworkSpec
from nnviz.spec.train_config import TrainConfig
from nnviz.store.run import Run, RunGone
from nnviz.store.runs import RunStore
from nnviz.ui.checkpoints import checkpoint_at
from nnviz.ui.live.images import pick
from nnviz.ui.live.pictures import Pictures
from nnviz.ui.live.wish import WishError
from tests.ui.live.trained import trained

pytestmark = pytest.mark.usefixtures("images_at_hand")

COUNT = 100


@pytest.fixture
def run(store: RunStore) -> Run:
    """Trained so little that it makes mistakes."""
    return trained(store, NetworkSpec(()), TrainConfig(per_class=2, epochs=1, batch_size=4, lr=1e-4))


@pytest.fixture
def pictures(store: RunStore) -> Pictures:
    return Pictures(store)


def asked(run: Run | None, how: str, **more: object) -> dict[str, Any]:
    return {"how": how, "wish": {"run": run.id if run else None}, **more}


def wrong(store: RunStore, run: Run, data: Loaded, step: int) -> list[int]:
    """Mistakes by plain PyTorch, the surest first."""
    with torch.inference_mode():
        shares = checkpoint_at(store, run, step).model(to_input(data.test.images, data.dataset)).softmax(1)
    sure, answers = shares.max(1)
    found = (answers != data.test.labels).nonzero().flatten().tolist()
    return sorted(found, key=lambda index: -float(sure[index]))


@pytest.mark.parametrize(("after", "following"), [(0, 1), (98, 99), (99, 0), (100, 0), (1_000_000, 0)])
def test_the_next_one_and_after_the_last_the_first(run: Run, pictures: Pictures, after: int, following: int) -> None:
    assert pick(pictures, asked(run, "next", after=after)) == following
    assert pick(pictures, asked(run, "next", after=after, digit=-1)) == following


@pytest.mark.parametrize(("after", "following"), [(0, 4), (4, 14), (90, 94), (94, 4), (99, 4)])
def test_the_next_one_of_a_digit(run: Run, pictures: Pictures, blobs: Loaded, after: int, following: int) -> None:
    assert int(blobs.test.labels[following]) == 4
    assert pick(pictures, asked(run, "next", digit=4, after=after)) == following


def test_a_random_one(run: Run, pictures: Pictures) -> None:
    assert len({pick(pictures, asked(run, "random")) for _ in range(30)}) > 5
    found = {pick(pictures, asked(run, "random", digit=7)) for _ in range(30)}
    assert len(found) > 2
    assert all(image % 10 == 7 for image in found)
    assert found <= set(range(COUNT))


def test_mistakes_come_in_their_order_the_surest_first(
    run: Run, pictures: Pictures, store: RunStore, blobs: Loaded
) -> None:
    mistakes = wrong(store, run, blobs, run.step)
    assert 2 < len(mistakes) < COUNT
    seen = [mistakes[0]]
    for _ in mistakes:
        seen.append(pick(pictures, asked(run, "mistake", after=seen[-1])))
    assert seen == [*mistakes, mistakes[0]]
    right = set(range(COUNT)) - set(mistakes)
    assert {pick(pictures, asked(run, "mistake", after=image)) for image in right} == {mistakes[0]}


def test_a_mistake_of_a_digit_and_of_a_kept_step(run: Run, pictures: Pictures, store: RunStore, blobs: Loaded) -> None:
    of_then = wrong(store, run, blobs, 1)
    assert of_then != wrong(store, run, blobs, run.step)
    digit = int(blobs.test.labels[of_then[0]])
    question = {"how": "mistake", "digit": digit, "wish": {"run": run.id, "step": 1}}
    mine = [image for image in of_then if image % 10 == digit]
    assert pick(pictures, {**question, "after": mine[0]}) == mine[1 % len(mine)]


def test_where_there_is_no_mistake_the_present_one_stays(
    run: Run, pictures: Pictures, store: RunStore, blobs: Loaded
) -> None:
    state = store.checkpoints.load(run.id)
    rows = to_input(blobs.train.images[:10], blobs.dataset).flatten(1)
    state.model["output.weight"].copy_(rows - rows.mean(0))  # each class's own square
    other = store.create(run.network, run.config)
    store.present.put(other.id, state)
    assert pick(pictures, asked(other, "mistake", after=37)) == 37
    assert pick(pictures, asked(other, "next", after=37)) == 38


def test_an_untrained_net_makes_mistakes_too(store: RunStore, pictures: Pictures) -> None:
    assert pick(pictures, asked(None, "mistake")) in range(COUNT)


@pytest.mark.parametrize(
    "question",
    [
        None,
        [],
        "next",
        {},
        {"how": "previous"},
        {"how": ["next"]},
        {"how": "next"},
        {"how": "next", "wish": {"image": -1}},
        {"how": "next", "wish": {}, "digit": 10},
        {"how": "next", "wish": {}, "digit": -2},
        {"how": "next", "wish": {}, "digit": "4"},
        {"how": "next", "wish": {}, "digit": None},
        {"how": "next", "wish": {}, "after": "4"},
        {"how": "next", "wish": {}, "after": 0.5},
        {"how": "next", "wish": {}, "after": 10**400},
    ],
)
def test_what_can_not_be_asked_for_is_said(store: RunStore, pictures: Pictures, question: object) -> None:
    with pytest.raises(WishError):
        pick(pictures, question)


def test_of_a_deleted_run_there_is_none(run: Run, pictures: Pictures, store: RunStore) -> None:
    store.delete(run.id)
    with pytest.raises(RunGone):
        pick(pictures, asked(run, "next"))
