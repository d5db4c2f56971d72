"""Make the README's pictures from the running app: `.venv/bin/python scripts/screenshot.py [FOLDER [NAME …]]`.

Starts the app with a store of its own, and in Chromium trains the classic net, looks into it, and sweeps learning rate
× momentum. The first picture moves: the Studio, from the first step on.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

PROJECT = Path(__file__).parents[1]
SIZE = {"width": 1440, "height": 1000}

FRAME, FRAMES, FRAME_MS = {"width": 1200, "height": 675}, 36, 130
"""Of the picture that moves: CSS pixels, how many, and how long each is shown."""

MOST_BYTES = 2_000_000


def main(folder: Path, names: list[str]) -> None:
    with socket.socket() as listener:
        listener.bind(("localhost", 0))
        port = listener.getsockname()[1]
    runs = tempfile.mkdtemp(prefix="nnviz-picture-")
    data = os.environ.get("NNVIZ_DATA") or str(PROJECT.parent / "shared" / "data")
    server = subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)],
        cwd=PROJECT,
        env={**os.environ, "NNVIZ_RUNS": runs, "NNVIZ_DATA": data},
        start_new_session=True,
    )
    try:
        wait_for(f"http://localhost:{port}/_stcore/health")
        with sync_playwright() as driver:
            chromium = driver.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
            )
            if "studio" in names:
                page = chromium.new_page(viewport=FRAME, device_scale_factor=1)
                page.set_default_timeout(120_000)
                write_moving(studio(page, f"http://localhost:{port}"), folder / "studio.webp")
                page.close()
            for name in [name for name in PICTURES if name in names]:
                page = chromium.new_page(viewport=SIZE, device_scale_factor=1)
                page.set_default_timeout(120_000)
                PICTURES[name](page, f"http://localhost:{port}")
                page.wait_for_timeout(1500)  # let the plot catch up with the text, for a picture only
                page.screenshot(path=folder / f"{name}.png")
                page.close()
            chromium.close()
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait()
        shutil.rmtree(runs, ignore_errors=True)


def studio(page: Page, address: str) -> list[bytes]:
    """The classic net as it learns, screenshot by screenshot, the untrained one first."""
    page.goto(address)
    page.locator(".studio[data-pictures]").wait_for()
    page.wait_for_timeout(3000)  # the training processes are ready, and nothing moves
    frames = [page.screenshot()]
    page.locator(".st-key-studio-play button").first.click()
    page.mouse.move(0, 0)
    page.locator("[data-testid=step]", has_text="Step 0").wait_for(state="hidden")
    while len(frames) < FRAMES:
        begun = time.monotonic()
        frames.append(page.screenshot())
        page.wait_for_timeout(max(0.0, FRAME_MS - 1000 * (time.monotonic() - begun)))
    return frames


def write_moving(frames: list[bytes], file: Path) -> None:
    """As one WebP that begins anew for ever, as good as fits."""
    pictures = [Image.open(io.BytesIO(frame)).convert("RGB") for frame in frames]
    shown = [4 * FRAME_MS, *[FRAME_MS] * (len(pictures) - 2), 8 * FRAME_MS]
    for quality in range(80, 0, -10):
        pictures[0].save(
            file, save_all=True, append_images=pictures[1:], duration=shown, loop=0, quality=quality, method=4
        )
        if file.stat().st_size <= MOST_BYTES:
            return


def training(page: Page, address: str) -> None:
    """The classic net in the middle of its training."""
    page.goto(f"{address}/Train")
    page.locator(".st-key-train button").first.click()
    page.get_by_text("Epoch 4 of 10").wait_for()
    page.locator(".st-key-live-digits").wait_for()


def network(page: Page, address: str) -> None:
    """The whole of that net, live."""
    training(page, address)
    page.locator(".st-key-go-to-network a").first.click()
    page.locator(".st-key-inspect-network-view-0 canvas").wait_for()


def sweep(page: Page, address: str) -> None:
    """64 classic nets, some still training."""
    page.goto(f"{address}/Sweep")
    page.locator(".st-key-sweep-start button").first.click()
    page.get_by_text(re.compile(r"\b[2-5]\d of 64 trainings are done")).first.wait_for()  # in which tens is chance


PICTURES: dict[str, Callable[[Page, str], None]] = {"training": training, "network": network, "sweep": sweep}


def wait_for(address: str) -> None:
    for _ in range(600):
        try:
            urllib.request.urlopen(address, timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError(f"nothing answers at {address}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else PROJECT / "docs", sys.argv[2:] or ["studio", *PICTURES])
