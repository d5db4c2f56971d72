"""The pictures of a sweep."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest

from nnviz.charts.sweep_fields import fields_info, importance_figure, parallel_figure, slices_figure
from nnviz.charts.sweep_map import map_csv, map_figure, map_in_words, map_info
from nnviz.spec.network import NetworkSpec
from nnviz.spec.train_config import TrainConfig
from nnviz.sweep.analysis import PointResult, PointState
from nnviz.sweep.space import Axis
from nnviz.sweep.spec import SweepSpec

SPEC = SweepSpec(NetworkSpec(), TrainConfig(), (Axis("lr", (0.01, 0.1)), Axis("momentum", (0.0, 0.5, 0.9))))


def point(number: int, accuracy: float | None, state: PointState = PointState.DONE, **values: object) -> PointResult:
    loss = None if accuracy is None else 1 - accuracy
    return PointResult(number, values, state, ("r",), (), accuracy, loss, 1, 1.0, 2.0)


FOUND = [
    point(0, 0.9, lr=0.01, momentum=0.0),
    point(1, 0.95, lr=0.01, momentum=0.5),
    point(2, None, PointState.DIVERGED, lr=0.1, momentum=0.9),
    point(3, None, PointState.RUNNING, lr=0.1, momentum=0.0),
]


def test_each_cell_is_the_point_of_its_values() -> None:
    info = map_info(SPEC, FOUND, "lr", "momentum")
    assert (info.x_text, info.y_text) == (("0.01", "0.1"), ("0", "0.5", "0.9"))
    np.testing.assert_allclose(info.values, [[0.9, np.nan], [0.95, np.nan], [np.nan, np.nan]])
    assert info.points.tolist() == [[0, 3], [1, -1], [-1, 2]]
    assert info.states == [[PointState.DONE, PointState.RUNNING], [PointState.DONE, ""], ["", PointState.DIVERGED]]
    assert not info.several


def test_of_several_points_in_a_cell_the_best_is_shown() -> None:
    spec = SweepSpec(NetworkSpec(), TrainConfig(), (*SPEC.axes, Axis("init", ("xavier", "zeros"))))
    found = [
        point(0, 0.9, lr=0.01, momentum=0.0, init="xavier"),
        point(1, 0.1, lr=0.01, momentum=0.0, init="zeros"),
        point(2, 0.99, PointState.DIVERGED, lr=0.01, momentum=0.0, init="zeros"),  # after an epoch that went well
    ]
    for order in (found, found[::-1]):
        info = map_info(spec, order, "lr", "momentum")
        assert (info.values[0, 0], info.points[0, 0], info.several) == (0.9, 0, True)
        assert map_info(spec, order, "lr", "momentum", "loss").values[0, 0] == pytest.approx(0.1)
    assert map_info(spec, found, "init", "lr").x_text == ("Xavier (Glorot) uniform", "All zeros")


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("shown", ["accuracy", "loss"])
def test_the_map_says_numbers_and_divergence_in_words(shown: str, dark: bool) -> None:
    info = map_info(SPEC, FOUND, "lr", "momentum", shown)
    figure = map_figure(info, dark=dark, chosen=1)
    assert [mark.text for mark in figure.layout.annotations] == (
        ["90.0", "…", "95.0", "✕"] if shown == "accuracy" else ["0.10", "…", "0.05", "✕"]
    )
    assert (figure.layout.xaxis.title.text, figure.layout.yaxis.title.text) == ("learning rate α", "momentum μ")
    frame = figure.layout.shapes[0]
    assert (frame.x0, frame.y0) == (-0.5, 0.5)  # around point 1
    coloured = figure.data[2]
    assert coloured.z[1][0] > coloured.z[0][0]  # the better cell is the brighter one, by accuracy and by loss
    assert "diverged" in coloured.text[2][1]
    assert "<br><b>diverged</b>" in coloured.text[2][1]
    assert all(list(map(list, trace.customdata)) == info.points.tolist() for trace in figure.data)
    words = map_in_words(info)
    assert "2 cells have a number, 1 diverged" in words
    assert "momentum μ 0.5" in words


def test_a_map_without_numbers_can_be_drawn() -> None:
    info = map_info(SPEC, [point(0, None, PointState.WAITING, lr=0.01, momentum=0.0)], "lr", "momentum", "loss")
    assert map_figure(info, dark=False).layout.annotations[0].text == "·"
    assert "0 cells" in map_in_words(info)


def test_the_csv_has_every_point() -> None:
    rows = list(csv.DictReader(io.StringIO(map_csv(SPEC, FOUND))))
    assert [(row["point"], row["lr"], row["state"]) for row in rows][2] == ("2", "0.1", "diverged")
    assert rows[0]["mean test accuracy (0 to 1)"] == "0.9"
    assert rows[2]["mean test accuracy (0 to 1)"] == ""


RANDOM = SweepSpec(
    NetworkSpec(),
    TrainConfig(),
    (
        Axis("lr", low=0.001, high=1.0, log=True),
        Axis("activation", ("relu", "tanh")),
        Axis("momentum", low=0, high=0.1),
    ),
    "random",
    8,
)


def test_values_lie_by_their_logarithm_or_their_place_in_the_list() -> None:
    found = [
        point(0, 0.9, lr=0.1, activation="tanh", momentum=0.05),
        point(1, None, PointState.DIVERGED, lr=0.01, activation="relu", momentum=0.0),
        point(2, None, PointState.WAITING, lr=0.02, activation="relu", momentum=0.0),
    ]
    info = fields_info(RANDOM, found)
    rate, activation, momentum = info.scales
    assert rate.places.tolist() == [-1.0, -2.0]
    assert dict(zip(rate.ticks, rate.texts, strict=True)) == {-3.0: "0.001", -2.0: "0.01", -1.0: "0.1", 0.0: "1"}
    assert (activation.places.tolist(), activation.texts) == ([1.0, 0.0], ["ReLU", "Tanh"])
    assert momentum.places.tolist() == [0.05, 0.0]
    assert (info.points.tolist(), info.diverged.tolist()) == ([0, 1], [False, True])
    parallel = parallel_figure(info, dark=False).data[0]
    assert [d.label for d in parallel.dimensions] == ["learning rate", "activation", "momentum", "test accuracy (%)"]
    slices = slices_figure(info, dark=True, chosen=0)
    assert len(slices.data) == 6  # trained and diverged, in three fields
    assert [list(trace.customdata) for trace in slices.data[:2]] == [[0], [1]]
    assert slices.data[1].marker.symbol == "x"


def test_the_most_important_field_stands_on_top() -> None:
    figure = importance_figure({"lr": 0.9, "momentum": 0.1}, RANDOM, dark=False)
    assert list(figure.data[0].y) == ["momentum", "learning rate"]  # plotly draws from the bottom
    assert list(figure.data[0].text) == ["10 %", "90 %"]
