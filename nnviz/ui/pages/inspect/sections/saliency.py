"""Section "Saliency": which pixels of the chosen image add to a class."""

from __future__ import annotations

from nnviz.ui.pages.inspect.section import Section
from nnviz.ui.saliency import show

SECTION = Section("pixels", "Saliency", show, rank=50)
