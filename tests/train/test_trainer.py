"""The trainer against the plain PyTorch loop, and against itself when stopped and resumed."""

from __future__ import annotations

import math
from itertools import islice

import pytest
import torch
from torch import nn

from nnviz.data.datasets import DATASETS, Dataset, Loaded, to_input
from nnviz.fields import SpecError
from nnviz.spec.layers.batch_norm import BatchNorm
from nnviz.spec.layers.conv import Conv
from nnviz.spec.layers.dense import Dense
from nnviz.spec.layers.dropout import Dropout
from nnviz.spec.layers.flatten import Flatten
from nnviz.spec.layers.pool import MaxPool
from nnviz.spec.network import NetworkSpec, build_model
from nnviz.spec.train_config import TrainConfig
from nnviz.train.checkpoint import Checkpoint
from nnviz.train.evaluation import answers_are_finite
from nnviz.train.events import Batch, Change, Diverged, Epoch
from nnviz.train.loader import epoch_order
from nnviz.train.trainer import Trainer, trained

CNN = NetworkSpec((Conv(4), BatchNorm(), MaxPool(), Dropout(0.3), Dense(16, "tanh"), BatchNorm()))


def losses(trainer: Trainer) -> list[float]:
    return [event.loss for event in trainer.run() if isinstance(event, Batch)]


def plain_loop(network: NetworkSpec, config: TrainConfig, data: Loaded) -> list[float]:
    """What a person would write by hand, with the same initial weights and order."""
    model = build_model(network, (1, 28, 28), 10, config.seed)
    optimizer = torch.optim.SGD(model.parameters(), lr=config.lr, momentum=config.momentum)
    criterion = nn.CrossEntropyLoss()
    images, labels = to_input(data.train.images, data.dataset), data.train.labels
    found = []
    for epoch in range(config.epochs):
        for index in epoch_order(len(labels), config.seed, epoch).split(config.batch_size):
            loss = criterion(model(images[index]), labels[index])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            found.append(loss.item())
    return found


@pytest.mark.parametrize("network", [NetworkSpec(), NetworkSpec((Conv(4), MaxPool(), Dense(16)))])
def test_losses_are_those_of_the_plain_loop(blobs: Loaded, network: NetworkSpec) -> None:
    config = TrainConfig(epochs=3, lr=0.01)
    ours, plain = losses(Trainer(network, config, blobs)), plain_loop(network, config, blobs)
    assert ours == pytest.approx(plain, abs=1e-6)
    assert ours[-1] < ours[0]


@pytest.mark.mnist
def test_losses_are_those_of_the_plain_loop_on_mnist(mnist_root: object) -> None:
    data = DATASETS["mnist"].load(mnist_root)  # type: ignore[arg-type]
    config = TrainConfig(epochs=1)
    assert losses(Trainer(NetworkSpec(), config, data)) == pytest.approx(
        plain_loop(NetworkSpec(), config, data), abs=1e-6
    )


@pytest.mark.parametrize(
    ("network", "settings"),
    [
        (NetworkSpec(), {}),
        (CNN, {"optimizer": "adam", "schedule": "onecycle", "augment": "shift_rotate"}),
        (NetworkSpec((Dense(8), Dropout(0.5))), {"optimizer": "rmsprop", "schedule": "cosine", "per_class": 15}),
    ],
)
def test_same_inputs_same_losses_to_the_bit_also_when_resumed(
    blobs: Loaded, network: NetworkSpec, settings: dict[str, object], tmp_path: object
) -> None:
    config = TrainConfig(epochs=3, batch_size=32, seed=5, **settings)  # type: ignore[arg-type]
    whole = losses(Trainer(network, config, blobs))
    torch.manual_seed(99)  # whoever else uses the global generator must not matter
    assert losses(Trainer(network, config, blobs)) == whole

    first = Trainer(network, config, blobs)
    taken = [event.loss for event in islice(first.run(), 7) if isinstance(event, Batch)]
    path = tmp_path / "half.safetensors"  # type: ignore[operator]
    first.checkpoint().save(path)
    rest = losses(Trainer(network, config, blobs, start=Checkpoint.load(path)))
    assert taken + rest == whole


def test_another_seed_gives_other_losses(blobs: Loaded) -> None:
    assert losses(Trainer(NetworkSpec(), TrainConfig(epochs=1, seed=1), blobs)) != losses(
        Trainer(NetworkSpec(), TrainConfig(epochs=1, seed=2), blobs)
    )


def test_the_global_generator_is_left_alone(blobs: Loaded) -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    losses(Trainer(CNN, TrainConfig(epochs=1, augment="rotate"), blobs))
    assert torch.equal(torch.get_rng_state(), before)


def test_epoch_figures_are_means_over_all_images(blobs: Loaded) -> None:
    trainer = Trainer(NetworkSpec(), TrainConfig(epochs=1), blobs)
    events = list(trainer.run())
    batches = [event for event in events if isinstance(event, Batch)]
    epoch = events[-1]
    assert isinstance(epoch, Epoch)
    images = sum(batch.size for batch in batches)
    assert images == len(blobs.train.labels)
    assert epoch.train_loss == pytest.approx(sum(b.loss * b.size for b in batches) / images)
    assert epoch.train_accuracy == pytest.approx(sum(b.accuracy * b.size for b in batches) / images)

    trainer.model.eval()
    with torch.no_grad():
        logits = trainer.model(to_input(blobs.test.images, blobs.dataset))
    assert epoch.test_loss == pytest.approx(nn.functional.cross_entropy(logits, blobs.test.labels).item(), rel=1e-5)
    assert epoch.test_accuracy == pytest.approx((logits.argmax(1) == blobs.test.labels).double().mean().item())


def test_changes_hold_from_the_next_step_and_are_replayed_on_resume(blobs: Loaded) -> None:
    config = TrainConfig(epochs=2, batch_size=20)
    trainer = Trainer(NetworkSpec(), config, blobs)
    events = []
    for event in trainer.run():
        events.append(event)
        if isinstance(event, Batch) and event.step == 4:
            start = trainer.checkpoint()
            trainer.change("lr", 0.05)
            trainer.change("batch_size", 50)
            trainer.change("momentum", 0.0)
    changes = [event for event in events if isinstance(event, Change)]
    assert changes == [(4, "lr", 0.001, 0.05), (4, "batch_size", 20, 50), (4, "momentum", 0.9, 0.0)]
    batches = [event for event in events if isinstance(event, Batch)]
    assert [(b.lr, b.size) for b in batches[3:5]] == [(0.001, 20), (0.05, 50)]

    for checkpoint in (start, None):  # after the fact, and from the very beginning
        again = Trainer(NetworkSpec(), config, blobs, start=checkpoint, changes=changes)
        skipped = 4 if checkpoint else 0
        assert losses(again) == [batch.loss for batch in batches[skipped:]]


def test_the_steps_to_come_are_told_after_a_change_in_the_middle_of_an_epoch(blobs: Loaded) -> None:
    trainer, told = Trainer(NetworkSpec(()), TrainConfig(epochs=4, batch_size=20), blobs), []
    assert trainer.total_steps == 60
    for event in trainer.run():
        if isinstance(event, Batch):
            told.append(trainer.total_steps)
            if event.step == 17:
                trainer.change("batch_size", 7)
    # 2 of 20 and 38 of at most 7 make the second epoch; 43 each of the others.
    assert told == [60] * 17 + [15 + 2 + 38 + 2 * 43] * 124
    assert len(told) == told[-1] == trainer.total_steps


@pytest.mark.parametrize(("name", "value"), [("epochs", 3), ("lr", -1.0), ("batch_size", 0)])
def test_impossible_changes_are_refused(blobs: Loaded, name: str, value: float) -> None:
    trainer = Trainer(NetworkSpec(), TrainConfig(), blobs)
    with pytest.raises(SpecError, match=name.replace("_", " ").replace("lr", "learning rate")):
        trainer.change(name, value)


def test_a_loss_that_is_no_number_ends_the_run_with_finite_weights(blobs: Loaded) -> None:
    trainer = Trainer(NetworkSpec((Dense(32, "identity"),)), TrainConfig(lr=100, loss="cross_entropy"), blobs)
    events = list(trainer.run())
    end = events[-1]
    assert isinstance(end, Diverged)
    assert not math.isfinite(end.loss)
    assert all(bool(tensor.isfinite().all()) for tensor in trainer.checkpoint().model.values())
    assert trainer.position.step == end.kept <= end.step


@pytest.mark.parametrize("loss", ["cross_entropy", "mse", "smoothed"])
@pytest.mark.parametrize("layers", [(Dense(32, "identity"),), (Dense(16), Dense(16)), (Dense(8, "identity"),) * 3])
@pytest.mark.parametrize("lr", [3.0, 20.0, 100.0])
def test_the_weights_that_a_diverged_run_keeps_give_finite_answers(
    lr: float, layers: tuple[Dense, ...], loss: str, blobs: Loaded
) -> None:
    trainer = Trainer(NetworkSpec(layers), TrainConfig(lr=lr, momentum=0.9, loss=loss, epochs=2), blobs)
    end = list(trainer.run())[-1]
    if isinstance(end, Diverged):
        assert trainer.position.step == end.kept <= end.step
        assert answers_are_finite(trainer.model, blobs, trainer.device)


@pytest.mark.parametrize("size", [1e30, 3e38, math.inf, math.nan])
def test_finite_weights_whose_answers_overflow_are_not_kept(size: float, blobs: Loaded) -> None:
    trainer = Trainer(NetworkSpec((Dense(32, "identity"),)), TrainConfig(per_class=10, batch_size=5), blobs)
    steps = trainer.run()
    for _ in range(7):
        next(steps)
    with torch.no_grad():
        for parameter in trainer.model.parameters():
            parameter.fill_(size)
    end = list(steps)[-1]
    assert isinstance(end, Diverged)
    assert (end.step, end.kept, trainer.position.step) == (7, 0, 0)
    assert answers_are_finite(trainer.model, blobs, trainer.device)
    assert trainer.model.training


def test_a_resumed_run_that_diverges_goes_back_to_where_it_began_at_most(blobs: Loaded) -> None:
    network, config = NetworkSpec((Dense(32, "identity"),)), TrainConfig(batch_size=30)
    trainer = Trainer(network, config, blobs)
    steps = trainer.run()
    for _ in range(7):
        next(steps)
    resumed = Trainer(network, config.with_(lr=100.0), blobs, start=trainer.checkpoint())
    end = list(resumed.run())[-1]
    assert isinstance(end, Diverged)
    assert resumed.position.step == end.kept >= 7
    assert answers_are_finite(resumed.model, blobs, resumed.device)


def test_a_lone_last_image_is_left_out_where_batch_normalisation_could_not_take_it(blobs: Loaded) -> None:
    count = len(blobs.train.labels)
    config = TrainConfig(epochs=1, batch_size=count - 1)
    plain = [e.size for e in Trainer(NetworkSpec(), config, blobs).run() if isinstance(e, Batch)]
    normed = [
        e.size for e in Trainer(NetworkSpec((Flatten(), BatchNorm())), config, blobs).run() if isinstance(e, Batch)
    ]
    assert (plain, normed) == ([count - 1, 1], [count - 1])


def test_norms_are_taken_of_the_first_steps_and_then_now_and_again(blobs: Loaded) -> None:
    trainer = Trainer(NetworkSpec((Dense(6),)), TrainConfig(epochs=5, batch_size=20, momentum=0.0, lr=0.1), blobs)
    weights = [trainer.checkpoint().model[f"{name}.weight"].norm().item() for name in ("dense1", "output")]
    batches = [event for event in trainer.run() if isinstance(event, Batch)]
    told = {batch.step: batch.norms for batch in batches if batch.norms}
    assert len(batches) == 75
    assert list(told) == [*range(1, 21), 40, 60]
    assert [norms.step for norms in told.values()] == list(told)
    assert told[1].weight == pytest.approx(weights)
    for norms in told.values():
        assert norms.update == pytest.approx([0.1 * norm for norm in norms.gradient], rel=1e-3)


def test_of_a_long_training_norms_are_taken_four_hundred_times(blobs: Loaded) -> None:
    trainer = Trainer(NetworkSpec(()), TrainConfig(epochs=100, batch_size=1), blobs)
    assert trainer.total_steps == 30_000
    taken = [step for step in range(1, 30_001) if trainer._measures(step)]
    assert taken == [*range(1, 21), *range(75, 30_001, 75)]


def test_zero_weights_stay_alike(blobs: Loaded) -> None:
    """The lesson of the zero initialisation: every hidden neuron gets the same gradient for ever."""
    trainer = Trainer(NetworkSpec((Dense(6, "sigmoid"),), init="zeros"), TrainConfig(epochs=2, lr=0.1), blobs)
    losses(trainer)
    weights = trainer.checkpoint().model["dense1.weight"]
    assert weights.abs().max() > 0
    torch.testing.assert_close(weights, weights[:1].expand_as(weights), rtol=1e-4, atol=1e-9)


def test_data_are_what_was_asked_for(blobs: Loaded) -> None:
    sizes = [
        e.size for e in Trainer(NetworkSpec(), TrainConfig(epochs=1, per_class=3), blobs).run() if isinstance(e, Batch)
    ]
    assert sum(sizes) == 30


def test_more_memory_than_allowed_is_refused_before_anything_is_made(blobs: Loaded) -> None:
    with pytest.raises(SpecError, match="GB"):
        Trainer(NetworkSpec((Conv(512, padding=1),)), TrainConfig(batch_size=10_000), blobs)


def test_a_training_in_one_call_is_the_same_training(blobs: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Dataset, "ensure", lambda self: None)
    monkeypatch.setattr(Dataset, "load", lambda self: blobs)
    config, heard = TrainConfig(epochs=2, batch_size=50, lr=0.01), list[Epoch]()
    done = trained(CNN, config, heard.append)
    expected = Trainer(CNN, config, blobs)
    epochs = [event for event in expected.run() if isinstance(event, Epoch)]
    assert heard == epochs
    assert not done.model.training
    for ours, theirs in zip(done.model.parameters(), expected.model.parameters(), strict=True):
        assert torch.equal(ours, theirs)
