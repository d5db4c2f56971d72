"""Who may import whom, and that only the screen knows Streamlit."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]

ORDER = [
    "fields",
    "layers",
    "network",
    "optimizers",
    "losses",
    "torchvision_ops",
    "framing",
    "offline_digits",
    "datasets",
    "preparation",
    "evaluation",
    "config",
    "dimensions",
    "sweep",
    "significance",
    "sweep_results",
    "presets",
    "links",
    "setup_files",
    "batches",
    "checkpoints",
    "script",
    "training",
    "packing",
    "live",
    "runs",
    "sweeps",
    "comparison",
    "archive",
    "tensorboard",
    "recording",
    "pack_recording",
    "executor",
    "jobs",
    "inspection",
    "doctor",
    "drawing",
    "recognition",
    "handwriting",
    "charts",
    "cli",
    "__main__",
    "ui",
]
"""Modules and packages of nnviz: each imports only what stands to its left. Pages and app.py come last."""

FILES = sorted(path for pattern in ("app.py", "pages/*.py", "nnviz/**/*.py") for path in PROJECT.glob(pattern))


def imported(path: Path) -> Iterator[str]:
    """The full name of every module imported anywhere in a file, also inside functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are written out in full, from nnviz"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PROJECT)))
def test_each_imports_only_what_stands_to_its_left(path: Path) -> None:
    parts = path.relative_to(PROJECT).with_suffix("").parts
    own = parts[1] if parts[0] == "nnviz" else "page"
    if own == "__init__":
        assert not list(imported(path))  # `import nnviz` costs nothing
        return
    assert own in (*ORDER, "page"), f"say in ORDER where nnviz.{own} stands"
    allowed = ORDER if own == "page" else ORDER[: ORDER.index(own) + 1]
    names = list(imported(path))
    assert {name.split(".")[1] for name in names if name.startswith("nnviz.")} <= set(allowed)
    if own not in ("ui", "page"):
        assert not [name for name in names if name.split(".")[0] == "streamlit"]
