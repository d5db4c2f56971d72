"""Draw: a digit drawn by hand, what the nets say of it, and why."""

from nnviz.ui.data import data_notice
from nnviz.ui.pages.draw.page import draw_page
from nnviz.ui.shell import open_page

open_page("Draw")
draw_page(data_notice("mnist"))
