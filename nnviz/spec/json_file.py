"""A set-up as a JSON file: {"nnviz": 1, "network": {…}, "training": {…}}. Reading is for files from strangers."""

from __future__ import annotations

import json
from typing import Any

from nnviz.fields import SpecError, named, show
from nnviz.spec.network import LayerError, NetworkSpec
from nnviz.spec.train_config import TrainConfig, check

VERSION = 1
MAX_BYTES = 200_000

_PARTS = ("nnviz", "network", "training")
_LONGEST_NUMBER = 30
"""Digits; a longer whole number is read as a float, which no field takes."""


def to_json(network: NetworkSpec, config: TrainConfig) -> str:
    """The set-up as text that `from_json` reads."""
    setup = {"nnviz": VERSION, "network": network.to_dict(), "training": config.to_dict()}
    return json.dumps(setup, indent=2, ensure_ascii=False) + "\n"


def from_json(text: str | bytes) -> tuple[NetworkSpec, TrainConfig]:
    """The set-up that untrusted `text` describes. Raises SpecError with a sentence on what is wrong with it."""
    data = _parse(text)
    if not isinstance(data, dict) or "nnviz" not in data:
        raise SpecError('this is not a set-up of nnviz: it must be an object with "nnviz", "network" and "training"')
    if data["nnviz"] != VERSION or isinstance(data["nnviz"], bool):
        raise SpecError(f"this set-up is of version {show(data['nnviz'])}; this nnviz reads version {VERSION}")
    named(data, _PARTS, _PARTS, "a set-up")
    try:
        network = NetworkSpec.from_dict(data["network"])
        config = TrainConfig.from_dict(data["training"])
        check(network, config)
    except LayerError as error:
        place = f"layer {error.index + 1}" if error.index < len(data["network"]["layers"]) else "output layer"
        raise SpecError(f"{place}: {error}") from None
    return network, config


def _parse(text: str | bytes) -> Any:
    raw = text.encode() if isinstance(text, str) else text
    if len(raw) > MAX_BYTES:
        raise SpecError(f"a set-up is at most {MAX_BYTES // 1000} kB long, not {len(raw) / 1000:,.0f} kB")
    if not raw.strip():
        raise SpecError("there is nothing to read: the text is empty")
    try:
        return json.loads(raw.decode("utf-8-sig"), parse_int=_whole)
    except json.JSONDecodeError as error:
        raise SpecError(f"this is not JSON: {error.msg.lower()} in line {error.lineno}, column {error.colno}") from None
    except UnicodeDecodeError:
        raise SpecError("this is not JSON: it is not even text (UTF-8)") from None
    except RecursionError:
        raise SpecError("this is not a set-up of nnviz: it is nested too deeply") from None


def _whole(digits: str) -> int | float:
    return int(digits) if len(digits) <= _LONGEST_NUMBER else float(digits)
