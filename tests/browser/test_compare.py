"""The Compare page in a real Chromium: runs are chosen, hovered over, and a twin grows beside its original."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nnviz.ui.pages.compare.page import SECTIONS
from tests.browser.conftest import PHONE, OpenPage, rest
from tests.browser.test_train import button, end, run_of, start
from tests.waiting import wait_until

playwright = pytest.importorskip("playwright.sync_api")

from playwright.sync_api import Page, expect  # noqa: E402

pytestmark = pytest.mark.usefixtures("mnist_root")

QUICK = "/Train?net=dense_16&lr={}&epochs=2&per_class=100"

LAST_STEPS = """key => document.querySelector(`.st-key-${key} .js-plotly-plot`)?._fullData
    ?.filter(trace => trace.yaxis !== 'y2').map(trace => trace.x.length ? Math.max(...trace.x) : 0)"""
"""How far the losses of each training are drawn."""


@pytest.fixture
def two(open_page: OpenPage, made: list[str]) -> list[str]:
    """Two short runs with different learning rates that are over."""
    for rate in (0.01, 0.1)[len(made) :]:
        page = open_page(QUICK.format(rate))
        start(page)
        expect(page.locator(".st-key-results")).to_be_visible()
        made.append(run_of(page))
    return made


def compare(open_page: OpenPage, runs: list[str], title: str = "Curves & table", **options: object) -> Page:
    """The page with runs that are over: one with a running training never rests."""
    page = open_page(f"/Compare?runs={','.join(runs)}", **options)
    expect(page.locator(".st-key-compare-curves-plot .lines path.js-line").first).to_be_attached()
    rest(page)
    if title != "Curves & table":
        page.locator(".st-key-compare-look button", has_text=title).first.click()
        rest(page)
    return page


def runs_of(url: str) -> set[str]:
    return set(re.findall(r"\d{8}-[\w-]+", url.partition("runs=")[2]))


def test_a_run_is_taken_away_and_chosen_again(open_page: OpenPage, two: list[str]) -> None:
    page = compare(open_page, two)
    legend = page.locator(".st-key-compare-curves-plot .legendtext")
    expect(legend).to_have_count(2)
    page.locator(".st-key-compare-runs .react-aria-ComboBox [data-tag] button").last.click()
    expect(legend).to_have_count(1)
    expect(page).not_to_have_url(re.compile(two[1]))
    page.locator(".st-key-compare-runs .react-aria-ComboBox input").fill(two[1][-4:])
    page.locator("[role=option]", has_text=f"#{two[1][-4:]}").click()
    expect(legend).to_have_count(2)
    expect(page).to_have_url(re.compile(two[1]))


def test_hovering_tells_all_runs_at_the_same_step(open_page: OpenPage, two: list[str]) -> None:
    page = compare(open_page, two)
    box = page.locator(".st-key-compare-curves-plot .draglayer .nsewdrag").first.bounding_box()
    assert box
    page.mouse.move(box["x"] + 0.4 * box["width"], box["y"] + 0.5 * box["height"])
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.5 * box["height"], steps=4)
    hover = page.locator(".st-key-compare-curves-plot .hoverlayer")
    expect(hover).to_contain_text("A loss")
    expect(hover).to_contain_text("B loss")
    expect(hover).to_contain_text("step")


def test_a_twin_grows_beside_its_original(open_page: OpenPage) -> None:
    page = open_page("/Train?net=dense_32&lr=0.001&epochs=300")
    start(page)
    original = run_of(page)
    page = open_page(f"/Compare?runs={original}")
    expect(page.locator(".st-key-compare-curves-plot .lines path.js-line").first).to_be_attached()
    page.locator(".st-key-compare-look button", has_text="Twin runs").first.click()
    expect(page.locator(".st-key-compare-twin-form")).to_be_visible()
    rate = page.locator(".st-key-compare-twin-value input")
    rate.press("ControlOrMeta+a")
    rate.press_sequentially("0.02", delay=300)  # as slowly as people type: the page is drawn anew meanwhile
    expect(rate).to_have_value("0.02")
    rate.press("Enter")
    begin = button(page, "compare-twin-start")
    expect(begin).to_be_enabled()
    begin.click()
    expect(page).to_have_url(re.compile(r"runs=[\w-]+(,|%2C)[\w-]+"))
    twin = re.split(",|%2C", page.url.partition("runs=")[2])[1]
    grown = f"least => {{ const last = ({LAST_STEPS})('compare-twin-plot'); return last?.[1] > least; }}"
    expect(page.locator(".st-key-compare-twin-plot .lines path.js-line").first).to_be_attached()
    page.wait_for_function(grown, arg=0)
    steps = page.evaluate(LAST_STEPS, "compare-twin-plot")
    assert len(steps) == 2
    assert steps[0] == steps[1]  # in lock step, though the original is far ahead
    page.wait_for_function(grown, arg=steps[1] + 100)
    lock, label = (page.locator(f".st-key-compare-lock-step {part}").first for part in ("input", "label"))

    def unlocked() -> bool:
        """Pressed again if need be: while the part is drawn anew a press may be of what is just going."""
        if lock.is_checked():
            label.click()
        return not lock.is_checked()

    wait_until(unlocked)
    page.wait_for_function(f"() => {{ const last = ({LAST_STEPS})('compare-twin-plot'); return last?.[0] > last[1]; }}")
    end(open_page, original)
    end(open_page, twin)
    expect(page.locator(".st-key-compare-twin-verdict")).to_contain_text("McNemar's test")


def test_a_run_is_taken_along_and_brought_in_again(open_page: OpenPage, two: list[str], tmp_path: Path) -> None:
    page = compare(open_page, two, "Export and import")
    with page.expect_download() as taken:
        button(page, "compare-take-file").click()
    file = tmp_path / taken.value.suggested_filename
    taken.value.save_as(file)
    page.locator("[class*=st-key-compare-import-] input[type=file]").set_input_files(file)
    report = page.locator(".st-key-compare-import-report")
    expect(report.get_by_test_id("stAlert")).to_have_count(2)
    expect(report).to_contain_text("has arrived: finished after")
    page.wait_for_url(lambda url: len(runs_of(url)) == 4)
    assert set(two) < runs_of(page.url)
    broken = tmp_path / "broken.zip"
    broken.write_bytes(file.read_bytes()[:1000])
    page.locator("[class*=st-key-compare-import-] input[type=file]").set_input_files(broken)
    expect(report).to_contain_text("broken.zip was not taken in")


def test_every_section_fits_a_phone(open_page: OpenPage, two: list[str]) -> None:
    page = compare(open_page, two, viewport=PHONE, has_touch=True, is_mobile=True)
    for name, (title, _) in SECTIONS.items():
        if name != "curves":  # which is open
            page.locator(".st-key-compare-look button", has_text=title).first.tap()
        expect(page.locator(f".st-key-compare-section-{name}")).to_be_visible()
        rest(page)
        width = page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth")
        assert width <= PHONE["width"], title
