"""The sum of one neuron as it is written down: rounded so that whoever adds it up on paper comes to the same digits."""

from __future__ import annotations

import math
from decimal import Decimal, localcontext
from typing import NamedTuple

import torch

from nnviz.analysis.activations import Arithmetic
from nnviz.spec.activations import ACTIVATIONS

DIGITS = 6
"""Of the largest number of the sum; the others have as many decimals as that one."""

FACTOR_DIGITS = 7
"""Of inputs and weights: what a 32-bit number holds."""

MOST_DECIMALS = 12

MOST_BEFORE_POINT = 15
"""Digits; sums that have more, those of a net that diverges, are written with a power of ten and DIGITS of them."""

PRECISION = 100
"""Digits of the arithmetic: a 32-bit number has up to 39 before the point."""


class WrittenTerm(NamedTuple):
    source: int
    value: str
    weight: str
    product: str
    """The product of the two as they are written, rounded."""


class WrittenSum(NamedTuple):
    """Products, rest, rounding and bias, as written, add up to the total, as written, to the last digit."""

    terms: tuple[WrittenTerm, ...]
    rest: str
    """Sum of the products that are not told one by one; empty if there are none."""
    rounding: str
    """What rounding the products has cost; empty where it is nothing, or part of the rest."""
    bias: str
    total: str
    output: str
    """The activation function of the total as written."""


def write_sum(told: Arithmetic) -> WrittenSum:
    """Raises ValueError if a number is not finite."""
    with localcontext(prec=PRECISION):
        return _written(told)


def _written(told: Arithmetic) -> WrittenSum:
    numbers = [told.rest, told.bias, told.total, *(term.product for term in told.terms)]
    if not all(math.isfinite(number) for number in numbers):
        raise ValueError("there are values that are not finite")
    largest = max(abs(number) for number in numbers)
    before_point = 1 + math.floor(math.log10(largest)) if largest else 1
    decimals = min(max(DIGITS - before_point, 0), MOST_DECIMALS)
    step = Decimal(1).scaleb(before_point - DIGITS if before_point > MOST_BEFORE_POINT else -decimals)
    terms = []
    left = total = _rounded(Decimal(told.total), step)
    for term in told.terms:
        value, weight = f"{term.value:.{FACTOR_DIGITS}g}", f"{term.weight:.{FACTOR_DIGITS}g}"
        product = _rounded(Decimal(value) * Decimal(weight), step)
        left -= product
        terms.append(WrittenTerm(term.source, value, weight, _text(product)))
    bias = _rounded(Decimal(told.bias), step)
    left -= bias
    output = _activated(total, told.activation)
    return WrittenSum(
        tuple(terms),
        _text(left) if told.others else "",
        "" if told.others or not left else _text(left),
        _text(bias),
        _text(total),
        _text(_rounded(output, step if abs(output) >= step else min(step, Decimal(1).scaleb(1 - DIGITS)))),
    )


def _rounded(number: Decimal, step: Decimal) -> Decimal:
    rounded = number.quantize(step)
    return rounded if rounded else rounded.copy_abs()  # no −0


def _text(number: Decimal) -> str:
    """With its sign; as +1.23E+30 where it is so large."""
    if not number:
        return f"{number.copy_abs().normalize() if number.adjusted() > 0 else number:+f}"
    return f"{number:+f}" if number.adjusted() < MOST_BEFORE_POINT else f"{number:+}"


def _activated(total: Decimal, activation: str) -> Decimal:
    call = ACTIVATIONS[activation].call
    if call is None:
        return total
    return Decimal(call.build()(torch.tensor(float(total), dtype=torch.float64)).item())
