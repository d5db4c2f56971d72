"""Checkpoints: whole or not at all, and the same tensors back."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from nnviz.data.datasets import Loaded
from nnviz.spec.layers.batch_norm import BatchNorm
from nnviz.spec.layers.dense import Dense
from nnviz.spec.network import NetworkSpec
from nnviz.spec.optimizers import OPTIMIZERS
from nnviz.spec.train_config import TrainConfig
from nnviz.train.checkpoint import Checkpoint, CheckpointError, Position, kept_steps, restore, write_atomically
from nnviz.train.events import Batch
from nnviz.train.trainer import Trainer


def trained(data: Loaded, optimizer: str = "sgd", network: NetworkSpec | None = None) -> Trainer:
    trainer = Trainer(network or NetworkSpec((Dense(8), BatchNorm())), TrainConfig(optimizer=optimizer), data)
    next(event for event in trainer.run() if isinstance(event, Batch) and event.step == 3)
    return trainer


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_file_gives_the_same_state_back(blobs: Loaded, tmp_path: Path, optimizer: str) -> None:
    trainer = trained(blobs, optimizer)
    taken = trainer.checkpoint()
    taken.save(tmp_path / "s.safetensors")
    loaded = Checkpoint.load(tmp_path / "s.safetensors")
    assert loaded.position == taken.position == trainer.position
    assert loaded.model.keys() == trainer.model.state_dict().keys()
    for name, tensor in trainer.model.state_dict().items():
        assert torch.equal(loaded.model[name], tensor)

    other = trained(blobs, optimizer)
    restore(loaded, other.model, other.optimizer)
    torch.testing.assert_close(other.optimizer.state_dict(), trainer.optimizer.state_dict(), rtol=0, atol=0)
    assert {"0.momentum_buffer", "0.exp_avg", "0.square_avg", "0.sum"} & loaded.optimizer.keys()


def test_a_snapshot_is_nobody_elses(blobs: Loaded) -> None:
    trainer = trained(blobs)
    taken = trainer.checkpoint()
    before = taken.model["dense1.weight"].clone()
    list(trainer.run())
    assert torch.equal(taken.model["dense1.weight"], before)


@pytest.mark.parametrize("damage", [b"", b"rubbish", b"\xff" * 4000])
def test_a_damaged_file_is_said_by_name(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "000000007.safetensors"
    path.write_bytes(damage)
    with pytest.raises(CheckpointError, match=r"000000007.safetensors is damaged"):
        Checkpoint.load(path)


def test_a_truncated_file_is_damaged_and_a_missing_one_is_gone(blobs: Loaded, tmp_path: Path) -> None:
    path = tmp_path / "s.safetensors"
    trained(blobs).checkpoint().save(path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match="damaged"):
        Checkpoint.load(path)
    with pytest.raises(CheckpointError, match="gone"):
        Checkpoint.load(tmp_path / "other.safetensors")


def test_a_snapshot_of_another_network_is_refused(blobs: Loaded) -> None:
    other = trained(blobs, network=NetworkSpec((Dense(9),)))
    with pytest.raises(CheckpointError, match="another network"):
        restore(trained(blobs).checkpoint(), other.model, other.optimizer)


def test_a_failed_write_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def full(self: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_position_counts_nothing_at_the_start() -> None:
    assert Position() == (0, 0, 0, 0, 0.0, 0)


@pytest.mark.parametrize("total", [0, 1, 2, 3, 10, 469, 9380, 1_000_000])
@pytest.mark.parametrize("count", [2, 3, 30, 300])
def test_the_steps_that_are_kept_lie_denser_at_the_start(total: int, count: int) -> None:
    kept = kept_steps(total, count)
    spaced = np.rint(np.linspace(0, 1, count) ** 3 * total).astype(int).tolist()
    assert kept == sorted({*spaced, *(step for step in (0, 1, 2, total) if step <= total)})
    assert len(kept) <= count + 2
    if total > 100 and count > 2:
        gaps = np.diff(kept)
        assert gaps[0] == gaps[1] == 1
        assert gaps[-1] == gaps.max() == pytest.approx(3 * total / (count - 1), rel=0.55)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_bytes_are_those_of_safetensors(blobs: Loaded, optimizer: str) -> None:
    found = trained(blobs, optimizer).checkpoint()
    odd = Checkpoint(found.position, {**found.model, "half": torch.ones(3, dtype=torch.float16), "none": torch.ones(0)})
    for one in (found, odd, Checkpoint(Position(), {"ä": torch.tensor(1.5), "b": torch.tensor([[1], [2]])})):
        tensors = {f"model.{name}": tensor for name, tensor in one.model.items()}
        tensors |= {f"optimizer.{name}": tensor for name, tensor in one.optimizer.items()}
        assert one.to_bytes() == safetensors.torch.save(tensors, {"position": json.dumps(one.position._asdict())})
