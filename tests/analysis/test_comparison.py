"""What tells two trainings apart, which of them repeat each other, and twins that go in lock step."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from nnviz.analysis.comparison import (
    ACTIVATION,
    TWIN_FIELDS,
    activation_of,
    differences,
    figures,
    in_lock_step,
    in_words,
    layers_in_words,
    repeat,
    repeats,
    seed_group,
    settings,
    start_twin,
    twins,
)
from nnviz.data.datasets import Dataset, Loaded
from nnviz.executor.recorder import train_run
from nnviz.fields import SpecError, bounds_of
from nnviz.spec.layers.batch_norm import BatchNorm
from nnviz.spec.layers.conv import Conv
from nnviz.spec.layers.dense import Dense
from nnviz.spec.layers.dropout import Dropout
from nnviz.spec.layers.flatten import Flatten
from nnviz.spec.layers.pool import MaxPool
from nnviz.spec.network import NetworkSpec, with_all
from nnviz.spec.train_config import TrainConfig
from nnviz.store.run import Run, Status
from nnviz.store.runs import RunStore
from nnviz.train.events import Change

CONFIG = TrainConfig(epochs=2, batch_size=50, lr=0.01, checkpoints=4)
NET = NetworkSpec((Dense(16),))


@pytest.fixture
def store(tmp_path: Path, blobs: Loaded, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunStore]:
    monkeypatch.setattr(Dataset, "load", lambda self, root=None: blobs)
    store = RunStore(tmp_path)
    yield store
    store.close()


def run_of(store: RunStore, network: NetworkSpec = NET, **changes: Any) -> Run:
    return store.create(network, CONFIG.with_(**changes))


def trained(store: RunStore, run: Run | None = None) -> Run:
    run = run or run_of(store)
    assert train_run(store, run.id) is Status.FINISHED
    return store.run(run.id)


class TestDifferences:
    @pytest.mark.parametrize("name", [name for name in bounds_of(TrainConfig) if name not in ("device", "checkpoints")])
    def test_every_field_is_told(self, store: RunStore, name: str) -> None:
        other = {
            "data": "fashion_mnist",
            "per_class": 5,
            "optimizer": "adagrad",
            "lr": 0.5,
            "momentum": 0.5,
            "nesterov": True,
            "weight_decay": 0.1,
            "batch_size": 10,
            "epochs": 3,
            "schedule": "cosine",
            "loss": "mse",
            "augment": "shift",
            "seed": 4,
        }
        found = differences((run_of(store), run_of(store, **{name: other[name]})))
        gone = {"momentum"} if name == "optimizer" else set()
        assert {one.key for one in found} == {name} | gone

    def test_what_does_not_touch_the_curve_is_no_difference(self, store: RunStore) -> None:
        assert not differences((run_of(store), run_of(store, device="cpu", checkpoints=9)))

    def test_a_momentum_that_is_not_used_is_no_difference(self, store: RunStore) -> None:
        runs = run_of(store, optimizer="adam", momentum=0.1), run_of(store, optimizer="adam", nesterov=True)
        assert not differences(runs)

    def test_layers_field_by_field_or_as_a_whole(self, store: RunStore) -> None:
        (units,) = differences((run_of(store), run_of(store, NetworkSpec((Dense(32),)))))
        assert (units.key, units.label, units.values) == ("dense1.units", "Dense 1 units", (16, 32))
        (layers,) = differences((run_of(store), run_of(store, NetworkSpec((Dense(32), Dense(8, "tanh"))))))
        assert (layers.key, layers.shown) == ("layers", ("16 ReLU", "32 ReLU – 8 Tanh"))

    def test_a_fork_begins_elsewhere(self, store: RunStore) -> None:
        run = trained(store)
        fork = store.fork(run.id, 1, CONFIG)
        (start,) = differences((run, fork))
        assert start.shown == ("–", f"step 1 of #{run.id[-4:]}")
        assert "a start from step 1" in in_words(run, fork)

    def test_more_than_two(self, store: RunStore) -> None:
        (rate,) = differences([run_of(store), run_of(store), run_of(store, lr=0.5)])
        assert rate.shown == ("0.01", "0.01", "0.5")

    def test_no_run_or_one(self, store: RunStore) -> None:
        assert differences([]) == differences([run_of(store)]) == []


class TestWords:
    def test_alike(self, store: RunStore) -> None:
        assert in_words(run_of(store), run_of(store)) == (
            "A and B are set up alike, with the same seed: their curves should be the same."
        )

    def test_nothing_but_the_seed(self, store: RunStore) -> None:
        assert "differ in nothing but the seed (0 and 1)" in in_words(run_of(store), run_of(store, seed=1))

    def test_two_things(self, store: RunStore) -> None:
        first, second = run_of(store), run_of(store, NetworkSpec((Dense(256),)), lr=0.001)
        assert in_words(first, second) == (
            "B trains with a learning rate of 0.001 instead of 0.01 and 256 instead of 16 neurons in the first hidden"
            " layer; all else is equal."
        )

    @pytest.mark.parametrize(
        ("changes", "phrase"),
        [
            ({"optimizer": "adam"}, "Adam instead of SGD as optimizer and no momentum, which was 0.9 in A; all else"),
            ({"nesterov": True}, "Nesterov switched on"),
            ({"augment": "shift"}, "Shifts up to 2 pixels instead of none as augmentation"),
            ({"per_class": 10}, "10 examples of each class instead of all examples"),
            ({"epochs": 5}, "5 instead of 2 epochs"),
            ({"batch_size": 1000}, "a batch size of 1,000 instead of 50"),
        ],
    )
    def test_phrases(self, store: RunStore, changes: dict[str, Any], phrase: str) -> None:
        assert phrase in in_words(run_of(store), run_of(store, **changes))

    def test_phrases_of_what_the_first_has_not(self, store: RunStore) -> None:
        words = in_words(run_of(store, optimizer="adam"), run_of(store))
        assert words.startswith(
            "B trains with SGD instead of Adam as optimizer and a momentum of 0.9, which A has not;"
        )
        words = in_words(run_of(store, nesterov=True), run_of(store))
        assert words == "B trains with Nesterov switched off; all else is equal."
        words = in_words(run_of(store, per_class=10), run_of(store, per_class=1000))
        assert "1,000 examples of each class instead of 10 examples of each class" in words

    def test_phrases_of_a_start(self, store: RunStore) -> None:
        run = trained(store)
        first, second = (store.fork(run.id, step, run.config) for step in store.checkpoints.steps(run.id)[1:3])
        at = [f"step {one.parent_step} of #{run.id[-4:]}" for one in (first, second)]
        assert f"with a start from {at[1]} instead of {at[0]};" in in_words(first, second)
        assert f"with a start from {at[0]} instead of the beginning;" in in_words(run, first)
        assert f"with a start at the beginning instead of from {at[0]};" in in_words(first, run)

    def test_many_layers_are_counted_in_words(self, store: RunStore) -> None:
        layers = [Dense(8)] * 12
        for place, ordinal in ((0, "first"), (8, "ninth"), (9, "tenth"), (10, "11th"), (11, "12th")):
            other = [*layers[:place], Dense(9), *layers[place + 1 :]]
            words = in_words(run_of(store, NetworkSpec(tuple(layers))), run_of(store, NetworkSpec(tuple(other))))
            assert f"9 instead of 8 neurons in the {ordinal} hidden layer" in words

    def test_layers(self, store: RunStore) -> None:
        first = run_of(store, NetworkSpec((Conv(4), MaxPool(), Dropout(0.5), Dense(8))))
        second = run_of(store, NetworkSpec((Conv(8, 5), MaxPool(), Dropout(0.2), Dense(8, "tanh"))))
        words = in_words(first, second, ("one", "two"))
        assert "two trains with 8 instead of 4 channels in the first convolution layer" in words
        assert "a kernel of 5 instead of 3 in the first convolution layer" in words
        assert "a share dropped of 0.2 instead of 0.5 in the first dropout layer" in words
        assert "Tanh instead of ReLU in the first dense layer" in words  # the fourth hidden one

    def test_a_net_in_a_line(self) -> None:
        assert layers_in_words(NetworkSpec(())) == "no hidden layer"
        words = layers_in_words(NetworkSpec((Conv(4), BatchNorm(), Dense(8, "identity"))))
        assert words == "conv 4 ReLU – batch normalisation – 8"


class TestSeeds:
    def test_a_group_is_by_seed_and_has_each_once(self, store: RunStore) -> None:
        runs = [run_of(store, seed=seed) for seed in (3, 1, 2, 1)]
        other = run_of(store, seed=5, lr=0.5)
        assert [run.config.seed for run in seed_group(runs[0], [*runs, other])] == [1, 2, 3]

    def test_steered_runs_stand_alone(self, store: RunStore) -> None:
        runs = [run_of(store, seed=seed) for seed in range(3)]
        assert seed_group(runs[0], runs, frozenset({runs[1].id})) == [runs[0], runs[2]]
        assert seed_group(runs[1], runs, frozenset({runs[1].id})) == [runs[1]]

    def test_repeats_take_the_next_unused_seeds(self, store: RunStore) -> None:
        run, used = run_of(store, seed=2), run_of(store, seed=4)
        assert [config.seed for config in repeats(run, [run, used], 3)] == [3, 5, 6]
        assert repeats(run_of(store, seed=2**31 - 1), [], 1)[0].seed == 0

    def test_a_repeat_is_named_and_of_the_group(self, store: RunStore) -> None:
        run = run_of(store)
        again = repeat(store, repeat(store, run, run.config.with_(seed=1)), run.config.with_(seed=2))
        assert again.name == f"{run.name} · seed 2"
        assert seed_group(run, [again]) == [run, again]


class TestChanges:
    """What was changed while a run went on is part of what it differs in."""

    STEERED = (Change(120, "lr", 0.01, 0.05), Change(300, "batch_size", 5, 32))
    WORDS = "learning rate 0.05 after step 120, batch size 32 after step 300"

    def test_it_is_a_difference_like_others(self, store: RunStore) -> None:
        run, other = run_of(store), run_of(store)
        assert differences((run, other)) == []
        (one,) = differences((run, other), {other.id: self.STEERED})
        assert (one.label, one.shown) == ("changed while it ran", ("–", self.WORDS))
        assert differences((run, other), {run.id: self.STEERED, other.id: self.STEERED}) == []

    def test_in_words(self, store: RunStore) -> None:
        run, other = run_of(store), run_of(store)
        after = in_words(run, other, changes={other.id: self.STEERED})
        assert after == f"B trains with settings changed while it ran ({self.WORDS}); all else is equal."
        before = in_words(run, other, changes={run.id: self.STEERED})
        assert (
            before
            == f"B trains with no settings changed while it ran, as they were in A ({self.WORDS}); all else is equal."
        )
        both = in_words(run, other, changes={run.id: self.STEERED[:1], other.id: self.STEERED})
        assert f"({self.WORDS}) instead of (learning rate 0.05 after step 120)" in both


class TestTwins:
    @pytest.mark.parametrize(
        ("field", "value", "same_forward"),
        [
            ("lr", 0.5, True),
            ("momentum", 0.0, True),
            ("nesterov", True, True),
            ("weight_decay", 0.1, True),
            ("optimizer", "adam", True),
            ("schedule", "cosine", True),
            ("loss", "mse", False),
            (ACTIVATION, "tanh", False),
        ],
    )
    def test_same_weights_and_same_first_batch(
        self, store: RunStore, field: str, value: Any, same_forward: bool
    ) -> None:
        run = trained(store)
        twin = trained(store, start_twin(store, run, field, value))
        assert in_lock_step(run, twin)
        first, second = store.checkpoints.load(run.id, 0).model, store.checkpoints.load(twin.id, 0).model
        assert first.keys() == second.keys()
        for name in first:
            assert torch.equal(first[name], second[name]), name
        losses, others = store.history.curve(run.id).loss, store.history.curve(twin.id).loss
        assert bool(losses[0] == others[0]) is same_forward
        assert bool((losses[1:] != others[1:]).any())

    def test_a_twin_of_a_fork_begins_where_it_began(self, store: RunStore) -> None:
        run = trained(store)
        fork = trained(store, store.fork(run.id, 2, CONFIG.with_(lr=0.02)))
        twin = start_twin(store, fork, "lr", 0.5)
        assert (twin.parent, twin.parent_step) == (run.id, 2)
        assert in_lock_step(fork, twin)
        assert not in_lock_step(run, twin)
        with pytest.raises(SpecError, match="activations"):
            start_twin(store, fork, ACTIVATION, "tanh")

    def test_a_fork_whose_run_was_deleted_begins_with_what_it_kept(self, store: RunStore) -> None:
        run = trained(store)
        fork = trained(store, store.fork(run.id, 2, CONFIG.with_(lr=0.02)))
        store.delete(run.id)
        twin = start_twin(store, fork, "lr", 0.5)
        kept, begun = store.checkpoints.load(fork.id, 2).model, store.checkpoints.load(twin.id, 2).model
        assert all(torch.equal(kept[name], begun[name]) for name in kept)

    @pytest.mark.parametrize("changes", [{"seed": 1}, {"batch_size": 10}, {"augment": "shift"}, {"per_class": 5}])
    def test_other_batches_are_no_twins(self, store: RunStore, changes: dict[str, Any]) -> None:
        assert not in_lock_step(run_of(store), run_of(store, **changes))

    @pytest.mark.parametrize(
        "network",
        [
            NetworkSpec((Dense(17),)),
            NetworkSpec((Dense(16), Dense(16))),
            NET.with_(init="kaiming"),
            NetworkSpec((Flatten(), *NET.layers)),
        ],
    )
    def test_other_weights_are_no_twins(self, store: RunStore, network: NetworkSpec) -> None:
        assert not in_lock_step(run_of(store), run_of(store, network))

    def test_twins_are_found_among_others(self, store: RunStore) -> None:
        run, twin, stranger = run_of(store), run_of(store, lr=0.5), run_of(store, seed=3)
        assert twins(run, [run, twin, stranger]) == [twin]

    def test_only_what_differs_in_one_thing_is_a_twin(self, store: RunStore) -> None:
        run = run_of(store)
        longer = run_of(store, lr=0.5, epochs=7)
        activation = run_of(store, with_all(NET, ACTIVATION, "tanh"))
        others = [
            run_of(store),  # the run itself over again
            run_of(store, lr=0.5, momentum=0.0),
            run_of(store, with_all(NET, ACTIVATION, "tanh"), lr=0.5),
        ]
        assert twins(run, [*others, longer, activation]) == [longer, activation]

    def test_one_that_was_steered_is_nobodys_twin(self, store: RunStore) -> None:
        run, steered = run_of(store), run_of(store, lr=0.5)
        assert twins(run, [steered], frozenset({steered.id})) == []
        assert twins(run, [steered], frozenset({run.id})) == []

    def test_what_is_the_same_or_may_not_differ_is_refused(self, store: RunStore) -> None:
        run = run_of(store)
        with pytest.raises(SpecError, match=r"learning rate of a twin must be another than 0\.01"):
            start_twin(store, run, "lr", 0.01)
        with pytest.raises(SpecError, match="not in batch_size"):
            start_twin(store, run, "batch_size", 10)
        assert len(store.runs()) == 1

    def test_every_twin_field_is_a_field(self) -> None:
        assert set(TWIN_FIELDS) <= set(bounds_of(TrainConfig))
        assert activation_of(NET) == "relu"
        assert activation_of(NetworkSpec(())) == ""


def test_figures_are_those_of_the_epochs(store: RunStore) -> None:
    run = trained(store)
    epochs = store.history.epochs(run.id)
    found = figures(store, run)
    assert found.final_accuracy == epochs[-1].test_accuracy == run.test_accuracy
    assert found.best_accuracy == max(epoch.test_accuracy for epoch in epochs)
    assert found.final_loss == epochs[-1].test_loss
    assert found.epochs == 2
    assert found.parameters == 784 * 16 + 16 + 16 * 10 + 10
    assert epochs[found.best_epoch - 1].test_accuracy == found.best_accuracy
    assert figures(store, run_of(store))[:5] == (None, None, 0, None, 0)


def test_settings_speak_for_people(store: RunStore) -> None:
    shown = {setting.label: setting.shown for setting in settings(run_of(store)).values()}
    assert shown["learning rate"] == "0.01"
    assert shown["Nesterov"] == "no"
    assert shown["Dense 1 activation"] == "ReLU"
