"""Do the tests notice? `python scripts/mutate.py --count 100` changes one sign, comparison or constant at a time.

Each change is made in a copy of the project and given to the tests of its own module (tests/<package>/test_<module>.py)
and, if they pass, to the rest of its package's tests and those of registries; what none of them notices is printed as
soon as it is known. A test that runs into its time limit has noticed. The sample is drawn by `--seed` from train, spec,
data, analysis, sweep and export, or from the folders and files named. A number becomes one larger; from 1,000 on, where
one more or less means nothing, twice as large.

Left out are numbers for which no value is the right one, where any other would do as well:
- those in a tuple or list that a module names (the outlines of drawn digits), lambdas in it excepted;
- what a sweep suggests to look at first (`Suggested`), and what is handed to a generator of random numbers (`rng`);
- how much is done at a time or how often (a name that ends in CHUNK, BLOCK, EVERY, AT_ONCE or TIMEOUT, `sleep`,
  `maxsize`);
- seeds (a name that ends in SEED, an argument `seed`), and places in a list on the screen (`rank`).
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple

PROJECT = Path(__file__).parents[1]
PACKAGES = ("train", "spec", "data", "analysis", "sweep", "export")
TEST_LIMIT_S, LIMIT_S = 120, 900
"""Of a test, and of all tests that a change is given to at once."""
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
ANY_WOULD_DO = re.compile(r"(CHUNK|BLOCK|EVERY|AT_ONCE|TIMEOUT|SEED)$|^(rank|maxsize)$")
"""Names of constants, fields and arguments."""


class Mutant(NamedTuple):
    path: Path
    line: int
    number: int
    """Which of the file's places."""


def places(tree: ast.Module) -> Iterator[tuple[ast.AST, str, int]]:
    """Nodes that can be changed, with the field and the place in it."""
    ignored = {id(number) for part in matters_of_taste(tree) for number in numbers(part)}
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp | ast.BoolOp | ast.AugAssign) and type(node.op) in SWAPS:
            yield node, "op", 0
        elif isinstance(node, ast.Compare):
            yield from ((node, "ops", place) for place, op in enumerate(node.ops) if type(op) in SWAPS)
        elif is_number(node) and id(node) not in ignored:
            yield node, "value", 0


def is_number(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) in (int, float)


def numbers(node: ast.AST) -> Iterator[ast.AST]:
    """Those in it, but for lambdas: they hold formulas."""
    if is_number(node):
        yield node
    if not isinstance(node, ast.Lambda):
        for child in ast.iter_child_nodes(node):
            yield from numbers(child)


def matters_of_taste(tree: ast.Module) -> Iterator[ast.AST]:
    """Expressions whose numbers are left out, by the rule above."""
    for node in ast.walk(tree):
        match node:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=value)
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
            ):
                if ANY_WOULD_DO.search(name) or (node in tree.body and isinstance(value, ast.Tuple | ast.List)):
                    yield value
            case ast.keyword(arg=str(name), value=value) if ANY_WOULD_DO.search(name) or name == "seed":
                yield value
            case ast.Call(func=ast.Name(id="Suggested") | ast.Attribute(attr="sleep")):
                yield node
            case ast.Call(func=ast.Attribute(value=ast.Name(id="rng"))):
                yield node


def changed(number: float) -> float:
    return number + 1 if abs(number) < 1000 else 2 * number


def mutated(source: str, number: int) -> str:
    tree = ast.parse(source)
    node, field, place = list(places(tree))[number]
    if isinstance(node, ast.Constant):
        node.value = changed(node.value)  # type: ignore[arg-type]
    elif field == "op":
        node.op = SWAPS[type(node.op)]()  # type: ignore[attr-defined]
    else:
        node.ops[place] = SWAPS[type(node.ops[place])]()  # type: ignore[attr-defined]
    return ast.unparse(tree)


def every_mutant(within: list[Path]) -> Iterator[Mutant]:
    """Those of the files and folders given."""
    for path in sorted(file for one in within for file in ([one] if one.is_file() else one.rglob("*.py"))):
        for number, (node, _, _) in enumerate(places(ast.parse(path.read_text(encoding="utf-8")))):
            yield Mutant(path.relative_to(PROJECT), getattr(node, "lineno", 0), number)


def noticed(mutant: Mutant, copy: Path) -> bool:
    target = copy / mutant.path
    source = target.read_text(encoding="utf-8")
    target.write_text(mutated(source, mutant.number), encoding="utf-8")
    try:
        package, name = mutant.path.parts[1:3]
        own = f"tests/{package}/test_{name.removesuffix('.py')}.py"
        if (copy / own).exists() and not passes([own], copy):
            return True
        return not passes(["tests/test_registries.py", f"tests/{package}", f"--ignore={own}"], copy)
    finally:
        target.write_text(source, encoding="utf-8")


def passes(tests: list[str], copy: Path) -> bool:
    options = ["-q", "-x", "-p", "no:cacheprovider", f"--timeout={TEST_LIMIT_S}"]
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", *options, *tests],
        cwd=copy,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        return process.wait(LIMIT_S) == 0
    except subprocess.TimeoutExpired:
        return False
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def copy_project(copy: Path) -> None:
    shutil.copytree(PROJECT, copy, ignore=shutil.ignore_patterns(".venv", ".git", "runs", "data", "*cache*"))
    for folder in ("nnviz/data", "tests/data"):
        shutil.copytree(PROJECT / folder, copy / folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("within", nargs="*", type=Path, help="folders and files of nnviz/ to draw from")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="changes tried at a time")
    options = parser.parse_args()
    within = [path.resolve() for path in options.within] or [PROJECT / "nnviz" / package for package in PACKAGES]
    every = list(every_mutant(within))
    chosen = random.Random(options.seed).sample(every, min(options.count, len(every)))
    copies: SimpleQueue[Path] = SimpleQueue()

    def try_one(mutant: Mutant) -> bool:
        copy = copies.get()
        try:
            return noticed(mutant, copy)
        finally:
            copies.put(copy)

    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(options.jobs) as pool:
        for number in range(options.jobs):
            copy_project(Path(folder) / str(number))
            copies.put(Path(folder) / str(number))
        tried = {pool.submit(try_one, mutant): mutant for mutant in chosen}
        seen = 0
        for done, future in enumerate(as_completed(tried), 1):
            mutant = tried[future]
            seen += future.result()
            if not future.result():
                line = (PROJECT / mutant.path).read_text(encoding="utf-8").splitlines()[mutant.line - 1].strip()
                print(f"not noticed: {mutant.path}:{mutant.line} (place {mutant.number}): {line}", flush=True)
            if not future.result() or done % 10 == 0 or done == len(chosen):
                print(f"{seen} of {done} noticed, {len(chosen) - done} left to try", flush=True)


if __name__ == "__main__":
    main()
