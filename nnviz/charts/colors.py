"""One meaning, one colour, on every page. From Okabe and Ito's palette, which colour-blind eyes tell apart."""

TRAIN = "#009e73"
TEST = "#cc79a7"
RATE = "#8a6d00"
POSITIVE = "#0072b2"
NEGATIVE = "#d55e00"
NEUTRAL = "#f4f4f4"
DIVERGING = ((0.0, NEGATIVE), (0.5, NEUTRAL), (1.0, POSITIVE))
"""For signed values; the range is always centred on zero."""
CLASSES = ("#4e79a7", "#f28e2b", "#e15759", "#76b7b2", "#59a14f", "#edc948", "#b07aa1", "#ff9da7", "#9c755f", "#8c8c8c")
"""Of the ten classes, where they are told apart; Tableau's. No eye tells ten apart for sure: write their names too."""
RUNS = (
    ("#0072b2", "solid", "circle"),
    ("#d55e00", "dash", "square"),
    ("#009e73", "dot", "diamond"),
    ("#cc79a7", "dashdot", "triangle-up"),
    ("#e69f00", "longdash", "x"),
    ("#56b4e9", "longdashdot", "star"),
    ("#8a6d00", "6px,2px", "triangle-down"),
    ("#7f7f7f", "2px,6px", "cross"),
)
"""Of runs that are compared: colour, dash and marker, so that none is told by its colour alone."""
