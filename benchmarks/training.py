"""How fast does it train, and what do pages cost it? `python -m benchmarks.training` prints one table.

At 784-128-10, batch 64, on MNIST (NNVIZ_DATA, or ../shared/data). Every way does an epoch and its test pass; they take
turns, and the best of the turns counts. All train in processes with the same number of torch threads.
"""

from __future__ import annotations

import json
import os
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, nullcontext

import psutil
import torch
from torch import nn

from benchmarks.bench import Table, need, parser, quantile, runs_folder, served, took, wait_until
from benchmarks.browser import Browser
from nnviz.data import torchvision_ops
from nnviz.data.datasets import DATASETS, to_input
from nnviz.environment import data_root
from nnviz.executor.local import LocalExecutor
from nnviz.spec.network import NetworkSpec, build_model
from nnviz.spec.train_config import TrainConfig
from nnviz.store.run import Run, Status
from nnviz.store.runs import RunStore
from nnviz.train.commands import Action, Command
from nnviz.train.trainer import Trainer

CONFIG = TrainConfig(epochs=1)


def classic(count: int = 0) -> Callable[[], None]:
    """The script of every tutorial: a DataLoader and transforms of each image; of only `count` images, if not 0."""
    torchvision_ops.declare()
    from torchvision import datasets, transforms

    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.5,), (0.5,))])
    train, test = (datasets.MNIST(str(data_root()), train=part, transform=transform) for part in (True, False))
    parts = [torch.utils.data.Subset(part, range(count or len(part))) for part in (train, test)]
    loaders = [torch.utils.data.DataLoader(part, batch_size=64, shuffle=part is parts[0]) for part in parts]

    def run() -> None:
        model, optimizer, criterion = fresh()
        for images, labels in loaders[0]:
            optimizer.zero_grad()
            criterion(model(images), labels).backward()
            optimizer.step()
        with torch.no_grad():
            sum(int((model(images).argmax(1) == labels).sum()) for images, labels in loaders[1])

    return run


def tight() -> Callable[[], None]:
    """The least that can be written by hand: preloaded float tensors, indexed."""
    data = DATASETS["mnist"].load()
    images, tests = (to_input(split.images, data.dataset) for split in (data.train, data.test))
    labels, answers = data.train.labels, data.test.labels

    def run() -> None:
        model, optimizer, criterion = fresh()
        for index in torch.randperm(len(labels)).split(64):
            optimizer.zero_grad()
            criterion(model(images[index]), labels[index]).backward()
            optimizer.step()
        with torch.no_grad():
            int((model(tests).argmax(1) == answers).sum())

    return run


def trainer() -> Callable[[], None]:
    """Our Trainer, events and all, with nobody looking."""
    data = DATASETS["mnist"].load()

    def run() -> None:
        for _ in Trainer(NetworkSpec(), CONFIG, data).run():
            pass

    return run


def fresh() -> tuple[nn.Module, torch.optim.Optimizer, nn.Module]:
    model = build_model(NetworkSpec(), (1, 28, 28), 10, 0)
    return model, torch.optim.SGD(model.parameters(), lr=0.001, momentum=0.9), nn.CrossEntropyLoss()


class App:
    """The real server, and the store it shares with this process."""

    def __init__(self, port: int, server: psutil.Process) -> None:
        self.port, self.server = port, server
        self.store = RunStore()
        self.executor = LocalExecutor(self.store)
        warm = self.start(CONFIG.with_(per_class=10))
        wait_until(lambda: self.store.run(warm.id).status is Status.FINISHED)
        with self.browser(f"run={warm.id}") as browser:
            browser.open()

    def browser(self, query: str = "") -> Browser:
        return Browser(self.port, "Train", query)

    def start(self, config: TrainConfig) -> Run:
        run = self.store.create(NetworkSpec(), config)
        self.executor.submit(run.id)
        return run

    def close(self) -> None:
        self.executor.close()
        self.store.close()


def seconds_in_worker(app: App, watched: bool, epochs: int, per_class: int = 0) -> float:
    """Training seconds per epoch of a run in its worker, recording and live looks included."""
    run = app.start(CONFIG.with_(epochs=epochs, per_class=per_class))
    with watching(app, [run], 0.25) if watched else nullcontext():
        wait_until(lambda: app.store.run(run.id).status is Status.FINISHED)
    return app.store.run(run.id).seconds / epochs


@contextmanager
def watching(app: App, runs: list[Run], every: float) -> Iterator[list[Browser]]:
    """A browser on the page of each run, refreshing every so many seconds until the end of the context."""
    stop = threading.Event()
    with ExitStack() as sessions:
        browsers = [sessions.enter_context(app.browser(f"run={run.id}")) for run in runs]
        for browser in browsers:
            browser.open()
        threads = [threading.Thread(target=browser.follow, args=(stop, every)) for browser in browsers]
        try:
            for thread in threads:
                thread.start()
                time.sleep(every / len(threads))  # people don't refresh in step
            yield browsers
        finally:
            stop.set()
            for thread in threads:
                thread.join()


def first_points(app: App, count: int) -> list[float]:
    """Seconds from pressing Train to the end of the first drawing of the page whose curve has a point, so many times.

    The page is open, refreshes at 4 Hz, and the training processes are warm.
    """
    found = []
    with app.browser() as browser:
        browser.open()
        for _ in range(1 + count):  # the first one starts the server's own training processes
            start = time.perf_counter()
            took = browser.press("train")
            while not has_points(browser.drawn["curves-plot"]):
                time.sleep(max(0.0, 0.25 - took))
                took = browser.refresh()
            found.append(time.perf_counter() - start)
            run = app.store.runs()[0]
            browser.press("control-stop")
            wait_until_over(app, [run])
            browser.open()
    return found[1:]


def has_points(message: bytes) -> bool:
    """Whether the curves sent to the browser have a training loss to show."""
    traces = json.loads(message[8:])["figure"]["data"]  # behind the number of the message
    return any(trace["name"] == "train" and trace["x"] for trace in traces)


def class_of_thirty(app: App, seconds: float) -> tuple[list[float], list[float]]:
    """Four runs train while thirty sessions refresh once a second: seconds of each refresh; images/s of each run."""
    runs = [app.start(CONFIG.with_(epochs=1000, seed=seed)) for seed in range(4)]
    wait_until(lambda: all(app.store.run(run.id).step for run in runs))
    with watching(app, [runs[index % 4] for index in range(30)], 1.0) as browsers:
        time.sleep(seconds)
    waits = [wait for browser in browsers for wait in browser.waits[1:]]
    speeds = [app.store.run(run.id).speed for run in runs]
    for run in runs:
        app.executor.control(run.id, Command(Action.STOP))
    wait_until_over(app, runs)
    return waits, speeds


def memory(app: App) -> tuple[float, float]:
    """Proportional MB of the server, and of one worker while it trains."""
    run = app.start(CONFIG.with_(epochs=50))
    wait_until(lambda: app.store.run(run.id).step > 200)
    worker = psutil.Process(int(app.store.owner(run.id).split(":")[0]))
    sizes = tuple(own_megabytes(process) for process in (app.server, worker))
    app.executor.control(run.id, Command(Action.STOP))
    wait_until_over(app, [run])
    return sizes[0], sizes[1]


def own_megabytes(process: psutil.Process) -> float:
    """What would be free again if it ended; where the system can't say, what it has resident."""
    info = process.memory_full_info()
    return float(getattr(info, "uss", info.rss)) / 1e6


def wait_until_over(app: App, runs: list[Run]) -> None:
    wait_until(lambda: not any(app.store.run(run.id).status.active for run in runs))


def main(arguments: list[str] | None = None) -> None:
    options_of = parser(__doc__)
    options_of.add_argument("--turns", type=int, default=5, help="how often each way takes its turn")
    options_of.add_argument("--seconds", type=float, default=20, help="how long the class of thirty is watched")
    options = options_of.parse_args(arguments)
    need()
    torch.set_num_threads(1)
    turns, seconds = (1, 2.0) if options.tiny else (options.turns, options.seconds)
    with runs_folder(), served() as (port, server), closing(App(port, server)) as app:
        table = measure(app, turns, seconds, tiny=options.tiny)
    table.show(options.json)


def measure(app: App, turns: int, seconds: float, tiny: bool) -> Table:
    ways = {"tight loop, preloaded tensors": tight(), "our Trainer alone": trainer()}
    times: dict[str, list[float]] = {name: [] for name in ("classic script", *ways, *_WORKER)}
    slow = classic(2000 if tiny else 0)
    for turn in range(turns):
        if turn < 2:
            times["classic script"].append(took(slow))
        for name, way in ways.items():
            times[name].append(took(way))
        for name, watched in _WORKER.items():
            times[name].append(seconds_in_worker(app, watched, 1 if tiny else 4, 100 if tiny else 0))
    reference, slowest = min(times["tight loop, preloaded tensors"]), min(times["classic script"])
    title = f"784-128-10, batch 64, one epoch of MNIST with its test pass; {os.cpu_count()} cores, 1 torch thread"
    table = Table(title, ("", "value", "unit", "× classic", "vs tight"))
    for name, found in times.items():
        least = min(found)
        table.add(
            name, least, "s", round(slowest / least, 1), f"{least / reference - 1:+.1%}", goal=_GOALS.get(name, "")
        )
    points = first_points(app, 1 if tiny else 5)
    waits, speeds = class_of_thirty(app, seconds)
    server, worker = memory(app)
    for name, value, unit, goal in (
        ("click to first plotted point, worker warm, median", statistics.median(points), "s", "≤ 1 s"),
        ("the same, worst", max(points), "s", ""),
        ("refresh, 30 sessions at 1 Hz, 4 runs going, p95", 1000 * quantile(waits, 0.95), "ms", "≤ 300 ms"),
        ("the same, median", 1000 * statistics.median(waits), "ms", ""),
        ("each of the 4 runs meanwhile", statistics.median(speeds), "images/s", ""),
        ("memory of the server", server, "MB", ""),
        ("memory of a worker, its own", worker, "MB", ""),
    ):
        table.add(name, value, unit, "", "", goal=goal)
    return table


_WORKER = {"our Trainer in its worker, nobody looking": False, "our Trainer in its worker, a page at 4 Hz": True}
_GOALS = {"our Trainer alone": "≤ +5 %", "our Trainer in its worker, a page at 4 Hz": "≤ +10 %"}

if __name__ == "__main__":
    main()
