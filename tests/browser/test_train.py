"""The Train page in a real Chromium: what a person does with a running training, and what survives it."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import parse_qs, urlparse

import pytest

from tests.browser.conftest import PHONE, OpenPage, rest
from tests.waiting import LIMIT_S

playwright = pytest.importorskip("playwright.sync_api")

from playwright.sync_api import Locator, Page, expect  # noqa: E402

pytestmark = pytest.mark.usefixtures("mnist_root")

LONG = "/Train?net=dense_32&lr=0.001&epochs=500"
SHORT = "/Train?net=dense_32&lr=0.05&epochs=2&per_class=300"


@pytest.fixture
def training(open_page: OpenPage) -> Page:
    """A page with a long training that was started there; it ends with the test, as all do."""
    page = open_page(LONG)
    start(page)
    return page


def button(page: Page, key: str) -> Locator:
    """Streamlit draws a button that has a help text twice, one of them for touch."""
    return page.locator(f".st-key-{key} button").first


def run_of(page: Page) -> str:
    page.wait_for_url(re.compile(r"run=[\w-]+"))
    return parse_qs(urlparse(page.url).query)["run"][0]


def end(open_page: OpenPage, run: str) -> None:
    """Stop a training."""
    page = open_page(f"/Train?run={run}")
    button(page, "control-stop").click()
    expect(button(page, "train")).to_be_visible()


def start(page: Page) -> None:
    button(page, "train").click()
    # The very first one may come before the training processes are warm.
    expect(page.locator(".st-key-curves-plot .lines path.js-line").first).to_be_attached()


def step(page: Page) -> int:
    text = page.get_by_test_id("stProgress").inner_text()
    found = re.search(r"step ([\d,]+)", text)
    assert found, text
    return int(found[1].replace(",", ""))


def wait_for_steps(page: Page, more: int) -> None:
    page.wait_for_function(
        """reached => {
            const shown = document.querySelector('[data-testid=stProgress]')?.innerText ?? '';
            const found = shown.match(/step ([\\d,]+)/);
            return found && Number(found[1].replaceAll(',', '')) >= reached;
        }""",
        arg=step(page) + more,
    )


PICTURES = """key => {
    const parts = [...document.querySelectorAll(`.st-key-${key} *`)];
    const shadow = parts.find(part => part.shadowRoot).shadowRoot;
    return [...shadow.querySelectorAll('canvas')].map(canvas => canvas.toDataURL()).join();
}"""
"""All canvases of a component, which draws in a shadow root, as text to be compared."""


def test_everything_moves_while_it_trains(training: Page) -> None:
    wait_for_steps(training, 1)
    for pictures in ("live-weights", "live-digits"):
        expect(training.locator(f".st-key-{pictures} canvas").first).to_be_visible()
    before = training.evaluate(PICTURES, "live-weights")
    wait_for_steps(training, 200)
    training.wait_for_function(
        "() => /images\\/s · .* left/.test(document.querySelector('[data-testid=stProgress]')?.innerText)"
    )
    training.wait_for_function(f"before => ({PICTURES})('live-weights') !== before", arg=before)


def test_zoom_survives_updates(training: Page) -> None:
    wait_for_steps(training, 300)
    box = training.locator(".st-key-curves-plot .draglayer .xy .nsewdrag").bounding_box()
    assert box
    training.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + 0.2 * box["height"])
    training.mouse.down()
    training.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 0.7 * box["height"], steps=5)
    training.mouse.up()
    shown = "() => document.querySelector('.st-key-curves-plot .js-plotly-plot')._fullLayout.xaxis.range.map(Number)"
    training.wait_for_function(
        "() => document.querySelector('.st-key-curves-plot .js-plotly-plot')._fullLayout.xaxis.autorange === false"
    )
    zoomed = training.evaluate(shown)
    wait_for_steps(training, 300)
    assert training.evaluate(shown) == zoomed


def test_pause_one_batch_resume_and_refresh(training: Page, open_page: OpenPage) -> None:
    button(training, "control-pause").click()
    resume = button(training, "control-resume")
    expect(resume).to_be_visible()
    expect(training.get_by_test_id("stProgress")).to_contain_text("Paused")  # it is drawn after the buttons
    at = step(training)
    button(training, "control-batch").click()
    expect(training.get_by_test_id("stProgress")).to_contain_text(f"after step {at + 1:,} of")

    training.reload()
    expect(training.get_by_test_id("stProgress")).to_contain_text(f"after step {at + 1:,} of")
    second = open_page("/" + training.url.partition("//")[2].partition("/")[2])
    expect(second.get_by_test_id("stProgress")).to_contain_text(f"after step {at + 1:,} of")
    button(second, "control-resume").click()
    expect(button(training, "control-pause")).to_be_visible()  # the first tab follows
    wait_for_steps(training, 20)


def test_a_change_while_it_runs_is_kept_and_marked(training: Page) -> None:
    button(training, "steer").click()
    rate = training.locator(".st-key-steer-lr input")
    rate.fill("0.02")
    rate.press("Enter")
    expect(training.locator(".st-key-curves-plot .infolayer")).to_contain_text("learning rate 0.001 → 0.02")
    expect(rate).to_have_value("0.02")
    training.keyboard.press("Escape")
    wait_for_steps(training, 100)
    expect(training.locator(".st-key-curves-plot .infolayer")).not_to_contain_text("0.02 → 0.001")


CLICK_BEFORE_A_TIMER = """key => {
    const end = performance.now() + 1200;  // the live part's timer is due before what the click sends
    while (performance.now() < end);
    document.querySelector(`.st-key-${key} button`).click();
}"""


def test_a_click_that_comes_with_a_timer_starts_one_run(training: Page, app_folder: Path) -> None:
    def ids() -> set[str]:
        with closing(sqlite3.connect(app_folder / "runs" / "runs.sqlite", timeout=LIMIT_S)) as db:
            return {row[0] for row in db.execute("SELECT id FROM runs")}

    before, shown = ids(), run_of(training)
    training.evaluate(CLICK_BEFORE_A_TIMER, "train-another")
    training.wait_for_function("shown => !location.search.includes(shown)", arg=shown)
    option = training.locator(".st-key-curve-raw input")
    training.locator(".st-key-curve-raw label").first.click()
    expect(option).not_to_be_checked()  # the server has answered all that was sent before
    assert ids() - before == {run_of(training)}


def test_what_is_wrong_is_said_and_its_cure_tried_at_a_click(open_page: OpenPage) -> None:
    page = open_page("/Train?lr=50&epochs=1&per_class=100")
    start(page)
    line = page.locator(".st-key-finding")
    expect(line).to_contain_text("The learning rate is too high.")
    ill = run_of(page)
    button(page, "try-cure").click()
    page.wait_for_function("ill => !location.search.includes(ill)", arg=ill)
    cured = row(page, run_of(page))
    expect(cured).to_contain_text("finished")
    expect(line).to_have_count(0)
    rest(page)
    row(page, ill).click()
    page.wait_for_function("ill => location.search.includes(ill)", arg=ill)
    button(page, "go-to-doctor").click()
    expect(page.locator(".st-key-inspect-findings")).to_contain_text("The learning rate is too high")


def test_leaving_the_page_does_not_end_the_run(training: Page) -> None:
    before = step(training)
    training.get_by_role("link", name="Build", exact=True).click()
    expect(training.locator(".st-key-builder")).to_be_visible()
    training.get_by_role("link", name="Train", exact=True).click()
    expect(button(training, "control-pause")).to_be_visible()
    assert step(training) > before
    training.reload()  # the links between the pages carry no run, yet the address is that of this one
    expect(button(training, "control-pause")).to_be_visible()


def row(page: Page, run: str) -> Locator:
    """Of the list of runs."""
    return page.locator(f".st-key-runs tbody tr[data-id='{run}']")


def expect_marked(page: Page, run: str) -> None:
    expect(row(page, run)).to_have_attribute("aria-current", "true")
    expect(page.locator(".st-key-runs tbody tr[aria-current]")).to_have_count(1)


def test_a_second_run_beside_the_first_and_back_to_it_in_the_list(training: Page, open_page: OpenPage) -> None:
    first = run_of(training)
    watcher = open_page(f"/Train?run={first}")
    for page in (training, watcher):
        expect_marked(page, first)
    button(training, "train-another").click()
    training.wait_for_function("first => !location.search.includes(first)", arg=first)
    second = run_of(training)
    expect(training.get_by_test_id("stProgress")).to_contain_text("images/s")

    # The list of the other tab grows by itself, and goes on to show what it showed.
    expect(row(watcher, second)).to_be_visible()
    expect_marked(watcher, first)
    wait_for_steps(watcher, 1)
    assert run_of(watcher) == first

    expect_marked(training, second)
    row(training, first).click()
    training.wait_for_function("first => location.search.includes(first)", arg=first)
    expect(button(training, "control-pause")).to_be_visible()
    expect_marked(training, first)


def test_a_row_picked_in_the_moment_of_a_launch_is_taken(training: Page, open_page: OpenPage) -> None:
    """The list grows under the mouse, of this tab's doing or another's, and the click is for the row it began on."""
    shown = [run_of(training)]
    other = open_page(LONG + f"&run={shown[0]}")
    for page in (training, other, training):
        aim = row(training, shown[0])
        aim.scroll_into_view_if_needed()
        aim.hover()
        training.mouse.down()
        before = run_of(page)
        button(page, "train-another").evaluate("button => button.click()")
        page.wait_for_function("before => !location.search.includes(before)", arg=before)
        shown.append(run_of(page))
        training.mouse.up()
        training.wait_for_function("run => location.search.includes(run)", arg=shown[0])
        expect_marked(training, shown[0])
        expect(row(training, shown[-1])).to_be_visible()


def test_the_list_is_sorted_by_its_heads_and_used_by_keyboard(training: Page) -> None:
    first = run_of(training)
    button(training, "train-another").click()
    training.wait_for_function("first => !location.search.includes(first)", arg=first)
    second = run_of(training)
    ids = "rows => rows.map(row => row.dataset.id)"
    rows = training.locator(".st-key-runs tbody tr")
    expect(row(training, second)).to_be_visible()

    def begun() -> list[str]:
        """When each run of the list was started, as its id says."""
        found: list[str] = rows.evaluate_all(ids)
        return [one[:15] for one in found]

    listed: list[str] = rows.evaluate_all(ids)
    assert listed[:2] == [second, first]  # newest first, but for forks, which stand below their runs
    head = training.locator(".st-key-runs thead button", has_text="Started")
    head.click()
    expect(training.locator(".st-key-runs th[aria-sort=ascending]")).to_have_text("Started")
    assert begun() == sorted(begun())
    head.click()
    expect(training.locator(".st-key-runs th[aria-sort=descending]")).to_have_text("Started")
    assert begun() == sorted(begun(), reverse=True)
    row(training, first).locator("button").focus()
    training.keyboard.press("Enter")
    training.wait_for_function("first => location.search.includes(first)", arg=first)
    expect_marked(training, first)


def test_a_finished_run_shows_its_results_and_can_be_repeated(open_page: OpenPage) -> None:
    page = open_page(SHORT)
    start(page)
    accuracy = page.locator(".st-key-test-accuracy")
    expect(accuracy).to_contain_text("%")
    first = accuracy.inner_text()
    address = page.url
    button(page, "run-again").click()
    expect(page).not_to_have_url(address)
    expect(accuracy).to_contain_text("%")
    expect(accuracy).to_have_text(re.compile(re.escape(first.split()[-1])))
    expect(page.locator(".st-key-runs")).to_be_visible()


def test_a_run_can_be_renamed_noted_and_deleted(open_page: OpenPage) -> None:
    page = open_page(SHORT)
    start(page)
    expect(page.locator(".st-key-test-accuracy")).to_contain_text("%")
    name = page.locator(".st-key-run-name input")
    expect(name).to_have_count(1)  # while the page of the ended run replaces that of the running one there may be two
    name.fill("<b>my</b> first net")
    name.press("Enter")
    expect(page.get_by_role("heading", name="<b>my</b> first net")).to_be_visible()  # as text, not as markup
    watcher = open_page("/Train?run=" + page.url.partition("run=")[2].partition("&")[0])
    expect(watcher.get_by_role("heading", name="<b>my</b> first net")).to_be_visible()
    button(page, "delete-run").click()
    button(page, "delete-run-sure").click()
    expect(page.locator(".st-key-no-run")).to_be_visible()
    watcher.reload()
    expect(watcher.get_by_text("it may have been deleted")).to_be_visible()
    button(page, "undo-delete").click()
    expect(page.get_by_role("heading", name="<b>my</b> first net")).to_be_visible()


def test_a_rate_that_is_too_high_ends_the_run_with_advice(open_page: OpenPage) -> None:
    page = open_page("/Train?net=dense_64_identity~dense_64_identity&lr=50&epochs=2&per_class=300")
    button(page, "train").click()
    expect(page.get_by_text("the weights diverged. Try a learning rate of")).to_be_visible()


def test_a_phone_shows_the_training_first_and_nothing_overflows(open_page: OpenPage) -> None:
    page = open_page(SHORT, viewport=PHONE, has_touch=True)
    button(page, "train").tap()
    expect(page.locator(".st-key-test-accuracy")).to_contain_text("%")
    width = page.evaluate("() => document.querySelector('[data-testid=stMain]').scrollWidth")
    assert width <= PHONE["width"]
    curves, form = page.locator(".st-key-curves").bounding_box(), page.locator(".st-key-next-run").bounding_box()
    assert curves
    assert form
    assert curves["y"] < form["y"]


def test_that_it_waits_for_locked_records_is_said_while_it_does(training: Page, app_folder: Path) -> None:
    with closing(sqlite3.connect(app_folder / "runs" / "runs.sqlite", timeout=LIMIT_S, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        notice = training.locator(".st-key-live-store-notice")
        expect(notice).to_contain_text("Trainings wait: another program has locked the records")
        other.execute("ROLLBACK")
    expect(notice).to_have_count(0)
    wait_for_steps(training, 10)
