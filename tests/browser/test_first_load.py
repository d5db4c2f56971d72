"""What is seen while a page is opened for the first time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import DESKTOP, LIMIT_MS, rest

WATCH = """
window.mostAtOnce = [];
new MutationObserver(() => {
    // Streamlit draws a button that has a help text twice; the one that is not for this device takes no room.
    const shown = [...document.querySelectorAll('button[data-testid=stBaseButton-primary]')]
        .filter(button => button.getClientRects().length).map(button => button.innerText.trim());
    if (shown.length > window.mostAtOnce.length) window.mostAtOnce = shown;
}).observe(document, { childList: true, subtree: true, attributes: true });
"""


@pytest.fixture
def page(browser: Browser, app_url: str) -> Iterator[Page]:
    """Of a browser that has seen nothing of the app yet, and is watched from the start."""
    context = browser.new_context(viewport=DESKTOP, base_url=app_url)
    context.set_default_timeout(LIMIT_MS)
    context.add_init_script(WATCH)
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("path", ["/", "/Build", "/Train", "/Draw"])
def test_there_are_never_two_primary_buttons(page: Page, path: str) -> None:
    page.goto(path)
    expect(page.locator(".st-key-navigation")).to_be_visible()
    rest(page)
    assert len(page.evaluate("window.mostAtOnce")) <= 1, page.evaluate("window.mostAtOnce")
