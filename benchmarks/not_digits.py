"""Drawings that are no digits, as a hand might draw them: letters, sketches, scribbles, dots, blots, lines.

A template is a few control points joined by smooth strokes, as in `nnviz.data.offline_digits`, moved, bent, leant and
squeezed anew for each drawing; scribbles are random walks. All are strokes of a round pen on the canvas, so that they
go the way of people's drawings. Always the same for the same seed. Nothing of this serves for fitting anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from nnviz.data.drawing import CANVAS, Drawing, Stroke
from nnviz.data.strokes import spline

Points = NDArray[np.float64]

_SAMPLES = 12
"""From one control point to the next."""

LETTERS: dict[str, tuple[str, ...]] = {
    "A": ("0 100, 40 0", "40 0, 80 100", "15 62, 66 62"),
    "C": ("78 16, 50 0, 16 16, 2 50, 16 86, 50 100, 80 84",),
    "E": ("72 0, 4 2", "4 2, 4 50, 4 98", "4 98, 74 98", "4 50, 60 50"),
    "F": ("74 0, 4 2", "4 2, 4 100", "4 48, 60 48"),
    "G": ("80 18, 50 0, 16 14, 2 50, 16 88, 52 100, 80 84", "80 84, 80 54", "80 54, 48 54"),
    "H": ("4 0, 4 100", "76 0, 76 100", "4 50, 76 50"),
    "J": ("66 0, 66 50, 62 88, 34 100, 6 84",),
    "K": ("4 0, 4 100", "70 0, 6 56", "24 42, 76 100"),
    "M": ("0 100, 6 0", "6 0, 48 66", "48 66, 92 0", "92 0, 98 100"),
    "N": ("2 100, 4 0", "4 0, 76 100", "76 100, 78 0"),
    "P": ("4 0, 4 100", "4 2, 52 2, 72 26, 50 50, 4 52"),
    "R": ("4 0, 4 100", "4 2, 52 2, 72 24, 50 48, 4 50", "36 50, 76 100"),
    "T": ("0 2, 84 0", "42 0, 42 100"),
    "U": ("2 0, 4 60, 14 92, 40 100, 66 90, 76 60, 78 0",),
    "V": ("0 0, 40 100", "40 100, 80 0"),
    "W": ("0 0, 24 100", "24 100, 50 30", "50 30, 76 100", "76 100, 100 0"),
    "X": ("2 0, 78 100", "76 0, 4 100"),
    "Y": ("0 0, 40 46", "80 0, 40 46", "40 46, 40 100"),
    "a": ("72 10, 40 0, 8 22, 2 62, 22 96, 52 90, 72 56", "72 6, 72 70, 84 98"),
    "c": ("74 20, 44 0, 10 24, 4 64, 30 98, 76 84",),
    "d": ("68 50, 36 40, 6 62, 8 92, 36 100, 66 84", "70 0, 68 60, 74 98"),
    "e": ("6 52, 74 48, 68 14, 38 0, 8 26, 6 68, 34 100, 76 84",),
    "f": ("64 8, 44 0, 28 16, 26 60, 24 100", "2 42, 56 40"),
    "h": ("6 0, 6 100", "6 62, 34 44, 56 58, 58 100"),
    "k": ("6 0, 6 100", "56 38, 8 72", "22 62, 60 100"),
    "m": ("4 0, 6 100", "6 40, 24 4, 44 20, 46 100", "46 40, 66 4, 88 20, 92 100"),
    "n": ("4 0, 6 100", "6 46, 32 6, 62 16, 70 52, 72 100"),
    "p": ("6 0, 6 100", "6 14, 34 0, 60 14, 58 42, 32 54, 6 44"),
    "r": ("6 0, 8 100", "8 46, 26 14, 56 8"),
    "t": ("32 0, 30 60, 40 96, 66 92", "4 30, 62 28"),
    "u": ("4 0, 6 60, 26 96, 56 84, 68 50", "70 0, 70 60, 82 100"),
    "v": ("0 0, 38 100", "38 100, 74 0"),
    "w": ("0 0, 22 98", "22 98, 48 24", "48 24, 74 98", "74 98, 98 0"),
    "x": ("4 2, 74 98", "76 0, 2 100"),
    "y": ("2 0, 34 50", "72 0, 40 62, 16 100"),
    "cursive l": ("0 96, 40 60, 56 16, 38 0, 24 40, 28 84, 50 100, 76 84",),
    "cursive f": ("10 60, 50 34, 56 4, 38 6, 32 60, 30 98, 14 90, 40 66, 74 56",),
}
"""Without those that are some digit's twin: B b D g I i j L l O o Q q S s Z z."""

SKETCHES: dict[str, tuple[str, ...]] = {
    "smiley": (
        "50 0, 14 14, 0 50, 14 86, 50 100, 86 86, 100 50, 86 14, 50 0",
        "34 34, 35 40",
        "66 34, 66 40",
        "26 62, 50 80, 74 62",
    ),
    "sad face": (
        "50 0, 14 14, 0 50, 14 86, 50 100, 86 86, 100 50, 86 14, 50 0",
        "34 34, 35 40",
        "66 34, 66 40",
        "28 78, 50 64, 72 78",
    ),
    "house": (
        "0 46, 50 0",
        "50 0, 100 46",
        "8 46, 8 100",
        "8 100, 92 100",
        "92 100, 92 46",
        "8 46, 92 46",
        "40 100, 40 70",
        "40 70, 60 70",
        "60 70, 60 100",
    ),
    "star": ("20 100, 50 0", "50 0, 80 100", "80 100, 0 38", "0 38, 100 38", "100 38, 20 100"),
    "heart": ("50 30, 36 4, 8 6, 0 34, 22 66, 50 100", "50 100, 78 66, 100 34, 92 6, 64 4, 50 30"),
    "arrow": ("0 50, 100 50", "70 22, 100 50", "70 78, 100 50"),
    "arrow up": ("50 100, 50 0", "22 30, 50 0", "78 30, 50 0"),
    "spiral": ("52 52, 60 46, 58 36, 44 34, 34 48, 42 66, 64 70, 78 50, 70 22, 42 14, 18 34, 18 66, 42 88, 76 86",),
    "tree": ("42 100, 44 62", "60 100, 58 62", "44 62, 20 66, 6 44, 20 22, 50 0, 80 22, 96 44, 80 66, 58 62"),
    "fir": (
        "50 0, 14 40",
        "50 0, 86 40",
        "14 40, 86 40",
        "46 40, 4 84",
        "54 40, 96 84",
        "4 84, 96 84",
        "50 84, 50 100",
    ),
    "fish": ("0 50, 30 22, 66 30, 98 66", "0 50, 30 78, 66 70, 98 34", "98 34, 98 66", "22 44, 23 47"),
    "check mark": ("0 58, 34 100", "34 100, 100 0"),
    "plus": ("50 0, 50 100", "0 50, 100 50"),
    "cross": ("0 0, 100 100", "100 0, 0 100"),
    "question mark": ("6 22, 30 0, 66 8, 64 38, 38 52, 36 70", "36 96, 37 99"),
    "exclamation mark": ("50 0, 50 66", "50 96, 50 99"),
    "hash": ("30 0, 24 100", "72 0, 66 100", "0 34, 100 30", "0 70, 100 66"),
    "square": ("0 0, 100 0", "100 0, 100 100", "100 100, 0 100", "0 100, 0 0"),
    "triangle": ("50 0, 0 90", "0 90, 100 90", "100 90, 50 0"),
    "equals": ("0 30, 100 30", "0 70, 100 70"),
    "ampersand": ("90 100, 30 34, 34 4, 58 4, 58 28, 14 62, 14 92, 50 98, 90 58",),
    "stick figure": (
        "50 0, 38 12, 50 26, 62 12, 50 0",
        "50 26, 50 64",
        "50 64, 28 100",
        "50 64, 72 100",
        "22 42, 78 42",
    ),
    "flower": (
        "50 30, 36 42, 50 54, 64 42, 50 30",
        "50 30, 40 6, 60 6, 50 30",
        "64 42, 90 34, 88 54, 64 42",
        "50 54, 40 76, 60 76, 50 54",
        "36 42, 10 34, 12 54, 36 42",
        "50 76, 52 100",
    ),
    "sun": (
        "50 26, 30 36, 26 56, 44 72, 66 66, 74 46, 50 26",
        "50 0, 50 14",
        "0 50, 14 50",
        "86 50, 100 50",
        "50 86, 50 100",
        "14 14, 26 26",
        "86 14, 74 26",
        "14 86, 26 74",
        "86 86, 74 74",
    ),
    "wave": ("0 50, 16 20, 34 50, 50 80, 66 50, 84 20, 100 50",),
    "zigzag": ("0 80, 20 20", "20 20, 40 80", "40 80, 60 20", "60 20, 80 80", "80 80, 100 20"),
    "cup": ("0 10, 10 90", "10 90, 60 90", "60 90, 70 10", "0 10, 70 10", "68 28, 92 30, 90 56, 64 62"),
    "lightning": ("60 0, 20 54", "20 54, 60 50", "60 50, 24 100"),
}


RARE_DIGITS: dict[str, tuple[str, ...]] = {
    "slashed 0": ("44 0, 8 20, 2 56, 20 94, 46 100, 76 84, 84 44, 70 10, 44 0", "78 8, 10 92"),
    "long slash 0": ("46 4, 16 18, 6 52, 22 90, 50 96, 78 80, 86 46, 72 14, 46 4", "96 0, 0 100"),
    "1 with a flag": ("0 34, 44 0", "44 0, 44 100"),
    "1 with a base": ("8 26, 40 0", "40 0, 40 100", "6 100, 76 100"),
    "2 with a loop": ("8 24, 34 0, 70 14, 62 46, 24 84, 8 92, 16 78, 44 90, 84 96",),
    "flat 3": ("4 0, 72 0", "72 0, 30 40", "30 40, 70 50, 78 78, 42 100, 0 86"),
    "closed 4": ("58 0, 0 64", "0 64, 82 64", "58 0, 58 100"),
    "open 4": ("8 0, 4 50", "4 50, 74 50", "58 20, 58 100"),
    "5 with a hat": ("14 2, 10 44", "10 44, 50 36, 76 64, 52 98, 4 90", "14 2, 78 0"),
    "straight 6": ("58 0, 18 44, 6 76, 36 100, 68 82, 54 56, 12 66",),
    "crossed 7": ("0 4, 80 2", "80 2, 30 100", "22 52, 76 46"),
    "crossed 7 with a flag": ("2 22, 6 2", "6 2, 82 4", "82 4, 44 100", "26 50, 84 48"),
    "8 of two rings": ("42 2, 16 18, 40 44, 68 20, 42 2", "40 44, 8 74, 42 100, 76 72, 40 44"),
    "straight 9": ("72 26, 44 0, 10 22, 34 50, 72 26", "72 8, 72 100"),
}
"""As many people write them, and MNIST's writers hardly do: they must not be refused."""


def rare_digits(count: int, seed: int = 7) -> list[Drawing]:
    return _drawn(RARE_DIGITS, count, seed)


def letters(count: int, seed: int = 1) -> list[Drawing]:
    return _drawn(LETTERS, count, seed)


def sketches(count: int, seed: int = 2) -> list[Drawing]:
    return _drawn(SKETCHES, count, seed)


def scribbles(count: int, seed: int = 3) -> list[Drawing]:
    """Pens that wander to and fro, in one stroke or a few."""
    return [_on_canvas(list(_wandering(rng)), rng) for rng in _chances(count, seed)]


def dots(count: int, seed: int = 4) -> list[Drawing]:
    """One dot, or a few that stand apart."""
    return [
        Drawing(tuple(_stroke(rng.uniform(60, 220, (1, 2)), rng.uniform(8, 36)) for _ in range(number)))
        for number, rng in zip(np.resize([1, 1, 2, 3, 5], count), _chances(count, seed), strict=True)
    ]


def blots(count: int, seed: int = 5) -> list[Drawing]:
    """Paper painted over, in part or all of it."""
    made = []
    for rng in _chances(count, seed):
        (x, y), (width, height) = rng.uniform(20, 100, 2), rng.uniform(60, 170, 2)
        rows = np.arange(0, height, 14)
        path = np.stack([np.tile([x, x + width], len(rows)), np.repeat(y + rows, 2)], 1)
        made.append(Drawing((_stroke(path + rng.normal(0, 4, path.shape), 30.0),)))
    return made


def lines(count: int, seed: int = 6) -> list[Drawing]:
    """What is nearly nothing: a line that lies, hairs, a few short ticks. (One that stands would be a 1.)"""
    made = []
    for number, rng in enumerate(_chances(count, seed)):
        if number % 3 == 0:
            path = np.stack([np.linspace(30, 250, 6), 140 + rng.normal(0, 6, 6)], 1)
            strokes = (_stroke(path, rng.uniform(8, 22)),)
        elif number % 3 == 1:
            places = rng.uniform(40, 240, (rng.integers(4, 9), 1, 2))
            strokes = tuple(_stroke(one + rng.normal(0, 12, (2, 2)), rng.uniform(6, 14)) for one in places)
        else:
            strokes = tuple(_stroke(rng.uniform(20, 260, (2, 2)), 2.0) for _ in range(rng.integers(3, 8)))
        made.append(Drawing(strokes))
    return made


NOT_DIGITS: dict[str, Callable[[int], list[Drawing]]] = {
    "letters": letters,
    "sketches": sketches,
    "scribbles": scribbles,
    "dots": dots,
    "blots": blots,
    "lines": lines,
}
"""Kind → so many drawings of it."""


def _chances(count: int, seed: int) -> Iterator[np.random.Generator]:
    for number in range(count):
        yield np.random.default_rng([seed, number])


def _drawn(templates: dict[str, tuple[str, ...]], count: int, seed: int) -> list[Drawing]:
    """Each of the templates in turn, by another hand each time."""
    names = list(templates)
    return [
        _on_canvas(_by_hand(templates[names[number % len(names)]], rng), rng)
        for number, rng in enumerate(_chances(count, seed))
    ]


def _by_hand(template: tuple[str, ...], rng: np.random.Generator) -> list[Points]:
    """The strokes of a template (n, 2), in the unit square, y down; points that strokes share stay one."""
    moved: dict[str, Points] = {}
    untidy, lean, width = rng.uniform(0.1, 1), rng.normal(0.1, 0.15), rng.uniform(0.7, 1.1)
    turn = rng.normal(0, np.radians(5))
    hand = np.array([[width, 0], [-lean, 1]]) @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    waves, phases, bend = rng.normal(0, 3, (2, 4)), rng.uniform(0, 2 * np.pi, 4), untidy * rng.normal(0, 0.03, (4, 2))
    strokes = []
    for stroke in template:
        for pair in stroke.split(", "):
            moved.setdefault(pair, np.array(pair.split(), float) / 100 + untidy * rng.normal(0, 0.03, 2))
        points = np.stack([moved[pair] for pair in stroke.split(", ")])
        closed = bool((points[0] == points[-1]).all()) and len(points) > 2
        curve = spline(points, closed, [_SAMPLES] * (len(points) - 1))
        strokes.append((curve + np.sin(curve @ waves + phases) @ bend) @ hand)
    return strokes


def _wandering(rng: np.random.Generator) -> Iterator[Points]:
    for _ in range(rng.integers(1, 4)):
        steps = int(rng.integers(12, 70))
        turns = np.cumsum(rng.normal(0, 0.9, steps)) + rng.uniform(0, 2 * np.pi)
        walk = np.cumsum(np.stack([np.cos(turns), np.sin(turns)], 1) * rng.uniform(0.5, 1.5, (steps, 1)), 0)
        yield (walk - walk.mean(0)) / max(1.0, np.ptp(walk)) + rng.normal(0, 0.15, 2)


def _on_canvas(strokes: list[Points], rng: np.random.Generator) -> Drawing:
    every = np.concatenate(strokes)
    low, size = every.min(0), max(float(np.ptp(every, 0).max()), 1e-6)
    side, width = rng.uniform(120, 230), rng.uniform(12, 24)
    corner = (CANVAS - side) / 2 + rng.uniform(-15, 15, 2)
    return Drawing(tuple(_stroke((one - low) / size * side + corner, width) for one in strokes))


def _stroke(path: Points, width: float) -> Stroke:
    return Stroke(tuple((float(x), float(y), 0.0) for x, y in path), float(width))
