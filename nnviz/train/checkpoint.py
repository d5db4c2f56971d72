"""A training held still: weights, optimizer state and position, as one safetensors file (no pickle)."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load, save
from torch import Tensor, nn

_MODEL, _OPTIMIZER = "model.", "optimizer."
_LENGTH = struct.Struct("<Q")  # what a safetensors file begins with: the bytes of its header, which is JSON


class CheckpointError(Exception):
    """A checkpoint that can't be read; the message names the file and says what is wrong."""


class Position(NamedTuple):
    """Where a training is. Random order, moves and dropout follow from it and the seed alone."""

    step: int = 0
    """Optimizer steps done."""
    epoch: int = 0
    """Epochs completed, their test pass included."""
    cursor: int = 0
    """Training images of the current epoch already used."""
    batches: int = 0
    """Batches of the current epoch already done."""
    loss_sum: float = 0.0
    """Of the current epoch, over its images so far."""
    correct: int = 0


@dataclass(frozen=True)
class Checkpoint:
    """Tensors are on the CPU and nobody else's. `model` holds parameters and buffers by PyTorch's names."""

    position: Position
    model: dict[str, Tensor]
    optimizer: dict[str, Tensor] = field(default_factory=dict)
    """State by `<parameter index>.<key>`, e.g. `0.momentum_buffer`. Empty: good for looking, not for resuming."""

    def to_bytes(self) -> bytes:
        """As a safetensors file holds it."""
        tensors = {_MODEL + k: v for k, v in self.model.items()} | {
            _OPTIMIZER + k: v for k, v in self.optimizer.items()
        }
        return _safetensors(tensors, {"position": json.dumps(self.position._asdict())})

    @staticmethod
    def from_bytes(data: bytes) -> Checkpoint:
        """The reverse of `to_bytes`. Raises CheckpointError if they are damaged."""
        try:
            head = json.loads(data[_LENGTH.size : _LENGTH.size + _LENGTH.unpack_from(data)[0]])
            position = Position(**json.loads(head["__metadata__"]["position"]))
            tensors = load(data)
        except (SafetensorError, struct.error, KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"the state is damaged and was not used ({error})") from None
        return Checkpoint(position, _part(tensors, _MODEL), _part(tensors, _OPTIMIZER))

    def save(self, path: Path) -> None:
        """Write so that `path` holds either the whole checkpoint or what it held before. Raises OSError."""
        write_atomically(path, self.to_bytes())

    @staticmethod
    def load(path: Path) -> Checkpoint:
        """Raises CheckpointError if the file is missing or damaged."""
        try:
            with safe_open(path, "pt") as file:
                position = Position(**json.loads((file.metadata() or {})["position"]))
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # not a dict
        except FileNotFoundError:
            raise CheckpointError(f"the checkpoint {path} is gone") from None
        except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"the checkpoint {path} is damaged and was not used ({error})") from None
        return Checkpoint(position, _part(tensors, _MODEL), _part(tensors, _OPTIMIZER))


def kept_steps(total: int, count: int) -> list[int]:
    """The steps of a training of `total` at which a checkpoint is kept: about `count`, ascending, denser at the start.

    The first ones change most: the gaps grow with the square of the place, from single steps to about 3 / `count` of
    the training.
    """
    spaced = {round(total * (place / (count - 1)) ** 3) for place in range(count)}
    return sorted(step for step in spaced | {1, 2, total} if step <= total)


def take(model: nn.Module, optimizer: torch.optim.Optimizer, position: Position) -> Checkpoint:
    """Copy the present state."""
    state = {
        f"{index}.{key}": torch.as_tensor(value)
        for index, entries in optimizer.state_dict()["state"].items()
        for key, value in entries.items()
        if value is not None
    }
    return Checkpoint(position, copy_of(model.state_dict()), copy_of(state))


def restore(checkpoint: Checkpoint, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Put the state back. Raises CheckpointError if it is of another network."""
    try:
        model.load_state_dict(checkpoint.model)
    except RuntimeError as error:
        raise CheckpointError(f"the checkpoint is of another network: {error}") from None
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in checkpoint.optimizer.items():
        index, key = name.split(".", 1)
        state.setdefault(int(index), {})[key] = tensor.clone()  # torch would go on with the checkpoint's own
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def copy_of(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu().clone().contiguous() for name, tensor in tensors.items()}


def write_atomically(path: Path, data: bytes) -> None:
    """Replace `path` as a whole; a failed write leaves nothing behind. Raises OSError."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        partial.write_bytes(data)
        os.replace(partial, path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise


_TYPES = {torch.float32: "F32", torch.int64: "I64"}
"""Of which networks and optimizers are made."""


def _safetensors(tensors: dict[str, Tensor], metadata: dict[str, str]) -> bytes:
    """What `safetensors.torch.save` gives, byte for byte, in a fifth of the time: there each tensor takes 50 µs, and a
    network with batch normalisation has dozens, ten times a second while somebody looks on.
    """
    if any(tensor.dtype not in _TYPES for tensor in tensors.values()):
        data: bytes = save(tensors, metadata)
        return data
    head: dict[str, object] = {"__metadata__": metadata}
    bodies, end = [], 0
    for name, tensor in sorted(tensors.items(), key=lambda one: (-one[1].element_size(), one[0])):
        bodies.append(tensor.numpy().tobytes())
        start, end = end, end + len(bodies[-1])
        head[name] = {"dtype": _TYPES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [start, end]}
    text = json.dumps(head, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % _LENGTH.size)
    return b"".join([_LENGTH.pack(len(text)), text, *bodies])


def _part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
