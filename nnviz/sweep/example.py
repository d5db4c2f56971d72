"""A sweep with made-up results, for galleries."""

from __future__ import annotations

from nnviz.spec.network import NetworkSpec
from nnviz.spec.train_config import TrainConfig
from nnviz.sweep.analysis import PointResult, PointState
from nnviz.sweep.space import Axis
from nnviz.sweep.spec import SweepSpec

RATES = (0.001, 0.01, 0.1, 1.0)
MOMENTA = (0.0, 0.5, 0.9)


def example_sweep() -> tuple[SweepSpec, list[PointResult]]:
    """Learning rate × momentum; the largest steps diverge."""
    spec = SweepSpec(NetworkSpec(), TrainConfig(), (Axis("lr", RATES), Axis("momentum", MOMENTA)))
    found = []
    for number, (rate, momentum) in enumerate((rate, momentum) for rate in RATES for momentum in MOMENTA):
        step = rate / (1 - momentum)
        accuracy = None if step > 2 else min(0.98, 0.5 + 0.5 * step**0.25)
        state = PointState.DIVERGED if accuracy is None else PointState.DONE
        loss = None if accuracy is None else 1 - accuracy
        values = {"lr": rate, "momentum": momentum}
        found.append(PointResult(number, values, state, ("",), (), accuracy, loss, 1, 1.0, 2.0))
    return spec, found
