"""Sweep: many trainings at once, and the map of what they found."""

from nnviz.ui import state
from nnviz.ui.data import data_notice
from nnviz.ui.pages.sweep.page import sweep_page
from nnviz.ui.shell import open_page

open_page("Sweep")
sweep_page(data_notice(state.setup().config.data))
