"""The Compare page without a browser: what it says of two trainings, of many, of repetitions and of twins."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from streamlit.testing.v1 import AppTest

from nnviz.analysis.comparison import Difference, differences
from nnviz.analysis.significance import McNemar
from nnviz.data.datasets import STYLES
from nnviz.executor.choice import Choice
from nnviz.executor.recorder import train_run
from nnviz.spec.layers.dense import Dense
from nnviz.spec.network import NetworkSpec
from nnviz.spec.train_config import TrainConfig
from nnviz.store.run import Run, Status
from nnviz.store.runs import RunStore
from nnviz.train.evaluation import Evaluation
from nnviz.train.events import Change
from nnviz.ui import services
from nnviz.ui.pages.compare.page import SECTIONS
from nnviz.ui.pages.compare.predictions import captions, ordered
from nnviz.ui.pages.compare.seeds import judgement
from nnviz.ui.pages.compare.table import FilterProblem, Table, filtered
from nnviz.ui.pages.compare.verdict import verdict
from nnviz.ui.pages.compare.view import _letters
from tests.pages import click, open_page, rerun, words
from tests.waiting import LIMIT_S

PAGE = "pages/5_Compare.py"
CONFIG = TrainConfig(epochs=1, batch_size=50, lr=0.01, checkpoints=4)
NET = NetworkSpec((Dense(16),))


class Told:
    """An executor that remembers what it was told to start, and starts nothing."""

    choice = Choice()

    def __init__(self) -> None:
        self.submitted: list[str] = []

    def submit(self, run_id: str, first: object = None) -> None:
        self.submitted.append(run_id)


@pytest.fixture
def executor(monkeypatch: pytest.MonkeyPatch) -> Told:
    told = Told()
    monkeypatch.setattr(services, "executor", lambda: told)
    return told


def trained(store: RunStore, network: NetworkSpec = NET, name: str = "", **changes: Any) -> Run:
    run = store.create(network, CONFIG.with_(**changes), name)
    train_run(store, run.id)
    return store.run(run.id)


def compare(section: str = "curves", *runs: Run) -> AppTest:
    at = AppTest.from_file(str(Path(__file__).parents[4] / "app.py"), default_timeout=LIMIT_S).switch_page(PAGE)
    if runs:
        at.query_params["runs"] = ",".join(run.id for run in runs)
    at.session_state["compare-look"] = section
    return rerun(at)


def said(at: AppTest) -> str:
    return words(at, "markdown", "caption", "info", "warning")


def chosen(at: AppTest) -> list[str]:
    value: list[str] = at.multiselect(key="compare-runs").value
    return value


def linked(at: AppTest) -> str:
    value = at.query_params["runs"]
    return value if isinstance(value, str) else value[0]


def test_before_the_first_run_it_says_what_to_do(store: RunStore) -> None:
    assert "Nothing to compare yet" in said(open_page(PAGE))


@pytest.mark.parametrize("section", SECTIONS)
@pytest.mark.parametrize("count", [1, 2, 3])
def test_every_section_shows_any_number_of_runs(store: RunStore, section: str, count: int) -> None:
    runs = [trained(store, lr=0.01 * (place + 1)) for place in range(count)]
    at = compare(section, *runs)
    assert "nan" not in said(at).lower()
    assert "None" not in said(at)
    assert chosen(at) == [run.id for run in runs]


@pytest.mark.parametrize("section", SECTIONS)
def test_every_section_bears_a_run_that_waits_and_one_on_other_data(store: RunStore, section: str) -> None:
    waiting = store.create(NET, CONFIG)
    at = compare(section, trained(store), waiting, trained(store, data="fashion_mnist"))
    assert "None" not in said(at)


def test_without_a_choice_the_newest_are_compared(store: RunStore) -> None:
    runs = [trained(store, lr=0.01 * (place + 1)) for place in range(6)]
    at = open_page(PAGE)
    assert set(chosen(at)) == {run.id for run in store.runs()[:4]}
    assert len(at.multiselect(key="compare-runs").options) == len(runs)


def test_the_choice_is_in_the_link_and_outlasts_the_page(store: RunStore) -> None:
    first, second, third = (trained(store, lr=rate) for rate in (0.1, 0.2, 0.3))
    at = compare("curves", third, first)
    at.multiselect(key="compare-runs").set_value([third.id, second.id])
    assert linked(rerun(at)) == f"{third.id},{second.id}"
    rerun(at.switch_page("pages/1_Build.py"))
    assert chosen(rerun(at.switch_page(PAGE))) == [third.id, second.id]


def test_a_run_deleted_meanwhile_is_told_and_let_go(store: RunStore) -> None:
    first, second = trained(store), trained(store, lr=0.2)
    at = compare("curves", first, second)
    store.delete(second.id)
    rerun(at)
    assert "1 run was deleted" in said(at)
    assert (chosen(at), linked(at)) == ([first.id], first.id)
    assert "deleted" not in said(rerun(at))


def test_a_link_of_nonsense_is_borne(store: RunStore) -> None:
    trained(store)
    at = open_page(PAGE, runs="../../etc,<b>,,x")
    assert "3 runs were deleted" in said(at)


def test_the_table_has_a_column_for_what_differs_alone(store: RunStore) -> None:
    first, second = trained(store, name="one"), trained(store, NetworkSpec((Dense(32),)), name="two", lr=0.5)
    at = compare("curves", first, second)
    table = at.dataframe[0].value
    assert list(table["run"]) == ["one", "two"]
    assert list(table["learning rate"]) == [0.01, 0.5]
    assert list(table["Dense 1 units"]) == [16, 32]
    assert "batch size" not in table
    assert table["final test accuracy (%)"][0] == 100 * (first.test_accuracy or 0)
    assert list(table["parameters"]) == [784 * 16 + 16 + 170, 784 * 32 + 32 + 330]
    at.text_input(key="compare-filter").set_value("learning > 0.1")
    assert list(rerun(at).dataframe[0].value["run"]) == ["two"]
    at.text_input(key="compare-filter").set_value("colour > 1")
    assert "There is no column “colour”" in said(rerun(at))


class TestFilter:
    WHOLE = Table(("", "run", "rate", "accuracy"), (("A", "adam", 0.1, 97.5), ("B", "sgd", 0.01, None)))

    @pytest.mark.parametrize(
        ("text", "letters"),
        [
            ("", "AB"),
            ("ADAM", "A"),
            ("rate <= 0.05", "B"),
            ("rate=0.1", "A"),
            ("run = sgd", "B"),
            ("accuracy > 97 %", "A"),
            ("acc < 99", "A"),
            ("adam, rate > 1", ""),
            (" , ", "AB"),
        ],
    )
    def test_rows(self, text: str, letters: str) -> None:
        assert "".join(row[0] for row in filtered(self.WHOLE, text).rows) == letters

    @pytest.mark.parametrize(("text", "problem"), [("weight > 1", "no column"), ("rate > many", "needs a number")])
    def test_problems(self, text: str, problem: str) -> None:
        with pytest.raises(FilterProblem, match=problem):
            filtered(self.WHOLE, text)


def test_two_runs_in_words_with_the_verdict(store: RunStore) -> None:
    good, bad = trained(store, lr=0.1), trained(store, lr=1e-5)
    text = said(compare("pair", bad, good))
    assert "B trains with a learning rate of 0.1 instead of 1e-05; all else is equal." in text
    found = re.search(r"Of 100 test images (\d+) are right only with A and (\d+) only with B", text)
    assert found
    assert int(found[2]) - int(found[1]) == round(100 * ((good.test_accuracy or 0) - (bad.test_accuracy or 0)))
    assert "B reads such images better" in text
    assert "another seed could turn it round" in text


def test_other_images_are_not_compared_one_by_one(store: RunStore) -> None:
    text = said(compare("pair", trained(store), trained(store, data="fashion_mnist")))
    assert "tested on different images" in text


def test_runs_on_mnist_with_and_without_other_styles_are_tested_on_the_same_images(store: RunStore) -> None:
    text = said(compare("pair", trained(store), trained(store, data=STYLES)))
    assert "tested on different images" not in text


def test_which_two_can_be_chosen(store: RunStore) -> None:
    runs = [trained(store, lr=rate) for rate in (0.1, 0.2, 0.3)]
    at = compare("pair", *runs)
    at.selectbox(key="compare-second").set_value(runs[2].id)
    assert "C trains with a learning rate of 0.3 instead of 0.1" in said(rerun(at))
    at.selectbox(key="compare-first").set_value(runs[2].id)
    assert chosen(rerun(at)) == [run.id for run in runs]


class TestVerdict:
    def test_chance(self) -> None:
        text = verdict(McNemar(9000, 20, 26, 954, 0.33, False), ("A", "B"))
        assert "20 are right only with A and 26 only with B" in text
        assert "in about 1 of 3 such comparisons" in text
        assert "no sign that one is better" in text
        assert "chi-square with continuity correction: p = 0.33" in text

    def test_more_than_chance(self) -> None:
        assert "A reads such images better" in verdict(McNemar(9, 22, 2, 1, 0.0001, True), ("A", "B"))

    def test_no_difference(self) -> None:
        assert "no difference to judge" in verdict(McNemar(9, 0, 0, 1, 1.0, True), ("A", "B"))


class TestImages:
    LABELS = torch.tensor([0, 0, 1, 1])

    def evaluations(self) -> list[Evaluation]:
        def of(answers: list[int], sure: list[float]) -> Evaluation:
            probabilities = torch.zeros(4, 2)
            for row, (answer, share) in enumerate(zip(answers, sure, strict=True)):
                probabilities[row, answer], probabilities[row, 1 - answer] = share, 1 - share
            return Evaluation(probabilities, self.LABELS)

        return [of([0, 1, 0, 1], [0.9, 0.6, 0.8, 0.9]), of([1, 0, 0, 1], [0.99, 0.7, 0.7, 0.9])]

    @pytest.mark.parametrize(
        ("which", "of", "expected"),
        [("disagree", None, [0, 1]), ("wrong", None, [2]), ("all", None, [0, 1, 2, 3]), ("all", 1, [2, 3])],
    )
    def test_which_and_in_which_order(self, which: str, of: int | None, expected: list[int]) -> None:
        assert ordered(self.evaluations(), which, of).tolist() == expected

    def test_each_answer_is_told_with_a_mark(self) -> None:
        (caption,) = captions(self.evaluations(), ["A", "B"], ("zero", "one"), torch.tensor([0]))
        assert caption.title == "is zero"
        assert caption.note.split("\n") == ["A ✓ zero · 90.0 %", "B ✗ one · 99.0 %"]


def test_repetitions_start_with_other_seeds_and_are_a_group(store: RunStore, executor: Told) -> None:
    run = trained(store)
    at = compare("seeds", run)
    at.text_input(key="compare-repeat-count").set_value("2")
    click(rerun(at), "compare-repeat")
    assert len(executor.submitted) == 2
    again = [store.run(one) for one in executor.submitted]
    assert {one.config for one in again} == {run.config.with_(seed=1), run.config.with_(seed=2)}
    for one in again:
        train_run(store, one.id)
    table = compare("seeds", run).dataframe[0].value
    assert list(table["finished"]) == [3]
    assert "±" in table["test accuracy"][0]


def test_two_groups_are_judged(store: RunStore) -> None:
    for seed in range(3):
        first, second = trained(store, seed=seed, lr=1e-4), trained(store, seed=seed, lr=1e-3)
    at = compare("seeds", first, second)
    assert "Welch's t-test" in said(at)
    assert len(at.dataframe[0].value) == 2


class TestJudgement:
    def test_too_few(self) -> None:
        assert "A has 1" in judgement([0.9], [0.8, 0.7], ("A", "B"))

    def test_clear(self) -> None:
        text = judgement([0.90, 0.91, 0.905], [0.97, 0.971, 0.972], ("A", "B"))
        assert "of B (3 runs) is 6.60 percentage points higher than that of A (3 runs)" in text
        assert "the settings of B are better" in text

    def test_chance(self) -> None:
        assert "no sign that the settings matter" in judgement([0.9, 0.95, 0.92], [0.91, 0.94, 0.93], ("A", "B"))


def test_a_twin_is_started_chosen_and_shown_beside_the_original(store: RunStore, executor: Told) -> None:
    run = trained(store)
    at = compare("twin", run)
    assert at.button(key="compare-twin-start").disabled  # nothing is different yet
    assert "no twin yet" in said(at)
    at.text_input(key="compare-twin-value").set_value("0.1")
    click(rerun(at), "compare-twin-start")
    (twin,) = (store.run(one) for one in executor.submitted)
    assert twin.config == run.config.with_(lr=0.1)
    assert chosen(rerun(at)) == [run.id, twin.id]
    assert "Waiting for the first step." in said(at)
    train_run(store, twin.id)
    at = compare("twin", run, twin)
    assert "The twin trains with a learning rate of 0.1 instead of 0.01; all else is equal." in said(at)
    losses = {metric.label: metric.value for metric in at.metric}
    assert losses == {
        "Original: loss": f"{store.history.curve(run.id).loss[-1]:.4f}",
        "Twin: loss": f"{store.history.curve(twin.id).loss[-1]:.4f}",
    }
    assert "McNemar's test" in said(at)


@pytest.mark.parametrize("field", ["momentum", "nesterov", "optimizer", "loss", "activation"])
def test_other_things_a_twin_may_differ_in(store: RunStore, executor: Told, field: str) -> None:
    run = trained(store)
    at = compare("twin", run)
    at.selectbox(key="compare-twin-field").set_value(field)
    rerun(at)
    if field == "momentum":
        at.text_input(key="compare-twin-value").set_value("0.5")
    elif field == "nesterov":
        at.toggle(key="compare-twin-value").set_value(True)
    elif field == "activation":
        at.selectbox(key="compare-twin-activation").set_value("tanh")
    else:
        at.selectbox(key="compare-twin-value").select_index(1)
    click(rerun(at), "compare-twin-start")
    assert len(executor.submitted) == 1
    assert train_run(store, executor.submitted[0]) is Status.FINISHED


def test_letters_go_on() -> None:
    assert [_letters(place) for place in (0, 25, 26, 53)] == ["A", "Z", "AA", "BB"]


def test_csv_is_the_table(store: RunStore) -> None:
    from nnviz.table import csv_text
    from nnviz.ui.pages.compare.table import table

    services.store()
    run = trained(store, name="one")
    header, row = csv.reader(io.StringIO(csv_text(*table([run], []))))
    assert header[1] == "run"
    assert row[1] == "one"


def test_what_differs_is_looked_for_once_each_time_the_table_is_drawn(
    store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def counted(runs: Sequence[Run], changes: Mapping[str, Sequence[Change]]) -> list[Difference]:
        asked.append(len(runs))
        return differences(runs, changes)

    monkeypatch.setattr("nnviz.ui.pages.compare.table.differences", counted)
    for rate in (0.01, 0.02):
        trained(store, lr=rate)
    open_page(PAGE)
    assert asked == [2]


def test_before_anything_was_chosen_it_compares_what_the_session_started_or_opened(store: RunStore) -> None:
    mine, other, stranger = (trained(store, lr=0.01 * (place + 1)) for place in range(3))
    for page in ("pages/5_Compare.py", "pages/4_Draw.py"):
        at = open_page("pages/2_Train.py", run=mine.id)
        at.query_params["run"] = other.id
        rerun(at)
        at.query_params.clear()
        rerun(at.switch_page(page))
        key = "compare-runs" if "Compare" in page else "draw-nets"
        assert at.multiselect(key=key).value == ([other.id, mine.id] if "Compare" in page else [other.id])
    assert chosen(open_page(PAGE)) == [stranger.id, other.id, mine.id]
