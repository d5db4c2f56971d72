"""The Sweep page in a real Chromium: a sweep starts, its map recolours, a cell is clicked, a point becomes a run."""

from __future__ import annotations

import re

import pytest

from nnviz.ui.pages.sweep.pictures import SECTIONS
from tests.browser.conftest import PHONE, OpenPage, click_point, rest
from tests.browser.test_train import button, run_of

playwright = pytest.importorskip("playwright.sync_api")

from playwright.sync_api import Page, expect  # noqa: E402

pytestmark = pytest.mark.usefixtures("mnist_root")

RATES = "0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 100"
"""From the last one every net runs away."""

CELLS = """trace => {
    const plot = document.querySelector('.st-key-sweep-map .js-plotly-plot');
    return plot && plot._fullData ? [...plot._fullData.at(trace).z].map(row => [...row]) : [];
}"""
"""What a part of the map shows as colours, row by row from below; null in cells that it leaves to the others."""

DIVERGED, SCORES = 1, 2
"""Parts of the map."""

KNOWN = f"least => ({CELLS})({SCORES}).flat().filter(Number.isFinite).length >= least"

POINT = ".st-key-sweep-point"


def begin(open_page: OpenPage, path: str, epochs: int = 2) -> Page:
    """A sweep of 8 × 8 small nets, just started."""
    page = open_page(path)
    rates = page.locator(".st-key-sweep-lr-values input")
    expect(rates).to_be_visible()
    rest(page)
    page.locator(".st-key-sweep-epochs input").fill(str(epochs))
    rates.fill(RATES)
    before = page.url  # which shows the newest sweep there was
    button(page, "sweep-start").click()  # the values arrive with the click
    page.wait_for_url(lambda url: "sweep=" in url and url != before)
    return page


@pytest.fixture
def over(open_page: OpenPage, made: list[str]) -> str:
    """The address of a sweep that is over."""
    if not made:
        page = begin(open_page, "/Sweep?net=dense_16_identity&per_class=200")
        expect(page.get_by_test_id("stProgress")).to_contain_text("64 of 64 trainings are done")
        made.append(page.url)
    return made[0]


@pytest.fixture
def done(open_page: OpenPage, over: str) -> Page:
    """Its page."""
    page = open_page(over)
    page.wait_for_function(KNOWN, arg=32)
    rest(page)
    return page


def test_cells_recolour_while_they_train(open_page: OpenPage) -> None:
    page = begin(open_page, "/Sweep?net=dense_32&per_class=1000", epochs=30)
    page.wait_for_function(KNOWN, arg=4)
    before = page.evaluate(CELLS, SCORES)
    at = next((row, column) for row in range(8) for column in range(8) if before[row][column] is not None)
    page.wait_for_function(
        f"([row, column, before]) => ({CELLS})({SCORES})[row][column] !== before", arg=[*at, before[at[0]][at[1]]]
    )
    button(page, "sweep-stop").click()
    expect(button(page, "sweep-resume")).to_be_visible()


def runaways(page: Page) -> list[tuple[int, int]]:
    """Column and row of the cells that diverged."""
    cells = page.evaluate(CELLS, DIVERGED)
    return [(column, row) for row in range(8) for column in range(8) if cells[row][column] is not None]


def test_where_training_runs_away_is_seen_and_said(done: Page) -> None:
    away = runaways(done)
    assert {(7, row) for row in range(8)} <= set(away)
    assert done.locator(".st-key-sweep-map .annotation-text", has_text="✕").count() == len(away)
    scores = done.evaluate(CELLS, SCORES)
    assert all((column, row) in away for row in range(8) for column in range(8) if scores[row][column] is None)
    expect(done.locator(".st-key-sweep-lessons")).to_contain_text("It diverges")


def test_a_click_on_a_cell_opens_its_run(done: Page) -> None:
    click_point(done, "sweep-map", 7, 3)
    expect(done.locator(POINT)).to_contain_text("learning rate 100")
    expect(done.locator(POINT)).to_contain_text("diverged")
    click_point(done, "sweep-map", 4, 2)
    expect(done.locator(POINT)).to_contain_text("learning rate 0.03, momentum 0.5")
    button(done, "sweep-open-train").click()
    expect(done.locator(".st-key-curves-plot .lines path.js-line").first).to_be_attached()
    expect(done.locator("[data-testid=stMain]")).to_contain_text("0.03")


def test_the_best_point_becomes_a_full_run(done: Page) -> None:
    expect(done.locator(POINT)).to_contain_text("The best trial so far")
    two_epochs = re.search(r"done after step ([\d,]+)", done.locator(POINT).inner_text())
    assert two_epochs
    epochs = done.locator(".st-key-sweep-full-epochs input")
    epochs.fill("3")
    button(done, "sweep-promote").click()  # the number arrives with it
    expect(done.locator(".st-key-results")).to_be_visible()
    assert run_of(done)
    steps = int(two_epochs[1].replace(",", "")) // 2 * 3
    expect(done.get_by_test_id("stProgress")).to_contain_text(f"Finished after step {steps:,}")


def test_every_section_fits_a_phone(open_page: OpenPage, over: str) -> None:
    phone = open_page(over, viewport=PHONE, has_touch=True, is_mobile=True)
    expect(phone.locator(".st-key-sweep-section-map")).to_be_visible()
    for name, (title, _) in SECTIONS.items():
        if name != "map":  # which is open
            rest(phone)
            phone.locator(".st-key-sweep-look button", has_text=title).first.tap()
        expect(phone.locator(f".st-key-sweep-section-{name}")).to_be_visible()
        rest(phone)
        width = phone.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth")
        assert width <= PHONE["width"], title
