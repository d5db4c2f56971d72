"""Adagrad."""

from __future__ import annotations

import math

import torch

from nnviz.spec.optimizers.base import Line, Optimizer, Settings, decayed, last_lines


def _adagrad(before: float, gradient: float, config: Settings, old: dict[str, float]) -> list[Line]:
    lines, symbol, d = decayed(before, gradient, config)
    s = old.get("sum", 0.0) + d * d
    value = d / (math.sqrt(s) + 1e-10)
    lines.append(Line("s", rf"s_\text{{old}} + {symbol}^2", "sum of the squares of all gradients so far", s))
    lines.append(
        Line("u", rf"{symbol} / (\sqrt{{s}} + \varepsilon)", "the gradient, smaller the more there were", value)
    )
    return [*lines, *last_lines(before, value, "u", config)]


ADAGRAD = Optimizer("adagrad", "Adagrad", torch.optim.Adagrad, _adagrad, state=1, rank=40)
