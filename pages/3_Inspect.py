"""Inspect: weights, gradients and activations of every layer, at every moment of the training."""

from nnviz.ui.frame import open_page
from nnviz.ui.inspect.page import inspect_page

open_page("Inspect")
inspect_page()
