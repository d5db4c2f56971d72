"""A run as one file that travels: settings and record as JSON, curve and weights as safetensors, in a zip.

    run.json                     what it is, how it stands, its epochs and changes; a fork brings its whole curve along
    curve.safetensors            loss, accuracy, lr (steps,); norms (n, 3, layers) with norms_step (n,)
    weights/<step>.safetensors   the checkpoints
    README.txt, net.py           for people: what is what; the network in plain PyTorch, with these weights

Reading is for files from strangers: nothing is unpickled or run, sizes are checked before anything is read, and a file
that is not as it should be leaves nothing behind. A file that was unpacked and packed again is read as well.
"""

from __future__ import annotations

import io
import json
import math
import re
import struct
import time
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError
from safetensors.numpy import load, save
from torch import Tensor, nn

from nnviz.data.datasets import DATASETS
from nnviz.fields import Choice, Number, SpecError, named, show
from nnviz.spec.network import LayerError, NetworkSpec, build_model
from nnviz.spec.optimizers import OPTIMIZERS
from nnviz.spec.train_config import LIVE_FIELDS, TrainConfig, check, checkpoint_bytes
from nnviz.store.history import Curve, NormCurves
from nnviz.store.run import NAME_LENGTH, Run, Status, learning_layers
from nnviz.store.runs import RunStore
from nnviz.train.checkpoint import Checkpoint, CheckpointError, write_atomically
from nnviz.train.events import Change, Epoch

VERSION = 1
MAX_BYTES = 1_000_000_000
"""Of all parts, unpacked."""

MAX_PARTS = 1000
MAX_CHANGES = 10_000
MAX_RUNS = 100
"""In a file of several."""

MAX_BYTES_OF_ALL = 4_000_000_000
"""Of their weights."""


_JSON, _CURVE, _README, _NET = "run.json", "curve.safetensors", "README.txt", "net.py"
_WEIGHTS = re.compile(r"weights/(\d{9})\.safetensors")
_LEFT_BY_COMPUTERS = re.compile(
    r"(^|/)(__MACOSX/.*|\._[^/]*|\.DS_Store|\.localized|Icon\r|(eh)?thumbs(_vista)?\.db|desktop\.ini)$", re.IGNORECASE
)
"""Files of folders' looks and of what else a Mac or Windows knows of files: never read."""

_LIMITS = {_JSON: 5_000_000, _CURVE: 300_000_000, _README: 200_000, _NET: 200_000}
"""Bytes, unpacked."""

_MARGIN = 1_000_000
"""Bytes of a checkpoint beside its numbers: names, shapes, the statistics of batch normalisation."""

_COPIED = (
    "id",
    "name",
    "note",
    "reason",
    "created",
    "seconds",
    "speed",
    "step",
    "steps",
    "device",
    "threads",
    "attempt",
    "ensemble",
)
"""Keys whose values are the run's own."""
_KEYS = ("nnviz_run", *_COPIED, "status", "network", "training", "forked_from", "epochs", "changes")
_FORMER = {"packed": "ensemble"}
"""Keys of files from before there was the present word → key."""

_COUNT = 10**9


class ArchiveError(Exception):
    """A file that is no run, or a damaged one; the message states the rule and what was found."""


# ---------------------------------------------------------------------- out


def file_name(run: Run) -> str:
    return f"nnviz-{run.id}.zip"


def export_run(store: RunStore, run_id: str, *, last_only: bool = False) -> bytes:
    """The run as a file, with all its checkpoints or only the last one. Raises RunGone."""
    stream = io.BytesIO()
    write_run(store, run_id, stream, last_only=last_only)
    return stream.getvalue()


def write_run(store: RunStore, run_id: str, file: IO[bytes], *, last_only: bool = False) -> None:
    """As `export_run`, into an open file. Raises RunGone, OSError."""
    with store.db.together():  # one moment of a run that goes on meanwhile
        run, curve, norms = store.run(run_id), store.history.curve(run_id), store.history.norms(run_id)
        epochs, changes, lineage = (
            store.history.epochs(run_id),
            store.history.changes(run_id),
            store.history.lineage(run_id),
        )
    tensors: dict[str, npt.NDArray[Any]] = {
        "loss": curve.loss,
        "accuracy": curve.accuracy,
        "lr": curve.lr,
        "norms_step": norms.step,
        "norms": np.stack(norms[2:], 1),
    }
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        kept = 0
        for step in reversed(store.checkpoints.steps(run_id)):
            path = store.checkpoints.path(run_id, step)
            try:
                Checkpoint.load(path)
                data = path.read_bytes()
            except (CheckpointError, FileNotFoundError):  # damaged; or a checkpoint that was let go just now
                continue
            # Weights are noise to a compressor: it would take long for nothing.
            archive.writestr(f"weights/{path.name}", data, zipfile.ZIP_STORED)
            kept = kept or step + 1
            if last_only:
                break
        record = _to_json(run, lineage, epochs, changes)
        archive.writestr(_JSON, json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False))
        archive.writestr(_CURVE, save({name: np.ascontiguousarray(one) for name, one in tensors.items()}))
        archive.writestr(_NET, network_code(run.network, run.config, kept - 1 if kept else None))
        archive.writestr(_README, _readme(run))


def export_runs(store: RunStore, run_ids: Sequence[str], *, last_only: bool = False) -> bytes:
    """Several runs in one file: a zip of files as `export_run` makes them. Raises RunGone."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for run_id in run_ids:
            archive.writestr(file_name(store.run(run_id)), export_run(store, run_id, last_only=last_only))
    return stream.getvalue()


def _to_json(run: Run, lineage: list[tuple[str, int]], epochs: list[Epoch], changes: list[Change]) -> dict[str, Any]:
    return {
        "nnviz_run": VERSION,
        **{name: getattr(run, name) for name in _COPIED},
        "status": run.status.value,
        "network": run.network.to_dict(),
        "training": run.config.to_dict(),
        "forked_from": lineage[:-1],
        "epochs": [[number if math.isfinite(number) else None for number in epoch] for epoch in epochs],
        "changes": changes,
    }


def network_code(network: NetworkSpec, config: TrainConfig, step: int | None = None) -> str:
    """The network as a plain PyTorch module whose parameters have the names of the checkpoints; with the weights of
    `step`, if there is one.
    """
    dataset = DATASETS[config.data]
    lines = [
        '"""The network of this run in plain PyTorch. Needs: pip install torch safetensors"""',
        "",
        "from collections import OrderedDict",
        "",
        "from safetensors.torch import load_file",
        "from torch import nn",
        "",
        f"# Images: float32 (n, {', '.join(map(str, dataset.input_shape))}); pixels from 0…255 to",
        f"# (x / 255 - {dataset.mean}) / {dataset.std}, 0 = paper. Out come {len(dataset.classes)} logits.",
        "model = nn.Sequential(OrderedDict([",
    ]
    for plan in network.plan(dataset.input_shape, len(dataset.classes)):
        for call in plan.calls:
            learns = any(True for _ in _on_paper(call.build).parameters())
            name = plan.name if learns else f"{plan.name}_{call.name.lower()}"
            lines.append(f'    ("{name}", {call.code()}),')
    lines.append("]))")
    if step is not None:
        lines += [
            "",
            f'tensors = load_file("weights/{step:09d}.safetensors")',
            'weights = {name[6:]: tensor for name, tensor in tensors.items() if name.startswith("model.")}',
            "model.load_state_dict(weights)",
            "model.eval()",
        ]
    return "\n".join(lines) + "\n"


def _readme(run: Run) -> str:
    return (
        f"A neural network's training, exported by nnviz: {run.name}.\n\n"
        "nnviz opens this file as it is (Compare, “Export and import”; or `python -m nnviz import FILE`). By itself: "
        "run.json has network, settings, changes and epochs (epoch, step, train loss, train accuracy, test loss, "
        "test accuracy); "
        "curve.safetensors has loss, accuracy and learning rate of every step; weights/ has the network after so many "
        "steps, parameters as “model.…”, the optimizer's state as “optimizer.<parameter>.…”. net.py is the network in "
        "plain PyTorch and loads its last weights: unpack the file, then run it there.\n"
    )


# ---------------------------------------------------------------------- in


def import_run(store: RunStore, source: bytes | Path | IO[bytes], origin: str = "") -> Run:
    """A new run of `store` with all that the file holds; `origin` (its name) goes into the note.

    A training that was under way can be resumed here. Raises ArchiveError if the file is not as it should be, OSError
    or sqlite3.Error if it can't be kept; then nothing is left of it.
    """
    with _open(source) as archive:
        return _take_in(store, archive, _without_folder(_entries(archive)), origin)


def import_runs(store: RunStore, source: bytes | Path | IO[bytes], origin: str = "") -> list[Run]:
    """The run, or all runs of a file of several; one that is not as it should be keeps them all out. Raises as
    `import_run` does.
    """
    with _open(source) as archive:
        entries = _entries(archive)
        files = [info for name, info in entries if name.lower().endswith(".zip")]
        folders = _folders(entries)
        if files and len(files) == len(entries):
            of_each = [partial(_import_file, archive, info) for info in files]
        elif len(folders) > 1 and all(name.startswith(tuple(folders)) for name, _ in entries):
            of_each = [partial(_import_folder, archive, entries, folder) for folder in folders]
        else:
            return [_take_in(store, archive, _without_folder(entries), origin)]
        if len(of_each) > MAX_RUNS:
            raise ArchiveError(f"a file has at most {MAX_RUNS} runs, not {len(of_each)}")
        found: list[Run] = []
        kept = 0
        try:
            for take_in in of_each:
                found.append(take_in(store, origin))
                kept += sum(path.stat().st_size for path in store.folder(found[-1].id).iterdir())
                if kept > MAX_BYTES_OF_ALL:
                    raise ArchiveError(f"the weights in one file take at most {MAX_BYTES_OF_ALL / 1e9:g} GB together")
        except BaseException:
            for run in found:
                store.delete(run.id)
            raise
        return found


def import_pretrained(store: RunStore, source: bytes, run_id: str) -> Run:
    """A run that comes with nnviz, under a name of its own instead of an id, as of when it was trained and with its own
    note. Raises as `import_run` does.
    """
    with _open(source) as archive:
        reader = _Reader(archive, _parts(_entries(archive)), "")
        return reader.into(store, run_id)


_Entries = list[tuple[str, zipfile.ZipInfo]]


def _import_file(archive: zipfile.ZipFile, info: zipfile.ZipInfo, store: RunStore, origin: str) -> Run:
    if info.file_size > MAX_BYTES:
        raise ArchiveError(f"a run's file has at most {MAX_BYTES / 1e9:g} GB, not {info.file_size / 1e9:,.1f} GB")
    return import_run(store, _read(archive, info), origin)


def _import_folder(archive: zipfile.ZipFile, entries: _Entries, folder: str, store: RunStore, origin: str) -> Run:
    own = [(name.removeprefix(folder), info) for name, info in entries if name.startswith(folder)]
    return _take_in(store, archive, own, origin)


def _take_in(store: RunStore, archive: zipfile.ZipFile, entries: _Entries, origin: str) -> Run:
    try:
        return _Reader(archive, _parts(entries), origin).into(store)
    except LayerError as error:
        raise ArchiveError(f"layer {error.index + 1} of this run's network: {error}") from None
    except SpecError as error:
        raise ArchiveError(f"this run can't be: {error}") from None


def _entries(archive: zipfile.ZipFile) -> _Entries:
    """Name and place of each file in it, without folders and what computers leave in them, in the order it has."""
    entries = []
    for info in archive.infolist():
        name = info.filename.replace("\\", "/").removeprefix("./")  # as some programs for Windows write it
        if not (info.is_dir() or name.endswith("/") or _LEFT_BY_COMPUTERS.search(name)):
            entries.append((name, info))
    return entries


def _folders(entries: _Entries) -> list[str]:
    """The folders that have a run in them, each with a slash at its end; "" is the file itself."""
    found = (name.removesuffix(_JSON) for name, _ in entries if name == _JSON or name.endswith(f"/{_JSON}"))
    return list(dict.fromkeys(folder for folder in found if not {"", ".", ".."} & set(folder.split("/")[:-1])))


def _without_folder(entries: _Entries) -> _Entries:
    """By the names that the parts have in a file as it was made: one that was unpacked has a folder around all."""
    match _folders(entries):
        case [folder] if all(name.startswith(folder) for name, _ in entries):
            return [(name.removeprefix(folder), info) for name, info in entries]
    return entries


def _open(source: bytes | Path | IO[bytes]) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(io.BytesIO(source) if isinstance(source, bytes) else source)
    except _DAMAGED:
        raise ArchiveError("this is not a run of nnviz: it must be a zip file, whole and undamaged") from None


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    try:
        return archive.read(info)
    except _DAMAGED as error:
        raise ArchiveError(f"the part {info.filename} of this file is damaged ({error})") from None


_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OverflowError,
)
"""What `zipfile` raises for files that are none of its own."""


class _Reader:
    def __init__(self, archive: zipfile.ZipFile, parts: dict[str, zipfile.ZipInfo], origin: str) -> None:
        self.archive, self.parts, self.origin = archive, parts, origin
        self.record = _record(self.read(_JSON))
        self.network = NetworkSpec.from_dict(self.record["network"])
        self.config = TrainConfig.from_dict(self.record["training"])
        check(self.network, self.config)

    def read(self, name: str) -> bytes:
        return _read(self.archive, self.parts[name])

    def into(self, store: RunStore, pretrained: str = "") -> Run:
        """`pretrained`: its id, if it came with nnviz."""
        epochs, changes = self._epochs(), self._changes()
        curve, norms = self._curves()
        run = self._run()
        if pretrained:
            created, note = _number(self.record, "created"), _text(self.record, "note", 4000)
            run = replace(run, id=pretrained, created=created, note=note, pretrained=True)
        return store.adopt(run, curve, norms, epochs, changes, self._fill)

    def _run(self) -> Run:
        record = self.record
        status, reason = Status(_STATUS.check(record["status"])), _text(record, "reason", 4000)
        if status.active:
            status, reason = Status.INTERRUPTED, "It was still going when it was exported. Resume it to go on."
        name, old = _text(record, "name", NAME_LENGTH), _text(record, "id", 40)
        made = time.strftime("%d %b %Y", time.gmtime(_number(record, "created", high=4e9)))
        came = f"Imported{f' from {self.origin}' if self.origin else ''}: run {old}, begun {made}."
        if record["forked_from"]:
            came += f" It was forked from {_forked_from(record['forked_from'])}."
        note = _text(record, "note", 4000)
        return Run(
            id="",
            name=_one_line(name) or "Imported run",
            note=f"{note}\n{_one_line(came)}".strip()[:4000],
            network=self.network,
            config=self.config,
            status=status,
            reason=reason,
            created=0.0,
            seconds=_number(record, "seconds"),
            step=_whole(record, "step"),
            steps=_whole(record, "steps"),
            speed=_number(record, "speed"),
            device=_one_line(_text(record, "device", 40)),
            threads=_whole(record, "threads", 1024),
            attempt=_whole(record, "attempt"),
            test_accuracy=None,
            parent="",
            parent_step=0,
            ensemble=_whole(record, "ensemble", 100_000),
        )

    def _epochs(self) -> list[Epoch]:
        found = []
        for row in _list(self.record, "epochs", self.config.epochs, 6):
            number = Number("an epoch", 1, self.config.epochs, whole=True).check(row[0])
            step = Number("an epoch's step", 0, _COUNT, whole=True).check(row[1])
            loss, share = Number("a loss", 0, 3.4e38), Number("an accuracy", 0, 1)
            figures = [
                math.nan if value is None else float(bounds.check(value))
                for value, bounds in zip(row[2:], (loss, share, loss, share), strict=True)
            ]
            found.append(Epoch(int(number), int(step), *figures))
        return found

    def _changes(self) -> list[Change]:
        found, config = [], self.config
        for step, name, before, after in _list(self.record, "changes", MAX_CHANGES, 4):
            step = Number("a change's step", 0, _COUNT, whole=True).check(step)
            name = Choice("what was changed", {one: one for one in LIVE_FIELDS}).check(name)
            before = getattr(config.with_(**{name: before}), name)
            config = config.with_(**{name: after})
            check(self.network, config)
            found.append(Change(int(step), name, float(before), float(getattr(config, name))))
        return found

    def _curves(self) -> tuple[Curve, NormCurves]:
        try:
            tensors = load(self.read(_CURVE))
        except (SafetensorError, ValueError, KeyError, TypeError) as error:
            raise ArchiveError(f"the part {_CURVE} of this file is damaged ({error})") from None
        layers = learning_layers(self.network, self.config)
        steps = len(tensors["loss"]) if "loss" in tensors and tensors["loss"].ndim == 1 else 0
        rows = len(tensors["norms_step"]) if "norms_step" in tensors and tensors["norms_step"].ndim == 1 else 0
        expected: dict[str, tuple[tuple[int, ...], type]] = {
            "loss": ((steps,), np.float32),
            "accuracy": ((steps,), np.float32),
            "lr": ((steps,), np.float32),
            "norms_step": ((rows,), np.int64),
            "norms": ((rows, 3, len(layers)), np.float32),
        }
        _compare(tensors, expected, _CURVE)
        step = tensors["norms_step"]
        if rows and not (step[0] >= 0 and (np.diff(step) > 0).all() and step[-1] <= _COUNT):
            raise ArchiveError("the steps of the norms must ascend from 0, and these don't")
        curve = Curve(np.arange(1, steps + 1), tensors["loss"], tensors["accuracy"], tensors["lr"])
        return curve, NormCurves(step, layers, *(tensors["norms"][:, place] for place in range(3)))

    def _fill(self, folder: Path) -> None:
        """Put the checkpoints into `folder`, each read back and compared with the network."""
        dataset = DATASETS[self.config.data]
        model = _on_paper(lambda: build_model(self.network, dataset.input_shape, len(dataset.classes), 0))
        most = 2 * checkpoint_bytes(self.network, self.config.with_(momentum=0.9)) + _MARGIN
        for name, info in sorted(self.parts.items()):
            if not (match := _WEIGHTS.fullmatch(name)):
                continue
            if info.file_size > most:
                raise ArchiveError(
                    f"weights of this network take at most {most / 1e6:,.1f} MB; {name} has {info.file_size / 1e6:,.1f}"
                )
            path = folder / f"{match[1]}.safetensors"
            write_atomically(path, self.read(name))
            try:
                checkpoint = Checkpoint.load(path)
            except CheckpointError:
                raise ArchiveError(f"the part {name} of this file is damaged") from None
            _check_position(checkpoint, int(match[1]), self.config, name)
            _compare(checkpoint.model, {k: (tuple(v.shape), v.dtype) for k, v in model.state_dict().items()}, name)
            _check_optimizer(checkpoint, [tuple(p.shape) for p in model.parameters()], self.config, name)


def _parts(entries: _Entries) -> dict[str, zipfile.ZipInfo]:
    """The parts by name; checked before any is read, so that a small file can't unpack to a huge one."""
    if len(entries) > MAX_PARTS:
        raise ArchiveError(f"a run's file has at most {MAX_PARTS:,} parts, not {len(entries):,}")
    total = sum(info.file_size for _, info in entries)
    if total > MAX_BYTES:
        raise ArchiveError(f"a run's file unpacks to at most {MAX_BYTES / 1e9:.0f} GB, not {total / 1e9:,.1f} GB")
    parts: dict[str, zipfile.ZipInfo] = {}
    for name, info in entries:
        if name not in _LIMITS and not _WEIGHTS.fullmatch(name):
            raise ArchiveError(f"a run's file has no part {show(name)}; it has {', '.join(_LIMITS)} and weights")
        if name in parts:
            raise ArchiveError(f"each part is in a run's file once; {name} is there twice")
        if info.file_size > (most := _LIMITS.get(name, MAX_BYTES)):
            raise ArchiveError(f"{name} is at most {most / 1e6:g} MB long, not {info.file_size / 1e6:,.1f} MB")
        parts[name] = info
    if missing := [name for name in (_JSON, _CURVE) if name not in parts]:
        raise ArchiveError(f"this is not a run of nnviz: it lacks its part {missing[0]}")
    return parts


def _record(data: bytes) -> dict[str, Any]:
    try:
        record = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError):
        raise ArchiveError(f"{_JSON} must be JSON, and this is not") from None
    if not isinstance(record, dict) or "nnviz_run" not in record:
        raise ArchiveError(f"{_JSON} must be an object that says its version as nnviz_run, and this is none")
    if record["nnviz_run"] != VERSION or isinstance(record["nnviz_run"], bool):
        raise ArchiveError(
            f"this run's file is of version {show(record['nnviz_run'])}; this nnviz reads version {VERSION}"
        )
    record = {_FORMER.get(key, key): value for key, value in record.items()}
    return named(record, _KEYS, _KEYS, _JSON)


_STATUS = Choice("status", {status.value: status.value for status in Status})


def _text(record: Mapping[str, Any], key: str, longest: int) -> str:
    value = record[key]
    if not isinstance(value, str):
        raise ArchiveError(f"{key} must be text, not {show(value)}")
    return value.encode(errors="replace").decode()[:longest]  # JSON can spell halves of letters, a database can't


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _number(record: Mapping[str, Any], key: str, high: float = 1e12) -> float:
    return float(Number(key, 0, high).check(record[key]))


def _whole(record: Mapping[str, Any], key: str, high: int = _COUNT) -> int:
    return int(Number(key, 0, high, whole=True).check(record[key]))


def _list(record: Mapping[str, Any], key: str, most: int, width: int) -> list[list[Any]]:
    """A list of at most `most` lists of `width` values."""
    rows = record[key]
    if not isinstance(rows, list) or len(rows) > most:
        count = f"{len(rows):,}" if isinstance(rows, list) else show(rows)
        raise ArchiveError(f"{key} must be a list of at most {most:,}, not {count}")
    for row in rows:
        if not isinstance(row, list) or len(row) != width:
            raise ArchiveError(f"each of {key} must be a list of {width} values, not {show(row)}")
    return rows


def _forked_from(lineage: Any) -> str:
    """The last one of a list of runs and steps, in words."""
    match lineage:
        case [*_, [str(run_id), int(step)]]:
            return f"{run_id.encode(errors='replace').decode()[:40]} after step {step:,}"
    raise ArchiveError(f"forked_from must be a list of runs and steps, not {show(lineage)}")


def _compare(found: Mapping[str, Any], expected: Mapping[str, tuple[tuple[int, ...], Any]], part: str) -> None:
    """Raise ArchiveError unless `found` has exactly the arrays `expected`, by name, shape and type."""
    if missing := [name for name in expected if name not in found]:
        raise ArchiveError(f"{part} doesn't fit its network: it lacks {missing[0]}")
    if unknown := [name for name in found if name not in expected]:
        raise ArchiveError(f"{part} doesn't fit its network: there is no {show(unknown[0])} in it")
    for name, (shape, kind) in expected.items():
        one = found[name]
        if tuple(one.shape) != shape or one.dtype != kind:
            raise ArchiveError(
                f"{part} doesn't fit its network: {name} must be {_kind(kind)} {shape}, not"
                f" {_kind(one.dtype)} {tuple(one.shape)}"
            )


def _kind(dtype: Any) -> str:
    return str(dtype).removeprefix("torch.") if isinstance(dtype, torch.dtype) else str(np.dtype(dtype))


def _check_position(checkpoint: Checkpoint, step: int, config: TrainConfig, part: str) -> None:
    position = checkpoint.position
    bounds = {
        "step": Number("its step", step, step, whole=True),
        "epoch": Number("its epoch", 0, config.epochs, whole=True),
        "loss_sum": Number("its loss", 0, 3.4e38),
    }
    for name, value in position._asdict().items():
        rule = bounds.get(name) or Number(f"its {name}", 0, _COUNT, whole=True)
        if isinstance(value, str):  # which bounds would take for the number it spells
            raise ArchiveError(f"{part}: {rule.label} must be a number, not {show(value)}")
        try:
            rule.check(value)
        except SpecError as error:
            raise ArchiveError(f"{part}: {error}") from None


def _check_optimizer(checkpoint: Checkpoint, shapes: list[tuple[int, ...]], config: TrainConfig, part: str) -> None:
    """Its state must be what the optimizer remembers of each parameter, or nothing at all: before the first step."""
    if not checkpoint.optimizer:
        return
    # The momentum may have been changed, to 0 or from it; then there is a buffer or there is none.
    needed, allowed = (_remembered(config.with_(momentum=momentum)) for momentum in (0, 0.9))
    known = {f"{place}.{key}" for place in range(len(shapes)) for key in allowed}
    expected = {
        f"{place}.{key}": (() if allowed[key].dim() == 0 else shape, allowed[key].dtype)
        for place, shape in enumerate(shapes)
        for key in allowed
        if key in needed or f"{place}.{key}" in checkpoint.optimizer
    }
    if unknown := [name for name in checkpoint.optimizer if name not in known]:
        raise ArchiveError(f"{part} doesn't fit its optimizer: there is no {show(unknown[0])} in it")
    _compare(checkpoint.optimizer, expected, part)


def _remembered(config: TrainConfig) -> dict[str, Tensor]:
    """What the optimizer keeps of a parameter, seen from a step with a small one."""
    weight = nn.Parameter(torch.zeros(2))
    optimizer = OPTIMIZERS[config.optimizer].build([weight], config)
    weight.grad = torch.ones(2)
    optimizer.step()
    return {key: torch.as_tensor(value) for key, value in optimizer.state[weight].items() if value is not None}


def _on_paper(build: Any) -> nn.Module:
    """What `build` makes, with shapes but without numbers."""
    with torch.device("meta"):
        module: nn.Module = build()
    return module
