"""The Studio without a browser: what its buttons do to the training that is seen, and what links can't do."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from streamlit.proto.WidgetStates_pb2 import WidgetStates
from streamlit.runtime.scriptrunner import RerunData, get_script_run_ctx
from streamlit.testing.v1 import AppTest

from nnviz.analysis.network_picture import Quantity
from nnviz.data.datasets import DATASETS, OFFLINE, Dataset, Loaded
from nnviz.data.download import Preparation, Progress
from nnviz.executor.choice import Choice
from nnviz.executor.recorder import train_run
from nnviz.spec.layers.dense import Dense
from nnviz.spec.network import NetworkSpec
from nnviz.spec.presets import PRESETS
from nnviz.spec.train_config import TrainConfig
from nnviz.spec.url import from_query, to_query
from nnviz.store.run import Run, Status
from nnviz.store.runs import RunStore
from nnviz.train.commands import Action, Command
from nnviz.train.events import Change
from nnviz.ui import services
from nnviz.ui.components import studio as component
from nnviz.ui.live.route import ONCE, PATH, address
from nnviz.ui.pages.studio.controls import PACES
from nnviz.ui.pages.studio.drawer import SHOWN
from nnviz.ui.state import Setup
from tests.pages import click, keys, open_page, parameter, rerun, words
from tests.waiting import wait_until

NETWORK = NetworkSpec((Dense(32),))
FAST = Command(Action.PACE)
STEERING = "studio-play studio-step studio-epoch studio-reset studio-new-seed studio-layers"


@dataclass
class Told:
    """In the place of the executor: notes what it was told."""

    choice: Choice = field(default_factory=Choice)
    submitted: list[tuple[str, Command | None]] = field(default_factory=list)
    commands: list[tuple[str, Command]] = field(default_factory=list)

    def submit(self, run_id: str, first: Command | None = None) -> None:
        self.submitted.append((run_id, first))

    def control(self, run_id: str, command: Command) -> None:
        self.commands.append((run_id, command))


@pytest.fixture
def store(app_runs: Path, images_at_hand: None) -> Iterator[RunStore]:
    """The store that the page reads, empty again afterwards."""
    store = RunStore(app_runs)
    yield store
    for run in store.runs():
        store.delete(run.id)
    for run in store.discarded():
        store.delete(run.id)
    store.close()


@pytest.fixture
def told(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> Told:
    told = Told()
    monkeypatch.setattr(services, "executor", lambda: told)
    return told


@pytest.fixture
def asks(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let the browser ask for something, once."""

    def ask(**values: object) -> None:
        mount = component._mount

        def once(*arguments: Any, **named: Any) -> Any:
            monkeypatch.setattr(component, "_mount", mount)
            mount(*arguments, **named)
            for name in values.keys() & {"fork", "inspect"}:
                monkeypatch.setattr(component, "_sent", lambda key, name: values[name])
                named[f"on_{name}_change"]()
            return SimpleNamespace(**{"seen": None, **values})

        monkeypatch.setattr(component, "_mount", once)

    return ask


def recorded(store: RunStore, status: Status, config: TrainConfig | None = None) -> Run:
    """A run that this process claims to train."""
    run = store.create(NETWORK, config or TrainConfig())
    store.writer.set_status(run.id, store.run(run.id).attempt, status)
    return store.run(run.id)


def shown(at: AppTest) -> dict[str, Any]:
    """What the browser is told to show."""
    message = next(one.proto for one in at.get("bidi_component") if one.proto.id.endswith("-studio"))
    found: dict[str, Any] = json.loads(message.json)
    return found


def setup_of(at: AppTest) -> Setup:
    setup: Setup = at.session_state["setup"]
    return setup


def in_address(at: AppTest, name: str) -> str | None:
    return parameter(at, name) if name in at.query_params else None


# ---------------------------------------------------------------------- play, pause, step


def test_it_opens_on_the_classic_net_that_waits_for_play(told: Told) -> None:
    at = open_page()
    assert at.button(key="studio-play").label == "Play"
    assert set(STEERING.split()) <= keys(at)
    message = shown(at)
    assert (message["run"], message["step"], message["image"]) == (None, None, 0)
    assert message["setup"] == to_query(NetworkSpec(), TrainConfig())
    assert [name for name, _ in message["quantities"]] == list(Quantity)
    assert (message["path"], message["once"]) == (address(PATH), address(ONCE))
    assert at.button(key="studio-reset").disabled
    assert "No runs yet" in words(at)
    assert not told.submitted


def test_play_starts_the_classic_run_and_the_address_has_it(told: Told, store: RunStore) -> None:
    at = click(open_page(), "studio-play")
    (run,) = store.runs()
    assert (run.network, run.config) == (NetworkSpec(), TrainConfig())
    assert told.submitted == [(run.id, None)]
    assert parameter(at, "run") == run.id
    assert shown(at)["run"] == run.id
    assert at.button(key="studio-play").label == "Pause"
    assert shown(open_page(run=run.id))["run"] == run.id


@pytest.mark.parametrize(
    ("status", "label", "action"),
    [
        (Status.RUNNING, "Pause", Action.PAUSE),
        (Status.QUEUED, "Pause", Action.PAUSE),
        (Status.PAUSED, "Play", Action.RESUME),
    ],
)
def test_pause_and_go_on(told: Told, store: RunStore, status: Status, label: str, action: Action) -> None:
    run = recorded(store, status)
    at = open_page(run=run.id)
    assert at.button(key="studio-play").label == label
    click(at, "studio-play")
    assert told.commands == [(run.id, Command(action))]
    assert not told.submitted


@pytest.mark.parametrize("status", [Status.STOPPED, Status.INTERRUPTED, Status.FAILED])
def test_play_goes_on_with_what_was_stopped(told: Told, store: RunStore, status: Status) -> None:
    run = recorded(store, status)
    click(open_page(run=run.id), "studio-play")
    assert told.submitted == [(run.id, None)]
    assert told.commands == [(run.id, FAST)]
    assert len(store.runs()) == 1


@pytest.mark.parametrize("status", [Status.FINISHED, Status.DIVERGED])
def test_after_the_end_play_begins_another(told: Told, store: RunStore, status: Status) -> None:
    run = recorded(store, status, TrainConfig(lr=0.5))
    at = click(open_page(run=run.id), "studio-play")
    new, old = store.runs()
    assert (old.id, new.config.lr) == (run.id, 0.5)
    assert told.submitted == [(new.id, None)]
    assert parameter(at, "run") == new.id


@pytest.mark.parametrize(("key", "action"), [("studio-step", Action.BATCH), ("studio-epoch", Action.EPOCH)])
def test_one_step_and_one_epoch(told: Told, store: RunStore, key: str, action: Action) -> None:
    at = click(open_page(), key)  # of a new run
    (first,) = store.runs()
    assert told.submitted == [(first.id, Command(action))]
    assert parameter(at, "run") == first.id
    told.commands.clear()
    store.writer.set_status(first.id, first.attempt, Status.PAUSED)
    click(rerun(at), key)
    assert told.commands == [(first.id, Command(action))]
    store.writer.set_status(first.id, first.attempt, Status.STOPPED)
    click(rerun(at), key)
    assert told.submitted == 2 * [(first.id, Command(action))]
    store.writer.set_status(first.id, first.attempt, Status.FINISHED)
    click(rerun(at), key)
    assert len(store.runs()) == 2
    assert told.submitted[2] == (store.runs()[0].id, Command(action))


def test_a_run_that_waits_takes_no_single_steps(told: Told, store: RunStore) -> None:
    at = open_page(run=recorded(store, Status.QUEUED).id)
    assert at.button(key="studio-step").disabled
    assert at.button(key="studio-epoch").disabled
    assert not at.button(key="studio-play").disabled


@pytest.mark.parametrize("status", [Status.RUNNING, Status.PAUSED, Status.QUEUED])
def test_reset_stops_the_run_which_stays_in_the_list(told: Told, store: RunStore, status: Status) -> None:
    run = recorded(store, status)
    at = click(open_page(run=run.id), "studio-reset")
    assert told.commands == [(run.id, Command(Action.STOP))]
    assert in_address(at, "run") is None
    assert shown(at)["run"] is None
    assert shown(at)["setup"] == to_query(run.network, run.config)
    assert f"watch-{run.id}" in keys(at)


def test_reset_of_what_is_over_lets_go_of_it(told: Told, store: RunStore) -> None:
    at = click(open_page(run=recorded(store, Status.FINISHED).id), "studio-reset")
    assert shown(at)["run"] is None
    assert not told.commands


def test_another_seed_makes_other_weights(told: Told, store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random, "randrange", lambda most: most - 5)
    run = recorded(store, Status.RUNNING)
    at = click(open_page(run=run.id), "studio-new-seed")
    assert told.commands == [(run.id, Command(Action.STOP))]
    assert setup_of(at) == Setup(run.network, run.config.with_(seed=999_995))
    assert from_query(shown(at)["setup"])[1].seed == 999_995
    assert parameter(at, "seed") == "999995"
    assert len(store.runs()) == 1


@pytest.mark.usefixtures("mnist_root")
def test_a_real_training_is_played_paused_stepped_and_reset(store: RunStore) -> None:
    at = click(open_page(net="dense_32", epochs="1000", per_class="300"), "studio-play")
    (run,) = store.runs()
    wait_until(lambda: store.run(run.id).step > 0)
    click(rerun(at), "studio-play")
    wait_until(lambda: store.run(run.id).status is Status.PAUSED)
    step = store.run(run.id).step
    click(rerun(at), "studio-step")
    wait_until(lambda: store.run(run.id).step == step + 1 and store.run(run.id).status is Status.PAUSED)
    rerun(at).text_input(key="studio-set-lr").set_value("0.02")
    rerun(at).selectbox(key="studio-pace").set_value(0.05)
    click(rerun(at), "studio-play")
    wait_until(lambda: store.history.changes(run.id) == [Change(step + 1, "lr", 0.001, 0.02)])
    click(rerun(at), "studio-reset")
    wait_until(lambda: store.run(run.id).status is Status.STOPPED)


@pytest.mark.parametrize("key", ["studio-play", "studio-step"])
def test_a_click_broken_off_by_a_redraw_starts_one_run_all_the_same(
    told: Told, store: RunStore, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    """Streamlit breaks a callback off wherever it uses `st`, and does it again, when a redraw is wanted meanwhile."""
    at = open_page()
    submit, redrawn = Told.submit, list[str]()

    def submit_and_redraw(self: Told, run_id: str, first: Command | None = None) -> None:
        submit(self, run_id, first)
        context = get_script_run_ctx()
        assert context
        assert context.script_requests
        if not redrawn:
            others = [one for one in at._tree.get_widget_states().widgets if not one.trigger_value]
            context.script_requests.request_rerun(RerunData(widget_states=WidgetStates(widgets=others)))
        redrawn.append(run_id)

    monkeypatch.setattr(Told, "submit", submit_and_redraw)
    click(at, key)
    (run,) = store.runs()
    assert redrawn == [run.id]
    assert told.commands == [(run.id, FAST)]
    assert parameter(rerun(at), "run") == run.id


# ---------------------------------------------------------------------- what can be changed


@pytest.mark.parametrize(
    ("name", "text", "value"), [("lr", "0,05", 0.05), ("momentum", "0.5", 0.5), ("batch_size", "32", 32)]
)
def test_a_setting_changes_the_run_that_goes_on_and_the_set_up(
    told: Told, store: RunStore, name: str, text: str, value: float
) -> None:
    run = recorded(store, Status.RUNNING)
    at = open_page(run=run.id)
    at.text_input(key=f"studio-set-{name}").set_value(text)
    rerun(at)
    assert told.commands == [(run.id, Command(Action.SET, name, value))]
    assert getattr(setup_of(at).config, name) == value
    assert parameter(at, name) == str(value)
    assert at.text_input(key=f"studio-set-{name}").value == text.replace(",", ".")


def test_before_a_run_a_setting_is_that_of_the_next(told: Told, store: RunStore) -> None:
    at = open_page()
    at.text_input(key="studio-set-lr").set_value("0.05")
    click(rerun(at), "studio-play")
    assert not [command for _, command in told.commands if command.action is Action.SET]
    assert store.runs()[0].config.lr == 0.05


def test_a_number_that_is_none_is_said_and_nothing_starts(told: Told) -> None:
    at = open_page()
    at.text_input(key="studio-set-lr").set_value("-1")
    rerun(at)
    assert "Learning rate must be a number from 0 to 100" in words(at).replace("\\", "")
    assert not at.warning  # said once, at the field
    assert all(at.button(key=key).disabled for key in ("studio-play", "studio-step", "studio-epoch"))
    assert parameter(at, "lr") == "0.001"  # what holds is what it was


def test_what_an_optimizer_does_not_use_can_not_be_set(told: Told) -> None:
    assert open_page(optimizer="adam").text_input(key="studio-set-momentum").disabled
    assert not open_page().text_input(key="studio-set-momentum").disabled


@pytest.mark.parametrize("pace", [one for one in PACES if one])
def test_the_speed_is_told_to_the_run_and_to_the_next_one(told: Told, store: RunStore, pace: float) -> None:
    run = recorded(store, Status.RUNNING)
    at = open_page(run=run.id)
    at.selectbox(key="studio-pace").set_value(pace)
    rerun(at)
    assert told.commands == [(run.id, Command(Action.PACE, value=pace))]
    told.commands.clear()
    store.writer.set_status(run.id, run.attempt, Status.STOPPED)
    for key in ("studio-play", "studio-step"):
        click(rerun(at), key)  # its next attempt knows nothing of it
    assert told.commands == 2 * [(run.id, Command(Action.PACE, value=pace))]
    told.commands.clear()
    click(click(at, "studio-reset"), "studio-epoch")
    assert told.commands == [(store.runs()[0].id, Command(Action.PACE, value=pace))]


def test_another_activation_begins_anew_and_the_old_run_stays_in_the_list(told: Told, store: RunStore) -> None:
    run = recorded(store, Status.RUNNING)
    at = open_page(run=run.id)
    at.selectbox(key="studio-activation").set_value("tanh")
    rerun(at)
    new, old = store.runs()
    assert old.id == run.id
    assert new.network == NetworkSpec((Dense(32, "tanh"),))
    assert told.submitted == [(new.id, None)]
    assert told.commands == [(run.id, Command(Action.STOP)), (new.id, FAST)]
    assert parameter(at, "run") == new.id
    assert at.selectbox(key="studio-activation").value == "tanh"
    assert {f"watch-{run.id}", f"watch-{new.id}"} <= keys(rerun(at))
    assert len(store.runs()) == 2


@pytest.mark.parametrize("status", [Status.PAUSED, Status.FINISHED])
def test_where_nothing_was_learning_another_network_waits_for_play(told: Told, store: RunStore, status: Status) -> None:
    run = recorded(store, status)
    at = open_page(run=run.id)
    at.selectbox(key="studio-activation").set_value("tanh")
    rerun(at)
    assert shown(at)["run"] is None
    assert from_query(shown(at)["setup"])[0] == NetworkSpec((Dense(32, "tanh"),))
    assert told.commands == ([(run.id, Command(Action.STOP))] if status is Status.PAUSED else [])
    assert len(store.runs()) == 1


def test_activations_that_differ_are_shown_as_such(told: Told) -> None:
    at = open_page(net="dense_32_relu~dense_16_tanh")
    box = at.selectbox(key="studio-activation")
    assert box.format_func(box.value) == "differs"
    box.set_value("sigmoid")
    rerun(at)
    assert setup_of(at).network == NetworkSpec((Dense(32, "sigmoid"), Dense(16, "sigmoid")))
    assert open_page(net="").selectbox(key="studio-activation").value
    assert open_page(net="flatten").selectbox(key="studio-activation").disabled


# ---------------------------------------------------------------------- presets and runs


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_shown_and_begins_anew_where_one_was_learning(told: Told, store: RunStore, name: str) -> None:
    at = click(open_page(), f"studio-preset-{name}")
    assert from_query(shown(at)["setup"])[0] == PRESETS[name].network
    assert not store.runs()
    run = recorded(store, Status.RUNNING)
    click(open_page(run=run.id), f"studio-preset-{name}")
    assert [one.network for one in store.runs()] == [PRESETS[name].network, NETWORK]
    assert (run.id, Command(Action.STOP)) in told.commands


def test_all_runs_can_be_watched_those_that_go_on_first(told: Told, store: RunStore) -> None:
    for status in (Status.RUNNING, Status.PAUSED, Status.QUEUED, Status.STOPPED):
        run = store.create(NetworkSpec(), TrainConfig(), name=f"*{status}*")
        store.writer.set_status(run.id, store.run(run.id).attempt, status)
    at = open_page()
    labels = [
        re.sub(r" · \d\d:\d\d", "", button.label.replace("\\", ""))
        for button in at.button
        if (button.key or "").startswith("watch-")
    ]
    assert set(labels[:3]) == {"*running* · starting", "*paused* · paused", "*queued* · waiting"}
    assert labels[3:] == ["*stopped* · stopped"]


def test_a_run_that_is_chosen_is_shown_and_sets_the_next_one_up(told: Told, store: RunStore) -> None:
    run = recorded(store, Status.FINISHED, TrainConfig(lr=0.5, seed=7))
    at = click(open_page(), f"watch-{run.id}")
    assert (parameter(at, "run"), shown(at)["run"]) == (run.id, run.id)
    assert setup_of(at) == Setup(run.network, run.config)
    assert at.text_input(key="studio-set-lr").value == "0.5"
    assert at.button(key=f"watch-{run.id}").disabled
    assert not told.commands
    assert not told.submitted


def test_a_whole_class_does_not_fill_the_list(told: Told, store: RunStore) -> None:
    for _ in range(SHOWN + 2):
        store.create(NetworkSpec(), TrainConfig())
    at = open_page()
    assert sum(key.startswith("watch-") for key in keys(at)) == SHOWN
    assert f"All {SHOWN + 2} runs" in [link.proto.label for link in at.get("page_link")]


def test_the_builder_comes_over_the_screen(told: Told) -> None:
    at = open_page()
    assert not [one for one in at.get("bidi_component") if one.proto.id.endswith("-builder")]
    click(at, "studio-layers")
    assert [one for one in at.get("bidi_component") if one.proto.id.endswith("-builder")]


def test_it_says_where_trainings_run(told: Told) -> None:
    told.choice = Choice(where="Ray cluster at head:6379: 2 nodes, 4 cores")
    assert "Trainings run on the Ray cluster" in words(open_page(), "caption")
    told.choice = Choice(problem="Trainings run on this machine: nobody answers at head:6379.")
    assert "nobody answers" in open_page().warning[0].value


# ---------------------------------------------------------------------- what the browser asks for


@pytest.fixture
def trained(store: RunStore, blobs: Loaded, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr(Dataset, "load", lambda self, root=None: blobs)
    run = store.create(NETWORK, TrainConfig(per_class=2, epochs=2, batch_size=4, lr=0.01))
    train_run(store, run.id)
    return store.run(run.id)


def test_it_goes_on_from_a_kept_step_as_another_run(
    told: Told, store: RunStore, trained: Run, asks: Callable[..., None]
) -> None:
    at = open_page(run=trained.id)
    asks(fork=1)
    rerun(rerun(at))
    child, parent = store.runs()
    assert (parent.id, child.parent, child.parent_step) == (trained.id, trained.id, 1)
    assert child.config == trained.config
    assert told.submitted == [(child.id, None)]
    assert parameter(at, "run") == child.id
    assert shown(at)["run"] == child.id
    assert len(store.runs()) == 2


@pytest.mark.parametrize("step", [-1, 10**6, 10**30, "1", True, 0.5, [1], {}])
def test_from_what_is_no_kept_step_nothing_goes_on(
    told: Told, store: RunStore, trained: Run, asks: Callable[..., None], step: object
) -> None:
    at = open_page(run=trained.id)
    asks(fork=step)
    rerun(rerun(at))
    assert [run.id for run in store.runs()] == [trained.id]
    assert not told.submitted
    if type(step) is int:
        assert at.error


def test_a_unit_is_looked_into_on_inspect(told: Told, trained: Run, asks: Callable[..., None]) -> None:
    at = open_page(run=trained.id)
    asks(inspect={"layer": "dense1", "unit": 7, "step": 1, "image": 12})
    rerun(rerun(at))
    assert at.session_state["inspect_neuron"] == ("dense1", 7)
    assert (at.session_state["inspect-look"], at.session_state["inspect-layer"]) == ("neuron", "dense1")
    assert (at.session_state["inspect-moment"], at.session_state["inspect_test_image"]) == (1, 12)


def test_a_unit_that_is_not_there_does_no_harm_on_inspect(told: Told, trained: Run, asks: Callable[..., None]) -> None:
    for number in (-(10**30), -1, 32, 10**30):
        at = open_page(run=trained.id)
        asks(inspect={"layer": "dense9", "unit": number, "step": number, "image": number})
        assert rerun(rerun(at)).session_state["inspect-look"] == "neuron"


@pytest.mark.parametrize("what", [{}, {"layer": 1, "unit": 1}, {"layer": "dense1"}, [], "dense1", 3])
def test_a_unit_that_is_none_leads_nowhere(told: Told, trained: Run, asks: Callable[..., None], what: object) -> None:
    at = open_page(run=trained.id)
    asks(inspect=what)
    assert shown(rerun(rerun(at)))["run"] == trained.id


def test_what_is_looked_at_stands_in_the_address(told: Told, asks: Callable[..., None]) -> None:
    at = open_page(image="3", step="7")
    asks(seen={"quantity": "update", "image": 12, "step": None})
    rerun(at)
    assert (parameter(at, "show"), parameter(at, "image"), in_address(at, "step")) == ("update", "12", None)
    for garbage in ({"quantity": "loss", "image": [1], "step": {}}, {"quantity": [], "image": None}, "update", [1]):
        asks(seen=garbage)
        rerun(at)
        assert in_address(at, "show") in (None, "update")


def test_a_link_opens_what_was_looked_at(told: Told, store: RunStore) -> None:
    run = recorded(store, Status.FINISHED)
    message = shown(open_page(run=run.id, show="gradients", image="42", step="12"))
    assert (message["quantity"], message["image"], message["step"]) == ("gradients", 42, 12)


@pytest.mark.parametrize(
    "garbage", ["", "-1", "1.5", "1e9", "9" * 400, "١", "²", "<script>", "None", "\x00", "weights ", "../..", "🙂"]
)
def test_links_from_strangers_do_no_harm(told: Told, garbage: str) -> None:
    message = shown(open_page(show=garbage, image=garbage, step=garbage, run=garbage))
    assert (message["quantity"], message["image"], message["step"]) == ("weights", 0, None)
    assert message["run"] is None
    assert message["setup"] == to_query(NetworkSpec(), TrainConfig())
    assert not told.commands
    assert not told.submitted


# ---------------------------------------------------------------------- what keeps it from training


def test_without_mnist_it_names_what_is_used(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    present = {OFFLINE}
    monkeypatch.setattr(Dataset, "available", lambda self, root=None: self.name in present)
    monkeypatch.setattr(Dataset, "problem", lambda self, root=None: None)
    monkeypatch.setattr(Preparation, "start", lambda self, name: None)
    monkeypatch.setattr(Preparation, "progress", lambda self, name: Progress(problem="There is no network."))
    at = open_page()
    assert words(at, "warning") == "There is no network."
    assert not at.button(key="studio-play").disabled
    assert f"Data: {DATASETS[OFFLINE].title}: {DATASETS[OFFLINE].origin}." in words(at, "caption")
    present.clear()
    at = open_page()
    assert all(at.button(key=key).disabled for key in ("studio-play", "studio-step", "studio-epoch"))
    assert "No data yet" in words(at, "caption")
    assert not at.get("bidi_component")


def test_a_network_that_can_not_be_trained_as_set_says_why(told: Told) -> None:
    at = open_page(net="dense_32~batchnorm", batch_size="1")
    assert "atch size must be at least 2 with batch normalisation" in words(at, "warning")
    assert all(at.button(key=key).disabled for key in ("studio-play", "studio-step", "studio-epoch"))


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


def test_a_run_deleted_by_somebody_else_is_let_go_of(told: Told, store: RunStore) -> None:
    run = recorded(store, Status.RUNNING)
    at = open_page(run=run.id)
    store.discard(run.id)
    at = click(at, "studio-play")
    assert "may have been deleted" in words(at, "info")
    assert shown(at)["run"] is None
