"""What a chart is to those who list charts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import plotly.graph_objects as go


@dataclass(frozen=True)
class Chart:
    name: str
    title: str
    """What it shows."""
    example: Callable[[bool], go.Figure]
    """Drawn from made-up numbers, light or dark."""
    rank: int = 100
    """Its place in the gallery; those of one rank by their name."""
