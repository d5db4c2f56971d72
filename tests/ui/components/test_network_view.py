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
from nnviz.ui.components.network_view import OUTLIERS, pack

NETWORK = NetworkSpec((Dense(6), Dense(5, "tanh")))


def pictured(data: Loaded, quantity: Quantity, fill: float | None = None) -> NetworkPicture:
    checkpoint = Trainer(NETWORK, TrainConfig(), data).checkpoint()
    if fill is not None:
        checkpoint.model["dense1.weight"].fill_(fill)
    view = CheckpointView(NETWORK, TrainConfig(), checkpoint, data)
    picture = network_picture(view, to_input(data.test.images[:1], data.dataset), quantity, 2)
    assert picture is not None
    return picture


def opened(message: bytes) -> tuple[dict[str, Any], bytes, bytes]:
    """The header with its numbers, the image, and the pictures."""
    (length,) = struct.unpack("<I", message[:4])
    header, at = json.loads(message[4 : 4 + length]), 4 + length

    def take(count: int, kind: str) -> np.ndarray[Any, Any]:
        nonlocal at
        found = np.frombuffer(message, kind, count, at)
        at += found.nbytes
        return found

    image = take(math.prod(header["image"]), "<u1").tobytes()
    for layer in header["layers"]:
        layer["values"] = take(len(layer["units"]), "<f4").tolist()
    values = [take(count, "<f4").tolist() for count in header["links"]]
    rows, columns = header["shares"]
    header["shares"] = take(rows * columns, "<f4").reshape(rows, columns).tolist()
    header["links"] = [
        {"source": take(count, "<u2").tolist(), "target": take(count, "<u2").tolist(), "value": value}
        for count, value in zip(header["links"], values, strict=True)
    ]
    return header, image, message[at:]


def test_the_browser_gets_what_was_worked_out(blobs: Loaded) -> None:
    picture, pixels = pictured(blobs, Quantity.WEIGHTS), blobs.test.images[0, 0].numpy()
    header, image, body = opened(pack(picture, pixels, blobs.dataset.classes, 2, title="A net", run="a"))
    assert image == pixels.tobytes()
    first, second, output = header["layers"]
    assert [one["size"] for one in header["layers"]] == [6, 5, 10]
    assert "face" not in second
    assert "face" not in output
    height, width = first["face"]
    faces = np.frombuffer(body, np.uint8).reshape(6, height, width)
    values = picture.layers[0].faces
    assert values is not None
    inside = np.abs(values.numpy()) <= first["limit"]
    assert inside.mean() == pytest.approx(1 - OUTLIERS, abs=OUTLIERS)
    back = (faces.astype(float) - 128) / 127 * first["limit"]
    assert np.abs(back - values.numpy())[inside].max() <= first["limit"] / 127 / 2 + 1e-6
    assert header["loss"] == pytest.approx(picture.loss)
    assert header["shares"] == picture.shares.tolist()
    for told, links in zip(header["links"], picture.links, strict=True):
        assert told == {name: getattr(links, name).tolist() for name in ("source", "target", "value")}
    for told, layer in zip(header["layers"], picture.layers, strict=True):
        assert told["values"] == layer.values.tolist()


@pytest.mark.parametrize("fill", [math.nan, math.inf, 1e38])
def test_numbers_that_are_none_arrive_as_none(blobs: Loaded, fill: float) -> None:
    picture = pictured(blobs, Quantity.CONTRIBUTIONS, fill)
    header, _, _ = opened(pack(picture, blobs.test.images[0, 0].numpy(), blobs.dataset.classes, 2))
    values = torch.tensor(header["layers"][0]["values"])
    torch.testing.assert_close(values, picture.layers[0].values, equal_nan=True)
    if not torch.isfinite(picture.probabilities).all():
        assert None in header["probabilities"]
        assert header["loss"] is None
