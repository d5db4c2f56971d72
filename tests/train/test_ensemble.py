"""Packs against the trainings one by one that they stand for."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from nnviz.data.datasets import Loaded, Split
from nnviz.fields import SpecError
from nnviz.spec.activations import ACTIVATIONS
from nnviz.spec.layers.base import Layer
from nnviz.spec.layers.batch_norm import BatchNorm
from nnviz.spec.layers.conv import Conv
from nnviz.spec.layers.dense import Dense
from nnviz.spec.layers.dropout import Dropout
from nnviz.spec.network import NetworkSpec, build_model
from nnviz.spec.train_config import TrainConfig
from nnviz.train.checkpoint import Checkpoint, CheckpointError
from nnviz.train.ensemble import (
    EnsembleBatch,
    EnsembleDiverged,
    EnsembleEpoch,
    EnsembleEvent,
    EnsembleTested,
    EnsembleTrainer,
    ensemble_count,
    ensemble_key,
    why_not,
)
from nnviz.train.evaluation import answers_are_finite
from nnviz.train.events import Batch, Diverged, Epoch
from nnviz.train.trainer import Trainer

NETWORK = NetworkSpec((Dense(16), Dense(12, "tanh")))
CONFIG = TrainConfig(epochs=2, batch_size=32, lr=0.02)  # 300 images: nine batches and one of 12
STEPS = 20

MIXED = [
    (NETWORK, CONFIG.with_(**settings))
    for settings in (
        {},
        {"momentum": 0.0},
        {"lr": 0.1, "momentum": 0.5, "nesterov": True},
        {"weight_decay": 0.01, "momentum": 0.99},
        {"weight_decay": 0.1, "momentum": 0.0, "nesterov": True},
        {"lr": 0.0},
    )
]
"""Every way in which members may differ, some of them together."""

TOLERANCE: dict[str, Any] = {"rtol": 2e-4, "atol": 2e-5}
"""Rounding alone: a wrong sign or a missing term is off by far more within 20 steps."""

Member = tuple[NetworkSpec, TrainConfig]


class Course:
    """What one training went through."""

    def __init__(self) -> None:
        self.batches: list[tuple[float, ...]] = []
        self.epochs: list[Epoch] = []
        self.diverged: Diverged | None = None


def train(trainer: EnsembleTrainer, steps: int | None = None) -> list[Course]:
    """The courses of all members, to the end or for so many steps."""
    courses = [Course() for _ in trainer.configs]
    for event in trainer.run():
        if isinstance(event, EnsembleBatch):
            for member, *numbers in zip(event.members, event.loss, event.accuracy, event.lr, strict=True):
                courses[member].batches.append((event.step, *numbers, event.size))
            if event.step == steps:
                break
        elif isinstance(event, EnsembleEpoch):
            for member, epoch in zip(event.members, event.epochs, strict=True):
                courses[member].epochs.append(epoch)
        elif isinstance(event, EnsembleDiverged):
            courses[event.member].diverged = event.diverged
    return courses


def alone(trainer: Trainer) -> Course:
    course = Course()
    for event in trainer.run():
        if isinstance(event, Batch):
            course.batches.append(event[:5])
        elif isinstance(event, Epoch):
            course.epochs.append(event)
        elif isinstance(event, Diverged):
            course.diverged = event
    return course


def assert_same_course(ours: Course, theirs: Course, images: int) -> None:
    assert len(ours.batches) == len(theirs.batches) > 0
    for mine, other in zip(ours.batches, theirs.batches, strict=True):
        assert mine[0] == other[0]
        assert mine[4] == other[4]
        assert mine[1] == pytest.approx(other[1], rel=2e-4, abs=2e-5)
        assert mine[2] == pytest.approx(other[2], abs=1.01 / mine[4])  # rounding may turn one answer
        assert mine[3] == pytest.approx(other[3])
    assert [epoch[:2] for epoch in ours.epochs] == [epoch[:2] for epoch in theirs.epochs]
    for epoch, other_epoch in zip(ours.epochs, theirs.epochs, strict=True):
        assert epoch.train_loss == pytest.approx(other_epoch.train_loss, rel=2e-4, abs=2e-5)
        assert epoch.test_loss == pytest.approx(other_epoch.test_loss, rel=2e-4, abs=2e-5)
        assert epoch.train_accuracy == pytest.approx(other_epoch.train_accuracy, abs=2.01 / images)
        assert epoch.test_accuracy == pytest.approx(other_epoch.test_accuracy, abs=0.011)


def assert_same_state(ours: Checkpoint, theirs: Checkpoint) -> None:
    assert ours.position[:4] == theirs.position[:4]
    assert ours.position.loss_sum == pytest.approx(theirs.position.loss_sum, rel=2e-4)
    assert abs(ours.position.correct - theirs.position.correct) <= 2
    assert ours.model.keys() == theirs.model.keys()
    assert ours.optimizer.keys() == theirs.optimizer.keys()
    for mine, other in ((ours.model, theirs.model), (ours.optimizer, theirs.optimizer)):
        for key, tensor in mine.items():
            torch.testing.assert_close(tensor, other[key], **TOLERANCE)


def assert_as_alone(members: list[Member], data: Loaded) -> EnsembleTrainer:
    ensemble = EnsembleTrainer(members, data)
    images = ensemble.loader.count
    for member, course in enumerate(train(ensemble)):
        solo = Trainer(*members[member], data)
        assert_same_course(course, alone(solo), images)
        assert_same_state(ensemble.checkpoint(member), solo.checkpoint())
    return ensemble


def test_members_that_differ_in_every_setting_train_as_if_alone(blobs: Loaded) -> None:
    ensemble = assert_as_alone(MIXED, blobs)
    assert ensemble.total_steps == ensemble.position.step == STEPS
    assert not ensemble.checkpoint(1).optimizer  # without momentum there is no velocity to keep
    assert len(ensemble.checkpoint(0).optimizer) == 6


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation(blobs: Loaded, activation: str) -> None:
    network = NetworkSpec((Dense(9, activation), Dense(7, activation)))
    assert_as_alone([(network, CONFIG.with_(epochs=1)), (network, CONFIG.with_(epochs=1, lr=0.1))], blobs)


@pytest.mark.parametrize("depth", [0, 1, 3])
def test_every_depth_and_members_that_begin_differently(blobs: Loaded, depth: int) -> None:
    layers = (Dense(11), Dense(8), Dense(8))[:depth]
    networks = [NetworkSpec(layers), NetworkSpec(layers, "xavier"), NetworkSpec(layers, "normal", 0.3)]
    assert_as_alone([(network, CONFIG.with_(epochs=1, lr=0.01)) for network in networks], blobs)


@pytest.mark.parametrize("loss", ["cross_entropy", "mse"])
@pytest.mark.parametrize("schedule", ["cosine", "onecycle", "step"])
def test_every_schedule_and_loss(blobs: Loaded, schedule: str, loss: str) -> None:
    members = [(network, config.with_(schedule=schedule, loss=loss, epochs=3)) for network, config in MIXED[:3]]
    assert_as_alone(members, blobs)


@pytest.mark.parametrize(
    "settings",
    [{"augment": "shift_rotate"}, {"augment": "drawing"}, {"per_class": 7}, {"batch_size": 300}, {"seed": 5}],
)
def test_whatever_the_images(blobs: Loaded, settings: dict[str, Any]) -> None:
    assert_as_alone([(network, config.with_(**settings)) for network, config in MIXED[:3]], blobs)


def test_a_pack_of_one(blobs: Loaded) -> None:
    assert_as_alone(MIXED[:1], blobs)


# ---------------------------------------------------------------------- going on, and leaving


def test_a_pack_resumed_anywhere_goes_on_as_if_nothing_had_been(blobs: Loaded, tmp_path: Path) -> None:
    whole = EnsembleTrainer(MIXED, blobs)
    courses = train(whole)
    first = EnsembleTrainer(MIXED, blobs)
    begun = train(first, steps=13)  # in the middle of the second pass
    paths = [tmp_path / f"{member}.safetensors" for member in first.members]
    for member, path in enumerate(paths):
        first.checkpoint(member).save(path)
    second = EnsembleTrainer(MIXED, blobs, starts=[Checkpoint.load(path) for path in paths])
    for before, after, course in zip(begun, train(second), courses, strict=True):
        assert before.batches + after.batches == course.batches  # to the bit
        assert before.epochs + after.epochs == course.epochs
    for member in whole.members:
        assert_same_state(second.checkpoint(member), whole.checkpoint(member))


def test_a_training_alone_goes_on_with_a_snapshot_of_a_pack_and_back(blobs: Loaded) -> None:
    ensemble = EnsembleTrainer(MIXED, blobs)
    train(ensemble, steps=13)
    solos = [Trainer(*member, blobs, start=ensemble.checkpoint(place)) for place, member in enumerate(MIXED)]
    rests = [alone(solo) for solo in solos]
    for rest, solo, course in zip(rests, solos, train(EnsembleTrainer(MIXED, blobs)), strict=True):
        course.batches, course.epochs = course.batches[13:], course.epochs[1:]
        assert_same_course(rest, course, 300)
        assert solo.position.epoch == 2

    halves = [Trainer(*member, blobs) for member in MIXED]
    for half in halves:
        assert len([event for event in islice(half.run(), 4) if isinstance(event, Batch)]) == 4
    together = EnsembleTrainer(MIXED, blobs, starts=[half.checkpoint() for half in halves])
    train(together)
    for member, solo in enumerate(solos):
        assert_same_state(together.checkpoint(member), solo.checkpoint())


@pytest.mark.parametrize("place", ["batch", "test", "epoch"])
def test_one_that_is_dropped_keeps_its_state_and_the_others_go_on(blobs: Loaded, place: str) -> None:
    kind = {"batch": EnsembleBatch, "test": EnsembleTested, "epoch": EnsembleEpoch}[place]
    big = Split(blobs.test.images.repeat(6, 1, 1, 1), blobs.test.labels.repeat(6))  # three parts of a test pass
    data = replace(blobs, test=big)
    ensemble = EnsembleTrainer(MIXED, data)
    seen: list[EnsembleEvent] = []
    for event in ensemble.run():
        if isinstance(event, kind) and not seen:
            state = ensemble.checkpoint(2)
            ensemble.drop(2)
        if isinstance(event, kind):
            seen.append(event)
        if isinstance(event, EnsembleEpoch):
            assert event.members == ((0, 1, 2, 3, 4, 5) if event is seen[0] else (0, 1, 3, 4, 5))
            last = event
    assert_same_state(ensemble.checkpoint(2), state)
    for place, member in enumerate(last.members):
        solo = Trainer(*MIXED[member], data)
        theirs = alone(solo).epochs[-1]
        assert last.epochs[place].train_loss == pytest.approx(theirs.train_loss, rel=2e-4, abs=2e-5)
        assert last.epochs[place].test_loss == pytest.approx(theirs.test_loss, rel=2e-4, abs=2e-5)
        assert_same_state(ensemble.checkpoint(member), solo.checkpoint())


def test_when_all_are_dropped_it_is_over(blobs: Loaded) -> None:
    ensemble, events = EnsembleTrainer(MIXED[:2], blobs), []
    for event in ensemble.run():
        events.append(event)
        if isinstance(event, EnsembleBatch) and event.step == 3:
            ensemble.drop(0)
            ensemble.drop(1)
            ensemble.drop(0)  # it is out already
    assert len(events) == 3
    assert ensemble.checkpoint(0).position.step == 3


# ---------------------------------------------------------------------- divergence


WILD = NetworkSpec((Dense(32, "identity"),))


def test_one_that_diverges_leaves_the_others_as_they_would_be(blobs: Loaded) -> None:
    members = [(WILD, CONFIG.with_(lr=lr, epochs=6)) for lr in (0.001, 100.0, 0.002)]
    ensemble = EnsembleTrainer(members, blobs)
    courses = train(ensemble)
    solo = Trainer(*members[1], blobs)
    theirs = alone(solo)
    assert courses[1].diverged is not None
    assert theirs.diverged is not None
    # Rounding grows as the weights do: the step it happens at may be another by one.
    assert abs(courses[1].diverged.step - theirs.diverged.step) <= 1
    assert courses[1].diverged.lr == 100.0
    kept = ensemble.checkpoint(1)
    assert kept.position.step == courses[1].diverged.kept
    assert all(bool(tensor.isfinite().all()) for tensor in kept.model.values())
    without = EnsembleTrainer([members[0], members[2]], blobs)
    for course, other in zip((courses[0], courses[2]), train(without), strict=True):
        assert_same_course(course, other, 300)
        assert course.diverged is None
    for member, other_member in ((0, 0), (2, 1)):
        assert_same_state(ensemble.checkpoint(member), without.checkpoint(other_member))
        assert_same_state(ensemble.checkpoint(member), trained(members[member], blobs))


def built(state: Checkpoint, member: Member, data: Loaded) -> nn.Module:
    model = build_model(member[0], data.dataset.input_shape, len(data.dataset.classes), 0)
    model.load_state_dict(state.model)
    return model


def trained(member: Member, data: Loaded) -> Checkpoint:
    solo = Trainer(*member, data)
    alone(solo)
    return solo.checkpoint()


@pytest.mark.parametrize("guard_every", [1, 2, 3, 5])
def test_the_weights_kept_are_good_wherever_it_diverges(
    blobs: Loaded, guard_every: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when a copy is due at the very step that finds the loss to be no number."""
    monkeypatch.setattr("nnviz.train.ensemble.GUARD_EVERY", guard_every)
    members = [(WILD, CONFIG.with_(lr=lr, momentum=m, epochs=3)) for lr in (10.0, 1e2) for m in (0.0, 0.9)]
    ensemble = EnsembleTrainer(members, blobs)
    courses = train(ensemble)
    assert sum(course.diverged is not None for course in courses) >= 2
    for member, course in enumerate(courses):
        state = ensemble.checkpoint(member)
        assert all(bool(tensor.isfinite().all()) for tensor in state.model.values())
        if course.diverged:
            assert state.position.step == course.diverged.kept <= course.diverged.step
            assert state.position.step > course.diverged.step - guard_every - 1
            done = [batch for batch in course.batches[: state.position.step] if batch[0] > 10 * state.position.epoch]
            assert state.position.loss_sum == pytest.approx(sum(batch[1] * batch[4] for batch in done))


@pytest.mark.parametrize("size", [1e30, 3e38, math.inf, math.nan])
def test_finite_weights_whose_answers_overflow_are_not_kept(size: float, blobs: Loaded) -> None:
    """As of a lone training; the other member goes on as if nothing had been."""
    member = (WILD, CONFIG.with_(lr=0.001))
    ensemble = EnsembleTrainer([member, member], blobs)
    steps = ensemble.run()
    for _ in range(7):
        next(steps)
    for weight in ensemble._weights:
        weight[1] = size
    diverged = [event for event in steps if isinstance(event, EnsembleDiverged)]
    assert [(event.member, event.diverged.step, event.diverged.kept) for event in diverged] == [(1, 7, 0)]
    kept = ensemble.checkpoint(1)
    assert kept.position.step == 0
    assert answers_are_finite(built(kept, member, blobs), blobs, torch.device("cpu"))
    assert_same_state(ensemble.checkpoint(0), trained(member, blobs))


def test_a_resumed_pack_may_diverge_before_its_first_copy(blobs: Loaded) -> None:
    members = [(WILD, CONFIG.with_(lr=lr, momentum=0.0)) for lr in (0.001, 100.0)]
    ensemble = EnsembleTrainer(members, blobs)
    train(ensemble, steps=1)
    again = EnsembleTrainer(members, blobs, starts=[ensemble.checkpoint(0), ensemble.checkpoint(1)])
    courses = train(again)
    assert courses[1].diverged is not None
    assert courses[0].batches[-1][0] == STEPS
    assert all(bool(tensor.isfinite().all()) for tensor in again.checkpoint(1).model.values())


def test_one_that_never_had_a_finite_loss_keeps_its_first_weights(blobs: Loaded) -> None:
    deep = (Dense(100, "identity"),) * 20  # each layer makes the numbers a hundred times as large
    members = [(NetworkSpec(deep, "normal", std), CONFIG.with_(epochs=1, lr=1e-4)) for std in (0.1, 10.0)]
    ensemble = EnsembleTrainer(members, blobs)
    courses = train(ensemble)
    assert courses[1].diverged is not None
    assert courses[1].diverged.step == 0
    assert ensemble.checkpoint(1).position.step == 0
    assert len(courses[0].batches) == 10


# ---------------------------------------------------------------------- which go together


def test_members_that_do_not_go_together_are_refused(blobs: Loaded) -> None:
    for other in (
        (NetworkSpec((Dense(17), Dense(12, "tanh"))), CONFIG),
        (NetworkSpec((Dense(16), Dense(12, "relu"))), CONFIG),
        (NETWORK, CONFIG.with_(batch_size=16)),
        (NETWORK, CONFIG.with_(seed=1)),
    ):
        with pytest.raises(SpecError, match="must agree in their layers and in everything but lr, momentum"):
            EnsembleTrainer([(NETWORK, CONFIG), other], blobs)
        assert ensemble_key(*other) != ensemble_key(NETWORK, CONFIG)
    assert len({ensemble_key(*member) for member in MIXED}) == 1
    assert ensemble_key(NETWORK, CONFIG.with_(device="cpu")) == ensemble_key(NETWORK, CONFIG.with_(device="auto"))
    with pytest.raises(SpecError, match="can't be stacked: only SGD"):
        EnsembleTrainer([(NETWORK, CONFIG.with_(optimizer="adam"))], blobs)


def test_starts_that_do_not_go_together_are_refused(blobs: Loaded) -> None:
    ensemble = EnsembleTrainer(MIXED[:2], blobs)
    before = ensemble.checkpoint(0)
    train(ensemble, steps=2)
    with pytest.raises(CheckpointError, match="different steps"):
        EnsembleTrainer(MIXED[:2], blobs, starts=[before, ensemble.checkpoint(1)])
    deeper = EnsembleTrainer([(NetworkSpec((Dense(16),) * 3), CONFIG)] * 2, blobs)
    train(deeper, steps=2)
    for start in (deeper.checkpoint(0), Checkpoint(deeper.position, {})):
        with pytest.raises(CheckpointError, match="is of another network"):
            EnsembleTrainer(MIXED[:2], blobs, starts=[start, ensemble.checkpoint(1)])
    wider = EnsembleTrainer([(NetworkSpec((Dense(20), Dense(12, "tanh"))), CONFIG)] * 2, blobs)
    with pytest.raises(CheckpointError, match="is of another network"):  # though they agree with one another
        EnsembleTrainer(MIXED[:2], blobs, starts=[wider.checkpoint(0), wider.checkpoint(1)])
    torn = ensemble.checkpoint(0)
    torn.optimizer["0.momentum_buffer"] = torch.zeros(3)
    with pytest.raises(CheckpointError, match="momentum is of another network"):
        EnsembleTrainer(MIXED[:2], blobs, starts=[torn, ensemble.checkpoint(1)])


@pytest.mark.parametrize(
    ("layers", "settings", "words"),
    [
        ((Dense(16),), {}, ""),
        ((), {}, ""),
        ((Conv(4), Dense(16)), {}, "convolutions"),
        ((Dense(16), Dropout(0.5)), {}, "only dense layers"),
        ((Dense(16), BatchNorm()), {}, "only dense layers"),
        ((Dense(16),), {"optimizer": "adam"}, "only SGD"),
        ((Dense(16),), {"device": "cuda"}, "only the CPU"),
        ((Dense(2000),), {}, "layers this large"),
    ],
)
def test_what_cannot_be_packed_says_why(layers: tuple[Layer, ...], settings: dict[str, Any], words: str) -> None:
    reason = why_not(NetworkSpec(layers), TrainConfig(**settings))
    assert bool(reason) == bool(words)
    assert reason.startswith(words)


def test_six_hundred_thousand_numbers_are_the_most_that_gain_from_a_pack() -> None:
    def weights(units: int) -> int:
        return 785 * units + 10 * (units + 1)

    assert weights(754) <= 600_000 < weights(755)
    assert why_not(NetworkSpec((Dense(754),)), CONFIG) == ""
    assert why_not(NetworkSpec((Dense(755),)), CONFIG).startswith("layers this large")


def test_after_the_first_step_there_is_a_velocity_to_keep_where_there_is_a_momentum(blobs: Loaded) -> None:
    """As of a single training, from whose optimizer's state it must be told apart by nothing."""
    members = [(NETWORK, CONFIG.with_(momentum=momentum)) for momentum in (0.0, 0.9)]
    trainer = EnsembleTrainer(members, blobs)
    for step in range(3):
        kept = [trainer.checkpoint(member) for member in (0, 1)]
        assert [one.position.step for one in kept] == [step, step]
        assert [sorted(one.optimizer) for one in kept] == [
            [],
            [f"{index}.momentum_buffer" for index in range(6)] if step else [],
        ]
        next(event for event in trainer.run() if isinstance(event, EnsembleBatch))


def test_packs_are_spread_over_the_cores_and_fit_the_cache() -> None:
    assert ensemble_count(NETWORK, CONFIG, 64, 1) == 1
    assert ensemble_count(NETWORK, CONFIG, 64, 3) == 3
    assert ensemble_count(NETWORK, CONFIG, 2, 8) == 2
    classic = NetworkSpec((Dense(128),))
    assert 8_000_000 // (8 * 101_770) == 9  # nets whose weights and velocities are 8 MB
    assert [ensemble_count(classic, CONFIG, count, 2) for count in (9, 18, 19, 64)] == [2, 2, 4, 8]
    assert (
        ensemble_count(classic, CONFIG, 40, 2, busy=1) == 5
    )  # six with the one that trains: the last two end together
    assert ensemble_count(NetworkSpec((Dense(1000),)), CONFIG, 64, 2) == 64
