"""A server that is started again under an open page: what is on the screen is not lost, and the server knows of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import APP, DESKTOP, LIMIT_MS
from tests.browser.stage import free_port, serve

CANVAS = Path(__file__).with_name("canvas_app.py")


def wait_for_connection(page: Page, connected: bool) -> None:
    state = expect(page.get_by_test_id("stApp"))
    wanted = re.compile("^CONNECTED$")
    if connected:
        state.to_have_attribute("data-test-connection-state", wanted)
    else:
        state.not_to_have_attribute("data-test-connection-state", wanted)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """One whose console may tell of the server that is gone."""
    context = browser.new_context(viewport=DESKTOP)
    context.set_default_timeout(LIMIT_MS)
    yield context.new_page()
    context.close()


def test_build_keeps_what_is_drawn_and_its_history(page: Page, tmp_path: Path) -> None:
    port = free_port()
    environment = {"NNVIZ_RUNS": str(tmp_path / "runs"), "NNVIZ_DATA": str(tmp_path / "data")}
    with serve(APP, tmp_path, port=port, **environment) as address:
        page.goto(f"{address}/Build")
        page.get_by_test_id("field-units").fill("0")  # no network, and so not in the address
        expect(page.get_by_test_id("problem")).to_be_visible()
    wait_for_connection(page, False)
    with serve(APP, tmp_path, port=port, **environment):
        wait_for_connection(page, True)
        page.get_by_test_id("problem").wait_for()
        expect(page.get_by_test_id("field-units")).to_have_value("0")
        expect(page.get_by_test_id("still-using")).to_be_visible()  # the server knows that it is none
        page.get_by_test_id("field-units").fill("78")
        page.wait_for_url(re.compile("dense_78"))
        expect(page.locator(".st-key-pytorch-code")).to_contain_text("78")
        for _ in range(2):
            page.get_by_test_id("undo").click()
        expect(page.get_by_test_id("field-units")).to_have_value("128")
        page.wait_for_url(re.compile("dense_128"))


def test_what_was_left_in_build_is_there_after_a_restart_under_another_page(page: Page, tmp_path: Path) -> None:
    port = free_port()
    environment = {"NNVIZ_RUNS": str(tmp_path / "runs"), "NNVIZ_DATA": str(tmp_path / "data")}
    with serve(APP, tmp_path, port=port, **environment) as address:
        page.goto(f"{address}/Build?net=dense_40")
        page.get_by_test_id("field-units").fill("0")
        expect(page.get_by_test_id("still-using")).to_be_visible()
        page.locator(".st-key-navigation").get_by_role("link", name="Glossary").click()
        expect(page.locator(".st-key-glossary-find")).to_be_visible()
    wait_for_connection(page, False)
    with serve(APP, tmp_path, port=port, **environment):
        wait_for_connection(page, True)
        page.locator(".st-key-navigation").get_by_role("link", name="Build").click()
        expect(page.get_by_test_id("still-using")).to_be_visible()
        expect(page.get_by_test_id("field-units")).to_have_value("0")
        page.get_by_test_id("field-units").fill("41")
        page.wait_for_url(re.compile("dense_41"))
        expect(page.locator(".st-key-pytorch-code")).to_contain_text("784, 41")


def test_a_drawing_is_sent_again(page: Page, tmp_path: Path) -> None:
    port = free_port()
    with serve(CANVAS, tmp_path, port=port) as address:
        page.goto(address)
        expect(page.get_by_text("strokes: 0, points: 0")).to_be_visible()
        for number in range(2):  # a sheet that the new server knows nothing of
            page.get_by_role("button", name="New sheet").click()
            expect(page.get_by_text(re.compile(rf"^strokes: {1 - number},"))).to_be_visible()
        box = page.get_by_test_id("drawing").bounding_box()
        assert box is not None
        for along in (0.3, 0.6):
            page.mouse.move(box["x"] + 80, box["y"] + along * box["height"])
            page.mouse.down()
            page.mouse.move(box["x"] + 200, box["y"] + along * box["height"], steps=5)
            page.mouse.up()
        expect(page.get_by_text(re.compile("^strokes: 2,"))).to_be_visible()
    wait_for_connection(page, False)
    with serve(CANVAS, tmp_path, port=port):
        wait_for_connection(page, True)
        expect(page.get_by_text(re.compile("^strokes: 2,"))).to_be_visible()
