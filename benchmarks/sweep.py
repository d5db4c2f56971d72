"""What does it gain to train many nets at once? `python -m benchmarks.sweep` prints one table.

784-H-10 on MNIST (NNVIZ_DATA, or ../shared/data), SGD with momentum, each net with its own learning rate. Three ways
take turns: one net after the other (one process, one torch thread), one process per net (as many at once as there are
cores), and packs (one per core). The processes wait ready; a net trains on a sixth of MNIST's training images and is
tested on a sixth of its test images, which counts as a sixth of an epoch. The best of the turns counts.
"""

from __future__ import annotations

import argparse
import multiprocessing as mp
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.pool import Pool
from pathlib import Path

PROJECT = Path(__file__).parents[1]
if "NNVIZ_DATA" not in os.environ and (PROJECT.parent / "shared" / "data").is_dir():
    os.environ["NNVIZ_DATA"] = str(PROJECT.parent / "shared" / "data")

import torch  # noqa: E402

from nnviz.data.datasets import DATASETS, Loaded, Split  # noqa: E402
from nnviz.spec.layers.dense import Dense  # noqa: E402
from nnviz.spec.network import NetworkSpec  # noqa: E402
from nnviz.spec.train_config import TrainConfig  # noqa: E402
from nnviz.train.ensemble import EnsembleTrainer, ensemble_count  # noqa: E402
from nnviz.train.trainer import Trainer  # noqa: E402

PART = 6
"""A net sees one in so many of the images."""

ALONE = 4
"""Nets that are trained one after the other: more take as long, each."""

TARGETS = {(16, 16): 12.0, (32, 16): 6.0, (32, 64): 6.0, (128, 64): 2.5}
"""What packs are to reach against one by one, on two cores: (hidden units, batch) → times as fast."""

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
    """One pack, or one net by itself."""
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


def measure(hidden: Sequence[int], batches: Sequence[int], points: Sequence[int], turns: int, cores: int) -> None:
    print(f"models × epochs per second, and times as fast as one by one; {cores} cores, one torch thread per process\n")
    print(
        f"{'hidden':>6}{'batch':>6}{'points':>7}{'one by one':>12}{'a process each':>18}{'packed':>16}{'pack of':>9}"
        "  to reach"
    )
    with workers(1) as one, workers(cores) as all_cores:
        for units in hidden:
            for batch in batches:
                for count in points:
                    members = members_of(units, batch, count)
                    few, ensembles = members[:ALONE], ensembles_of(members, cores)
                    alone, each, ensemble = best_of(
                        turns,
                        lambda few=few: one.apply(train_alone, (few,)),  # type: ignore[misc]
                        lambda members=members: all_cores.map(train_ensemble, [[m] for m in members], chunksize=1),  # type: ignore[misc]
                        lambda ensembles=ensembles: all_cores.map(train_ensemble, ensembles, chunksize=1),  # type: ignore[misc]
                    )
                    base = len(few) / alone / PART
                    speeds = [count / seconds / PART for seconds in (each, ensemble)]
                    words = "".join(f"{speed:9.2f}{speed / base:6.1f}×" for speed in speeds)
                    target = TARGETS.get((units, batch))
                    goal = f"{target:g}×" if target and count == max(points) else ""
                    print(f"{units:6}{batch:6}{count:7}{base:12.2f}  {words}{len(ensembles[0]):9}  {goal}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=3, help="how often each way takes its turn")
    parser.add_argument("--points", type=int, nargs="+", default=[4, 16, 64])
    options = parser.parse_args()
    torch.set_num_threads(1)
    measure([16, 32, 128], [16, 64], options.points, options.turns, os.cpu_count() or 1)


if __name__ == "__main__":
    main()
