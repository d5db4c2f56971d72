"""What is varied, and how."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from nnviz.sweep import SweepSpec, default_sweep, describe
from nnviz.ui import state


def show(ready: bool, on_start: Callable[[SweepSpec], None]) -> None:
    """The sweep that comes first to mind, of the session's set-up."""
    setup = state.setup()
    spec = default_sweep(setup.network, setup.config)
    st.markdown(f"##### Next sweep\n{describe(spec)}")
    st.button("Start the sweep", key="sweep-start", type="primary", disabled=not ready, on_click=on_start, args=(spec,))
