"""The benchmark of sweeps compares what it says it does."""

from __future__ import annotations

import pytest

from benchmarks import sweep
from nnviz.data.datasets import Dataset, Loaded
from nnviz.train.ensemble import EnsembleTrainer
from nnviz.train.events import Epoch
from nnviz.train.trainer import Trainer


def test_the_ways_train_the_same_nets(blobs: Loaded) -> None:
    members = sweep.members_of(8, 16, 5)
    ensembles = sweep.ensembles_of(members, 2)
    assert sorted(config.lr for ensemble in ensembles for _, config in ensemble) == sorted(
        config.lr for _, config in members
    )
    assert {len(ensemble) for ensemble in ensembles} == {2, 3}  # one for each core
    found = next(event.epochs for event in EnsembleTrainer(ensembles[0], blobs).run() if hasattr(event, "epochs"))
    for epoch, (network, config) in zip(found, ensembles[0], strict=True):
        alone = next(event for event in Trainer(network, config, blobs).run() if isinstance(event, Epoch))
        assert epoch.train_loss == pytest.approx(alone.train_loss, abs=1e-5)


def test_a_row_for_each_size(
    blobs: Loaded, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Dataset, "load", lambda self, root=None: blobs)
    table = sweep.measure([4], [16, 64], [2, 3], turns=1, cores=2)
    table.show()
    assert capsys.readouterr().out.startswith(table.title)
    assert [row[:3] for row in table.rows] == [(4, batch, points) for batch in (16, 64) for points in (2, 3)]
    assert all(number > 0 for row in table.rows for number in row)
