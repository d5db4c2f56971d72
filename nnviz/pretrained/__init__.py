"""Networks that come with nnviz, trained by `scripts/pretrained.py`: whoever draws has an answer before anything was
trained here.

Each folder is a run as `nnviz.export.archive` writes it, unpacked: the record as JSON, curve and weights as
safetensors.
"""

from __future__ import annotations

import io
import json
import shutil
import sqlite3
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from nnviz import environment
from nnviz.export.archive import ArchiveError, import_pretrained
from nnviz.store.run import RunGone
from nnviz.store.runs import RunStore

_HERE = Path(__file__).parent


class Pretrained(NamedTuple):
    id: str
    """Of its run, in every store."""
    preset: str
    """The name of its network in `nnviz.spec.presets`."""
    title: str

    @property
    def folder(self) -> Path:
        return _HERE / self.id.removeprefix("pretrained-")


PRETRAINED = (
    Pretrained("pretrained-cnn", "small_cnn", "Pretrained small CNN"),
    Pretrained("pretrained-mlp", "classic", "Pretrained MLP 784-128-10"),
)
"""The one that reads drawings best comes first."""


def install(store: RunStore) -> None:
    """Let them stand among the runs of `store`, where it can be written and they aren't unwanted; also where they were
    there as an earlier version of nnviz had them. What keeps them out keeps nothing else from going on.
    Raises SettingError.
    """
    if store.look_only or not environment.pretrained():
        return
    for net in PRETRAINED:
        # The last three are what a damaged copy of nnviz gives.
        with suppress(OSError, sqlite3.Error, ArchiveError, ValueError, KeyError):
            if not _is_there(store, net):
                _renew(store, net)


def _is_there(store: RunStore, net: Pretrained) -> bool:
    trained = json.loads((net.folder / "run.json").read_text(encoding="utf-8"))["created"]
    try:
        return bool(store.run(net.id).created == trained)
    except RunGone:
        return False


def _renew(store: RunStore, net: Pretrained) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for path in net.folder.rglob("*"):
            if path.is_file():
                archive.write(path, path.relative_to(net.folder).as_posix())
    with store.db.together():  # a command line may come at the same time
        if _is_there(store, net):
            return
        with suppress(RunGone):
            store.delete(net.id)
        shutil.rmtree(store.folder(net.id), ignore_errors=True)  # of a process that was killed while it did this
        import_pretrained(store, stream.getvalue(), net.id)
