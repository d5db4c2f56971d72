"""What every page begins with: its title, the width, the styles, and word of a link that was partly unusable."""

from __future__ import annotations

import streamlit as st

from nnviz.ui import state

_STYLE = """
<style>
.block-container { padding-top: 3.2rem; padding-bottom: 4rem; max-width: 1500px; }
/* A live part that is being refreshed must not fade. */
[data-stale="true"] { opacity: 1 !important; }
.stElementContainer, .stVerticalBlock { transition: none !important; }
/* Figures that count must not jump. */
[data-testid="stMetricValue"] { font-variant-numeric: tabular-nums; }
@media (max-width: 640px) {
  .block-container { padding-left: 0.9rem; padding-right: 0.9rem; }
}
</style>
"""


def open_page(title: str, icon: str) -> None:
    """Begin a page. `icon` is an emoji or a :material/…: name."""
    st.set_page_config(page_title=f"{title} · nnviz", page_icon=icon, layout="wide")
    st.html(_STYLE)
    state.setup()
    for problem in state.take_link_problems():
        st.warning(problem, icon=":material/link_off:")
