"""Home: what this is, and the way to the first trained net."""

from nnviz.ui.data import data_notice
from nnviz.ui.pages import home
from nnviz.ui.shell import open_page

open_page("Home", titled=True)
home.welcome()
ready = data_notice("mnist")
home.first_run(ready)
home.steps()
home.machine()
