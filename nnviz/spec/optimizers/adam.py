"""Adam, and AdamW with decoupled weight decay."""

from __future__ import annotations

import math

import torch

from nnviz.spec.optimizers.base import Line, Optimizer, Settings, decayed, last_lines


def _adam(before: float, gradient: float, config: Settings, old: dict[str, float]) -> list[Line]:
    lines, symbol, d = decayed(before, gradient, config)
    return [*lines, *_adam_step(before, d, symbol, config, old)]


def _adamw(before: float, gradient: float, config: Settings, old: dict[str, float]) -> list[Line]:
    shrink = config.lr * config.weight_decay * before
    lines = _adam_step(before - shrink, gradient, "g", config, old)
    if shrink:
        words = f"decoupled weight decay, λ = {config.weight_decay:g}: the weight shrinks first"
        symbol = r"W_\text{old} - \alpha\lambda\,W_\text{old}"
        last = lines[-1]
        lines.insert(0, Line("w", symbol, words, before - shrink))
        lines[-1] = last._replace(formula=last.formula.replace(r"W_\text{old}", "w"))
    return lines


def _adam_step(before: float, d: float, symbol: str, config: Settings, old: dict[str, float]) -> list[Line]:
    beta1, beta2, eps = 0.9, 0.999, 1e-8
    t = old.get("step", 0.0) + 1
    m = beta1 * old.get("exp_avg", 0.0) + (1 - beta1) * d
    s = beta2 * old.get("exp_avg_sq", 0.0) + (1 - beta2) * d * d
    value = (m / (1 - beta1**t)) / (math.sqrt(s / (1 - beta2**t)) + eps)
    return [
        Line("m", rf"0.9\,m_\text{{old}} + 0.1\,{symbol}", "running mean of the gradient", m),
        Line("s", rf"0.999\,s_\text{{old}} + 0.001\,{symbol}^2", "running mean of its square", s),
        Line(
            "u",
            r"\frac{m / (1 - 0.9^t)}{\sqrt{s / (1 - 0.999^t)} + \varepsilon}",
            f"the direction, both means without their bias towards 0 (t = {t:.0f})",
            value,
        ),
        *last_lines(before, value, "u", config),
    ]


ADAM = Optimizer("adam", "Adam", torch.optim.Adam, _adam, rank=20)
ADAMW = Optimizer("adamw", "AdamW", torch.optim.AdamW, _adamw, decay=0.01, rank=21)
