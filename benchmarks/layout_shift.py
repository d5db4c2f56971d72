"""Does anything jump? `python -m benchmarks.layout_shift` prints one table.

In a real Chromium before the real app: each page is opened for the first time, by a browser that has seen nothing of it
yet, on a desktop and on a phone, and a training is watched from its start. Measured by Chromium itself (the Layout
Instability API): cumulative layout shift, the largest sum of shifts in a session of at most 5 s without a second's
pause; 0 is a page that stands still, 0.1 the limit of what counts as good. With `--sources` it says what moved.
Needs requirements-test.txt and MNIST (NNVIZ_DATA, or ../shared/data).
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any, TypedDict

from benchmarks.bench import Table, chromium, need, parser, runs_folder, served
from nnviz.executor.recorder import train_run
from nnviz.spec.network import NetworkSpec
from nnviz.spec.train_config import TrainConfig
from nnviz.store.runs import RunStore

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

GOAL = 0.1
PAGES = ("Studio", "Build", "Train", "Inspect", "Draw", "Compare", "Sweep", "Glossary")
SCREENS: dict[str, dict[str, Any]] = {
    "desktop": {"viewport": {"width": 1440, "height": 900}},
    "phone": {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True},
}

WATCH = """
window.shifts = [];
new PerformanceObserver(list => {
    for (const entry of list.getEntries()) {
        if (entry.hadRecentInput) continue;
        const sources = entry.sources.map(({ node, previousRect, currentRect }) => {
            const element = node?.nodeType === 1 ? node : node?.parentElement;
            const key = element?.closest('[class*=st-key-]')?.className.match(/st-key-[\\w-]+/)?.[0] ?? '';
            const words = (element?.innerText ?? '').slice(0, 30).replace(/\\s+/g, ' ');
            const [from, to] = [previousRect, currentRect].map(
                ({ x, y, width, height }) => `${[x, y, width, height].map(Math.round)}`);
            return `${element?.tagName}.${element?.dataset?.testid ?? ''} ${key} "${words}" ${from} to ${to}`;
        });
        window.shifts.push({ value: entry.value, at: entry.startTime, sources });
    }
}).observe({ type: 'layout-shift', buffered: true });
"""

STILL = """() => {
    const running = document.querySelector('[data-testid=stApp]')?.dataset.testScriptState !== 'notRunning';
    if (running || !window.restingSince) window.restingSince = performance.now();
    return performance.now() - window.restingSince > 1500;
}"""


class Shift(TypedDict):
    value: float
    at: float
    """Milliseconds since the page was asked for."""
    sources: list[str]


def cumulative(shifts: list[Shift]) -> float:
    """The largest session's sum: shifts less than 1 s apart, over at most 5 s (web.dev/articles/cls)."""
    worst = total = begun = last = 0.0
    for shift in shifts:
        if shift["at"] - last >= 1000 or shift["at"] - begun >= 5000:
            total, begun = 0.0, shift["at"]
        total, last = total + shift["value"], shift["at"]
        worst = max(worst, total)
    return worst


def opened(browser: Browser, address: str, screen: str) -> Page:
    """The page of a new browser profile, at rest."""
    page = browser.new_context(**SCREENS[screen]).new_page()
    page.add_init_script(WATCH)
    page.goto(address)
    page.locator(".st-key-navigation").wait_for()
    page.wait_for_function(STILL)
    return page


def trained(page: Page) -> None:
    """Start a training and watch it to its end."""
    page.locator(".st-key-train button").first.click()
    page.get_by_text("Finished after step").wait_for(timeout=300_000)
    page.evaluate("window.restingSince = undefined")
    page.wait_for_function(STILL)


def main(arguments: list[str] | None = None) -> None:
    options_of = parser(__doc__)
    options_of.add_argument("--sources", action="store_true", help="say what moved, for each shift")
    options_of.add_argument("--pages", nargs="+", choices=PAGES, help="these only")
    options = options_of.parse_args(arguments)
    pages: tuple[str, ...] = tuple(options.pages or (("Build", "Train") if options.tiny else PAGES))
    need(browser=True)
    from playwright.sync_api import sync_playwright

    table = Table("Cumulative layout shift of the first load", ("page", "screen", "shift", "shifts"))

    def add(name: str, screen: str, page: Page) -> None:
        shifts: list[Shift] = page.evaluate("window.shifts")
        table.add(name, screen, round(cumulative(shifts), 4), len(shifts), goal=f"shift < {GOAL}")
        for shift in shifts if options.sources else ():
            print(f"{name} {screen} {shift['at']:.0f} ms {shift['value']:.4f}", *shift["sources"], sep="\n    ")
        page.context.close()

    config = TrainConfig(epochs=1 if options.tiny else 2, per_class=30 if options.tiny else 300)
    with runs_folder() as folder:
        with closing(RunStore(folder)) as store:
            for seed in (1, 2):
                train_run(store, store.create(NetworkSpec(), config.with_(seed=seed)).id)
        with served() as (port, _), sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"])
            address = f"http://localhost:{port}"
            opened(browser, address, "desktop").context.close()  # what the server does once only is done by then
            for screen in SCREENS:
                for name in pages:
                    path = "" if name == "Studio" else name
                    add(name, screen, opened(browser, f"{address}/{path}", screen))
                if "Train" in pages:
                    query = f"epochs={config.epochs}&per_class={config.per_class}"
                    page = opened(browser, f"{address}/Train?{query}", screen)
                    trained(page)
                    add("a training", screen, page)
            browser.close()
    table.show(options.json)


if __name__ == "__main__":
    main()
