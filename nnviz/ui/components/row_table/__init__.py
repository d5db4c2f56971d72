"""A table of which one row is picked. Rows have ids: whatever comes and goes above a row, a click on it is for it.

The browser keeps the elements of its rows and changes only what differs, never under a finger or a mouse that is down;
so a table that is sent several times a second loses no click. A column's head sorts by it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import streamlit as st
from streamlit.components.v2 import component

from nnviz.ui.components.order import numbered, scripts

_HERE = Path(__file__).parent
_mount = component(
    "nnviz.row_table", css=(_HERE / "row_table.css").read_text(encoding="utf-8"), js=scripts(_HERE / "row_table.js")
)


class Column(NamedTuple):
    title: str
    numeric: bool = False
    """Its cells stand at the right, one below the other."""


class Cell(NamedTuple):
    text: str
    value: float | str | None = None
    """What it is sorted by; None comes last."""
    share: float | None = None
    """In [0, 1]: shown as a bar behind the text."""


class Row(NamedTuple):
    id: str
    cells: Sequence[Cell]
    """One for each column; the first names the row."""


def row_table(
    columns: Sequence[Column],
    rows: Sequence[Row],
    chosen: str | None,
    on_picked: Callable[[str], None],
    *,
    key: str,
    label: str,
) -> None:
    """Show the table, the row with the id `chosen` marked. `on_picked` gets the id of a row that is clicked, before
    anything is drawn anew; `label` says what the table holds to those who can't see it.
    """

    def take() -> None:
        picked = st.session_state[key]["picked"]
        if isinstance(picked, str):
            on_picked(picked)

    message: dict[str, Any] = {
        "label": label,
        "columns": [column._asdict() for column in columns],
        "rows": [{"id": row.id, "cells": [cell._asdict() for cell in row.cells]} for row in rows],
        "chosen": chosen,
    }
    _mount(key=key, data=numbered(key, message), on_picked_change=take)
