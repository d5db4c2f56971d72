"""What Python tells the builder's drawing: which fields a layer kind has, and what becomes of a draft.

The browser only draws and edits a draft, a plain dict. Whether it is a network, and which shapes, parameters and
formulas belong to it, is decided here.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Any

import torch

from nnviz.data.datasets import DATASETS
from nnviz.fields import Bounds, Choice, Number, SpecError, bounds_of
from nnviz.spec.activations import ACTIVATIONS
from nnviz.spec.initialisation import INITIALISATIONS
from nnviz.spec.layers import LAYERS, default_layer, layer_to_dict
from nnviz.spec.layers.base import Layer, sizes
from nnviz.spec.network import MAX_LAYERS, LayerError, LayerPlan, NetworkSpec, training_bytes
from nnviz.spec.optimizers import OPTIMIZERS
from nnviz.spec.presets import PRESETS
from nnviz.spec.train_config import TrainConfig, check

_CURVE_REACH = 3.0
_CURVE_POINTS = 49


@dataclass(frozen=True)
class Verdict:
    """A draft, judged: the network if it is one that can be trained, and what the drawing shows of it.

    `layers` holds one entry for each layer up to the one that can't work, the output last if all can.
    `index` of an error counts hidden layers from 0, len(layers) is the output; None concerns the network as a whole.
    """

    network: NetworkSpec | None
    layers: tuple[dict[str, Any], ...]
    error: str | None = None
    index: int | None = None
    totals: dict[str, str] | None = None

    def to_dict(self) -> dict[str, Any]:
        error = None if self.error is None else {"index": self.index, "message": _sentence(self.error)}
        return {"layers": list(self.layers), "error": error, "totals": self.totals, "preset": preset_of(self.network)}


def judge(draft: object, config: TrainConfig) -> Verdict:
    """What the network would be that `draft`, a dict from the browser, describes, trained as `config` says."""
    dataset = DATASETS[config.data]
    try:
        network = NetworkSpec.from_dict(draft)
        plans = network.plan(dataset.input_shape, len(dataset.classes))
    except LayerError as error:
        return Verdict(None, _layers_before(draft, error.index, config), str(error), error.index)
    except SpecError as error:
        return Verdict(None, (), str(error))
    layers = tuple(_describe(plan) for plan in plans)
    totals = {
        "parameters": f"{sum(plan.parameters for plan in plans):,}",
        "memory": amount(training_bytes(plans, config.batch_size, OPTIMIZERS[config.optimizer].state)),
        "batch": f"{config.batch_size:,}",
    }
    try:
        check(network, config)
    except SpecError as error:
        return Verdict(None, layers, str(error), getattr(error, "index", None), totals)
    return Verdict(network, layers, totals=totals)


def _layers_before(draft: object, index: int, config: TrainConfig) -> tuple[dict[str, Any], ...]:
    """The entries of the layers that work, up to the one at `index` that doesn't."""
    assert isinstance(draft, dict)
    dataset = DATASETS[config.data]
    try:
        plans = NetworkSpec.from_dict({"layers": draft["layers"][:index]}).plan(
            dataset.input_shape, len(dataset.classes)
        )
    except SpecError:  # an illegal field further down was reported, but the shapes fail before it
        return ()
    return tuple(_describe(plan) for plan in plans[:index])


def schema(config: TrainConfig) -> dict[str, Any]:
    """All that the drawing has to know beforehand: kinds and their fields, presets, the input and the classes."""
    dataset = DATASETS[config.data]
    return {
        "kinds": {kind: _kind(kind) for kind in LAYERS},
        "network": [{**_field(name, bounds), "only": _only(name)} for name, bounds in bounds_of(NetworkSpec).items()],
        "presets": [
            {"name": p.name, "title": p.title, "teaches": p.teaches, "network": p.network.to_dict()}
            for p in PRESETS.values()
        ],
        "curves": _curves(),
        "maxLayers": MAX_LAYERS,
        "input": {
            "shape": list(dataset.input_shape),
            "out": sizes(dataset.input_shape),
            "values": f"{math.prod(dataset.input_shape):,}",
        },
        "classes": [str(name) for name in dataset.classes],
        "data": dataset.title,
    }


def preset_of(network: NetworkSpec | None) -> str | None:
    """The name of the preset that `network` is, if it is one."""
    return next((preset.name for preset in PRESETS.values() if preset.network == network), None)


def in_words(network: NetworkSpec) -> str:
    """A network in a few words: "Convolution 16, Max pooling, Dense 128"."""
    words = []
    for layer in network.layers:
        words.append(f"{layer.title} {getattr(layer, layer.counted):,}" if layer.counted else layer.title)
    shown = words if len(words) <= 4 else [*words[:2], "…", words[-1]]
    return ", ".join(shown) or "no hidden layer"


def amount(size: float) -> str:
    """Bytes for people: 3_400_000 → "3.4 MB"."""
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if size >= 100 or unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"


def _describe(plan: LayerPlan) -> dict[str, Any]:
    what, sizes_of_it = plan.formula()
    return {
        "name": plan.name,
        "shape": list(plan.out_shape),
        "out": sizes(plan.out_shape),
        "parameters": f"{plan.parameters:,}",
        "formula": what,
        "sizes": sizes_of_it,
    }


def _kind(kind: str) -> dict[str, Any]:
    layer: Layer = default_layer(kind)
    return {
        "title": layer.title,
        "help": layer.help,
        "drawn": layer.drawn,
        "counted": layer.counted or None,
        "fields": [_field(name, bounds) for name, bounds in bounds_of(LAYERS[kind]).items()],
        "default": layer_to_dict(layer),
    }


def _only(name: str) -> dict[str, list[str]] | None:
    """The initialisations with which a field of the network counts; None where it always does."""
    needing = [one.name for one in INITIALISATIONS.values() if name in one.uses]
    return {"init": needing} if needing else None


def _field(name: str, bounds: Bounds) -> dict[str, Any]:
    common = {"name": name, "label": bounds.label, "help": bounds.help}
    if isinstance(bounds, Number):
        limits = {"low": bounds.low, "high": bounds.high, "whole": bounds.whole, "log": bounds.log}
        return {**common, "type": "number", **limits}
    if isinstance(bounds, Choice):
        return {**common, "type": "choice", "options": [list(option) for option in bounds.options.items()]}
    return {**common, "type": "flag"}


@functools.cache
def _curves() -> dict[str, list[float]]:
    """Each activation's values at evenly spaced points from −3 to 3, for the small plots."""
    x = torch.linspace(-_CURVE_REACH, _CURVE_REACH, _CURVE_POINTS)
    return {
        name: [round(float(y), 3) for y in (one.call.build()(x) if one.call else x)]
        for name, one in ACTIVATIONS.items()
    }


def _sentence(message: str) -> str:
    return message[:1].upper() + message[1:]
