"""What a section of Inspect is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from nnviz.ui.checkpoints import View


@dataclass(frozen=True)
class Section:
    name: str
    """In its key: `inspect-section-<name>`."""
    title: str
    show: Callable[[View], None]
    rank: int = 100
    """Its place on the page; those of one rank by their name."""
    of_layer: bool = False
    """Whether it shows one layer, which then is to be chosen."""
