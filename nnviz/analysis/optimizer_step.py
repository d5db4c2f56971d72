"""One weight through one optimizer step, with every number that the formula needs.

The formulas are those of torch.optim's documentation: SGD, Adam, AdamW, RMSprop, Adagrad.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from nnviz.analysis.checkpoint_view import CheckpointView, Step
from nnviz.spec.train_config import TrainConfig


class Line(NamedTuple):
    """One quantity on the way from the old weight to the new one."""

    symbol: str
    """LaTeX."""
    formula: str
    """LaTeX; empty for what is given."""
    meaning: str
    value: float


class UpdateArithmetic(NamedTuple):
    """How one weight is updated; the lines build on one another and the last one is the new weight."""

    lines: tuple[Line, ...]
    trained: float
    """The new weight that the training itself has: the last line but for rounding in float32."""


def explain_update(checkpoint: CheckpointView, step: Step, name: str, index: tuple[int, ...]) -> UpdateArithmetic:
    """The step of `checkpoint` for the weight at `index` of the parameter `name`. Raises IndexError, KeyError."""
    before, gradient = float(step.before[name][index]), float(step.gradient[name][index])
    place = list(step.before).index(name)
    old = {
        key.split(".", 1)[1]: float(tensor[index] if tensor.dim() else tensor)
        for key, tensor in checkpoint.state.optimizer.items()
        if key.split(".", 1)[0] == str(place)
    }
    config = _at_step(checkpoint.config, step)
    lines = [
        Line(r"W_\text{old}", "", "the weight before the step", before),
        Line("g", r"\partial L / \partial W", f"its gradient, the mean over the {len(step.labels)} images", gradient),
        Line(r"\alpha", "", "the learning rate", step.lr),
    ]
    lines += _FORMULAS[config.optimizer](before, gradient, config, old)
    return UpdateArithmetic(tuple(lines), float(step.after[name][index]))


def _at_step(config: TrainConfig, step: Step) -> TrainConfig:
    return config.with_(lr=step.lr)


def _decayed(before: float, gradient: float, config: TrainConfig) -> tuple[list[Line], str, float]:
    """Weight decay as L2 regularisation: lines, symbol and value of the gradient that the optimizer goes on with."""
    if not config.weight_decay:
        return [], "g", gradient
    d = gradient + config.weight_decay * before
    words = f"the gradient and the pull of weight decay, λ = {config.weight_decay:g}"
    return [Line("d", r"g + \lambda\,W_\text{old}", words, d)], "d", d


def _sgd(before: float, gradient: float, config: TrainConfig, old: dict[str, float]) -> list[Line]:
    lines, symbol, d = _decayed(before, gradient, config)
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
    return [*lines, *_last(before, value, direction, config)]


def _last(before: float, value: float, direction: str, config: TrainConfig) -> list[Line]:
    step = config.lr * value
    return [
        Line(rf"\alpha\,{direction}", rf"\alpha \cdot {direction}", "how far the weight moves", step),
        Line(r"W_\text{new}", rf"W_\text{{old}} - \alpha\,{direction}", "the weight after the step", before - step),
    ]


def _adam(before: float, gradient: float, config: TrainConfig, old: dict[str, float]) -> list[Line]:
    lines, symbol, d = _decayed(before, gradient, config)
    return [*lines, *_adam_step(before, d, symbol, config, old)]


def _adamw(before: float, gradient: float, config: TrainConfig, old: dict[str, float]) -> list[Line]:
    shrink = config.lr * config.weight_decay * before
    lines = _adam_step(before - shrink, gradient, "g", config, old)
    if shrink:
        words = f"decoupled weight decay, λ = {config.weight_decay:g}: the weight shrinks first"
        symbol = r"W_\text{old} - \alpha\lambda\,W_\text{old}"
        last = lines[-1]
        lines.insert(0, Line("w", symbol, words, before - shrink))
        lines[-1] = last._replace(formula=last.formula.replace(r"W_\text{old}", "w"))
    return lines


def _adam_step(before: float, d: float, symbol: str, config: TrainConfig, old: dict[str, float]) -> list[Line]:
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
        *_last(before, value, "u", config),
    ]


def _rmsprop(before: float, gradient: float, config: TrainConfig, old: dict[str, float]) -> list[Line]:
    lines, symbol, d = _decayed(before, gradient, config)
    s = 0.99 * old.get("square_avg", 0.0) + 0.01 * d * d
    value, direction = d / (math.sqrt(s) + 1e-8), "u"
    lines.append(Line("s", rf"0.99\,s_\text{{old}} + 0.01\,{symbol}^2", "running mean of the gradient's square", s))
    lines.append(Line("u", rf"{symbol} / (\sqrt{{s}} + \varepsilon)", "the gradient on its usual scale", value))
    if mu := config.momentum:
        value, direction = mu * old.get("momentum_buffer", 0.0) + value, "v"
        lines.append(Line("v", r"\mu\,v_\text{old} + u", f"the momentum buffer, μ = {mu:g}", value))
    return [*lines, *_last(before, value, direction, config)]


def _adagrad(before: float, gradient: float, config: TrainConfig, old: dict[str, float]) -> list[Line]:
    lines, symbol, d = _decayed(before, gradient, config)
    s = old.get("sum", 0.0) + d * d
    value = d / (math.sqrt(s) + 1e-10)
    lines.append(Line("s", rf"s_\text{{old}} + {symbol}^2", "sum of the squares of all gradients so far", s))
    lines.append(
        Line("u", rf"{symbol} / (\sqrt{{s}} + \varepsilon)", "the gradient, smaller the more there were", value)
    )
    return [*lines, *_last(before, value, "u", config)]


_FORMULAS: dict[str, Callable[[float, float, TrainConfig, dict[str, float]], list[Line]]] = {
    "sgd": _sgd,
    "adam": _adam,
    "adamw": _adamw,
    "rmsprop": _rmsprop,
    "adagrad": _adagrad,
}
