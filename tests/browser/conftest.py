"""A real Chromium before the running app: `page` on a desktop, `phone` with touch; both fail on errors of our code."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

playwright = pytest.importorskip("playwright.sync_api", reason="no Playwright: pip install -r requirements-test.txt")

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright  # noqa: E402

PROJECT = Path(__file__).parents[2]
STARTED_WITHIN_S = 60
WAIT_MS = 20_000
DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}

ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip

FOREIGN_NOISE = ("Failed to load resource", "net::ERR_", "_stcore", "Content Security Policy")
"""Console errors that are Streamlit's own: it looks for hosts on the internet that a test machine doesn't reach."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def app_url(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[str]:
    """Address of an app of its own: a free port, no runs yet, the real MNIST where it is at hand."""
    folder = tmp_path_factory.mktemp("app")
    try:
        data = request.getfixturevalue("mnist_root")
    except pytest.skip.Exception:
        data = folder / "data"
        data.mkdir()
    with socket.socket() as listener:
        listener.bind(("localhost", 0))
        port = listener.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
    environment = {**os.environ, "NNVIZ_RUNS": str(folder / "runs"), "NNVIZ_DATA": str(data)}
    with (folder / "app.log").open("w") as log:
        server = subprocess.Popen(
            command, cwd=PROJECT, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
    url = f"http://localhost:{port}"
    try:
        _wait_until_it_answers(url, server, folder / "app.log")
        yield url
    finally:
        _end(server)


def _wait_until_it_answers(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + STARTED_WITHIN_S
    while time.monotonic() < end:
        if server.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"the app did not start:\n{log.read_text()[-3000:]}")


def _end(server: subprocess.Popen[bytes]) -> None:
    """End the server and all that it started: they share its session."""
    for kind in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(server.pid, kind)
        except ProcessLookupError:
            break
        try:
            server.wait(5)
        except subprocess.TimeoutExpired:
            continue
    server.wait()


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
def open_page(browser: Browser, app_url: str) -> Iterator[OpenPage]:
    """Opens pages of the app, each in a browser context of its own: `open_page("/Build?net=none", viewport=PHONE)`.

    At the end the test fails if one of them raised an error or wrote one of ours to the console.
    """
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type == "error" and not any(noise in message.text for noise in FOREIGN_NOISE):
            errors.append(message.text)

    def open_one(path: str = "/", **options: Any) -> Page:
        context = browser.new_context(base_url=app_url, **{"viewport": DESKTOP, **options})
        contexts.append(context)
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        page = context.new_page()
        page.set_default_timeout(WAIT_MS)
        page.on("console", note)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(path)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert errors == []


@pytest.fixture(scope="module")
def made() -> list[str]:
    """What the first test of a module has trained for all of them, empty before: runs by their ids, say."""
    return []


@pytest.fixture
def page(open_page: OpenPage, request: pytest.FixtureRequest) -> Page:
    """A page on a desktop; parametrise indirectly with other options of a browser context."""
    return open_page("/", **getattr(request, "param", {}))


@pytest.fixture
def phone(open_page: OpenPage) -> Page:
    """A page on a phone, with fingers."""
    return open_page("/", viewport=PHONE, has_touch=True, is_mobile=True)
