"""Answers to a drawing against plain PyTorch: now, over time, its neighbours, and what a lesson changes."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from nnviz.analysis import recognition
from nnviz.analysis.checkpoint_view import CheckpointView
from nnviz.analysis.recognition import (
    History,
    answer,
    as_inputs,
    features,
    fine_tune,
    history,
    nearest,
    teach,
    training_features,
)
from nnviz.data.datasets import Dataset, Loaded, Split, to_input
from nnviz.fields import SpecError
from nnviz.spec.layers.batch_norm import BatchNorm
from nnviz.spec.layers.conv import Conv
from nnviz.spec.layers.dense import Dense
from nnviz.spec.layers.dropout import Dropout
from nnviz.spec.network import NetworkSpec
from nnviz.spec.train_config import TrainConfig
from nnviz.train.evaluation import evaluate
from nnviz.train.events import Batch
from nnviz.train.trainer import Trainer

CONFIG = TrainConfig(epochs=4, lr=0.02)
NETS = [
    NetworkSpec((Dense(20),)),
    NetworkSpec(()),
    NetworkSpec((Conv(3), BatchNorm(), Dropout(0.4), Dense(12, "tanh"))),
]


def checkpoints_of(network: NetworkSpec, data: Loaded) -> list[CheckpointView]:
    """A moment after each step of a short training."""
    trainer, found = Trainer(network, CONFIG, data), []
    for event in trainer.run():
        if isinstance(event, Batch):
            found.append(CheckpointView(network, CONFIG, trainer.checkpoint(), data))
    return found


@pytest.fixture(scope="module", params=NETS, ids=["dense", "softmax", "cnn"])
def checkpoints(request: pytest.FixtureRequest, blobs: Loaded) -> list[CheckpointView]:
    return checkpoints_of(request.param, blobs)


def test_the_answer_is_the_models(checkpoints: list[CheckpointView], blobs: Loaded) -> None:
    image = blobs.test.images[3]
    with torch.no_grad():
        expected = checkpoints[-1].model(to_input(image[None], blobs.dataset)).softmax(1)[0]
    np.testing.assert_allclose(answer(checkpoints[-1], image[0].numpy()), expected.numpy(), rtol=1e-6)


@pytest.mark.parametrize("size", [1e6, 1e20, 1e38, float("inf"), float("nan")])
@pytest.mark.parametrize("network", [*NETS[:2], NetworkSpec((Dense(8, "relu"), Dense(8, "identity")))])
def test_a_net_that_has_exploded_is_sure_of_nothing(network: NetworkSpec, size: float, blobs: Loaded) -> None:
    view = CheckpointView(network, CONFIG, Trainer(network, CONFIG, blobs).checkpoint(), blobs)
    with torch.no_grad():
        for parameter in view.model.parameters():
            parameter.mul_(size)
    assert np.isnan(answer(view, blobs.test.images[3, 0].numpy())).all()
    assert np.isnan(history([view], blobs.test.images[3, 0].numpy()).probabilities).all()


def test_the_history_has_the_answer_of_every_moment(checkpoints: list[CheckpointView], blobs: Loaded) -> None:
    pixels, label = blobs.test.images[3, 0].numpy(), int(blobs.test.labels[3])
    told = history(checkpoints, pixels)
    assert told.step.tolist() == list(range(1, len(checkpoints) + 1))
    np.testing.assert_array_equal(told.probabilities[4], answer(checkpoints[4], pixels))
    learned = told.learned(label)
    assert learned is not None
    assert all(
        answer(checkpoint, pixels).argmax() == label for checkpoint in checkpoints if checkpoint.step_number >= learned
    )


@pytest.mark.parametrize(
    ("answers", "learned"), [([0, 1, 0, 1, 1], 40), ([1, 1, 1], 10), ([1, 1, 0], None), ([0, 0], None), ([], None)]
)
def test_learned_means_for_good(answers: list[int], learned: int | None) -> None:
    steps = 10 * np.arange(1, len(answers) + 1)
    assert History(steps, np.eye(2, dtype=np.float32)[answers]).learned(1) == learned


def test_nothing_to_ask_is_no_history(blobs: Loaded) -> None:
    assert len(history([], blobs.test.images[0, 0].numpy()).step) == 0


def test_a_training_image_is_its_own_nearest_neighbour(checkpoints: list[CheckpointView], blobs: Loaded) -> None:
    checkpoint = checkpoints[-1]
    among = training_features(checkpoint)
    found = nearest(checkpoint, blobs.train.images[17, 0].numpy(), among, count=5)
    assert found.similarity[0] == pytest.approx(1, abs=1e-5)
    assert 17 in [i for i, s in zip(found.images, found.similarity, strict=True) if s > 1 - 1e-4]
    assert list(found.similarity) == sorted(found.similarity, reverse=True)
    own = features(checkpoint, to_input(blobs.train.images[17:18], blobs.dataset))
    expected = F.cosine_similarity(own, among)[list(found.images)]
    np.testing.assert_allclose(found.similarity, expected.numpy(), atol=1e-5)


def test_a_lesson_is_one_plain_gradient_step(checkpoints: list[CheckpointView], blobs: Loaded) -> None:
    checkpoint, pixels = checkpoints[2], blobs.test.images[5, 0].numpy()
    before = {name: tensor.clone() for name, tensor in checkpoint.state.model.items()}
    taught = teach(checkpoint, pixels, [8], lr=0.05)
    parameters = dict(checkpoint.model.named_parameters())
    loss = F.cross_entropy(checkpoint.model(as_inputs(pixels, checkpoint)), torch.tensor([8]))
    gradients = torch.autograd.grad(loss, list(parameters.values()))
    for (name, parameter), gradient in zip(parameters.items(), gradients, strict=True):
        torch.testing.assert_close(taught.state.model[name], (parameter - 0.05 * gradient).detach())
    assert answer(taught, pixels)[8] > answer(checkpoint, pixels)[8]
    assert all(torch.equal(tensor, checkpoint.state.model[name]) for name, tensor in before.items())
    assert all(parameter.grad is None for parameter in checkpoint.model.parameters())


def test_fine_tuning_learns_the_drawings_and_keeps_the_rest(checkpoints: list[CheckpointView], blobs: Loaded) -> None:
    checkpoint = checkpoints[-1]
    drawings = Split(255 - blobs.test.images[:20], (blobs.test.labels[:20] + 1) % 10)  # what it has never seen
    tuned = fine_tune(checkpoint, drawings, lr=0.05, steps=300)
    before, after = (evaluate(one.model, blobs.dataset, drawings).accuracy for one in (checkpoint, tuned))
    assert after > 0.9 > before
    assert evaluate(tuned.model, blobs.dataset, blobs.test).accuracy > 0.9
    again = fine_tune(checkpoint, drawings, lr=0.05, steps=300)
    assert all(torch.equal(tensor, again.state.model[name]) for name, tensor in tuned.state.model.items())


@pytest.mark.parametrize(("share", "own"), [(0.5, 4), (1.0, 8), (0.25, 2), (0.0, 1)])
def test_a_batch_of_fine_tuning_is_drawings_by_their_share_and_training_images(
    checkpoints: list[CheckpointView], blobs: Loaded, monkeypatch: pytest.MonkeyPatch, share: float, own: int
) -> None:
    drawings = Split(torch.full((3, 1, 28, 28), 7, dtype=torch.uint8), torch.tensor([1, 2, 3]))
    batches: list[torch.Tensor] = []

    def seen(images: torch.Tensor, dataset: Dataset) -> torch.Tensor:
        batches.append(images)
        return to_input(images, dataset)

    monkeypatch.setattr(recognition, "to_input", seen)
    fine_tune(checkpoints[-1], drawings, steps=20, share=share, batch=8)
    drawn = [(batch == 7).flatten(1).all(1) for batch in batches]
    assert [len(one) for one in drawn] == [8] * 20
    assert [int(one.sum()) for one in drawn] == [own] * 20
    others = torch.cat([batch[~one] for batch, one in zip(batches, drawn, strict=True)])
    assert len(others.unique(dim=0)) >= len(others) / 2  # drawn from all of them
    assert all(bool((blobs.train.images == image).flatten(1).all(1).any()) for image in others[:10])


def test_fine_tuning_is_torch_s_own_loop_with_momentum(checkpoints: list[CheckpointView], blobs: Loaded) -> None:
    """On one drawing alone, which needs no drawing of lots."""
    checkpoint = checkpoints[2]
    drawing = Split(blobs.test.images[:1], blobs.test.labels[:1])
    tuned = fine_tune(checkpoint, drawing, lr=0.02, steps=3, share=1.0, batch=4)
    net = copy.deepcopy(checkpoint.model)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.02, momentum=0.9)
    for _ in range(3):
        optimizer.zero_grad()
        F.cross_entropy(net(to_input(drawing.images, blobs.dataset)), drawing.labels).backward()
        optimizer.step()
    for name, tensor in net.state_dict().items():
        torch.testing.assert_close(tuned.state.model[name], tensor)


def test_several_lessons_on_several_drawings_are_steps_on_their_mean(
    checkpoints: list[CheckpointView], blobs: Loaded
) -> None:
    checkpoint, pixels, labels = checkpoints[2], blobs.test.images[:3, 0].numpy(), [1, 2, 3]
    taught = teach(checkpoint, pixels, labels, lr=0.05, steps=3)
    net = copy.deepcopy(checkpoint.model)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
    for _ in range(3):
        optimizer.zero_grad()
        F.cross_entropy(net(as_inputs(pixels, checkpoint)), torch.tensor(labels)).backward()
        optimizer.step()
    for name, tensor in net.state_dict().items():
        torch.testing.assert_close(taught.state.model[name], tensor)


def test_a_lesson_out_of_range_is_refused(checkpoints: list[CheckpointView], blobs: Loaded) -> None:
    pixels = blobs.test.images[0, 0].numpy()
    with pytest.raises(SpecError, match="learning rate of a lesson must be a number from 1e-05 to 1, not 5"):
        teach(checkpoints[0], pixels, [1], lr=5)
    with pytest.raises(SpecError, match="steps of a lesson"):
        teach(checkpoints[0], pixels, [1], steps=0)
    with pytest.raises(ValueError, match="no drawings"):
        fine_tune(checkpoints[0], Split(blobs.test.images[:0], blobs.test.labels[:0]))
