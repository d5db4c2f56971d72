"""Every page, with and without runs, light and dark, and every section holds WCAG 2.2 AA as far as axe-core can tell,
and the keyboard's place can be seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from nnviz.executor.recorder import train_run
from nnviz.spec.network import NetworkSpec
from nnviz.spec.train_config import TrainConfig
from nnviz.store.runs import RunStore
from tests.browser.conftest import APP, PHONE, OpenPage, rest
from tests.browser.stage import serve

playwright = pytest.importorskip("playwright.sync_api")
axe = pytest.importorskip("axe_playwright_python.sync_playwright")

from playwright.sync_api import Page, expect  # noqa: E402

RULES = {
    "resultTypes": ["violations"],
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]},
    "rules": {"label-content-name-mismatch": {"enabled": True}},  # of WCAG 2.1 A, but still tried out by axe-core
}
CONTRAST = {"resultTypes": ["violations"], "runOnly": ["color-contrast"]}
"""What the colours of a theme decide; all else is as it was in the other."""

FOREIGN = {
    # Streamlit's block of code scrolls. Browsers let the keyboard into what scrolls by themselves.
    "scrollable-region-focusable": '[data-testid="stCode"] pre',
    # The table behind Streamlit's data frame, which is drawn on a canvas: the column of its check boxes has no name.
    "empty-table-header": '[data-testid="stDataFrame"] th',
    # Streamlit's place for files has a name though its role is to have none; the button in it says the same.
    "presentation-role-conflict": '[data-testid="stFileUploaderDropzone"]',
}
"""Rule → the selector of what breaks it in Streamlit's own markup, which no theme, style or argument reaches."""

PAGES = ("Studio", "Build", "Train", "Inspect", "Draw", "Compare", "Sweep", "Glossary")
EMPTY = ("Train", "Inspect", "Draw", "Compare", "Sweep")
"""Pages that look otherwise where there are no runs."""

SECTIONS = {"Inspect": ".st-key-inspect-look button", "Draw": ".st-key-draw-look button", "Build": "[role=tab]"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("accessible")


@pytest.fixture(scope="module")
def url(folder: Path, mnist_root: Path) -> Iterator[str]:
    """An app without runs, until `runs` are asked for."""
    with serve(APP, folder, NNVIZ_RUNS=str(folder / "runs"), NNVIZ_DATA=str(mnist_root)) as address:
        yield address


@pytest.fixture(scope="module")
def runs(folder: Path, url: str) -> list[str]:
    with closing(RunStore(folder / "runs")) as store:
        config, name = TrainConfig(epochs=1, per_class=30), "784-128-10 · SGD 0.001"
        longer = f"{name} · momentum 0.5 · batch 32 · shifted, turned and scaled"
        made = [store.create(NetworkSpec(), config.with_(seed=seed), name) for seed, name in ((1, name), (2, longer))]
        for run in made:
            train_run(store, run.id)
    return [run.id for run in made]


def open_named(open_url: OpenPage, url: str, name: str, run: str | None = None) -> Page:
    """A page in light colours, at rest."""
    address = f"{url}/{'' if name == 'Studio' else name}" + (f"?run={run}" if run else "")
    page = open_url(address, color_scheme="light", reduced_motion="reduce")
    page.locator(".st-key-navigation").wait_for()
    rest(page)
    return page


def broken(page: Page, rules: dict[str, Any]) -> list[str]:
    """What breaks a rule, each with the rule, where it is and why; the foreign parts left out."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(axe.Axe().axe_script)
    found = []
    for violation in page.evaluate("async rules => (await axe.run(rules)).violations", rules):
        foreign = FOREIGN.get(violation["id"])
        for node in violation["nodes"]:
            path = node["target"]
            if foreign and isinstance(path[0], str) and page.locator(path[0]).first.evaluate(MATCHES, foreign):
                continue
            found.append(f"{violation['id']}: {node['html'][:160]} {node['failureSummary'][:300]}")
    return found


MATCHES = "(element, selector) => element.matches(selector)"


def in_both_themes(page: Page, sections: str = "") -> list[str]:
    """What is broken, also in the sections that the buttons which `sections` selects lead to. Leaves the page dark, and
    in the first of them.
    """
    choices = page.locator(sections).all() if sections else []
    found = broken(page, RULES)
    for choice in choices[1:]:
        choice.click()
        rest(page)
        found += broken(page, RULES)
    page.emulate_media(color_scheme="dark")
    expect(page.get_by_test_id("stApp")).to_have_css("color-scheme", "dark")
    rest(page)
    found += broken(page, CONTRAST)
    for choice in reversed(choices[:-1]):
        choice.click()
        rest(page)
        found += broken(page, CONTRAST)
    return found


@pytest.mark.parametrize("name", EMPTY)
def test_pages_without_runs(open_url: OpenPage, url: str, name: str) -> None:
    page = open_named(open_url, url, name)
    assert in_both_themes(page) == []


@pytest.mark.parametrize("name", PAGES)
def test_pages_and_their_sections_and_where_the_keyboard_is(
    open_url: OpenPage, url: str, runs: list[str], name: str
) -> None:
    page = open_named(open_url, url, name, runs[0] if name in ("Train", "Inspect") else None)
    expect(page.locator("h1")).to_have_count(1)
    assert in_both_themes(page, SECTIONS.get(name, "")) == []
    assert_the_keyboard_is_seen(page)


PLACE = """() => {
    let at = document.activeElement;
    while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
    if (!at || at === document.body) return null;
    const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(at);
    return [at.outerHTML.slice(0, 600), at.tagName,
            (outlineStyle !== 'none' && parseFloat(outlineWidth) >= 1) || boxShadow !== 'none'];
}"""


def assert_the_keyboard_is_seen(page: Page) -> None:
    """Wherever it goes, from the beginning of the page."""
    page.evaluate("document.activeElement.blur()")
    page.mouse.click(2, 2)
    names, unseen = set(), []
    for _ in range(24):
        page.keyboard.press("Tab")
        place = page.evaluate(PLACE)
        if place is None:
            continue
        names.add(place[0])
        if place[1] in ("A", "BUTTON", "SUMMARY", "CANVAS") and not place[2]:
            unseen.append(place[0])
    assert len(names) >= 10
    assert unseen == []


SMALL = """() => {
    const found = [];
    const look = root => {
        for (const one of root.querySelectorAll('*')) {
            if (one.shadowRoot) look(one.shadowRoot);
            if (!one.matches('a[href], button, select, summary, input:not([type=range]), textarea, [role=tab]'))
                continue;
            if (one.closest('p') || one.matches('[data-testid=stSkipToContent], .insert, .tile')) continue;
            const help = one.matches('[aria-label^=Help]'); // stands in the label of something else
            const box = ((!help && one.closest('label')) || one).getBoundingClientRect();
            if (!box.width || !box.height || getComputedStyle(one).visibility !== 'visible') continue;
            if (box.height < 43.5 || box.width < 43.5)
                found.push(`${Math.round(box.width)} x ${Math.round(box.height)}: ${one.outerHTML.slice(0, 200)}`);
        }
    };
    look(document);
    return found;
}"""
"""Not looked at: what lies in a line of text, and pictures that are as large as they can be; the round buttons between
layers take a finger beside them too."""


@pytest.mark.parametrize("name", ["Build", "Train", "Inspect", "Draw", "Compare"])
def test_a_phone_has_room_for_fingers_and_one_row_of_links(
    open_url: OpenPage, url: str, runs: list[str], name: str
) -> None:
    address = f"{url}/{name}" + (f"?run={runs[0]}" if name in ("Train", "Inspect") else "")
    page = open_url(address, viewport=PHONE, has_touch=True, is_mobile=True)
    links = page.locator(".st-key-navigation")
    expect(links).to_be_visible()
    rest(page)
    assert page.evaluate(SMALL) == []
    box = links.bounding_box()
    assert box is not None
    assert box["height"] < 60
    expect(links.get_by_role("link", name=name)).to_be_in_viewport()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    if name == "Inspect":
        chosen = page.get_by_role("combobox", name="Run")
        assert chosen.evaluate("box => box.scrollWidth <= box.clientWidth"), "the run's name is cut"
        page.locator(".st-key-inspect-run button").tap()
        expect(page.get_by_role("option")).to_have_count(2)
        for option in page.get_by_role("option").all():
            height = option.evaluate("one => one.firstChild.clientHeight - one.clientHeight")
            assert option.evaluate("one => one.firstChild.scrollWidth <= one.firstChild.clientWidth"), "a name is cut"
            assert height <= 0
