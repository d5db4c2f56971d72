"""What the documents promise is so."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
README = (PROJECT / "README.md").read_text(encoding="utf-8")
KEYS = (PROJECT / "docs" / "keys.md").read_text(encoding="utf-8")


def used_keys() -> set[str]:
    """Every literal `key=` of a call in the pages and their parts; what varies, and a number, becomes `<>`."""
    found = set()
    for path in (PROJECT / "app.py", *PROJECT.glob("pages/*.py"), *PROJECT.glob("nnviz/ui/**/*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.keyword) and node.arg == "key":
                if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
                    found.add(re.sub(r"\d+", "<>", node.value.value))
                elif isinstance(node.value, ast.JoinedStr):
                    found.add("".join(str(v.value) if isinstance(v, ast.Constant) else "<>" for v in node.value.values))
    return found


def test_every_key_is_listed() -> None:
    listed = [re.sub(r"<[a-z]*>", "x", key) for key in re.findall(r"`([A-Za-z<>_-]+)`", KEYS)]
    missing = sorted(
        key
        for key in used_keys()
        if not any(re.fullmatch(".+".join(map(re.escape, key.split("<>"))), one) for one in listed)
    )
    assert len(used_keys()) > 30
    assert missing == []


def test_the_files_it_names_exist() -> None:
    for name in re.findall(r"`((?:nnviz|scripts|docs)/[\w./]+)`", README) + re.findall(r"\]\(([\w./]+)\)", README):
        assert (PROJECT / name).exists(), name


@pytest.mark.parametrize("words", sorted(set(re.findall(r"python -m nnviz ([a-z]+)", README))))
def test_the_commands_it_shows_exist(words: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "nnviz", words, "--help"], capture_output=True, text=True, cwd=PROJECT, check=False
    )
    assert done.returncode == 0, done.stderr


def test_every_requirement_has_its_reason() -> None:
    for name in ("requirements.txt", "requirements-ray.txt", "requirements-test.txt"):
        for line in (PROJECT / name).read_text(encoding="utf-8").splitlines():
            assert line.startswith(("#", "-r")) or "  # " in line, line


def test_the_tests_are_given_all_that_the_app_needs() -> None:
    found, left = set(), {"requirements-test.txt"}
    while left:
        found.add(name := left.pop())
        left |= set(re.findall(r"^-r (\S+)", (PROJECT / name).read_text(encoding="utf-8"), re.MULTILINE)) - found
    assert "requirements.txt" in found


def test_torch_and_torchvision_are_pinned_together() -> None:
    text = (PROJECT / "requirements.txt").read_text(encoding="utf-8")
    assert "torch==2.13.0" in text
    assert "torchvision==0.28.0" in text
