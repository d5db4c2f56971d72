"""Each diagnosis on a net made to be ill, and none on healthy ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from nnviz.analysis import doctor
from nnviz.analysis.checkpoint_view import CheckpointView, Step
from nnviz.analysis.doctor import DIAGNOSES, Diagnosis, Evidence, evidence, examine
from nnviz.analysis.health import health
from nnviz.data.datasets import DATASETS, Dataset, Loaded
from nnviz.executor.recorder import train_run
from nnviz.spec.layers.conv import Conv
from nnviz.spec.layers.dense import Dense
from nnviz.spec.layers.pool import MaxPool
from nnviz.spec.network import NetworkSpec
from nnviz.spec.presets import PRESETS
from nnviz.spec.train_config import TrainConfig
from nnviz.store.history import Curve, NormCurves
from nnviz.store.run import Status
from nnviz.store.runs import RunStore
from nnviz.train.events import Epoch
from nnviz.train.trainer import Trainer

DEEP_SIGMOID = PRESETS["deep_sigmoid"].network


@pytest.fixture
def store(tmp_path: Path, mnist_root: Path, monkeypatch: pytest.MonkeyPatch) -> RunStore:
    data = DATASETS["mnist"].load(mnist_root)
    monkeypatch.setattr(Dataset, "load", lambda self, root=None: data)
    return RunStore(tmp_path)


def findings(store: RunStore, network: NetworkSpec, **settings: Any) -> dict[str, Diagnosis]:
    """Train, and examine the last moment; by name."""
    run = store.create(network, TrainConfig(**{"epochs": 1, "per_class": 1000, "checkpoints": 4, **settings}))
    status = train_run(store, run.id)
    data: Loaded = DATASETS["mnist"].load()
    step = store.checkpoints.steps(run.id)[-1]
    checkpoint = CheckpointView(
        network, store.history.config_at(run.id, step), store.checkpoints.load(run.id, step), data
    )
    found = evidence(
        checkpoint,
        store.history.curve(run.id),
        store.history.epochs(run.id),
        store.history.norms(run.id),
        status is Status.DIVERGED,
    )
    return {diagnosis.name: diagnosis for diagnosis in examine(found)}


HEALTHY: dict[str, tuple[NetworkSpec, dict[str, Any]]] = {
    "classic": (NetworkSpec(), {"per_class": 0}),
    "faster": (NetworkSpec(), {"lr": 0.01}),
    "adam": (NetworkSpec(), {"optimizer": "adam"}),
    "rmsprop": (NetworkSpec(), {"optimizer": "rmsprop", "momentum": 0.0, "lr": 0.0002}),
    "softmax": (NetworkSpec(()), {}),
    "wide": (NetworkSpec((Dense(512),)), {}),
    "tanh": (NetworkSpec((Dense(64, "tanh"), Dense(32, "tanh"))), {"lr": 0.01}),
    "cnn": (NetworkSpec((Conv(8), MaxPool(), Dense(32)), init="kaiming"), {"lr": 0.005, "per_class": 500}),
    "kaiming": (NetworkSpec((Dense(64),) * 3, init="kaiming"), {"lr": 0.005}),
    "onecycle": (NetworkSpec(), {"optimizer": "adam", "lr": 0.005, "schedule": "onecycle", "batch_size": 256}),
}


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_net_has_nothing(store: RunStore, name: str) -> None:
    network, settings = HEALTHY[name]
    assert findings(store, network, **settings) == {}


ILL: dict[str, tuple[str, NetworkSpec, dict[str, Any]]] = {
    "zero_init": ("zero_init", NetworkSpec((Dense(32),), init="zeros"), {"lr": 0.01}),
    "rate_too_high": ("rate_too_high", NetworkSpec(), {"lr": 1.0}),
    "diverged": ("rate_too_high", NetworkSpec((Dense(32, "identity"),)), {"lr": 100.0}),
    "far_too_high": ("rate_too_high", NetworkSpec(), {"lr": 50.0}),
    "zero_init_fast": ("zero_init", NetworkSpec((Dense(32),), init="zeros"), {"lr": 1.0}),
    "zero_init_tanh": ("zero_init", NetworkSpec((Dense(32, "tanh"), Dense(16, "tanh")), init="zeros"), {}),
    "exploding": ("exploding", NetworkSpec((Dense(64, "identity"),) * 6, init="normal", init_std=1.0), {"lr": 1e-12}),
    "vanishing": ("vanishing", DEEP_SIGMOID, {}),
    "dead": ("dead", NetworkSpec(), {"lr": 1.0}),
    "saturated": ("saturated", NetworkSpec((Dense(64, "sigmoid"),), init="normal", init_std=1.0), {}),
    "saturated_tanh": ("saturated", NetworkSpec((Dense(64, "tanh"),), init="normal", init_std=1.0), {}),
    "stuck": ("stuck", DEEP_SIGMOID, {"per_class": 2000}),
    "rate_too_low": ("rate_too_low", NetworkSpec(), {"lr": 1e-7}),
    "overfitting": ("overfitting", NetworkSpec(), {"lr": 0.01, "per_class": 10, "epochs": 15}),
}


FOLLOWED = {"rate_too_low": 2}
"""How often what is suggested must be followed, where once is not enough: a rate that is off by powers of ten."""


@pytest.mark.parametrize("case", ILL)
def test_an_ill_net_is_found_out_and_what_is_suggested_helps(store: RunStore, case: str) -> None:
    name, network, settings = ILL[case]
    found = findings(store, network, **settings)
    assert name in found
    assert any(letter.isdigit() for letter in found[name].evidence)
    assert (found[name].network, found[name].config) != (network, TrainConfig(**settings))
    if case == "overfitting":
        assert found[name].config.per_class == 0  # which would train for minutes
        return
    for _ in range(FOLLOWED.get(case, 1)):
        told = found[name]
        found = findings(store, told.network, **{**told.config.to_dict(), "epochs": 1, "checkpoints": 4})
    assert name not in found


def test_every_diagnosis_has_an_ill_net_and_says_what_it_looks_for() -> None:
    assert len({name for name, _, _ in ILL.values()}) == len(DIAGNOSES)
    for check in DIAGNOSES:
        assert (check.__doc__ or "").count("\n") == 0


def test_before_the_first_step_there_is_nothing_to_judge(store: RunStore) -> None:
    run = store.create(NetworkSpec(), TrainConfig(epochs=1, per_class=20))
    train_run(store, run.id)
    checkpoint = CheckpointView(NetworkSpec(), run.config, store.checkpoints.load(run.id, 0), DATASETS["mnist"].load())
    found = evidence(
        checkpoint, store.history.curve(run.id), store.history.epochs(run.id), store.history.norms(run.id), False
    )
    assert not len(found.curve.step)
    assert not found.epochs
    assert examine(found) == []


# ---------------------------------------------------------------------- where each begins, on evidence made by hand

THREE = NetworkSpec((Dense(4), Dense(4)))


def made(
    data: Loaded,
    network: NetworkSpec = THREE,
    *,
    weights: Mapping[str, torch.Tensor] | None = None,
    gradients: Mapping[str, float] | None = None,
    rows: Mapping[int, tuple[tuple[float, ...], ...]] | None = None,
    losses: Any = (),
    accuracies: tuple[float, float] | None = None,
    outputs: Mapping[str, torch.Tensor] | None = None,
    diverged: bool = False,
    **settings: Any,
) -> Evidence:
    """A healthy net of a moment, except for what is given.

    `gradients` are the values of one weight of each layer, all others 0; `rows` the norms of weights, gradients and
    updates by step, each a number per layer; `accuracies` those of training and test after an epoch.
    """
    config = TrainConfig(**settings)
    start = Trainer(network, config, data).checkpoint()
    view = CheckpointView(network, config, replace(start, model={**start.model, **(weights or {})}), data)
    names = [layer.name for layer in view.learning_layers]
    gradient = {}
    for layer in view.learning_layers:
        assert layer.weight is not None
        gradient[f"{layer.name}.weight"] = torch.zeros_like(layer.weight)
        gradient[f"{layer.name}.weight"][0, 0] = (gradients or {}).get(layer.name, 0.01)
    nothing = torch.zeros(0)
    view.__dict__["next_step"] = Step(1, config.lr, 1.0, nothing, nothing, {}, gradient, {}, {})
    rows, epochs = rows or {}, []
    if accuracies:
        epochs = [Epoch(1, 10, 1.0, 0.0, 1.0, 1.0), Epoch(2, 20, 1.0, accuracies[0], 1.0, accuracies[1])]
    weight, push, update = (np.array([row[kind] for row in rows.values()]).reshape(-1, len(names)) for kind in range(3))
    lively = {name: torch.linspace(0.2, 0.8, 20).view(5, 4) for name in names}
    loss = np.asarray(losses, np.float64)
    return Evidence(
        view,
        Curve(np.arange(1, len(loss) + 1), loss, loss, loss),  # type: ignore[arg-type]
        epochs,
        NormCurves(np.array(list(rows), np.int64), tuple(names), weight, push, update),  # type: ignore[arg-type]
        {**lively, **(outputs or {})},
        "the first 5 of the 100 test images of MNIST",
        diverged,
    )


def only(found: Evidence) -> Diagnosis:
    (one,) = examine(found)
    return one


def test_what_is_made_by_hand_is_healthy(blobs: Loaded) -> None:
    assert examine(made(blobs)) == []
    assert examine(made(blobs, NetworkSpec(()))) == []


def of_rows(*rows: float) -> dict[str, torch.Tensor]:
    """Weights of the first layer, each neuron's all alike."""
    return {"dense1.weight": torch.tensor(rows, dtype=torch.float32)[:, None].expand(-1, 784).clone()}


def test_neurons_are_the_same_where_no_two_differ(blobs: Loaded) -> None:
    told = only(made(blobs, weights=of_rows(1, 1, 1, 1)))
    assert (told.name, told.network.init) == ("zero_init", "default")
    assert told.evidence == "The 4 neurons of Dense 1 have identical weights (largest difference 0)."
    assert only(made(blobs, weights=of_rows(0, 0, 0, 0))).name == "zero_init"
    two = made(blobs, NetworkSpec((Dense(2), Dense(4))), weights=of_rows(1, 1))
    assert only(two).name == "zero_init"
    assert examine(made(blobs, NetworkSpec((Dense(1), Dense(4))), weights=of_rows(1))) == []  # has nobody to be like
    assert examine(made(blobs, weights=of_rows(1, 1, 1, 0.9))) == []
    # To differ, each by less than a millionth from the next, is to differ.
    assert examine(made(blobs, weights=of_rows(1, 1 + 0.7e-6, 1 + 1.4e-6, 1))) == []
    assert only(made(blobs, weights=of_rows(1, 1 + 0.7e-6, 1, 1))).name == "zero_init"


def test_a_loss_that_is_no_number_is_a_rate_too_high(blobs: Loaded) -> None:
    told = only(made(blobs, diverged=True, lr=0.5))
    assert told.evidence == "The loss became infinite or not a number, at a learning rate of 0.5."
    assert (told.try_this, told.config.lr) == ("a learning rate of 0.05", 0.05)
    assert told.config.device == "auto"


def test_the_cure_of_a_rate_far_too_high_goes_by_its_first_step(blobs: Loaded) -> None:
    """A tenth would be too high again where even the first step was larger than the weights."""
    wild = {1: still((2.5, 1.0, 0.1)), 40: still((9.0, 9.0, 9.0))}
    assert only(made(blobs, rows=wild, lr=50.0)).config.lr == pytest.approx(0.05)
    mild = {1: still((0.01, 0.01, 0.01)), 40: still((0.75, 0.1, 0.1))}
    assert only(made(blobs, rows=mild, lr=0.5)).config.lr == pytest.approx(0.05)
    unseen = {2: still((2.5, 1.0, 0.1)), 40: still((9.0, 9.0, 9.0))}
    assert only(made(blobs, rows=unseen, lr=50.0)).config.lr == pytest.approx(5.0)


def still(update: tuple[float, ...], weight: float = 1.0, push: float = 1.0) -> tuple[tuple[float, ...], ...]:
    return (weight,) * 3, (push,) * 3, update


def test_one_leap_is_told_with_its_step_and_layer(blobs: Loaded) -> None:
    told = only(made(blobs, rows={1: still((0.001, 0.001, 0.2)), 40: still((0.1, 0.75, 0.6))}))
    assert told.name == "rate_too_high"
    assert told.evidence.startswith("Step 40 alone changed the weights of Dense 2 by 75% of their size, at a")
    assert examine(made(blobs, rows={40: still((0.001, 0.5, 0.001))})) == []  # just as far as it may go
    far = only(made(blobs, rows={1: still((0.001, 0.001, 0.2)), 40: still((0.1, 1185.95, 0.6))}))
    assert "by 1,186 times their size" in far.evidence


def test_a_step_is_measured_by_the_larger_of_the_weights_then_and_at_the_start(blobs: Loaded) -> None:
    grown = {1: still((0.0, 0.0, 0.0)), 40: still((0.9, 0.0, 0.0), weight=2.0)}
    assert examine(made(blobs, rows=grown)) == []
    shrunk = {1: still((0.0, 0.0, 0.0), weight=2.0), 40: still((0.9, 0.0, 0.0))}
    assert examine(made(blobs, rows=shrunk)) == []
    from_nothing = {1: still((5.0, 5.0, 5.0), weight=0.0), 40: still((5.0, 5.0, 5.0))}
    assert examine(made(blobs, rows=from_nothing)) == []


def test_the_usual_pace_is_the_median_of_the_later_half(blobs: Loaded) -> None:
    calm, fast = still((0.001, 0.001, 0.001)), still((0.001, 0.04, 0.02))
    told = only(made(blobs, rows={1: calm, 51: calm, 60: calm, 70: fast, 80: fast}))
    assert told.name == "rate_too_high"
    assert told.evidence.startswith("One step changes the weights of Dense 2 by 4.0% of their size")
    assert examine(made(blobs, rows={1: fast, 51: fast, 60: fast, 70: calm, 80: calm})) == []
    assert examine(made(blobs, rows={51: fast, 60: calm, 70: calm, 80: fast, 90: calm})) == []
    assert examine(made(blobs, rows={1: fast, 49: fast, 50: fast})) == []  # not yet to be judged
    assert only(made(blobs, rows={1: fast, 51: fast})).name == "rate_too_high"
    assert examine(made(blobs, rows={51: still((0.03, 0.03, 0.03))})) == []  # just as fast as it may go


ONE = torch.zeros(4, 784)
ONE[0, 0] = 1.0


def test_a_gradient_thirty_times_the_weights_explodes(blobs: Loaded) -> None:
    weights = {"dense1.weight": ONE + 0, "dense2.weight": ONE[:, :4] / 2}
    told = only(made(blobs, weights=weights, gradients={"dense1": 20.0, "dense2": 16.0}))
    assert (told.name, told.network.init) == ("exploding", "kaiming")
    assert told.evidence == "The gradient of Dense 2 is 32 times as large as its weights, of the mini-batch of step 1."
    assert examine(made(blobs, weights=weights, gradients={"dense1": 30.0})) == []
    nothing = {"dense1.weight": ONE * 0, "dense2.weight": ONE[:, :4] / 2}
    assert [one.name for one in examine(made(blobs, weights=nothing, gradients={"dense1": 99.0}))] == ["zero_init"]


def filled(found: Evidence, **values: float) -> Evidence:
    """With all of a layer's gradients alike."""
    step = found.checkpoint.next_step
    assert step is not None
    for name, value in values.items():
        step.gradient[f"{name}.weight"].fill_(value)
    return found


def test_a_gradient_that_shrinks_to_a_hundredth_vanishes(blobs: Loaded) -> None:
    sigmoids = NetworkSpec((Dense(4, "sigmoid"), Dense(4, "tanh")))
    told = only(filled(made(blobs, sigmoids), dense1=0.01, dense2=0.5, output=1.0))
    assert told.name == "vanishing"
    assert told.evidence == (
        "The gradient of a weight in Dense 1 is 100 times smaller than that of one in Output, of the mini-batch of"
        " step 1."
    )
    assert "at most ¼" in told.advice
    assert told.network == NetworkSpec((Dense(4, "relu"), Dense(4, "relu")), init="kaiming")
    told = only(filled(made(blobs), dense1=0.001, dense2=0.5, output=1.0))
    assert "each makes it smaller" in told.advice
    assert (told.try_this, told.network) == ("Kaiming initialisation", THREE.with_(init="kaiming"))
    assert examine(filled(made(blobs), dense1=0.0101, dense2=0.001, output=1.0)) == []
    assert examine(filled(made(blobs, NetworkSpec((Dense(4),))), dense1=0.001, output=1.0)) == []  # nowhere to vanish
    for first, last in ((0.0, 0.01), (0.01, 0.0), (0.0, 0.0), (float("nan"), 0.01)):
        assert examine(filled(made(blobs), dense1=first, output=last)) == []
    assert only(filled(made(blobs), dense1=1e-4, output=1e-2)).name == "vanishing"  # however small both are


def test_more_than_half_of_the_units_silent_are_many(blobs: Loaded) -> None:
    output = torch.ones(5, 4)
    output[:, 1:] = 0
    told = only(made(blobs, outputs={"dense2": output}, lr=0.01))
    assert told.name == "dead"
    assert told.evidence == "3 of the 4 units of Dense 2 give 0 for the first 5 of the 100 test images of MNIST."
    assert told.network == NetworkSpec((Dense(4, "leakyrelu"), Dense(4, "leakyrelu")))
    assert told.config.lr == 0.005
    output[:, 1] = 1
    assert examine(made(blobs, outputs={"dense2": output})) == []
    tanh = NetworkSpec((Dense(4, "tanh"), Dense(4)))
    assert examine(made(blobs, tanh, outputs={"dense1": torch.zeros(5, 4)})) == []  # that is tanh's middle
    mixed = made(blobs, tanh, outputs={"dense2": torch.zeros(5, 4)})
    assert only(mixed).network == NetworkSpec((Dense(4, "tanh"), Dense(4, "leakyrelu")))


def test_more_than_half_of_the_outputs_at_an_end_are_saturated(blobs: Loaded) -> None:
    sigmoids = NetworkSpec((Dense(4, "sigmoid"), Dense(4, "sigmoid")))
    output = torch.full((5, 4), 0.5)
    output[:3] = torch.tensor([0.001, 0.999, 0.001, 0.999])
    told = only(made(blobs, sigmoids, outputs={"dense2": output}, lr=0.01))
    assert told.name == "saturated"
    assert told.evidence == (
        "60% of the outputs of Dense 2 for the first 5 of the 100 test images of MNIST are within 1 % of an end of"
        " sigmoid's range."
    )
    assert (told.network, told.config.lr) == (sigmoids.with_(init="xavier"), 0.005)
    half = torch.tensor([0.001, 0.999, 0.5, 0.5]).expand(5, 4)
    assert examine(made(blobs, sigmoids, outputs={"dense2": half})) == []
    assert examine(made(blobs, outputs={"dense2": torch.ones(5, 4)})) == []  # ReLU has no upper end


def falling(start: float, now: float, between: int = 100) -> list[float]:
    return [start] * 50 + [start / 2] * between + [now] * 50


SLOW = {60: still((0.9e-5, 0.9e-5, 0.9e-5))}


def test_a_loss_that_keeps_nineteen_twentieths_is_stuck(blobs: Loaded) -> None:
    told = only(made(blobs, losses=falling(20.0, 19.0)))
    assert told.name == "stuck"
    assert told.evidence == "After 200 steps the loss is 19.000; it began at 20.000."
    assert (told.config.optimizer, told.config.lr) == ("adam", 0.001)
    assert examine(made(blobs, losses=falling(20.0, 18.9))) == []
    assert examine(made(blobs, losses=falling(20.0, 19.0, 99))) == []  # too early to say
    gap = made(blobs, losses=[20.0, float("nan")] * 50 + falling(20.0, 18.9, 0))
    assert examine(gap) == []
    assert examine(made(blobs, losses=[20.0, float("nan")] * 199)) == []  # fewer than 200 numbers
    assert [one.name for one in examine(made(blobs, losses=falling(20.0, 19.0), diverged=True))] == ["rate_too_high"]


def test_stuck_by_small_steps_asks_for_larger_ones(blobs: Loaded) -> None:
    stuck, low = examine(made(blobs, losses=falling(20.0, 20.0), rows=SLOW, lr=1e-4))
    assert (stuck.name, low.name) == ("stuck", "rate_too_low")
    assert stuck.config.lr == low.config.lr == pytest.approx(0.003)
    assert stuck.try_this == low.try_this == "thirty times the learning rate, 0.003"
    assert "too small" in stuck.advice
    assert {one.config.lr for one in examine(made(blobs, losses=falling(20.0, 20.0), rows=SLOW, lr=50.0))} == {100.0}


def test_small_steps_crawl_while_there_is_something_to_learn_and_a_gradient_to_follow(blobs: Loaded) -> None:
    losses = [0.25] * 100 + [0.5] * 50
    told = only(made(blobs, losses=losses, rows=SLOW, lr=1e-4))
    assert told.name == "rate_too_low"
    assert "by 9e-06 of their size (about 0.001 is usual), at a learning rate of 0.0001." in told.evidence
    assert examine(made(blobs, losses=[0.5] * 50 + [0.29] * 50, rows=SLOW)) == []
    assert only(made(blobs, losses=[0.0] * 99 + [15.0], rows=SLOW)).name == "rate_too_low"
    for rows in (still((1e-5,) * 3), still((0.0,) * 3), still((0.9e-5,) * 3, push=1e-3)):
        assert examine(made(blobs, losses=losses, rows={60: rows})) == []
    assert only(made(blobs, losses=losses, rows={60: still((0.9e-5,) * 3, push=1.1e-3)})).name == "rate_too_low"
    # Both are asked of the layer that moves most.
    one_moves = ((1.0, 1.0, 1.0), (1.0, 1e-4, 1.0), (1e-6, 0.9e-5, 1e-6))
    assert examine(made(blobs, losses=losses, rows={60: one_moves})) == []


def test_five_points_between_training_and_test_are_still_no_overfitting(blobs: Loaded) -> None:
    assert examine(made(blobs, accuracies=(0.05, 0.0))) == []
    told = only(made(blobs, accuracies=(0.98, 0.92)))
    assert told.name == "overfitting"
    assert told.evidence == (
        "In epoch 2 it got 98.0% of the training images right, and after it 92.0% of all 100 test images."
    )
    assert (told.config.augment, told.config.weight_decay) == ("shift_rotate", 0.0005)
    told = only(made(blobs, accuracies=(1.0, 0.5), per_class=20))
    assert "only 20 of each class" in told.advice
    assert (told.config.per_class, told.config.augment) == (0, "none")


def test_evidence_ends_at_the_checkpoint(blobs: Loaded) -> None:
    config = TrainConfig(batch_size=100, epochs=2)
    trainer = Trainer(THREE, config, blobs)
    events = trainer.run()
    while trainer.position.step < 3:
        next(events)
    view = CheckpointView(THREE, config, trainer.checkpoint(), blobs)
    steps = np.arange(1, 7)
    numbers = steps.astype(np.float32)
    columns = np.repeat(numbers[:, None], 3, 1)
    found = evidence(
        view,
        Curve(steps, numbers, numbers, numbers),
        [Epoch(1, 3, 0.0, 0.0, 0.0, 0.0), Epoch(2, 6, 0.0, 0.0, 0.0, 0.0)],
        NormCurves(steps, ("dense1", "dense2", "output"), columns, columns, columns),
        False,
    )
    for values in (*found.curve, found.norms.step, found.norms.weight[:, 1], found.norms.gradient[:, 1]):
        assert values.tolist() == [1, 2, 3]
    assert found.norms.update[:, 1].tolist() == [1, 2, 3]
    assert [epoch.epoch for epoch in found.epochs] == [1]
    assert {len(output) for output in found.outputs.values()} == {100}
    assert list(found.outputs) == ["dense1", "dense2", "output"]
    assert found.images == "all 100 test images of MNIST"


@pytest.mark.parametrize("images", [60, 1000])
def test_of_the_same_images_the_doctor_counts_as_the_health_of_the_layers_does(
    blobs: Loaded, images: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "IMAGES", images)
    network = NetworkSpec((Dense(64), Dense(4)))
    start = Trainer(network, TrainConfig(), blobs).checkpoint()
    shifted = {**start.model, "dense1.bias": torch.linspace(-1.5, 0.2, 64)}  # most are silent, some for few images only
    view = CheckpointView(network, TrainConfig(), replace(start, model=shifted), blobs)
    nothing = made(blobs)
    told = only(evidence(view, nothing.curve, [], nothing.norms, False))
    split, words = blobs.first_test(images)
    first = health(view, split)[0]
    assert first.dead is not None
    assert told.evidence == f"{int(first.dead.sum())} of the 64 units of Dense 1 give 0 for {words}."
    assert words == (
        "all 100 test images of MNIST" if images == 1000 else "the first 60 of the 100 test images of MNIST"
    )
