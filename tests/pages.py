"""Opening the app's pages without a browser, and reading what they say."""

from __future__ import annotations

from pathlib import Path

from streamlit.testing.v1 import AppTest

from tests.waiting import LIMIT_S

APP = Path(__file__).parents[1] / "app.py"

SAID = ("markdown", "caption", "info", "warning")
"""Kinds of elements that most of what a page says is in."""


def open_page(path: str = "", **query: str) -> AppTest:
    """The page as a link with `query` opens it: "" is the Studio, others are named by their file."""
    at = AppTest.from_file(str(APP), default_timeout=LIMIT_S)
    if path:
        at.switch_page(path)
    for name, value in query.items():
        at.query_params[name] = value
    return rerun(at)


def rerun(at: AppTest) -> AppTest:
    at.run()
    assert not at.exception, at.exception[0].value
    return at


def click(at: AppTest, key: str) -> AppTest:
    button = at.button(key=key)
    assert not button.disabled
    button.click()
    return rerun(at)


def parameter(at: AppTest, name: str) -> str:
    """Of the address; AppTest has it as a list where the page was opened or rerun with it."""
    value = at.query_params[name]
    (text,) = [value] if isinstance(value, str) else value
    return text


def keys(at: AppTest) -> set[str]:
    """Of the buttons that are shown."""
    return {button.key for button in at.button if button.key}


def words(at: AppTest, *kinds: str) -> str:
    """All that the page says in elements of these kinds, as it is read: without the signs that escape markup."""
    texts = [str(element.value) for kind in kinds or SAID for element in getattr(at, kind)]
    return "\n".join(texts).replace("\\", "")


def progress(at: AppTest) -> str:
    """What stands beside the progress bar."""
    text: str = at.get("progress")[0].proto.text
    return text
