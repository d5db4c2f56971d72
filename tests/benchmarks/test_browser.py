"""The session that benchmarks measure with does what a browser does."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

pytest.importorskip("playwright.sync_api")  # the stage is that of the tests in a browser

from benchmarks.browser import Browser
from tests.browser.stage import serve

PAGE = """
import streamlit as st

state = st.session_state
state.setdefault("left", 0)


def begin():
    state["left"] = 3


def live():
    state["left"] -= 1
    if not state["left"]:
        st.rerun()
    st.write(state["left"])


st.button("Begin", key="begin-now", on_click=begin)
if state["left"]:
    st.fragment(live, run_every=0.01)()
"""


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder = tmp_path_factory.mktemp("session")
    (folder / "pages").mkdir()
    (folder / "home.py").write_text("import streamlit as st\nst.button('Not here', key='home')\n")
    (folder / "pages" / "1_Live.py").write_text(PAGE)
    (folder / "pages" / "2_Broken.py").write_text("raise ValueError('no such net')\n")
    with serve(Path(folder / "home.py"), folder) as address:
        yield urlsplit(address).port or 0


def test_it_follows_a_live_part_and_ends_with_it(port: int) -> None:
    with Browser(port, "Live") as browser:
        browser.open()
        assert not browser.refreshes
        for _ in range(2):  # after the rerun that ended the live part it is on its page still, not on the home page
            browser.press("begin-now")
            assert list(browser.refreshes.values()) == pytest.approx([0.01])
            browser.waits.clear()
            browser.follow(threading.Event())
            assert len(browser.waits) == 2
            assert not browser.refreshes


def test_it_stops_when_told(port: int) -> None:
    stop = threading.Event()
    stop.set()
    with Browser(port, "Live") as browser:
        browser.open()
        browser.press("begin-now")
        browser.follow(stop)
        assert not browser.waits
        assert browser.refreshes


def test_an_error_on_the_page_is_one_here(port: int) -> None:
    with Browser(port, "Broken") as browser, pytest.raises(RuntimeError, match="encountered an error"):
        browser.open()
