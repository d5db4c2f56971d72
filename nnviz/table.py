"""A table as CSV text, which spreadsheets and pandas read alike."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

BOM = "\ufeff"
"""At the beginning of a file: without this mark Excel takes UTF-8 for an older code; pandas and others skip it."""


def csv_text(head: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    """The head and the rows as CSV, one line each. Text that a spreadsheet would run as a formula gets an apostrophe;
    numbers have no digits that are only rounding.
    """
    file = io.StringIO()
    write = csv.writer(file, lineterminator="\n").writerow
    write([_cell(value) for value in head])
    for row in rows:
        write([_cell(value) for value in row])
    return file.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, float):
        return f"{value:.12g}"  # of the 15 to 17 digits of a double the last ones are what sums leave behind
    if not isinstance(value, str):
        return value
    if value.startswith(("=", "+", "-", "@", "\t", "\r")) and not _is_number(value):
        value = f"'{value}"  # OWASP, "CSV Injection"
    return value.replace("\r\n", "\n").replace("\r", "\n")  # the csv module would write a lone one without quotes


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text.isascii() and not text[:1].isspace()
