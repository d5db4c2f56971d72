"""The pictures that go to the browser: what they hold, and that each is made once."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from nnviz.analysis.checkpoint_view import CheckpointView
from nnviz.analysis.network_picture import Quantity, network_picture
from nnviz.analysis.unit_picture import unit_picture
from nnviz.data.datasets import Dataset, Loaded, to_input
from nnviz.data.drawing import Drawing, prepare, rasterise
from nnviz.spec.layers.dense import Dense
from nnviz.spec.network import NetworkSpec, build_model
from nnviz.spec.train_config import TrainConfig
from nnviz.spec.url import to_query
from nnviz.store.run import Run, RunGone, Status
from nnviz.store.runs import RunStore
from nnviz.train.checkpoint import Checkpoint, CheckpointError
from nnviz.train.events import Change
from nnviz.train.trainer import Trainer
from nnviz.ui.checkpoints import checkpoint_at
from nnviz.ui.live import pictures
from nnviz.ui.live.pictures import Pictures
from nnviz.ui.live.wish import Wish, WishError, wish_of
from tests.ui.components.test_network_view import opened
from tests.ui.live.trained import trained

pytestmark = pytest.mark.usefixtures("images_at_hand")

NETWORK = NetworkSpec((Dense(6), Dense(5, "tanh")))
CONFIG = TrainConfig(per_class=2, epochs=2, batch_size=4, lr=0.01)
SEVEN = {"strokes": [{"points": [[80, 70, 0], [200, 70, 200], [130, 220, 500]]}]}


@pytest.fixture
def run(store: RunStore) -> Run:
    """A finished one."""
    return trained(store, NETWORK, CONFIG)


@pytest.fixture
def made(store: RunStore) -> Pictures:
    return Pictures(store)


def states(data: Loaded) -> list[Checkpoint]:
    """After each of the first steps, as a training of NETWORK comes by them."""
    trainer, found = Trainer(NETWORK, CONFIG, data), list[Checkpoint]()
    found.append(trainer.checkpoint())
    for _ in trainer.run():
        found.append(trainer.checkpoint())
        if len(found) == 4:
            break
    return found


def header(made: Pictures, wish: Wish) -> dict[str, Any]:
    found = made.newer(wish, "")
    assert found is not None
    return opened(found.message)[0]


def wish(**parts: object) -> Wish:
    return wish_of(parts)


@pytest.mark.parametrize("quantity", Quantity)
def test_it_holds_what_is_worked_out_of_the_run(
    run: Run, made: Pictures, store: RunStore, blobs: Loaded, quantity: Quantity
) -> None:
    told = header(made, wish(run=run.id, quantity=quantity, image=13, unit=["dense2", 4]))
    view, inputs = checkpoint_at(store, run, run.step), to_input(blobs.test.images[13:14], blobs.dataset)
    picture, unit = network_picture(view, inputs, quantity, 3), unit_picture(view, inputs, "dense2", 4)
    assert picture is not None
    assert unit is not None
    assert (told["label"], told["title"], told["step"], told["epoch"]) == (3, "Test image 13: 3", run.step, 2)
    assert told["logits"] == pytest.approx(picture.logits.tolist(), rel=1e-5)
    assert told["loss"] == pytest.approx(picture.loss)
    for layer, wanted in zip(told["layers"], picture.layers, strict=True):
        assert layer["values"] == pytest.approx(wanted.values.tolist(), rel=1e-5)
    for links, strongest in zip(told["links"], picture.links, strict=True):
        assert links["value"] == pytest.approx(strongest.value.tolist(), rel=1e-5)
    assert told["unit"]["total"] == pytest.approx(unit.told.total, rel=1e-5)
    assert told["unit"]["terms"][0] == pytest.approx([*unit.told.terms[0][1:], unit.told.terms[0].product], rel=1e-5)


def test_the_bytes_are_the_image_the_layers_and_the_unit(run: Run, made: Pictures, blobs: Loaded) -> None:
    found = made.newer(wish(run=run.id, image=2, unit=["dense1", 1]), "")
    assert found is not None
    told, image, body = opened(found.message)
    faces = [math.prod(one["face"]) * len(one["units"]) for one in told["layers"] if "face" in one]
    of_unit = [math.prod(one["face"]) for one in told["unit"]["pictures"]]
    assert of_unit == [784, 784, 784]
    assert len(body) == sum(faces) + sum(of_unit)
    assert image == blobs.test.images[2, 0].numpy().tobytes()


def test_who_has_it_gets_it_not_again_and_others_get_the_same_bytes(run: Run, made: Pictures) -> None:
    first = made.newer(wish(run=run.id), "")
    assert first is not None
    assert made.newer(wish(run=run.id), first.token) is None
    again = made.newer(wish(run=run.id, setup={"net": "dense_3"}), "")
    assert again is not None
    assert again.message is first.message
    for other in (wish(run=run.id, image=1), wish(run=run.id, quantity="update"), wish(run=run.id, unit=["output", 1])):
        assert made.newer(other, first.token) is not None


def test_a_run_is_followed_through_its_states(made: Pictures, store: RunStore, blobs: Loaded) -> None:
    run, seen = store.create(NETWORK, CONFIG), ""
    wanted = wish(run=run.id)
    store.writer.set_status(run.id, run.attempt, Status.RUNNING)
    for state in states(blobs):
        store.present.put(run.id, state)
        found = made.newer(wanted, seen)
        assert found is not None
        told, _, _ = opened(found.message)
        assert told["step"] == state.position.step
        view = CheckpointView(NETWORK, CONFIG, state, blobs)
        picture = network_picture(view, to_input(blobs.test.images[:1], blobs.dataset), Quantity.WEIGHTS, 0)
        assert picture is not None
        assert told["logits"] == pytest.approx(picture.logits.tolist(), rel=1e-5)
        assert made.newer(wanted, found.token) is None
        seen = found.token
    assert store.present.is_watched(run.id)


def test_only_a_run_that_goes_on_is_asked_for_its_states(run: Run, made: Pictures, store: RunStore) -> None:
    made.newer(wish(run=run.id), "")
    assert not store.present.is_watched(run.id)


def test_a_kept_step_is_as_it_was(run: Run, made: Pictures, store: RunStore, blobs: Loaded) -> None:
    assert {0, 1} <= set(store.checkpoints.steps(run.id))
    assert run.step > 1
    told = header(made, wish(run=run.id, step=1))
    picture = network_picture(
        checkpoint_at(store, run, 1), to_input(blobs.test.images[:1], blobs.dataset), Quantity.WEIGHTS, 0
    )
    assert picture is not None
    assert told["step"] == 1
    assert told["logits"] == pytest.approx(picture.logits.tolist(), rel=1e-5)
    with pytest.raises(CheckpointError):
        made.newer(wish(run=run.id, step=run.step + 1), "")


def test_a_change_at_a_kept_step_makes_its_update_another(run: Run, made: Pictures, store: RunStore) -> None:
    wanted = wish(run=run.id, step=1, quantity="update")
    before = made.newer(wanted, "")
    assert before is not None
    store.writer.add_change(run.id, Change(1, "lr", 0.01, 0.5))
    after = made.newer(wanted, before.token)
    assert after is not None
    limits = [opened(one.message)[0]["layers"][0]["limit"] for one in (before, after)]
    assert limits[1] == pytest.approx(50 * limits[0], rel=1e-4)


@pytest.mark.parametrize("seed", [0, 7])
def test_the_net_of_a_link_is_the_untrained_one_of_its_seed(made: Pictures, blobs: Loaded, seed: int) -> None:
    query = to_query(NETWORK, CONFIG.with_(seed=seed))
    told = header(made, wish(setup=query, image=4))
    model = build_model(NETWORK, (1, 28, 28), 10, seed)
    with torch.inference_mode():
        logits = model.eval()(to_input(blobs.test.images[4:5], blobs.dataset))[0]
    assert told["logits"] == pytest.approx(logits.tolist(), rel=1e-4)
    assert (told["step"], told["label"]) == (0, 4)


def test_a_run_that_has_not_begun_is_shown_untrained(made: Pictures, store: RunStore) -> None:
    run = store.create(NETWORK, CONFIG)
    found, untrained = made.newer(wish(run=run.id), ""), header(made, wish(setup=to_query(NETWORK, CONFIG)))
    assert found is not None
    assert opened(found.message)[0]["logits"] == untrained["logits"]
    assert made.newer(wish(run=run.id), found.token) is None
    assert made.view(wish(run=run.id))[1] is made.view(wish(run=run.id))[1]  # built once for all looks


def test_the_images_come_with_the_data_set_that_is_there_now(made: Pictures, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted, there = wish(setup=to_query(NETWORK, CONFIG)), {"offline"}
    monkeypatch.setattr(Dataset, "available", lambda self, root=None: self.name in there)
    before = made.newer(wanted, "")
    assert before is not None
    there.add("mnist")
    after = made.newer(wanted, before.token)
    assert after is not None
    assert made.newer(wanted, after.token) is None


def test_a_drawing_goes_the_way_of_the_draw_page(made: Pictures, blobs: Loaded) -> None:
    found = made.newer(wish(drawing=SEVEN), "")
    assert found is not None
    told, image, _ = opened(found.message)
    pixels = prepare(rasterise(Drawing.from_dict(SEVEN))).pixels
    assert image == pixels.tobytes()
    assert np.count_nonzero(pixels) > 30
    assert (told["label"], told["loss"], told["title"]) == (None, None, "Your drawing")


def test_a_drawing_that_is_no_digit_is_said_to_be_none(
    run: Run, made: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nnviz.ui.confidence.digit_threshold", lambda test: 3.5)
    dot: dict[str, Any] = {"strokes": [{"points": [[140, 140, 0]]}]}
    for drawing, novel in ((SEVEN, False), (dot, True), ({"strokes": []}, False)):
        told, _, _ = message_of(made, run=run.id, drawing=drawing)
        assert told["novel"] is novel
        assert told["title"] == ("Doesn't look like a digit" if novel else "Your drawing")
    told, _, _ = message_of(made, drawing=dot)
    assert not told["novel"]  # untrained, it says nothing


def message_of(made: Pictures, **wished: Any) -> Any:
    found = made.newer(wish(**wished), "")
    assert found is not None
    return opened(found.message)


def test_an_empty_paper_is_an_image_too(made: Pictures) -> None:
    found = made.newer(wish(drawing={"strokes": []}), "")
    assert found is not None
    assert not any(opened(found.message)[1])


def test_a_run_that_was_deleted_is_gone(run: Run, made: Pictures, store: RunStore) -> None:
    found = made.newer(wish(run=run.id), "")
    assert found is not None
    store.delete(run.id)
    for step in (None, 1):
        with pytest.raises(RunGone, match="may have been deleted"):
            made.newer(wish(run=run.id, step=step), found.token)


def test_an_image_that_is_not_there(run: Run, made: Pictures) -> None:
    assert header(made, wish(run=run.id, image=99))["title"] == "Test image 99: 9"
    with pytest.raises(WishError, match="there are 100 test images, the last is 99"):
        made.newer(wish(run=run.id, image=100), "")


def test_a_net_that_can_not_be_trained_as_set_says_why(made: Pictures) -> None:
    with pytest.raises(WishError, match="atch size must be at least 2"):
        made.newer(wish(setup={"net": "dense_32~batchnorm", "batch_size": "1"}), "")


def test_nonsense_in_a_link_is_the_classic_net(made: Pictures) -> None:
    setup = {"net": "x" * 500, "lr": "\ud800", "data": "../..", "%": "&net=&net=", "seed": "1e99"}
    assert [layer["size"] for layer in header(made, wish(setup=setup))["layers"]] == [128, 10]


def test_a_unit_that_is_not_there_is_left_out(run: Run, made: Pictures) -> None:
    for unit in (["dense1", 6], ["dense9", 0], ["\ud800日", 0]):
        assert "unit" not in header(made, wish(run=run.id, unit=unit))


def test_without_a_finite_loss_there_are_weights_but_no_gradient(
    made: Pictures, store: RunStore, blobs: Loaded
) -> None:
    run, (state, *_) = store.create(NETWORK, CONFIG), states(blobs)
    state.model["dense2.weight"].fill_(math.nan)
    store.present.put(run.id, state)
    assert header(made, wish(run=run.id))["loss"] is None
    with pytest.raises(WishError, match="not finite"):
        made.newer(wish(run=run.id, quantity="gradients"), "")


def test_tokens_are_short_and_plain(run: Run, made: Pictures) -> None:
    """They travel in a header of HTTP, which proxies hold to a few kB."""
    setup = {"net": "dense_3", "note": "日" * 1300}
    for one in (wish(run=run.id), wish(setup=setup), wish(drawing=SEVEN, unit=["日", 1]), wish(run=run.id, step=0)):
        found = made.newer(one, "")
        assert found is not None
        assert found.token.isascii()
        assert found.token.isprintable()
        assert len(found.token) < 100


def test_what_is_kept_stays_within_its_bound(run: Run, made: Pictures, monkeypatch: pytest.MonkeyPatch) -> None:
    one = made.newer(wish(run=run.id), "")
    assert one is not None
    monkeypatch.setattr(pictures, "KEPT_BYTES", int(3.5 * len(one.message)))
    for image in range(12):
        made.newer(wish(run=run.id, image=image), "")
        if image:
            made.newer(wish(run=run.id, image=1), "")  # somebody looks at it all the time
        assert sum(map(len, made._made.values())) == made._size <= pictures.KEPT_BYTES
    before = made.newer(wish(run=run.id, image=1), "")
    assert before is not None
    assert before.message is made._made[before.token]
    assert len(made._made) == 3
    monkeypatch.setattr(pictures, "KEPT_BYTES", 10)
    assert made.newer(wish(run=run.id, image=50), "") is not None
    assert len(made._made) == 1


@pytest.mark.parametrize(("nets", "held"), [(2, 2), (16, 3)])
def test_few_running_nets_are_held(
    made: Pictures, store: RunStore, blobs: Loaded, monkeypatch: pytest.MonkeyPatch, nets: int, held: int
) -> None:
    first, *_ = states(blobs)
    size = sum(tensor.nbytes for tensor in first.model.values())
    monkeypatch.setattr(pictures, "NETS", nets)
    monkeypatch.setattr(pictures, "WEIGHTS_BYTES", int(3.5 * size))
    runs = [store.create(NETWORK, CONFIG) for _ in range(5)]
    for run in runs:
        store.present.put(run.id, first)
        made.newer(wish(run=run.id), "")
    assert list(made._newest) == [run.id for run in runs[-held:]]


def test_those_who_follow_a_run_share_its_states(
    made: Pictures, store: RunStore, blobs: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "SHARED", 3600.0)
    run = store.create(NETWORK, CONFIG)
    first, second, third = states(blobs)[:3]
    one, other = wish(run=run.id), wish(run=run.id, image=1)
    store.present.put(run.id, first)
    seen = [made.newer(wanted, "") for wanted in (one, other)]
    store.present.put(run.id, second)
    found = made.newer(one, seen[0].token if seen[0] else "")
    store.present.put(run.id, third)
    shared = made.newer(other, seen[1].token if seen[1] else "")  # what the first is shown
    assert found is not None
    assert shared is not None
    assert opened(shared.message)[0]["step"] == opened(found.message)[0]["step"] == second.position.step
    for wanted, last in ((one, found), (other, shared)):
        newest = made.newer(wanted, last.token)
        assert newest is not None
        assert opened(newest.message)[0]["step"] == third.position.step
    assert header(made, wish(run=run.id, image=2))["step"] == third.position.step


def test_a_run_is_looked_up_only_when_something_has_changed(
    run: Run, made: Pictures, store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "LOOK_EVERY", 3600.0)
    asked: list[str] = []
    look_up = store.run

    def counted(run_id: str) -> Run:
        asked.append(run_id)
        return look_up(run_id)

    monkeypatch.setattr(store, "run", counted)
    found = made.newer(wish(run=run.id), "")
    assert found is not None
    before = len(asked)
    assert made.newer(wish(run=run.id), found.token) is None
    assert len(asked) == before
    store.present.put(run.id, store.checkpoints.load(run.id))
    made.newer(wish(run=run.id), found.token)
    assert len(asked) > before
