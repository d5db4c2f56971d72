"""Bounds of fields: what they take, and the sentence they answer with otherwise."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import pytest

from nnviz.fields import (
    Bounds,
    Choice,
    Flag,
    Number,
    SpecError,
    bounds_of,
    changed_fields,
    field,
    from_dict,
    show,
    to_dict,
    validate,
)

SHARE = Number("share", 0, 0.95)
COUNT = Number("count", 1, 2**31 - 1, whole=True)
COLOUR = Choice("colour", {"red": "Red", "blue": "Blue"})
FLAG = Flag("nesterov")


@dataclass(frozen=True)
class Spec:
    count: int = field(3, COUNT)
    share: float = field(0.5, SHARE)
    colour: str = field("red", COLOUR)
    flag: bool = field(False, FLAG)
    note: str = "not bounded"

    def __post_init__(self) -> None:
        validate(self)


@pytest.mark.parametrize(
    ("bounds", "given", "kept"),
    [
        (SHARE, 0, 0.0),
        (SHARE, 0.95, 0.95),
        (SHARE, "0.1", 0.1),
        (SHARE, " 1e-3 ", 0.001),
        (COUNT, 1, 1),
        (COUNT, 2**31 - 1, 2**31 - 1),
        (COUNT, str(2**31 - 1), 2**31 - 1),
        (COUNT, 3.0, 3),
        (COLOUR, "blue", "blue"),
        (FLAG, True, True),
        (FLAG, "False", False),
        (FLAG, "yes", True),
        (FLAG, "0", False),
    ],
)
def test_a_value_is_taken_and_gets_its_type(bounds: Bounds, given: object, kept: object) -> None:
    found = bounds.check(given)
    assert found == kept
    assert type(found) is type(kept)


HOSTILE = [math.nan, math.inf, -math.inf, "nan", "inf", "-1e400", 10**400, -(10**400), 10**5000, None, [], {}, b"1", 1j]


@pytest.mark.parametrize("bounds", [SHARE, COUNT, COLOUR, FLAG], ids=lambda bounds: bounds.label)
@pytest.mark.parametrize(
    "value",
    [*HOSTILE, "", "x" * 100_000, "red\n", "1,5", ["red"], "9" * 10_000, "true ", "\x00", "ü", "None"],
    ids=lambda value: show(value),
)
def test_what_no_field_takes_is_refused_in_a_short_sentence(bounds: Bounds, value: object) -> None:
    with pytest.raises(SpecError, match=f"^{bounds.label} must be ") as error:
        bounds.check(value)
    assert len(str(error.value)) < 150
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("bounds", "value", "sentence"),
    [
        (SHARE, 0.951, "share must be a number from 0 to 0.95, not 0.951"),
        (SHARE, 0.95000001, "share must be a number from 0 to 0.95, not 0.95000001"),
        (SHARE, -1e-9, "share must be a number from 0 to 0.95, not -1e-09"),
        (SHARE, True, "share must be a number from 0 to 0.95, not True"),
        (COUNT, 0, "count must be a whole number from 1 to 2147483647, not 0"),
        (COUNT, 2**31, "count must be a whole number from 1 to 2147483647, not 2147483648"),
        (COUNT, 3.0000001, "count must be a whole number from 1 to 2147483647, not 3.0000001"),
        (COUNT, "2.5", "count must be a whole number from 1 to 2147483647, not '2.5'"),
        (COLOUR, "Red", "colour must be one of red, blue, not 'Red'"),
        (FLAG, 1, "nesterov must be true or false, not 1"),
        (FLAG, "maybe", "nesterov must be true or false, not 'maybe'"),
    ],
)
def test_the_sentence_states_the_rule_and_the_value(bounds: Bounds, value: object, sentence: str) -> None:
    with pytest.raises(SpecError) as error:
        bounds.check(value)
    assert str(error.value) == sentence


def test_a_spec_is_normalised_when_it_is_made() -> None:
    assert Spec(count="7", share="0.25", flag="true") == Spec(7, 0.25, "red", True)  # type: ignore[arg-type]
    with pytest.raises(SpecError, match="count must be"):
        Spec(count=0)


def test_a_spec_as_a_dict_and_back() -> None:
    spec = Spec(7, colour="blue", note="kept out")
    assert list(bounds_of(Spec)) == list(bounds_of(spec)) == ["count", "share", "colour", "flag"]
    assert to_dict(spec) == {"count": 7, "share": 0.5, "colour": "blue", "flag": False}
    assert changed_fields(spec) == {"count": 7, "colour": "blue"}
    assert changed_fields(Spec()) == {}
    assert from_dict(Spec, to_dict(spec), "a spec") == Spec(7, colour="blue")


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ([1], "a spec must be an object with named fields, not [1]"),
        (None, "a spec must be an object with named fields, not None"),
        ({"speed": 1}, "a spec has no field 'speed'; it has count, share, colour, flag"),
        ({"note": "x"}, "a spec has no field 'note'; it has count, share, colour, flag"),
        ({3: 1}, "a spec has no field 3; it has count, share, colour, flag"),
        ({"share": 2}, "share must be a number from 0 to 0.95, not 2"),
    ],
)
def test_data_of_strangers_are_refused_with_a_sentence(data: object, sentence: str) -> None:
    with pytest.raises(SpecError) as error:
        from_dict(Spec, data, "a spec")
    assert str(error.value) == sentence


def _nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (40.0, "40"),
        (100.00001, "100.00001"),
        (0.1 + 0.2, "0.3"),
        (1e22, "1e+22"),
        (math.nan, "nan"),
        ("it's", '"it\'s"'),
        (10**5000, "int too long to show"),
        (_nested(100_000), "list too long to show"),
    ],
    ids=range(8),
)
def test_a_value_for_a_message(value: object, text: str) -> None:
    assert show(value) == text


def test_a_long_value_is_cut() -> None:
    assert show("x" * 1000) == "'" + "x" * 56 + "…"
    assert len(show(list(range(1000)))) <= 60
