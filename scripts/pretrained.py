"""Train the networks that come with nnviz, and write them into nnviz/pretrained.

    .venv/bin/python -m scripts.pretrained        all of them; with names, those: pretrained-mlp

Each is trained as the recipe for drawings says, but LONGER, on this machine, and kept as a run is exported: its record,
its curve, the weights it began with and those it ended with, without the optimizer's state, which only resuming would
need.
"""

from __future__ import annotations

import argparse
import io
import shutil
import tempfile
import zipfile
from contextlib import closing
from pathlib import Path

import torch

from nnviz.data.datasets import DATASETS
from nnviz.environment import cores
from nnviz.executor.recorder import train_run
from nnviz.export.archive import write_run
from nnviz.pretrained import PRETRAINED, Pretrained
from nnviz.spec.presets import PRESETS
from nnviz.spec.recipes import robust_config
from nnviz.store.run import Status
from nnviz.store.runs import RunStore
from nnviz.train.checkpoint import Checkpoint

LONGER = 2
"""Times the recipe's epochs: it is done once, for everybody."""

NOTE = (
    "Came with nnviz. Trained by the recipe for drawings, but twice as long, by `python -m scripts.pretrained`; the"
    " time is that of {threads} CPU thread{s}. Its images: {data}."
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    nets = {net.id: net for net in PRETRAINED}
    parser.add_argument("net", nargs="*", metavar="NET", help=", ".join(nets))
    wanted = parser.parse_args().net or list(nets)
    if unknown := [name for name in wanted if name not in nets]:
        parser.error(f"there is no {unknown[0]!r}, only {', '.join(nets)}")
    for name in wanted:
        print(f"{name}: {make(nets[name])}")


def make(net: Pretrained) -> str:
    """Train it and write it; how it went, in words."""
    network = PRESETS[net.preset].network
    recipe = robust_config(network)
    config = recipe.with_(device="cpu", epochs=LONGER * recipe.epochs)
    DATASETS[config.data].ensure()
    threads = cores() if network.convolves else 1
    torch.set_num_threads(threads)
    with tempfile.TemporaryDirectory() as folder, closing(RunStore(Path(folder))) as store:
        run = store.create(network, config, net.title)
        if train_run(store, run.id, threads=threads) is not Status.FINISHED:
            raise SystemExit(f"{net.id} did not finish: {store.run(run.id).reason}")
        store.annotate(run.id, NOTE.format(threads=threads, s="s" * (threads > 1), data=DATASETS[config.data].origin))
        run = store.run(run.id)
        first, *_, last = steps = store.checkpoints.steps(run.id)
        for step in steps:
            path = store.checkpoints.path(run.id, step)
            if step in (first, last):
                checkpoint = Checkpoint.load(path)
                Checkpoint(checkpoint.position, checkpoint.model).save(path)
            else:
                path.unlink()
        packed = io.BytesIO()
        write_run(store, run.id, packed)
    shutil.rmtree(net.folder, ignore_errors=True)
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(net.folder, [name for name in archive.namelist() if not name.endswith((".txt", ".py"))])
    size = sum(path.stat().st_size for path in net.folder.rglob("*") if path.is_file())
    return f"{run.test_accuracy:.2%} after {run.seconds:.0f} s of training, {size / 1e6:.2f} MB"


if __name__ == "__main__":
    main()
