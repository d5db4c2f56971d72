"""The example in galleries is what a sweep could have found."""

from __future__ import annotations

from nnviz.sweep.analysis import PointState
from nnviz.sweep.example import MOMENTA, RATES, example_sweep


def test_every_point_of_the_grid_is_there_and_the_largest_steps_diverge() -> None:
    spec, found = example_sweep()
    assert [one.values for one in found] == [{"lr": rate, "momentum": m} for rate in RATES for m in MOMENTA]
    assert [one.point for one in found] == list(range(spec.points))
    steps = {one.point: one.values["lr"] / (1 - one.values["momentum"]) for one in found}
    lost = {one.point for one in found if one.state is PointState.DIVERGED}
    assert lost == {point for point, step in steps.items() if step > 2} == {11}
    scored = [one for one in found if one.accuracy is not None and one.loss is not None]
    assert {one.point for one in scored} == set(steps) - lost
    for one in scored:
        assert 0.5 < one.accuracy <= 0.98
        assert one.loss == 1 - one.accuracy
        assert (one.state, one.epochs, one.share, one.seconds) == (PointState.DONE, 1, 1.0, 2.0)
    accuracies = [one.accuracy for one in sorted(scored, key=lambda one: steps[one.point])]
    assert accuracies == sorted(accuracies)
    assert max(accuracies) == 0.98
