"""NAdam: Adam with Nesterov's momentum (Dozat, 2016), as torch.optim.NAdam."""

from __future__ import annotations

import math

import torch

from nnviz.spec.optimizers.base import Line, Optimizer, Settings, decayed, last_lines


def _nadam(before: float, gradient: float, config: Settings, old: dict[str, float]) -> list[Line]:
    lines, symbol, d = decayed(before, gradient, config)
    beta1, beta2, eps, decay = 0.9, 0.999, 1e-8, 0.004
    t = old.get("step", 0.0) + 1
    mu, ahead = (beta1 * (1 - 0.5 * 0.96 ** (step * decay)) for step in (t, t + 1))
    product = old.get("mu_product", 1.0) * mu
    m = beta1 * old.get("exp_avg", 0.0) + (1 - beta1) * d
    s = beta2 * old.get("exp_avg_sq", 0.0) + (1 - beta2) * d * d
    mean = (1 - mu) * d / (1 - product) + ahead * m / (1 - product * ahead)
    value = mean / (math.sqrt(s / (1 - beta2**t)) + eps)
    return [
        *lines,
        Line("m", rf"0.9\,m_\text{{old}} + 0.1\,{symbol}", "running mean of the gradient", m),
        Line("s", rf"0.999\,s_\text{{old}} + 0.001\,{symbol}^2", "running mean of its square", s),
        Line(
            r"\hat m",
            rf"\frac{{(1 - \mu_t)\,{symbol}}}{{1 - \prod\mu}} + \frac{{\mu_{{t+1}}\,m}}{{1 - \mu_{{t+1}}\prod\mu}}",
            f"the mean as it will be after the next step (t = {t:.0f})",
            mean,
        ),
        Line("u", r"\hat m / (\sqrt{s / (1 - 0.999^t)} + \varepsilon)", "the direction", value),
        *last_lines(before, value, "u", config),
    ]


NADAM = Optimizer("nadam", "NAdam", torch.optim.NAdam, _nadam, rank=22)
