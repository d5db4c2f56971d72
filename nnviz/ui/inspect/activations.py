"""Section "Activations": what the layers make of one image, and of all."""

from __future__ import annotations

from nnviz.ui.inspect.subject import choose_subject
from nnviz.ui.inspect.view import View


def show(view: View) -> None:
    choose_subject(view)
