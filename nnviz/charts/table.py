"""A table as text to download."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence


def csv_text(head: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    """The head and the rows as CSV, one line each."""
    file = io.StringIO()
    write = csv.writer(file, lineterminator="\n").writerow
    write(head)
    for row in rows:
        write(row)
    return file.getvalue()
