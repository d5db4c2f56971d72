"""How fast does the answer follow a stroke? `python -m benchmarks.drawing` prints one table.

In a real Chromium before the real app, both on this machine: a net of 784-128-10 reads strokes that are drawn with real
pointer events. Measured in the page itself, from the end of the stroke (pointerup) to the first frame after the bars
have changed to the answer of the whole drawing. Needs requirements-test.txt and MNIST (NNVIZ_DATA, or ../shared/data).
"""

from __future__ import annotations

import random
from contextlib import closing
from typing import TYPE_CHECKING

from benchmarks.bench import Table, chromium, need, parser, quantile, runs_folder, served
from nnviz.executor.recorder import train_run
from nnviz.spec.network import NetworkSpec
from nnviz.spec.train_config import TrainConfig
from nnviz.store.runs import RunStore

if TYPE_CHECKING:
    from playwright.sync_api import Page

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


def main(arguments: list[str] | None = None) -> None:
    options_of = parser(__doc__)
    options_of.add_argument("--strokes", type=int, default=60, help="for each of the sections")
    options = options_of.parse_args(arguments)
    need(browser=True)
    from playwright.sync_api import sync_playwright

    strokes = 2 if options.tiny else options.strokes
    table = Table(
        "From the end of a stroke to the new bars, ms; 784-128-10, server and browser on this machine",
        ("section beside the canvas", "strokes", "median", "p95", "worst"),
    )
    with runs_folder() as folder:
        with closing(RunStore(folder)) as store:
            config = TrainConfig(epochs=1, per_class=30 if options.tiny else 0)
            train_run(store, store.create(NetworkSpec(), config).id)
        with served() as (port, _), sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"])
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.goto(f"http://localhost:{port}/Draw")
            page.get_by_test_id("drawing").wait_for()
            page.get_by_test_id("answer").evaluate(WATCH)
            measure(page, SECTIONS[0], 1 if options.tiny else 8)  # everything is imported and compiled after that
            every: list[float] = []
            for section in SECTIONS:
                waits = measure(page, section, strokes)
                every += waits
                table.add(section, len(waits), quantile(waits, 0.5), quantile(waits, 0.95), max(waits))
            goal = f"p95 ≤ {TARGET_MS}"
            table.add("all", len(every), quantile(every, 0.5), quantile(every, 0.95), max(every), goal=goal)
            browser.close()
    table.show(options.json)


if __name__ == "__main__":
    main()
