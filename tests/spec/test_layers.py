"""Layer kinds against the torch modules they stand for."""

from __future__ import annotations

import itertools
import math
from contextlib import suppress

import pytest
import torch
from torch import nn

from nnviz.fields import SpecError
from nnviz.spec.activations import ACTIVATIONS
from nnviz.spec.call import Call, SeededDropout
from nnviz.spec.layers import layer_from_dict
from nnviz.spec.layers.base import Layer, Shape, sizes
from nnviz.spec.layers.batch_norm import BatchNorm
from nnviz.spec.layers.conv import Conv
from nnviz.spec.layers.conv_transpose import ConvTranspose
from nnviz.spec.layers.dense import Dense
from nnviz.spec.layers.dropout import Dropout
from nnviz.spec.layers.flatten import Flatten
from nnviz.spec.layers.layer_norm import LayerNorm
from nnviz.spec.layers.pool import AvgPool, MaxPool

IMAGES: tuple[Shape, ...] = ((1, 28, 28), (3, 9, 14), (2, 1, 1))
VECTORS: tuple[Shape, ...] = ((784,), (1,))

SLIDING: list[Layer] = [
    *(Conv(2, k, s, p, "identity") for k, s, p in itertools.product((1, 2, 5, 28), (1, 2, 3, 8), (0, 1, 7, 14))),
    *(
        ConvTranspose(2, k, s, p, "identity")
        for k, s, p in ((1, 2, 0), *itertools.product((2, 5, 28), (1, 2, 4), (0, 1, 7, 14)))
    ),
    *(pool(k, s) for pool in (MaxPool, AvgPool) for k, s in itertools.product((1, 2, 3, 7, 28), (1, 2, 3, 5, 28))),
]
OTHERS: list[Layer] = [
    *(Dense(units, name) for units, name in ((1, "relu"), (10, "identity"), (300, "tanh"))),
    Conv(5, activation="gelu"),
    BatchNorm(),
    LayerNorm(),
    Dropout(),
    Flatten(),
]


def built(layer: Layer, shape: Shape) -> nn.Sequential:
    return nn.Sequential(*(call.build() for call in layer.calls(shape))).eval()


@pytest.mark.parametrize("layer", [*SLIDING, *OTHERS], ids=repr)
def test_shape_and_parameters_are_those_of_the_built_module(layer: Layer) -> None:
    taken = 0
    for shape in (*IMAGES, *VECTORS):
        images = torch.zeros(2, *shape)
        try:
            out = layer.out_shape(shape)
        except SpecError:
            if len(shape) == 3:  # torch does not take it either, or nothing is left of it
                with suppress(RuntimeError):
                    assert built(layer, shape)(images).numel() == 0
            continue
        taken += 1
        module = built(layer, shape)
        assert tuple(module(images).shape) == (2, *out)
        assert sum(p.numel() for p in module.parameters()) == layer.parameters(shape)
    assert taken  # at the latest the largest image


@pytest.mark.parametrize(
    ("layer", "shape", "sentence"),
    [
        (Conv(kernel=5), (1, 4, 9), "kernel 5 is larger than its input, 4 pixels"),
        (Conv(kernel=9, padding=1), (1, 9, 6), "kernel 9 is larger than its input, 6 + 2 × 1 padding = 8 pixels"),
        (MaxPool(), (7, 1, 1), "kernel 2 is larger than its input, 1 pixels"),
        (ConvTranspose(padding=14), (3, 2, 9), "padding 14 cuts off all of the 4 pixels"),
        (ConvTranspose(padding=2), (3, 2, 9), "padding 2 cuts off all of the 4 pixels"),
        (Conv(), (128,), "Convolution needs an image (channels × height × width), but gets 128 numbers in a row"),
        (AvgPool(), (9,), "Average pooling needs an image (channels × height × width), but gets 9 numbers in a row"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_rule(layer: Layer, shape: Shape, sentence: str) -> None:
    with pytest.raises(SpecError) as error:
        layer.out_shape(shape)
    assert str(error.value) == sentence


@pytest.mark.parametrize("image", [(3, 9, 14), (1, 6, 5)])
@pytest.mark.parametrize(
    "layer",
    [
        kind(4, k, s, p, "identity")
        for kind in (Conv, ConvTranspose)
        for k, s, p in ((1, 1, 0), (3, 1, 1), (3, 2, 0), (4, 3, 2), (2, 2, 0), (2, 4, 0))
    ],
    ids=repr,
)
def test_an_output_is_the_sum_over_its_window(layer: Layer, image: Shape) -> None:
    """Window times weights plus bias, at every place, is what the module computes there."""
    (call,) = layer.calls(image)
    module, pixels = call.build(), torch.rand(image, generator=torch.Generator().manual_seed(0))
    outputs = module(pixels[None])[0].detach()
    kernels = layer.units_first(module.weight).detach()
    for row, column in itertools.product(range(outputs.shape[1]), range(outputs.shape[2])):
        seen = layer.window(pixels, row, column)
        assert seen.shape == kernels.shape[1:]
        sums = (kernels * seen).flatten(1).sum(1) + module.bias.detach()
        torch.testing.assert_close(sums, outputs[:, row, column], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("layer", "shape", "formula"),
    [
        (Dense(1000, "tanh"), (784,), ("y = Tanh(W x + b)", "W: 1,000 × 784, b: 1,000")),
        (Conv(16, 3, activation="identity"), (1, 28, 28), ("y = W ∗ x + b", "W: 16 × 1 × 3 × 3, b: 16")),
        (ConvTranspose(8, 2, activation="identity"), (3, 5, 7), ("y = Wᵀ ∗ x + b", "W: 8 × 3 × 2 × 2, b: 8")),
        (BatchNorm(), (1024,), ("y = γ · (x − mean) / standard deviation + β", "γ: 1,024, β: 1,024")),
    ],
    ids=repr,
)
def test_formulas_tell_the_sizes(layer: Layer, shape: Shape, formula: tuple[str, str]) -> None:
    assert layer.formula(shape) == formula


def test_dropout_tells_what_it_does_with_the_rest() -> None:
    assert Dropout(0.2).formula((10,))[0] == "y = 20% of x set to 0, the rest × 1.25"
    assert "the rest × 2" in Dropout(0.5).formula((10,))[0]


def test_sizes_leave_out_a_single_channel() -> None:
    assert sizes((16, 28, 28)) == "16 × 28 × 28"
    assert sizes((1, 28, 28)) == "28 × 28"
    assert sizes((1024,)) == "1,024"
    assert sizes((1, 2)) == "1 × 2"
    assert sizes((2, 1, 3, 3)) == "2 × 1 × 3 × 3"


@pytest.mark.parametrize(
    ("shape", "count"),
    [((1, 28, 28), 1), ((4, 1, 1), 2), ((16,), 2), ((1,), 2), ((1, 1, 2), 1), ((1, 2, 1), 1)],
    ids=str,
)
def test_batch_normalisation_needs_two_numbers_of_each_feature(shape: Shape, count: int) -> None:
    """As torch has it, which refuses a batch of one where each feature is one number."""
    assert BatchNorm().fewest_images(shape) == count
    module = built(BatchNorm(), shape).train()
    if count > 1:
        with pytest.raises(ValueError, match="more than 1 value per channel"):
            module(torch.rand(1, *shape))
    module(torch.rand(count, *shape))
    assert Dense().fewest_images(shape) == Dropout().fewest_images(shape) == 1


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (None, "a layer must be an object with a kind, one of dense, conv"),
        ({"units": 3}, "a layer must be an object with a kind"),
        ({"kind": "attention"}, "layer kind must be one of dense, conv"),
        ({"kind": ["dense"]}, "layer kind must be one of"),
        ({"kind": "dense", "wings": 2}, "a dense layer has no field 'wings'; it has units, activation"),
        ({"kind": "flatten", "units": 2}, "a flatten layer has no field 'units'; it has none"),
        ({"kind": "dense", "units": 8193}, "units must be a whole number from 1 to 8192, not 8193"),
        ({"kind": "dense", "units": True}, "units must be a whole number"),
        ({"kind": "dropout", "p": 1}, "share dropped must be a number from 0 to 0.95, not 1"),
        ({"kind": "dropout", "p": math.nan}, "share dropped must be a number from 0 to 0.95, not nan"),
        ({"kind": "conv", "stride": 0}, "stride must be a whole number from 1 to 8, not 0"),
        ({"kind": "dense", "activation": "softmax"}, "activation must be one of relu"),
    ],
)
def test_a_stranger_s_layer_is_refused_with_a_sentence(data: object, words: str) -> None:
    with pytest.raises(SpecError) as error:
        layer_from_dict(data)
    assert str(error.value).startswith(words)


ALIKE = {
    "relu": torch.relu,
    "leakyrelu": lambda x: torch.where(x > 0, x, 0.01 * x),
    "elu": lambda x: torch.where(x > 0, x, x.expm1()),
    "gelu": lambda x: x * (1 + torch.erf(x / math.sqrt(2))) / 2,
    "silu": lambda x: x / (1 + (-x).exp()),
    "sigmoid": lambda x: 1 / (1 + (-x).exp()),
    "tanh": torch.tanh,
    "softplus": lambda x: (1 + x.exp()).log(),
    "identity": lambda x: x,
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_activation_is_its_formula(name: str) -> None:
    x = torch.linspace(-5, 5, 101, dtype=torch.float64)
    call = ACTIVATIONS[name].call
    torch.testing.assert_close(call.build()(x) if call else x, ALIKE[name](x))


@pytest.mark.parametrize("p", [0.0, 0.25, 0.5, 0.95])
def test_dropout_is_torch_s_own_with_a_generator_of_its_own(p: float) -> None:
    x = torch.randn(64, 20, generator=torch.Generator().manual_seed(1))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        expected = nn.Dropout(p)(x)
        before = torch.get_rng_state()
        module = Call("Dropout", (p,)).build()
        assert isinstance(module, SeededDropout)
        module.generator = torch.Generator().manual_seed(5)
        assert torch.equal(module(x), expected)
        assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(module.eval()(x), x)
    assert torch.equal(x, torch.randn(64, 20, generator=torch.Generator().manual_seed(1)))  # not changed in place


@pytest.mark.parametrize("layer", [*SLIDING[::7], *OTHERS], ids=repr)
def test_the_code_makes_the_same_modules(layer: Layer) -> None:
    for call in layer.calls((3, 28, 28)):
        written = eval(call.code(), {"nn": nn})
        assert repr(written) == repr(call.build()).replace("Seeded", "")
