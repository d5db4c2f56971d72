"""Compare: several runs side by side, repeated with other seeds, and twins in lock step."""

from nnviz.ui.compare.page import compare_page
from nnviz.ui.frame import open_page

open_page("Compare")
compare_page()
