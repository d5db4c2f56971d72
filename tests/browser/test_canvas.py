"""Drawing with the mouse, a finger and the keyboard, and what stays when the page changes around it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import CDPSession, Page, expect

from tests.browser.conftest import PHONE, OpenPage
from tests.browser.stage import serve

TOUCH = {"viewport": PHONE, "has_touch": True, "is_mobile": True, "device_scale_factor": 3}
# The share of the canvas that is inked; and the least of it seen in any frame from now on.
INK = """canvas => {
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    let ink = 0;
    for (let i = 3; i < data.length; i += 4) ink += data[i];
    return ink / 255 / (canvas.width * canvas.height);
}"""
WATCH = """canvas => {
    window.least = 1;
    const look = () => { window.least = Math.min(window.least, (INK)(canvas)); requestAnimationFrame(look); };
    look();
}""".replace("INK", INK)
FOCUSED = """() => {
    let active = document.activeElement;
    while (active.shadowRoot) active = active.shadowRoot.activeElement;
    return active.dataset.testid;
}"""


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serve(Path(__file__).with_name("canvas_app.py"), tmp_path_factory.mktemp("canvas")) as address:
        yield address


@pytest.fixture
def open_stage(open_url: OpenPage, url: str) -> OpenPage:
    def open_one(**options: Any) -> Page:
        page = open_url(url, **options)
        expect(page.get_by_test_id("drawing")).to_be_visible()
        expect(page.get_by_text("strokes: 0, points: 0")).to_be_visible()
        return page

    return open_one


@pytest.fixture
def stage(open_stage: OpenPage) -> Page:
    return open_stage()


def at(page: Page, x: float, y: float) -> tuple[float, float]:
    """Page coordinates of a place on the canvas, in its own 280 pixels."""
    box = page.get_by_test_id("drawing").bounding_box()
    assert box
    return box["x"] + x / 280 * box["width"], box["y"] + y / 280 * box["height"]


def stroke(page: Page, *places: tuple[float, float], steps: int = 6, lift: bool = True) -> None:
    page.mouse.move(*at(page, *places[0]))
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*at(page, *place), steps=steps)
    if lift:
        page.mouse.up()


def ink(page: Page) -> float:
    share: float = page.get_by_test_id("drawing").evaluate(INK)
    return share


def expect_strokes(page: Page, count: int) -> None:
    expect(page.get_by_text(re.compile(rf"^strokes: {count},"))).to_be_visible()


def expect_the_server_to_see_the_same(page: Page) -> None:
    """As much ink as the browser shows, within 3 %."""
    page.wait_for_function(
        """share => Math.abs(/ink: (\\d+)/.exec(document.body.innerText)[1] / 280 ** 2 / share - 1) < 0.03""",
        arg=ink(page),
    )


class TestMouse:
    def test_a_stroke_arrives_with_its_points_and_the_bars_follow(self, stage: Page) -> None:
        expect(stage.get_by_test_id("first-guess")).to_have_text("?")
        stroke(stage, (60, 60), (220, 60), (110, 230), steps=12)
        expect_strokes(stage, 1)
        expect(stage.get_by_test_id("first-guess")).to_have_text(re.compile(r"^\d$"))
        expect(stage.get_by_test_id("second-guess")).to_have_text(re.compile(r"^or \d: \d+ %$"))
        expect(stage.get_by_test_id("spoken-answer")).to_have_text(re.compile(r"^\d, probability \d+ %$"))
        shares = stage.locator("[data-testid^=bar-] .percent").all_inner_texts()
        assert len(shares) == 10
        assert 90 <= sum(int(re.sub(r"\D", "", share)) for share in shares) <= 110

    def test_both_sides_see_the_same_ink(self, stage: Page) -> None:
        stroke(stage, (60, 60), (220, 60), (110, 230), (200, 200), steps=4)
        stroke(stage, (60, 150), (160, 150))
        stage.get_by_test_id("eraser").click()
        stroke(stage, (140, 40), (140, 240))
        expect(stage.get_by_text(re.compile("^erasers: 1"))).to_be_visible()
        assert 0.03 < ink(stage) < 0.3
        expect_the_server_to_see_the_same(stage)

    def test_the_strokes_come_while_the_pen_is_still_down(self, stage: Page) -> None:
        stroke(stage, (60, 60), (220, 60), lift=False)
        expect_strokes(stage, 1)
        expect(stage.get_by_test_id("first-guess")).to_have_text(re.compile(r"^\d$"))
        before = ink(stage)
        stage.mouse.move(*at(stage, 110, 230), steps=6)
        assert ink(stage) > before
        stage.mouse.up()
        expect_strokes(stage, 1)

    def test_a_click_makes_a_dot(self, stage: Page) -> None:
        stage.mouse.click(*at(stage, 100, 100))
        expect_strokes(stage, 1)
        assert ink(stage) == pytest.approx(math.pi * 9**2 / 280**2, rel=0.05)

    def test_a_stroke_goes_on_outside_of_the_canvas(self, stage: Page) -> None:
        stroke(stage, (100, 100), (330, 100), (330, 180), (100, 180))
        expect_strokes(stage, 1)

    def test_the_other_buttons_draw_nothing(self, stage: Page) -> None:
        stage.mouse.click(*at(stage, 100, 100), button="right")
        stage.mouse.click(*at(stage, 100, 100), button="middle")
        stage.mouse.click(*at(stage, 150, 100))
        expect_strokes(stage, 1)

    def test_undo_redo_clear(self, stage: Page) -> None:
        undo, redo, clear = (stage.get_by_test_id(name) for name in ("undo", "redo", "clear"))
        expect(undo).to_be_disabled()
        stroke(stage, (60, 60), (220, 60))
        one = ink(stage)
        stroke(stage, (60, 160), (220, 160))
        expect_strokes(stage, 2)
        undo.click()
        expect_strokes(stage, 1)
        assert ink(stage) == pytest.approx(one)
        redo.click()
        expect_strokes(stage, 2)
        clear.click()
        expect_strokes(stage, 0)
        expect(stage.get_by_test_id("first-guess")).to_have_text("?")
        expect(clear).to_be_disabled()
        assert ink(stage) == 0
        undo.click()
        expect_strokes(stage, 2)
        undo.click()
        stroke(stage, (60, 220), (220, 220))
        expect(redo).to_be_disabled()

    def test_a_wider_brush(self, stage: Page) -> None:
        stroke(stage, (60, 60), (220, 60))
        thin = ink(stage)
        stage.get_by_test_id("brush").fill("36")
        stroke(stage, (60, 160), (220, 160))
        assert ink(stage) == pytest.approx(3.2 * thin, rel=0.1)


class TestKeyboard:
    def test_draw_undo_and_clear_without_a_mouse(self, stage: Page) -> None:
        stage.get_by_test_id("drawing").focus()
        for _ in range(5):
            stage.keyboard.press("ArrowUp")
        stage.keyboard.press("Space")
        expect(stage.get_by_test_id("spoken")).to_have_text("Pen down")
        for _ in range(10):
            stage.keyboard.press("ArrowDown")
        stage.keyboard.press("Space")
        expect(stage.get_by_test_id("spoken")).to_have_text("Pen up")
        expect_strokes(stage, 1)
        assert ink(stage) == pytest.approx((80 * 18 + math.pi * 9**2) / 280**2, rel=0.05)
        stage.keyboard.press("ArrowRight")
        stage.keyboard.press("Space")
        stage.keyboard.down("ArrowRight")
        stage.keyboard.down("ArrowDown")
        stage.keyboard.up("ArrowRight")
        stage.keyboard.up("ArrowDown")
        stage.keyboard.press("Escape")
        expect_strokes(stage, 2)
        stage.keyboard.press("Control+z")
        expect_strokes(stage, 1)
        stage.keyboard.press("Control+Shift+z")
        expect_strokes(stage, 2)
        stage.keyboard.press("Delete")
        expect_strokes(stage, 0)

    def test_every_tool_is_reached_by_tab(self, stage: Page) -> None:
        stroke(stage, (60, 60), (220, 60))
        stage.get_by_test_id("drawing").focus()
        reached = []
        for _ in range(5):
            stage.keyboard.press("Tab")
            reached.append(stage.evaluate(FOCUSED))
        assert reached == ["pen", "eraser", "undo", "clear", "brush"]


class TestUpdates:
    def test_a_rerun_of_the_page_leaves_the_drawing_alone(self, stage: Page) -> None:
        stroke(stage, (60, 60), (220, 60), (110, 230))
        expect_strokes(stage, 1)
        drawing = stage.get_by_test_id("drawing")
        drawing.evaluate("canvas => { window.kept = canvas; }")
        drawing.evaluate(WATCH)
        before = ink(stage)
        for count in (1, 2, 3):
            stage.get_by_role("button", name="Rerun").click()
            expect(stage.get_by_text(f"round {count}")).to_be_visible()
        assert drawing.evaluate("canvas => canvas === window.kept && canvas.isConnected")
        assert stage.evaluate("window.least") == pytest.approx(before)
        expect_strokes(stage, 1)
        stage.get_by_test_id("undo").click()
        expect_strokes(stage, 0)

    def test_answers_that_come_while_drawing_leave_it_alone(self, stage: Page) -> None:
        stroke(stage, (40, 40), (240, 40))
        drawing = stage.get_by_test_id("drawing")
        before = ink(stage)
        drawing.evaluate(WATCH)
        for y in (90, 140, 190, 240):
            stroke(stage, (40, y), (240, y), steps=10)
        expect_strokes(stage, 5)
        assert stage.evaluate("window.least") == pytest.approx(before)

    def test_only_a_new_generation_brings_other_strokes(self, stage: Page) -> None:
        stroke(stage, (60, 60), (220, 60))
        stroke(stage, (60, 160), (220, 160))
        expect_strokes(stage, 2)
        stage.get_by_role("button", name="New sheet").click()
        expect(stage.get_by_text("strokes: 1, points: 3")).to_be_visible()
        expect_the_server_to_see_the_same(stage)
        expect(stage.get_by_test_id("undo")).to_be_disabled()
        stroke(stage, (60, 160), (220, 160))
        expect_strokes(stage, 2)
        stage.get_by_role("button", name="New sheet").click()
        expect_strokes(stage, 0)
        assert ink(stage) == 0

    def test_the_drawing_is_there_again_when_one_comes_back(self, stage: Page) -> None:
        stroke(stage, (60, 60), (220, 60))
        stroke(stage, (60, 160), (220, 160))
        expect_strokes(stage, 2)
        before = ink(stage)
        shown = stage.get_by_text("Shown")
        shown.click()
        expect(stage.get_by_test_id("drawing")).to_have_count(0)
        shown.click()
        stage.wait_for_function(f"canvas => ({INK})(canvas) > 0", arg=stage.get_by_test_id("drawing").element_handle())
        assert ink(stage) == pytest.approx(before)
        expect_strokes(stage, 2)
        stage.get_by_test_id("undo").click()
        expect_strokes(stage, 1)

    def test_the_picture_is_sharp_and_stays_when_the_window_changes(self, stage: Page) -> None:
        stroke(stage, (60, 60), (220, 60), (110, 230))
        before = ink(stage)
        stage.set_viewport_size({"width": 420, "height": 800})
        stage.wait_for_function("innerWidth === 420")
        drawing = stage.get_by_test_id("drawing").element_handle()
        expect(stage.get_by_test_id("bars")).to_have_css("grid-auto-flow", "column")
        stage.wait_for_function("canvas => canvas.width === Math.round(canvas.clientWidth)", arg=drawing)
        assert ink(stage) == pytest.approx(before, rel=0.03)


GIVE = """async (canvas, kind) => {
    const picture = new OffscreenCanvas(2400, 1800);
    const context = picture.getContext('2d');
    context.fillStyle = 'white';
    context.fillRect(0, 0, 2400, 1800);
    context.lineWidth = 120;
    context.strokeRect(900, 500, 500, 800);
    const transfer = new DataTransfer();
    transfer.items.add(new File([await picture.convertToBlob()], 'digit.png', { type: 'image/png' }));
    const options = { bubbles: true, composed: true, cancelable: true };
    const pasted = new ClipboardEvent('paste', { ...options, clipboardData: transfer });
    const dropped = new DragEvent('drop', { ...options, dataTransfer: transfer });
    kind === 'paste' ? document.body.dispatchEvent(pasted) : canvas.dispatchEvent(dropped);
}"""


@pytest.mark.parametrize("kind", ["paste", "drop"])
def test_a_picture_is_taken_made_smaller_and_leaves_the_drawing_alone(stage: Page, kind: str) -> None:
    stroke(stage, (60, 60), (220, 60))
    before = ink(stage)
    stage.get_by_test_id("drawing").evaluate(GIVE, kind)
    expect(stage.get_by_text("photo: (315, 420)")).to_be_visible()
    assert ink(stage) == before


@pytest.mark.parametrize("field", ["Name", "Note"])
def test_a_picture_pasted_where_somebody_types_is_theirs(stage: Page, field: str) -> None:
    stroke(stage, (60, 60), (220, 60))
    box = stage.get_by_label(field, exact=True)
    box.focus()
    taken = box.evaluate("""(box, give) => {
        const transfer = new DataTransfer();
        transfer.setData('text/plain', 'words');
        transfer.items.add(new File([new Uint8Array(8)], 'a.png', { type: 'image/png' }));
        const pasted = new ClipboardEvent('paste', { clipboardData: transfer, bubbles: true, composed: true,
                                                     cancelable: true });
        box.dispatchEvent(pasted);
        return pasted.defaultPrevented;
    }""")
    assert not taken
    stage.get_by_role("button", name="Rerun").click()
    expect(stage.get_by_text("round 1", exact=True)).to_be_visible()
    expect(stage.get_by_text("no photo")).to_be_visible()
    expect_strokes(stage, 1)


class TestHands:
    """Palms, pens and several fingers, by real touch and pen events."""

    @staticmethod
    def touches(page: Page, session: CDPSession, kind: str, *points: tuple[float, float]) -> None:
        places = [at(page, *point) for point in points]
        touches = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(places)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})

    @staticmethod
    def pen(page: Page, session: CDPSession, *places: tuple[float, float]) -> None:
        def send(kind: str, place: tuple[float, float]) -> None:
            x, y = at(page, *place)
            event = {"type": kind, "x": x, "y": y, "button": "left", "buttons": 1, "clickCount": 1}
            session.send("Input.dispatchMouseEvent", {**event, "pointerType": "pen", "force": 0.5})

        send("mousePressed", places[0])
        for place in places[1:]:
            send("mouseMoved", place)
        send("mouseReleased", places[-1])

    @pytest.mark.parametrize("moved", [False, True], ids=["resting", "moving"])
    def test_a_pen_takes_the_place_of_the_palm(self, open_stage: OpenPage, moved: bool) -> None:
        page = open_stage(**TOUCH)
        session = page.context.new_cdp_session(page)
        page.get_by_test_id("drawing").scroll_into_view_if_needed()
        self.touches(page, session, "touchStart", (240, 250))
        if moved:
            for y in (240, 225, 210):
                self.touches(page, session, "touchMove", (240, y))
        self.pen(page, session, (60, 60), (120, 60), (180, 60))
        self.touches(page, session, "touchMove", (230, 200))
        self.touches(page, session, "touchEnd")
        expect_strokes(page, 1)
        assert page.get_by_test_id("drawing").evaluate(LOWER_HALF) == 0, "the palm has left ink"
        expect_the_server_to_see_the_same(page)

    def test_two_fingers_leave_no_stroke_and_one_draws_after_them(self, open_stage: OpenPage) -> None:
        page = open_stage(**TOUCH)
        session = page.context.new_cdp_session(page)
        page.get_by_test_id("drawing").scroll_into_view_if_needed()
        self.touches(page, session, "touchStart", (120, 140))
        self.touches(page, session, "touchMove", (118, 140))
        self.touches(page, session, "touchStart", (118, 140), (160, 140))
        for by in range(0, 60, 10):
            self.touches(page, session, "touchMove", (118 - by, 140), (160 + by, 140))
        self.touches(page, session, "touchEnd", (58, 140))
        self.touches(page, session, "touchMove", (58, 200))
        self.touches(page, session, "touchEnd")
        expect_strokes(page, 0)
        assert ink(page) == 0
        self.touches(page, session, "touchStart", (60, 60))
        for x in (100, 150, 200):
            self.touches(page, session, "touchMove", (x, 60))
        self.touches(page, session, "touchEnd")
        expect_strokes(page, 1)
        expect_the_server_to_see_the_same(page)

    def test_a_finger_that_comes_late_leaves_the_stroke_as_it_is(self, open_stage: OpenPage) -> None:
        page = open_stage(**TOUCH)
        session = page.context.new_cdp_session(page)
        page.get_by_test_id("drawing").scroll_into_view_if_needed()
        began = page.evaluate("performance.now()")
        self.touches(page, session, "touchStart", (60, 60))
        for x in (100, 150, 200):
            self.touches(page, session, "touchMove", (x, 60))
        page.wait_for_function("began => performance.now() - began > 800", arg=began)
        self.touches(page, session, "touchStart", (200, 60), (100, 200))
        self.touches(page, session, "touchMove", (220, 60), (100, 220))
        self.touches(page, session, "touchEnd")
        expect_strokes(page, 1)


LOWER_HALF = """canvas => {
    const half = Math.floor(canvas.height / 2);
    const { data } = canvas.getContext('2d').getImageData(0, half, canvas.width, half);
    return data.reduce((sum, value, place) => sum + (place % 4 === 3 ? value : 0), 0);
}"""


class TestPhone:
    @staticmethod
    def finger(page: Page, session: CDPSession, *places: tuple[float, float]) -> None:
        """One finger, by real touch events."""

        def send(kind: str, *points: tuple[float, float]) -> None:
            touches = [{"x": x, "y": y} for x, y in (at(page, *point) for point in points)]
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})

        send("touchStart", places[0])
        for (x0, y0), (x1, y1) in pairwise(places):
            for share in (0.25, 0.5, 0.75, 1):
                send("touchMove", (x0 + share * (x1 - x0), y0 + share * (y1 - y0)))
        send("touchEnd")

    def test_a_finger_draws_and_the_page_does_not_scroll(self, open_stage: OpenPage) -> None:
        page = open_stage(**TOUCH)
        session = page.context.new_cdp_session(page)
        main = page.get_by_test_id("stMain")
        page.get_by_test_id("drawing").scroll_into_view_if_needed()
        before = main.evaluate("main => main.scrollTop")
        self.finger(page, session, (140, 240), (140, 30))
        expect_strokes(page, 1)
        self.finger(page, session, (60, 60), (220, 60), (110, 230))
        expect_strokes(page, 2)
        assert main.evaluate("main => main.scrollTop") == before
        expect_the_server_to_see_the_same(page)
        assert page.get_by_test_id("drawing").evaluate("canvas => canvas.width / canvas.clientWidth") == pytest.approx(
            3, abs=0.01
        )

    def test_it_fits_with_bars_and_large_buttons(self, open_stage: OpenPage) -> None:
        page = open_stage(**TOUCH)
        assert page.get_by_test_id("stMain").evaluate("main => main.scrollWidth") <= PHONE["width"]
        for name in ("pen", "eraser", "undo", "redo", "clear"):
            box = page.get_by_test_id(name).bounding_box()
            assert box
            assert min(box["width"], box["height"]) >= 44
        paper, bars = (page.get_by_test_id(name).bounding_box() for name in ("drawing", "bars"))
        assert paper
        assert bars
        assert paper["width"] > 300
        assert bars["y"] > paper["y"] + paper["height"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_ink_has_the_colour_of_the_themes_text(open_stage: OpenPage, scheme: str) -> None:
    page = open_stage(color_scheme=scheme)
    stroke(page, (60, 140), (220, 140))
    red = page.get_by_test_id("drawing").evaluate(
        "c => c.getContext('2d').getImageData(c.width / 2, c.height / 2, 1, 1).data[0]"
    )
    assert (red < 80) if scheme == "light" else (red > 180)
