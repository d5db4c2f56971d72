"""How fast does the Inspect page answer? `python -m benchmarks.inspection` prints one table.

The classic 784-128-10 after its whole recipe of 10 epochs on MNIST (NNVIZ_DATA, or ../shared/data), looked into with a
real Chromium: the times are those of server and browser together, from a click or a key to the new picture.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING

import torch

from benchmarks.bench import Table, chromium, need, parser, quantile, runs_folder, served, took, wait_until
from nnviz.executor.recorder import train_run
from nnviz.spec.network import NetworkSpec
from nnviz.spec.train_config import TrainConfig
from nnviz.store.runs import RunStore

if TYPE_CHECKING:
    from playwright.sync_api import Page

LAST = ".st-key-inspect-arithmetic"
"""It comes after the picture, from the same run of the script, and changes whenever that does."""


def page_times(run: str, turns: int) -> dict[str, list[float]]:
    """Seconds from asking to the picture."""
    from playwright.sync_api import sync_playwright

    found: dict[str, list[float]] = {"open the page": [], "another checkpoint": [], "another layer": []}
    with served() as (port, _), sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"])
        address = f"http://localhost:{port}/Inspect?run={run}&look=matrices"
        wait_until(lambda: _answers(browser.new_page(), address))
        for _ in range(turns):
            _use(browser.new_page(viewport={"width": 1440, "height": 900}), address, found)
        browser.close()
    return found


def _use(page: Page, address: str, found: dict[str, list[float]]) -> None:
    found["open the page"].append(took(lambda: _open(page, address)))
    page.locator(LAST).first.wait_for()
    page.wait_for_timeout(500)  # what follows is timed: the page must have come to rest
    page.locator(".st-key-inspect-moment input").focus()
    page.keyboard.press("Home")  # near the start, checkpoints differ most
    page.wait_for_timeout(500)
    for _ in range(8):
        found["another checkpoint"].append(_until_drawn(page, lambda: page.keyboard.press("ArrowRight")))
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
    page.locator(".st-key-inspect-images-0 canvas").first.wait_for(timeout=30_000)


def _until_drawn(page: Page, act: Callable[[], object]) -> float:
    before = page.locator(LAST).first.inner_text()
    changed = "([last, before]) => ![undefined, before].includes(document.querySelector(last)?.innerText)"
    start = time.perf_counter()
    act()
    page.wait_for_function(changed, arg=[LAST, before], polling=5)
    seconds = time.perf_counter() - start
    page.wait_for_timeout(200)
    return seconds


def main(arguments: list[str] | None = None) -> None:
    options_of = parser(__doc__)
    options_of.add_argument("--turns", type=int, default=5, help="how often the page is opened and used")
    options = options_of.parse_args(arguments)
    need(browser=True)
    torch.set_num_threads(1)
    config = TrainConfig(epochs=1, per_class=200) if options.tiny else TrainConfig()
    with runs_folder() as folder:
        with closing(RunStore(folder)) as store:
            run = store.create(NetworkSpec(), config)
            train_run(store, run.id)
        found = page_times(run.id, 1 if options.tiny else options.turns)
    table = Table(
        f"Inspect, 784-128-10, {os.cpu_count()} cores, server and browser together",
        ("", "median, s", "95 %, s", "times"),
    )
    for name, times in found.items():
        table.add(
            name, statistics.median(times), quantile(times, 0.95), len(times), goal="≤ 1 s" if "open" in name else ""
        )
    table.show(options.json)


if __name__ == "__main__":
    main()
