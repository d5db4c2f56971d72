"""Optimizers: every module of this package may hold some, and adding one is adding a file."""

from __future__ import annotations

from nnviz.registry import registry
from nnviz.spec.optimizers.base import Optimizer

OPTIMIZERS = registry(__name__, list(__path__), Optimizer)
"""Name → optimizer, in the order of menus."""
