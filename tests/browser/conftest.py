"""A real Chromium before the running app: `page` on a desktop, `phone` with touch; both fail on errors of our code."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

playwright = pytest.importorskip("playwright.sync_api", reason="no Playwright: pip install -r requirements-test.txt")

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright, expect  # noqa: E402

from tests import processes  # noqa: E402
from tests.browser.stage import PROJECT, serve  # noqa: E402
from tests.waiting import LIMIT_S, wait_until  # noqa: E402

APP = PROJECT / "app.py"
DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}

LIMIT_MS = 1000 * LIMIT_S
expect.set_options(timeout=LIMIT_MS)

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

FOREIGN_NOISE = (
    "Failed to load resource",
    "net::ERR_",
    "_stcore",
    "Content Security Policy",
    "Download Button source error",
)
"""Console errors that are Streamlit's own: it looks for hosts on the internet that a test machine doesn't reach, and on
a page that is just being left for the files of its buttons. That these can be downloaded is tested where they are.
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(autouse=True, scope="package")
def nothing_left_at_the_end() -> Iterator[None]:
    """Set up before all other fixtures, and so looks when they have ended what they started."""
    yield
    assert processes.end_all() == [], "still running when the tests were over; killed now"


@pytest.fixture(autouse=True, scope="module")
def nothing_left_running() -> None:
    """Here the app goes on to the end, whose trainings end with each test."""


@pytest.fixture(autouse=True)
def trainings_end_with_their_test() -> Iterator[None]:
    """However it ends; set up before the pages of a test, which are closed by then."""
    yield
    processes.end_trainings()


@pytest.fixture(scope="package")
def app_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the app keeps its runs, in `runs`."""
    return tmp_path_factory.mktemp("app")


@pytest.fixture(scope="package")
def app_url(app_folder: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """Address of an app of its own: no runs yet, the real MNIST where it is at hand."""
    try:
        data = request.getfixturevalue("mnist_root")
    except pytest.skip.Exception:
        data = app_folder / "data"
        data.mkdir()
    with serve(APP, app_folder, NNVIZ_RUNS=str(app_folder / "runs"), NNVIZ_DATA=str(data)) as url:
        yield url


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        if os.environ.get("NNVIZ_REQUIRE_BROWSER"):
            pytest.fail("no Chromium, and NNVIZ_REQUIRE_BROWSER says that there must be one")
        pytest.skip("no Chromium: install it to run the browser tests")
    driver: Playwright
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield chromium
        chromium.close()


OpenPage = Callable[..., Page]


@pytest.fixture
def open_url(browser: Browser) -> Iterator[OpenPage]:
    """Opens addresses, each in a browser context of its own: `open_url(url, viewport=PHONE)`.

    At the end the test fails if one of the pages raised an error or wrote one of ours to the console.
    """
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type == "error" and not any(noise in message.text for noise in FOREIGN_NOISE):
            errors.append(message.text)

    def open_one(url: str, **options: Any) -> Page:
        context = browser.new_context(**{"viewport": DESKTOP, **options})
        contexts.append(context)
        context.set_default_timeout(LIMIT_MS)  # of navigations too
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        page = context.new_page()
        page.on("console", note)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(url)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert errors == []


@pytest.fixture
def open_page(open_url: OpenPage, app_url: str) -> OpenPage:
    """Opens pages of the app: `open_page("/Build?net=none", viewport=PHONE)`."""

    def open_one(path: str = "/", **options: Any) -> Page:
        return open_url(path, base_url=app_url, **options)

    return open_one


def rest(page: Page) -> None:
    """Wait until the page's script has been done for half a second: it isn't just between two runs."""
    page.evaluate("window.restingSince = undefined")
    page.wait_for_function("""() => {
        const running = document.querySelector('[data-testid=stApp]').dataset.testScriptState !== 'notRunning';
        if (running || !window.restingSince) window.restingSince = performance.now();
        return performance.now() - window.restingSince > 500;
    }""")


PLACE = """(plot, [x, y]) => { const { xaxis, yaxis } = plot._fullLayout; const box = plot.getBoundingClientRect();
    return [box.x + xaxis._offset + xaxis.d2p(x), box.y + yaxis._offset + yaxis.d2p(y)]; }"""

HOVERED = """(plot, [x, y]) => plot._hoverdata?.[0]?.x === x && plot._hoverdata[0].y === y"""
"""plotly.js looks under the mouse every 50 ms at most, and a click is a click on what it saw there last."""


def place(page: Page, key: str, x: float, y: float) -> tuple[float, float]:
    """Where a point of a plot, in the numbers of its axes, lies on the screen."""
    plot = page.locator(f".st-key-{key} .nnviz-plot")
    plot.scroll_into_view_if_needed()
    left, top = plot.evaluate(PLACE, [x, y])
    return left, top


def click_point(page: Page, key: str, x: float, y: float) -> None:
    """Again if need be, for what loads above a plot moves it; then plotly.js does not see the point, nor a click."""
    offsets = itertools.cycle((1, 2))

    def pointed_at() -> bool:
        left, top = place(page, key, x, y)
        offset = next(offsets)  # the mouse must move to be seen
        page.mouse.move(left + offset, top + offset)
        seen: bool = page.locator(f".st-key-{key} .nnviz-plot").evaluate(HOVERED, [x, y])
        return seen

    wait_until(pointed_at)
    page.mouse.click(*place(page, key, x, y))


@pytest.fixture(scope="module")
def made() -> list[str]:
    """What the first test of a module has trained for all of them, empty before: runs by their ids, say."""
    return []


@pytest.fixture
def page(open_page: OpenPage, request: pytest.FixtureRequest) -> Page:
    """A page on a desktop, still empty; parametrise indirectly with other options of a browser context."""
    return open_page("about:blank", **getattr(request, "param", {}))
