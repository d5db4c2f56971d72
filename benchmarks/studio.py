"""How smoothly does the Studio move, and what does it cost a training? `python -m benchmarks.studio` prints one table.

Nets learn on MNIST (NNVIZ_DATA, or ../shared/data) and are looked at: by a real Chromium, for what a person sees, and
by viewers that take every picture and draw none (`benchmarks/viewers.py`), for what looking costs where the browser is
another machine's. Needs requirements-test.txt.
"""

from __future__ import annotations

import os
import statistics
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode

import torch

from benchmarks.bench import Table, chromium, need, parser, quantile, runs_folder, served, took, wait_until
from benchmarks.browser import Browser
from benchmarks.training import App, wait_until_over
from benchmarks.viewers import looking
from nnviz.analysis.network_picture import Quantity
from nnviz.spec.network import NetworkSpec
from nnviz.spec.presets import PRESETS
from nnviz.spec.train_config import TrainConfig
from nnviz.spec.url import to_query
from nnviz.store.run import Run, Status
from nnviz.train.commands import Action, Command

if TYPE_CHECKING:
    from playwright.sync_api import Browser as Chromium
    from playwright.sync_api import Page

NETS = ("classic", "deep_sigmoid", "small_cnn")
QUANTITIES = (Quantity.WEIGHTS, Quantity.GRADIENTS)
RATES = {"classic": "≥ 20", "small_cnn": "≥ 5"}
"""Pictures per second to reach."""

VIEWERS, LIVE, IMAGES = 30, 6, 3
"""Viewers, the trainings that they look at, and the images that these are looked at with."""

LONG = TrainConfig(epochs=1000)

COUNT = """
window.received = 0;
window.WebSocket = class extends WebSocket {
    constructor(address, ...others) {
        super(address, ...others);
        if (!new URL(address).pathname.endsWith('/live')) return;
        this.addEventListener('message', ({ data }) => window.received += data.byteLength ?? data.length);
    }
};
"""
"""Bytes of the live route, counted in the page: to count them outside, the browser must hand them out."""

MOVED = """studio => {
    const step = studio.querySelector('[data-testid=step]');
    window.moved = new Promise(done => document.addEventListener('click', ({ timeStamp }) => {
        const look = () => /[1-9]/.test(step.textContent) ? done(performance.now() - timeStamp)
            : requestAnimationFrame(look);
        look();
    }, { capture: true, once: true }));
}"""

NOW = "studio => [performance.now(), Number(studio.dataset.pictures ?? 0), window.received]"


class Moving(NamedTuple):
    """What a browser shows of a net that learns."""

    first: list[float]
    """Milliseconds from the click on Play to the first picture of a step after the start."""
    pictures: dict[Quantity, float]
    """Per second."""
    bytes: dict[Quantity, float]
    """Per second."""


def moving(page: Page, address: str, turns: int, seconds: float) -> Moving:
    """Press Play so many times, and look for so long at each quantity."""
    page.goto(address)
    studio = page.locator(".studio")
    studio.wait_for()
    first = []
    for turn in range(turns):
        page.wait_for_function("studio => studio.dataset.pictures > 0", arg=studio.element_handle())
        play = page.locator(".st-key-studio-play button", has_text="Play")
        play.wait_for()
        page.locator("[data-testid=step]", has_text="Step 0").wait_for()
        page.wait_for_timeout(500)  # what the page does when it is opened is over
        studio.evaluate(MOVED)
        play.click()
        first.append(float(page.evaluate("window.moved")))
        if turn < turns - 1:
            reset(page)
    pictures, received = {}, {}
    for quantity in QUANTITIES:
        page.locator(f"[data-testid=show-{quantity}]").click()
        page.wait_for_timeout(1000)
        start, shown, came = studio.evaluate(NOW)
        page.wait_for_timeout(1000 * seconds)
        end, shown_then, came_then = studio.evaluate(NOW)
        pictures[quantity] = 1000 * (shown_then - shown) / (end - start)
        received[quantity] = 1000 * (came_then - came) / (end - start)
    reset(page)
    return Moving(first, pictures, received)


def reset(page: Page) -> None:
    """End the training."""
    page.locator(".st-key-studio-reset button").first.click()  # the second is a phone's
    page.locator("[data-testid=step]", has_text="Step 0").wait_for()


@contextmanager
def chromium_at(driver: Any) -> Iterator[Chromium]:
    started = driver.chromium.launch(executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"])
    try:
        yield started
    finally:
        started.close()


def opened(browser: Chromium) -> Page:
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.add_init_script(COUNT)
    page.set_default_timeout(60_000)
    return page


# ---------------------------------------------------------------------- what looking costs


def begin(app: App, network: NetworkSpec, config: TrainConfig) -> Run:
    """A run that stands at its first step, ready to go on."""
    run = app.store.create(network, config)
    app.executor.submit(run.id, Command(Action.PAUSE))
    wait_until(lambda: app.store.run(run.id).status is Status.PAUSED)
    return run


def seconds_of(app: App, network: NetworkSpec, config: TrainConfig, way: Callable[[Run], Looking]) -> float:
    """The training's own account of its time, while somebody looks on in this way."""
    run = begin(app, network, config)
    with way(run):
        app.executor.control(run.id, Command(Action.RESUME))
        wait_until(lambda: not app.store.run(run.id).status.active)
    done = app.store.run(run.id)
    if done.status is not Status.FINISHED:
        raise SystemExit(f"the training {done.status}: {done.reason}")
    return done.seconds


Looking = AbstractContextManager[Any]


@contextmanager
def studio_open(browser: Chromium, port: int, run: Run) -> Iterator[None]:
    """A real browser has it on its screen."""
    page = opened(browser)
    page.goto(f"http://localhost:{port}/?run={run.id}")
    page.wait_for_function("studio => studio.dataset.pictures > 0", arg=page.locator(".studio").element_handle())
    page.wait_for_timeout(500)
    try:
        yield
    finally:
        page.context.close()


def cost(app: App, browser: Chromium, preset: str, config: TrainConfig, turns: int) -> dict[str, list[float]]:
    """Seconds of the same training, looked at in each way, which take turns."""
    network = PRESETS[preset].network
    ways: dict[str, Callable[[Run], Looking]] = {
        "nobody": lambda run: nullcontext(),
        "one viewer that draws nothing": lambda run: looking(app.port, [{"run": run.id}]),
        "one browser on the same machine": lambda run: studio_open(browser, app.port, run),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    names = list(ways)
    for turn in range(turns):
        for name in names[turn % 3 :] + names[: turn % 3]:
            times[name].append(seconds_of(app, network, config, ways[name]))
    return times


# ---------------------------------------------------------------------- a class of thirty


class Thirty(NamedTuple):
    rates: list[float]
    """Pictures per second of each viewer, ascending."""
    reruns: list[float]
    """Seconds of an answer of the Studio's page, drawn anew in a tab of its own."""
    gets: list[float]
    """Seconds of GET /."""
    speeds: list[float]
    """Images per second of each training."""


def thirty(app: App, seconds: float, viewers: int = VIEWERS, live: int = LIVE) -> Thirty:
    """So many viewers on so many trainings, while a page is asked for, twice a second."""
    runs = [app.start(LONG.with_(seed=seed)) for seed in range(live)]
    wait_until(lambda: all(app.store.run(run.id).step for run in runs))
    wishes = [{"run": runs[place % live].id, "image": place // live % IMAGES} for place in range(viewers)]
    reruns, gets = [], []
    with Browser(app.port, "", f"run={runs[0].id}") as browser, looking(app.port, wishes) as seen:
        browser.open()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            reruns.append(browser.open())
            gets.append(took(lambda: urllib.request.urlopen(f"http://localhost:{app.port}/", timeout=60).read()))
            time.sleep(0.4)
        speeds = [app.store.run(run.id).speed for run in runs]
    for run in runs:
        app.executor.control(run.id, Command(Action.STOP))
    wait_until_over(app, runs)
    return Thirty(seen.rate(), reruns, gets, speeds)


# ---------------------------------------------------------------------- the table


def main(arguments: list[str] | None = None) -> None:
    options_of = parser(__doc__)
    options_of.add_argument("--turns", type=int, default=3, help="how often each way takes its turn")
    options_of.add_argument("--seconds", type=float, default=5, help="how long each quantity is looked at")
    options_of.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS), help="these only")
    options = options_of.parse_args(arguments)
    need(browser=True)
    torch.set_num_threads(1)
    os.environ.setdefault("NNVIZ_SLOTS", str(LIVE))
    turns, seconds = (1, 1.0) if options.tiny else (options.turns, options.seconds)
    from playwright.sync_api import sync_playwright

    table = Table(
        f"The Studio at 1440×900, batches of 64, MNIST; {os.cpu_count()} cores, on which browser and viewers run too",
        ("", "value", "unit"),
    )
    with runs_folder(), served() as (port, server), closing(App(port, server)) as app, sync_playwright() as driver:
        for part in options.parts:
            with chromium_at(driver) as browser:
                PARTS[part](table, app, browser, turns, seconds, options.tiny)
    table.show(options.json)


def measure_moving(table: Table, app: App, browser: Chromium, turns: int, seconds: float, tiny: bool) -> None:
    moving(opened(browser), app_address(app, "classic"), 1, 0.1)  # starts the server's own training processes
    for preset in NETS[:1] if tiny else NETS:
        page = opened(browser)
        found = moving(page, app_address(app, preset), turns, seconds)
        page.context.close()
        title = PRESETS[preset].title
        worst = f"{title}: Play to first moving picture"
        table.add(f"{worst}, median", statistics.median(found.first), "ms", goal="≤ 1,000")
        table.add(f"{worst}, worst", max(found.first), "ms")
        for quantity in QUANTITIES:
            goal = RATES.get(preset, "")
            table.add(f"{title}: {quantity} drawn while it learns", found.pictures[quantity], "pictures/s", goal=goal)
            table.add(f"{title}: {quantity} received", found.bytes[quantity] / 1e6, "MB/s")


def app_address(app: App, preset: str) -> str:
    return f"http://localhost:{app.port}/?{urlencode(to_query(PRESETS[preset].network, LONG))}"


def measure_cost(table: Table, app: App, browser: Chromium, turns: int, seconds: float, tiny: bool) -> None:
    configs = {"classic": TrainConfig(), "small_cnn": TrainConfig(epochs=1, per_class=2000)}
    if tiny:
        configs = {"softmax": TrainConfig(epochs=1, per_class=50)}
    for preset, config in configs.items():
        times = cost(app, browser, preset, config, turns)
        alone = statistics.median(times["nobody"])
        for way, found in times.items():
            middle = statistics.median(found)
            goal = {"nobody": "", "one viewer that draws nothing": "cost ≤ 3"}.get(way, "")
            table.add(f"{PRESETS[preset].title}: a training looked at by {way}", middle, "s", goal="")
            if way != "nobody":
                table.add(f"{PRESETS[preset].title}: what that costs", 100 * (middle / alone - 1), "%", goal=goal)


def measure_thirty(table: Table, app: App, browser: Chromium, turns: int, seconds: float, tiny: bool) -> None:
    found = thirty(app, seconds if tiny else 4 * seconds, *((6, 2) if tiny else ()))
    who = f"{len(found.rates)} viewers, {len(found.speeds)} trainings"
    for name, value, unit, goal in (
        (f"{who}: each viewer, median", statistics.median(found.rates), "pictures/s", "≥ 5"),
        ("the same, fewest", found.rates[0], "pictures/s", ""),
        ("a rerun of the page meanwhile, p95", 1000 * quantile(found.reruns, 0.95), "ms", "≤ 300"),
        ("the same, median", 1000 * statistics.median(found.reruns), "ms", ""),
        ("GET / meanwhile, p95", 1000 * quantile(found.gets, 0.95), "ms", "≤ 300"),
        ("each of the trainings meanwhile", statistics.median(found.speeds), "images/s", ""),
    ):
        table.add(name, value, unit, goal=goal)


PARTS = {"moving": measure_moving, "cost": measure_cost, "thirty": measure_thirty}

if __name__ == "__main__":
    main()
