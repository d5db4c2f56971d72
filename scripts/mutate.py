"""Do the tests notice? `python scripts/mutate.py --count 100` changes one sign, comparison or constant at a time.

Each change is made in a copy of the project and given to the tests of its own module (tests/<package>/test_<module>.py,
or of the whole package) and those of registries; what none of them notices is printed. The sample is drawn by `--seed`
from train, spec, data, analysis, sweep and export.
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

PROJECT = Path(__file__).parents[1]
PACKAGES = ("train", "spec", "data", "analysis", "sweep", "export")
SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}


class Mutant(NamedTuple):
    path: Path
    line: int
    number: int
    """Which of the file's places."""


def places(tree: ast.AST) -> Iterator[tuple[ast.AST, str, int]]:
    """Nodes that can be changed, with the field and the place in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp | ast.BoolOp | ast.AugAssign) and type(node.op) in SWAPS:
            yield node, "op", 0
        elif isinstance(node, ast.Compare):
            yield from ((node, "ops", place) for place, op in enumerate(node.ops) if type(op) in SWAPS)
        elif (
            isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool)
        ):
            yield node, "value", 0


def mutated(source: str, number: int) -> str:
    tree = ast.parse(source)
    node, field, place = list(places(tree))[number]
    if isinstance(node, ast.Constant):
        node.value = node.value + 1  # type: ignore[operator]
    elif field == "op":
        node.op = SWAPS[type(node.op)]()  # type: ignore[attr-defined]
    else:
        node.ops[place] = SWAPS[type(node.ops[place])]()  # type: ignore[attr-defined]
    return ast.unparse(tree)


def every_mutant() -> Iterator[Mutant]:
    for package in PACKAGES:
        for path in sorted((PROJECT / "nnviz" / package).rglob("*.py")):
            for number, (node, _, _) in enumerate(places(ast.parse(path.read_text(encoding="utf-8")))):
                yield Mutant(path.relative_to(PROJECT), getattr(node, "lineno", 0), number)


def noticed(mutant: Mutant, copy: Path) -> bool:
    target = copy / mutant.path
    source = target.read_text(encoding="utf-8")
    target.write_text(mutated(source, mutant.number), encoding="utf-8")
    try:
        package, name = mutant.path.parts[1:3]
        own = copy / "tests" / package / f"test_{name.removesuffix('.py')}.py"
        tests = [str(own if own.exists() else copy / "tests" / package)]
        if package in ("spec", "analysis"):
            tests.append("tests/test_registries.py")
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "--timeout", "300", *tests]
        return subprocess.run(command, cwd=copy, capture_output=True, check=False).returncode != 0
    finally:
        target.write_text(source, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    chosen = random.Random(options.seed).sample(list(every_mutant()), options.count)
    cores = os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(cores) as pool:
        copies = [Path(folder) / str(number) for number in range(cores)]
        for copy in copies:
            shutil.copytree(
                PROJECT,
                copy,
                ignore=shutil.ignore_patterns(".venv", ".git", "runs", "data", "*cache*"),
                dirs_exist_ok=True,
            )
            shutil.copytree(PROJECT / "nnviz" / "data", copy / "nnviz" / "data", dirs_exist_ok=True)
            shutil.copytree(PROJECT / "tests" / "data", copy / "tests" / "data", dirs_exist_ok=True)
        parts = [[(mutant, copy) for mutant in chosen[number::cores]] for number, copy in enumerate(copies)]
        found = [pair for part in pool.map(lambda part: [(m, noticed(m, c)) for m, c in part], parts) for pair in part]
    for mutant in sorted(mutant for mutant, seen in found if not seen):
        line = (PROJECT / mutant.path).read_text(encoding="utf-8").splitlines()[mutant.line - 1].strip()
        print(f"not noticed: {mutant.path}:{mutant.line} (place {mutant.number}): {line}")
    print(f"{sum(seen for _, seen in found)} of {len(found)} noticed")


if __name__ == "__main__":
    main()
