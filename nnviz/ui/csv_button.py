"""The button under a picture or a table that hands over its numbers."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from nnviz.table import BOM


def csv_button(label: str, make: Callable[[], str], file_name: str, *, key: str, help: str | None = None) -> None:
    """Offer what `make` writes as a CSV file; it is called at the click, not before."""
    st.download_button(
        label,
        lambda: BOM + make(),
        file_name,
        "text/csv",
        key=key,
        icon=":material/download:",
        on_click="ignore",
        help=help,
    )
