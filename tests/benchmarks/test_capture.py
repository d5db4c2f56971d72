"""The benchmark of capturing compares what it says it does."""

from __future__ import annotations

import pytest

from benchmarks.capture import BARE, DEFAULT, FOLLOWED, measure
from nnviz.data.datasets import Dataset, Loaded
from nnviz.spec.train_config import TrainConfig
from nnviz.train import trainer
from nnviz.train.checkpoint import kept_steps


def test_the_ways_differ_in_what_is_captured_and_train_alike(blobs: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Dataset, "load", lambda self, root=None: blobs)
    monkeypatch.setattr(trainer, "NORM_APART", 1)
    table = measure("classic", TrainConfig(epochs=2, batch_size=4), turns=1)  # raises if the losses differ
    rows = {row[0]: dict(zip(table.head, row, strict=True)) for row in table.rows}
    told = {way: [rows[way][name] for name in ("checkpoints", "norms", "shown")] for way in (BARE, DEFAULT, FOLLOWED)}
    assert told[DEFAULT] == [len({*kept_steps(150, 30), 75}), 150, 0]
    assert told[BARE] == [5, 0, 0]
    assert told[FOLLOWED][-1] >= 1
    assert trainer.NORM_ROWS > 0
