"""Styles of writing as smooth strokes, against scipy's splines."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.interpolate import CubicHermiteSpline

from nnviz.data.strokes import Style, chunks, curves_of, distances, fit, slant, untidy


def test_strokes_that_share_a_point_share_it() -> None:
    made = Style.of(3, 2.5, "10 20, 30 40", "30 40, 150 0, 10 20")
    assert (made.digit, made.weight) == (3, 2.5)
    assert made.points == ((0.1, 0.2), (0.3, 0.4), (1.5, 0.0))
    assert made.strokes == ((0, 1), (1, 2, 0))


def hermite(points: np.ndarray, closed: bool) -> np.ndarray:
    """Scipy's cubic through the points, sampled a thirtieth apart; at a point it runs as from the one before to the one
    after, at an open end as to its neighbour.
    """
    tangents = np.gradient(points, axis=0)
    if closed:
        tangents[0] = tangents[-1] = (points[1] - points[-2]) / 2
    curve = CubicHermiteSpline(np.arange(len(points)), points, tangents)
    lengths = np.linalg.norm(np.diff(points, axis=0), axis=1)
    return np.concatenate([curve(n + np.linspace(0, 1, max(2, round(30 * d)))) for n, d in enumerate(lengths)])


@pytest.mark.parametrize(
    "stroke",
    ["0 0, 0 50, 0 100", "10 20, 50 0, 90 30, 40 60, 3 4", "50 0, 20 30, 50 60, 80 30, 50 0", "0 0, 1 1, 90 2"],
)
def test_a_stroke_is_the_cubic_through_its_points(stroke: str) -> None:
    made = Style.of(0, 1, stroke)
    curve = curves_of(made) @ np.array(made.points)
    points = np.array(made.points)[list(made.strokes[0])]
    np.testing.assert_allclose(curve, hermite(points, made.strokes[0][0] == made.strokes[0][-1]), atol=1e-12)


def test_strokes_follow_one_another() -> None:
    both = Style.of(0, 1, "0 0, 0 50, 30 80", "30 80, 90 80")
    curve = curves_of(both) @ np.array(both.points)
    parts = [hermite(np.array(part) / 100, False) for part in ([[0, 0], [0, 50], [30, 80]], [[30, 80], [90, 80]])]
    np.testing.assert_allclose(curve, np.concatenate(parts), atol=1e-12)


def test_many_are_drawn_a_hundred_at_a_time() -> None:
    assert [list(chunks(count)) for count in (0, 1, 100, 250)] == [[], [1], [100], [100, 100, 50]]


def test_each_writing_is_another_and_not_far_from_the_style() -> None:
    seven = Style.of(7, 1, "0 0, 80 0", "80 0, 30 100")
    curves = curves_of(seven)
    written = untidy(seven, curves, 400, np.random.default_rng(0))
    plain = curves @ np.array(seven.points)
    assert written.shape == (400, *plain.shape)
    away = np.linalg.norm(written - written.mean(0), axis=-1)
    assert 0.02 < away.mean() < 0.2  # of the digit's height
    assert np.abs(written.mean(0) - plain).max() < 0.1


def test_slant_widens_leans_and_turns() -> None:
    plain, wide, leaning, turned = slant(np.array([1, 0.5, 1, 1]), np.array([0, 0, 0.2, 0]), np.radians([0, 0, 0, 90]))
    x, y = np.eye(2)
    np.testing.assert_allclose(plain, np.eye(2), atol=1e-12)
    np.testing.assert_allclose(x @ wide, (0.5, 0), atol=1e-12)
    np.testing.assert_allclose(-y @ leaning, (0.2, -1), atol=1e-12)  # what is above goes to the right
    np.testing.assert_allclose(x @ turned, (0, 1), atol=1e-12)  # clockwise on the screen


def test_a_figure_fills_the_longer_side_with_its_pen() -> None:
    curve = np.array([[[3.0, 1.0], [3.5, 3.0]]])
    x, y = fit(curve, np.full((1, 1, 1), 2.0))
    np.testing.assert_allclose((x, y), ([[1, 5.5]], [[1, 19]]))
    distance = distances(x, y)
    assert distance.shape == (1, 20, 20)
    assert distance[0, 0, 0] == pytest.approx(np.hypot(0.5, 0.5))  # to (1, 1)
    assert distance[0, 19, 5] == pytest.approx(0.5)  # from (5.5, 19.5) to (5.5, 19)
