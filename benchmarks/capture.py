"""What does it cost a training to be looked into later? `python -m benchmarks.capture` prints one table.

The same run, recorded in three ways that take turns: with nothing but what resuming needs, as it is by default, and
with somebody following the running net. The median of each way counts. On MNIST (NNVIZ_DATA, or ../shared/data), with
one torch thread.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import torch

from benchmarks.bench import Table, need, parser
from nnviz.data.datasets import DATASETS
from nnviz.executor.recorder import train_run
from nnviz.spec.network import NetworkSpec
from nnviz.spec.presets import PRESETS
from nnviz.spec.train_config import TrainConfig, checkpoint_bytes
from nnviz.store.checkpoints import PresentState
from nnviz.store.run import Status
from nnviz.store.runs import RunStore
from nnviz.train import trainer
from nnviz.train.checkpoint import Checkpoint
from nnviz.train.trainer import Trainer

BARE, DEFAULT, FOLLOWED = "capture off", "as by default", "as by default, followed live"


class Cost(NamedTuple):
    """Of one training."""

    seconds: float
    """Of training and recording, without the start of the process and loading the data."""
    cpu: float
    """Seconds of computing, the start included; others on the machine touch it less."""
    checkpoints: int
    checkpoint_bytes: int
    norm_rows: int
    shown: int
    """How often the present state was written for those who look."""
    losses: tuple[float, ...]


def train(network: NetworkSpec, config: TrainConfig, way: str) -> Cost:
    """Train and record in a store of its own."""
    if way == BARE:
        config = config.with_(checkpoints=2)
    rows = 0 if way == BARE else trainer.NORM_ROWS
    with (
        tempfile.TemporaryDirectory(prefix="nnviz-benchmark-") as folder,
        closing(RunStore(Path(folder))) as store,
        mock.patch.object(trainer, "NORM_ROWS", rows),
    ):
        run = store.create(network, config)
        with counted_shows(store, run.id) as shown, followed(store, run.id, way == FOLLOWED):
            start = time.thread_time()
            status = train_run(store, run.id)
            cpu = time.thread_time() - start
        done = store.run(run.id)
        if status is not Status.FINISHED:
            raise SystemExit(f"the training {status}: {done.reason}")
        sizes = [store.checkpoints.path(run.id, step).stat().st_size for step in store.checkpoints.steps(run.id)]
        losses = tuple(store.history.curve(run.id).loss.tolist())
        return Cost(
            done.seconds, cpu, len(sizes), sum(sizes), len(store.history.norms(run.id).step), len(shown), losses
        )


@contextmanager
def followed(store: RunStore, run_id: str, really: bool) -> Iterator[None]:
    """Somebody looks on, if `really`. A page reads in a process of its own, so here nothing is read."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.4):
            store.present.watch(run_id)

    thread = threading.Thread(target=watch)
    if really:
        store.present.watch(run_id)
        thread.start()
    try:
        yield
    finally:
        over.set()
        if really:
            thread.join()


@contextmanager
def counted_shows(store: RunStore, run_id: str) -> Iterator[list[None]]:
    """A list that grows by one each time the present state is written."""
    shown: list[None] = []
    put = PresentState.put

    def counting(self: PresentState, shown_id: str, checkpoint: Checkpoint) -> None:
        put(self, shown_id, checkpoint)
        if shown_id == run_id:
            shown.append(None)

    with mock.patch.object(PresentState, "put", counting):
        yield shown


def checkpoint_seconds(network: NetworkSpec, config: TrainConfig, times: int) -> tuple[float, float]:
    """Seconds to copy the state of a trainer, and to write it."""
    trainer = Trainer(network, config, DATASETS[config.data].load())
    next(trainer.run())  # so that the optimizer has a state
    taking, writing = [], []
    with tempfile.TemporaryDirectory(prefix="nnviz-benchmark-") as folder:
        for number in range(times):
            start = time.perf_counter()
            checkpoint = trainer.checkpoint()
            taken = time.perf_counter()
            checkpoint.save(Path(folder) / f"{number}.safetensors")
            taking.append(taken - start)
            writing.append(time.perf_counter() - taken)
    return statistics.median(taking), statistics.median(writing)


def main(arguments: list[str] | None = None) -> None:
    options_of = parser(__doc__)
    options_of.add_argument("--preset", choices=PRESETS, default="classic", help="the network")
    options_of.add_argument("--turns", type=int, default=5, help="how often each way takes its turn")
    options_of.add_argument("--epochs", type=int, default=TrainConfig().epochs)
    options_of.add_argument("--per-class", type=int, default=0, help="train on so many of each class; 0 takes all")
    options = options_of.parse_args(arguments)
    need()
    torch.set_num_threads(1)
    config = TrainConfig(epochs=options.epochs, per_class=options.per_class)
    if options.tiny:
        config = TrainConfig(epochs=1, per_class=20)
    measure(options.preset, config, 1 if options.tiny else options.turns).show(options.json)


def measure(preset: str, config: TrainConfig, turns: int) -> Table:
    network = PRESETS[preset].network
    costs: dict[str, list[Cost]] = {way: [] for way in (BARE, DEFAULT, FOLLOWED)}
    for turn in range(turns):
        for way in list(costs)[turn % 3 :] + list(costs)[: turn % 3]:
            costs[way].append(train(network, config, way))
    if len({cost.losses for found in costs.values() for cost in found}) != 1:
        raise SystemExit("the ways don't train alike: their losses differ")

    taking, writing = checkpoint_seconds(network, config, 20)
    steps = len(costs[BARE][0].losses)
    table = Table(
        f"{PRESETS[preset].title}, {config.epochs} epochs, {steps:,} steps of {config.batch_size}; {os.cpu_count()}"
        f" cores, 1 torch thread; median of {turns}; the same losses to the bit in all",
        ("", "seconds", "cost", "CPU s", "CPU cost", "checkpoints", "MB", "norms", "shown"),
    )
    for way, found in costs.items():
        times = []
        for what in ("seconds", "cpu"):
            took, bare = (statistics.median(getattr(cost, what) for cost in some) for some in (found, costs[BARE]))
            times += [took, f"{took / bare - 1:+.1%}"]
        one = found[-1]
        goal = "" if way == BARE else "cost ≤ +5 %"
        table.add(way, *times, one.checkpoints, one.checkpoint_bytes / 1e6, one.norm_rows, one.shown, goal=goal)
    table.add("one checkpoint, copied", taking, "", None, "", 1, checkpoint_bytes(network, config) / 1e6, None, None)
    table.add("one checkpoint, written", writing, "", None, "", 1, checkpoint_bytes(network, config) / 1e6, None, None)
    return table


if __name__ == "__main__":
    main()
