"""What does it gain to train many nets at once? `python -m benchmarks.sweep` prints one table.

784-H-10 on MNIST (NNVIZ_DATA, or ../shared/data), SGD with momentum, each net with its own learning rate. Three ways
take turns: one net after the other (one process, one torch thread), one process per net (as many at once as there are
cores), and ensembles (one per core). The processes wait ready; a net trains on a sixth of MNIST's training images and
is tested on a sixth of its test images, which counts as a sixth of an epoch. The best of the turns counts.
"""

from __future__ import annotations

import itertools
import multiprocessing as mp
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from multiprocessing.pool import Pool

import torch

from benchmarks.bench import Table, need, parser
from nnviz.data.datasets import DATASETS, Loaded, Split
from nnviz.spec.layers.dense import Dense
from nnviz.spec.network import NetworkSpec
from nnviz.spec.train_config import TrainConfig
from nnviz.train.ensemble import EnsembleTrainer, ensemble_count
from nnviz.train.trainer import Trainer

PART = 6
"""A net sees one in so many of the images."""

ALONE = 4
"""Nets that are trained one after the other: more take as long, each."""

TARGETS = {(16, 16): 12.0, (32, 16): 6.0, (32, 64): 6.0, (128, 64): 2.5}
"""What ensembles are to reach against one by one, on two cores: (hidden units, batch) → times as fast."""

Member = tuple[NetworkSpec, TrainConfig]


def part_of_mnist() -> Loaded:
    data = DATASETS["mnist"].load()
    parts = [
        Split(s.images[: len(s.labels) // PART], s.labels[: len(s.labels) // PART]) for s in (data.train, data.test)
    ]
    return Loaded(data.dataset, *parts)


def members_of(hidden: int, batch: int, points: int) -> list[Member]:
    """Nets that differ in their learning rate: 0.001 to 0.1, evenly in its logarithm."""
    network = NetworkSpec((Dense(hidden),))
    rates = [0.001 * 100 ** (point / max(1, points - 1)) for point in range(points)]
    return [(network, TrainConfig(lr=rate, batch_size=batch, epochs=1)) for rate in rates]


def train_ensemble(members: Sequence[Member]) -> None:
    """One ensemble, or one net by itself."""
    data = part_of_mnist()
    trainer = EnsembleTrainer(members, data) if len(members) > 1 else Trainer(*members[0], data)
    for _ in trainer.run():
        pass


def train_alone(members: Sequence[Member]) -> None:
    for member in members:
        train_ensemble([member])


def ensembles_of(members: Sequence[Member], cores: int) -> list[list[Member]]:
    count = ensemble_count(*members[0], len(members), cores)
    return [list(members[place::count]) for place in range(count)]


@contextmanager
def workers(count: int) -> Iterator[Pool]:
    """Processes with torch imported and one thread each, ready to train."""
    with mp.get_context("fork").Pool(count, torch.set_num_threads, (1,)) as pool:
        pool.map(train_alone, [members_of(4, 500, 1)] * count, chunksize=1)
        yield pool


def best_of(turns: int, *ways: Callable[[], object]) -> list[float]:
    """Seconds of each way, the best of its turns; they take turns."""
    times: list[list[float]] = [[] for _ in ways]
    for _ in range(turns):
        for way, found in zip(ways, times, strict=True):
            start = time.perf_counter()
            way()
            found.append(time.perf_counter() - start)
    return [min(found) for found in times]


def measure(hidden: Sequence[int], batches: Sequence[int], points: Sequence[int], turns: int, cores: int) -> Table:
    table = Table(
        f"models × epochs per second, and times as fast as one by one; {cores} cores, one torch thread per process",
        ("hidden", "batch", "points", "one by one", "a process each", "×", "ensembles", "× ", "nets in one"),
    )
    with workers(1) as one, workers(cores) as all_cores:
        for units, batch, count in itertools.product(hidden, batches, points):
            members = members_of(units, batch, count)
            few, ensembles = members[:ALONE], ensembles_of(members, cores)
            alone, each, stacked = best_of(
                turns,
                partial(one.apply, train_alone, (few,)),
                partial(all_cores.map, train_ensemble, [[m] for m in members], chunksize=1),
                partial(all_cores.map, train_ensemble, ensembles, chunksize=1),
            )
            base = len(few) / alone / PART
            speeds = [number for s in (each, stacked) for number in (count / s / PART, count / s / PART / base)]
            target = TARGETS.get((units, batch))
            goal = f"{target:g}×" if target and count == max(points) else ""
            table.add(units, batch, count, base, *speeds, len(ensembles[0]), goal=goal)
    return table


def main(arguments: list[str] | None = None) -> None:
    options_of = parser(__doc__)
    options_of.add_argument("--turns", type=int, default=3, help="how often each way takes its turn")
    options_of.add_argument("--points", type=int, nargs="+", default=[4, 16, 64])
    options = options_of.parse_args(arguments)
    need()
    torch.set_num_threads(1)
    cores = os.cpu_count() or 1
    if options.tiny:
        measure([4], [500], [2], 1, cores).show(options.json)
    else:
        measure([16, 32, 128], [16, 64], options.points, options.turns, cores).show(options.json)


if __name__ == "__main__":
    main()
