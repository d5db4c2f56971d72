"""A network as a person describes it: the hidden layers and how weights start. The head is derived from the data.

`NetworkSpec` is frozen and validated. It travels as JSON (files) and as short text (links), becomes a plan
(what each layer gets and gives) and a `torch.nn.Sequential`.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from nnviz.fields import Choice, Number, SpecError, Suggested, field, from_dict, show, to_dict, validate
from nnviz.spec.call import Call
from nnviz.spec.initialisation import INITIALISATIONS
from nnviz.spec.layers import LAYERS, layer_from_dict, layer_to_dict, weighted_modules
from nnviz.spec.layers.base import Layer, Shape
from nnviz.spec.layers.dense import Dense

MAX_LAYERS = 40
MAX_PARAMETERS = 64_000_000
"""256 MB as float32; SGD with momentum holds that three times (weights, gradients, velocity)."""

BYTES_PER_NUMBER = 4
"""float32 everywhere."""


class LayerError(SpecError):
    """A layer that can't work where it stands. `index` counts hidden layers from 0; len(layers) is the head."""

    def __init__(self, index: int, message: str) -> None:
        super().__init__(message)
        self.index = index


@dataclass(frozen=True)
class LayerPlan:
    """One layer in its place: what it gets, gives and learns. Shapes without the batch dimension."""

    name: str
    layer: Layer
    in_shape: Shape
    out_shape: Shape
    parameters: int
    calls: tuple[Call, ...]

    @property
    def learns(self) -> bool:
        """Whether it has a weight matrix."""
        return bool(self.layer.weighted)

    def formula(self) -> tuple[str, str]:
        """What it computes, and the sizes of what stands in it: ("y = ReLU(W x + b)", "W: 128 × 784, b: 128")."""
        what, sizes = self.layer.formula(self.in_shape)
        last = "; the softmax of y are the class probabilities" if self.name == "output" else ""
        return what, sizes + last


@dataclass(frozen=True)
class NetworkSpec:
    """Hidden layers, in order, and the initialisation of all weights. The default is the classic 784-128-10."""

    layers: tuple[Layer, ...] = (Dense(128),)
    init: str = field(
        "default",
        Choice(
            "initialisation", {name: one.title for name, one in INITIALISATIONS.items()}, help="How the weights start."
        ),
    )
    init_std: float = field(
        0.01,
        Number("standard deviation of the initial weights", 0, 10, help="Of the normal initialisation."),
        suggested=Suggested((0.001, 0.003, 0.01, 0.03, 0.1, 0.3), 0.001, 0.3, 6, log=True),
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", tuple(self.layers))
        if len(self.layers) > MAX_LAYERS:
            raise SpecError(f"a network has at most {MAX_LAYERS} layers, not {len(self.layers)}")
        validate(self)

    def plan(self, input_shape: Shape, classes: int) -> tuple[LayerPlan, ...]:
        """Every layer with its shapes, the output layer last. Raises LayerError at the layer that can't work."""
        plans: list[LayerPlan] = []
        counts: dict[str, int] = {}
        shape, total = input_shape, 0
        head = Dense(classes, "identity")
        for index, layer in enumerate((*self.layers, head)):
            try:
                out_shape = layer.out_shape(shape)
            except SpecError as error:
                raise LayerError(index, str(error)) from None
            parameters = layer.parameters(shape)
            total += parameters
            if total > MAX_PARAMETERS:
                raise LayerError(
                    index,
                    f"this layer has {parameters:,} parameters ({megabytes(parameters)}), the network so far {total:,};"
                    f" at most {MAX_PARAMETERS:,} ({megabytes(MAX_PARAMETERS)}) are allowed",
                )
            counts[layer.kind] = counts.get(layer.kind, 0) + 1
            name = "output" if index == len(self.layers) else f"{layer.kind}{counts[layer.kind]}"
            plans.append(LayerPlan(name, layer, shape, out_shape, parameters, tuple(layer.calls(shape))))
            shape = out_shape
        return tuple(plans)

    @property
    def convolves(self) -> bool:
        """Whether kernels slide over images anywhere in it: such nets fill a processor by themselves."""
        return any(layer.convolves for layer in self.layers)

    def with_(self, **changes: Any) -> NetworkSpec:
        """A copy with some fields changed. Raises SpecError."""
        return replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        return {"layers": [layer_to_dict(layer) for layer in self.layers], **to_dict(self)}

    @staticmethod
    def from_dict(data: object) -> NetworkSpec:
        """The network that untrusted `data` describes. Raises SpecError, LayerError for a single layer."""
        if not isinstance(data, dict) or not isinstance(data.get("layers"), list | tuple):
            raise SpecError("a network must be an object with a list of layers")
        if len(data["layers"]) > MAX_LAYERS:
            raise SpecError(f"a network has at most {MAX_LAYERS} layers, not {len(data['layers'])}")
        layers = _each_layer(data["layers"], layer_from_dict)
        rest = from_dict(NetworkSpec, {k: v for k, v in data.items() if k != "layers"}, "a network")
        return NetworkSpec(layers, rest.init, rest.init_std)

    def to_text(self) -> str:
        """Short text for links, of characters that an address bar leaves alone: `conv_6_5_1_2~maxpool~dense_128_tanh`.

        Fields stand in order of declaration; trailing defaults are left out. No layers: `none`.
        """
        return "~".join(_layer_text(layer) for layer in self.layers) or "none"

    @staticmethod
    def layers_from_text(text: str) -> tuple[Layer, ...]:
        """The inverse of `to_text`, for text from a stranger. Raises SpecError, LayerError for a single layer."""
        if text == "none":
            return ()
        words = text.split("~")
        if len(words) > MAX_LAYERS:
            raise SpecError(f"a network has at most {MAX_LAYERS} layers, not {len(words)}")
        return _each_layer(words, _layer_from_text)


def build_model(spec: NetworkSpec, input_shape: Shape, classes: int, seed: int) -> nn.Sequential:
    """The network as a PyTorch module, its weights drawn from `seed`; logits out, shape (batch, classes).

    PyTorch's own initialisers draw from the global generator, so it is borrowed and put back: the weights are
    those of `torch.manual_seed(seed)` followed by the plain constructors.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # `torch.manual_seed` seeds each kind of device, in 1 ms
        model = _modules(spec, input_shape, classes)
        initialise(model, spec)
    return model


def empty_model(spec: NetworkSpec, input_shape: Shape, classes: int) -> nn.Sequential:
    """The same module with any weights, for those of a checkpoint: to draw some only to overwrite them takes most of
    the time.
    """
    with _Undrawn():
        return _modules(spec, input_shape, classes)


class _Undrawn(TorchFunctionMode):
    """PyTorch's own initialisers leave what they are given as it is."""

    def __torch_function__(
        self, function: Any, types: Any, arguments: tuple[Any, ...] = (), named: dict[str, Any] | None = None
    ) -> Any:
        named = named or {}
        if function in (nn.init.kaiming_uniform_, nn.init.uniform_):
            return named["tensor"]
        return function(*arguments, **named)


def _modules(spec: NetworkSpec, input_shape: Shape, classes: int) -> nn.Sequential:
    modules: OrderedDict[str, nn.Module] = OrderedDict()
    for plan in spec.plan(input_shape, classes):
        for call in plan.calls:
            module = call.build()
            learns = any(True for _ in module.parameters())
            modules[plan.name if learns else f"{plan.name}_{call.name.lower()}"] = module
    return nn.Sequential(modules)


def initialise(model: nn.Module, spec: NetworkSpec) -> None:
    """Start the weight matrices as the spec says; biases at 0, except by PyTorch's default."""
    start = INITIALISATIONS[spec.init].start
    if start is None:
        return
    for _, module in weighted_modules(model):
        assert isinstance(module.weight, Tensor)
        start(module.weight, spec)
        if isinstance(module.bias, Tensor):
            nn.init.zeros_(module.bias)


def training_bytes(plans: tuple[LayerPlan, ...], batch_size: int, state_per_weight: int = 1) -> int:
    """Memory that training needs, bytes: weights, gradients, optimizer state; every output and its gradient."""
    weights = sum(p.parameters for p in plans) * (2 + state_per_weight)
    outputs = sum(math.prod(p.out_shape) for p in plans) + math.prod(plans[0].in_shape)
    return (weights + 2 * batch_size * outputs) * BYTES_PER_NUMBER


def smallest_batch(plans: tuple[LayerPlan, ...]) -> int:
    """How many images a training batch needs."""
    return max(plan.layer.fewest_images(plan.in_shape) for plan in plans)


def megabytes(numbers: int) -> str:
    return f"{numbers * BYTES_PER_NUMBER / 1e6:,.0f} MB"


def _each_layer(items: list[Any], read: Callable[[Any], Layer]) -> tuple[Layer, ...]:
    layers = []
    for index, item in enumerate(items):
        try:
            layers.append(read(item))
        except SpecError as error:
            raise LayerError(index, str(error)) from None
    return tuple(layers)


def _layer_text(layer: Layer) -> str:
    values = list(layer_to_dict(layer).values())
    defaults = list(layer_to_dict(type(layer)()).values())
    while len(values) > 1 and values[-1] == defaults[len(values) - 1]:
        values.pop()
    if len(values) == 1 and list(layer_to_dict(layer))[1:2] == ["units"]:
        values.append(layer_to_dict(layer)["units"])  # "dense_128" reads better than "dense"
    return "_".join(str(value) for value in values)


def _layer_from_text(word: str) -> Layer:
    kind, *values = word.split("_")
    names = list(layer_to_dict(LAYERS[kind]())) if kind in LAYERS else ["kind"]
    if len(values) >= len(names) and kind in LAYERS:
        raise SpecError(f"a {kind} layer has {len(names) - 1} fields, not {len(values)}: {show(word)}")
    return layer_from_dict({"kind": kind, **dict(zip(names[1:], values, strict=False))})


def with_all(network: NetworkSpec, name: str, value: object) -> NetworkSpec:
    """With one field set in every hidden layer that has it; units are those of dense layers."""
    return network.with_(layers=tuple(with_field(x, name, value) if hasattr(x, name) else x for x in network.layers))


def with_field(layer: Layer, name: str, value: object) -> Layer:
    return replace(layer, **{name: value})


def unused_in(name: str, network: NetworkSpec) -> str:
    """Why a field of the network changes nothing; empty if it does."""
    needing = [one.title.lower() for one in INITIALISATIONS.values() if name in one.uses]
    if needing and name not in INITIALISATIONS[network.init].uses:
        return f"counts only for initialisation: {', '.join(needing)}"
    return ""
