"""The Inspect page in a real Chromium: it follows a training, scrubs, plays, and a click opens a neuron."""

from __future__ import annotations

import re

import pytest

from nnviz.ui.pages.inspect.page import SECTIONS
from tests.browser.conftest import PHONE, OpenPage, rest
from tests.browser.test_train import LONG, PICTURES, SHORT, button, end, run_of, start

playwright = pytest.importorskip("playwright.sync_api")

from playwright.sync_api import Page, expect  # noqa: E402

pytestmark = pytest.mark.usefixtures("mnist_root")

LINE = ".st-key-inspect-panel-0 [data-testid=stCaptionContainer]"


@pytest.fixture
def finished(open_page: OpenPage, made: list[str]) -> str:
    """A short run that is over."""
    if not made:
        page = open_page(SHORT)
        start(page)
        expect(page.locator(".st-key-results")).to_be_visible()
        made.append(run_of(page))
    return made[0]


@pytest.fixture
def inspect(open_page: OpenPage, finished: str) -> Page:
    page = open_page(f"/Inspect?run={finished}&look=matrices")
    at_rest(page)
    return page


def at_rest(page: Page) -> None:
    """The pictures are there, and what is pressed now will be heard."""
    expect(page.locator(".st-key-inspect-images-0 canvas").first).to_be_visible()
    expect(page.locator(LINE).first).to_be_visible()
    rest(page)


def checkpoint(page: Page) -> int:
    shown = page.locator(".st-key-inspect-moment input").get_attribute("aria-valuetext")
    assert shown
    return int(shown.replace(",", ""))


def live_step(page: Page) -> int:
    found = re.search(r"after step ([\d,]+)", page.locator(".st-key-inspect-time").inner_text())
    return int(found[1].replace(",", "")) if found else -1


def wait_for_other_line(page: Page, before: str) -> None:
    expect(page.locator(LINE).first).not_to_have_text(before)


@pytest.fixture
def running(open_page: OpenPage) -> str:
    page = open_page(LONG)
    start(page)
    return run_of(page)


def test_a_running_net_is_followed_live(open_page: OpenPage, running: str) -> None:
    page = open_page(f"/Inspect?run={running}&look=matrices")
    at_rest_live = page.locator(".st-key-inspect-images-0 canvas").first
    expect(at_rest_live).to_be_visible()
    first, before = live_step(page), page.evaluate(PICTURES, "inspect-images-0")
    page.wait_for_function(
        """first => {
            const shown = document.querySelector('.st-key-inspect-time')?.innerText ?? '';
            const found = shown.match(/after step ([\\d,]+)/);
            return found && Number(found[1].replaceAll(',', '')) > first + 50;
        }""",
        arg=first,
    )
    page.wait_for_function(f"before => ({PICTURES})('inspect-images-0') !== before", arg=before)
    page.locator(".st-key-inspect-follow label").first.click()
    expect(page.locator(".st-key-inspect-moment input")).to_be_visible()


PLACE = """name => [document.querySelector('[data-testid=stMain]').scrollTop,
    Math.round(document.querySelector(`.st-key-inspect-section-${name}`).getBoundingClientRect().top)]"""
"""How far the page is scrolled, and where the section begins on the screen."""


@pytest.mark.parametrize("name", ["activations", "time"])
def test_what_is_looked_at_keeps_its_place_when_the_run_ends(open_page: OpenPage, running: str, name: str) -> None:
    page = open_page(f"/Inspect?run={running}&look={name}")
    expect(page.locator(f".st-key-inspect-section-{name} .nnviz-plot").last).to_be_visible()
    page.wait_for_function("() => document.querySelector('[data-testid=stMain]').scrollHeight > 1300")
    page.locator("[data-testid=stMain]").evaluate("main => main.scrollTo(0, 350)")
    before = page.evaluate(PLACE, name)
    assert before[0] == 350
    end(open_page, running)
    expect(page.locator(".st-key-inspect-state")).to_contain_text("Stopped")
    rest(page)
    assert f"look={name}" in page.url
    assert page.evaluate(PLACE, name) == before


def test_the_scrubber_moves_the_weights(inspect: Page) -> None:
    last, before = checkpoint(inspect), inspect.evaluate(PICTURES, "inspect-images-0")
    line = inspect.locator(LINE).first.inner_text()
    inspect.locator(".st-key-inspect-moment input").press("Home")
    wait_for_other_line(inspect, line)
    assert checkpoint(inspect) == 0 < last
    # The line is the page's and the pictures a component's: one may be drawn before the other.
    inspect.wait_for_function(f"before => ({PICTURES})('inspect-images-0') !== before", arg=before)


def test_playing_ends_at_the_last_moment(inspect: Page) -> None:
    last = checkpoint(inspect)
    button(inspect, "inspect-play").click()
    expect(button(inspect, "inspect-play")).to_have_text(re.compile("Pause"))
    expect(button(inspect, "inspect-play")).to_have_text(re.compile("Play"))
    expect(inspect.locator(".st-key-inspect-moment input")).to_have_attribute("aria-valuetext", f"{last:,}")


def test_a_click_on_a_picture_opens_its_neuron(inspect: Page) -> None:
    inspect.locator(".st-key-inspect-images-0 canvas").nth(5).click()
    expect(inspect.locator(".st-key-inspect-section-neuron")).to_be_visible()
    expect(inspect.locator(".st-key-inspect-neuron-unit input").first).to_have_value("5")


def test_every_section_fits_a_phone(open_page: OpenPage, finished: str) -> None:
    page = open_page(f"/Inspect?run={finished}&look=matrices", viewport=PHONE, has_touch=True, is_mobile=True)
    at_rest(page)
    for name, section in SECTIONS.items():
        page.locator(".st-key-inspect-look button", has_text=section.title).first.tap()
        expect(page.locator(f".st-key-inspect-section-{name}")).to_be_visible()
        rest(page)
        width = page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth")
        assert width <= PHONE["width"], name


def test_a_fork_trains_on(inspect: Page) -> None:
    inspect.locator(".st-key-inspect-moment input").press("ArrowLeft")
    rest(inspect)
    inspect.locator(".st-key-inspect-look button", has_text="Fork").click()
    button(inspect, "inspect-fork-start").click()
    expect(inspect.locator(".st-key-results")).to_be_visible()
    assert "Train" in inspect.url


TOP = """() => {
    const tops = [];
    const look = root => {
        for (const one of root.querySelectorAll('*')) {
            if (one.shadowRoot) look(one.shadowRoot);
            if (one.matches('canvas, .nnviz-plot') && one.clientHeight) tops.push(one.getBoundingClientRect().top);
        }
    };
    look(document.querySelector('[class*=st-key-inspect-section-]'));
    return Math.min(...tops);
}"""


def test_a_small_laptop_shows_the_first_picture_without_scrolling(open_page: OpenPage, finished: str) -> None:
    page = open_page(f"/Inspect?run={finished}&look=matrices", viewport={"width": 1366, "height": 768})
    at_rest(page)
    assert page.evaluate(TOP) < 450
    for title in ("Over time", "Activations", "One neuron", "Saliency", "Embedding (PCA, t-SNE)"):
        page.locator(".st-key-inspect-look").get_by_text(title, exact=True).click()
        page.wait_for_function(f"(() => Number.isFinite(({TOP})()))()")
        rest(page)
        assert page.evaluate(TOP) < 520, title


def test_a_reload_and_the_way_back_show_the_section_that_was_seen(inspect: Page) -> None:
    sections = inspect.locator(".st-key-inspect-look")
    for name, title in (("time", "Over time"), ("doctor", "Doctor")):
        sections.get_by_text(title, exact=True).click()
        inspect.wait_for_url(re.compile(f"look={name}"))
        expect(inspect.locator(f".st-key-inspect-section-{name}")).to_be_visible()
        rest(inspect)
    inspect.reload()
    expect(inspect.locator(".st-key-inspect-section-doctor")).to_be_visible()
    rest(inspect)
    inspect.go_back()
    expect(inspect.locator(".st-key-inspect-section-time")).to_be_visible()
    rest(inspect)
    inspect.go_back()
    expect(inspect.locator(".st-key-inspect-section-matrices")).to_be_visible()


CANVAS = ".st-key-inspect-network-view-0 canvas"
WORDS = ".st-key-inspect-network-view-0 .words"


def network_pixels(page: Page) -> str:
    return str(page.locator(CANVAS).evaluate("canvas => canvas.toDataURL()"))


def test_the_whole_network_is_seen_learning(open_page: OpenPage) -> None:
    page = open_page(LONG)
    start(page)
    page.locator(".st-key-go-to-network a").first.click()
    expect(page.locator(CANVAS)).to_be_visible()
    before = page.evaluate(PICTURES, "inspect-network-view-0")
    page.wait_for_function(f"before => ({PICTURES})('inspect-network-view-0') !== before", arg=before)


def test_a_neuron_of_the_whole_network_tells_its_numbers_and_is_opened(open_page: OpenPage, finished: str) -> None:
    page = open_page(f"/Inspect?run={finished}")
    canvas = page.locator(CANVAS)
    expect(canvas).to_be_visible()
    rest(page)
    expect(page.locator(WORDS)).to_contain_text("true class 7")
    canvas.focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowRight"):
        page.keyboard.press(key)
    expect(page.locator(WORDS)).to_contain_text(re.compile(r"Dense 1, neuron 2: output .*, adds .* to the logit of"))
    page.keyboard.press("PageDown")
    expect(page.locator(WORDS)).to_contain_text("Output, class 0: logit")
    before = network_pixels(page)
    page.locator(".st-key-inspect-network-quantity button", has_text="Activations").click()
    rest(page)
    assert network_pixels(page) != before
    box = canvas.bounding_box()
    assert box
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.5 * box["height"])
    expect(page.locator(WORDS)).to_contain_text("Dense 1, neuron")
    told = re.search(r"neuron (\d+): output", page.locator(WORDS).inner_text())
    assert told
    page.mouse.click(box["x"] + 0.5 * box["width"], box["y"] + 0.5 * box["height"])
    expect(page.locator(".st-key-inspect-section-neuron")).to_be_visible()
    expect(page.get_by_text(f"Neuron {told[1]}").first).to_be_visible()


def test_a_finger_is_told_a_neurons_numbers_before_it_opens_it(open_page: OpenPage, finished: str) -> None:
    page = open_page(f"/Inspect?run={finished}", viewport=PHONE, has_touch=True, is_mobile=True)
    canvas = page.locator(CANVAS)
    expect(canvas).to_be_visible()
    rest(page)
    box = canvas.bounding_box()
    assert box
    middle = {"x": box["width"] / 2, "y": box["height"] / 2}
    canvas.tap(position=middle)
    expect(page.locator(WORDS)).to_contain_text("Dense 1, neuron")
    expect(page.locator(".st-key-inspect-section-network")).to_be_visible()
    canvas.tap(position=middle)
    expect(page.locator(".st-key-inspect-section-neuron")).to_be_visible()
