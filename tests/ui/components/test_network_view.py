"""The message that draws the whole network, read as the browser reads it."""

from __future__ import annotations

import json
import math
import struct
from typing import Any

import numpy as np
import pytest
import torch

from nnviz.analysis.checkpoint_view import CheckpointView
from nnviz.analysis.network_picture import NetworkPicture, Quantity, network_picture
from nnviz.data.datasets import Loaded, to_input
from nnviz.spec.layers.dense import Dense
from nnviz.spec.network import NetworkSpec
from nnviz.spec.train_config import TrainConfig
from nnviz.train.trainer import Trainer
from nnviz.ui.components.network_view import OUTLIERS, _numbers, pack

NETWORK = NetworkSpec((Dense(6), Dense(5, "tanh")))


def pictured(data: Loaded, quantity: Quantity, fill: float | None = None) -> NetworkPicture:
    checkpoint = Trainer(NETWORK, TrainConfig(), data).checkpoint()
    if fill is not None:
        checkpoint.model["dense1.weight"].fill_(fill)
    view = CheckpointView(NETWORK, TrainConfig(), checkpoint, data)
    picture = network_picture(view, to_input(data.test.images[:1], data.dataset), quantity, 2)
    assert picture is not None
    return picture


def opened(message: bytes) -> tuple[dict[str, Any], bytes]:
    (length,) = struct.unpack("<I", message[:4])
    return json.loads(message[4 : 4 + length]), message[4 + length :]


def test_the_browser_gets_what_was_worked_out(blobs: Loaded) -> None:
    picture, pixels = pictured(blobs, Quantity.WEIGHTS), blobs.test.images[0, 0].numpy()
    header, body = opened(pack(picture, pixels, blobs.dataset.classes, 2, title="A net", run="a"))
    assert body[: pixels.size] == pixels.tobytes()
    first, second, output = header["layers"]
    assert [one["size"] for one in header["layers"]] == [6, 5, 10]
    assert "face" not in second
    assert "face" not in output
    height, width = first["face"]
    faces = np.frombuffer(body[pixels.size :], np.uint8).reshape(6, height, width)
    values = picture.layers[0].faces
    assert values is not None
    inside = np.abs(values.numpy()) <= first["limit"]
    assert inside.mean() == pytest.approx(1 - OUTLIERS, abs=OUTLIERS)
    told = (faces.astype(float) - 128) / 127 * first["limit"]
    assert np.abs(told - values.numpy())[inside].max() <= first["limit"] / 127 / 2 + 1e-6
    assert header["loss"] == pytest.approx(picture.loss)
    assert header["shares"][4] == pytest.approx(picture.shares[4].tolist(), rel=1e-5)
    assert header["links"][0]["value"] == pytest.approx(picture.links[0].value.tolist(), rel=1e-5)


@pytest.mark.parametrize("fill", [math.nan, math.inf, 1e38])
def test_numbers_that_are_none_arrive_as_none(blobs: Loaded, fill: float) -> None:
    picture = pictured(blobs, Quantity.CONTRIBUTIONS, fill)
    header, _ = opened(pack(picture, blobs.test.images[0, 0].numpy(), blobs.dataset.classes, 2))
    values = header["layers"][0]["values"]
    wanted = [value if math.isfinite(value) else None for value in picture.layers[0].values.tolist()]
    assert [value is None for value in values] == [value is None for value in wanted]
    if not torch.isfinite(picture.probabilities).all():
        assert None in header["probabilities"]
        assert header["loss"] is None


@pytest.mark.parametrize("largest", [1e-20, 1e-6, 1.0, 1e5, 1e9])
def test_numbers_have_six_digits(largest: float) -> None:
    generator = torch.Generator().manual_seed(1)
    exponents = torch.rand(2000, generator=generator) * 6
    values = torch.randn(2000, generator=generator) * 10**-exponents * largest
    values[:4] = torch.tensor([0.0, 1.0, -0.1, 1e-3]) * largest
    assert _numbers(values) == [float(f"{value:.6g}") for value in values.tolist()]
