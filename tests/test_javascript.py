"""The browser's scripts: what is pure in them is tested where there is a Node, all of them are linted."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.waiting import LIMIT_S

PROJECT = Path(__file__).parents[1]


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=LIMIT_S, check=False)


def test_what_is_pure_does_what_it_says() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("no Node: install it to run the tests of the browser's scripts")
    done = run(node, "--test", "--test-reporter=tap", *map(str, sorted((PROJECT / "tests" / "js").glob("*.test.mjs"))))
    assert done.returncode == 0, done.stdout
    assert "# fail 0" in done.stdout
    assert "# pass 0" not in done.stdout


def test_the_linter_finds_nothing() -> None:
    if not Path(sys.executable).with_name("oxlint").exists():
        pytest.skip("no oxlint: pip install -r requirements-test.txt")
    done = run(sys.executable, "scripts/lint_js.py")
    assert done.returncode == 0, done.stdout
