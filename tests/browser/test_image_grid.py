"""Tiles and plots are drawn right, and only their contents change."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("playwright.sync_api")

import numpy as np
from PIL import Image
from playwright.sync_api import Page, expect

from nnviz.charts.colors import NEGATIVE, NEUTRAL, POSITIVE
from nnviz.charts.theme import DARK, LIGHT
from tests.browser.conftest import PHONE, OpenPage, click_point
from tests.browser.stage import serve
from tests.waiting import wait_until

PIXEL = """(canvas, [x, y]) => '#' + [...canvas.getContext('2d').getImageData(x, y, 1, 1).data.slice(0, 3)]
    .map(value => value.toString(16).padStart(2, '0')).join('')"""
KEEP = "elements => { window.kept = elements; }"
SAME = "elements => window.kept.every((element, i) => element === elements[i] && element.isConnected)"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serve(Path(__file__).with_name("tiles_app.py"), tmp_path_factory.mktemp("tiles")) as address:
        yield address


@pytest.fixture(params=["light"])
def stage(open_url: OpenPage, url: str, request: pytest.FixtureRequest) -> Page:
    page = open_url(url, color_scheme=request.param)
    expect(page.locator(".st-key-ink canvas")).to_have_count(2)
    expect(page.locator(".st-key-plot .main-svg").first).to_be_visible()
    return page


def pixel(page: Page, key: str, tile: int, x: int, y: int) -> str:
    colour: str = page.locator(f".st-key-{key} canvas").nth(tile).evaluate(PIXEL, [x, y])
    return colour


def next_round(page: Page, number: int) -> None:
    page.get_by_role("button", name="Next").click()
    expect(page.locator(".st-key-ink .title").nth(1)).to_have_text(f"7 → {number}")


@pytest.mark.parametrize("stage", ["light", "dark"], indirect=True)
def test_signed_values_have_the_charts_colours_in_both_themes(stage: Page) -> None:
    assert pixel(stage, "signed", 0, 0, 0) == POSITIVE
    assert pixel(stage, "signed", 0, 1, 0) == NEGATIVE
    assert pixel(stage, "signed", 0, 4, 3) == NEUTRAL
    expect(stage.locator(".st-key-signed .legend")).to_contain_text("−1")
    expect(stage.locator(".st-key-signed .legend")).to_contain_text("+1")


@pytest.mark.parametrize(("stage", "look"), [("light", LIGHT), ("dark", DARK)], indirect=["stage"])
def test_ink_is_the_themes(stage: Page, look: tuple[str, ...]) -> None:
    paper, ink = look[:2]
    assert pixel(stage, "ink", 0, 14, 10) == ink
    assert pixel(stage, "ink", 0, 0, 0) == paper


def test_an_update_keeps_the_canvases(stage: Page) -> None:
    stage.locator(".st-key-signed canvas").evaluate_all(KEEP)
    before = pixel(stage, "signed", 1, 1, 1)
    next_round(stage, 1)
    expect(stage.locator(".st-key-signed canvas")).to_have_count(7)
    assert stage.locator(".st-key-signed canvas").evaluate_all(SAME)
    wait_until(lambda: pixel(stage, "signed", 1, 1, 1) != before)  # each component is told by itself
    assert pixel(stage, "signed", 0, 1, 1) == before


def test_tiles_say_what_they_show(stage: Page) -> None:
    expect(stage.get_by_role("button", name="1, 99 %, right")).to_be_visible()
    expect(stage.get_by_role("button", name="7 → 0, 55 %, wrong")).to_be_visible()
    expect(stage.get_by_role("img", name="Unit 6")).to_be_visible()
    expect(stage.locator(".st-key-ink .mark")).to_have_text(["✓", "✗"])
    expect(stage.locator(".st-key-ink .bar.true .class")).to_have_text(["1", "0"])


def test_a_click_and_the_keyboard_choose_a_tile(stage: Page) -> None:
    stage.get_by_role("button", name="7 → 0, 55 %, wrong").click()
    expect(stage.get_by_text("clicked: 1")).to_be_visible()
    stage.keyboard.press("ArrowLeft")
    expect(stage.get_by_role("button", name="1, 99 %, right")).to_be_focused()
    stage.keyboard.press("Enter")
    expect(stage.get_by_text("clicked: 0")).to_be_visible()


def over(page: Page, tile: int, x: int, y: int) -> None:
    """Move the mouse over a pixel of the 5 × 4 pictures that tell their values."""
    canvas = page.locator(".st-key-exact canvas").nth(tile)
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box
    page.mouse.move(box["x"] + (x + 0.5) * box["width"] / 5, box["y"] + (y + 0.5) * box["height"] / 4)


def test_a_pixel_under_the_mouse_tells_its_value(stage: Page) -> None:
    words = stage.locator(".st-key-exact .words")
    expect(words).to_be_hidden()
    over(stage, 0, 2, 3)
    expect(words).to_have_text("neuron 7 · row 3, column 2 · −0.0342")
    over(stage, 1, 4, 1)
    expect(words).to_have_text("neuron 8 · row 1, column 4 · +0.25")
    spot, picture = (stage.locator(f".st-key-exact {part}").bounding_box() for part in (".spot", "canvas >> nth=1"))
    assert spot
    assert picture
    assert spot["x"] == pytest.approx(picture["x"] + 1 + 4 * 16, abs=1)
    assert spot["y"] == pytest.approx(picture["y"] + 1 + 1 * 16, abs=1)
    over(stage, 1, 0, 0)
    expect(words).to_have_text("neuron 8 · row 0, column 0 · 0")
    over(stage, 2, 0, 0)
    expect(words).to_have_text("neuron 9 · row 0, column 0 · not a number")
    stage.mouse.move(0, 0)
    expect(words).to_be_hidden()


def test_the_value_changes_with_the_picture(stage: Page) -> None:
    over(stage, 1, 4, 1)
    words = stage.locator(".st-key-exact .words")
    expect(words).to_have_text("neuron 8 · row 1, column 4 · +0.25")
    stage.locator(".st-key-next button").evaluate("button => button.click()")  # the mouse stays where it is
    expect(words).to_have_text("neuron 8 · row 1, column 4 · +1.25")


def test_the_keyboard_reads_the_values(stage: Page) -> None:
    words = stage.locator(".st-key-exact .words")
    stage.get_by_role("button", name="Next").focus()
    stage.keyboard.press("Tab")  # the grid without values
    stage.keyboard.press("Tab")
    expect(stage.get_by_role("img", name="neuron 7")).to_be_focused()
    expect(words).to_have_text("neuron 7 · row 3, column 2 · −0.0342")
    expect(words).to_have_attribute("aria-live", "polite")
    stage.keyboard.press("Shift+ArrowRight")
    expect(words).to_have_text("neuron 7 · row 3, column 3 · 0")
    stage.keyboard.press("Shift+ArrowDown")  # the last row
    expect(words).to_have_text("neuron 7 · row 3, column 3 · 0")
    stage.keyboard.press("ArrowRight")
    expect(stage.get_by_role("img", name="neuron 8")).to_be_focused()
    expect(words).to_have_text("neuron 8 · row 1, column 4 · +0.25")
    stage.keyboard.press("Escape")
    expect(words).to_be_hidden()


@pytest.mark.parametrize(("stage", "paper"), [("light", "light"), ("dark", "dark")], indirect=["stage"])
def test_the_grid_can_be_downloaded_as_a_picture(stage: Page, tmp_path: Path, paper: str) -> None:
    button = stage.get_by_role("button", name="Download as a picture: Weights of a layer")
    expect(stage.locator(".download:visible")).to_have_count(1)  # only where a file has a name
    with stage.expect_download() as download:
        button.press("Enter")
    assert download.value.suggested_filename == "weights.png"
    download.value.save_as(tmp_path / "weights.png")
    image = np.asarray(Image.open(tmp_path / "weights.png").convert("RGB"))
    colours = {f"#{r:02x}{g:02x}{b:02x}" for r, g, b in np.unique(image.reshape(-1, 3), axis=0)}
    assert {POSITIVE, NEUTRAL} <= colours
    assert (image[0, 0].mean() < 128) == (paper == "dark")
    pixel = (image == [int(POSITIVE[at : at + 2], 16) for at in (1, 3, 5)]).all(2)
    assert pixel.sum() == pytest.approx(32 * 32, rel=0.1)  # one pixel of 16 CSS pixels, at twice the size


def test_a_plot_is_updated_in_place_and_keeps_its_zoom(stage: Page) -> None:
    plot = stage.locator(".st-key-plot .nnviz-plot")
    plot.evaluate_all(KEEP)
    box = plot.locator(".nsewdrag").first.bounding_box()
    assert box
    stage.mouse.move(box["x"] + 200, box["y"] + 50)
    stage.mouse.down()
    stage.mouse.move(box["x"] + 500, box["y"] + 52, steps=5)
    stage.mouse.up()
    stage.wait_for_function("plot => plot.layout.xaxis.range?.[0] > 0", arg=plot.element_handle())
    zoomed = plot.evaluate("plot => plot.layout.xaxis.range")
    next_round(stage, 1)
    stage.wait_for_function("window.kept[0].data[0].y[1] === 2")
    assert plot.evaluate_all(SAME)
    assert plot.evaluate("plot => plot.layout.xaxis.range") == zoomed


def test_a_click_on_a_point_arrives(stage: Page) -> None:
    click_point(stage, "plot", 1, 1)
    expect(stage.get_by_text("point: 8")).to_be_visible()


def test_on_a_phone_nothing_is_wider_than_the_screen(stage: Page) -> None:
    stage.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
    stage.wait_for_function("document.querySelector('.st-key-plot .main-svg').getBoundingClientRect().right <= 390")
    assert stage.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= PHONE["width"]
