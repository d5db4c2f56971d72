"""The form of a sweep: what of the session's set-up is varied, how its values are chosen, and how much is spent."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from itertools import product
from typing import Any

import streamlit as st

from nnviz.data.datasets import DATASETS
from nnviz.fields import Number, SpecError, bounds_of
from nnviz.spec.train_config import TrainConfig
from nnviz.store.run import describe as describe_setup
from nnviz.sweep.driver import ADAPTIVE_AT_ONCE
from nnviz.sweep.space import Axis, Dimension, Value, dimensions, number_text, value_text
from nnviz.sweep.spec import MAX_AXES, METHODS, PATIENCE, SweepSpec, check, describe
from nnviz.train.ensemble import OWN, ensemble_count, why_not
from nnviz.ui import state
from nnviz.ui.format import plain, sentence
from nnviz.ui.forms import number_field, refused, typed
from nnviz.ui.state import Kept

_KEPT = Kept.SWEEP_FORM
"""Plain session key of what a person entered, and only that: the rest follows the set-up as it changes."""

_BOUNDS = bounds_of(SweepSpec) | {name: bounds_of(TrainConfig)[name] for name in ("epochs", "per_class")}

_FIELDS, _METHOD = ["lr", "momentum"], "grid"
_NUMBERS = {"points": 32, "epochs": 2, "seeds": 1, "minutes": 0}
"""What the form begins with; the examples per class are those of the set-up."""

_BUDGET = ("sweep-seeds", "sweep-minutes", "sweep-prune")
"""What a preset leaves as it is."""

_ALIKE = (*OWN, "init", "init_std")
"""Fields in which nets may differ and still be of one ensemble."""

PRESETS: dict[str, tuple[str, dict[str, Any]]] = {
    "map": (
        "Learning rate × momentum",
        {"sweep-fields": ["lr", "momentum"], "sweep-method": "grid", "sweep-epochs": 2, "sweep-per-class": 0},
    ),
    "shape": (
        "How large, which activation?",
        {"sweep-fields": ["units", "activation"], "sweep-method": "grid", "sweep-epochs": 2, "sweep-per-class": 1000},
    ),
    "guided": (
        "Six hyperparameters, adaptive search",
        {
            "sweep-fields": ["lr", "momentum", "batch_size", "units", "activation", "init"],
            "sweep-method": "tpe",
            "sweep-points": 48,
            "sweep-epochs": 2,
            "sweep-per-class": 1000,
        },
    ),
}
"""Name → (title, what it sets). Fields that a set-up lacks are left out."""

METHOD_WORDS = {
    "grid": "Every combination of the values: a whole map.",
    "random": "Values drawn between the ends: with many hyperparameters it finds more than a grid of as many trials.",
    "tpe": "The next values are drawn where the results so far are good (Optuna's TPE).",
}


def show(ready: bool, on_start: Callable[[SweepSpec], None]) -> None:
    """Draw the form; pressing its button calls `on_start`. `ready`: there are images to train on."""
    setup = state.setup()
    found = dimensions(setup.network, setup.config)
    st.markdown(f"## Next sweep\n{describe_setup(setup.network, setup.config)}")
    st.page_link(
        "pages/1_Build.py", label="Change the network", icon=":material/edit:", query_params=state.own_address("Build")
    )
    start = st.container(key="sweep-summary")
    with st.container(horizontal=True, gap="xxsmall", key="sweep-presets"):
        for name, (title, values) in PRESETS.items():
            st.button(
                title,
                key=f"sweep-preset-{name}",
                on_click=_preset,
                args=(values, tuple(found)),
                type="tertiary",
                icon=":material/bolt:",
            )
    fields = _fields(found)
    method = _method()
    with st.container(key="sweep-axes"):
        for name in fields:
            _values_of(found[name], method)
    _amounts(method, fields)
    with st.expander("Seeds, data, time", key="sweep-more"):
        _more(setup.config, fields)
    spec, problems = described()
    with start:  # on top, where it is seen: what is set below changes it
        st.button(
            "Start the sweep",
            key="sweep-start",
            type="primary",
            icon=":material/grid_on:",
            on_click=_press,
            disabled=not ready or spec is None,
            args=(on_start,),
        )
        for problem in problems:
            st.warning(plain(sentence(problem)), icon=":material/block:")
        if spec:
            st.caption(plain(_upper(in_words(spec))))


def described() -> tuple[SweepSpec | None, list[str]]:
    """The sweep that is entered now; none, and why, if it can't be."""
    setup = state.setup()
    found = dimensions(setup.network, setup.config)
    method = _entered("sweep-method", _METHOD)
    axes, problems = [], []
    for name in _entered("sweep-fields", _FIELDS):
        if name in found:
            try:
                axes.append(_axis(found[name], method))
            except SpecError as error:
                problems.append(str(error))
    varied = {axis.name for axis in axes}
    for name in ("points", "epochs", "seeds", "per_class", "minutes"):
        if name not in varied and (name != "points" or method != "grid") and (wrong := refused(_key(name))):
            problems.append(wrong)
    if not axes and not problems:
        problems.append("choose at least one field to vary")
    if problems:
        return None, problems
    try:
        spec = _spec(setup, tuple(axes), method)
        check(spec)
    except SpecError as error:
        return None, [str(error)]
    return spec, []


def _press(on_start: Callable[[SweepSpec], None]) -> None:
    """Start what is entered now, which may be newer than the button: a last edit often comes with the click."""
    spec, problems = described()
    if spec:
        on_start(spec)
    else:
        state.report(sentence(problems[0]))


def in_words(spec: SweepSpec) -> str:
    """What will be trained, and how."""
    trainings = _counted(spec.points, "trial")
    if spec.seeds > 1:
        trainings += f" × {spec.seeds} seeds = {_counted(spec.runs, 'training')}"
    epochs = _values(spec, "epochs")
    images = sorted(_images(spec.config.data, each) for each in _values(spec, "per_class"))
    return (
        f"{describe(spec)}: {trainings} of {_from_to(min(epochs), max(epochs))} epoch{'s' * (max(epochs) > 1)}"
        f" on {_from_to(images[0], images[-1])} images. {_together(spec)}"
    )


@lru_cache(maxsize=32)
def _together(spec: SweepSpec) -> str:
    """Which of the nets train as one stacked batch. Those of one ensemble differ only in fields that are `_ALIKE`."""
    shaping = [axis for axis in spec.axes if axis.name not in _ALIKE]
    free = [axis for axis in spec.axes if axis.name in _ALIKE]
    # Of drawn points it is not known yet which shapes there will be; the optimizer alone decides for all shapes.
    listed = shaping if spec.method == "grid" else [axis for axis in shaping if axis.name == "optimizer"]
    setups = [
        spec.setup({axis.name: value for axis, value in zip(listed, values, strict=True)})
        for values in product(*(axis.grid() for axis in listed))
    ]
    fit = [setup for setup in setups if not why_not(*setup)]
    if not fit:
        return f"One process for each: {why_not(*setups[0])}."
    # No point is there twice: nets that are alike otherwise differ in the fields in which an ensemble lets them.
    count = min(spec.points, math.prod(len(_listed(axis, spec)) or spec.points for axis in free))
    if spec.method == "tpe":
        count = min(count, ADAPTIVE_AT_ONCE)
    if count == 1:
        return (
            "One process for each: only nets that agree in all but learning rate, momentum, weight decay and initial"
            " weights train as one stacked batch."
        )
    size = 1
    for network, config in fit:
        size = max(size, math.ceil(count / ensemble_count(network, config, count, 1)))
    if size == 1:
        return "One process for each: two nets of this size at once would gain nothing."
    which = "Nets" if not shaping else "Those alike in " + " and ".join(axis.label for axis in shaping[:2])
    which += ", and so on," if len(shaping) > 2 else ""
    return f"{which} train together on each core, up to {size} at once as one stacked batch."


def _listed(axis: Axis, spec: SweepSpec) -> tuple[Value, ...]:
    """All its values; none where they are drawn from a range."""
    return axis.grid() if spec.method == "grid" else axis.values


def _values(spec: SweepSpec, name: str) -> list[int]:
    """Those of a field of the configuration: its listed ones or its ends where it is varied, else the one it has."""
    for axis in spec.axes:
        if axis.name == name:
            return [int(value) for value in axis.values or axis.range()]
    return [getattr(spec.config, name)]


def _images(data: str, per_class: int) -> int:
    dataset = DATASETS[data]
    return min(per_class * len(dataset.classes) or dataset.train_size, dataset.train_size)


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'s' * (count != 1)}"


def _from_to(low: int, high: int) -> str:
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


# ---------------------------------------------------------------------- the parts


def _fields(found: dict[str, Dimension]) -> list[str]:
    labels = {name: _upper(one.label) for name, one in found.items()}
    st.session_state["sweep-fields"] = [name for name in _kept("sweep-fields", _FIELDS) if name in found]
    fields: list[str] = st.multiselect(
        "What to vary",
        list(found),
        key="sweep-fields",
        format_func=labels.__getitem__,
        max_selections=MAX_AXES,
        on_change=_keep,
        args=("sweep-fields",),
        placeholder="Choose one to six hyperparameters",
    )
    for name in fields:
        if note := found[name].note:
            st.caption(f"{labels[name]}: {note}.")
    return fields


def _method() -> str:
    st.session_state["sweep-method"] = _kept("sweep-method", _METHOD)
    method: str = st.selectbox(
        "How values are chosen",
        list(METHODS),
        key="sweep-method",
        format_func=METHODS.__getitem__,
        on_change=_keep,
        args=("sweep-method",),
    )
    st.caption(METHOD_WORDS[method])
    return method


def _values_of(one: Dimension, method: str) -> None:
    """The widgets for the values of one field; `_axis` reads them."""
    if not isinstance(one.bounds, Number):
        key = f"sweep-{one.name}-values"
        st.session_state[key] = _kept(key, list(one.axis.values))
        st.multiselect(
            _upper(one.label),
            _options(one),
            key=key,
            format_func=lambda value: value_text(one.name, value),
            on_change=_keep,
            args=(key,),
        )
    elif method == "grid":
        _list_input(one, one.bounds)
    else:
        with st.container(horizontal=True, vertical_alignment="bottom"):  # side by side on phones, too
            for part in ("low", "high"):
                _end_input(one, one.bounds, part)


def _end_input(one: Dimension, bounds: Number, part: str) -> None:
    key = f"sweep-{one.name}-{part}"
    st.session_state[key] = _kept(key, _first_end(one, part))
    words = f"From {bounds.low:g} to {bounds.high:g}."
    if one.axis.log:
        words += " If it begins above 0, as many values are drawn between 1 and 10 as between 10 and 100."
    st.text_input(
        f"{_upper(one.label)}: {'from' if part == 'low' else 'to'}",
        key=key,
        on_change=_keep,
        args=(key,),
        max_chars=20,
        help=words,
    )


def _list_input(one: Dimension, bounds: Number) -> None:
    """Numbers as text, so that any can be had: "0.001, 0.01, 0.1"."""
    key = f"sweep-{one.name}-values"
    st.session_state[key] = _kept(key, _first_list(one))
    text: str = st.text_input(
        f"{_upper(one.label)}: values",
        key=key,
        on_change=_keep,
        args=(key,),
        max_chars=600,
        help=f"From {bounds.low:g} to {bounds.high:g}, with commas between them.",
    )
    words = _split(text, bounds.whole)
    try:
        read = [_digits(float(value)) for value in Axis(one.name, tuple(words)).values]
    except SpecError:
        return  # it is said beside the button
    if read != [word for word in re.split(r"[,;\s]+", text) if word]:
        st.caption(plain(f"Read as {', '.join(read)}."))


def _axis(one: Dimension, method: str) -> Axis:
    """Raises SpecError."""
    key = f"sweep-{one.name}"
    if not isinstance(one.bounds, Number):
        options = _options(one)
        picked = [value for value in _entered(f"{key}-values", list(one.axis.values)) if value in options]
        if not picked:
            raise SpecError(f"{one.label} needs at least one value")
        return Axis(one.name, tuple(picked))
    if method == "grid":
        words = _split(_entered(f"{key}-values", _first_list(one)), one.bounds.whole)
        if not words:
            raise SpecError(f"{one.label} needs at least one value")
        return Axis(one.name, tuple(words))
    low, high = (_entered(f"{key}-{part}", _first_end(one, part)).strip() for part in ("low", "high"))
    axis = Axis(one.name, low=_number_of(low), high=_number_of(high))
    # By ratios where that fits the field and the range allows it.
    return replace(axis, log=True) if one.axis.log and axis.range()[0] > 0 else axis


def _options(one: Dimension) -> list[Value]:
    return list(getattr(one.bounds, "options", None) or (False, True))


def _first_list(one: Dimension) -> str:
    return ", ".join(_digits(float(value)) for value in one.axis.grid())


def _first_end(one: Dimension, part: str) -> str:
    ends = one.axis.range() if one.axis.low is not None else [float(value) for value in one.axis.grid()]
    return _digits(min(ends) if part == "low" else max(ends))


def _digits(value: float) -> str:
    """As `number_text`, without the commas in large ones: here they stand between values."""
    return number_text(value).replace(",", "")


def _split(text: str, whole: bool) -> list[str]:
    """ "0.1, 0.01" and "0.1,0.01", or "0,1; 0,01" and "0,1 0,01" as it is written where the comma is the decimal sign;
    that it can't be among `whole` numbers.
    """
    words: list[str] = []
    for part in re.split(r"[;\s]+", text.replace("−", "-")):
        part = part.strip(",")
        decimal = part.count(",") == 1 and "." not in part and not whole
        words += [part.replace(",", ".")] if decimal else part.split(",")
    return [word for word in words if word]


def _number_of(text: str) -> Any:
    """What an axis makes a number of, or complains about."""
    return text.replace("−", "-").replace(",", ".")


def _amounts(method: str, fields: list[str]) -> None:
    with st.container(horizontal=True, key="sweep-amounts"):
        if method != "grid":
            _number("Trials", "points", "How many combinations are tried.")
        _number("Epochs", "epochs", "Of each training.", varied="epochs" in fields)


def _more(config: TrainConfig, fields: list[str]) -> None:
    _number("Seeds per point", "seeds", _BOUNDS["seeds"].help)
    words = "0 takes all; fewer make a quick try."
    _number("Examples per class", "per_class", words, config.per_class, varied="per_class" in fields)
    _number("Minutes at most", "minutes", _BOUNDS["minutes"].help)
    st.session_state["sweep-prune"] = _kept("sweep-prune", False)
    words = f"{_BOUNDS['prune'].help} It begins when {PATIENCE} trials are complete, and needs two epochs or more."
    st.toggle(
        "Prune",
        key="sweep-prune",
        on_change=_keep,
        args=("sweep-prune",),
        help=words,
        disabled=not _has_a_middle(fields),
    )


def _has_a_middle(fields: list[str]) -> bool:
    """Whether a training can end before its end."""
    return "epochs" in fields or _amount("epochs") > 1


def _number(label: str, name: str, words: str, default: int | None = None, varied: bool = False) -> None:
    key = _key(name)
    number_field(
        label,
        _kept(key, _NUMBERS[name] if default is None else default),
        _bounds(name),
        key,
        lambda number: _keep_as(key, number),
        disabled=varied,
        help="This is varied: see its values." if varied else words,
    )


def _key(name: str) -> str:
    return f"sweep-{name.replace('_', '-')}"


def _bounds(name: str) -> Number:
    bounds = _BOUNDS[name]
    assert isinstance(bounds, Number)
    return bounds


def _amount(name: str, default: int | None = None) -> Any:
    """What is entered at this moment."""
    key = _key(name)
    return typed(key, _bounds(name), _kept(key, _NUMBERS[name] if default is None else default))


def _spec(setup: state.Setup, axes: tuple[Axis, ...], method: str) -> SweepSpec:
    """Raises SpecError."""
    config = setup.config.with_(epochs=_amount("epochs"), per_class=_amount("per_class", setup.config.per_class))
    return SweepSpec(
        setup.network,
        config,
        axes,
        method,
        points=_amount("points"),
        seeds=_amount("seeds"),
        minutes=_amount("minutes"),
        prune=_entered("sweep-prune", False) and _has_a_middle([axis.name for axis in axes]),
    )


# ---------------------------------------------------------------------- what lasts


def _entered(key: str, default: Any) -> Any:
    """What a widget holds at this moment, also in a callback; where it is not shown, what it held last."""
    return st.session_state.get(key, _kept(key, default))


def _kept(key: str, default: Any) -> Any:
    return st.session_state.setdefault(_KEPT, {}).get(key, default)


def _keep(key: str) -> None:
    _keep_as(key, st.session_state[key])


def _keep_as(key: str, value: Any) -> None:
    st.session_state.setdefault(_KEPT, {})[key] = value


def _preset(values: dict[str, Any], known: tuple[str, ...]) -> None:
    """Set what the preset says, and forget the values that were set for fields."""
    fields = [name for name in values["sweep-fields"] if name in known]
    budget = {key: value for key, value in st.session_state.get(_KEPT, {}).items() if key in _BUDGET}
    st.session_state[_KEPT] = {**budget, **values, "sweep-fields": fields}


def _upper(label: str) -> str:
    return label[0].upper() + label[1:]
