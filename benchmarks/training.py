"""How fast does it train, and what do pages cost it? `python -m benchmarks.training` prints one table.

At 784-128-10, batch 64, on MNIST (NNVIZ_DATA, or ../shared/data). Every way does an epoch and its test pass; they take
turns, and the best of the turns counts. All train in processes with the same number of torch threads.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, nullcontext
from pathlib import Path

import psutil

PROJECT = Path(__file__).parents[1]
if "NNVIZ_DATA" not in os.environ and (PROJECT.parent / "shared" / "data").is_dir():
    os.environ["NNVIZ_DATA"] = str(PROJECT.parent / "shared" / "data")
os.environ["NNVIZ_RUNS"] = tempfile.mkdtemp(prefix="nnviz-benchmark-")

import torch  # noqa: E402
from torch import nn  # noqa: E402

from benchmarks.browser import Browser  # noqa: E402
from nnviz.data import torchvision_ops  # noqa: E402
from nnviz.data.datasets import DATASETS, data_root, to_input  # noqa: E402
from nnviz.executor.local import LocalExecutor  # noqa: E402
from nnviz.spec.network import NetworkSpec, build_model  # noqa: E402
from nnviz.spec.train_config import TrainConfig  # noqa: E402
from nnviz.store.run import Run, Status  # noqa: E402
from nnviz.store.runs import RunStore  # noqa: E402
from nnviz.train.commands import Action, Command  # noqa: E402
from nnviz.train.trainer import Trainer  # noqa: E402

CONFIG = TrainConfig(epochs=1)
PORT = 8599


def classic() -> Callable[[], None]:
    """The script of every tutorial: a DataLoader and transforms of each image."""
    torchvision_ops.declare()
    from torchvision import datasets, transforms

    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.5,), (0.5,))])
    train, test = (datasets.MNIST(str(data_root()), train=part, transform=transform) for part in (True, False))
    loaders = [torch.utils.data.DataLoader(part, batch_size=64, shuffle=part is train) for part in (train, test)]

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

    def __init__(self) -> None:
        self.store = RunStore()
        self.executor = LocalExecutor(self.store)
        command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(PORT)]
        self.server = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(self._answers)
        warm = self.start(CONFIG.with_(per_class=10))
        wait_until(lambda: self.store.run(warm.id).status is Status.FINISHED)
        with Browser(PORT, "Train", f"run={warm.id}") as browser:
            browser.open()

    def start(self, config: TrainConfig) -> Run:
        run = self.store.create(NetworkSpec(), config)
        self.executor.submit(run.id)
        return run

    def close(self) -> None:
        self.executor.close()
        self.server.terminate()
        self.server.wait()

    @staticmethod
    def _answers() -> bool:
        try:
            with urllib.request.urlopen(f"http://localhost:{PORT}/_stcore/health", timeout=1) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


def seconds_in_worker(app: App, watched: bool, epochs: int) -> float:
    """Training seconds per epoch of a run in its worker, recording and live looks included."""
    run = app.start(CONFIG.with_(epochs=epochs))
    with watching([run], 0.25) if watched else nullcontext():
        wait_until(lambda: app.store.run(run.id).status is Status.FINISHED)
    return app.store.run(run.id).seconds / epochs


@contextmanager
def watching(runs: list[Run], every: float) -> Iterator[list[Browser]]:
    """A browser on the page of each run, refreshing every so many seconds until the end of the context."""
    stop = threading.Event()
    with ExitStack() as sessions:
        browsers = [sessions.enter_context(Browser(PORT, "Train", f"run={run.id}")) for run in runs]
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
    with Browser(PORT, "Train") as browser:
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
    traces = json.loads(message)["figure"]["data"]
    return any(trace["name"] == "train" and trace["x"] for trace in traces)


def class_of_thirty(app: App, seconds: float) -> tuple[list[float], list[float]]:
    """Four runs train while thirty sessions refresh once a second: seconds of each refresh; images/s of each run."""
    runs = [app.start(CONFIG.with_(epochs=1000, seed=seed)) for seed in range(4)]
    wait_until(lambda: all(app.store.run(run.id).step for run in runs))
    with watching([runs[index % 4] for index in range(30)], 1.0) as browsers:
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
    sizes = tuple(own_megabytes(process) for process in (psutil.Process(app.server.pid), worker))
    app.executor.control(run.id, Command(Action.STOP))
    wait_until_over(app, [run])
    return sizes[0], sizes[1]


def own_megabytes(process: psutil.Process) -> float:
    """What would be free again if it ended; where the system can't say, what it has resident."""
    info = process.memory_full_info()
    return float(getattr(info, "uss", info.rss)) / 1e6


def best(run: Callable[[], None]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def wait_until(condition: Callable[[], bool], seconds: float = 300) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("waited in vain")
        time.sleep(0.02)


def wait_until_over(app: App, runs: list[Run]) -> None:
    wait_until(lambda: not any(app.store.run(run.id).status.active for run in runs))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=5, help="how often each way takes its turn")
    parser.add_argument("--seconds", type=float, default=20, help="how long the class of thirty is watched")
    options = parser.parse_args()
    torch.set_num_threads(1)

    with closing(App()) as app:
        measure(app, options.turns, options.seconds)


def measure(app: App, turns: int, seconds: float) -> None:
    ways = {"tight loop, preloaded tensors": tight(), "our Trainer alone": trainer()}
    times: dict[str, list[float]] = {name: [] for name in ("classic script", *ways, *_WORKER)}
    slow = classic()
    for turn in range(turns):
        if turn < 2:
            times["classic script"].append(best(slow))
        for name, way in ways.items():
            times[name].append(best(way))
        for name, watched in _WORKER.items():
            times[name].append(seconds_in_worker(app, watched, epochs=4))
    reference = min(times["tight loop, preloaded tensors"])
    slowest = min(times["classic script"])
    print(f"784-128-10, batch 64, one epoch of MNIST with its test pass; {os.cpu_count()} cores, 1 torch thread\n")
    print(f"{'':46}{'seconds':>9}{'× classic':>11}{'vs tight':>10}")
    for name, found in times.items():
        took = min(found)
        print(f"{name:46}{took:9.3f}{slowest / took:10.1f}×{took / reference - 1:+10.1%}")

    points = first_points(app, 5)
    waits, speeds = class_of_thirty(app, seconds)
    server, worker = memory(app)
    waits.sort()
    print(
        f"\nclick to first plotted point, worker warm      {statistics.median(points):6.2f} s (worst {max(points):.2f})"
    )
    print(
        f"refresh with 30 sessions at 1 Hz, 4 runs going {waits[int(0.95 * len(waits))] * 1000:6.0f} ms at the 95th"
        f" percentile, {statistics.median(waits) * 1000:.0f} ms in the middle ({len(waits)} refreshes)"
    )
    print(f"  each of the 4 runs meanwhile                 {statistics.median(speeds):6,.0f} images/s")
    print(f"memory of the server                           {server:6.0f} MB")
    print(f"memory of a worker, its own                    {worker:6.0f} MB")


_WORKER = {"our Trainer in its worker, nobody looking": False, "our Trainer in its worker, a page at 4 Hz": True}

if __name__ == "__main__":
    main()
