"""Compare: several runs side by side, repeated with other seeds, and twin runs."""

from nnviz.ui.pages.compare.page import compare_page
from nnviz.ui.shell import open_page

open_page("Compare")
compare_page()
