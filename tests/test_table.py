"""Tables as CSV: what spreadsheets and pandas make of them."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from nnviz.table import BOM, csv_text


def cells(*values: object) -> list[str]:
    (row,) = csv.reader(io.StringIO(csv_text(values, [])))
    return row


@pytest.mark.parametrize("text", ["=1+2", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "=", "-", "- 5", "-５"])
def test_no_spreadsheet_runs_a_name(text: str) -> None:
    assert cells(text) == [f"'{text}"]


def test_line_ends_within_a_cell_are_quoted() -> None:
    assert cells("\r=1", "a\r\nb", "c\nd") == ["'\n=1", "a\nb", "c\nd"]


@pytest.mark.parametrize("text", ["-0.5", "+3", "-1e-07", "-inf", "nan", "784-128-10", "a=b", "", " =1", "'x"])
def test_numbers_and_other_text_stay_as_they_are(text: str) -> None:
    assert cells(text) == [text]


def test_sums_leave_no_digits_behind() -> None:
    values = [0.1 + 0.2, 12.71 - 1e-15, 4.11 + 8.6, 100 * 0.57, 1 / 3, -1e-300, 123456789012.5]
    told = cells(*values)
    assert told[:4] == ["0.3", "12.71", "12.71", "57"]
    np.testing.assert_allclose([float(one) for one in told], values, rtol=1e-11)
    assert cells(math.nan, math.inf, 5, None, True) == ["nan", "inf", "5", "", "True"]


def test_pandas_reads_a_file_with_the_mark(tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    file.write_text(BOM + csv_text(("größe", "name"), [(0.5, "数字"), (-1.0, "=x")]), encoding="utf-8")
    table = pd.read_csv(file)
    assert list(table) == ["größe", "name"]
    assert table["größe"].tolist() == [0.5, -1.0]
    assert table["name"].tolist() == ["数字", "'=x"]
    assert file.read_bytes()[:3] == b"\xef\xbb\xbf"
