"""Choices that several pages offer in the same way: which section is looked at, and which run or sweep."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from nnviz.ui import state
from nnviz.ui.format import run_label

SECTION = "look"
"""The parameter of a page's address that names the section."""


def choose_section(sections: Mapping[str, tuple[str, Any]], key: str, *, pills: bool = False) -> str:
    """The name of one of `sections`: name → (title, what shows it). The first, until a person picks another.

    It stands in the address, so that a reload, a link, and the browser's button for back show the same one.
    """
    first, linked = next(iter(sections)), st.query_params.get(SECTION)
    arrived = key not in st.session_state and linked is not None
    if state.went_back() or arrived:
        st.session_state[key] = linked or first
    state.keep(key, list(sections))
    widget = st.pills if pills else st.segmented_control
    widget(
        "Look at",
        list(sections),
        key=key,
        format_func=lambda one: sections[one][0],
        required=True,
        label_visibility="collapsed",
    )
    section: str = st.session_state[key]
    if section != (linked or first):
        st.query_params[SECTION] = section
    return section


def choose_shown(label: str, names: Mapping[str, str], shown: str, key: str, **options: Any) -> str:
    """The id that a person picks in a box of `names`, id → name; `shown` as long as nobody picks another.

    Only what a person picked counts: what is chosen elsewhere, by a link or a button, moves the box instead.
    """
    picked = f"{key} picked"
    if st.session_state.get(key) not in names or not st.session_state.pop(picked, False):
        st.session_state[key] = shown
    st.selectbox(
        label,
        list(names),
        key=key,
        format_func=lambda one: run_label(names[one], one),
        on_change=_note,
        args=(picked,),
        **options,
    )
    chosen: str = st.session_state[key]
    return chosen


def _note(picked: str) -> None:
    st.session_state[picked] = True
