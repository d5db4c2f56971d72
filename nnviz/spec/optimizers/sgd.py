"""Stochastic gradient descent, with momentum."""

from __future__ import annotations

import torch

from nnviz.spec.optimizers.base import Line, Optimizer, Settings, decayed, last_lines


def _sgd(before: float, gradient: float, config: Settings, old: dict[str, float]) -> list[Line]:
    lines, symbol, d = decayed(before, gradient, config)
    direction, value = symbol, d
    if mu := config.momentum:
        if "momentum_buffer" in old:
            velocity = mu * old["momentum_buffer"] + d
            lines.append(Line(r"v_\text{old}", "", "the momentum buffer before the step", old["momentum_buffer"]))
            lines.append(Line("v", rf"\mu\,v_\text{{old}} + {symbol}", f"the momentum buffer, μ = {mu:g}", velocity))
        else:
            velocity = d
            lines.append(Line("v", symbol, "the momentum buffer, on its first step", velocity))
        direction, value = "v", velocity
        if config.nesterov:
            direction, value = "n", d + mu * velocity
            lines.append(Line("n", rf"{symbol} + \mu\,v", "Nesterov: the gradient, and where momentum leads", value))
    return [*lines, *last_lines(before, value, direction, config)]


SGD = Optimizer("sgd", "SGD", torch.optim.SGD, _sgd, uses=("momentum", "nesterov"), state=1, rank=10)
