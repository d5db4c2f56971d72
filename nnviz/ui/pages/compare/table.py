"""One row per run: what was set up differently, and what came of it."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import pandas as pd
import streamlit as st

from nnviz.analysis.comparison import Difference, differences, figures
from nnviz.store.run import Run
from nnviz.table import csv_text
from nnviz.ui import services, state
from nnviz.ui.csv_button import csv_button
from nnviz.ui.format import plain
from nnviz.ui.pages.compare.view import names

RESULTS = ("final test accuracy (%)", "best test accuracy (%)", "test loss")
"""What counts, before the settings."""

FACTS = ("state", "epochs done", "training time (s)", "parameters")
"""What it took, after them."""

_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
    "=": operator.eq,
}


class Table(NamedTuple):
    """Cells are numbers where they can be, else text; None where there is nothing."""

    head: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


class FilterProblem(Exception):  # noqa: N818  # a sentence for people
    """What was typed can't be used."""


def show(runs: list[Run]) -> None:
    apart = differences(runs, {run.id: services.store().history.changes(run.id) for run in runs})
    whole = table(runs, apart)
    with st.container(key="compare-table-part"):
        st.markdown("## Runs: settings and results")
        with st.container(horizontal=True, vertical_alignment="bottom", key="compare-table-tools"):
            state.recall("compare-filter", "")
            wanted = st.text_input(
                "Show only",
                key="compare-filter",
                width=360,
                placeholder="e.g. adam, accuracy > 97",
                help="Words that a row must hold, and comparisons with a column's numbers (<, <=, =, >=, >), with "
                "commas between them. The beginning or a part of a column's name is enough.",
            )
            csv_button("CSV", lambda: csv_text(*whole), "nnviz-comparison.csv", key="compare-csv")
        try:
            shown = filtered(whole, wanted)
        except FilterProblem as problem:
            st.warning(plain(str(problem)), icon=":material/filter_alt_off:")
            shown = whole
        st.dataframe(
            pd.DataFrame(list(shown.rows), columns=list(shown.head)),
            key="compare-table",
            hide_index=True,
            placeholder="–",
            column_config=_formats(shown),
            alt="The runs compared, one row each: settings that differ and results. A click on a column's head sorts.",
        )
        if len(shown.rows) < len(whole.rows):
            st.caption(f"{len(shown.rows)} of {len(whole.rows)} runs.")
        if len(runs) > 1 and not apart:
            st.caption("All of them are set up alike, down to the seed.")


def table(runs: Sequence[Run], apart: Sequence[Difference]) -> Table:
    """Columns only of settings that differ, `apart`; results in all. Raises RunGone."""
    store, short = services.store(), names(runs)
    rows = []
    for place, run in enumerate(runs):
        found = figures(store, run)
        rows.append(
            (
                short[run.id],
                run.name,
                _percent(found.final_accuracy),
                _percent(found.best_accuracy),
                found.final_loss if found.final_loss == found.final_loss else None,
                *(_cell(one.values, one.shown, place) for one in apart),
                run.status.value,
                found.epochs,
                round(run.seconds, 1),
                found.parameters,
            )
        )
    return Table(("", "run", *RESULTS, *(one.label for one in apart), *FACTS), tuple(rows))


def _cell(values: tuple[Any, ...], shown: tuple[str, ...], place: int) -> Any:
    """A number where all of them are numbers, so that it sorts as one; else text."""
    numbers = all(value is None or (isinstance(value, int | float) and not isinstance(value, bool)) for value in values)
    return values[place] if numbers or values[place] is None else shown[place]


def _percent(share: float | None) -> float | None:
    return None if share is None or share != share else 100 * share


def filtered(whole: Table, text: str) -> Table:
    """The rows that meet every part of `text`: words to be found in any cell, or "column > number".

    Raises FilterProblem, with a sentence.
    """
    rows = whole.rows
    for part in filter(None, (part.strip() for part in text.split(","))):
        found = re.fullmatch(r"(.+?)\s*(<=|>=|<|>|=)\s*(.+)", part)
        if not found:
            rows = tuple(row for row in rows if any(part.lower() in str(cell).lower() for cell in row))
            continue
        column, sign, value = found.groups()
        place = _column(whole.head, column)
        rows = tuple(row for row in rows if _meets(row[place], sign, value))
    return Table(whole.head, rows)


def _column(head: Sequence[str], words: str) -> int:
    known = [name.lower() for name in head]
    matching = [name for name in known if name == words.lower()] or [name for name in known if words.lower() in name]
    if not matching:
        raise FilterProblem(f"There is no column “{words}”. There are: {', '.join(filter(None, head))}.")
    return known.index(matching[0])


def _meets(cell: Any, sign: str, value: str) -> bool:
    try:
        number = float(value.rstrip(" %"))
    except ValueError:
        if sign != "=":
            raise FilterProblem(f"“{sign}” needs a number, not “{value}”.") from None
        return str(cell).lower() == value.lower()
    return isinstance(cell, int | float) and _COMPARISONS[sign](cell, number)


def _formats(shown: Table) -> dict[str, Any]:
    formats: dict[str, Any] = {
        "": st.column_config.TextColumn(width=40, help="The letter of the run in the picture above."),
        "final test accuracy (%)": st.column_config.NumberColumn(format="%.2f"),
        "best test accuracy (%)": st.column_config.NumberColumn(format="%.2f"),
        "test loss": st.column_config.NumberColumn(format="%.4f"),
        "training time (s)": st.column_config.NumberColumn(format="%.1f"),
        "parameters": st.column_config.NumberColumn(format="localized"),
    }
    return {name: formats.get(name, st.column_config.Column()) for name in shown.head}
