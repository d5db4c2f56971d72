"""Inspect: weights, gradients and activations of every layer, at every moment of the training."""

from nnviz.ui.pages.inspect.page import inspect_page
from nnviz.ui.shell import open_page

open_page("Inspect")
inspect_page()
