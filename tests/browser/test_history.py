"""The browser's buttons for back and forward return to what was seen before and after."""

from __future__ import annotations

import re

import pytest

from tests.browser.conftest import OpenPage, rest

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import expect


def test_back_undoes_the_edits_of_build_one_by_one(open_page: OpenPage) -> None:
    page = open_page("/Build?net=dense_40")
    for units in ("41", "42", "43"):
        page.get_by_test_id("field-units").fill(units)
        page.wait_for_url(re.compile(f"dense_{units}"))
        rest(page)
    for units in ("42", "41", "40"):
        page.go_back()
        expect(page.get_by_test_id("shape-0")).to_have_text(units)
        expect(page.locator(".st-key-pytorch-code")).to_contain_text(f"784, {units}")
        rest(page)
        assert f"dense_{units}" in page.url
    page.go_forward()
    expect(page.get_by_test_id("shape-0")).to_have_text("41")


def test_each_page_that_was_opened_costs_one_press_of_back(open_page: OpenPage) -> None:
    """Build and Train write the set-up into their address as they open."""
    page, names = open_page("/"), ("Build", "Train", "Glossary", "Build", "Train")
    rest(page)
    before = page.evaluate("history.length")
    for name in names:
        page.locator(".st-key-navigation").get_by_role("link", name=name).click()
        page.wait_for_function("name => document.title.startsWith(name)", arg=name)
        rest(page)
        assert f"/{name}" in page.url
        assert ("net=" in page.url) == (name != "Glossary")
    assert page.evaluate("history.length") == before + len(names)
    for name in (*names[-2::-1], "Studio"):
        page.go_back()
        page.wait_for_function("name => document.title.startsWith(name)", arg=name)
        rest(page)
