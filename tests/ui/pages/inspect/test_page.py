"""The Inspect page without a browser: every section of every kind of net, at every moment."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from nnviz.data.datasets import Dataset, Loaded
from nnviz.executor.recorder import train_run
from nnviz.spec.layers.conv import Conv
from nnviz.spec.layers.dense import Dense
from nnviz.spec.layers.pool import MaxPool
from nnviz.spec.network import NetworkSpec
from nnviz.spec.presets import PRESETS
from nnviz.spec.train_config import TrainConfig
from nnviz.store.run import Run
from nnviz.store.runs import RunStore
from nnviz.train.events import Change
from nnviz.ui import checkpoints
from nnviz.ui.checkpoints import checkpoint_at
from nnviz.ui.pages.inspect.page import SECTIONS
from tests.waiting import LIMIT_S

APP = Path(__file__).parents[4] / "app.py"
CONFIG = TrainConfig(epochs=2, batch_size=50, lr=0.01, checkpoints=4)
NETS = {
    "classic": NetworkSpec(),
    "softmax": NetworkSpec(()),
    "cnn": NetworkSpec((Conv(3), MaxPool(), Dense(8, "tanh"))),
    "small_cnn": PRESETS["small_cnn"].network,
    "deep": PRESETS["deep_sigmoid"].network,
}


@pytest.fixture
def store(app_runs: Path, blobs: Loaded, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunStore]:
    monkeypatch.setattr(Dataset, "load", lambda self, root=None: blobs)
    st.cache_data.clear()
    store = RunStore(app_runs)
    yield store
    for run in store.runs():
        store.delete(run.id)
    store.close()


def trained(store: RunStore, network: NetworkSpec | None = None, config: TrainConfig = CONFIG, name: str = "") -> Run:
    run = store.create(network or NetworkSpec(), config, name)
    train_run(store, run.id)
    return store.run(run.id)


def open_inspect(**state: object) -> AppTest:
    at = AppTest.from_file(str(APP), default_timeout=LIMIT_S).switch_page("pages/3_Inspect.py")
    for key, value in state.items():
        at.session_state[key.replace("__", "-")] = value
    at.run()
    assert not at.exception
    return at


def words(at: AppTest) -> str:
    return "\n".join(str(one.value) for kind in ("markdown", "caption", "info", "warning") for one in at.get(kind))


def test_before_the_first_run_it_says_what_to_do(store: RunStore) -> None:
    assert "Nothing to look into yet" in words(open_inspect())


@pytest.mark.parametrize("section", SECTIONS)
@pytest.mark.parametrize("net", NETS)
def test_every_section_shows_every_net_at_every_layer_and_moment(store: RunStore, net: str, section: str) -> None:
    run = trained(store, NETS[net])
    at = open_inspect(inspect__look=section)
    for step in (0, store.checkpoints.steps(run.id)[2]):
        at.select_slider(key="inspect-moment").set_value(step).run()
        assert not at.exception
    at.session_state["inspect-layer"] = "output"
    at.run()
    assert not at.exception
    assert at.session_state["inspect-look"] == section


@pytest.mark.parametrize("section", ["operate", "time", "activations", "neuron"])
def test_numbers_that_are_of_some_test_images_only_say_of_which(
    store: RunStore, section: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside them, on the Train page, stands what all of them give."""
    monkeypatch.setattr(checkpoints, "SLOW_IMAGES", 50)
    trained(store, NETS["cnn"])
    assert "the first 50 of the 100 test images of MNIST" in words(open_inspect(inspect__look=section))


@pytest.mark.parametrize("quantity", ["weights", "gradient", "momentum", "update"])
@pytest.mark.parametrize("picture", ["images", "matrix", "distribution"])
def test_every_quantity_has_every_picture(store: RunStore, quantity: str, picture: str) -> None:
    trained(store)
    at = open_inspect(
        inspect__look="matrices",
        **{
            "inspect-quantity": quantity,
            "inspect-picture-3": picture,
            "inspect-shared-range": True,
            "inspect-sort": "norm",
        },
    )
    assert "100,352 values · norm" in words(at)
    assert at.session_state["inspect-picture-3"] == picture


def test_one_weights_numbers_add_up_on_the_screen(store: RunStore) -> None:
    trained(store)
    at = open_inspect(inspect__look="matrices", inspect__moment=0)
    table = next(one.value for one in at.markdown if "W_\\text{new}" in str(one.value))
    values = [float(line.split("`")[1]) for line in table.splitlines() if "`" in line]
    old, gradient, alpha, velocity, move, new = values
    assert alpha == CONFIG.lr
    assert velocity == gradient  # the first step of momentum
    assert move == pytest.approx(alpha * velocity, abs=1e-8)
    assert new == pytest.approx(old - move, abs=2e-8)


def test_two_moments_as_a_difference_and_two_runs_side_by_side(store: RunStore) -> None:
    trained(store, name="first"), trained(store, name="second")
    at = open_inspect(inspect__look="matrices", inspect__compare="checkpoint")
    assert "This checkpoint minus the other" in words(at)
    at.session_state["inspect-difference"] = False
    at.session_state["inspect-compare"] = "run"
    at.run()
    assert not at.exception
    assert "first, after step" in words(at).replace("\\", "")


def test_another_run_of_another_shape_is_said(store: RunStore) -> None:
    trained(store, NetworkSpec((Dense(5),)))
    trained(store)
    assert "no layer of this name and size" in words(open_inspect(inspect__look="matrices", inspect__compare="run"))


def test_a_damaged_snapshot_is_a_sentence(store: RunStore) -> None:
    run = trained(store)
    store.checkpoints.path(run.id, store.checkpoints.steps(run.id)[-1]).write_bytes(b"no")
    assert "is damaged" in words(open_inspect())


def test_a_run_deleted_while_it_is_looked_at(store: RunStore) -> None:
    run = trained(store)
    at = open_inspect()
    store.delete(run.id)
    at.run()
    assert not at.exception
    assert "Nothing to look into yet" in words(at)


def test_a_run_that_waits_has_nothing_to_show_yet(store: RunStore) -> None:
    store.create(NetworkSpec(), CONFIG)
    assert "no weights to look at yet" in words(open_inspect())


def test_what_the_doctor_suggests_becomes_the_next_set_up(store: RunStore) -> None:
    trained(store, NetworkSpec((Dense(16),), init="zeros"))
    at = open_inspect(inspect__look="doctor")
    assert "All neurons are the same" in words(at)
    at.button(key="inspect-try-zero_init").click().run()
    assert not at.exception
    assert at.session_state["setup"].network.init == "default"
    assert at.session_state["setup"].config.lr == CONFIG.lr


def test_an_operation_changes_a_copy_and_can_be_taken_back(store: RunStore) -> None:
    run = trained(store, config=CONFIG.with_(epochs=8))
    before = store.checkpoints.load(run.id).model["output.weight"].clone()
    at = open_inspect(inspect__look="operate", inspect__layer="output")
    at.session_state["inspect-edit-scope"] = "layer"
    at.run()
    at.button(key="inspect-edit-apply").click().run()
    assert not at.exception
    metrics = {metric.label: metric.value for metric in at.metric}
    assert metrics["Accuracy of the copy"] == "10.00%"
    assert metrics["Of the original"] != "10.00%"
    assert "Output set to zero" in words(at)
    at.button(key="inspect-edit-undo").click().run()
    metrics = {metric.label: metric.value for metric in at.metric}
    assert metrics["Accuracy of the copy"] == metrics["Of the original"]
    at.button(key="inspect-edit-redo").click().run()
    assert {metric.label: metric.value for metric in at.metric}["Accuracy of the copy"] == "10.00%"
    assert bool((store.checkpoints.load(run.id).model["output.weight"] == before).all())


def test_a_fork_starts_from_the_moment_with_the_settings_given(store: RunStore) -> None:
    run = trained(store)
    step = store.checkpoints.steps(run.id)[3]
    at = open_inspect(inspect__look="fork", inspect__moment=step)
    at.text_input(key="inspect-fork-lr").set_value("0.05").run()
    at.button(key="inspect-fork-start").click().run()
    assert not at.exception
    child = store.runs()[0]
    assert (child.parent, child.parent_step, child.config.lr) == (run.id, step, 0.05)
    assert at.session_state["looking_at"].run == child.id


def test_playing_goes_through_all_moments_and_stops_at_the_last(store: RunStore) -> None:
    run = trained(store)
    steps = store.checkpoints.steps(run.id)
    at = open_inspect()
    at.button(key="inspect-play").click().run()
    seen = [at.session_state["inspect-moment"]]
    while "inspect_playing" in at.session_state:
        at.run()
        seen.append(at.session_state["inspect-moment"])
    assert seen == steps
    assert at.button(key="inspect-play").label == "Play"


def test_from_the_last_step_nothing_can_be_forked_unless_it_trains_longer(store: RunStore) -> None:
    run = trained(store)
    at = open_inspect(inspect__look="fork", inspect__moment=store.checkpoints.steps(run.id)[-1])
    assert at.button(key="inspect-fork-start").disabled
    assert f"Epochs must be more than the {run.config.epochs} that are done after step" in words(at)
    at.text_input(key="inspect-fork-epochs").set_value(str(run.config.epochs + 1)).run()
    assert not at.exception
    assert not at.button(key="inspect-fork-start").disabled


def test_a_checkpoint_shows_the_next_step_with_what_was_changed_since_it_was_looked_at(store: RunStore) -> None:
    run = trained(store)
    first = checkpoint_at(store, run, 1)
    assert checkpoint_at(store, run, 1) is first  # kept
    store.writer.add_change(run.id, Change(1, "lr", run.config.lr, 0.5))
    assert checkpoint_at(store, run, 1).config.lr == 0.5


@pytest.mark.parametrize("section", SECTIONS)
def test_a_layer_is_chosen_only_where_it_makes_a_difference(store: RunStore, section: str) -> None:
    trained(store)
    keys = [one.key for one in open_inspect(inspect__look=section).get("button_group")]
    assert "inspect-look" in keys
    assert ("inspect-layer" in keys) == (section in ("matrices", "neuron", "map", "operate"))
