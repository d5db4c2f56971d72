"""Fixtures for all tests. Where the real MNIST files are at hand, tests run on them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]


def _find_mnist() -> Path | None:
    for root in (os.environ.get("NNVIZ_DATA"), PROJECT.parent / "shared" / "data", PROJECT / "data"):
        if root and (Path(root) / "MNIST" / "raw" / "train-images-idx3-ubyte").is_file():
            return Path(root).resolve()
    return None


@pytest.fixture(scope="session")
def mnist_root() -> Path:
    """The folder with the real MNIST in torchvision's layout; skips where there is none."""
    root = _find_mnist()
    if root is None:
        pytest.skip("no real MNIST: set NNVIZ_DATA to a folder that has it, or start the app once to download it")
    return root
