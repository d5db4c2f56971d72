"""What all benchmarks share: what they need, an app of their own on a free port, and one table, also as JSON."""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

PROJECT = Path(__file__).parents[1]
SHARED = PROJECT.parent / "shared" / "data"
LIMIT_S = 120.0
"""Seconds to wait for a condition."""

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def parser(words: str | None) -> argparse.ArgumentParser:
    """With the options that every benchmark has."""
    made = argparse.ArgumentParser(description=words, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--json", type=Path, metavar="FILE", help="write the same numbers there")
    made.add_argument("--tiny", action="store_true", help="all of its paths as fast as can be: the numbers say nothing")
    return made


def need(*, browser: bool = False) -> None:
    """End at once, with a sentence, where the images or a browser are missing; else say where the images are."""
    if "NNVIZ_DATA" not in os.environ and SHARED.is_dir():
        os.environ["NNVIZ_DATA"] = str(SHARED)
    root = Path(os.environ.get("NNVIZ_DATA", "data"))
    if not (root / "MNIST" / "raw" / "train-images-idx3-ubyte").is_file():
        raise SystemExit(
            f"this needs MNIST, and {root} has none: get it with `python -m nnviz data mnist`, or name"
            " its folder in NNVIZ_DATA"
        )
    if browser and importlib.util.find_spec("playwright") is None:
        raise SystemExit("this needs Playwright: pip install -r requirements-test.txt")
    if browser and chromium() is None:
        raise SystemExit(f"this needs a browser, and none of {', '.join(BROWSERS)} is installed")


def chromium() -> str | None:
    """Where it is."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


@contextmanager
def runs_folder() -> Iterator[Path]:
    """A runs folder for as long as the context lasts, for this process and those that it starts."""
    before = os.environ.get("NNVIZ_RUNS")
    with tempfile.TemporaryDirectory(prefix="nnviz-benchmark-", ignore_cleanup_errors=True) as folder:
        os.environ["NNVIZ_RUNS"] = folder
        try:
            yield Path(folder)
        finally:
            os.environ.pop("NNVIZ_RUNS")
            if before is not None:
                os.environ["NNVIZ_RUNS"] = before


@contextmanager
def served() -> Iterator[tuple[int, psutil.Process]]:
    """The app on a free port, and its process; whatever happens, it and all that it started has ended afterwards."""
    with socket.socket() as listener:
        listener.bind(("localhost", 0))
        port = int(listener.getsockname()[1])
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
    environment = {**os.environ, "NNVIZ_PRETRAINED": "0"}  # the nets that are asked are the benchmark's own
    server = subprocess.Popen(
        command, cwd=PROJECT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    process = psutil.Process(server.pid)
    try:
        wait_until(lambda: server.poll() is not None or _answers(port))
        if server.poll() is not None:
            raise SystemExit(f"the app ended with exit code {server.returncode} before it answered")
        yield port, process
    finally:
        started = [process, *process.children(recursive=True)] if process.is_running() else []
        for one in started:
            with suppress(psutil.Error):
                one.terminate()
        for one in psutil.wait_procs(started, timeout=20)[1]:
            with suppress(psutil.Error):
                one.kill()
        server.wait()


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://localhost:{port}/_stcore/health", timeout=1) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def wait_until(condition: Callable[[], bool], seconds: float = LIMIT_S) -> None:
    """Raises TimeoutError."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"waited in vain for {seconds:g} s")
        time.sleep(0.02)


def took(act: Callable[[], object]) -> float:
    """Seconds."""
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def quantile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


@dataclass
class Table:
    """Named numbers, with what they are to reach beside them."""

    title: str
    head: tuple[str, ...]
    rows: list[tuple[Any, ...]] = field(default_factory=list)
    goals: list[str] = field(default_factory=list)

    def add(self, *row: Any, goal: str = "") -> None:
        assert len(row) == len(self.head)
        self.rows.append(row)
        self.goals.append(goal)

    def show(self, file: Path | None = None) -> None:
        """Print it; into `file` as JSON: {"title", "rows": [{name: number, …, "goal"}]}."""
        words = [[*map(_word, row), goal] for row, goal in zip(self.rows, self.goals, strict=True)]
        head = [*self.head, "to reach" if any(self.goals) else ""]
        widths = [max(map(len, column)) for column in zip(head, *words, strict=True)]
        print(f"{self.title}\n")
        for line in (head, *words):
            cells = [line[0].ljust(widths[0]), *(w.rjust(n) for w, n in zip(line[1:], widths[1:], strict=True))]
            print("  ".join(cells).rstrip())
        if file:
            rows = [
                {**dict(zip(self.head, row, strict=True)), **({"goal": goal} if goal else {})}
                for row, goal in zip(self.rows, self.goals, strict=True)
            ]
            file.write_text(json.dumps({"title": self.title, "rows": rows}, indent=1) + "\n", encoding="utf-8")


def _word(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.3f}" if abs(value) < 100 else f"{value:,.0f}"
    return "" if value is None else str(value)
