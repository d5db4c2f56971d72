"""Clicking the confusion matrix shows what is in the cell."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import Page, expect

from nnviz.charts.confusion import ConfusionInfo, confusion_info
from nnviz.data.datasets import DATASETS
from nnviz.executor.recorder import train_run
from nnviz.spec.network import NetworkSpec, build_model
from nnviz.spec.train_config import TrainConfig
from nnviz.store.run import Status
from nnviz.store.runs import RunStore
from nnviz.train.evaluation import evaluate
from nnviz.ui.results import SHOWN, cells
from tests.browser.conftest import PHONE, OpenPage, click_point, place
from tests.browser.stage import serve


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory, mnist_root: Path) -> Iterator[tuple[str, ConfusionInfo]]:
    """The address of the app, and what its matrix must say."""
    folder = tmp_path_factory.mktemp("results")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NNVIZ_DATA", str(mnist_root))
        store = RunStore(folder / "runs")
        run = store.create(NetworkSpec(), TrainConfig(per_class=200, epochs=1, lr=0.02))
        assert train_run(store, run.id) is Status.FINISHED
        dataset = DATASETS["mnist"]
        model = build_model(run.network, dataset.input_shape, len(dataset.classes), 0)
        model.load_state_dict(store.checkpoints.load(run.id).model)
        info = confusion_info(evaluate(model, dataset, dataset.load().test).confusion().numpy(), dataset.classes)
        store.close()
    app = Path(__file__).with_name("results_app.py")
    with serve(app, folder, NNVIZ_DATA=str(mnist_root), NNVIZ_RUNS=str(folder / "runs")) as url:
        yield url, info


@pytest.fixture
def results(open_url: OpenPage, recorded: tuple[str, ConfusionInfo], request: pytest.FixtureRequest) -> Page:
    page = open_url(recorded[0], **getattr(request, "param", {}))
    # The first page of a fresh server waits for the imports of torch and for plotly.js.
    expect(page.locator(".st-key-confusion .main-svg").first).to_be_visible()
    expect(page.locator(".st-key-mistakes canvas")).to_have_count(SHOWN)
    return page


def click_cell(page: Page, true: int, answer: int, touch: bool = False) -> None:
    if touch:
        page.touchscreen.tap(*place(page, "confusion", answer, true))
    else:
        click_point(page, "confusion", answer, true)


def expect_images(page: Page, info: ConfusionInfo, true: int, answer: int) -> None:
    count = min(SHOWN, int(info.counts[true, answer]))
    expect(page.locator(".st-key-cell-images canvas")).to_have_count(count)
    expect(page.locator(".st-key-cell-images .title")).to_have_text([f"{true} → {answer}"] * count)


def test_the_accuracy_is_the_networks(results: Page, recorded: tuple[str, ConfusionInfo]) -> None:
    info = recorded[1]
    expect(results.locator(".st-key-test-accuracy")).to_contain_text(f"{info.accuracy:.2%}")
    expect(results.locator(".st-key-results")).to_contain_text(f"{info.right:,} of 10,000 right")


def test_clicking_cells_and_going_back(results: Page, recorded: tuple[str, ConfusionInfo]) -> None:
    info = recorded[1]
    first, second = cells(info)[:2]
    results.locator(".st-key-confusion .nnviz-plot").evaluate_all("elements => { window.kept = elements; }")
    for cell in (first, second, first):
        click_cell(results, *cell)
        expect_images(results, info, *cell)
        expect(results.locator(".st-key-confusion .shapelayer path")).to_have_count(1)
    results.get_by_role("button", name="Back to all mistakes").click()
    expect(results.locator(".st-key-mistakes canvas")).to_have_count(SHOWN)
    click_cell(results, *first)
    expect_images(results, info, *first)
    assert results.evaluate("window.kept[0].isConnected"), "the matrix was drawn anew"


def test_an_empty_cell_and_a_right_one_can_be_clicked(results: Page, recorded: tuple[str, ConfusionInfo]) -> None:
    info = recorded[1]
    rows, columns = (info.counts == 0).nonzero()
    click_cell(results, int(rows[0]), int(columns[0]))
    expect(results.locator(".st-key-cell-images")).to_contain_text(f"No image of {rows[0]} was answered with")
    click_cell(results, 1, 1)
    expect_images(results, info, 1, 1)
    expect(results.locator(".st-key-cell-images")).to_contain_text(re.compile(r"images of 1 were answered with 1"))


@pytest.mark.parametrize("results", [{"viewport": PHONE, "has_touch": True, "is_mobile": True}], indirect=True)
def test_on_a_phone_a_tap_does_it_and_nothing_sticks_out(results: Page, recorded: tuple[str, ConfusionInfo]) -> None:
    info = recorded[1]
    cell = cells(info)[0]
    click_cell(results, *cell, touch=True)
    expect_images(results, info, *cell)
    assert results.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= PHONE["width"]


def test_the_predictions_can_be_had(results: Page) -> None:
    with results.expect_download() as waiting:
        results.locator(".st-key-download-predictions button").click()
    lines = Path(waiting.value.path()).read_text(encoding="utf-8-sig").splitlines()
    assert len(lines) == 10_001
    assert lines[0].startswith("index,true,answer")
