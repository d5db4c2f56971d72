"""The image that a person looks at the net with."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from nnviz.data.datasets import DATASETS, Loaded, to_input
from nnviz.executor.recorder import train_run
from nnviz.spec.network import NetworkSpec
from nnviz.spec.train_config import TrainConfig
from nnviz.store.run import Run
from nnviz.store.runs import RunStore
from nnviz.ui.checkpoints import checkpoint_at
from nnviz.ui.subject import ANY, of_class, to_pixels
from tests.waiting import LIMIT_S


@pytest.fixture
def run(store: RunStore) -> Run:
    """Trained so little that it makes mistakes."""
    made = store.create(NetworkSpec(()), TrainConfig(per_class=2, epochs=1, batch_size=4, lr=1e-4, augment="shift"))
    train_run(store, made.id)
    return store.run(made.id)


def script() -> None:
    import streamlit as st

    from nnviz.ui import services
    from nnviz.ui.checkpoints import View, checkpoint_at
    from nnviz.ui.subject import choose_subject

    run = services.store().runs()[0]
    checkpoint = checkpoint_at(services.store(), run, st.session_state.get("step", 5))
    st.session_state["found"] = choose_subject(View(run, checkpoint, checkpoint.layers[0], None, False, False))


def app_with(**state: object) -> AppTest:
    app = AppTest.from_function(script, default_timeout=LIMIT_S)
    for key, value in state.items():
        app.session_state[key] = value
    app.run()
    assert not app.exception
    return app


def wrong(store: RunStore, run: Run, blobs: Loaded, step: int) -> list[int]:
    """The indices of mistakes by plain PyTorch, the surest first."""
    with torch.inference_mode():
        model = checkpoint_at(store, run, step).model
        probabilities = model(to_input(blobs.test.images, blobs.dataset)).softmax(1)
    sure, answers = probabilities.max(1)
    found = (answers != blobs.test.labels).nonzero().flatten().tolist()
    return sorted(found, key=lambda index: -float(sure[index]))


def test_any_test_image_by_its_number(run: Run, blobs: Loaded) -> None:
    app = app_with()
    app.text_input(key="inspect-image-index").set_value("37").run()
    found = app.session_state["found"]
    assert found.label == 7
    assert found.title == "Test image 37: 7"
    assert np.array_equal(found.pixels, blobs.test.images[37, 0].numpy())
    assert torch.equal(found.inputs, to_input(blobs.test.images[37:38], blobs.dataset))


def test_a_random_one_of_a_digit(run: Run, blobs: Loaded) -> None:
    app = app_with()
    app.selectbox(key="inspect-image-digit").set_value(4).run()
    seen = {app.session_state["found"].key}
    assert app.session_state["found"].label == 4
    for _ in range(12):
        app.button(key="inspect-image-random").click().run()
        assert app.session_state["found"].label == 4
        seen.add(app.session_state["found"].key)
    assert len(seen) > 1


def test_a_mistake_is_wrong_and_stays_until_it_is_right(run: Run, store: RunStore, blobs: Loaded) -> None:
    first, last = wrong(store, run, blobs, 0), wrong(store, run, blobs, 5)
    assert first
    app = app_with(step=0)
    app.selectbox(key="inspect-image-kind").set_value("mistake").run()
    assert app.session_state["found"].key == f"mnist-test-{first[0]}"
    place = next(place for place, index in enumerate(first) if index in last and place)
    app.text_input(key="inspect-image-index").set_value(str(place + 1)).run()
    assert app.session_state["found"].key == f"mnist-test-{first[place]}"
    app.session_state["step"] = 5
    app.run()
    assert app.session_state["found"].key == f"mnist-test-{first[place]}"
    assert app.text_input(key="inspect-image-index").value == str(last.index(first[place]) + 1)
    digit = int(blobs.test.labels[last[-1]])
    app.selectbox(key="inspect-image-digit").set_value(digit).run()
    for _ in range(4):
        app.button(key="inspect-image-random").click().run()
        assert app.session_state["found"].label == digit
    assert not app.exception


def test_where_nothing_is_wrong_a_right_one_is_shown(run: Run, store: RunStore, blobs: Loaded) -> None:
    checkpoint = checkpoint_at(store, run, 5)
    layer = checkpoint.layers[0]
    assert layer.weight is not None
    rows = to_input(blobs.train.images[:10], blobs.dataset).flatten(1)
    layer.weight.copy_(rows - rows.mean(0))  # each class's own square
    app = app_with(**{"inspect-image-kind": "mistake"})
    assert "The net gets all 100 test images of MNIST right" in app.caption[0].value
    assert app.session_state["found"].label == 0


def test_an_image_of_the_mini_batch_is_as_the_net_gets_it(run: Run, store: RunStore) -> None:
    step = checkpoint_at(store, run, 2).next_step
    assert step is not None
    app = app_with(step=2)
    app.selectbox(key="inspect-image-kind").set_value("batch").run()
    app.text_input(key="inspect-image-index").set_value("3").run()
    found = app.session_state["found"]
    assert torch.equal(found.inputs, step.images[2:3])
    assert found.label == int(step.labels[2])
    assert found.title == f"Image 3 of the mini-batch of step 3: {found.label}"


def test_a_mini_batch_that_diverges_gives_a_test_image(run: Run, store: RunStore) -> None:
    checkpoint = checkpoint_at(store, run, 5)
    checkpoint.state.model["output.weight"].fill_(float("inf"))
    app = app_with(**{"inspect-image-kind": "batch"})
    assert "not finite" in app.caption[0].value
    assert app.session_state["found"].title == "Test image 0: 0"


def test_the_drawing_is_offered_once_there_is_one(run: Run) -> None:
    drawn = np.zeros((28, 28), np.uint8)
    app = app_with(drawn_image=drawn)
    assert len(app.selectbox(key="inspect-image-kind").options) == 3  # empty paper is no drawing
    drawn[4:20, 13:15] = 255
    app = app_with(drawn_image=drawn)
    app.selectbox(key="inspect-image-kind").set_value("drawing").run()
    found = app.session_state["found"]
    assert found.label is None
    assert np.array_equal(found.pixels, drawn)
    assert torch.equal(found.inputs, to_input(torch.from_numpy(drawn)[None, None], DATASETS["mnist"]))
    del app.session_state["drawn_image"]
    app.run()
    assert app.session_state["found"].title.startswith("Test image")


def test_other_sections_may_choose_a_test_image(run: Run) -> None:
    app = app_with(inspect_test_image_wanted=12, **{"inspect-image-kind": "batch"})
    assert app.selectbox(key="inspect-image-kind").value == "test"
    assert app.session_state["found"].title == "Test image 12: 2"
    assert app_with(inspect_test_image_wanted=10**6).session_state["found"].title == "Test image 99: 9"


def test_pixels_come_back_from_the_input(blobs: Loaded) -> None:
    inputs = to_input(blobs.test.images[5:6], blobs.dataset)
    assert np.array_equal(to_pixels(inputs, blobs.dataset), blobs.test.images[5, 0].numpy())


def test_of_class_keeps_the_order() -> None:
    labels = torch.tensor([3, 1, 3, 3])
    assert of_class([3, 1, 0], labels, 3) == [3, 0]
    assert of_class([3, 1, 0], labels, ANY) == [3, 1, 0]
    assert of_class([1], labels, 3) == []
