"""Widgets keep what a person set when they are away for a while."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest


def page() -> None:
    import streamlit as st

    from nnviz.ui import state

    options = st.session_state.get("options", ["one", "two", "three"])
    if st.session_state.get("shown", True):
        state.keep("choice", options)
        st.selectbox("Choice", options, key="choice")
        state.recall("count", 3)
        st.number_input("Count", 1, 9, key="count")
    st.text(f"{state.recalled('choice', 'none')} {state.recalled('count', 0)}")


def said(app: AppTest) -> str:
    text: str = app.text[0].value
    return text


def test_it_begins_with_the_first_option_or_the_default() -> None:
    app = AppTest.from_function(page).run()
    assert said(app) == "one 3"


def test_what_was_set_is_there_while_it_is_away_and_when_it_comes_back() -> None:
    app = AppTest.from_function(page).run()
    app.selectbox(key="choice").set_value("two").run()
    app.number_input(key="count").set_value(5).run()
    app.session_state["shown"] = False
    for _ in range(2):
        app.run()
        assert said(app) == "two 5"
    app.session_state["shown"] = True
    app.run()
    assert (app.selectbox(key="choice").value, app.number_input(key="count").value) == ("two", 5)


def test_an_option_that_is_gone_gives_way_to_the_first() -> None:
    app = AppTest.from_function(page).run()
    app.selectbox(key="choice").set_value("two").run()
    app.session_state["options"] = ["three", "four"]
    app.run()
    assert app.selectbox(key="choice").value == "three"
    assert not app.exception
