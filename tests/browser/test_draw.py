"""The Draw page in a browser: real strokes on the real app, and everything beside the canvas that follows them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import Page, expect

from nnviz.executor.recorder import train_run
from nnviz.spec.network import NetworkSpec
from nnviz.spec.train_config import TrainConfig
from nnviz.store.runs import RunStore
from tests.browser import test_canvas
from tests.browser.conftest import APP, PHONE, OpenPage, rest
from tests.browser.stage import serve
from tests.browser.test_canvas import GIVE, INK, at, ink, stroke

SEVEN = ((70, 60), (200, 60), (150, 140), (120, 230))
ONE = ((140, 40), (140, 240))
TOUCH = {"viewport": PHONE, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}


@pytest.fixture(scope="module")
def url(mnist_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The app with one net that reads digits well enough."""
    folder = tmp_path_factory.mktemp("draw")
    environment = {"NNVIZ_RUNS": str(folder / "runs"), "NNVIZ_DATA": str(mnist_root)}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        store = RunStore()
        config = TrainConfig(per_class=800, epochs=3, optimizer="adam", lr=0.003, augment="drawing")
        train_run(store, store.create(NetworkSpec(), config).id)
        store.close()
    with serve(APP, folder, **environment) as address:
        yield address


@pytest.fixture
def open_draw(open_url: OpenPage, url: str) -> OpenPage:
    def open_one(**options: Any) -> Page:
        page = open_url(f"{url}/Draw", **options)
        expect(page.get_by_test_id("drawing")).to_be_visible()
        expect(page.get_by_test_id("first-percent")).to_contain_text("Empty paper, no answer")
        return page

    return open_one


def expect_answer(page: Page, digit: str) -> None:
    """The answer to all that was drawn, not to the beginning of a stroke."""
    answered = "answer => answer.dataset.revision === answer.closest('.canvas').dataset.sent"
    page.wait_for_function(answered, arg=page.get_by_test_id("answer").element_handle())
    expect(page.get_by_test_id("first-guess")).to_have_text(digit)
    expect(page.get_by_test_id("second-guess")).to_have_text(re.compile(r"^or \d: "))


def look(page: Page, title: str) -> None:
    page.locator(".st-key-draw-look").get_by_text(title, exact=True).click()


def test_strokes_are_answered_undone_and_cleared(open_draw: OpenPage) -> None:
    page = open_draw()
    stroke(page, *SEVEN)
    expect_answer(page, "7")
    page.get_by_test_id("clear").click()
    expect(page.get_by_test_id("first-guess")).to_have_text("?")
    stroke(page, *ONE)
    expect_answer(page, "1")
    page.get_by_test_id("undo").click()
    expect(page.get_by_test_id("first-guess")).to_have_text("?")
    page.get_by_test_id("undo").click()
    expect_answer(page, "7")


def test_two_digits_side_by_side_are_read_from_left_to_right(open_draw: OpenPage) -> None:
    page = open_draw()
    stroke(page, (50, 60), (110, 60), (80, 140), (70, 220))
    stroke(page, (200, 60), (200, 220))
    expect(page.get_by_test_id("first-guess")).to_have_text("71")
    expect(page.get_by_test_id("first-percent")).to_have_text("2 digits")
    expect(page.get_by_test_id("second-guess")).to_have_text(re.compile(r"^least sure: [17], "))
    boxes = page.get_by_test_id("found").locator(".box")
    expect(boxes).to_have_text(["7", "1"])
    paper, first, second = (one.bounding_box() for one in (page.get_by_test_id("drawing"), boxes.first, boxes.last))
    assert all((paper, first, second))
    unit = paper["width"] / 280
    for box, (left, right) in ((first, (41, 119)), (second, (191, 209))):  # the strokes and half the width of the pen
        assert box["x"] - paper["x"] == pytest.approx(left * unit, abs=3)
        assert box["x"] + box["width"] - paper["x"] == pytest.approx(right * unit, abs=3)
    best = page.locator(".bar.best .class")
    expect(best).to_have_text("7")
    page.locator(".st-key-draw-digit").get_by_text("2", exact=True).click()
    expect(best).to_have_text("1")
    page.locator(".st-key-draw-separate label").click()
    expect(page.get_by_test_id("first-percent")).to_contain_text("probability")
    expect(boxes).to_have_count(0)


PLACE = "bar => [bar.offsetTop, bar.offsetHeight]"
CROSS = (((60, 60), (220, 220)), ((220, 60), (60, 220)), ((140, 40), (140, 240)), ((40, 140), (240, 140)))


@pytest.mark.parametrize("options", [{}, TOUCH], ids=["desk", "phone"])
def test_what_is_no_digit_is_refused_in_the_place_of_the_answer(open_draw: OpenPage, options: dict[str, Any]) -> None:
    page = open_draw(**options)
    for line in CROSS:
        stroke(page, *line)
    refused = page.get_by_test_id("refused")
    expect(refused).to_contain_text("Doesn't look like a digit")
    expect(page.get_by_test_id("refused-reason")).to_contain_text("the nearest are")
    expect(page.get_by_test_id("first-guess")).to_be_hidden()
    place = page.get_by_test_id("bar-0").evaluate(PLACE)
    box, guess = (one.bounding_box() for one in (refused, page.locator(".guess")))
    assert box is not None
    assert guess is not None
    assert box["height"] <= guess["height"]
    page.locator(".st-key-draw-refuse").get_by_text("Refuse what is no digit").click()
    expect(refused).to_be_hidden()
    expect(page.get_by_test_id("first-guess")).to_be_visible()
    assert page.get_by_test_id("bar-0").evaluate(PLACE) == place  # the bars are there all the time, and stay in place


def test_what_stands_beside_follows_the_drawing(open_draw: OpenPage) -> None:
    page = open_draw()
    expect(page.get_by_text("nothing to predict")).to_be_visible()
    stroke(page, *SEVEN)
    expect(page.get_by_text("The mass of ink is centred at")).to_be_visible()
    look(page, "When did it learn it?")
    sentence = page.locator(".st-key-draw-section-history h2")
    expect(sentence).to_have_text(re.compile("it says 7"))
    page.get_by_test_id("clear").click()
    expect(page.get_by_text("Draw a digit first")).to_be_visible()
    stroke(page, *ONE)
    expect(sentence).to_have_text(re.compile("it says 1"))
    before = ink(page)
    for title in ("Saliency", "Layers", "Nearest digits", "Quiz", "Preprocessing"):
        look(page, title)
        expect(page.locator("[class*=st-key-draw-section-]")).to_be_visible()
    assert ink(page) == before


def test_a_lesson_changes_the_bars_and_is_undone(open_draw: OpenPage) -> None:
    page = open_draw()
    stroke(page, *SEVEN)
    expect_answer(page, "7")
    sure = page.get_by_test_id("bar-4").locator(".percent").inner_text()
    look(page, "Fine-tune")
    page.locator(".st-key-draw-label [data-testid=stSelectboxVirtualDropdown], .st-key-draw-label input").first.click()
    page.get_by_role("option", name="4", exact=True).click()
    rate = page.locator(".st-key-draw-rate").get_by_role("slider")
    rate.focus()
    page.keyboard.press("End")
    teach = page.locator(".st-key-draw-teach button")
    teach.click()
    expect(page.locator(".st-key-draw-lessons")).to_contain_text("this is a 4")
    expect(page.get_by_test_id("bar-4").locator(".percent")).not_to_have_text(sure)
    assert ink(page) > 0
    page.locator(".st-key-draw-undo-lesson button").click()
    expect(page.locator(".st-key-draw-lessons")).to_have_count(0)
    expect(page.get_by_test_id("bar-4").locator(".percent")).to_have_text(sure)


def test_a_kept_drawing_clears_the_paper_and_is_in_the_collection(open_draw: OpenPage) -> None:
    page = open_draw()
    stroke(page, *SEVEN)
    expect_answer(page, "7")
    look(page, "Fine-tune")
    name = page.locator(".st-key-draw-author input")
    name.fill("<i>Ada</i>")
    name.press("Tab")
    page.locator(".st-key-draw-keep button").click()
    expect(page.get_by_test_id("first-guess")).to_have_text("?")
    assert ink(page) == 0
    look(page, "Our handwriting")
    section = page.locator(".st-key-draw-section-handwriting")
    expect(section.get_by_text("By <i>Ada</i>.")).to_be_visible()
    expect(page.locator(".st-key-draw-scores")).to_contain_text("of 1)")
    page.locator(".st-key-draw-export-open button").click()
    with page.expect_download() as download:
        page.locator(".st-key-draw-export-zip button").click()
    assert Path(download.value.path()).read_bytes()[:2] == b"PK"


def test_a_pasted_photo_is_answered_and_a_bad_file_is_told(open_draw: OpenPage) -> None:
    page = open_draw()
    page.get_by_test_id("drawing").evaluate(GIVE, "drop")
    expect(page.get_by_test_id("first-guess")).to_have_text(re.compile(r"^\d$"))
    expect(page.locator(".st-key-draw-photo-away")).to_be_visible()
    page.locator(".st-key-draw-photo-open button").first.click()
    page.locator("input[type=file]").set_input_files(
        {"name": "digit.png", "mimeType": "image/png", "buffer": b"this is no picture"}
    )
    expect(page.get_by_text("This file is not a picture that can be read")).to_be_visible()
    page.keyboard.press("Escape")
    stroke(page, *ONE)
    expect_answer(page, "1")
    expect(page.get_by_text("This file is not a picture that can be read")).to_have_count(0)


def test_look_inside_takes_the_drawing_along(open_draw: OpenPage) -> None:
    page = open_draw()
    stroke(page, *SEVEN)
    page.locator(".st-key-draw-inspect button").click()
    page.wait_for_url(re.compile("/Inspect"))
    expect(page.locator(".st-key-inspect-network-view-0 .words")).to_contain_text("Answer 7")
    rest(page)
    page.locator(".st-key-inspect-look button", has_text="Activations").click()
    expect(page.get_by_text("Your drawing", exact=True).first).to_be_visible()
    expect(page.get_by_text("The net answers 7")).to_be_visible()


def test_a_finger_on_a_phone(open_draw: OpenPage) -> None:
    page = open_draw(**TOUCH)
    session = page.context.new_cdp_session(page)
    page.get_by_test_id("drawing").scroll_into_view_if_needed()
    main = page.get_by_test_id("stMain")
    before = main.evaluate("main => main.scrollTop")
    test_canvas.TestPhone.finger(page, session, *SEVEN)
    expect_answer(page, "7")
    assert main.evaluate("main => main.scrollTop") == before
    assert main.evaluate("main => main.scrollWidth") <= PHONE["width"]
    paper, bars = (page.get_by_test_id(name).bounding_box() for name in ("drawing", "bars"))
    assert paper
    assert bars
    assert bars["y"] + bars["height"] <= PHONE["height"]
    expect(page.get_by_text("The mass of ink is centred at")).to_be_visible()
    page.get_by_test_id("undo").click()
    expect(page.get_by_test_id("first-guess")).to_have_text("?")
    assert page.get_by_test_id("drawing").evaluate(INK) == 0
    assert at(page, 0, 0)[0] >= 0
