"""Learning-rate schedules."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Schedule:
    """How the learning rate moves: lr(step) = lr · factor(step, total, epoch, epochs).

    `step` counts batches from 0, `epoch` from 0. `code` makes `scheduler` in the generated script; it is stepped
    after every batch, or after every epoch where `per_epoch`.
    """

    name: str
    title: str
    factor: Callable[[float, float, int, int], float]
    code: Callable[[float, int], str | None]
    per_epoch: bool = False


def _steps_of(epochs: int) -> int:
    return max(1, epochs // 3)


def _one_cycle(step: float, total: float, epoch: int, epochs: int) -> float:
    """torch's OneCycleLR with its defaults: 1/25 → 1 over 30 % of the way, then → 1/250,000, along cosines."""
    peak, last = 0.3 * total - 1, total - 1
    if step < peak:
        return _cosine(1 / 25, 1, step / peak)
    return _cosine(1, 1 / 250_000, min(1, (step - peak) / (last - peak)))


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) / 2 * (1 + math.cos(math.pi * share))


SCHEDULES: dict[str, Schedule] = {
    s.name: s
    for s in (
        Schedule("constant", "Constant", lambda step, total, epoch, epochs: 1.0, lambda lr, epochs: None),
        Schedule(
            "step",
            "Step: ×0.1 after each third",
            lambda step, total, epoch, epochs: 0.1 ** (epoch // _steps_of(epochs)),
            lambda lr, epochs: f"torch.optim.lr_scheduler.StepLR(optimizer, step_size={_steps_of(epochs)}, gamma=0.1)",
            per_epoch=True,
        ),
        Schedule(
            "cosine",
            "Cosine to zero",
            lambda step, total, epoch, epochs: _cosine(1, 0, min(1, step / total)),
            lambda lr, epochs: (
                "torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs * len(train_loader))"
            ),
        ),
        Schedule(
            "onecycle",
            "One cycle: up, then down",
            _one_cycle,
            lambda lr, epochs: (
                f"torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr={lr!r}, "
                "total_steps=epochs * len(train_loader), cycle_momentum=False)"
            ),
        ),
    )
}
