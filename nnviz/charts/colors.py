"""One meaning, one colour, on every page. From Okabe and Ito's palette, which colour-blind eyes tell apart."""

TRAIN = "#009e73"
TEST = "#cc79a7"
RATE = "#8a6d00"
POSITIVE = "#0072b2"
NEGATIVE = "#d55e00"
NEUTRAL = "#f4f4f4"
DIVERGING = ((0.0, NEGATIVE), (0.5, NEUTRAL), (1.0, POSITIVE))
"""For signed values; the range is always centred on zero."""
