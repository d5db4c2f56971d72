"""Who may import whom: packages by the stages of a run's life, no circle anywhere, and only the screen knows Streamlit.

docs/architecture.md is the map; that it names every package is held here too.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]

STAGES = ("data", "spec", "train", "store", "analysis", "export", "pretrained", "sweep", "executor", "charts", "ui")
"""Packages of nnviz: each imports only itself and what stands to its left."""

BEFORE, AFTER = ("environment", "fields", "jobs", "process", "registry", "table"), ("cli", "__main__")
"""Single modules that everybody, or nobody, may import."""

SCREEN = ("ui",)
"""What may import Streamlit, beside the pages."""

FILES = sorted(path for pattern in ("app.py", "pages/*.py", "nnviz/**/*.py") for path in PROJECT.glob(pattern))


def name_of(path: Path) -> str:
    """nnviz/ui/state.py → nnviz.ui.state; nnviz/ui/__init__.py → nnviz.ui"""
    return ".".join(path.relative_to(PROJECT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {name_of(path): path for path in FILES}


def imported(path: Path) -> Iterator[str]:
    """The full name of every module or attribute imported anywhere in a file, also inside functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are written out in full, from nnviz"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def modules_imported(path: Path) -> set[str]:
    """The modules of ours among them: of `nnviz.ui.state.setup` it is nnviz.ui.state."""
    found = set()
    for name in imported(path):
        while name and name not in MODULES:
            name = name.rpartition(".")[0]
        found.add(name)
    return found - {"", "nnviz"}


def stage_of(module: str) -> str:
    return module.split(".")[1]


def test_every_module_has_its_place() -> None:
    assert {stage_of(name) for name in MODULES if name.startswith("nnviz.")} == {*STAGES, *BEFORE, *AFTER}
    assert not list(imported(MODULES["nnviz"]))  # `import nnviz` costs nothing


@pytest.mark.parametrize("stage", STAGES)
def test_a_package_imports_only_those_before_it(stage: str) -> None:
    allowed = {*BEFORE, *STAGES[: STAGES.index(stage) + 1]}
    for name, path in MODULES.items():
        if name.startswith(f"nnviz.{stage}"):
            assert {stage_of(one) for one in modules_imported(path)} <= allowed, name


@pytest.mark.parametrize("module", BEFORE)
def test_what_everybody_imports_imports_nothing_of_ours(module: str) -> None:
    assert not modules_imported(MODULES[f"nnviz.{module}"])


def test_charts_take_plain_arrays() -> None:
    """A chart knows numbers, not runs or settings; those of a sweep know its axes and points, which are plain too."""
    for name, path in MODULES.items():
        if name.startswith("nnviz.charts."):
            of_sweeps = {"sweep", "fields"} if name.startswith("nnviz.charts.sweep_") else set()
            allowed = {"charts", "registry", "table", *of_sweeps}
            assert {stage_of(one) for one in modules_imported(path)} <= allowed, name


def test_no_module_imports_itself_by_way_of_others() -> None:
    graph = {name: modules_imported(path) - {name} for name, path in MODULES.items()}
    for name, found in graph.items():  # a package's __init__ stands for what it gathers, not for all inside
        graph[name] = {one for one in found if not name.startswith(f"{one}.")}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" → ".join(error.args[1]))


def test_no_page_imports_another_page() -> None:
    for name, path in MODULES.items():
        if name.startswith("nnviz.ui.pages."):
            own = name.split(".")[3]
            others = {one for one in modules_imported(path) if one.startswith("nnviz.ui.pages.")}
            assert {one.split(".")[3] for one in others} <= {own}, name
        elif name.startswith("nnviz."):
            assert not [one for one in modules_imported(path) if one.startswith("nnviz.ui.pages")], name


@pytest.mark.parametrize(
    "path",
    [
        path
        for path in FILES
        if path.is_relative_to(PROJECT / "nnviz") and path.relative_to(PROJECT / "nnviz").parts[0] not in SCREEN
    ],
    ids=lambda path: str(path.relative_to(PROJECT)),
)
def test_only_the_screen_knows_streamlit(path: Path) -> None:
    assert not [name for name in imported(path) if name.split(".")[0] == "streamlit"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PROJECT)))
def test_numbers_are_typed_into_our_own_field(path: Path) -> None:
    """Streamlit's takes 1,5 for 15 without a word: `ui/forms.py` has one that says what it can't take."""
    used = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Attribute)]
    assert "number_input" not in {node.attr for node in used}
