"""How units behave over many images, against plain numpy and torch on the whole set at once."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from nnviz.analysis import health as health_module
from nnviz.analysis.checkpoint_view import CheckpointView
from nnviz.analysis.health import health, unit_matrix
from nnviz.data.datasets import Loaded, Split, to_input
from nnviz.spec.layers.batch_norm import BatchNorm
from nnviz.spec.layers.conv import Conv
from nnviz.spec.layers.dense import Dense
from nnviz.spec.layers.dropout import Dropout
from nnviz.spec.layers.flatten import Flatten
from nnviz.spec.layers.pool import MaxPool
from nnviz.spec.network import NetworkSpec
from tests.analysis.untrained import checkpoint_of

CNN = NetworkSpec((Conv(4, activation="tanh"), BatchNorm(), MaxPool(), Dropout(0.3), Flatten(), Dense(16, "sigmoid")))


@pytest.mark.parametrize("network", [NetworkSpec(()), NetworkSpec((Dense(12), Dense(7, "tanh"))), CNN])
def test_the_numbers_are_numpys_whatever_the_chunks(
    blobs: Loaded, network: NetworkSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health_module, "CHUNK", 17)
    checkpoint = checkpoint_of(network, blobs)
    labels = blobs.test.labels.numpy()
    values = to_input(blobs.test.images, blobs.dataset)
    told = {layer.name: layer for layer in health(checkpoint, blobs.test)}
    assert list(told) == [layer.name for layer in checkpoint.layers]
    for layer in checkpoint.layers:
        with torch.inference_mode():
            for module in layer.modules:
                values = module(values)
        output = values.numpy().astype(np.float64)
        one = told[layer.name]
        assert one.mean == pytest.approx(output.mean(), rel=1e-4, abs=1e-5)
        assert one.deviation == pytest.approx(output.std(), rel=1e-4)
        units = output.max((2, 3)) if output.ndim == 4 else output
        matrix = unit_matrix(checkpoint, layer.name, 60)
        np.testing.assert_allclose(matrix.numpy(), units[:60], atol=1e-5)
        for digit in range(10):
            of_digit = units[labels == digit]
            np.testing.assert_allclose(one.class_mean[:, digit], of_digit.mean(0), atol=1e-4)
            np.testing.assert_allclose(one.class_deviation[:, digit], of_digit.std(0), atol=1e-4)


def test_a_net_made_to_be_dead_is_dead(blobs: Loaded) -> None:
    checkpoint = checkpoint_of(NetworkSpec((Dense(10), Dense(6))), blobs)
    first, second = checkpoint.layers[0], checkpoint.layers[1]
    assert first.weight is not None
    assert first.bias is not None
    first.weight[[2, 5, 7]] = 0.0
    first.bias[[2, 5, 7]] = -1.0
    told = health(checkpoint, blobs.test)
    assert told[0].dead is not None
    assert told[0].dead[[2, 5, 7]].all()
    found = np.maximum(
        0, to_input(blobs.test.images, blobs.dataset).flatten(1).numpy() @ first.weight.numpy().T + first.bias.numpy()
    )
    assert told[0].dead.tolist() == (found == 0).all(0).tolist()
    assert told[0].dead_share == pytest.approx((found == 0).all(0).mean())
    assert told[1].name == second.name
    assert told[-1].dead is None  # the output has no ReLU


def test_a_unit_that_speaks_for_a_single_image_is_not_dead(blobs: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health_module, "CHUNK", 30)
    checkpoint = checkpoint_of(NetworkSpec((Dense(3),)), blobs)
    layer = checkpoint.layers[0]
    assert layer.weight is not None
    assert layer.bias is not None
    image = to_input(blobs.test.images[41:42], blobs.dataset).flatten()
    others = to_input(blobs.test.images, blobs.dataset).flatten(1) @ image
    layer.weight[1] = image
    layer.bias[1] = -(others.sort(descending=True).values[:2].mean())
    told = health(checkpoint, blobs.test)[0]
    assert told.dead is not None
    assert others.argmax() == 41
    assert not told.dead[1]


def test_a_channel_is_dead_only_where_it_is_0_everywhere(blobs: Loaded) -> None:
    checkpoint = checkpoint_of(NetworkSpec((Conv(3), Dense(4))), blobs)
    layer = checkpoint.layers[0]
    assert layer.weight is not None
    assert layer.bias is not None
    layer.weight[0] = 0.0
    layer.bias[0] = -0.5
    layer.weight[1] = 0.0
    layer.bias[1] = 0.5
    told = health(checkpoint, blobs.test)[0]
    assert told.dead is not None
    assert told.dead.tolist()[:2] == [True, False]


@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
def test_saturated_outputs_are_counted(blobs: Loaded, activation: str) -> None:
    checkpoint = checkpoint_of(NetworkSpec((Dense(8, activation),)), blobs)
    layer = checkpoint.layers[0]
    assert layer.weight is not None
    layer.weight[:4] *= 40
    layer.weight[4] = 0.0
    with torch.inference_mode():
        output = nn.Sequential(*layer.modules)(to_input(blobs.test.images, blobs.dataset)).numpy()
    low, margin = (0.0, 0.01) if activation == "sigmoid" else (-1.0, 0.02)
    expected = ((output < low + margin) | (output > 1 - margin)).mean(0)
    told = health(checkpoint, blobs.test)
    assert told[0].saturation is not None
    np.testing.assert_allclose(told[0].saturation, expected, atol=1e-9)
    assert told[0].saturated_share == pytest.approx(expected.mean())
    assert expected[:4].max() > 0.5
    assert expected[4] == 0
    assert told[0].dead is None
    assert told[1].saturated_share is None


@pytest.mark.parametrize("activation", ["leakyrelu", "elu", "gelu", "silu", "softplus", "identity"])
def test_only_relu_dies_and_only_what_has_two_ends_saturates(blobs: Loaded, activation: str) -> None:
    told = health(checkpoint_of(NetworkSpec((Dense(4, activation),)), blobs), blobs.test)[0]
    assert (told.dead_share, told.saturated_share) == (None, None)


def test_a_class_without_images_has_no_mean(blobs: Loaded) -> None:
    some = Split(blobs.test.images[:7], blobs.test.labels[:7])
    told = health(checkpoint_of(NetworkSpec((Dense(4),)), blobs), some)[0]
    assert told.class_mean.isnan().any(0).tolist() == [False] * 7 + [True] * 3


def test_a_large_layer_is_traced_in_small_chunks(blobs: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health_module, "VALUES_AT_ONCE", 4 * 26 * 26 * 3)
    sizes = []
    whole = health_module.trace

    def spied(checkpoint: CheckpointView, inputs: torch.Tensor) -> object:
        sizes.append(len(inputs))
        return whole(checkpoint, inputs)

    monkeypatch.setattr(health_module, "trace", spied)
    health(checkpoint_of(NetworkSpec((Conv(4),)), blobs), blobs.test)
    assert sizes == [3] * 33 + [1]
