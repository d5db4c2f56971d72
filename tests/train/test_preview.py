"""A look into a training net must show it as it is and change nothing."""

from __future__ import annotations

from pathlib import Path

import torch

from nnviz.data.datasets import Loaded, to_input
from nnviz.spec.layers.batch_norm import BatchNorm
from nnviz.spec.layers.conv import Conv
from nnviz.spec.layers.dense import Dense
from nnviz.spec.layers.dropout import Dropout
from nnviz.spec.network import NetworkSpec
from nnviz.spec.train_config import TrainConfig
from nnviz.train.events import Batch
from nnviz.train.preview import FILE, Preview, as_images, preview, sample_of
from nnviz.train.trainer import Trainer


def test_one_image_of_each_class(blobs: Loaded) -> None:
    assert blobs.test.labels[sample_of(blobs.test.labels)].tolist() == list(range(10))


def test_a_look_shows_the_weights_and_the_answers(blobs: Loaded) -> None:
    trainer = Trainer(NetworkSpec((Dense(100),)), TrainConfig(), blobs)
    sample = sample_of(blobs.test.labels)
    live = preview(trainer.model, blobs, sample, step=4)
    assert (live.step, live.layer, live.units) == (4, "dense1", 100)
    assert torch.equal(live.weights.flatten(1), trainer.checkpoint().model["dense1.weight"][:40])
    with torch.no_grad():
        expected = trainer.model.eval()(to_input(blobs.test.images[sample], blobs.dataset)).softmax(1)
    torch.testing.assert_close(live.probabilities, expected)


def test_looking_does_not_disturb_the_training(blobs: Loaded) -> None:
    network = NetworkSpec((Dense(16), BatchNorm(), Dropout(0.5), Dense(8)))
    plain = [e.loss for e in Trainer(network, TrainConfig(epochs=1), blobs).run() if isinstance(e, Batch)]
    trainer, sample, watched = Trainer(network, TrainConfig(epochs=1), blobs), sample_of(blobs.test.labels), []
    for event in trainer.run():
        if isinstance(event, Batch):
            watched.append(event.loss)
            preview(trainer.model, blobs, sample, event.step)
    assert watched == plain


def test_the_images_of_the_classes_come_in_the_order_of_the_classes() -> None:
    labels = torch.tensor([3, 1, 1, 0, 2, 3, 0])
    assert sample_of(labels).tolist() == [3, 1, 4, 0]


def test_an_image_has_the_weights_in_their_places() -> None:
    filters = torch.rand(6, 3, 5, 4)
    assert torch.equal(as_images(filters, (1, 28, 28)), filters[:, 0])
    wide = torch.rand(6, 20 * 30)
    assert torch.equal(as_images(wide, (1, 20, 30)), wide.view(6, 20, 30))
    hidden = torch.rand(6, 9)
    assert torch.equal(as_images(hidden, (1, 28, 28)), hidden.view(6, 3, 3))


def test_filters_and_odd_layers_are_images_too() -> None:
    assert as_images(torch.zeros(6, 3, 5, 5), (1, 28, 28)).shape == (6, 5, 5)
    assert as_images(torch.zeros(6, 196), (1, 28, 28)).shape == (6, 14, 14)
    assert as_images(torch.zeros(6, 30), (1, 28, 28)).shape == (6, 1, 30)


def test_the_file_holds_the_latest_look_or_nothing(blobs: Loaded, tmp_path: Path) -> None:
    assert Preview.load(tmp_path) is None
    model = Trainer(NetworkSpec((Conv(4),)), TrainConfig(), blobs).model
    for step in (1, 2):
        preview(model, blobs, sample_of(blobs.test.labels), step).save(tmp_path)
    live = Preview.load(tmp_path)
    assert live is not None
    assert (live.step, live.layer, tuple(live.weights.shape)) == (2, "conv1", (4, 3, 3))
    (tmp_path / FILE).write_bytes(b"half")
    assert Preview.load(tmp_path) is None
