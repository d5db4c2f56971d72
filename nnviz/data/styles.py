"""Digits in the styles that MNIST hardly has: European and American handwriting, drawn by computer.

The hooked 9, the crossed 7, the 4 like a lightning bolt, the slashed 0, the 1 with a long flag and a foot: a net that
has seen MNIST alone reads these as other digits. They are drawn as a drawing comes to a network after all the steps of
`nnviz.data.drawing`: in MNIST's frame, with edges as soft, and mostly with the stroke widths that it brings them to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from nnviz.data import offline_digits
from nnviz.data.drawing import STROKE_RANGE
from nnviz.data.mnist_frame import SIDE, Floats, Sized, centre_mass
from nnviz.data.offline_digits import CLASSES, Digits
from nnviz.data.strokes import Doubles, Style, chunks, curves_of, distances, fit, slant, untidy

TRAIN_SIZE = 54_000
RARE_SHARE = 4 / 9
"""Of the training digits that are in RARE styles alone; the others are in these and the usual ones."""

_SEED = 20_261_128
_KNOT = 4  # samples along a stroke from one jerk of a shaking hand to the next: about an eighth of a digit's height

RARE: tuple[Style, ...] = (
    Style.of(0, 3, "50 2, 18 14, 4 50, 18 86, 50 98, 82 86, 96 50, 82 14, 50 2", "92 6, 8 94"),  # slashed
    Style.of(0, 2, "50 0, 18 14, 4 50, 18 86, 50 100, 82 86, 96 50, 82 14, 50 0", "72 24, 28 76"),  # slashed inside
    Style.of(0, 2, "50 10, 22 20, 10 50, 22 80, 50 90, 78 80, 90 50, 78 20, 50 10", "98 0, 2 100"),  # across the rim
    Style.of(0, 1, "56 0, 22 12, 6 50, 22 90, 56 100, 88 86, 98 50, 88 12, 56 0", "24 22, 78 80"),  # the other way
    Style.of(0, 1, "60 8, 24 6, 4 44, 16 90, 56 98, 90 66, 84 22, 56 2, 40 12, 64 22, 98 10"),  # loop at the top
    Style.of(0, 1, "40 6, 10 26, 4 62, 28 96, 66 96, 94 64, 88 26, 66 6"),  # open
    Style.of(0, 1, "20 4, 6 50, 18 98", "18 98, 78 96", "78 96, 90 50, 80 2", "80 2, 20 4"),  # with corners
    Style.of(0, 1, "60 4, 20 10, 4 50, 22 94, 64 94, 92 56, 80 16, 46 8, 38 22"),
    Style.of(1, 3, "6 44, 52 0", "52 0, 52 100"),  # long flag
    Style.of(1, 2, "0 62, 50 0", "50 0, 50 100"),
    Style.of(1, 3, "8 36, 50 0", "50 0, 50 100", "14 100, 88 100"),  # and foot
    Style.of(1, 1, "0 54, 50 0", "50 0, 48 100", "12 100, 86 98"),
    Style.of(1, 2, "24 18, 50 0", "50 0, 50 98", "30 98, 72 98"),
    Style.of(1, 1, "36 14, 50 0", "50 0, 48 100", "0 100, 100 98"),  # wide foot
    Style.of(1, 3, "10 34, 34 22, 52 0", "52 0, 50 100"),  # bent flag
    Style.of(1, 2, "0 44, 28 34, 54 0", "54 0, 50 100"),
    Style.of(1, 1, "4 40, 34 26, 52 0", "52 0, 50 100", "20 100, 80 98"),
    Style.of(1, 1, "8 40, 40 8, 52 4, 52 40, 50 100"),  # no corner
    Style.of(1, 1, "30 2, 70 2", "50 2, 50 98", "30 98, 70 98"),
    Style.of(1, 0.5, "20 24, 50 0", "50 0, 50 84, 62 98, 76 92"),  # hook below
    Style.of(1, 1.5, "80 0, 20 100"),
    Style.of(1, 1.5, "50 0, 50 100"),
    Style.of(2, 2, "8 4, 88 4", "88 4, 6 98", "6 98, 96 98"),  # like a Z
    Style.of(2, 2, "6 20, 44 0, 82 18, 66 52, 6 98", "6 98, 98 98"),
    Style.of(2, 2, "10 22, 46 0, 84 20, 66 54, 22 92, 4 90, 12 78, 40 84, 70 98, 104 88"),  # small loop
    Style.of(2, 2, "14 20, 52 0, 86 22, 64 60, 20 96, 0 82, 18 66, 52 80, 80 100, 110 92"),  # large loop
    Style.of(2, 2, "24 30, 12 16, 40 0, 78 12, 76 40, 40 76, 6 98", "6 98, 50 94, 100 98"),  # curl at the top
    Style.of(2, 1, "30 28, 10 26, 16 6, 56 0, 84 20, 66 54, 6 96", "6 96, 60 92, 100 100"),
    Style.of(2, 1, "10 16, 50 0, 80 20, 58 56, 10 96", "10 96, 54 98, 92 96, 98 84"),
    Style.of(2, 0.7, "14 26, 52 0", "52 0, 78 26", "78 26, 8 98", "8 98, 96 96"),  # corners alone
    Style.of(3, 2, "10 12, 46 0, 82 18, 74 42, 40 48", "40 48, 84 56, 90 84, 50 100, 6 86"),  # round
    Style.of(3, 3, "8 4, 86 4", "86 4, 40 42", "40 42, 84 52, 90 82, 50 100, 6 88"),  # flat top
    Style.of(3, 1.5, "10 2, 82 6", "82 6, 40 46", "40 46, 86 58", "86 58, 84 86", "84 86, 10 98"),
    Style.of(3, 1.5, "8 4, 84 24", "84 24, 34 48", "34 48, 88 74", "88 74, 6 98"),  # corners alone
    Style.of(3, 1.5, "8 12, 46 0, 78 16, 66 42, 40 52, 30 44, 44 40, 76 54, 86 80, 48 100, 6 86"),  # loop
    Style.of(3, 1, "22 6, 56 0, 70 16, 44 36", "44 36, 90 48, 96 80, 52 100, 2 86"),
    Style.of(3, 1, "6 14, 50 0, 92 22, 78 50, 36 56", "36 56, 70 62, 74 84, 44 100, 14 92"),
    Style.of(3, 1, "22 26, 12 10, 48 0, 82 18, 70 42, 40 48", "40 48, 84 58, 90 84, 52 100, 14 92, 18 78"),
    Style.of(3, 1, "8 4, 84 4", "84 4, 84 48", "84 48, 24 50", "84 48, 86 98", "86 98, 6 98"),
    Style.of(4, 3, "60 0, 16 54", "16 54, 84 48", "84 48, 40 100"),  # lightning bolt
    Style.of(4, 2, "44 0, 6 58", "6 58, 74 56", "74 56, 66 100"),
    Style.of(4, 2, "66 4, 6 64", "6 64, 96 62", "66 4, 66 100"),  # closed
    Style.of(4, 2, "58 0, 4 68", "4 68, 98 68", "58 0, 60 100"),
    Style.of(4, 2, "20 4, 4 48", "4 48, 40 56, 78 34, 84 4", "84 4, 80 50, 74 100"),  # one stroke
    Style.of(4, 3, "20 0, 6 54", "6 54, 94 54", "64 28, 62 100"),  # open
    Style.of(4, 2, "18 0, 6 50", "6 50, 92 48", "72 0, 70 100"),
    Style.of(4, 2, "40 0, 2 60", "2 60, 100 56", "70 34, 62 100"),
    Style.of(4, 1, "12 0, 10 50", "10 50, 86 50", "86 0, 84 100"),
    Style.of(4, 1.5, "10 0, 6 36, 30 54, 84 44", "86 0, 80 100"),
    Style.of(4, 1, "62 2, 20 40, 4 62, 14 72, 40 60, 96 56", "70 30, 64 100"),  # loop at the corner
    Style.of(5, 3, "24 8, 20 44", "20 44, 58 38, 88 62, 76 92, 36 100, 2 88", "34 2, 98 0"),  # bar apart
    Style.of(5, 2, "22 4, 20 46", "20 46, 56 40, 86 64, 74 94, 34 100, 2 88", "44 6, 104 2"),
    Style.of(5, 1, "28 12, 22 48", "22 48, 60 42, 86 68, 66 98, 10 94", "28 12, 60 10, 104 0"),
    Style.of(5, 1.5, "90 2, 24 2", "24 2, 20 46", "20 46, 84 48", "84 48, 82 98", "82 98, 6 98"),  # corners alone
    Style.of(5, 2, "88 2, 22 4", "22 4, 16 46", "16 46, 78 44, 88 72, 70 98, 4 96"),
    Style.of(5, 2, "88 6, 50 0, 22 16, 30 40, 70 58, 84 82, 54 100, 8 92"),  # like an s
    Style.of(5, 1, "80 0, 30 8, 20 30, 60 52, 76 80, 40 100, 2 90"),
    Style.of(5, 2, "84 0, 32 2", "32 2, 24 34", "24 34, 74 28, 100 62, 78 96, 20 98, 0 82"),  # large bowl
    Style.of(5, 2, "94 4, 26 0", "26 0, 22 58", "22 58, 56 52, 70 74, 50 98, 8 94"),  # small bowl
    Style.of(5, 1.5, "92 4, 44 2, 22 22, 22 46, 60 42, 86 66, 70 96, 26 100, 6 88"),  # no corner
    Style.of(6, 2, "62 0, 30 34, 10 68, 22 96, 60 98, 84 76, 64 58, 16 68"),
    Style.of(6, 2, "16 0, 10 50, 16 92, 56 100, 84 78, 62 54, 14 66"),  # like a b
    Style.of(6, 2, "70 0, 12 70", "12 70, 10 96, 56 100, 78 76, 48 60, 12 76"),  # straight
    Style.of(6, 2, "58 0, 16 30, 2 66, 26 98, 74 96, 94 64, 66 38, 20 48, 6 76"),  # large loop
    Style.of(6, 1.5, "64 0, 26 36, 10 74, 24 98, 50 96, 56 78, 36 72, 16 86"),  # small loop
    Style.of(6, 2, "86 14, 66 0, 28 20, 6 62, 24 98, 68 96, 86 72, 58 52, 12 68"),  # hooked
    Style.of(6, 1.5, "60 0, 20 34, 6 70, 28 98, 66 96, 80 74, 62 60, 40 62"),  # open
    Style.of(6, 1, "64 2, 22 32, 6 70, 30 98, 74 92, 84 66, 56 52, 26 66, 34 84, 52 82"),  # spiral
    Style.of(6, 1, "60 0, 10 56", "10 56, 12 98", "12 98, 80 96", "80 96, 82 58", "82 58, 10 56"),  # with corners
    Style.of(6, 1, "82 12, 44 0, 10 30, 6 74, 40 100, 84 88, 86 60, 46 58"),
    Style.of(7, 4, "6 6, 88 4", "88 4, 44 100", "32 52, 80 48"),  # crossed
    Style.of(7, 3, "6 22, 8 4", "8 4, 88 4", "88 4, 46 100", "30 52, 82 50"),  # and serif
    Style.of(7, 3, "4 8, 48 6, 90 4", "90 4, 58 44, 48 100", "28 52, 86 46"),
    Style.of(7, 2, "8 8, 86 4", "86 4, 50 50, 40 100", "10 54, 92 50"),  # long cross
    Style.of(7, 1, "6 6, 88 4", "88 4, 40 100", "40 36, 92 32"),
    Style.of(7, 1.5, "6 6, 78 4", "78 4, 74 100", "52 50, 98 48"),
    Style.of(7, 1.5, "6 14, 40 2, 80 4, 80 28, 54 64, 46 100", "30 56, 80 54"),
    Style.of(7, 2, "6 24, 8 4", "8 4, 90 4", "90 4, 50 48, 44 100"),  # serif
    Style.of(7, 2, "2 30, 10 6, 30 10, 60 12, 92 2", "92 2, 60 46, 50 100"),  # wave
    Style.of(7, 1.5, "10 2, 96 0", "96 0, 20 100"),
    Style.of(7, 0.7, "28 8, 84 4", "84 4, 50 100"),
    Style.of(8, 2, "50 2, 26 12, 28 38, 50 46, 74 38, 74 12, 50 2", "50 50, 16 62, 18 92, 50 100, 84 92, 84 62, 50 50"),
    Style.of(8, 2, "50 48, 20 30, 24 4, 74 4, 78 30, 50 48, 14 70, 22 98, 76 98, 86 70, 50 48"),  # from the middle
    Style.of(8, 1, "12 2, 88 98", "88 98, 10 98", "10 98, 86 2", "86 2, 12 2"),  # hourglass
    Style.of(8, 2, "84 14, 50 0, 18 18, 46 46, 80 74, 50 100, 16 82, 34 58", "34 58, 84 14"),
    Style.of(8, 2, "64 4, 38 4, 36 28, 58 40, 90 66, 76 98, 20 98, 8 68, 44 38, 66 22, 64 4"),  # small head
    Style.of(8, 1, "88 16, 56 0, 12 10, 14 40, 50 60, 68 80, 48 100, 28 84, 48 62, 84 44, 88 16"),  # small belly
    Style.of(8, 2, "80 8, 44 0, 16 20, 46 44, 82 70, 52 100, 16 80, 42 50, 70 34, 92 12"),  # open
    Style.of(8, 1.5, "30 6, 64 0, 80 20, 50 44, 16 72, 40 100, 78 86, 72 62, 40 42, 22 22"),
    Style.of(9, 3, "78 18, 46 0, 14 18, 18 44, 52 50, 80 24", "80 24, 82 66, 62 96, 14 92"),  # hooked
    Style.of(9, 3, "78 16, 46 0, 12 18, 18 44, 54 48, 78 20", "78 20, 82 60, 66 98, 24 98, 8 80"),  # like a g
    Style.of(9, 2, "80 20, 48 0, 14 16, 16 44, 52 48, 80 20", "80 20, 84 70, 74 98, 10 98"),
    Style.of(9, 2, "80 12, 40 0, 10 22, 26 46, 66 38, 82 12, 80 56, 54 94, 12 98"),  # one stroke
    Style.of(9, 2, "76 10, 40 0, 10 22, 24 46, 60 42, 78 8", "78 8, 78 100"),  # like a q
    Style.of(9, 2, "70 8, 46 0, 26 12, 30 30, 56 32, 72 10", "72 10, 64 60, 46 100"),  # small loop
    Style.of(9, 2, "84 26, 54 0, 10 16, 8 54, 48 66, 86 34", "86 34, 84 72, 62 100"),  # large loop
    Style.of(9, 1.5, "70 8, 30 4, 10 28, 28 48, 62 40, 82 14", "84 6, 78 56, 62 100"),  # open
    Style.of(9, 1, "80 4, 14 6", "14 6, 12 44", "12 44, 78 42", "80 4, 76 100"),  # with corners
    Style.of(9, 2, "86 34, 44 46, 16 26, 40 2, 80 8, 92 42, 64 82, 22 98"),  # loop drawn the other way round
    Style.of(9, 1, "78 6, 34 8, 20 34, 50 42, 86 8", "86 8, 60 56, 26 100"),
)
"""What is trained on, beside `offline_digits.STYLES`."""

HELD_OUT: tuple[Style, ...] = (
    Style.of(0, 1, "74 8, 40 0, 10 20, 4 56, 22 94, 56 98, 90 70, 92 30, 74 8", "74 8, 20 92"),  # slash, one stroke
    Style.of(0, 1, "48 8, 20 18, 10 52, 24 88, 52 92, 80 78, 86 44, 74 16, 48 8", "104 4, 60 40, 36 62, 0 98"),
    Style.of(1, 1, "0 50, 30 34, 56 0", "56 0, 44 100", "10 100, 80 96"),  # bent long flag and foot
    Style.of(1, 1, "6 30, 36 24, 60 0", "60 0, 56 50, 40 100"),
    Style.of(2, 1, "8 30, 22 4, 66 2, 84 26, 50 66, 10 98, 2 84, 30 80, 100 100"),  # loop and straight tail
    Style.of(2, 1, "6 8, 80 2, 84 20", "84 20, 4 96", "4 96, 40 88, 104 94"),
    Style.of(3, 1, "10 14, 40 2, 82 4", "82 4, 46 38, 76 52, 92 76, 64 100, 8 96"),
    Style.of(3, 1, "20 0, 60 6, 62 34, 44 48", "44 48, 64 60, 62 92, 16 100"),  # like a brace
    Style.of(4, 1, "50 0, 14 44, 10 58", "10 58, 40 54, 86 50", "86 50, 60 100"),  # bent lightning bolt
    Style.of(4, 1, "26 4, 0 50", "0 50, 90 62", "70 10, 46 100"),  # open, bar falling
    Style.of(4, 1, "80 100, 74 50, 70 2", "70 2, 30 40, 4 66", "4 66, 50 64, 100 66"),
    Style.of(5, 1, "30 14, 26 46", "26 46, 66 44, 84 70, 62 98, 6 92", "22 2, 90 0"),  # bar apart, above
    Style.of(5, 1, "70 2, 24 6", "24 6, 26 46, 70 50, 76 88, 10 100"),
    Style.of(6, 1, "14 66, 56 50, 86 74, 60 100, 16 92, 8 56, 36 14, 78 2"),  # from the loop
    Style.of(6, 1, "40 0, 8 30, 4 80, 30 100, 62 90, 66 70, 40 62, 10 74"),
    Style.of(6, 1, "90 2, 40 20, 12 56", "12 56, 10 90, 50 100, 80 80, 60 58, 12 72"),
    Style.of(7, 1, "2 18, 26 2, 58 12, 92 4", "92 4, 58 52, 44 100", "26 58, 84 46"),  # wave, crossed
    Style.of(7, 1, "8 30, 4 8", "4 8, 94 8", "94 8, 70 36, 60 100", "40 62, 92 48"),  # serif, crossed aslant
    Style.of(7, 1, "6 10, 90 2", "90 2, 40 98", "44 62, 72 38"),  # short steep cross
    Style.of(8, 1, "56 0, 30 10, 32 36, 56 42, 80 34, 78 10, 56 0", "44 50, 12 62, 12 90, 44 100, 78 90, 76 62, 44 50"),
    Style.of(8, 1, "84 6, 20 8", "20 8, 82 92", "82 92, 16 96", "16 96, 84 6"),
    Style.of(8, 1, "50 100, 14 84, 24 60, 78 28, 62 0, 26 8, 26 32, 80 66, 82 92, 50 100"),  # from below
    Style.of(9, 1, "72 14, 40 0, 10 22, 24 46, 58 40, 76 14", "76 14, 86 56, 80 90, 50 100, 20 86"),  # hooked
    Style.of(9, 1, "84 2, 40 4, 12 26, 30 46, 80 34", "84 2, 86 60, 60 100, 10 96"),
    Style.of(9, 1, "60 24, 74 4, 34 0, 8 26, 32 48, 70 30", "76 6, 74 60, 40 98"),
)
"""Never trained on: how a net reads these tells how it reads what it has not seen."""


def generate(size: int = TRAIN_SIZE, progress: Callable[[float, str], None] = lambda share, text: None) -> Digits:
    """Training digits, all classes equally often, in random order; always the same. `size` is a multiple of ten.

    `progress` hears a share in [0, 1] and a sentence.
    """
    every = (*offline_digits.STYLES, *RARE)
    rare = round(RARE_SHARE * size / CLASSES)
    return _made([(every, size // CLASSES - rare), (RARE, rare)], 0, progress)


def held_out(size: int) -> Digits:
    """Digits in styles that are in no training image, all classes equally often; `size` is a multiple of ten."""
    return _made([(HELD_OUT, size // CLASSES)], 1, lambda share, text: None)


def _made(parts: Sequence[tuple[Sequence[Style], int]], stream: int, progress: Callable[[float, str], None]) -> Digits:
    """For each of the parts so many of each class in its styles, shuffled."""
    rng = np.random.default_rng([_SEED, stream])
    size = CLASSES * sum(per_class for _, per_class in parts)
    digits = Digits(np.empty((size, SIDE, SIDE), np.uint8), np.empty(size, np.uint8))
    order, made = rng.permutation(size), 0
    for styles, per_class in parts:
        for digit, images in _pictures(styles, per_class, rng):
            places = order[made : made + len(images)]
            digits.images[places] = np.rint(255 * images)
            digits.labels[places] = digit
            made += len(images)
            progress(made / size, f"Drawing digits: {made:,} of {size:,}")
    return digits


def _pictures(styles: Sequence[Style], per_class: int, rng: np.random.Generator) -> Iterator[tuple[int, Floats]]:
    """Digits and images (n, 28, 28) of them, `per_class` of each digit in all, its styles by their weights."""
    for digit in range(CLASSES):
        own = [style for style in styles if style.digit == digit]
        weights = np.array([style.weight for style in own])
        for style, count in zip(own, rng.multinomial(per_class, weights / weights.sum()), strict=True):
            curves = curves_of(style)
            for part in chunks(count):
                yield digit, _draw(style, curves, part, rng)


def _draw(style: Style, curves: Doubles, count: int, rng: np.random.Generator) -> Floats:
    """(count, 28, 28): as many hands writing one style with a round pen, in MNIST's frame; 0 to 1."""
    curve = untidy(style, curves, count, rng)
    curve += _shake(len(curves), count, rng)
    curve @= _hands(count, rng)
    pen = _pens(count, rng)
    x, y = fit(curve, pen)
    ink = covered(distances(x, y), pen)
    width, height = (np.rint(side.max(axis=1) + pen[:, 0, 0] / 2).astype(np.int64) for side in (x, y))
    return centre_mass(Sized(ink, height, width))


def _shake(samples: int, count: int, rng: np.random.Generator) -> Doubles:
    """By how much a hand is off its line at every sample, (count, samples, 2): most are steady, a mouse is not."""
    knots = samples // _KNOT + 2
    place = np.arange(samples) / _KNOT
    between = np.maximum(0, 1 - np.abs(place[:, None] - np.arange(knots)))  # (samples, knots)
    size = np.maximum(0, rng.normal(0.004, 0.012, (count, 1, 1)))
    shake: Doubles = between @ (size * rng.normal(0, 1, (count, knots, 2)))
    return shake


def _hands(count: int, rng: np.random.Generator) -> Doubles:
    """(count, 2, 2) matrices, to multiply (x, y) rows by: wide, some narrow; leaning; straight, some turned far."""
    width = np.where(rng.random(count) < 0.1, rng.uniform(0.35, 0.55, count), rng.uniform(0.55, 1.1, count))
    lean = rng.normal(0.1, 0.22, count)
    turn = np.where(rng.random(count) < 0.1, rng.uniform(-20, 20, count), rng.normal(0, 6, count))
    return slant(width, lean, np.radians(turn))


def _pens(count: int, rng: np.random.Generator) -> Doubles:
    """Widths in pixels (count, 1, 1): half of them as the way of a drawing makes them, the others thin to thick."""
    usual = np.clip(rng.normal(2.6, 0.5, (count, 1, 1)), *STROKE_RANGE)
    return np.where(rng.random((count, 1, 1)) < 0.5, usual, rng.uniform(1.6, 4.6, (count, 1, 1)))


def covered(distance: Floats, pen: Doubles) -> Floats:
    """How much ink a large picture of a line leaves, shrunk by the triangle filter of `mnist_frame`, in a pixel so far
    from the line's middle: [0, 1]. `pen` is the line's width, both in pixels of the small picture.
    """
    return (_below(pen / 2 - distance) - _below(-pen / 2 - distance)).astype(np.float32)


def _below(edge: Doubles) -> Doubles:
    """The integral of a triangle from −1 to 1, of area 1, up to `edge`."""
    near = np.clip(edge, -1, 1)
    share: Doubles = 0.5 + near - np.sign(near) * near * near / 2
    return share
