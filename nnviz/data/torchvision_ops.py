"""Let `import torchvision` work beside a torch built without CUDA; as a program, let torchvision download a data set.

The torchvision wheel on the package index links CUDA; beside a CPU-only torch its compiled operators don't load, and
the import dies with "operator torchvision::nms does not exist", though data sets and transforms are plain Python.
Declaring the missing operators, without implementing them, is enough for the import.
"""

from __future__ import annotations

import errno
import importlib.machinery
import importlib.util
import socket
import sys

import torch

TIMEOUT = 20.0
"""Seconds without a byte after which a download gives up; torchvision itself would wait for ever."""

STORAGE = "storage: "
"""Begins what the program says last when it could not store what it downloaded; its other reasons are the network's."""

_STORAGE_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS}

_NAMES_FILE = "Error downloading "

_OPERATORS = ("nms", "qnms")
_SIGNATURE = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"

_declared: list[torch.library.Library] = []  # a library takes its operators along when it is collected


def declare() -> None:
    """Declare the operators that torchvision's import expects, if they can't be loaded. Call before that import.

    Does nothing where torchvision is imported already, isn't installed, or brings its operators; twice is harmless.
    """
    if "torchvision" in sys.modules or _load_compiled():
        return
    for name in _OPERATORS:
        if not hasattr(torch.ops.torchvision, name):
            library = torch.library.Library("torchvision", "FRAGMENT")
            library.define(name + _SIGNATURE)
            _declared.append(library)


def _load_compiled() -> bool:
    """Whether torchvision's own operators are there. They come first: an operator can't be declared twice."""
    package = importlib.util.find_spec("torchvision")
    folders = package.submodule_search_locations if package else None
    extension = importlib.machinery.PathFinder.find_spec("_C", folders or [])
    if extension is None or extension.origin is None:
        return False
    try:
        torch.ops.load_library(extension.origin)
    except OSError:  # what it links to is missing
        return False
    return True


def download(class_name: str, root: str) -> None:
    """Download one of torchvision's data sets into `root`. Sets the process's default socket timeout."""
    socket.setdefaulttimeout(TIMEOUT)
    declare()
    from torchvision import datasets

    getattr(datasets, class_name)(root, download=True)


def _reason(error: Exception) -> str:
    """Why a download failed, in one line, with the file if torchvision names it."""
    if isinstance(error, OSError) and error.errno in _STORAGE_ERRORS:
        return f"{STORAGE}{error.strerror}"
    lines = str(error).strip().splitlines() or [type(error).__name__]
    # torchvision says "Error downloading NAME:" and then lists what every mirror answered.
    name = lines[0].removeprefix(_NAMES_FILE) + " " if lines[0].startswith(_NAMES_FILE) and len(lines) > 1 else ""
    return name + lines[-1].strip("<>")


if __name__ == "__main__":
    try:
        download(*sys.argv[1:])
    except Exception as error:  # whoever started this shows the last line to a person
        sys.exit("\n" + _reason(error))
