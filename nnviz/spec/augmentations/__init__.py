"""Augmentations: every module of this package may hold some, and adding one is adding a file."""

from __future__ import annotations

from nnviz.registry import registry
from nnviz.spec.augmentations.base import Augmentation

AUGMENTATIONS = registry(__name__, list(__path__), Augmentation)
"""Name → augmentation, in the order of menus."""
