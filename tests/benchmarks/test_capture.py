"""The benchmark of capturing compares what it says it does."""

from __future__ import annotations

import pytest

from benchmarks.capture import BARE, DEFAULT, FOLLOWED, measure
from nnviz.data.datasets import Dataset, Loaded
from nnviz.spec.train_config import TrainConfig
from nnviz.train import trainer
from nnviz.train.checkpoint import kept_steps


def test_the_ways_differ_in_what_is_captured_and_train_alike(
    blobs: Loaded, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Dataset, "load", lambda self, root=None: blobs)
    monkeypatch.setattr(trainer, "NORM_APART", 1)
    measure("classic", TrainConfig(epochs=2, batch_size=4), turns=1)  # ends the process if the losses differ
    told = capsys.readouterr().out
    rows = {way: next(line for line in told.splitlines() if line.startswith(f"{way}  ")) for way in (BARE, DEFAULT)}
    checkpoints, _, norms, shown = rows[DEFAULT].split()[-4:]
    assert (int(checkpoints), int(norms), int(shown)) == (len({*kept_steps(150, 30), 75}), 150, 0)
    checkpoints, _, norms, shown = rows[BARE].split()[-4:]
    assert (int(checkpoints), int(norms), int(shown)) == (5, 0, 0)
    followed = next(line for line in told.splitlines() if line.startswith(FOLLOWED))
    assert int(followed.split()[-1]) >= 1
    assert trainer.NORM_ROWS > 0
