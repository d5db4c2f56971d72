"""Let `import torchvision` work beside a torch built without CUDA.

The wheel on the package index links CUDA; beside a CPU-only torch its compiled operators don't load, and the import
ends with "operator torchvision::nms does not exist", although data sets and transforms are pure Python.
"""

from __future__ import annotations

import torch

_SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
_declared: list[torch.library.Library] = []  # a Library takes its operators along when it is collected


def declare() -> None:
    """Declare the operators that torchvision's import expects, only where they are missing. Call before that import."""
    for name in ("nms", "qnms"):
        if not hasattr(torch.ops.torchvision, name):
            library = torch.library.Library("torchvision", "FRAGMENT")
            library.define(name + _SCHEMA)
            _declared.append(library)


def download(folder: str, root: str) -> None:
    """Download one of torchvision's data sets, by the name of its class, into `root`."""
    import socket

    socket.setdefaulttimeout(20)
    declare()
    from torchvision import datasets

    getattr(datasets, folder)(root, download=True)


if __name__ == "__main__":
    import sys

    download(sys.argv[1], sys.argv[2])
