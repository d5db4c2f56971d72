"""The builder as a person meets it: mouse, keyboard and fingers in a real browser."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import parse_qs, urlparse

import pytest

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import FilePayload, Page, expect

from nnviz.spec.json_file import to_json
from nnviz.spec.network import NetworkSpec
from nnviz.spec.train_config import TrainConfig
from tests.browser.conftest import PHONE, OpenPage

CLASSIC = "dense_128"


@pytest.fixture
def build(page: Page) -> Page:
    """The Build page with the classic network."""
    page.goto("/Build")
    expect_net(page, CLASSIC)
    expect(page.get_by_test_id("layer-0")).to_be_visible()  # a page is hidden until it is composed, and takes no focus
    return page


def expect_net(page: Page, net: str) -> None:
    """The address bar carries `net`: Python has taken the draft."""
    page.wait_for_function("net => new URLSearchParams(location.search).get('net') === net", arg=net)


def net_of(page: Page) -> str:
    return parse_qs(urlparse(page.url).query)["net"][0]


def insert(page: Page, place: int, kind: str) -> None:
    page.get_by_test_id(f"insert-{place}").click()
    page.get_by_test_id(f"insert-kind-{kind}").click()


def test_the_classic_network_is_drawn_with_its_numbers(build: Page) -> None:
    expect(build.get_by_test_id("shape-input")).to_have_text("28 × 28")
    expect(build.get_by_test_id("parameters-input")).to_have_text("784 values")
    expect(build.get_by_test_id("shape-0")).to_have_text("128")
    expect(build.get_by_test_id("parameters-0")).to_have_text("100,480 parameters")
    expect(build.get_by_test_id("parameters-output")).to_have_text("1,290 parameters")
    expect(build.get_by_test_id("total-parameters")).to_have_text("101,770")
    expect(build.get_by_test_id("preset-classic")).to_have_attribute("aria-pressed", "true")
    expect(build.get_by_test_id("formula")).to_have_text("y = ReLU(W x + b)")
    expect(build.get_by_test_id("sizes")).to_have_text("W: 128 × 784, b: 128")


def test_changing_the_units_changes_shapes_and_address(build: Page) -> None:
    build.get_by_test_id("layer-0").click()
    build.get_by_test_id("field-units").fill("64")
    expect(build.get_by_test_id("shape-0")).to_have_text("64")
    expect(build.get_by_test_id("parameters-0")).to_have_text("50,240 parameters")
    expect(build.get_by_test_id("total-parameters")).to_have_text("50,890")
    expect_net(build, "dense_64")
    build.get_by_test_id("field-activation").select_option("tanh")
    expect_net(build, "dense_64_tanh")
    expect(build.get_by_test_id("formula")).to_have_text("y = Tanh(W x + b)")


def test_the_code_is_that_of_the_drawing(build: Page) -> None:
    expect(build.locator(".st-key-pytorch-code")).to_contain_text("784, 128")
    build.get_by_test_id("field-units").fill("64")
    expect(build.locator(".st-key-pytorch-code")).to_contain_text("784, 64")


def test_typing_is_never_overwritten_by_an_older_answer(build: Page) -> None:
    box = build.get_by_test_id("field-units")
    box.fill("")
    box.press_sequentially("1234", delay=60)
    expect_net(build, "dense_1234")
    expect(box).to_have_value("1234")
    expect(box).to_be_focused()


def test_the_slider_and_the_buttons_above_the_layer(build: Page) -> None:
    build.get_by_test_id("more-0").click()
    expect_net(build, "dense_144")
    build.get_by_test_id("fewer-0").click()
    build.get_by_test_id("fewer-0").click()
    expect_net(build, "dense_120")
    box = build.get_by_test_id("slider-units").bounding_box()
    assert box is not None
    build.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    build.mouse.down()
    build.mouse.move(box["x"] + box["width"] - 1, box["y"] + box["height"] / 2, steps=8)
    build.mouse.up()
    expect_net(build, "dense_8192")
    for before in ("dense_120", "dense_128", "dense_144"):
        build.get_by_test_id("undo").click()
        expect_net(build, before)


@pytest.mark.parametrize(
    ("kernel", "message"),
    [("40", "Kernel must be a whole number from 1 to 28, not 40"), ("28", "Kernel 28 is larger than its input, 26")],
)
def test_a_layer_that_cannot_work_says_why_and_the_last_good_network_stays(
    build: Page, kernel: str, message: str
) -> None:
    insert(build, 0, "conv")
    expect_net(build, "conv~dense_128")
    insert(build, 1, "conv")
    expect_net(build, "conv~conv~dense_128")
    build.get_by_test_id("field-kernel").fill(kernel)
    bad = build.locator(".layer.is-bad")
    expect(bad.get_by_test_id("problem")).to_contain_text(message)
    expect(bad.get_by_test_id("layer-1")).to_have_count(1)
    expect(build.get_by_test_id("still-using")).to_contain_text("Convolution 16, Convolution 16, Dense 128")
    assert net_of(build) == "conv~conv~dense_128"
    build.get_by_test_id("go-back").click()
    expect(build.get_by_test_id("total-parameters")).to_be_visible()
    expect(build.get_by_test_id("problem")).to_have_count(0)
    build.get_by_test_id("undo").click()
    expect(build.get_by_test_id("problem")).to_contain_text(message)


def test_undo_and_redo_by_button_and_by_key(build: Page) -> None:
    build.get_by_test_id("preset-lenet5").click()
    lenet = "conv_6_5_1_2_tanh~avgpool~conv_16_5_1_0_tanh~avgpool~dense_120_tanh~dense_84_tanh"
    expect_net(build, lenet)
    insert(build, 6, "dropout")
    expect_net(build, f"{lenet}~dropout")
    build.keyboard.press("Control+z")
    expect_net(build, lenet)
    build.get_by_test_id("undo").click()
    expect_net(build, CLASSIC)
    expect(build.get_by_test_id("undo")).to_be_disabled()
    build.keyboard.press("Control+Shift+z")
    expect_net(build, lenet)
    build.keyboard.press("Control+y")
    expect_net(build, f"{lenet}~dropout")


def test_a_layer_is_moved_by_dragging(build: Page) -> None:
    insert(build, 1, "dropout")
    expect_net(build, "dense_128~dropout")
    build.get_by_test_id("layer-1").hover(position={"x": 30, "y": 200})  # which waits until the drawing is at rest
    end = build.get_by_test_id("layer-0").bounding_box()
    assert end is not None
    build.mouse.down()
    build.mouse.move(end["x"], end["y"] + 200, steps=10)
    build.mouse.up()
    expect_net(build, "dropout~dense_128")
    build.keyboard.press("Control+z")
    expect_net(build, "dense_128~dropout")


def test_everything_by_keyboard(build: Page) -> None:
    build.get_by_test_id("layer-0").focus()
    build.keyboard.press("Insert")
    expect(build.get_by_test_id("insert-kind-dense")).to_be_focused()
    build.keyboard.press("ArrowDown")
    build.keyboard.press("ArrowUp")
    build.keyboard.press("Enter")
    expect(build.get_by_test_id("field-units")).to_be_focused()
    build.keyboard.press("Control+a")
    build.keyboard.type("32")
    expect_net(build, "dense_128~dense_32")
    build.keyboard.press("Escape")
    expect(build.get_by_test_id("layer-1")).to_be_focused()
    build.keyboard.press("Alt+ArrowLeft")
    expect_net(build, "dense_32~dense_128")
    expect(build.get_by_test_id("layer-0")).to_be_focused()
    build.keyboard.press("Control+d")
    expect_net(build, "dense_32~dense_32~dense_128")
    build.keyboard.press("ArrowRight")
    expect(build.get_by_test_id("layer-2")).to_be_focused()
    build.keyboard.press("-")
    expect_net(build, "dense_32~dense_32~dense_120")
    build.keyboard.press("Delete")
    expect_net(build, "dense_32~dense_32")
    build.keyboard.press("Home")
    expect(build.get_by_test_id("layer-input")).to_be_focused()
    build.keyboard.press("Tab")
    expect(build.get_by_test_id("insert-0")).to_be_focused()
    build.keyboard.press("Tab")
    expect(build.get_by_test_id("layer-0")).to_be_focused()
    build.keyboard.press("Enter")
    expect(build.get_by_test_id("field-units")).to_be_focused()


def test_a_neuron_shows_what_it_receives(build: Page) -> None:
    build.get_by_test_id("layer-output").locator(".neuron").nth(3).hover()
    expect(build.locator(".wire.lit")).to_have_count(1)


def test_the_initialisation_is_chosen_and_its_deviation_only_where_it_counts(build: Page) -> None:
    expect(build.get_by_test_id("field-init_std")).to_be_hidden()
    build.get_by_test_id("field-init").select_option("normal")
    build.get_by_test_id("field-init_std").fill("0.5")
    build.wait_for_function("new URLSearchParams(location.search).get('init_std') === '0.5'")
    build.get_by_test_id("field-init_std").fill("-1")
    expect(build.get_by_test_id("still-using")).to_contain_text(
        "Standard deviation of the initial weights must be a number from 0 to 10, not -1"
    )


def test_a_copied_link_opens_the_same_set_up_elsewhere(build: Page, open_page: OpenPage) -> None:
    build.get_by_test_id("preset-small_cnn").click()
    expect(build.get_by_test_id("preset-small_cnn")).to_have_attribute("aria-pressed", "true")
    build.get_by_test_id("layer-0").click()
    build.get_by_test_id("field-channels").fill("24")
    build.wait_for_function("location.search.includes('conv_24')")
    other = open_page(build.url)
    expect(build.get_by_test_id("total-parameters")).to_have_text("57,290")
    expect(other.get_by_test_id("total-parameters")).to_have_text("57,290")
    expect(other.get_by_test_id("shape-0")).to_have_text("24 × 28 × 28")
    build.get_by_role("tab", name="Share a link").click()
    expect(build.locator(".st-key-share-link")).to_contain_text("?net=conv_24")


def test_an_exported_file_is_imported_elsewhere(build: Page, open_page: OpenPage, tmp_path: Path) -> None:
    build.get_by_test_id("preset-lenet5").click()
    build.wait_for_function("location.search.includes('avgpool')")
    build.get_by_role("tab", name="File").click()
    with build.expect_download() as download:
        build.locator(".st-key-export-setup button").click()
    file = tmp_path / "setup.json"
    download.value.save_as(file)
    assert json.loads(file.read_text())["nnviz"] == 1

    other = open_page("/Build")
    expect_net(other, CLASSIC)
    other.get_by_role("tab", name="File").click()
    other.locator(".st-key-import-setup input[type=file]").set_input_files(file)
    expect(other.locator(".st-key-import-report")).to_contain_text("Imported")
    expect(other.get_by_test_id("total-parameters")).to_have_text("61,706")
    other.get_by_test_id("undo").click()
    expect_net(other, CLASSIC)


def test_a_bad_file_changes_nothing_and_says_why(build: Page) -> None:
    build.get_by_role("tab", name="File").click()
    bad = to_json(NetworkSpec(), TrainConfig()).replace('"units": 128', '"units": -5')
    upload = FilePayload(name="bad.json", mimeType="application/json", buffer=bad.encode())
    build.locator(".st-key-import-setup input[type=file]").set_input_files(upload)
    expect(build.locator(".st-key-import-report")).to_contain_text(
        "Nothing was changed: layer 1: units must be a whole number from 1 to 8192, not -5"
    )
    assert net_of(build) == CLASSIC


def test_draft_and_undo_survive_leaving_the_page(build: Page) -> None:
    build.get_by_test_id("field-units").fill("77")
    expect_net(build, "dense_77")
    build.get_by_test_id("field-units").fill("0")
    expect(build.get_by_test_id("problem")).to_be_visible()
    build.get_by_role("link", name="Glossary").first.click()
    expect(build.get_by_test_id("layer-output")).to_have_count(0)
    build.get_by_role("link", name="Build").first.click()
    expect(build.get_by_test_id("problem")).to_contain_text("Units must be")
    build.get_by_test_id("go-back").click()
    expect(build.get_by_test_id("total-parameters")).to_be_visible()
    build.get_by_test_id("undo").click()
    build.get_by_test_id("undo").click()
    expect_net(build, CLASSIC)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_with_fingers(open_page: OpenPage, scheme: str) -> None:
    phone = open_page("/Build", viewport=PHONE, has_touch=True, is_mobile=True, color_scheme=scheme)
    expect_net(phone, CLASSIC)
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")
    phone.get_by_test_id("layer-0").tap()
    for name in ("duplicate", "remove", "close-panel"):
        box = phone.get_by_test_id(name).bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 40
    phone.get_by_test_id("field-units").fill("16")
    expect_net(phone, "dense_16")
    phone.get_by_test_id("close-panel").tap()
    phone.get_by_test_id("insert-1").tap()
    phone.get_by_test_id("insert-kind-dropout").tap()
    expect_net(phone, "dense_16~dropout")
    phone.get_by_test_id("move-left").tap()
    expect_net(phone, "dropout~dense_16")
    phone.get_by_test_id("undo").tap()
    expect_net(phone, "dense_16~dropout")
    phone.get_by_test_id("preset-small_cnn").tap()
    phone.wait_for_function("location.search.includes('batchnorm')")
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_finger_moves_a_layer_by_its_dots(open_page: OpenPage) -> None:
    phone = open_page("/Build?net=dense_32~dropout", viewport=PHONE, has_touch=True, is_mobile=True)
    expect_net(phone, "dense_32~dropout")
    grip = phone.locator(".layer.is-layer .grip").nth(1)
    grip.scroll_into_view_if_needed()
    box = grip.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    touch = phone.context.new_cdp_session(phone)
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    for by in range(10, 161, 10):
        touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [{"x": x, "y": y - by}]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    expect_net(phone, "dropout~dense_32")


def test_on_to_training(build: Page) -> None:
    build.get_by_test_id("field-units").fill("99")
    build.get_by_role("button", name="Train this network").click()
    build.wait_for_url(re.compile(r"/Train\?.*net=dense_99"))
