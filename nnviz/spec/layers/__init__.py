"""Layer kinds: every module of this package may hold some, and adding one is adding a file."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from nnviz.fields import Choice, SpecError, from_dict, to_dict
from nnviz.registry import modules_of
from nnviz.spec.layers.base import Layer


def _kinds() -> dict[str, type[Layer]]:
    found: dict[str, type[Layer]] = {}
    for module in modules_of(__name__, __path__):
        for one in vars(module).values():
            is_kind = isinstance(one, type) and issubclass(one, Layer) and hasattr(one, "kind")
            if is_kind and found.setdefault(one.kind, one) is not one:
                raise ValueError(f"two layers are of kind {one.kind!r}")
    return dict(sorted(found.items(), key=lambda item: (item[1].rank, item[0])))


LAYERS = _kinds()
"""Kind → class, in the order of menus."""

WEIGHTED = tuple({module: None for cls in LAYERS.values() for module in cls.weighted})
"""The modules of PyTorch that hold a weight matrix."""


def weighted_modules(model: nn.Module) -> list[tuple[str, nn.Module]]:
    """Those of a network, by name, in the order of its layers."""
    return [(name, module) for name, module in model.named_modules() if isinstance(module, WEIGHTED)]


def weight_of(module: nn.Module) -> Tensor:
    """The weight matrix of one of them, as PyTorch lays it out."""
    assert isinstance(module.weight, Tensor)
    return module.weight


def unit_weights(module: nn.Module) -> Tensor:
    """The weight matrix of one of them, with one row for each unit: (units, …); it shares the module's memory."""
    cls = next(cls for cls in LAYERS.values() if isinstance(module, cls.weighted))
    return cls().units_first(weight_of(module).detach())


def layer_to_dict(layer: Layer) -> dict[str, Any]:
    return {"kind": layer.kind, **to_dict(layer)}


def layer_from_dict(data: object) -> Layer:
    """The layer that untrusted `data` describes. Raises SpecError."""
    if not isinstance(data, dict) or "kind" not in data:
        raise SpecError(f"a layer must be an object with a kind, one of {', '.join(LAYERS)}")
    kind = Choice("layer kind", {name: cls.title for name, cls in LAYERS.items()}).check(data["kind"])
    values = {key: value for key, value in data.items() if key != "kind"}
    return from_dict(LAYERS[kind], values, f"a {kind} layer")


def default_layer(kind: str) -> Layer:
    """A layer of `kind` with every field at its default."""
    return LAYERS[kind]()
