"""What a page wants to see, as it comes from a browser: input from strangers."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from nnviz.analysis.network_picture import Quantity
from nnviz.data.drawing import MAX_JSON_BYTES, Drawing
from nnviz.fields import SpecError, show
from nnviz.spec.url import MAX_LENGTH

MOST_IMAGES = 1_000_000
MOST_STEPS = 10**9
MOST_WISHES = 2**53
"""Whole numbers that a browser can count to."""


class WishError(Exception):
    """Something that can't be shown; the message is a sentence for people."""


@dataclass(frozen=True)
class Wish:
    """A network, an image, and what of it is to be seen."""

    run: str | None
    """Whose network; None: the untrained one of `setup`."""
    setup: str
    """JSON of a link's parameters; empty where there is a run."""
    step: int | None
    """A kept checkpoint; None: the present state."""
    quantity: Quantity
    image: int | Drawing
    """The number of a test image, or what was drawn."""
    unit: tuple[str, int] | None
    """Layer and number of the unit whose arithmetic is told too."""
    slow: bool = False
    """Whether the next step is told in slow motion."""

    @cached_property
    def name(self) -> str:
        """Tells it apart from all others, in 32 letters and digits."""
        return hashlib.md5(repr(self).encode()).hexdigest()


def parse(text: str) -> dict[str, Any]:
    """A message. Raises WishError."""
    if len(text) > MAX_JSON_BYTES:
        raise WishError(f"a message must be at most {MAX_JSON_BYTES:,} characters long, not {len(text):,}")
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        raise WishError("a message must be JSON") from None
    if not isinstance(message, dict):
        raise WishError("a message must be a JSON object")
    return message


def number_of(message: Mapping[str, Any]) -> int:
    """Which wish of the page a message is about. Raises WishError."""
    return whole("number", message.get("number", 0), MOST_WISHES)


def wish_of(value: object) -> Wish:
    """Raises WishError."""
    if not isinstance(value, dict):
        raise WishError("a wish must be a JSON object")
    run, quantity, unit = value.get("run"), value.get("quantity", Quantity.WEIGHTS), value.get("unit")
    if run is not None and not (isinstance(run, str) and re.fullmatch("[0-9a-z-]{1,64}", run)):
        raise WishError(f"run must be the id of a run, not {show(run)}")
    if quantity not in list(Quantity):
        raise WishError(f"quantity must be one of {', '.join(Quantity)}, not {show(quantity)}")
    step, setup = value.get("step"), _setup(value.get("setup", {}))
    if step is not None:
        step = whole("step", step, MOST_STEPS)
    slow = value.get("slow") is True
    return Wish(run, setup if run is None else "", step, Quantity(quantity), _image(value), _unit(unit), slow)


def _setup(value: object) -> str:
    if not isinstance(value, Mapping) or not all(isinstance(one, str) for one in value.values()):
        raise WishError("setup must be the parameters of a link")
    text = json.dumps(value, sort_keys=True)
    if len(text) > 2 * MAX_LENGTH:
        raise WishError(f"setup must be at most {2 * MAX_LENGTH} characters long, not {len(text)}")
    return text


def _image(value: Mapping[str, Any]) -> int | Drawing:
    if "drawing" not in value:
        return whole("image", value.get("image", 0), MOST_IMAGES)
    try:
        return Drawing.from_dict(value["drawing"])
    except SpecError as error:
        raise WishError(str(error)) from None


def _unit(value: object) -> tuple[str, int] | None:
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != 2 or not isinstance(value[0], str):
        raise WishError("unit must be the name of a layer and the number of a unit")
    return value[0], whole("unit", value[1], MOST_IMAGES)


def whole(name: str, value: object, most: int) -> int:
    """A number from 0 to `most`. Raises WishError."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise WishError(f"{name} must be a whole number from 0 to {most:,}, not {show(value)}")
    return value
