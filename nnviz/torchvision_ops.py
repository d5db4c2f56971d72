"""Lets `import torchvision` work beside a CPU-only torch.

The torchvision wheel on the package index links CUDA. Beside a torch without it, its compiled operators don't load,
and the import dies with "operator torchvision::nms does not exist", though the data sets and transforms used here are
plain Python. Declaring the missing operators, without implementing them, is enough for the import.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import sys

import torch

_OPERATORS = ("nms", "qnms")
_SIGNATURE = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"

_declared: list[torch.library.Library] = []  # an operator lives only as long as the library that declared it


def declare_missing() -> None:
    """Declare the operators that torchvision's import expects, if they can't be loaded. To be called before it.

    Does nothing where torchvision is already imported, isn't installed, or loads its own operators; calling it again
    is harmless.
    """
    if "torchvision" in sys.modules or _load_compiled():
        return
    for name in _OPERATORS:
        if not hasattr(torch.ops.torchvision, name):
            library = torch.library.Library("torchvision", "FRAGMENT")
            library.define(name + _SIGNATURE)
            _declared.append(library)


def _load_compiled() -> bool:
    """Whether torchvision's own operators are there; they must not be declared twice, so they come first."""
    package = importlib.util.find_spec("torchvision")
    if package is None or not package.submodule_search_locations:
        return False
    for folder in package.submodule_search_locations:
        extension = importlib.machinery.PathFinder.find_spec("_C", [folder])
        if extension is not None and extension.origin is not None:
            try:
                torch.ops.load_library(extension.origin)
            except OSError:  # what it links to is missing
                return False
            return True
    return False
