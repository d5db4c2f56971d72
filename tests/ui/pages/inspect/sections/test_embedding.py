"""The section that maps the digits, as a person meets it."""

from __future__ import annotations

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from nnviz.analysis.projection import PIXELS, Projection, features, tsne
from nnviz.executor.recorder import train_run
from nnviz.jobs import State
from nnviz.spec.network import NetworkSpec
from nnviz.spec.presets import PRESETS
from nnviz.spec.train_config import TrainConfig
from nnviz.store.run import Run
from nnviz.store.runs import RunStore
from nnviz.ui.checkpoints import checkpoint_at
from nnviz.ui.pages.inspect.sections import embedding
from nnviz.ui.pages.inspect.sections.embedding import Cloud, Seen, in_words, job_key
from tests.pages import words
from tests.waiting import LIMIT_S


def recorded(store: RunStore, network: NetworkSpec) -> Run:
    run = store.create(network, TrainConfig(per_class=2, epochs=1, batch_size=4, lr=1e-3))
    train_run(store, run.id)
    return store.run(run.id)


def script(layer: str | None = None, live: bool = False, compare: bool = False) -> None:
    import streamlit as st

    from nnviz.ui import services
    from nnviz.ui.checkpoints import Beside, View, checkpoint_at
    from nnviz.ui.pages.inspect.sections import embedding

    run, store = services.store().runs()[0], services.store()
    steps = store.checkpoints.steps(run.id)
    checkpoint, first = checkpoint_at(store, run, steps[-1]), checkpoint_at(store, run, steps[0])
    chosen = checkpoint.layer(layer) if layer else checkpoint.learning_layers[0]
    beside = Beside(run, first, "after step 0") if compare else None
    st.fragment(embedding.show)(View(run, checkpoint, chosen, beside, live, False))


def shown(**kwargs: object) -> AppTest:
    app = AppTest.from_function(script, default_timeout=LIMIT_S, kwargs=kwargs).run()
    assert not app.exception
    return app


def buttons(app: AppTest) -> set[str]:
    return {str(button.key) for button in app.button}


@pytest.mark.parametrize("preset", ["softmax", "classic", "small_cnn"])
def test_a_map_of_every_kind_of_net_is_there_at_once(store: RunStore, preset: str) -> None:
    run = recorded(store, PRESETS[preset].network)
    app = shown()
    right = round(100 * (run.test_accuracy or 0))
    expected = f"{100 - right} answered wrongly are marked" if right < 100 else "none is answered wrongly"
    assert f"100 images; {expected}" in words(app)
    assert "After step 5" in words(app)
    assert "Click a point" in words(app)
    if preset == "small_cnn":
        assert "averaged over windows, to 16 × 16 × 16" in words(app)
    app.segmented_control(key="inspect-map-what").set_value(PIXELS).run()
    assert not app.exception
    assert "averaged" not in words(app)


def test_two_moments_stand_beside_each_other(store: RunStore) -> None:
    recorded(store, NetworkSpec())
    app = shown(compare=True)
    assert "**After step 5**" in words(app)
    assert "**After step 0**" in words(app)
    assert words(app).count("of the variance") == 0
    assert words(app).count("Of all the variance") == 2


def test_a_clicked_image_is_shown_with_its_answer(store: RunStore) -> None:
    recorded(store, NetworkSpec())
    app = shown()
    app.session_state["inspect_map_chosen"] = 7
    app.run()
    assert not app.exception
    assert "Click a point" not in words(app)
    app.session_state["inspect_map_chosen"] = 700  # of a larger choice of images, before
    assert "Click a point" in words(app.run())


def test_a_click_chooses_the_image_for_all_sections(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded(store, NetworkSpec())
    monkeypatch.setattr(embedding, "plot", lambda figure, **kwargs: 42)
    wanted: list[int] = []
    monkeypatch.setattr(embedding, "set_subject_index", wanted.append)
    app = shown()
    assert app.session_state["inspect_map_chosen"] == 42
    assert wanted == [42]
    monkeypatch.setattr(embedding, "plot", lambda figure, **kwargs: 100)  # there are but 100 images
    assert app.run().session_state["inspect_map_chosen"] == 42


def test_tsne_is_computed_on_request_and_then_kept(store: RunStore) -> None:
    run = recorded(store, NetworkSpec())
    app = shown()
    app.segmented_control(key="inspect-map-method").set_value("tsne").run()
    assert "Until then this is PCA" in words(app)
    assert "Of all the variance" in words(app)
    app.button(key="inspect-map-compute-0").click().run()
    assert not app.exception
    key = job_key("mnist", run.id, 5, "dense1", 1000)
    job = embedding._jobs().wait(key, LIMIT_S)
    assert job is not None
    assert job.state is State.DONE
    checkpoint = checkpoint_at(store, run, 5)
    np.testing.assert_array_equal(job.result, tsne(features(checkpoint, "dense1", 1000).values))
    app.run()
    assert not app.exception
    assert "PCA" not in words(app)
    assert "inspect-map-compute-0" not in buttons(app)


def test_while_tsne_runs_it_says_how_far_it_is_and_can_be_stopped(
    store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    go_on = threading.Event()

    def slow(values: object, report: object) -> None:
        report(0.37)  # type: ignore[operator]
        assert go_on.wait(LIMIT_S)
        report(0.38)  # type: ignore[operator]

    monkeypatch.setattr(embedding, "tsne", slow)
    run = recorded(store, NetworkSpec(()))
    app = shown()
    app.segmented_control(key="inspect-map-method").set_value("tsne").run()
    app.button(key="inspect-map-compute-0").click().run()
    key = job_key("mnist", run.id, 5, "output", 1000)
    try:
        assert not app.exception
        assert "inspect-map-stop-0" in buttons(app)
        assert "Of all the variance" in words(app)  # the page goes on with PCA
        app.button(key="inspect-map-stop-0").click().run()
    finally:
        go_on.set()
    job = embedding._jobs().wait(key, LIMIT_S)
    assert job is not None
    assert job.state is State.CANCELLED
    app.run()
    assert not app.exception
    assert "inspect-map-compute-0" in buttons(app)


def test_what_tsne_cannot_do_is_said(store: RunStore) -> None:
    run = recorded(store, NetworkSpec(init="zeros"))
    app = shown()
    app.segmented_control(key="inspect-map-method").set_value("tsne").run()
    app.button(key="inspect-map-compute-0").click().run()
    embedding._jobs().wait(job_key("mnist", run.id, 5, "dense1", 1000), LIMIT_S)
    app.run()
    assert not app.exception
    assert "all images look the same to this layer" in words(app)
    assert "nan" not in words(app)


def test_a_moving_net_has_no_tsne(store: RunStore) -> None:
    recorded(store, NetworkSpec())
    app = shown(live=True)
    app.segmented_control(key="inspect-map-method").set_value("tsne").run()
    assert "switch “Follow live” off" in words(app)
    assert "inspect-map-compute-0" not in buttons(app)


def test_a_diverged_net_is_told(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    run = recorded(store, NetworkSpec())
    checkpoint_at(store, run, 5).layers[0].weight.fill_(float("nan"))  # type: ignore[union-attr]
    assert "not finite" in words(shown())


def test_the_images_themselves_are_the_same_for_every_run_and_moment() -> None:
    assert job_key("mnist", "a", 1, PIXELS, 1000) == job_key("mnist", "b", 2, PIXELS, 1000)
    keys = {job_key("mnist", run, step, layer, n) for run in "ab" for step in (1, 2) for layer in "cd" for n in (1, 2)}
    assert len(keys) == 16


def test_no_wrong_answer_is_told_as_such() -> None:
    labels = np.array([0, 1])
    seen = Seen(Projection(np.zeros((2, 2)), (0.5, 0.25)), (3,), False, labels, labels)
    told = in_words(Cloud(np.zeros((2, 2)), seen, "pca", ""))
    assert told.startswith("2 images; none is answered wrongly.")
    assert "50.0% lies along the horizontal axis and 25.0% along the vertical" in told
