"""The Studio as a person meets it: the net learns before their eyes, and everything is on one screen."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import Locator, Page, WebSocketRoute, expect

from nnviz.spec.presets import PRESETS
from nnviz.store.runs import RunStore
from tests.browser.conftest import OpenPage, rest
from tests.waiting import wait_until

SHORT = "/?epochs=1&per_class=300"
"""47 steps: over in a moment."""

LONG = "/?epochs=1000"


def studio(page: Page) -> Locator:
    """The screen, once its first picture is drawn."""
    root = page.locator(".studio")
    expect(root).to_be_visible()
    wait_until(lambda: pictures(page) > 0)
    return root


def pictures(page: Page) -> int:
    """How many have been drawn."""
    return int(page.locator(".studio").get_attribute("data-pictures") or 0)


def button(page: Page, key: str) -> Locator:
    return page.locator(f".st-key-{key} button:visible")


def step(page: Page) -> int:
    return int(re.sub(r"\D", "", page.get_by_test_id("step").inner_text()) or 0)


def run_of(page: Page) -> str:
    """The id of the run in the address."""
    found: str | None = page.evaluate("new URLSearchParams(location.search).get('run')")
    return found or ""


def play(page: Page) -> None:
    """Until something has moved."""
    button(page, "studio-play").click()
    wait_until(lambda: step(page) > 0)


def paused_at(page: Page) -> int:
    """The step at which it stands still, once the picture is of that too."""
    expect(button(page, "studio-play")).to_have_text(re.compile("Play"))
    wait_until(lambda: f"after step {step(page):,} of" in page.get_by_test_id("progress").inner_text())
    return step(page)


def aside(page: Page) -> None:
    """Nothing has the focus, so that keys are those of the screen."""
    page.evaluate("document.activeElement?.blur()")


def test_it_opens_on_the_classic_net_untrained_and_one_press_lets_it_learn(open_page: OpenPage) -> None:
    page = open_page("/")
    studio(page)
    expect(page.get_by_test_id("image-words")).to_have_text("Test image 0: 7")
    expect(page.get_by_test_id("step")).to_have_text("Step 0")
    expect(page.get_by_test_id("accuracy")).to_have_text("–")
    expect(page.locator("button[kind=primary]:visible")).to_have_count(1)
    size = page.evaluate("[document.querySelector('[data-testid=stMain]').scrollHeight, innerHeight]")
    assert size[0] <= size[1] + 1
    play(page)
    expect(page).to_have_url(re.compile("run="))
    before = pictures(page)
    wait_until(lambda: pictures(page) > before + 10)
    expect(page.get_by_test_id("accuracy")).to_have_text(re.compile(r"\d\d\.\d\d %"))
    button(page, "studio-play").click()
    held = paused_at(page)
    button(page, "studio-step").click()
    wait_until(lambda: step(page) == held + 1)
    button(page, "studio-reset").click()
    expect(page.get_by_test_id("step")).to_have_text("Step 0")
    expect(page).not_to_have_url(re.compile("run="))
    expect(page.get_by_test_id("progress")).to_have_text("not trained yet")


@pytest.mark.parametrize(
    ("preset", "size"),
    [*((preset, (1366, 768)) for preset in PRESETS), ("classic", (1920, 1080)), ("deep_sigmoid", (1093, 614))],
)
def test_the_whole_screen_is_seen_without_scrolling(open_page: OpenPage, preset: str, size: tuple[int, int]) -> None:
    page = open_page(f"/?net={PRESETS[preset].network.to_text()}", viewport={"width": size[0], "height": size[1]})
    studio(page)
    rest(page)
    main = page.locator("[data-testid=stMain]")
    assert main.evaluate("one => one.scrollHeight - one.clientHeight") <= 1
    assert main.evaluate("one => one.scrollWidth - one.clientWidth") <= 0
    expect(page.get_by_test_id("time")).to_be_in_viewport()


def test_of_several_quick_presses_one_begins_a_run(open_page: OpenPage, app_folder: Path) -> None:
    page = open_page(LONG)
    studio(page)
    with closing(RunStore(app_folder / "runs")) as store:
        before = len(store.runs())
        button(page, "studio-play").evaluate("one => { for (let time = 0; time < 5; time += 1) one.click(); }")
        aside(page)
        for _ in range(3):
            page.keyboard.press(" ")
        expect(page).to_have_url(re.compile("run="))
        rest(page)
        assert len(store.runs()) == before + 1


def test_a_link_to_what_is_not_there_shows_the_first_image(open_page: OpenPage) -> None:
    page = open_page("/?image=99999&step=7&show=nonsense")
    studio(page)
    expect(page.get_by_test_id("image-words")).to_have_text("Test image 0: 7")
    expect(page.get_by_test_id("progress")).to_have_text("not trained yet")


def test_a_run_deleted_by_somebody_else_is_let_go(open_page: OpenPage, app_folder: Path) -> None:
    page = open_page(SHORT)
    studio(page)
    play(page)
    expect(page.get_by_test_id("progress")).to_contain_text("Finished")
    with closing(RunStore(app_folder / "runs")) as store:
        store.discard(run_of(page))
    expect(page.get_by_test_id("progress")).to_have_text("not trained yet")
    expect(button(page, "studio-play")).to_have_text(re.compile("Play"))


def test_the_builder_stays_open_while_the_run_behind_it_ends(open_page: OpenPage) -> None:
    page = open_page("/?epochs=3&per_class=1000")
    studio(page)
    play(page)
    button(page, "studio-layers").click()
    expect(page.get_by_test_id("layer-0")).to_be_visible()
    expect(page.get_by_test_id("progress")).to_contain_text("Finished")
    rest(page)
    page.get_by_test_id("insert-1").click()
    page.get_by_test_id("insert-kind-dense").click()
    expect(page.get_by_test_id("layer-1")).to_be_visible()
    page.get_by_role("button", name="Close").first.click()
    expect(page).to_have_url(re.compile("dense_128~dense"))
    expect(page.get_by_test_id("progress")).to_have_text("not trained yet")


def test_what_is_shown_is_chosen_by_hand_and_by_key_and_stands_in_the_address(open_page: OpenPage) -> None:
    page = open_page("/")
    studio(page)
    page.get_by_test_id("show-activations").click()
    expect(page.get_by_test_id("show-activations")).to_have_attribute("aria-checked", "true")
    expect(page).to_have_url(re.compile("show=activations"))
    aside(page)
    page.keyboard.press("2")
    expect(page.get_by_test_id("show-gradients")).to_have_attribute("aria-checked", "true")
    expect(page.locator(".studio .legend")).to_contain_text("gradient ∂L/∂W of Dense 1")
    page.get_by_test_id("show-gradients").press("ArrowRight")
    expect(page.get_by_test_id("show-update")).to_be_focused()
    expect(page).to_have_url(re.compile("show=update"))
    again = open_page(page.url)
    studio(again)
    expect(again.get_by_test_id("show-update")).to_have_attribute("aria-checked", "true")


def test_the_image_is_the_next_a_random_one_a_mistake_or_drawn(open_page: OpenPage) -> None:
    page = open_page("/")
    studio(page)
    words = page.get_by_test_id("image-words")
    page.get_by_test_id("image-next").click()
    expect(words).to_have_text("Test image 1: 2")
    page.get_by_test_id("image-digit").select_option("4")
    page.get_by_test_id("image-random").click()
    expect(words).to_have_text(re.compile(r"Test image [\d,]+: 4"))
    page.get_by_test_id("image-mistake").click()
    expect(page.locator(".studio .words")).to_contain_text("true class 4")
    expect(page).to_have_url(re.compile("image="))
    page.get_by_test_id("image-draw").click()
    expect(words).to_have_text("Draw a digit")
    drawing = page.get_by_test_id("drawing")
    box = drawing.bounding_box()
    assert box is not None
    before = page.locator(".studio .words").inner_text()
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.2 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 0.8 * box["height"], steps=8)
    page.mouse.up()
    expect(page.locator(".studio .words")).not_to_have_text(before)
    expect(words).to_have_text("Your drawing")
    page.get_by_test_id("image-draw").click()
    expect(words).to_have_text(re.compile("Test image"))


def test_a_neuron_tells_its_arithmetic_and_goes_on_in_inspect(open_page: OpenPage) -> None:
    page = open_page(SHORT)
    studio(page)
    play(page)
    expect(page.get_by_test_id("progress")).to_contain_text("Finished")
    network = page.locator(".s-network canvas")
    network.focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowRight", "Enter"):
        page.keyboard.press(key)
    unit = page.get_by_test_id("unit")
    expect(unit).to_contain_text("Dense 1, neuron 2")
    for words in ("bias b", "Wx + b", "y = ReLU", "the other 780"):
        expect(unit).to_contain_text(words)
    expect(unit.locator("figure")).to_have_count(3)
    page.get_by_test_id("unit-inspect").click()
    expect(page).to_have_url(re.compile("/Inspect"))
    expect(page.get_by_text("Neuron 2", exact=False).first).to_be_visible()


def test_on_a_slow_link_inspect_is_opened_though_something_was_just_chosen(page: Page) -> None:
    held: list[Callable[[], None]] = []
    slow = False

    def carry(route: WebSocketRoute) -> None:
        server = route.connect_to_server()
        server.on_message(lambda words: held.append(partial(route.send, words)) if slow else route.send(words))

    page.route_web_socket(re.compile("_stcore/stream"), carry)
    page.goto(SHORT)
    studio(page)
    play(page)
    expect(button(page, "studio-play")).to_have_text(re.compile("Again"))
    network = page.locator(".s-network canvas")
    network.focus()
    for key in ("ArrowRight", "Enter"):
        page.keyboard.press(key)
    expect(page.get_by_test_id("unit")).to_contain_text("Dense 1, neuron 0")
    rest(page)
    slow = True
    page.locator(".studio").evaluate(
        """(root) => {
            root.querySelector("[data-testid^=show-]:not([aria-checked=true])").click();
            root.querySelector("[data-testid=unit-inspect]").click();
        }"""
    )
    page.evaluate("new Promise((done) => setTimeout(done, 1000))")  # what was chosen would be kept meanwhile
    slow = False
    for pass_on in held:
        pass_on()
    expect(page).to_have_url(re.compile("/Inspect"))
    expect(page.get_by_role("heading", name="Inspect")).to_be_visible()
    rest(page)
    expect(page).to_have_url(re.compile("/Inspect"))


def test_the_time_line_shows_the_net_as_it_was_and_a_fork_goes_on_from_there(open_page: OpenPage) -> None:
    page = open_page(SHORT)
    studio(page)
    play(page)
    expect(page.get_by_test_id("progress")).to_contain_text("Finished")
    run = run_of(page)
    last = step(page)
    time = page.get_by_test_id("time")
    time.focus()
    page.keyboard.press("Home")
    expect(page.get_by_test_id("step")).to_have_text("Step 0")
    expect(page.get_by_test_id("progress")).to_have_text("as it was then")
    expect(page).to_have_url(re.compile("step=0"))
    page.get_by_test_id("live").click()
    wait_until(lambda: step(page) == last)
    time.focus()
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    wait_until(lambda: step(page) < last)
    page.get_by_test_id("fork").click()
    wait_until(lambda: run_of(page) not in ("", run))
    expect(page).not_to_have_url(re.compile("step="))
    expect(page.get_by_test_id("progress")).to_contain_text("Finished")
    wait_until(lambda: step(page) == last)


def test_one_step_in_slow_motion_and_then_for_real(open_page: OpenPage) -> None:
    page = open_page(LONG)
    studio(page)
    play(page)
    aside(page)
    page.keyboard.press("s")
    title = page.get_by_test_id("slow-title")
    expect(title).to_contain_text("1/8 · Mini-batch of step")
    held = paused_at(page)
    expect(title).to_contain_text(f"Mini-batch of step {held + 1:,}")
    for phase in (
        "2/8 · Forward: Dense 1",
        "3/8 · Forward: Output",
        "4/8 · Loss: Cross-entropy",
        "5/8 · Backward: Output",
    ):
        page.keyboard.press("ArrowRight")
        expect(title).to_have_text(phase)
    expect(page.get_by_test_id("show-gradients")).to_have_attribute("aria-checked", "true")
    lines = page.get_by_test_id("slow-lines")
    for words in ("∂L/∂y", "∂y/∂z", "∂z/∂W = x", "product"):
        expect(lines).to_contain_text(words)
    page.get_by_test_id("slow-on").click()
    page.get_by_test_id("slow-on").click()
    expect(title).to_have_text("7/8 · Update: SGD")
    for words in ("W_old", "v", "W_new"):
        expect(lines).to_contain_text(words)
    page.keyboard.press("ArrowLeft")
    expect(title).to_have_text("6/8 · Backward: Dense 1")
    page.get_by_text("What autograd recorded").click()
    expect(page.get_by_test_id("slow-graph")).to_contain_text("AddmmBackward0 (dense1.bias, dense1.weight)")
    page.get_by_test_id("slow-take").click()
    wait_until(lambda: step(page) == held + 1)
    expect(title).to_contain_text(f"Mini-batch of step {held + 2:,}")
    aside(page)
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("slow-panel")).to_be_hidden()


def test_another_activation_begins_anew_at_once_and_the_old_run_stays(open_page: OpenPage) -> None:
    page = open_page(LONG)
    studio(page)
    play(page)
    first = run_of(page)
    page.locator(".st-key-studio-activation").get_by_role("combobox").click()
    page.get_by_role("option", name="Tanh").click()
    expect(page).to_have_url(re.compile("dense_128_tanh"))
    wait_until(lambda: run_of(page) not in ("", first))
    wait_until(lambda: step(page) > 0)
    page.locator(".st-key-studio-drawer button").first.click()
    expect(page.locator(f".st-key-watch-{first}")).to_be_visible()


def test_the_learning_rate_is_changed_while_it_runs_and_marked(open_page: OpenPage) -> None:
    page = open_page(LONG)
    studio(page)
    play(page)
    field = page.locator(".st-key-studio-set-lr input")
    field.fill("0.01")
    field.press("Enter")
    expect(page.locator(".s-ticks .s-mark")).to_have_count(1)
    expect(page.locator(".s-ticks .s-mark")).to_have_attribute("title", re.compile("0.001 → 0.01"))


def test_a_locked_scale_keeps_its_range_and_curves_are_enlarged(open_page: OpenPage) -> None:
    page = open_page(LONG)
    studio(page)
    button(page, "studio-step").click()
    wait_until(lambda: step(page) == 1)
    page.get_by_test_id("scale-lock").click()
    ends = page.locator(".studio .legend .high")
    before = ends.inner_text()
    page.locator(".st-key-studio-set-lr input").fill("0.5")
    page.locator(".st-key-studio-set-lr input").press("Enter")
    button(page, "studio-epoch").click()
    wait_until(lambda: step(page) > 200)
    assert ends.inner_text() == before
    page.get_by_test_id("scale-lock").click()
    expect(ends).not_to_have_text(before)
    small = page.get_by_test_id("curve-loss").bounding_box()
    page.get_by_test_id("curve-loss").click()
    large = page.get_by_test_id("curve-loss").bounding_box()
    assert small is not None
    assert large is not None
    assert large["width"] > 1.5 * small["width"]


def test_nothing_but_the_pictures_moves_while_it_learns(open_page: OpenPage) -> None:
    page = open_page(LONG)
    root = studio(page)
    play(page)
    expect(page.get_by_test_id("accuracy")).to_have_text(re.compile("%"))
    places = """one => [...one.querySelectorAll('section, canvas, button:not([hidden]), select, input')]
        .map((part) => part.getBoundingClientRect())
        .map(({ x, y, width, height }) => [x, y, width, height].map(Math.round))"""
    rest(page)
    before, drawn = root.evaluate(places), pictures(page)
    wait_until(lambda: pictures(page) > drawn + 20)
    assert root.evaluate(places) == before


def test_a_cut_connection_is_told_and_comes_back_by_itself(open_page: OpenPage) -> None:
    page = open_page("/")
    studio(page)
    page.evaluate("""() => { window.realSend = WebSocket.prototype.send;
        WebSocket.prototype.send = function (message) {
            if (this.url.endsWith('/live')) this.close(); else window.realSend.call(this, message);
        }; }""")
    page.get_by_test_id("image-next").click()
    expect(page.get_by_test_id("lost")).to_be_visible()
    page.evaluate("() => { WebSocket.prototype.send = window.realSend; }")
    expect(page.get_by_test_id("lost")).to_be_hidden()
    page.get_by_test_id("image-next").click()
    expect(page.get_by_test_id("image-words")).to_have_text("Test image 1: 2")


def test_where_no_websocket_of_ours_gets_through_the_page_asks(open_url: OpenPage, app_url: str) -> None:
    page = open_url("about:blank", base_url=app_url)
    page.route_web_socket(re.compile("/live$"), lambda socket: socket.close())
    page.goto("/")
    studio(page)
    button(page, "studio-play").click()
    wait_until(lambda: step(page) > 0)
    drawn = pictures(page)
    wait_until(lambda: pictures(page) > drawn + 2)
    page.get_by_test_id("image-next").click()
    expect(page.get_by_test_id("image-words")).to_have_text("Test image 1: 2")


def test_keys_do_nothing_while_somebody_types(open_page: OpenPage) -> None:
    page = open_page("/")
    studio(page)
    field = page.locator(".st-key-studio-set-lr input")
    field.focus()
    page.keyboard.press("2")
    page.keyboard.press("r")
    expect(page.get_by_test_id("show-weights")).to_have_attribute("aria-checked", "true")
    expect(field).to_have_value("0.0012r")


def test_presentation_and_the_demonstration_end_when_somebody_wants(open_page: OpenPage) -> None:
    page = open_page("/")
    studio(page)
    aside(page)
    page.keyboard.press("p")
    expect(page.locator(".st-key-navigation")).to_be_hidden()
    page.keyboard.press("p")
    expect(page.locator(".st-key-navigation")).to_be_visible()
    page.keyboard.press("?")
    expect(page.get_by_test_id("help")).to_be_visible()
    page.keyboard.press("?")
    page.keyboard.press("d")
    expect(page.get_by_test_id("demo")).to_be_visible()
    wait_until(lambda: step(page) > 0)
    page.mouse.click(5, 5)
    expect(page.get_by_test_id("demo")).to_be_hidden()


def test_a_phone_has_everything_in_one_column(open_page: OpenPage) -> None:
    page = open_page("/", viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    studio(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    button(page, "studio-play").tap()
    wait_until(lambda: step(page) > 0)
    left = page.locator(".s-left").bounding_box()
    middle = page.locator(".s-middle").bounding_box()
    assert left is not None
    assert middle is not None
    assert left["y"] + left["height"] <= middle["y"] + 1
