"""Several trainings over one axis, and repetitions as a band."""

from __future__ import annotations

import numpy as np
import pytest

from nnviz.charts.bands import band_info, bands_figure
from nnviz.charts.colors import RUNS
from nnviz.charts.curves import smooth
from nnviz.charts.overlay import AXES, Training, end_labels, overlay_figure, overlay_info
from nnviz.store.history import Curve
from nnviz.train.events import Epoch


def training(steps: int = 30, epochs: int = 3, seed: int = 0, **more: object) -> Training:
    loss = np.random.default_rng(seed).random(steps).astype(np.float32)
    done = [Epoch(k, 10 * k, 1 / k, 0.5, 1 / k, 0.5 + k / 10 + seed / 100) for k in range(1, epochs + 1)]
    curve = Curve(np.arange(1, steps + 1), loss, loss, loss)
    return Training("A", "net", curve, done, **more)  # type: ignore[arg-type]


def test_over_steps_it_is_the_smoothed_loss_and_the_tests() -> None:
    one = training()
    (line,) = overlay_info([one], smoothing=0.8).lines
    np.testing.assert_array_equal(line.loss_x, np.arange(1, 31))
    np.testing.assert_allclose(line.loss, smooth(one.curve.loss, 0.8))
    np.testing.assert_array_equal(line.test_x, [10, 20, 30])
    np.testing.assert_allclose(line.test_accuracy, [0.6, 0.7, 0.8])


def test_over_epochs_batch_sizes_do_not_matter() -> None:
    small = training(25, epochs=2, steps_per_epoch=10)
    (line,) = overlay_info([small], over="epoch").lines
    np.testing.assert_allclose(line.test_x, [1, 2])
    np.testing.assert_allclose(line.loss_x[[0, 9, 14, 19, 24]], [0.1, 1, 1.5, 2, 2.5])
    (begun,) = overlay_info([training(5, epochs=0, steps_per_epoch=10)], over="epoch").lines
    np.testing.assert_allclose(begun.loss_x, [0.1, 0.2, 0.3, 0.4, 0.5])


def test_over_time_a_fork_starts_at_its_own_beginning() -> None:
    (line,) = overlay_info([training(begun=20, seconds_per_step=0.5)], over="seconds").lines
    np.testing.assert_allclose(line.loss_x, np.arange(0, 5.5, 0.5))
    np.testing.assert_allclose(line.test_x, [0, 5])


def test_what_came_later_can_be_left_out() -> None:
    (line,) = overlay_info([training()], until=15).lines
    assert (line.loss_x.max(), list(line.test_x)) == (15, [10])


@pytest.mark.parametrize("over", AXES)
@pytest.mark.parametrize("dark", [False, True])
def test_no_two_runs_look_alike(over: str, dark: bool) -> None:
    runs = [training(seed=place)._replace(name=chr(65 + place), place=place) for place in range(8)]
    figure = overlay_figure(overlay_info(runs, over=over), dark=dark, log_loss=dark)  # type: ignore[arg-type]
    assert len({trace.line.color for trace in figure.data}) == 8
    assert len({trace.line.dash for trace in figure.data}) == 8
    assert len({trace.marker.symbol for trace in figure.data if trace.yaxis == "y2"}) == 8
    assert sum(trace.showlegend is not False for trace in figure.data) == 8
    assert figure.layout.xaxis.title.text == AXES[over][0]  # type: ignore[index]
    assert figure.layout.hovermode == "x unified"


def test_a_run_that_has_not_begun_is_no_problem() -> None:
    empty = training(0, 0)
    for over in AXES:
        assert "NaN" not in overlay_figure(overlay_info([empty], over=over), dark=False).to_json()


@pytest.mark.parametrize("width", ["range", "deviation"])
def test_a_band_is_the_spread_over_the_repetitions(width: str) -> None:
    group = [training(seed=seed) for seed in range(4)]
    info = band_info("A", "net", 0, group, width=width, smoothing=0)  # type: ignore[arg-type]
    losses = np.array([one.curve.loss for one in group], np.float64)
    mean, sd = losses.mean(0), losses.std(0, ddof=1)
    low, high = (losses.min(0), losses.max(0)) if width == "range" else (mean - sd, mean + sd)
    np.testing.assert_allclose(info.loss.mean, mean)
    np.testing.assert_allclose(info.loss.low, low)
    np.testing.assert_allclose(info.loss.high, high)
    np.testing.assert_allclose(info.accuracy.mean, [0.615, 0.715, 0.815])
    assert info.size == 4


def test_a_band_goes_as_far_as_all_have_come() -> None:
    info = band_info("A", "net", 0, [training(), training(25, 2), training(17, 1)], width="range")
    assert (info.loss.step.max(), list(info.accuracy.step)) == (17, [10])
    nothing = band_info("A", "net", 0, [training(), training(0, 0)], width="deviation")
    assert len(nothing.loss.step) == len(nothing.accuracy.step) == 0


def test_bands_of_two_groups() -> None:
    infos = [
        band_info(name, "net", place, [training(seed=place), training(seed=place + 5)], width="range")
        for place, name in enumerate("AB")
    ]
    figure = bands_figure(infos, dark=False)
    shown = [trace for trace in figure.data if trace.showlegend]
    assert [trace.name for trace in shown] == ["A · net, mean of 2 runs", "B · net, mean of 2 runs"]
    assert [trace.line.color for trace in shown] == [RUNS[0][0], RUNS[1][0]]
    assert sum(trace.fill == "tonexty" for trace in figure.data) == 4


def test_lines_that_end_together_share_a_label() -> None:
    runs = [training(seed=seed)._replace(name=name) for name, seed in (("A", 0), ("B", 1), ("C", 30), ("D", 0))]
    labels = end_labels(overlay_info(runs).lines)
    assert labels == {"A": " A B D", "B": "", "C": " C", "D": ""}
    assert end_labels(overlay_info([training(0, 0)]).lines) == {}
