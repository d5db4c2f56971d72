"""The network drawn whole: the image, each unit's picture, the connections, the answer. The browser keeps its canvas,
and each message only repaints it.

One message holds everything, little-endian: the length of a JSON header (4 bytes), the header, the image (a byte a
pixel, 255 = ink), the outputs of all layers, the links' values and the shares (float32), where the links begin and end
(uint16), then the pictures of each layer that has them, a byte a value, MIDDLE for zero and its `limit` at the ends.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from streamlit.components.v2 import component
from torch import Tensor

from nnviz.analysis.network_picture import Drawn, NetworkPicture, Quantity, UnitsPicture
from nnviz.analysis.unit_picture import UnitPicture
from nnviz.charts.colors import NEGATIVE, NEUTRAL, POSITIVE
from nnviz.spec.activations import ACTIVATIONS
from nnviz.ui.components.image_grid import finite, signed_to_bytes
from nnviz.ui.components.order import nothing_else, numbered, scripts

OUTLIERS = 0.002
"""The share of the largest values that may lie beyond the ends of the colours, so that one does not pale all others."""

_HERE = Path(__file__).parent
SCRIPTS = [_HERE / "drawing.js"]
_mount = component(
    "nnviz.network_view",
    css=(_HERE / "network_view.css").read_text(encoding="utf-8"),
    js=scripts(*SCRIPTS, _HERE / "network_view.js"),
)

TITLES = {
    Quantity.WEIGHTS: "Weights",
    Quantity.GRADIENTS: "Gradients",
    Quantity.UPDATE: "Update",
    Quantity.ACTIVATIONS: "Activations",
    Quantity.CONTRIBUTIONS: "Contributions",
}
"""What a person chooses to see."""

WORDS = {
    Quantity.WEIGHTS: "weight W",
    Quantity.GRADIENTS: "gradient ∂L/∂W",
    Quantity.UPDATE: "update ΔW",
    Quantity.ACTIVATIONS: "activation",
    Quantity.CONTRIBUTIONS: "contribution w·x",
}
"""What the colours stand for, beside their scale."""


def network_view(
    picture: NetworkPicture,
    pixels: npt.NDArray[np.uint8],
    classes: Sequence[str],
    label: int | None,
    *,
    key: str,
    title: str,
    run: str,
) -> tuple[str, int] | None:
    """Draw the network for an image (h, w); the layer's name and the unit just clicked, or None.

    `title` says to those who can't see it what is drawn; colours keep their range as long as `run` stays the same.
    """
    message = pack(picture, pixels, classes, label, title=title, run=run)
    clicked = _mount(key=key, data=numbered(key, message), on_clicked_change=nothing_else).clicked
    names = {layer.name: layer.size for layer in picture.layers}
    if not isinstance(clicked, list) or len(clicked) != 2:
        return None
    name, unit = clicked
    if not isinstance(unit, int) or not 0 <= unit < names.get(str(name), 0):
        return None
    return str(name), unit


def pack(
    picture: NetworkPicture,
    pixels: npt.NDArray[np.uint8],
    classes: Sequence[str],
    label: int | None,
    *,
    title: str = "",
    run: str = "",
    unit: UnitPicture | None = None,
    more: Mapping[str, Any] | None = None,
) -> bytes:
    """The message to the browser; see the module's docstring. After the pictures of the layers come those of `unit`;
    `more` goes into the header as it is.
    """
    layers, bodies = [], [pixels.tobytes(), _floats(picture), _places(picture)]
    for layer in picture.layers:
        header, body = _layer(layer, picture.quantity)
        layers.append(header)
        bodies.append(body)
    whole = {
        "title": title,
        "scale": f"{run} {picture.quantity}",
        "colours": {"negative": NEGATIVE, "neutral": NEUTRAL, "positive": POSITIVE},
        "image": pixels.shape,
        "layers": layers,
        "links": [len(links.value) for links in picture.links],
        "classes": list(classes),
        "label": label,
        "shares": list(picture.shares.shape),
        "logits": _numbers(picture.logits),
        "probabilities": _numbers(picture.probabilities),
        "loss": picture.loss if picture.loss is not None and math.isfinite(picture.loss) else None,
        **(more or {}),
    }
    if unit is not None:
        whole["unit"], body = _unit(unit)
        bodies.append(body)
    text = json.dumps(whole, separators=(",", ":"), allow_nan=False).encode()
    return struct.pack("<I", len(text)) + text + b"".join(bodies)


def _layer(layer: UnitsPicture, quantity: Quantity) -> tuple[dict[str, Any], bytes]:
    header: dict[str, Any] = {
        "name": layer.name,
        "title": layer.title,
        "size": layer.size,
        "drawn": layer.drawn,
        "units": layer.units.tolist(),
    }
    if layer.faces is None:
        return header, b""
    values = layer.faces.numpy()
    body, limit = signed_to_bytes(values, _limit(values))
    words = WORDS[Quantity.ACTIVATIONS if layer.drawn is Drawn.MAPS else quantity]
    return {**header, "face": list(values.shape[1:]), "limit": limit, "quantity": words}, body.tobytes()


def _unit(one: UnitPicture) -> tuple[dict[str, Any], bytes]:
    """Its numbers, and its pictures in a row."""
    told, pictures, bodies = one.told, [], []
    named = (Quantity.WEIGHTS, one.weights), (Quantity.GRADIENTS, one.gradient), (Quantity.UPDATE, one.update)
    for quantity, values in named:
        if values is not None:
            body, limit = signed_to_bytes(values.numpy(), _limit(values.numpy()))
            pictures.append({"words": WORDS[quantity], "face": list(values.shape), "limit": limit})
            bodies.append(body.tobytes())
    header = {
        "layer": one.layer.name,
        "title": one.layer.title,
        "unit": one.unit,
        "activation": ACTIVATIONS[told.activation].title,
        "terms": [[_number(term.value), _number(term.weight), _number(term.product)] for term in told.terms],
        "rest": _number(told.rest),
        "others": told.others,
        "bias": _number(told.bias),
        "total": _number(told.total),
        "output": _number(told.output),
        "position": told.position,
        "pictures": pictures,
    }
    return header, b"".join(bodies)


def _limit(values: npt.NDArray[np.floating[Any]]) -> float:
    sizes = np.abs(finite(values)).ravel()
    place = len(sizes) - 1 - int(len(sizes) * OUTLIERS)
    return float(np.partition(sizes, place)[place]) if len(sizes) else 0.0


def _floats(picture: NetworkPicture) -> bytes:
    """The outputs of the units of each layer, the values of the links, the shares: thousands, so not as text."""
    parts = *(layer.values for layer in picture.layers), *(links.value for links in picture.links), picture.shares
    return torch.cat([part.detach().flatten() for part in parts]).numpy().astype("<f4").tobytes()


def _places(picture: NetworkPicture) -> bytes:
    """Of each set of links all their sources, then all their targets; a layer shows few enough units for two bytes."""
    parts = [part for links in picture.links for part in (links.source, links.target)]
    return torch.cat(parts).numpy().astype("<u2").tobytes() if parts else b""


def _numbers(values: Tensor) -> list[float | None]:
    """With the digits that a reader can use; None for what is no finite number."""
    return [_number(value) for value in values.tolist()]


def _number(value: float) -> float | None:
    return float(f"{value:.6g}") if math.isfinite(value) else None
