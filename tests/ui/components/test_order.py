"""Numbers of what is sent to the browser."""

from __future__ import annotations

import struct
from typing import Any

import pytest
import streamlit as st

from nnviz.ui.components.order import numbered


@pytest.fixture(autouse=True)
def session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(st, "session_state", {})


def number(message: Any) -> float:
    return struct.unpack_from("<d", message)[0] if isinstance(message, bytes) else message["number"]


@pytest.mark.parametrize(("one", "other"), [(b"one", b"other"), ({"a": 1}, {"a": 2})])
def test_what_is_newer_has_a_higher_number_and_what_is_the_same_keeps_it(one: Any, other: Any) -> None:
    messages = [numbered("key", content) for content in (one, one, other, one)]
    assert messages[0] == messages[1]
    first, _, second, third = map(number, messages)
    assert first < second < third


def test_each_component_counts_by_itself() -> None:
    before = numbered("one", b"same")
    numbered("other", b"different")
    assert numbered("one", b"same") == before


def test_a_server_that_was_started_again_goes_on_above(monkeypatch: pytest.MonkeyPatch) -> None:
    before = number(numbered("key", b"before"))
    monkeypatch.setattr(st, "session_state", {})
    assert number(numbered("key", b"after")) > before


def test_a_clock_that_is_put_back_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    before = number(numbered("key", b"before"))
    monkeypatch.setattr("time.time_ns", lambda: 0)
    assert number(numbered("key", b"after")) > before


def test_the_content_follows_the_number() -> None:
    assert numbered("key", b"content")[8:] == b"content"
    assert {k: v for k, v in numbered("key", {"a": 1}).items() if k != "number"} == {"a": 1}
