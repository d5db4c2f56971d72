"""What can be varied in a set-up: settings of the training, of the weights at the start, of all layers or of one."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from nnviz.fields import (
    Bounds,
    Choice,
    Flag,
    Number,
    SpecError,
    Suggested,
    bounds_of,
    field,
    named,
    show,
    suggested_of,
    to_dict,
    validate,
)
from nnviz.spec.layers import LAYERS
from nnviz.spec.layers.dense import Dense
from nnviz.spec.network import NetworkSpec, unused_in, with_all, with_field
from nnviz.spec.train_config import TrainConfig, unused

Value = int | float | str | bool
"""Of one field."""

MAX_VALUES = 100
"""Of one axis."""

NOT_SWEPT = ("data", "device", "checkpoints", "seed")
"""Fields of TrainConfig that stay: seeds are repeated by `SweepSpec.seeds`."""

DEPTH = Number(
    "hidden dense layers", 0, 20, whole=True, help="How many there are; a deeper net repeats the last of them."
)


def bounds_of_name(name: str) -> Bounds:
    """The bounds of what an axis of this name varies, labelled for people: "learning rate", "units of dense1".

    Raises SpecError if there is no such field.
    """
    fields: dict[str, Bounds] = {n: b for n, b in bounds_of(TrainConfig).items() if n not in NOT_SWEPT}
    fields |= bounds_of(NetworkSpec)
    fields |= {n: b for n, b in bounds_of(Dense).items() if n in ("units", "activation")}
    fields["depth"] = DEPTH
    if name in fields:
        return fields[name]
    layer, dot, attribute = name.partition(".")
    kind = LAYERS.get(layer.rstrip("0123456789"))
    bounds = bounds_of(kind).get(attribute) if kind and dot else None
    if bounds is None:
        raise SpecError(f"a sweep can't vary {show(name)}")
    return replace(bounds, label=f"{bounds.label} of {layer}")


@dataclass(frozen=True)
class Axis:
    """One field and its values: those listed, else `count` from `low` to `high`. A choice without values takes all.

    Axes check what they can by themselves; a SweepSpec checks them against the bounds of the field.
    """

    name: str
    values: tuple[Value, ...] = ()
    low: float | None = None
    high: float | None = None
    count: int = field(8, Number("number of values", 2, MAX_VALUES, whole=True))
    log: bool = field(False, Flag("logarithmic"))

    def __post_init__(self) -> None:
        validate(self)
        if not isinstance(self.name, str):
            raise SpecError(f"the name of an axis must be text, not {show(self.name)}")
        bounds = bounds_of_name(self.name)
        if not isinstance(self.values, list | tuple):
            raise SpecError(f"the values of {bounds.label} must be a list, not {show(self.values)}")
        if len(self.values) > MAX_VALUES:
            raise SpecError(f"{bounds.label} can have at most {MAX_VALUES} values, not {len(self.values)}")
        values = tuple(dict.fromkeys(bounds.check(value) for value in self.values))
        low, high = (None if end is None else bounds.check(end) for end in (self.low, self.high))
        if isinstance(bounds, Number):
            if not values and (low is None or high is None):
                raise SpecError(f"{bounds.label} needs values, or a lowest and a highest one")
            if low is not None and high is not None:
                self._check_range(bounds.label, float(low), float(high))
        elif low is not None or high is not None:
            raise SpecError(f"{bounds.label} is chosen from a list and has no range")
        elif not values:
            values = tuple(bounds.options) if isinstance(bounds, Choice) else (False, True)
        for name, value in (("values", values), ("low", low), ("high", high)):
            object.__setattr__(self, name, value)

    def _check_range(self, label: str, low: float, high: float) -> None:
        if not low < high:
            raise SpecError(f"the range of {label} must go up, not from {show(low)} to {show(high)}")
        if self.log and low <= 0:
            raise SpecError(f"a logarithmic range of {label} must begin above 0, not at {show(low)}")

    @property
    def bounds(self) -> Bounds:
        return bounds_of_name(self.name)

    @property
    def label(self) -> str:
        return self.bounds.label

    @property
    def whole(self) -> bool:
        return isinstance(self.bounds, Number) and self.bounds.whole

    def range(self) -> tuple[float, float]:
        """Of an axis without listed values."""
        assert self.low is not None
        assert self.high is not None
        return self.low, self.high

    @property
    def size(self) -> float:
        """How many different values it can take at random; infinite for a range of real numbers."""
        if self.values:
            return len(self.values)
        low, high = self.range()
        return high - low + 1 if self.whole else math.inf

    def grid(self) -> tuple[Value, ...]:
        """The listed values, else `count` evenly spaced ones, rounded so that they read well; none of them twice."""
        if self.values:
            return self.values
        low, high = self.range()
        steps = [k / (self.count - 1) for k in range(self.count)]
        between = [low * (high / low) ** s if self.log else low + (high - low) * s for s in steps[1:-1]]
        if self.whole:
            return tuple(dict.fromkeys((int(low), *map(round, between), int(high))))
        even = [low, *between, high]
        short = [low, *(rounded(value, 3) for value in between), high]
        return tuple(short if all(a < b for a, b in itertools.pairwise(short)) else dict.fromkeys(even))

    def draw(self, source: random.Random) -> Value:
        """One of the listed values, else a value of the range, every one (or every ratio, if `log`) as likely."""
        if self.values:
            return source.choice(self.values)
        low, high = self.range()
        if self.whole and not self.log:
            return source.randint(int(low), int(high))
        rim = 0.5 if self.whole else 0.0  # so that the ends are as likely as what lies between
        low, high = low - rim, high + rim
        value = math.exp(source.uniform(math.log(low), math.log(high))) if self.log else source.uniform(low, high)
        return self.tidy(value)

    def tidy(self, value: float) -> float:
        """A value of the range with no more digits than one can read."""
        low, high = self.range()
        return min(max(round(value) if self.whole else rounded(value, 4), low), high)

    def to_dict(self) -> dict[str, Any]:
        ends = {"low": self.low, "high": self.high}
        return {"name": self.name, "values": list(self.values), **ends, **to_dict(self)}

    @staticmethod
    def from_dict(data: object) -> Axis:
        """The axis that untrusted `data` describes. Raises SpecError."""
        known = ("name", "values", "low", "high", "count", "log")
        return Axis(**named(data, known, ("name",), "an axis of a sweep"))


class Dimension(NamedTuple):
    """One thing that can be varied."""

    name: str
    label: str
    bounds: Bounds
    value: Value
    """At present."""
    axis: Axis
    """Where to look first. Its range and its listed values are two ways to say so: `ranged` leaves the range."""
    note: str = ""
    """Why it changes nothing at present, if so."""

    def ranged(self) -> Axis:
        """The axis without listed values, where there is a range: for random and adaptive sweeps."""
        return self.axis if self.axis.low is None else replace(self.axis, values=())


DEPTHS = Suggested((1, 2, 3, 4), 1, 4, 4)


def dimensions(network: NetworkSpec, config: TrainConfig) -> dict[str, Dimension]:
    """What can be varied in this set-up, by name, in the order in which a person looks for it."""
    found: dict[str, Dimension] = {}

    def add(name: str, value: Value, note: str = "") -> None:
        bounds = bounds_of_name(name)
        found[name] = Dimension(name, bounds.label, bounds, value, suggested_axis(name), note)

    for name in bounds_of(TrainConfig):
        if name not in NOT_SWEPT:
            add(name, getattr(config, name), unused(name, config))
    for name in bounds_of(NetworkSpec):
        add(name, getattr(network, name), unused_in(name, network))
    dense = [layer for layer in network.layers if isinstance(layer, Dense)]
    add("depth", len(dense))
    if dense:
        add("units", dense[0].units)
    if active := [str(layer.activation) for layer in network.layers if hasattr(layer, "activation")]:
        add("activation", active[0])
    for place, index in layer_places(network).items():
        layer = network.layers[index]
        for name, value in to_dict(layer).items():
            add(f"{place}.{name}", value)
    return found


def suggested_axis(name: str) -> Axis:
    """Where to look first: as the field says, else around its default, or all of a list."""
    layer, dot, attribute = name.partition(".")
    if name == "depth":
        return _axis(name, DEPTHS)
    if dot:
        cls: Any = LAYERS[layer.rstrip("0123456789")]
    else:
        attribute = name
        cls = next(one for one in (TrainConfig, NetworkSpec, Dense) if name in bounds_of(one))
    bounds = bounds_of(cls)[attribute]
    suggested = suggested_of(cls)[attribute]
    if suggested is None and isinstance(bounds, Number):
        suggested = _around(getattr(cls(), attribute), bounds)
    return Axis(name) if suggested is None else _axis(name, suggested)


def _axis(name: str, look: Suggested) -> Axis:
    return Axis(name, look.values, look.low, look.high, look.count, look.log)


def _around(default: float, bounds: Number) -> Suggested:
    """From a tenth of the default to ten times it, or from half to double, as far as the bounds allow."""
    times = 10 if bounds.log else 2
    low, high = max(bounds.low, default / times), min(bounds.high, default * times or bounds.high)
    if bounds.whole:
        low, high = math.floor(low), math.ceil(high)
    if not low < high:
        low, high = bounds.low, bounds.high
    return Suggested(low=low, high=high, count=5, log=bounds.log and low > 0)


def layer_places(network: NetworkSpec) -> dict[str, int]:
    """Name of each hidden layer, as in its plan → index."""
    counts: dict[str, int] = {}
    places = {}
    for index, layer in enumerate(network.layers):
        counts[layer.kind] = counts.get(layer.kind, 0) + 1
        places[f"{layer.kind}{counts[layer.kind]}"] = index
    return places


def first_dense(network: NetworkSpec) -> int:
    """Index of the first dense layer; behind the last layer if there is none."""
    return next((i for i, layer in enumerate(network.layers) if isinstance(layer, Dense)), len(network.layers))


def with_depth(network: NetworkSpec, depth: int) -> NetworkSpec:
    """The network with `depth` hidden dense layers. What stands behind one (dropout, normalisation) goes with it.

    A deeper network repeats the last of them; one that had none gets layers of the default size.
    """
    start = first_dense(network)
    starts = [i for i in range(start, len(network.layers)) if isinstance(network.layers[i], Dense)]
    blocks = [network.layers[a:b] for a, b in itertools.pairwise([*starts, len(network.layers)])] or [(Dense(),)]
    blocks = (blocks + [blocks[-1]] * depth)[:depth]
    return network.with_(layers=(*network.layers[:start], *itertools.chain.from_iterable(blocks)))


def _with_one(network: NetworkSpec, name: str, value: Value) -> NetworkSpec:
    """With one field of one layer set: `dense1.units`."""
    place, _, attribute = name.partition(".")
    layers = list(network.layers)
    index = layer_places(network)[place]
    layers[index] = with_field(layers[index], attribute, value)
    return network.with_(layers=tuple(layers))


def with_values(
    network: NetworkSpec, config: TrainConfig, values: Mapping[str, Value]
) -> tuple[NetworkSpec, TrainConfig]:
    """The set-up with the named fields set. Raises SpecError."""
    # The depth first: units and activation hold for the layers that it adds, too.
    for name in sorted(values, key=lambda name: (name != "depth", "." in name)):
        value = bounds_of_name(name).check(values[name])
        if name == "depth":
            network = with_depth(network, int(value))
        elif name in ("units", "activation"):
            network = with_all(network, name, value)
        elif "." in name:
            network = _with_one(network, name, value)
        elif name in bounds_of(NetworkSpec):
            network = network.with_(**{name: value})
        else:
            config = config.with_(**{name: value})
    return network, config


def point_label(values: Mapping[str, Value]) -> str:
    """A point in words: "learning rate 0.1, momentum 0.9"."""
    return ", ".join(f"{bounds_of_name(name).label} {value_text(name, value)}" for name, value in values.items())


def value_text(name: str, value: Value) -> str:
    """One value as people read it: "0.001", "Leaky ReLU", "on"."""
    bounds = bounds_of_name(name)
    if isinstance(bounds, Choice):
        return bounds.options.get(str(value), str(value))
    if isinstance(bounds, Flag):
        return "on" if value else "off"
    return number_text(float(value))


def number_text(value: float) -> str:
    """Up to six digits: "0.0003", "1e-5", "10,000"."""
    if value % 1 == 0:
        return f"{value:,.0f}"
    digits, e, exponent = f"{value:.6g}".partition("e")
    return f"{digits}e{int(exponent)}" if e else digits


def rounded(value: float, digits: int) -> float:
    """To so many significant digits."""
    return float(f"{value:.{digits}g}")
