"""What the curves show is what was recorded, however long the training."""

from __future__ import annotations

import csv
import io
import json
import time

import numpy as np
import pandas as pd
import pytest

from nnviz.charts.colors import RATE, TEST, TRAIN
from nnviz.charts.curves import PLOT_CONFIG, all_curves_csv, curves_csv, curves_figure, curves_info, smooth
from nnviz.store.history import Curve
from nnviz.train.events import Change, Epoch

NAN = float("nan")


def curve_of(losses: list[float] | np.ndarray, rates: list[float] | float = 0.001) -> Curve:
    loss = np.asarray(losses, np.float32)
    rate = np.broadcast_to(np.asarray(rates, np.float32), loss.shape)
    return Curve(np.arange(1, len(loss) + 1), loss, (loss / 10).astype(np.float32), rate)


def noise(count: int) -> np.ndarray:
    return np.random.default_rng(3).random(count).astype(np.float32)


class TestSmooth:
    @pytest.mark.parametrize("weight", [0.0, 0.5, 0.9, 0.99, 0.9999])
    def test_equals_pandas(self, weight: float) -> None:
        values = noise(5000)
        values[[0, 7, 100, 101, 4999]] = NAN
        expected = pd.Series(values.astype(np.float64)).ewm(alpha=1 - weight, ignore_na=True).mean()
        expected[np.isnan(values)] = NAN
        np.testing.assert_allclose(smooth(values, weight), expected, rtol=1e-9)

    def test_of_a_constant_is_the_constant_from_the_first_step_on(self) -> None:
        np.testing.assert_allclose(smooth(np.full(50, 2.5), 0.97), 2.5)

    def test_infinite_values_do_not_spoil_what_follows(self) -> None:
        smoothed = smooth(np.array([1.0, np.inf, 1.0]), 0.9)
        np.testing.assert_allclose(smoothed, [1, NAN, 1])

    @pytest.mark.parametrize("values", [[], [NAN, NAN]])
    def test_of_nothing(self, values: list[float]) -> None:
        np.testing.assert_array_equal(smooth(np.array(values), 0.9), values)


class TestInfo:
    def test_a_short_training_is_drawn_as_it_was(self) -> None:
        curve = curve_of([3.0, 2.0, NAN, 1.0], [0.1, 0.1, 0.1, 0.2])
        info = curves_info(curve, [Epoch(1, 4, 2.0, 0.5, 1.5, 0.6)], [Change(3, "lr", 0.1, 0.2)], smoothing=0)
        assert info.last_step == 4
        np.testing.assert_array_equal(info.raw_loss.step, [1, 2, 3, 4])
        np.testing.assert_array_equal(info.raw_loss.value, [3, 2, NAN, 1])
        np.testing.assert_array_equal(info.loss.value, [3, 2, NAN, 1])
        np.testing.assert_allclose(info.accuracy.value, [0.3, 0.2, NAN, 0.1], rtol=1e-6)
        np.testing.assert_array_equal(info.epoch_step, [4])
        assert (info.train_loss[0], info.train_accuracy[0], info.test_loss[0], info.test_accuracy[0]) == (
            2.0,
            0.5,
            1.5,
            0.6,
        )
        assert info.marks == ((3, "learning rate 0.1 → 0.2"),)

    @pytest.mark.parametrize("count", [501, 1000, 12_345, 100_000])
    def test_a_long_one_keeps_its_spikes_and_its_ends(self, count: int) -> None:
        losses = noise(count)
        losses[count // 3], losses[count // 2] = 50, -50
        info = curves_info(curve_of(losses), [], [], points=500)
        for line in (info.raw_loss, info.loss, info.accuracy, info.lr):
            assert len(line.step) <= 500
            assert (np.diff(line.step) > 0).all()
        assert len(info.raw_loss.step) > 200
        assert info.raw_loss.value.max() == 50
        assert info.raw_loss.value.min() == -50
        assert info.loss.step[0] == 1
        assert info.loss.step[-1] == count

    def test_smoothing_comes_before_leaving_out(self) -> None:
        losses = noise(20_000)
        info = curves_info(curve_of(losses), [], [], smoothing=0.95)
        np.testing.assert_allclose(info.loss.value, smooth(losses, 0.95)[info.loss.step - 1])

    def test_what_is_drawn_stays_put_while_the_run_grows(self) -> None:
        losses = noise(5000)
        before = curves_info(curve_of(losses[:4000]), [], [])
        after = curves_info(curve_of(losses[:4100]), [], [])
        assert set(before.raw_loss.step[:-2]) <= set(after.raw_loss.step)

    def test_the_learning_rate_keeps_its_steps(self) -> None:
        rates = [0.1] * 3000 + [0.01] * 4000
        info = curves_info(curve_of(noise(7000), rates), [], [])
        assert {1, 3000, 3001, 7000} <= set(info.lr.step)
        np.testing.assert_allclose(info.lr.value, np.where(info.lr.step <= 3000, 0.1, 0.01), rtol=1e-6)

    def test_a_rate_that_moves_at_every_step_is_thinned_out(self) -> None:
        info = curves_info(curve_of(noise(9000), list(np.linspace(1, 0, 9000))), [], [])
        assert 200 < len(info.lr.step) <= 500

    def test_a_long_gap_stays_a_gap(self) -> None:
        losses = noise(10_000)
        losses[4000:6000] = NAN
        info = curves_info(curve_of(losses), [], [])
        for line in (info.raw_loss, info.loss):
            inside = (line.step > 4100) & (line.step < 5900)
            assert np.isnan(line.value[inside]).all()
            assert inside.any()
        assert np.isfinite(info.loss.value[-1])

    def test_nothing_recorded_yet(self) -> None:
        info = curves_info(curve_of([]), [], [])
        assert info.last_step == 0
        assert len(info.raw_loss.step) == len(info.loss.step) == len(info.lr.step) == len(info.epoch_step) == 0

    def test_is_fast(self) -> None:
        curve = curve_of(noise(100_000))
        took = []
        for _ in range(5):
            start = time.perf_counter()
            curves_info(curve, [], [])
            took.append(time.perf_counter() - start)
        assert min(took) < 0.05  # 5 ms on the machine it was written on


def example() -> tuple[Curve, list[Epoch], list[Change]]:
    epochs = [Epoch(k, 1000 * k, 2 / k, 1 - 0.5 / k, 1.8 / k, 1 - 0.4 / k) for k in range(1, 4)]
    return curve_of(noise(3000)), epochs, [Change(1500, "lr", 0.001, 0.01), Change(2000, "momentum", 0.9, 0.95)]


class TestFigure:
    @pytest.mark.parametrize("dark", [False, True])
    @pytest.mark.parametrize("log_loss", [False, True])
    def test_one_colour_each_and_axes_with_units(self, log_loss: bool, dark: bool) -> None:
        figure = curves_figure(curves_info(*example()), log_loss=log_loss, dark=dark)
        colours = {(trace.name, trace.yaxis): trace.line.color for trace in figure.data if trace.name != "change"}
        assert colours == {
            ("each batch", None): TRAIN,
            ("train", None): TRAIN,
            ("test", None): TEST,
            ("train", "y2"): TRAIN,
            ("test", "y2"): TEST,
            ("learning rate", "y3"): RATE,
        }
        layout = figure.layout
        assert layout.yaxis.title.text == "loss (nats,<br>mean per example)"
        assert layout.yaxis2.title.text == "accuracy (%)"
        assert layout.yaxis3.title.text == "learning<br>rate α"
        assert layout.xaxis.title.text == "step (mini-batches)"
        assert layout.yaxis.type == ("log" if log_loss else "linear")
        assert len(layout.shapes) == len(layout.annotations) == 2
        assert layout.annotations[0].text == "learning rate 0.001 → 0.01"

    def test_accuracy_is_drawn_in_percent(self) -> None:
        figure = curves_figure(curves_info(*example()), dark=False)
        test = next(trace for trace in figure.data if trace.name == "test" and trace.yaxis == "y2")
        np.testing.assert_allclose(test.y, [60, 80, 86.6667], rtol=1e-4)

    def test_a_zoom_survives_new_data_but_not_another_scale(self) -> None:
        curve, epochs, changes = example()
        first = curves_figure(curves_info(curve, [], []), dark=False).layout
        later = curves_figure(curves_info(curve, epochs, changes), dark=False).layout
        log = curves_figure(curves_info(curve, epochs, changes), dark=False, log_loss=True).layout
        assert first.uirevision == later.uirevision == log.uirevision
        assert first.yaxis.uirevision == later.yaxis.uirevision != log.yaxis.uirevision

    def test_travels_small(self) -> None:
        curve = curve_of(noise(100_000))
        assert len(curves_figure(curves_info(curve, [], []), dark=True).to_json()) < 25_000

    def test_raw_losses_can_be_left_out(self) -> None:
        names = [trace.name for trace in curves_figure(curves_info(*example()), show_raw=False, dark=False).data]
        assert "each batch" not in names
        assert names.count("train") == 2

    def test_of_nothing(self) -> None:
        figure = curves_figure(curves_info(curve_of([]), [], []), log_loss=True, dark=False)
        assert "NaN" not in figure.to_json()

    def test_many_changes_are_all_marked_and_the_last_ones_labelled(self) -> None:
        changes = [Change(100 * k, "lr", 0.1 * k, 0.1 * (k + 1)) for k in range(1, 30)]
        layout = curves_figure(curves_info(curve_of(noise(3000)), [], changes), dark=False).layout
        assert len(layout.shapes) == 29
        assert len(layout.annotations) == 8

    def test_the_plot_can_be_saved_under_a_name(self) -> None:
        assert PLOT_CONFIG["toImageButtonOptions"]["filename"] == "nnviz-curves"
        json.dumps(PLOT_CONFIG)


def test_csv_holds_every_step_and_every_epoch() -> None:
    epochs = [Epoch(1, 3, 2.0, 0.5, 1.5, NAN)]
    text = curves_csv(curve_of([3.0, NAN, 1.0, 0.25]), epochs)
    header, *rows = csv.reader(io.StringIO(text))
    assert header[:4] == [
        "step (mini-batches)",
        "batch loss (mean per example)",
        "batch accuracy (0 to 1)",
        "learning rate",
    ]
    assert rows == [
        ["1", "3", "0.3", "0.001", "", "", "", "", ""],
        ["2", "", "", "0.001", "", "", "", "", ""],
        ["3", "1", "0.1", "0.001", "1", "2", "0.5", "1.5", ""],
        ["4", "0.25", "0.025", "0.001", "", "", "", "", ""],
    ]


def test_several_trainings_are_one_long_table() -> None:
    epochs = [Epoch(1, 2, 2.0, 0.5, 1.5, 0.25)]
    first, second = curve_of([3.0, 1.0]), curve_of([0.5], 0.1)
    text = all_curves_csv([(("a,b", "x"), first, epochs), (("c", "y"), second, [])], ("run", "id"))
    table = pd.read_csv(io.StringIO(text))
    assert table["run"].tolist() == ["a,b", "a,b", "c"]
    assert table["id"].tolist() == ["x", "x", "y"]
    for name, curve, done in (("a,b", first, epochs), ("c", second, [])):
        alone = pd.read_csv(io.StringIO(curves_csv(curve, done)))
        part = table[table["run"] == name].drop(columns=["run", "id"]).reset_index(drop=True)
        pd.testing.assert_frame_equal(part, alone, check_dtype=False)


class TestAfterASingleStep:
    """All that is known can be seen: a point has no line, and an axis no step between steps."""

    def test_lines_of_one_point_are_marked(self) -> None:
        figure = curves_figure(curves_info(curve_of([2.3]), [], []), dark=False)
        drawn = [trace for trace in figure.data if trace.x is not None and len(trace.x) == 1]
        assert len(drawn) == 4  # each batch, train loss, train accuracy, learning rate
        assert all("markers" in trace.mode for trace in drawn)
        longer = curves_figure(curves_info(curve_of([2.3, 2.2]), [], []), dark=False)
        assert all("markers" not in trace.mode for trace in longer.data if trace.name == "train")

    @pytest.mark.parametrize(("count", "ticks"), [(0, 2), (1, 3), (2, 4), (5, 7), (6, 7), (1000, 7)])
    def test_there_are_not_many_more_ticks_than_steps(self, count: int, ticks: int) -> None:
        axis = curves_figure(curves_info(curve_of(noise(count)), [], []), dark=False).layout.xaxis
        assert axis.nticks == ticks
        assert axis.dtick is None  # it would stay for a plot of thousands of steps in the range of this one
