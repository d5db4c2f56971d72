"""What each pixel adds to a class: the numbers, and that the figure is made of them."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest

from nnviz.charts.attribution import EDGE, attribution_config, attribution_csv, attribution_figure, attribution_info
from nnviz.charts.colors import DIVERGING

PIXELS = np.zeros((4, 5), np.uint8)
PIXELS[1, 2] = 255
VALUES = np.zeros((4, 5), np.float32)
VALUES[1, 2], VALUES[3, 4] = 0.5, -2.0


def test_the_scale_is_centred_on_zero_and_reaches_the_largest_magnitude() -> None:
    info = attribution_info(PIXELS, VALUES, unit="part of the logit")
    assert info.limit == 2.0
    assert attribution_info(PIXELS, VALUES, limit=7.0).limit == 7.0
    trace = attribution_figure(info, dark=False).data[0]
    assert (trace.zmin, trace.zmax) == (-2, 2)
    assert trace.colorscale == DIVERGING
    np.testing.assert_array_equal(trace.z, VALUES)


def test_the_outline_follows_the_ink() -> None:
    outline = attribution_figure(attribution_info(PIXELS, VALUES), dark=True).data[1]
    assert outline.type == "contour"
    assert (outline.contours.start, outline.contours.end, outline.contours.coloring) == (EDGE, EDGE, "none")
    np.testing.assert_array_equal(outline.z, PIXELS / 255)


def test_exact_values_are_under_the_mouse() -> None:
    trace = attribution_figure(attribution_info(PIXELS, VALUES), dark=False).data[0]
    assert trace.hovertext[1][2] == "row 1, column 2<br>ink 1.00<br><b>+0.500000</b>"
    assert trace.hovertext[3][4] == "row 3, column 4<br>ink 0.00<br><b>-2.000000</b>"


def test_without_values_it_is_the_digit() -> None:
    figure = attribution_figure(attribution_info(PIXELS), dark=False)
    assert len(figure.data) == 1
    np.testing.assert_array_equal(figure.data[0].z, PIXELS / 255)
    assert figure.data[0].hovertext[1][2] == "row 1, column 2<br>ink 1.00"


def test_nothing_but_zeros_has_a_scale_too() -> None:
    info = attribution_info(PIXELS, np.zeros((4, 5)))
    trace = attribution_figure(info, dark=False).data[0]
    assert info.limit == 0
    assert trace.zmin < 0 < trace.zmax
    assert trace.colorbar.ticktext == ("", "0", "")


def test_the_first_row_is_above() -> None:
    figure = attribution_figure(attribution_info(PIXELS, VALUES), dark=False)
    assert figure.layout.yaxis.range[0] > figure.layout.yaxis.range[1]


def test_values_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match=r"must be \(4, 5\), as the image is, not \(5, 4\)"):
        attribution_info(PIXELS, VALUES.T)


def test_csv_has_every_pixel() -> None:
    header, *rows = csv.reader(io.StringIO(attribution_csv(attribution_info(PIXELS, VALUES, unit="logit lost"))))
    assert header == ["row", "column", "ink (0 to 1)", "logit lost"]
    assert len(rows) == 20
    assert rows[7] == ["1", "2", "1", "0.5"]
    assert rows[19] == ["3", "4", "0", "-2"]


def test_a_picture_has_the_name_it_is_given() -> None:
    assert attribution_config("run-7-gradient")["toImageButtonOptions"]["filename"] == "run-7-gradient"
