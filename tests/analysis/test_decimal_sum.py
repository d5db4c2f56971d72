"""A neuron's sum on paper: exact decimal arithmetic on what is written, against what the net computes."""

from __future__ import annotations

from decimal import Decimal

import pytest
import torch

from nnviz.analysis.activations import Arithmetic, Term, arithmetic, outgoing, trace
from nnviz.analysis.decimal_sum import WrittenSum, write_sum
from nnviz.data.datasets import Loaded, to_input
from nnviz.spec.activations import ACTIVATIONS
from nnviz.spec.layers.batch_norm import BatchNorm
from nnviz.spec.layers.conv import Conv
from nnviz.spec.layers.dense import Dense
from nnviz.spec.layers.dropout import Dropout
from nnviz.spec.layers.flatten import Flatten
from nnviz.spec.layers.pool import AvgPool, MaxPool
from nnviz.spec.network import NetworkSpec
from tests.analysis.untrained import checkpoint_of


def added_up(written: WrittenSum) -> Decimal:
    parts = [*(term.product for term in written.terms), written.rest, written.rounding, written.bias]
    return sum((Decimal(part) for part in parts if part), Decimal(0))


@pytest.mark.parametrize("scale", [1e-9, 1.0, 3e7, 1e12])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_what_is_written_adds_up_to_the_last_digit(blobs: Loaded, activation: str, scale: float) -> None:
    checkpoint = checkpoint_of(NetworkSpec((Dense(6, activation), Dense(4, activation))), blobs)
    for layer in checkpoint.layers:
        assert layer.weight is not None
        layer.weight.mul_(scale)
    traced = trace(checkpoint, to_input(blobs.test.images[:3], blobs.dataset))
    for layer, told_layer in zip(checkpoint.layers, traced.layers, strict=True):
        for unit in range(layer.units):
            told = arithmetic(layer, told_layer, image=1, unit=unit, count=8)
            written = write_sum(told)
            assert added_up(written) == Decimal(written.total)
            assert bool(written.rest) == (told.others > 0)
            assert not (written.rest and written.rounding)
            step = Decimal(1).scaleb(int(Decimal(written.total).as_tuple().exponent))
            assert abs(Decimal(written.total) - Decimal(told.total)) <= step / 2
            for term in written.terms:
                exact = Decimal(term.value) * Decimal(term.weight)
                assert abs(exact - Decimal(term.product)) <= step / 2
            # float32 of the net against float64 of what is written
            call = ACTIVATIONS[told.activation].call
            output = torch.tensor(float(written.total), dtype=torch.float64)
            output = call.build()(output) if call else output
            assert abs(Decimal(written.output) - Decimal(output.item())) <= step / 2
            assert float(written.output) == pytest.approx(told.output, rel=1e-4, abs=2 * float(step))


def test_a_sum_that_is_told_whole_says_what_rounding_cost() -> None:
    third = 1 / 3
    told = Arithmetic((Term(0, 1.0, third), Term(1, 1.0, third)), 0.0, third, 1.0, "relu", 1.0)
    written = write_sum(told)
    assert [term.product for term in written.terms] == ["+0.33333", "+0.33333"]
    assert (written.bias, written.rest, written.rounding) == ("+0.33333", "", "+0.00001")
    assert (written.total, written.output) == ("+1.00000", "+1.00000")


def test_a_sum_of_nothing() -> None:
    written = write_sum(Arithmetic((Term(0, 0.0, -1.0),), 0.0, 0.0, 0.0, "relu", 0.0))
    assert (written.terms[0].product, written.total, written.rounding) == ("+0.00000", "+0.00000", "")


@pytest.mark.parametrize("size", [10.0**power for power in range(-40, 39)])
def test_sums_of_every_size_that_a_number_can_have(size: float) -> None:
    terms = tuple(Term(place, size, weight) for place, weight in enumerate((0.5, -0.25, 1.0)))
    bias = -size / 3
    for activation in ACTIVATIONS:
        total = sum(term.product for term in terms) + bias
        written = write_sum(Arithmetic(terms, 0.0, bias, total, activation, 0.0))
        assert added_up(written) == Decimal(written.total)
        assert float(written.total) == pytest.approx(total, rel=1e-4, abs=1e-11)
        call = ACTIVATIONS[activation].call
        output = call.build()(torch.tensor(total, dtype=torch.float64)).item() if call else total
        assert float(written.output) == pytest.approx(output, rel=1e-4, abs=1e-4)
        assert max(map(len, (written.total, written.bias, *(term.product for term in written.terms)))) <= 18


@pytest.mark.parametrize("total", [float("nan"), float("inf")])
def test_a_sum_that_is_no_number_is_refused(total: float) -> None:
    with pytest.raises(ValueError, match="not finite"):
        write_sum(Arithmetic((Term(0, 1.0, 1.0),), total, 0.0, total, "relu", total))


def test_outgoing_weights_are_those_that_change_the_next_layer(blobs: Loaded) -> None:
    """Oracle: the next layer's sums for an input that is 1 at what the unit gives, and 0 elsewhere."""
    network = NetworkSpec(
        (Conv(3), BatchNorm(), MaxPool(), Conv(2), AvgPool(), Dropout(), Flatten(), Dense(7), BatchNorm(), Dense(5))
    )
    checkpoint = checkpoint_of(network, blobs)
    layers = {layer.name: layer for layer in checkpoint.learning_layers}
    expected = {"conv1": "conv2", "conv2": "dense1", "dense1": "dense2", "dense2": "output"}
    for name, after in expected.items():
        unit = layers[name].units - 1
        found = outgoing(checkpoint, layers[name], unit)
        assert found is not None
        assert found.layer.name == after
        given = torch.zeros(1, *layers[after].plan.in_shape)
        if name == "conv2":
            # The dense layer is given the two channels one after the other.
            size = given.numel() // 2
            given[0, unit * size :] = 1.0
        else:
            given[0, unit] = 1.0
        linear = next(module for module in found.layer.modules if hasattr(module, "weight"))
        with torch.inference_mode():
            sums = linear(given)[0] - linear(torch.zeros_like(given))[0]
        if name == "conv1":  # away from the rim all of the kernel is on the channel of ones
            sums = sums[:, 5, 5]
        total = found.weights.sum((1, 2)) if found.weights.dim() == 3 else found.weights
        assert found.weights.dim() == (3 if name.startswith("conv") else 1)
        torch.testing.assert_close(total, sums, rtol=1e-4, atol=1e-5)
    assert outgoing(checkpoint, layers["output"], 0) is None
