"""RMSprop."""

from __future__ import annotations

import math

import torch

from nnviz.spec.optimizers.base import Line, Optimizer, Settings, decayed, last_lines


def _rmsprop(before: float, gradient: float, config: Settings, old: dict[str, float]) -> list[Line]:
    lines, symbol, d = decayed(before, gradient, config)
    s = 0.99 * old.get("square_avg", 0.0) + 0.01 * d * d
    value, direction = d / (math.sqrt(s) + 1e-8), "u"
    lines.append(Line("s", rf"0.99\,s_\text{{old}} + 0.01\,{symbol}^2", "running mean of the gradient's square", s))
    lines.append(Line("u", rf"{symbol} / (\sqrt{{s}} + \varepsilon)", "the gradient on its usual scale", value))
    if mu := config.momentum:
        value, direction = mu * old.get("momentum_buffer", 0.0) + value, "v"
        lines.append(Line("v", r"\mu\,v_\text{old} + u", f"the momentum buffer, μ = {mu:g}", value))
    return [*lines, *last_lines(before, value, direction, config)]


RMSPROP = Optimizer(
    "rmsprop", "RMSprop", torch.optim.RMSprop, _rmsprop, uses=("momentum",), late_buffer="momentum_buffer", rank=30
)
