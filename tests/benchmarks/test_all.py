"""Every benchmark runs all of its paths, prints its table, writes the same as JSON, and leaves nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from benchmarks import bench
from benchmarks.bench import runs_folder, served
from benchmarks.layout_shift import GOAL
from tests import processes
from tests.waiting import LIMIT_S, wait_until

PROJECT = Path(__file__).parents[2]
BENCHMARKS = {
    "training": False,
    "capture": False,
    "sweep": False,
    "inspection": True,
    "drawing": True,
    "layout_shift": True,
    "memory": False,
    "novelty": False,
    "recognition": False,
    "studio": True,
}
"""Name → whether it needs a browser."""


def run(name: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", f"benchmarks.{name}", *arguments]
    return subprocess.run(
        command, cwd=PROJECT, env={**os.environ, **environment}, capture_output=True, text=True, timeout=10 * LIMIT_S
    )


def test_every_benchmark_is_here() -> None:
    found = {path.stem for path in (PROJECT / "benchmarks").glob("*.py")}
    assert found - {"__init__", "bench", "browser", "not_digits", "strokes_of_digits", "viewers"} == set(BENCHMARKS)


@pytest.mark.mnist
@pytest.mark.parametrize("name", BENCHMARKS)
def test_it_runs_and_leaves_nothing(name: str, mnist_root: Path, tmp_path: Path) -> None:
    if BENCHMARKS[name]:
        pytest.importorskip("playwright.sync_api")
    file = tmp_path / "numbers.json"
    with TemporaryDirectory() as folder:  # its name is short, for Chromium puts a socket there
        done = run(name, "--tiny", "--json", str(file), NNVIZ_DATA=str(mnist_root), TMPDIR=folder)
        assert not list(Path(folder).glob("nnviz-benchmark-*"))
    assert done.returncode == 0, done.stderr
    numbers = json.loads(file.read_text(encoding="utf-8"))
    assert numbers["title"] in done.stdout
    assert numbers["rows"]
    if name == "layout_shift":  # the only one whose numbers say something here too, though one load may be unlucky
        shifts = [row["shift"] for row in numbers["rows"]]
        assert sum(shifts) / len(shifts) < GOAL, shifts
    goals = [row["goal"] for row in numbers["rows"] if "goal" in row]
    assert all(goal in done.stdout for goal in goals)
    wait_until(lambda: not processes.started(), words="what the benchmark had started went on")


@pytest.mark.parametrize("name", BENCHMARKS)
def test_without_the_images_it_says_so_at_once(name: str, tmp_path: Path) -> None:
    if BENCHMARKS[name]:
        pytest.importorskip("playwright.sync_api")
    done = run(name, "--tiny", NNVIZ_DATA=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.startswith("this needs MNIST")


def test_what_it_needs_is_asked_before_anything_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NNVIZ_DATA", str(tmp_path))
    start = time.monotonic()
    with pytest.raises(SystemExit, match="this needs MNIST"):
        bench.need()
    assert time.monotonic() - start < LIMIT_S


def test_an_app_that_fails_is_ended_too() -> None:
    def fail() -> None:
        with runs_folder(), served() as (port, process):
            assert port > 0
            assert process.is_running()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    wait_until(lambda: not processes.started(), words="the app went on")
