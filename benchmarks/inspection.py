"""How fast does the Inspect page answer? `python -m benchmarks.inspection` prints one table.

The classic 784-128-10 after its whole recipe of 10 epochs on MNIST (NNVIZ_DATA, or ../shared/data), looked into with a
real Chromium: the times are those of server and browser together, from a click or a key to the new picture.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

PROJECT = Path(__file__).parents[1]
if "NNVIZ_DATA" not in os.environ and (PROJECT.parent / "shared" / "data").is_dir():
    os.environ["NNVIZ_DATA"] = str(PROJECT.parent / "shared" / "data")

import torch  # noqa: E402
from playwright.sync_api import Page, sync_playwright  # noqa: E402

from benchmarks.training import best, wait_until  # noqa: E402
from nnviz.executor.recorder import train_run  # noqa: E402
from nnviz.spec.network import NetworkSpec  # noqa: E402
from nnviz.spec.train_config import TrainConfig  # noqa: E402
from nnviz.store.runs import RunStore  # noqa: E402

PORT = 8598
LAST = ".st-key-inspect-arithmetic"
"""It comes after the picture, from the same run of the script, and changes whenever that does."""


def page_times(root: Path, run: str, turns: int) -> dict[str, list[float]]:
    """Seconds from asking to the picture."""
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(PORT)]
    server = subprocess.Popen(
        command,
        cwd=PROJECT,
        env={**os.environ, "NNVIZ_RUNS": str(root)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    found: dict[str, list[float]] = {"open the page": [], "another moment": [], "another layer": []}
    address = f"http://localhost:{PORT}/Inspect?run={run}"
    try:
        with sync_playwright() as driver:
            chromium = driver.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
            )
            wait_until(lambda: _answers(chromium.new_page(), address))
            for _ in range(turns):
                _use(chromium.new_page(viewport={"width": 1440, "height": 900}), address, found)
            chromium.close()
    finally:
        server.terminate()
        server.wait()
    return found


def _use(page: Page, address: str, found: dict[str, list[float]]) -> None:
    found["open the page"].append(best(lambda: _open(page, address)))
    page.locator(LAST).first.wait_for()
    page.wait_for_timeout(500)  # what follows is timed: the page must have come to rest
    page.locator(".st-key-inspect-moment input").focus()
    page.keyboard.press("Home")  # near the start, moments differ most
    page.wait_for_timeout(500)
    for _ in range(8):
        found["another moment"].append(_until_drawn(page, lambda: page.keyboard.press("ArrowRight")))
    for layer in ("Output", "Dense 1"):
        pill = page.locator(".st-key-inspect-layer button", has_text=layer)
        found["another layer"].append(_until_drawn(page, pill.click))
    page.close()


def _answers(page: Page, address: str) -> bool:
    try:
        _open(page, address)
    except Exception:  # not yet
        return False
    finally:
        page.close()
    return True


def _open(page: Page, address: str) -> None:
    page.goto(address)
    page.locator(".st-key-inspect-images-0 canvas").first.wait_for(timeout=5000)


def _until_drawn(page: Page, act: Callable[[], object]) -> float:
    before = page.locator(LAST).first.inner_text()
    start = time.perf_counter()
    act()
    page.wait_for_function(
        "([last, before]) => ![undefined, before].includes(document.querySelector(last)?.innerText)",
        arg=[LAST, before],
        polling=5,
    )
    took = time.perf_counter() - start
    page.wait_for_timeout(200)
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=5, help="how often the page is opened and used")
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(prefix="nnviz-benchmark-") as folder, closing(RunStore(Path(folder))) as store:
        run = store.create(NetworkSpec(), TrainConfig())
        train_run(store, run.id)
        found = page_times(Path(folder), run.id, options.turns)
    print(f"Inspect, 784-128-10, {os.cpu_count()} cores, server and browser together\n")
    print(f"{'seconds':24}{'median':>9}{'95 %':>9}{'times':>9}")
    for name, times in found.items():
        times.sort()
        slow = times[int(0.95 * (len(times) - 1))]
        print(f"{name:24}{statistics.median(times):9.2f}{slow:9.2f}{len(times):9}")


if __name__ == "__main__":
    main()
