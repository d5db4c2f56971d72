"""What does looking inside cost? `python -m benchmarks.inspection` prints one table.

The classic 784-128-10 on MNIST (NNVIZ_DATA, or ../shared/data), its whole recipe of 10 epochs. Trainings with and
without capturing take turns in this process, and the best of the turns counts. The page is opened in a real Chromium
and used there, so its times are those of server and browser together.
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
from pathlib import Path

PROJECT = Path(__file__).parents[1]
if "NNVIZ_DATA" not in os.environ and (PROJECT.parent / "shared" / "data").is_dir():
    os.environ["NNVIZ_DATA"] = str(PROJECT.parent / "shared" / "data")

import torch  # noqa: E402
from playwright.sync_api import Page, sync_playwright  # noqa: E402

from benchmarks.training import best, wait_until  # noqa: E402
from nnviz import training  # noqa: E402
from nnviz.config import TrainConfig, snapshot_bytes  # noqa: E402
from nnviz.network import NetworkSpec  # noqa: E402
from nnviz.recording import train_run  # noqa: E402
from nnviz.runs import Run, RunStore  # noqa: E402

PORT = 8598
LINE = ".st-key-inspect-panel-0 [data-testid=stCaptionContainer]"
CLASSIC = TrainConfig()
BARE = CLASSIC.with_(snapshots=2)


def train(store: RunStore, config: TrainConfig, norm_rows: int, watched: bool = False) -> Run:
    """A whole training in this process; with `watched`, somebody looks into it all the while."""
    run = store.create(NetworkSpec(), config)
    kept = training.NORM_ROWS
    training.NORM_ROWS = norm_rows
    try:
        on_event = (lambda event, trainer: _keep_watching(store, run.id)) if watched else None
        train_run(store, run.id, on_event=on_event)
    finally:
        training.NORM_ROWS = kept
    return store.run(run.id)


def _keep_watching(store: RunStore, run_id: str) -> None:
    global _watched_at
    if (now := time.monotonic()) > _watched_at + 1:
        _watched_at = now
        store.watch(run_id)


_watched_at = 0.0


def capture(store: RunStore, turns: int) -> tuple[dict[str, float], Run]:
    """Seconds of training by how much is captured, and a run with everything."""
    times: dict[str, list[float]] = {"nothing captured": [], "default density": [], "default, and watched live": []}
    for _ in range(turns):
        times["nothing captured"].append(train(store, BARE, 0).seconds)
        run = train(store, CLASSIC, training.NORM_ROWS)
        times["default density"].append(run.seconds)
        times["default, and watched live"].append(train(store, CLASSIC, training.NORM_ROWS, watched=True).seconds)
    return {name: min(found) for name, found in times.items()}, run


def page_times(root: Path, run: Run, turns: int) -> dict[str, list[float]]:
    """Seconds from asking to the picture, in a real browser."""
    environment = {**os.environ, "NNVIZ_RUNS": str(root)}
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(PORT)]
    server = subprocess.Popen(
        command, cwd=PROJECT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    found: dict[str, list[float]] = {"open the page": [], "another moment": [], "another layer": []}
    address = f"http://localhost:{PORT}/Inspect?run={run.id}"
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
    page.locator(LINE).first.wait_for()
    page.wait_for_timeout(500)  # what follows is timed: the page must have come to rest
    page.locator(".st-key-inspect-moment input").focus()
    for _ in range(6):
        found["another moment"].append(_until_drawn(page, lambda: page.keyboard.press("ArrowLeft")))
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
    """Seconds from the act to the end of the statistics line's change: it stands with the picture, from one rerun."""
    before = page.locator(LINE).first.inner_text()
    start = time.perf_counter()
    act()
    page.wait_for_function(
        "([line, before]) => ![undefined, before].includes(document.querySelector(line)?.innerText)",
        arg=[LINE, before], polling=5,
    )  # fmt: skip
    took = time.perf_counter() - start
    page.wait_for_timeout(200)
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=4, help="how often each way takes its turn")
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(prefix="nnviz-benchmark-") as folder:
        store = RunStore(Path(folder))
        times, run = capture(store, options.turns)
        size = sum(path.stat().st_size for path in store.folder(run.id).iterdir())
        count = len(store.snapshot_steps(run.id))
        snapshot = store.snapshot(run.id)
        writing = statistics.median(best(lambda: snapshot.save(Path(folder) / "one.safetensors")) for _ in range(20))
        pages = page_times(Path(folder), run, options.turns)
        store.close()

    print(f"784-128-10, batch 64, 10 epochs of MNIST; {os.cpu_count()} cores, 1 torch thread\n")
    print(f"{'':34}{'seconds':>9}{'cost':>9}")
    for name, took in times.items():
        print(f"{name:34}{took:9.2f}{took / times['nothing captured'] - 1:+9.1%}")
    megabytes = snapshot_bytes(NetworkSpec(), CLASSIC) / 1e6
    print(f"\na snapshot                        {megabytes:9.2f} MB, written in {writing * 1000:.1f} ms")
    print(f"disk of the run                   {size / 1e6:9.1f} MB, {count} snapshots\n")
    print(f"{'in the browser, seconds':34}{'median':>9}{'95 %':>9}")
    for name, found in pages.items():
        found.sort()
        print(f"{name:34}{statistics.median(found):9.2f}{found[int(0.95 * (len(found) - 1))]:9.2f}")


if __name__ == "__main__":
    main()
