"""The section "Saliency", as a person meets it."""

from __future__ import annotations

import pytest
import torch
from streamlit.testing.v1 import AppTest

from nnviz.analysis.attribution import METHODS, attribute
from nnviz.data.datasets import Loaded, to_input
from nnviz.executor.recorder import train_run
from nnviz.spec.network import NetworkSpec
from nnviz.spec.presets import PRESETS
from nnviz.spec.train_config import TrainConfig
from nnviz.store.run import Run
from nnviz.store.runs import RunStore
from nnviz.ui import saliency
from nnviz.ui.checkpoints import checkpoint_at
from nnviz.ui.saliency import ANSWER, sum_in_words
from nnviz.ui.subject import Subject
from tests.pages import words
from tests.waiting import LIMIT_S

IMAGE = 3


@pytest.fixture(autouse=True)
def always_the_same_image(blobs: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = to_input(blobs.test.images[IMAGE : IMAGE + 1], blobs.dataset)
    subject = Subject(
        blobs.test.images[IMAGE, 0].numpy(), inputs, int(blobs.test.labels[IMAGE]), f"Test image {IMAGE}", str(IMAGE)
    )
    monkeypatch.setattr(saliency, "choose_subject", lambda view: subject)


def recorded(store: RunStore, network: NetworkSpec) -> Run:
    run = store.create(network, TrainConfig(per_class=2, epochs=1, batch_size=4, lr=1e-3))
    train_run(store, run.id)
    return store.run(run.id)


def script(compare: bool = False) -> None:
    from nnviz.ui import saliency, services
    from nnviz.ui.checkpoints import Beside, View, checkpoint_at

    run, store = services.store().runs()[0], services.store()
    steps = store.checkpoints.steps(run.id)
    checkpoint, first = checkpoint_at(store, run, steps[-1]), checkpoint_at(store, run, steps[0])
    beside = Beside(run, first, "after step 0") if compare else None
    saliency.show(View(run, checkpoint, checkpoint.learning_layers[0], beside, False, False))


def shown(**kwargs: object) -> AppTest:
    app = AppTest.from_function(script, default_timeout=LIMIT_S, kwargs=kwargs).run()
    assert not app.exception
    return app


@pytest.mark.parametrize("preset", ["softmax", "classic", "small_cnn"])
def test_every_method_asks_its_question_of_every_kind_of_net(store: RunStore, preset: str, blobs: Loaded) -> None:
    run = recorded(store, PRESETS[preset].network)
    model = checkpoint_at(store, run, 5).model
    inputs = to_input(blobs.test.images[IMAGE : IMAGE + 1], blobs.dataset)
    with torch.inference_mode():
        answer = int(model(inputs).argmax())
    app = shown()
    for method in METHODS.values():
        app.segmented_control(key="inspect-pixels-method").set_value(method.name).run()
        assert not app.exception
        assert method.question in words(app)
        told = attribute(model, inputs, answer, method.name, blobs.dataset)
        assert sum_in_words(told, str(answer), method) in words(app)
        assert "nan" not in words(app)
    assert f"The net answers {answer}, with" in words(app)
    assert ("That is right" if answer == IMAGE else f"wrong: it is {IMAGE}") in words(app)


def test_any_class_can_be_asked_for_and_the_answer_is_the_default(store: RunStore, blobs: Loaded) -> None:
    run = recorded(store, NetworkSpec())
    app = shown()
    box = app.selectbox(key="inspect-pixels-class")
    assert box.value == ANSWER
    box.set_value(8).run()
    inputs = to_input(blobs.test.images[IMAGE : IMAGE + 1], blobs.dataset)
    told = attribute(checkpoint_at(store, run, 5).model, inputs, 8, "gradient", blobs.dataset)
    assert sum_in_words(told, "8", METHODS["gradient"]) in words(app)
    assert "Blue pixels speak for 8" in words(app)


def test_two_moments_stand_beside_each_other(store: RunStore) -> None:
    recorded(store, NetworkSpec())
    app = shown(compare=True)
    assert "**After step 5**" in words(app)
    assert "**After step 0**" in words(app)
    assert words(app).count("of empty paper") == 3  # of each moment, and once in the explanation


def test_a_diverged_net_is_told(store: RunStore) -> None:
    run = recorded(store, NetworkSpec())
    checkpoint_at(store, run, 5).layers[0].weight.fill_(float("nan"))  # type: ignore[union-attr]
    assert "its training has diverged" in words(shown())


def test_integrated_gradients_say_that_they_add_up(blobs: Loaded) -> None:
    from nnviz.analysis.attribution import Attribution

    told = Attribution(torch.tensor([[1.5, -0.25]]), 2.0, 0.75)
    assert sum_in_words(told, "4", METHODS["integrated"]) == (
        "Logit of 4: +2.000; of empty paper +0.750. The change is +1.250, and all pixels together give +1.250."
    )
