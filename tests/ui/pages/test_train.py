"""The Train page without a browser: what it shows of each state, and what its buttons do."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.proto.WidgetStates_pb2 import WidgetStates
from streamlit.runtime.scriptrunner import RerunData, get_script_run_ctx
from streamlit.testing.v1 import AppTest

from nnviz.data.datasets import DATASETS, OFFLINE, STYLES, Dataset
from nnviz.data.download import Preparation, Progress
from nnviz.data.styles import TRAIN_SIZE
from nnviz.process import this_process
from nnviz.spec.layers.dense import Dense
from nnviz.spec.network import NetworkSpec
from nnviz.spec.presets import PRESETS
from nnviz.spec.recipes import robust_config
from nnviz.spec.train_config import TrainConfig
from nnviz.store.run import Run, Status
from nnviz.store.runs import RunStore
from nnviz.train.events import Batch, Change, Epoch
from nnviz.ui import services, state
from nnviz.ui.components.row_table import Cell
from nnviz.ui.format import duration, plain
from nnviz.ui.pages.train.live import progress_words
from nnviz.ui.pages.train.recipe import ROBUST_IN_WORDS
from nnviz.ui.pages.train.run_list import COLUMNS, rows, table_csv
from nnviz.ui.state import Setup
from nnviz.ui.training import ANSWERED_WITHIN, Asked, steered
from tests.pages import click, keys, open_page, parameter, progress, rerun, words
from tests.waiting import wait_until

TRAIN = "pages/2_Train.py"
NETWORK = NetworkSpec((Dense(32),))
LONG = {"net": "dense_32", "epochs": "1000", "per_class": "300"}


@pytest.fixture
def store(app_runs: Path, images_at_hand: None) -> Iterator[RunStore]:
    """The store that the pages read, empty again afterwards."""
    store = RunStore(app_runs)
    yield store
    for run in store.runs():
        if store.owner(run.id).startswith(f"{os.getpid()}:"):
            store.delete(run.id)  # only recorded, never trained
        else:
            services.executor().delete(run)
    for run in store.discarded():
        store.delete(run.id)
    store.close()


def recorded(store: RunStore, status: Status, reason: str = "", config: TrainConfig | None = None) -> Run:
    """A run that this process claims to train."""
    run = store.create(NETWORK, config or TrainConfig())
    store.writer.set_status(run.id, store.run(run.id).attempt, status, reason)
    return store.run(run.id)


def open_train(**query: str) -> AppTest:
    return open_page(TRAIN, **query)


def setup_of(at: AppTest) -> Setup:
    setup: Setup = at.session_state["setup"]
    return setup


# ---------------------------------------------------------------------- before the first run


def test_the_empty_page_says_what_to_press(store: RunStore) -> None:
    at = open_train()
    assert "Nothing is training yet\nPress **Train**" in words(at)
    assert "No run yet" in words(at)
    assert {"train", "train-one-batch", "train-one-epoch"} <= keys(at)
    assert not at.button(key="train").disabled
    assert "784-128-10 · SGD 0.001" in words(at)


def test_where_there_are_runs_it_says_to_pick_one(store: RunStore) -> None:
    recorded(store, Status.STOPPED)
    assert "No run is shown\nPick one in the list below, or press **Train**" in words(open_train())


def test_bad_parts_of_a_link_are_told_once_and_as_text(store: RunStore) -> None:
    at = open_train(net="conv_8_x", lr="[free](http://example.org)", epochs="7")
    told = words(at, "warning")
    assert "The network of the link was not used. Layer 1: " in told
    assert "Learning rate must be a number from 0 to 100, not '[free](http://example.org)'." in told
    assert r"\[free\]\(http" in at.warning[0].value  # else it would be a link
    assert setup_of(at) == Setup(NetworkSpec(), TrainConfig(epochs=7))
    assert not rerun(at).warning


def test_settings_that_do_not_fit_together_are_said_and_block_the_start(store: RunStore) -> None:
    at = open_train(net="dense_32~batchnorm", batch_size="1")
    assert "The next run can't be started. Batch size must be at least 2 with batch normalisation" in words(
        at, "warning"
    )
    assert at.button(key="train").disabled
    assert at.button(key="train-one-epoch").disabled
    at.text_input(key="recipe-batch_size").set_value("2")
    rerun(at)
    assert not at.button(key="train").disabled
    assert not at.warning


def test_what_an_optimizer_does_not_use_is_disabled(store: RunStore) -> None:
    at = open_train()
    assert not at.text_input(key="recipe-momentum").disabled
    at.selectbox(key="recipe-optimizer").set_value("adam")
    rerun(at)
    assert at.text_input(key="recipe-momentum").disabled
    assert at.toggle(key="recipe-nesterov").disabled
    assert "Adam" in words(at)
    assert parameter(at, "optimizer") == "adam"


def test_back_to_the_classic_recipe(store: RunStore) -> None:
    at = open_train(lr="0.5", loss="mse")
    assert setup_of(at).config == TrainConfig(lr=0.5, loss="mse")
    click(at, "classic-recipe")
    assert setup_of(at).config == TrainConfig()
    assert "classic-recipe" not in keys(at)


# ---------------------------------------------------------------------- a run shown


ENDINGS = [
    (Status.STOPPED, "Stopped by hand.", "info", True),
    (Status.INTERRUPTED, "Its process was killed (SIGKILL).", "warning", True),
    (Status.FAILED, "The run could not be recorded any more: *no space* left.", "error", True),
    (Status.DIVERGED, "The loss became infinite at step 7: try a learning rate of 0.1 or less.", "error", False),
]


@pytest.mark.parametrize(("status", "reason", "kind", "resumable"), ENDINGS)
def test_how_a_run_ended_is_said_in_words(
    store: RunStore, status: Status, reason: str, kind: str, resumable: bool
) -> None:
    run = recorded(store, status, reason)
    at = open_train(run=run.id)
    assert words(at, kind).splitlines()[0] == reason
    assert str(getattr(at, kind)[0].value) == plain(reason)  # an exception's words are no markup
    assert progress(at) == f"{status.capitalize()} after step 0"
    assert ("resume-run" in keys(at)) is resumable
    assert {"train", "run-again", "run-again-new-seed"} <= keys(at)
    assert not any(key.startswith("control-") for key in keys(at))


def test_a_running_and_a_paused_run_have_their_buttons(store: RunStore) -> None:
    run = recorded(store, Status.RUNNING)
    at = open_train(run=run.id)
    assert {"control-pause", "control-stop", "train-another"} <= keys(at)
    assert "control-resume" not in keys(at)
    store.writer.set_status(run.id, store.run(run.id).attempt, Status.PAUSED)
    rerun(at)
    assert {"control-resume", "control-batch", "control-epoch", "control-stop", "train-another"} <= keys(at)
    assert "control-pause" not in keys(at)
    assert progress(at).startswith("Paused in epoch 1 of 10, after step 0")


def test_only_settings_that_count_can_be_changed_while_it_runs(store: RunStore) -> None:
    fields = {f"steer-{name}" for name in ("lr", "momentum", "batch_size")}
    sgd = open_train(run=recorded(store, Status.RUNNING).id)
    assert {one.key for one in sgd.text_input if one.key and one.key.startswith("steer-")} == fields
    adam = open_train(run=recorded(store, Status.RUNNING, config=TrainConfig(optimizer="adam")).id)
    assert {one.key for one in adam.text_input if one.key and one.key.startswith("steer-")} == fields - {
        "steer-momentum"
    }


def test_what_was_changed_while_it_ran_is_what_the_fields_show(store: RunStore) -> None:
    run = recorded(store, Status.RUNNING)
    store.writer.add_change(run.id, Change(3, "lr", 0.001, 0.25))
    at = open_train(run=run.id)
    assert at.text_input(key="steer-lr").value == "0.25"
    assert at.text_input(key="recipe-lr").value == "0.001"  # the next run is another matter


@pytest.mark.parametrize("page", [TRAIN, "pages/1_Build.py"])
def test_that_trainings_wait_for_locked_records_is_said(store: RunStore, page: str) -> None:
    run = recorded(store, Status.RUNNING)
    note = store.root / f"runs.sqlite.waiting-{os.getpid()}"
    note.write_text(this_process())
    assert [at.value for at in open_page(page, run=run.id).warning if "another program has locked" in at.value]
    note.unlink()
    assert "another program has locked" not in words(open_page(page, run=run.id))


def test_a_change_asked_counts_until_the_run_had_time_to_take_it(store: RunStore) -> None:
    run = recorded(store, Status.RUNNING)
    store.writer.add_change(run.id, Change(3, "lr", 0.001, 0.25))
    asked = {(run.id, "lr"): Asked(0.5, step=10, at=100.0), ("another", "momentum"): Asked(0.1, 10, 100.0)}
    assert steered(store, run, asked, now=100.1) == TrainConfig(lr=0.5)
    assert steered(store, run, asked, now=100 + ANSWERED_WITHIN) == TrainConfig(lr=0.25)  # it was refused
    store.writer.set_status(run.id, store.run(run.id).attempt, Status.PAUSED)
    assert steered(store, store.run(run.id), asked, now=1000.0) == TrainConfig(lr=0.5)  # it waits for the next batch
    store.writer.add_change(run.id, Change(12, "lr", 0.25, 0.75))  # another tab's, later
    assert steered(store, store.run(run.id), asked, now=100.1) == TrainConfig(lr=0.75)


def test_progress_counts_epochs_batches_and_the_time_left(store: RunStore) -> None:
    run = recorded(store, Status.RUNNING, config=TrainConfig(epochs=3, batch_size=600))
    store.writer.add_epoch(run.id, Epoch(1, 100, 0.5, 0.8, 0.4, 0.85))
    store.writer.add_change(run.id, Change(100, "batch_size", 600, 300))
    store.writer.add_batches(run.id, 0, [Batch(120, 0.4, 0.9, 0.001, 300)], seconds=2.0, steps=500, speed=6000.0)
    # 380 batches of 300 images are left, at 6,000 images a second.
    assert progress_words(store, store.run(run.id)) == (
        "Epoch 2 of 3, batch 20 of 200 · step 120 of 500 · 6,000 images/s · 19 s left"
    )


def test_a_waiting_run_says_its_place(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NNVIZ_SLOTS", "2")
    recorded(store, Status.RUNNING)
    first = recorded(store, Status.QUEUED)
    assert progress(open_train(run=first.id)) == "Starting …"  # a place is free
    recorded(store, Status.RUNNING)
    second = recorded(store, Status.QUEUED)
    at = open_train(run=second.id)
    assert progress(at) == "Waiting for a free place: number 2 in the queue. 2 runs train at once."
    assert at.button(key="control-pause").disabled
    assert not at.button(key="control-stop").disabled


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (125, "2 min 05 s"), (93_600, "26 h 00 min")],
)
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_how_the_curves_are_drawn_outlasts_a_visit_to_another_page(store: RunStore) -> None:
    run = recorded(store, Status.STOPPED)
    at = open_train(run=run.id)
    at.toggle(key="curve-log").set_value(True)
    rerun(at)
    rerun(at.switch_page("pages/1_Build.py"))
    rerun(at.switch_page(TRAIN))
    assert at.toggle(key="curve-log").value is True
    assert at.slider(key="curve-smoothing").value == 0.9


# ---------------------------------------------------------------------- the runs


def cells(store: RunStore, run: Run) -> dict[str, Cell]:
    """What the list says of a run, by column."""
    (row,) = [row for row in rows(store.runs()) if row.id == run.id]
    return {column.title: cell for column, cell in zip(COLUMNS, row.cells, strict=True)}


def test_the_table_has_no_accuracy_before_the_first_whole_epoch(store: RunStore) -> None:
    run = recorded(store, Status.RUNNING)
    assert cells(store, run)["Test accuracy"] == Cell("–", None)
    store.writer.add_epoch(run.id, Epoch(1, 100, 0.5, 0.8, 0.4, 0.934799999))
    shown = cells(store, run)
    assert (shown["Name"].text, shown["State"].text) == (run.name, "running")
    assert shown["Test accuracy"] == Cell("93.48 %", 0.934799999)


def test_the_list_as_a_table_for_spreadsheets(store: RunStore) -> None:
    run = recorded(store, Status.STOPPED)
    store.rename(run.id, "=1+1")
    head, line = table_csv(store.runs()).splitlines()
    assert head == "id,Name,State,Progress,Test accuracy,Data,Started,Note"
    assert line.startswith(f"{run.id},'=1+1,stopped,0 %,–,MNIST,")


def test_a_name_and_a_note_are_kept_and_shown_as_text(store: RunStore) -> None:
    run = recorded(store, Status.STOPPED)
    at = open_train(run=run.id)
    name = "**bold** <b>tag</b> :smile: $x$"
    at.text_input(key="run-name").set_value(name)
    rerun(at)
    at.text_input(key="run-note").set_value("before the <i>exam</i>")
    rerun(at)
    assert (store.run(run.id).name, store.run(run.id).note) == (name, "before the <i>exam</i>")
    assert f"## {plain(name)}" in [element.value for element in at.markdown]
    shown = cells(store, run)
    assert (shown["Name"].text, shown["Note"].text) == (name, "before the <i>exam</i>")
    at.text_input(key="run-name").set_value("")
    rerun(at)
    assert at.text_input(key="run-name").value == run.name  # the one that describes the set-up


def test_deleting_the_run_shown_leads_back_to_the_empty_page_and_can_be_undone(store: RunStore) -> None:
    run = recorded(store, Status.STOPPED)
    at = open_train(run=run.id)
    click(at, "delete-run-sure")
    assert store.runs() == []
    assert "Nothing is training yet" in words(at)
    assert f"Deleted: **{run.name}**." in words(at, "markdown")
    assert "run" not in at.query_params
    click(at, "undo-delete")
    assert [one.id for one in store.runs()] == [run.id]
    assert parameter(at, "run") == run.id
    assert "undo-delete" not in keys(at)


def test_whoever_comes_later_finds_what_was_deleted_in_the_bin(store: RunStore) -> None:
    first, second = recorded(store, Status.STOPPED), recorded(store, Status.FINISHED)
    for run in (first, second):
        store.discard(run.id)
    at = open_train()
    assert "undo-delete" not in keys(at)  # it was not this session
    assert [key for key in keys(at) if key.startswith("restore-")]
    click(at, f"restore-{first.id}")
    assert [run.id for run in store.runs()] == [first.id]
    assert [run.id for run in store.discarded()] == [second.id]


def test_a_run_deleted_by_somebody_else_is_let_go_of(store: RunStore) -> None:
    run = recorded(store, Status.RUNNING)
    at = open_train(run=run.id)
    store.delete(run.id)
    rerun(at)
    assert words(at, "info") == f"There is no run '{run.id}'; it may have been deleted."
    assert "run" not in at.query_params
    assert not rerun(at).info  # told once


def test_clicks_on_a_run_that_is_gone_do_no_harm(store: RunStore) -> None:
    for key in ("delete-run-sure", "resume-run"):
        run = recorded(store, Status.STOPPED)
        at = open_train(run=run.id)
        store.delete(run.id)
        click(at, key)
        assert store.runs() == []


@pytest.mark.parametrize("run_id", ["nonsense", "../../etc", "[x](http://example.org)", ""])
def test_an_unknown_run_of_a_link(store: RunStore, run_id: str) -> None:
    at = open_train(run=run_id)
    assert [plain(run_id) in info.value for info in at.info] == ([True] if run_id else [])
    assert "Nothing is training yet" in words(at)


def test_the_run_shown_comes_back_and_stands_in_the_address(store: RunStore) -> None:
    """The links between the pages carry no run; a refresh must show the same run all the same."""
    run = recorded(store, Status.STOPPED)
    at = open_train(run=run.id)
    rerun(at.switch_page("pages/1_Build.py"))
    at.query_params.clear()
    rerun(at.switch_page(TRAIN))
    assert parameter(at, "run") == run.id


def test_an_address_that_is_late_does_not_bring_back_the_run_before(
    store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refresh that was under way when the address changed still brings the old one; so does the button for back."""
    first, second = (recorded(store, Status.STOPPED) for _ in range(2))
    at = open_train(run=first.id)
    at.session_state["looking_at"].choose(second.id)
    assert parameter(rerun(at), "run") == second.id
    at.query_params["run"] = first.id
    assert parameter(rerun(at), "run") == second.id
    at.query_params["run"] = first.id
    monkeypatch.setattr(state, "went_back", lambda: True)
    assert parameter(rerun(at), "run") == first.id


# ---------------------------------------------------------------------- what goes wrong


def test_a_full_disk_is_said_where_a_run_can_not_be_created(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: RunStore, *args: object, **kwargs: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    at = open_train()
    monkeypatch.setattr(RunStore, "create", full)
    click(at, "train")
    told = words(at, "error")
    assert "database or disk is full" in told
    assert str(store.root) in told
    assert "Free some space" in told
    assert "Nothing is training yet" in words(at)
    assert not rerun(at).error


@pytest.fixture
def without_mnist(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """A machine without network and MNIST; the names of what is there, to be changed. Nothing is got."""
    present = {OFFLINE}
    monkeypatch.setattr(Dataset, "available", lambda self, root=None: self.name in present)
    monkeypatch.setattr(Dataset, "problem", lambda self, root=None: None)
    monkeypatch.setattr(Preparation, "start", lambda self, name: None)
    monkeypatch.setattr(Preparation, "progress", lambda self, name: Progress(problem=f"{name} can't be reached."))
    return present


def test_without_mnist_the_page_says_what_is_used_and_the_run_records_it(
    store: RunStore, without_mnist: set[str]
) -> None:
    at = open_train()
    assert words(at, "warning") == "Mnist can't be reached."
    offline = DATASETS[OFFLINE]
    assert f"Until MNIST is here, everything runs on **{offline.title}**: {offline.origin}." in words(at)
    assert "retry-data" in keys(at)
    run = recorded(store, Status.STOPPED, config=TrainConfig(data=OFFLINE))
    at.query_params["run"] = run.id
    assert f"{offline.title} · seed 0" in words(rerun(at))


def test_until_the_styles_are_made_mnist_is_used(store: RunStore, without_mnist: set[str]) -> None:
    without_mnist.add("mnist")
    at = open_train(data=STYLES)
    mnist = DATASETS["mnist"]
    assert f"Until {DATASETS[STYLES].title} is here, everything runs on **{mnist.title}**: {mnist.origin}." in words(at)


def test_the_notice_goes_as_soon_as_mnist_is_there(store: RunStore, without_mnist: set[str]) -> None:
    at = open_train()
    without_mnist.add("mnist")
    rerun(at)
    assert "retry-data" not in keys(at)
    assert not at.warning


def test_with_no_data_at_all_nothing_can_be_started(store: RunStore, without_mnist: set[str]) -> None:
    without_mnist.clear()
    at = open_train()
    assert at.button(key="train").disabled
    assert "Training can begin as soon as the images are here." in words(at)
    assert "everything runs on" not in words(at)
    at = open_train(run=recorded(store, Status.STOPPED).id)
    assert at.button(key="run-again").disabled
    assert at.button(key="train-one-batch").disabled


@pytest.mark.parametrize("broken", ["a file", "no database"])
def test_a_broken_runs_folder_is_said_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    folder = tmp_path / "runs"
    if broken == "a file":
        folder.write_text("this is no folder")
    else:
        folder.mkdir()
        (folder / "runs.sqlite").write_text("this is no database, and long enough to be looked at" * 100)
    monkeypatch.setenv("NNVIZ_RUNS", str(folder))
    st.cache_resource.clear()
    try:
        at = open_train()
        assert f"The runs folder {folder} can't be used" in words(at, "error")
        assert "NNVIZ_RUNS" in words(at, "error")
        assert not at.button
    finally:
        st.cache_resource.clear()


# ---------------------------------------------------------------------- a real training


@pytest.mark.usefixtures("mnist_root")
def test_start_pause_one_batch_change_and_stop(store: RunStore) -> None:
    at = click(open_train(**LONG), "train")
    (run,) = store.runs()
    assert parameter(at, "run") == run.id
    assert (run.network, run.config.epochs, run.config.per_class) == (NETWORK, 1000, 300)

    def is_(status: Status) -> Callable[[], bool]:
        return lambda: store.run(run.id).status is status

    wait_until(lambda: len(store.history.epochs(run.id)) > 0)
    click(rerun(at), "control-pause")
    wait_until(is_(Status.PAUSED))
    step = store.run(run.id).step
    rerun(at).text_input(key="steer-lr").set_value("0.02")
    rerun(at)
    assert at.text_input(key="steer-lr").value == "0.02"
    click(at, "control-batch")
    wait_until(lambda: store.run(run.id).step == step + 1 and is_(Status.PAUSED)())
    assert store.history.changes(run.id) == [Change(step, "lr", 0.001, 0.02)]
    assert f"after step {step + 1:,} of" in progress(rerun(at))
    assert f"At the end of epoch {store.history.epochs(run.id)[-1].epoch}." in words(at)
    click(at, "control-stop")
    wait_until(is_(Status.STOPPED))
    rerun(at)
    assert words(at, "info") == "Stopped by hand."
    assert "Results on the test images" in words(at)
    click(at, "resume-run")
    wait_until(is_(Status.RUNNING))


@pytest.mark.usefixtures("mnist_root")
def test_another_run_can_be_started_while_one_goes_on(store: RunStore) -> None:
    at = click(open_train(**LONG), "train")
    (first,) = store.runs()
    click(at, "train-another")
    second, again = store.runs()
    assert again.id == first.id
    assert parameter(at, "run") == second.id
    wait_until(lambda: all(run.status is Status.RUNNING for run in store.runs()))


@pytest.mark.usefixtures("mnist_root")
def test_an_edit_that_arrives_with_the_click_is_part_of_the_run(store: RunStore) -> None:
    """As when somebody types a number and presses the button without leaving the field."""
    at = open_train(**LONG)
    at.text_input(key="recipe-lr").set_value("0.05")
    click(at, "train-one-batch")
    (run,) = store.runs()
    assert run.config.lr == 0.05
    at.text_input(key="recipe-seed").set_value("7")
    click(at, "robust-recipe")
    assert at.text_input(key="recipe-seed").value == "7"
    assert at.text_input(key="recipe-lr").value == f"{robust_config(NetworkSpec()).lr:g}"


def test_the_recipe_s_words_are_its_numbers() -> None:
    dense, convolutional = (robust_config(PRESETS[name].network) for name in ("classic", "small_cnn"))
    assert f"in each of {dense.epochs} epochs ({convolutional.epochs} with convolutions)" in ROBUST_IN_WORDS
    assert f"{TRAIN_SIZE:,} computer-drawn digits" in ROBUST_IN_WORDS


@pytest.mark.usefixtures("mnist_root")
def test_one_batch_starts_a_run_that_pauses(store: RunStore) -> None:
    click(open_train(**LONG), "train-one-batch")
    (run,) = store.runs()
    wait_until(lambda: store.run(run.id).status is Status.PAUSED)
    assert store.run(run.id).step == 1


@pytest.mark.usefixtures("mnist_root")
def test_again_with_the_same_and_with_a_new_seed(store: RunStore) -> None:
    config = TrainConfig(epochs=1, per_class=20, seed=5)
    run = recorded(store, Status.STOPPED, config=config)
    click(open_train(run=run.id), "run-again")
    click(open_train(run=run.id), "run-again-new-seed")
    new, same, _ = store.runs()
    assert same.config == config
    assert new.config == config.with_(seed=new.config.seed)
    assert new.config.seed != 5
    wait_until(lambda: not any(run.status.active for run in store.runs()))
    assert {run.status for run in store.runs()} == {Status.STOPPED, Status.FINISHED}


@pytest.mark.usefixtures("mnist_root")
def test_a_click_broken_off_by_a_redraw_starts_one_run_all_the_same(
    store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Streamlit breaks a callback off wherever it uses `st`, and does it again, when a redraw is wanted meanwhile."""
    at = open_train(**LONG)
    created, create = [], RunStore.create

    def create_and_redraw(self: RunStore, *args: object) -> Run:
        created.append(run := create(self, *args))  # type: ignore[arg-type]
        context = get_script_run_ctx()
        assert context
        assert context.script_requests
        if len(created) == 1:
            others = WidgetStates(
                widgets=[one for one in at._tree.get_widget_states().widgets if not one.trigger_value]
            )
            context.script_requests.request_rerun(RerunData(widget_states=others))
        return run

    monkeypatch.setattr(RunStore, "create", create_and_redraw)
    click(at, "train")
    assert [run.id for run in store.runs()] == [created[0].id]
    wait_until(lambda: store.run(created[0].id).status is Status.RUNNING)
    assert "control-stop" in keys(rerun(at))
    assert parameter(at, "run") == created[0].id


@pytest.mark.parametrize("text", ["-1", "0.1e", "101"])
def test_nothing_starts_while_a_number_is_none(store: RunStore, text: str) -> None:
    at = open_train()
    at.text_input(key="recipe-lr").set_value(text)
    rerun(at)
    assert at.text_input(key="recipe-lr").value == text
    assert all(at.button(key=key).disabled for key in ("train", "train-one-batch", "train-one-epoch"))
    assert f"Learning rate must be a number from 0 to 100, not '{text}'" in words(at, "warning")
    assert parameter(at, "lr") == "0.001"  # what holds is what it was
    at.text_input(key="recipe-lr").set_value("0,05")
    rerun(at)
    assert at.text_input(key="recipe-lr").value == "0.05"
    assert parameter(at, "lr") == "0.05"
    assert not at.button(key="train").disabled


def test_a_wrong_number_that_comes_with_the_click_starts_nothing(store: RunStore) -> None:
    at = open_train()
    at.text_input(key="recipe-epochs").set_value("1,5")
    click(at, "train")
    assert store.runs() == []
    assert "Epochs must be a whole number" in words(at, "warning")


def test_a_link_to_a_run_sets_the_next_one_up_like_it(store: RunStore) -> None:
    run = recorded(store, Status.RUNNING, config=TrainConfig(lr=0.05, epochs=3))
    at = open_train(run=run.id)
    assert (parameter(at, "net"), parameter(at, "lr"), parameter(at, "epochs")) == ("dense_32", "0.05", "3")
    click(at, "train-another")
    again = store.run(parameter(at, "run"))
    assert again.id != run.id
    assert (again.network, again.config) == (run.network, run.config)


def test_a_link_that_has_a_set_up_of_its_own_keeps_it(store: RunStore) -> None:
    run = recorded(store, Status.RUNNING, config=TrainConfig(lr=0.05))
    at = open_train(run=run.id, lr="0.2")
    assert (parameter(at, "net"), parameter(at, "lr")) == ("dense_128", "0.2")
    assert parameter(open_train(run="gone", lr="0.2"), "lr") == "0.2"
    assert parameter(open_train(run="gone"), "lr") == "0.001"


def test_after_one_batch_its_numbers_are_shown(store: RunStore) -> None:
    run = recorded(store, Status.PAUSED)
    assert {one.label: one.value for one in open_train(run=run.id).metric}["Batch loss"] == "–"
    store.writer.add_batches(run.id, 0, [Batch(1, 2.25, 0.125, 0.001, 64)], seconds=1, steps=10, speed=1)
    shown = {one.label: one.value for one in open_train(run=run.id).metric}
    assert shown == {"Test accuracy": "–", "Batch accuracy": "12.50%", "Batch loss": "2.2500"}


def test_two_reports_at_once_are_two_sentences(store: RunStore) -> None:
    at = open_train()
    at.session_state["reports"] = ["First.", "Second.", "First."]
    rerun(at)
    assert [one.value.replace("\\", "") for one in at.error] == ["First.", "Second."]
    assert not rerun(at).error
