"""Runs as TensorBoard event files, for those who keep their experiments there.

Scalars for every step and epoch, a histogram of every layer's weights for every checkpoint, the settings as text and as
hyperparameters. Wall time is when a step would have been done had the run gone through without a break, so that
TensorBoard's "relative" axis counts the seconds of training.
"""

from __future__ import annotations

import io
import math
import re
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnviz.store.run import Run
from nnviz.store.runs import RunStore
from nnviz.train.checkpoint import CheckpointError

if TYPE_CHECKING:
    from tensorboardX.proto.summary_pb2 import Summary

BINS = 64


def event_file(store: RunStore, run_id: str, folder: Path, *, histograms: bool = True) -> Path:
    """Write the run into `folder`, which is made if need be; the file. Raises RunGone, OSError."""
    from tensorboardX import RecordWriter  # takes a while, and few need it
    from tensorboardX.proto.event_pb2 import Event

    run = store.run(run_id)
    begun = run.parent_step if run.parent else 0
    pace = run.seconds / (run.step - begun) if run.step > begun else 0.0
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"events.out.tfevents.{int(run.created)}.nnviz"
    # tensorboardX's own SummaryWriter leaves it to a thread and a queue to write, which nobody needs here.
    writer = RecordWriter(str(path))
    try:
        writer.write(Event(wall_time=run.created, file_version="brain.Event:2").SerializeToString())
        for step, summary in _summaries(store, run, histograms):
            event = Event(wall_time=run.created + pace * (step - begun), step=step, summary=summary)
            writer.write(event.SerializeToString())
    finally:
        writer.close()
    return path


def event_zip(store: RunStore, run_ids: Sequence[str], *, histograms: bool = True) -> bytes:
    """Several runs in one zip, a folder for each; unpacked, `tensorboard --logdir FOLDER` shows them side by side.

    Raises RunGone, OSError.
    """
    stream = io.BytesIO()
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for run_id in run_ids:
            path = event_file(store, run_id, Path(folder), histograms=histograms)
            archive.write(path, f"{folder_name(store.run(run_id))}/{path.name}")
            path.unlink()
    return stream.getvalue()


def folder_name(run: Run) -> str:
    """What TensorBoard calls the run: its name, as far as a folder can have it, and its id."""
    words = re.sub(r"[^\w.-]+", "_", run.name).strip("._")[:40]
    return f"{words}-{run.id}" if words else run.id


def _summaries(store: RunStore, run: Run, histograms: bool) -> Iterator[tuple[int, Summary]]:
    """What there is to tell, with its step."""
    from tensorboardX import summary
    from tensorboardX.proto.summary_pb2 import Summary

    settings = {"layers": run.network.to_text(), "init": run.network.init, **run.config.to_dict()}
    for one in summary.hparams(settings, {"test/accuracy": 0.0}):
        yield 0, one
    yield 0, summary.text("setup", "\n".join(["| setting | value |", "|---|---|", *_rows(run, settings)]))
    curve = store.history.curve(run.id)
    names = ("batch/loss", "batch/accuracy", "learning_rate")
    for step, *numbers in zip(*(column.tolist() for column in curve), strict=True):
        finite = [pair for pair in zip(names, numbers, strict=True) if math.isfinite(pair[1])]
        if finite:
            yield step, Summary(value=[Summary.Value(tag=name, simple_value=number) for name, number in finite])
    for epoch in store.history.epochs(run.id):
        for name, number in zip(("train/loss", "train/accuracy", "test/loss", "test/accuracy"), epoch[2:], strict=True):
            if math.isfinite(number):
                yield epoch.step, summary.scalar(name, number)
    for step in store.checkpoints.steps(run.id) if histograms else ():
        try:
            model = store.checkpoints.load(run.id, step).model
        except CheckpointError:  # damaged; or a checkpoint that was let go just now
            continue
        for name, tensor in model.items():
            if tensor.is_floating_point() and bool(tensor.isfinite().all()):
                yield step, summary.histogram(name.replace(".", "/", 1), tensor.numpy(), BINS)


def _rows(run: Run, settings: dict[str, Any]) -> list[str]:
    told = {"name": run.name, "note": run.note, "run": run.id, "status": run.status.value, **settings}
    return [f"| {name} | {_cell(str(value))} |" for name, value in told.items()]


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
