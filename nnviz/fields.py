"""Bounds of a dataclass field, declared once; validation, forms, links and sweeps read them from there.

A choice that a person makes is a frozen dataclass whose fields are declared with `field(default, bounds)`.
Calling `validate(self)` in `__post_init__` makes an illegal value impossible to construct.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, TypeVar


class SpecError(ValueError):
    """A value that a field does not take; the message states the rule and the value given."""


@dataclass(frozen=True)
class Number:
    """A number in [low, high]; `whole` for integers, `log` where ratios matter more than differences."""

    label: str
    low: float
    high: float
    whole: bool = False
    log: bool = False
    help: str = ""

    def check(self, value: object) -> int | float:
        if self.whole and isinstance(value, str) and _THOUSANDS.fullmatch(value.strip()):
            digits = value.strip().replace(",", "")
            raise SpecError(f"{self.label} must be a whole number; if {show(value)} is {digits}, write it so")
        number = _as_number(value)
        noun = "a whole number" if self.whole else "a number"
        if number is None or not self.low <= number <= self.high or (self.whole and number % 1):
            raise SpecError(f"{self.label} must be {noun} from {self.low:.15g} to {self.high:.15g}, not {show(value)}")
        return int(number) if self.whole else float(number)


@dataclass(frozen=True)
class Choice:
    """One of a closed set: name → title for the screen."""

    label: str
    options: Mapping[str, str]
    help: str = ""

    def check(self, value: object) -> str:
        if not isinstance(value, str) or value not in self.options:
            raise SpecError(f"{self.label} must be one of {', '.join(self.options)}, not {show(value)}")
        return value


@dataclass(frozen=True)
class Flag:
    """Yes or no."""

    label: str
    help: str = ""

    def check(self, value: object) -> bool:
        if isinstance(value, str) and value.lower() in _FLAG_WORDS:
            return _FLAG_WORDS[value.lower()]
        if isinstance(value, bool):
            return value
        raise SpecError(f"{self.label} must be true or false, not {show(value)}")


_FLAG_WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}

Bounds = Number | Choice | Flag


class _Dataclass(Protocol):
    __dataclass_fields__: ClassVar[dict[str, Any]]


T = TypeVar("T", bound=_Dataclass)


@dataclass(frozen=True)
class Suggested:
    """What a sweep looks at first: these values, or `count` of them from `low` to `high`."""

    values: tuple[Any, ...] = ()
    low: float | None = None
    high: float | None = None
    count: int = 8
    log: bool = False


def field(default: Any, bounds: Bounds, *, suggested: Suggested | None = None, formerly: str = "") -> Any:
    """A dataclass field with a default and the bounds that hold for it.

    `suggested` is what a sweep of it looks at first, `formerly` the name that older files and links know it by.
    """
    return dataclasses.field(default=default, metadata={"bounds": bounds, "suggested": suggested, "formerly": formerly})


def bounds_of(cls: type[_Dataclass] | _Dataclass) -> dict[str, Bounds]:
    """Field name → bounds, in the order of declaration."""
    return {f.name: f.metadata["bounds"] for f in dataclasses.fields(cls) if "bounds" in f.metadata}


def suggested_of(cls: type[_Dataclass]) -> dict[str, Suggested | None]:
    """Field name → what a sweep looks at first, None where the field leaves that open."""
    return {f.name: f.metadata["suggested"] for f in dataclasses.fields(cls) if "bounds" in f.metadata}


def former_names(cls: type[_Dataclass]) -> dict[str, str]:
    """Name in older files and links → present name."""
    return {f.metadata["formerly"]: f.name for f in dataclasses.fields(cls) if f.metadata.get("formerly")}


def renamed(cls: type[_Dataclass], data: Mapping[str, Any]) -> dict[str, Any]:
    """`data` by the present names of the fields; a present name comes before a former one."""
    former = former_names(cls)
    return {former.get(name, name): value for name, value in data.items() if former.get(name) not in data}


def validate(spec: _Dataclass) -> None:
    """Check every bounded field of a frozen dataclass and normalise its type ("0.1" from a link → 0.1).

    Raises SpecError.
    """
    for name, bounds in bounds_of(spec).items():
        object.__setattr__(spec, name, bounds.check(getattr(spec, name)))


def to_dict(spec: _Dataclass) -> dict[str, Any]:
    """The bounded fields as a plain dict, ready for JSON."""
    return {name: getattr(spec, name) for name in bounds_of(spec)}


def changed_fields(spec: _Dataclass) -> dict[str, Any]:
    """The bounded fields that differ from their default."""
    defaults = {f.name: f.default for f in dataclasses.fields(spec)}
    return {name: value for name, value in to_dict(spec).items() if value != defaults[name]}


def named(data: object, known: Collection[str], needed: Collection[str], what: str) -> dict[str, Any]:
    """Untrusted `data`, which must be an object with these fields and no others; `what` names it. Raises SpecError."""
    if not isinstance(data, Mapping):
        raise SpecError(f"{what} must be an object with named fields, not {show(data)}")
    for key in data:
        if key not in known:
            raise SpecError(f"{what} has no field {show(key)}; it has {', '.join(known) or 'none'}")
    for key in needed:
        if key not in data:
            raise SpecError(f"{what} needs the field {show(key)}")
    return dict(data)


def from_dict(cls: type[T], data: object, what: str) -> T:
    """Build `cls` from untrusted data; `what` names it in the message. Raises SpecError."""
    known = bounds_of(cls)
    return cls(**named(renamed(cls, data) if isinstance(data, Mapping) else data, known, (), what))


def show(value: object) -> str:
    """A value for a message: quoted if it is text, and never long."""
    try:
        text = f"{value:.15g}" if isinstance(value, float) else repr(value)
    except (ValueError, RecursionError):  # Python writes no number of more than 4,300 digits
        text = f"{type(value).__name__} too long to show"
    return text if len(text) <= 60 else text[:57] + "…"


_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+")
"""What is a number of three decimals to some and a whole number to others."""


def _as_number(value: object) -> int | float | None:
    """The finite number that `value` is or spells, else None. True and False are no numbers here."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        words = value.strip().replace("−", "-")
        if words.count(",") == 1 and "." not in words:  # the decimal sign of half the world
            words = words.replace(",", ".")
        try:
            value = float(words)
        except ValueError:
            return None
    if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return None
