"""Fields for numbers: what is typed is what it says, or is refused with the rule and left standing."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from nnviz.fields import Number, SpecError
from tests.pages import rerun, words
from tests.waiting import LIMIT_S

RATE = Number("learning rate", 0, 10)
COUNT = Number("batch size", 1, 4096, whole=True)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0.05", 0.05),
        ("0,05", 0.05),
        (" ,5 ", 0.5),
        ("1e-2", 0.01),
        ("1,5e-3", 0.0015),
        ("1.024", 1.024),
        ("1,024", 1.024),
        ("+3", 3.0),
        ("5.", 5.0),
    ],
)
def test_real_numbers_as_people_write_them(text: str, number: float) -> None:
    assert RATE.check(text) == number


@pytest.mark.parametrize(
    "text", ["0.1e", "", "-1", "−1", "1,2,3", "1.000,5", "nan", "inf", "1e999", "0x10", "five", "11"]
)
def test_what_is_no_learning_rate_is_refused_with_the_rule(text: str) -> None:
    with pytest.raises(SpecError, match="learning rate must be a number from 0 to 10, not '"):
        RATE.check(text)


@pytest.mark.parametrize(("text", "number"), [("64", 64), ("64.0", 64), ("64,0", 64), ("6.4e1", 64)])
def test_whole_numbers_as_people_write_them(text: str, number: int) -> None:
    assert COUNT.check(text) == number
    assert isinstance(COUNT.check(text), int)


@pytest.mark.parametrize("text", ["1.024", "0,5", "1.5"])
def test_a_fraction_is_no_whole_number(text: str) -> None:
    with pytest.raises(SpecError, match=f"batch size must be a whole number from 1 to 4096, not '{text}'"):
        COUNT.check(text)


@pytest.mark.parametrize(("text", "digits"), [("1,024", "1024"), ("12,000", "12000"), ("1,234,567", "1234567")])
def test_a_comma_that_may_be_one_of_thousands_is_asked_about(text: str, digits: str) -> None:
    with pytest.raises(SpecError, match=f"batch size must be a whole number; if '{text}' is {digits}, write it so"):
        COUNT.check(text)


def page() -> None:
    import streamlit as st

    from nnviz.fields import Number
    from nnviz.ui.forms import number_field, refused

    value = st.session_state.setdefault("value", 0.001)
    number_field("Rate", value, Number("rate", 0, 10), "rate", lambda number: st.session_state.update(value=number))
    st.caption(f"value {st.session_state['value']!r}, refused {refused('ra')!r}, other {refused('x')!r}")


def test_the_old_value_stays_and_what_was_typed_with_the_rule_below() -> None:
    at = AppTest.from_function(page, default_timeout=LIMIT_S)
    assert rerun(at).text_input(key="rate").value == "0.001"
    at.text_input(key="rate").set_value("0,05")
    rerun(at)
    assert at.text_input(key="rate").value == "0.05"
    assert "value 0.05, refused ''" in words(at)
    at.text_input(key="rate").set_value("0.1e")
    rerun(at)
    assert at.text_input(key="rate").value == "0.1e"
    rule = "ate must be a number from 0 to 10, not '0.1e'"
    assert f":small[:red[R{rule}.]]" in words(at, "markdown")
    assert f"value 0.05, refused \"r{rule}\", other ''" in words(at)
    assert rerun(at).text_input(key="rate").value == "0.1e"  # until it is mended
    at.text_input(key="rate").set_value("0.2")
    rerun(at)
    assert "value 0.2, refused ''" in words(at)
    assert not [one for one in at.markdown if "red" in one.value]


def test_a_value_set_from_elsewhere_replaces_what_was_refused() -> None:
    at = rerun(AppTest.from_function(page, default_timeout=LIMIT_S))
    at.text_input(key="rate").set_value("many")
    rerun(at)
    at.session_state["value"] = 0.5
    rerun(at)
    assert at.text_input(key="rate").value == "0.5"
    assert "refused ''" in words(at)


def test_taken_back_to_the_old_value_it_is_not_refused_any_more() -> None:
    at = rerun(AppTest.from_function(page, default_timeout=LIMIT_S))
    at.text_input(key="rate").set_value("many")
    rerun(at)
    at.text_input(key="rate").set_value("0.001")
    rerun(at)
    assert "refused ''" in words(at)
