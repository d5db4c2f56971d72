"""Section "One neuron": its weights, what excites it, and the arithmetic of its output."""

from __future__ import annotations

import streamlit as st
from streamlit.errors import StreamlitAPIException

from nnviz.ui.inspect.subject import choose_subject
from nnviz.ui.inspect.view import View

_CHOSEN = "inspect_neuron"


def open_neuron(layer_name: str, unit: int) -> None:
    """Show unit number `unit` of a layer, in the section of neurons. To be called inside the page's fragment."""
    st.session_state[_CHOSEN] = (layer_name, unit)
    st.session_state["inspect-section-wanted"] = "neuron"
    st.session_state["inspect-layer-wanted"] = layer_name
    try:
        st.rerun(scope="fragment")
    except StreamlitAPIException:  # the whole page is running, not the fragment by itself
        st.rerun()


def show(view: View) -> None:
    choose_subject(view)
