"""How much memory does the server need once a class has looked at everything? `python -m benchmarks.memory`.

A store of 300 runs, some of them large. Thirty visitors look at ten runs each, on the pages Train, Inspect and Compare,
all at the same time; then the server's resident memory is what counts. The large networks have 6 million weights, so
that a checkpoint of them is 48 MB on disk and their network another 24 MB in memory.
"""

from __future__ import annotations

import threading
from contextlib import closing

import psutil
import torch

from benchmarks.bench import Table, need, parser, runs_folder, served, took
from benchmarks.browser import Browser
from nnviz.data.datasets import DATASETS
from nnviz.environment import cache_bytes
from nnviz.spec.layers.dense import Dense
from nnviz.spec.network import NetworkSpec, build_model
from nnviz.spec.optimizers import OPTIMIZERS
from nnviz.spec.train_config import TrainConfig
from nnviz.store.run import Status
from nnviz.store.runs import RunStore
from nnviz.train import checkpoint
from nnviz.train.checkpoint import Checkpoint, Position
from nnviz.train.events import Batch, Epoch

SMALL, LARGE = NetworkSpec(), NetworkSpec((Dense(2048), Dense(2048)))
CONFIG = TrainConfig(epochs=2)
PAGES = ("Train", "Inspect", "Compare", "Draw")


def checkpoint_of(network: NetworkSpec) -> Checkpoint:
    """After one step, so that there is a momentum for each weight."""
    dataset = DATASETS["mnist"]
    model = build_model(network, dataset.input_shape, len(dataset.classes), 0)
    optimizer = OPTIMIZERS[CONFIG.optimizer].build(model.parameters(), CONFIG)
    model(torch.zeros(1, *dataset.input_shape)).sum().backward()
    optimizer.step()
    return checkpoint.take(model, optimizer, Position())


def fill(store: RunStore, runs: int, large: int) -> list[str]:
    """Finished runs, of which every so many one is large; their ids."""
    kinds = {network: checkpoint_of(network) for network in (SMALL, LARGE)}
    ids = []
    for number in range(runs):
        network = LARGE if number % (runs // large) == 0 else SMALL
        run = store.create(network, CONFIG, f"run {number}")
        attempt = store.writer.begin(run.id, "cpu", 1)
        for epoch in (0, 1, 2):
            state = kinds[network]
            store.writer.keep(run.id, Checkpoint(Position(938 * epoch, epoch), state.model, state.optimizer))
            if epoch:
                store.writer.add_epoch(run.id, Epoch(epoch, 938 * epoch, 0.5 / epoch, 0.8, 0.5 / epoch, 0.8))
        last = Batch(938 * 2, 0.2, 0.9, CONFIG.lr, CONFIG.batch_size)
        store.writer.add_batches(run.id, attempt, [last], seconds=9.0, steps=last.step, speed=10_000.0)
        store.writer.set_status(run.id, attempt, Status.FINISHED)
        ids.append(run.id)
    return ids


def look(port: int, ids: list[str], pages: tuple[str, ...], failed: list[str]) -> None:
    """One visitor, who opens every page of every run, one after the other in one tab."""
    with Browser(port, pages[0]) as browser:
        for run_id in ids:
            for page in pages:
                try:
                    browser.go(page, f"run={run_id}")
                except Exception as error:
                    failed.append(f"{page} of {run_id}: {error}")


def main(arguments: list[str] | None = None) -> None:
    options_of = parser(__doc__)
    options_of.add_argument("--runs", type=int, default=300)
    options_of.add_argument("--large", type=int, default=15, help="how many of the runs are large")
    options_of.add_argument("--visitors", type=int, default=30)
    options = options_of.parse_args(arguments)
    need()
    torch.set_num_threads(1)
    runs, large, visitors = (4, 1, 2) if options.tiny else (options.runs, options.large, options.visitors)
    with runs_folder(), closing(RunStore()) as store:
        ids = fill(store, runs, large)
        with served() as (port, server):
            table = measure(port, server, ids, visitors, f"{runs} runs, {large} of them large, {visitors} visitors")
    table.show(options.json)


def measure(port: int, server: psutil.Process, ids: list[str], visitors: int, title: str) -> Table:
    failed: list[str] = []
    look(port, ids[1:2], PAGES, failed)  # what every page needs is loaded
    before = resident(server)
    threads = [
        threading.Thread(target=look, args=(port, ids[number::visitors], PAGES, failed)) for number in range(visitors)
    ]

    def all_look() -> None:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    seconds = took(all_look)
    if failed:
        raise SystemExit(f"{len(failed)} pages failed, the first: {failed[0]}")
    table = Table(title, ("", "value", "unit"))
    table.add("memory of the server after one run", before, "MB")
    table.add("after all of them", resident(server), "MB", goal="≤ 700 MB")
    table.add("of that its own, no files and libraries", own(server), "MB")
    table.add("that it may keep of what it worked out", cache_bytes() / 1e6, "MB")
    table.add("time that the visitors took", seconds, "s")
    return table


def resident(process: psutil.Process) -> float:
    """MB."""
    return float(process.memory_info().rss) / 1e6


def own(process: psutil.Process) -> float:
    """MB that would be free again if it ended; where the system can't say, what it has resident."""
    info = process.memory_full_info()
    return float(getattr(info, "uss", info.rss)) / 1e6


if __name__ == "__main__":
    main()
