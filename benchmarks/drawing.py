"""How fast does the answer follow a stroke? `python -m benchmarks.drawing` prints one table.

In a real Chromium before the real app, both on this machine: a net of 784-128-10 reads strokes that are drawn with real
pointer events. Measured in the page itself, from the end of the stroke (pointerup) to the first frame after the bars
have changed to the answer of the whole drawing. Needs requirements-test.txt and MNIST (NNVIZ_DATA, or ../shared/data).
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

PROJECT = Path(__file__).parents[1]
if "NNVIZ_DATA" not in os.environ and (PROJECT.parent / "shared" / "data").is_dir():
    os.environ["NNVIZ_DATA"] = str(PROJECT.parent / "shared" / "data")
os.environ["NNVIZ_RUNS"] = tempfile.mkdtemp(prefix="nnviz-benchmark-")

from nnviz.executor.recorder import train_run  # noqa: E402
from nnviz.spec.network import NetworkSpec  # noqa: E402
from nnviz.spec.train_config import TrainConfig  # noqa: E402
from nnviz.store.runs import RunStore  # noqa: E402

TARGET_MS = 100
SECTIONS = ("Preprocessing", "When did it learn it?", "Saliency", "Nearest digits")
STROKES_PER_SHEET = 4

WATCH = """answer => {
    const canvas = answer.closest('.canvas').querySelector('canvas');
    const root = answer.closest('.canvas');
    window.waits = [];
    canvas.addEventListener('pointerup', () => {
        const start = performance.now();
        // The canvas hands the stroke over in a listener of its own for the same event: look at its number after that.
        setTimeout(() => {
            const wanted = Number(root.dataset.sent);
            const look = () => {
                if (Number(answer.dataset.revision) < wanted) return requestAnimationFrame(look);
                requestAnimationFrame(() => window.waits.push(performance.now() - start));
            };
            look();
        });
    });
}"""


@contextmanager
def served() -> Iterator[str]:
    """The address of the app, with one net that is trained."""
    store = RunStore()
    train_run(store, store.create(NetworkSpec(), TrainConfig(epochs=1)).id)
    store.close()
    with socket.socket() as listener:
        listener.bind(("localhost", 0))
        port = listener.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
    server = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 60
        while not _answers(port):
            if time.monotonic() > end:
                raise TimeoutError("the app did not start")
            time.sleep(0.1)
        yield f"http://localhost:{port}"
    finally:
        server.terminate()
        server.wait()


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://localhost:{port}/_stcore/health", timeout=1) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def measure(page: Page, section: str, strokes: int) -> list[float]:
    """Milliseconds from the end of each stroke to its bars, while `section` stands beside the canvas."""
    page.locator(".st-key-draw-look").get_by_text(section, exact=True).click()
    page.wait_for_timeout(1500)
    chance = random.Random(1)
    for number in range(strokes):
        if number % STROKES_PER_SHEET == 0 and number:
            page.get_by_test_id("clear").click()
        _draw(page, chance)
        page.wait_for_function("count => window.waits.length >= count", arg=number + 1)
        page.wait_for_timeout(chance.uniform(50, 900))  # people pause between strokes, and then the section is drawn
    waits: list[float] = page.evaluate("window.waits.splice(0)")
    page.get_by_test_id("clear").click()
    return waits


def _draw(page: Page, chance: random.Random) -> None:
    """A stroke through three places, as long as a hand takes for it."""
    box = page.get_by_test_id("drawing").bounding_box()
    assert box is not None
    places = [
        [box[axis] + box[size] * chance.uniform(0.2, 0.8) for axis, size in (("x", "width"), ("y", "height"))]
        for _ in range(3)
    ]
    page.mouse.move(*places[0])
    page.mouse.down()
    for x, y in places[1:]:
        page.mouse.move(x, y, steps=12)
        page.wait_for_timeout(60)
    page.mouse.up()


def quantile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--strokes", type=int, default=60, help="for each of the sections")
    options = parser.parse_args()
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with served() as url, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(f"{url}/Draw")
        page.get_by_test_id("drawing").wait_for()
        page.get_by_test_id("answer").evaluate(WATCH)
        measure(page, SECTIONS[0], 8)  # everything is imported and compiled after that
        print("From the end of a stroke to the new bars, ms; 784-128-10, server and browser on this machine\n")
        print(f"{'section beside the canvas':28}{'strokes':>9}{'median':>9}{'p95':>8}{'worst':>8}")
        every: list[float] = []
        for section in SECTIONS:
            waits = measure(page, section, options.strokes)
            every += waits
            _line(section, waits)
        _line("all", every)
        met = "met" if quantile(every, 0.95) <= TARGET_MS else "missed"
        print(f"\ntarget: {TARGET_MS} ms at the 95th percentile: {met}")
        browser.close()


def _line(name: str, waits: Sequence[float]) -> None:
    middle, most, worst = quantile(waits, 0.5), quantile(waits, 0.95), max(waits)
    print(f"{name:28}{len(waits):9}{middle:9.0f}{most:8.0f}{worst:8.0f}")


if __name__ == "__main__":
    main()
