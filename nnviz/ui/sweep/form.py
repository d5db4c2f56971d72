"""The form of a sweep: what of the session's set-up is varied, how its values are chosen, and how much is spent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from nnviz.config import TrainConfig
from nnviz.datasets import DATASETS
from nnviz.dimensions import Axis, Dimension, Value, dimensions, value_text
from nnviz.fields import Number, SpecError, bounds_of
from nnviz.packing import best_size, why_not
from nnviz.runs import describe as describe_setup
from nnviz.sweep import MAX_AXES, METHODS, SweepSpec, check, describe
from nnviz.ui import state
from nnviz.ui.text import plain, sentence

_KEPT = "sweep_form"
"""Plain session key: widgets forget when their page is left."""

_BOUNDS = bounds_of(SweepSpec)

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
        "Six fields, guided",
        {
            "sweep-fields": ["lr", "momentum", "batch_size", "units", "activation", "init"], "sweep-method": "tpe",
            "sweep-points": 48, "sweep-epochs": 2, "sweep-per-class": 1000,
        },
    ),
}  # fmt: skip
"""Name → (title, what it sets). Fields that a set-up lacks are left out."""

METHOD_WORDS = {
    "grid": "Every combination of the values: a whole map.",
    "random": "Values drawn between the ends: with many fields it finds more than a grid of as many points.",
    "tpe": "The next values are drawn where the results so far are good (Optuna's TPE).",
}


def show(ready: bool, on_start: Callable[[SweepSpec], None]) -> None:
    """Draw the form; pressing its button calls `on_start`. `ready`: there are images to train on."""
    setup = state.setup()
    found = dimensions(setup.network, setup.config)
    st.markdown(f"##### Next sweep\n{describe_setup(setup.network, setup.config)}")
    st.page_link("pages/1_Build.py", label="Change the network", icon=":material/edit:")
    start = st.container(key="sweep-summary")
    with st.container(horizontal=True, key="sweep-presets"):
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
        axes, problems = _axes([found[name] for name in fields], method)
    _amounts(method)
    with st.expander("Seeds, data, time", key="sweep-more"):
        _more(setup.config)
    spec = None
    if not problems:
        try:
            spec = _spec(axes, method)
            check(spec)
        except SpecError as error:
            problems = [str(error)]
            spec = None
    with start:  # on top, where it is seen: what is set below changes it
        st.button(
            "Start the sweep", key="sweep-start", type="primary", icon=":material/grid_on:", on_click=on_start,
            disabled=not ready or spec is None, args=(spec,),
        )  # fmt: skip
        for problem in problems:
            st.warning(plain(sentence(problem)), icon=":material/block:")
        if spec:
            st.caption(plain(in_words(spec)))


def in_words(spec: SweepSpec) -> str:
    """What will be trained, and how."""
    epochs = spec.config.epochs
    trainings = f"{spec.points:,} points"
    if spec.seeds > 1:
        trainings += f" × {spec.seeds} seeds = {spec.runs:,} trainings"
    data = DATASETS[spec.config.data]
    images = min(spec.config.per_class * len(data.classes) or data.train_size, data.train_size)
    words = f"{describe(spec)}: {trainings} of {epochs} epoch{'s' * (epochs > 1)} on {images:,} images."
    if reason := why_not(spec.network, spec.config):
        return f"{words} One process for each: {reason}."
    size = best_size(spec.network, spec.config, spec.runs, 1)
    return f"{words} Nets of one shape train together, up to {size} of this size at once on each core."


# ---------------------------------------------------------------------- the parts


def _fields(found: dict[str, Dimension]) -> list[str]:
    chosen = [name for name in _kept("sweep-fields", ["lr", "momentum"]) if name in found]
    labels = {name: one.label[0].upper() + one.label[1:] for name, one in found.items()}
    st.session_state["sweep-fields"] = chosen
    fields: list[str] = st.multiselect(
        "What to vary", list(found), key="sweep-fields", format_func=labels.__getitem__, max_selections=MAX_AXES,
        on_change=_keep, args=("sweep-fields",), placeholder="Choose one to six fields",
    )  # fmt: skip
    for name in fields:
        if note := found[name].note:
            st.caption(f"{labels[name]}: {note}.")
    return fields


def _method() -> str:
    st.session_state["sweep-method"] = _kept("sweep-method", "grid")
    method: str = st.selectbox(
        "How values are chosen", list(METHODS), key="sweep-method", format_func=METHODS.__getitem__,
        on_change=_keep, args=("sweep-method",),
    )  # fmt: skip
    st.caption(METHOD_WORDS[method])
    return method


def _axes(chosen: Sequence[Dimension], method: str) -> tuple[list[Axis], list[str]]:
    axes, problems = [], []
    if not chosen:
        problems.append("choose at least one field to vary")
    for one in chosen:
        try:
            if not isinstance(one.bounds, Number):
                axes.append(_choice(one))
            elif method == "grid":
                axes.append(_listed(one))
            else:
                axes.append(_ranged(one))
        except SpecError as error:
            problems.append(str(error))
    return axes, problems


def _choice(one: Dimension) -> Axis:
    key = f"sweep-{one.name}-values"
    options = list(getattr(one.bounds, "options", None) or (False, True))
    values = [value for value in _kept(key, list(one.axis.values)) if value in options]
    st.session_state[key] = values
    picked: list[Value] = st.multiselect(
        one.label[0].upper() + one.label[1:], options, key=key, format_func=lambda v: value_text(one.name, v),
        on_change=_keep, args=(key,),
    )  # fmt: skip
    if not picked:
        raise SpecError(f"{one.label} needs at least one value")
    return Axis(one.name, tuple(picked))


def _listed(one: Dimension) -> Axis:
    """Numbers as text, so that any can be had: "0.001, 0.01, 0.1"."""
    key = f"sweep-{one.name}-values"
    default = ", ".join(value_text(one.name, value) for value in one.axis.grid())
    st.session_state[key] = _kept(key, default)
    text: str = st.text_input(
        f"{one.label[0].upper()}{one.label[1:]}: values", key=key, on_change=_keep, args=(key,), max_chars=600,
        help=f"From {one.bounds.low:g} to {one.bounds.high:g}, with commas between them."
        if isinstance(one.bounds, Number) else None,
    )  # fmt: skip
    words = [word for word in text.replace(";", ",").replace("−", "-").split(",") if word.strip()]
    return Axis(one.name, tuple(word.strip() for word in words))


def _ranged(one: Dimension) -> Axis:
    ranged = one.ranged()
    low, high = ranged.range() if ranged.low is not None else (min(_numbers(ranged)), max(_numbers(ranged)))
    ends: list[Any] = []
    columns = st.columns([1, 1], vertical_alignment="bottom")
    for column, part, default in zip(columns, ("low", "high"), (low, high), strict=True):
        key = f"sweep-{one.name}-{part}"
        st.session_state[key] = _kept(key, f"{default:g}")
        with column:
            ends.append(st.text_input(f"{one.label[0].upper()}{one.label[1:]}: {'from' if part == 'low' else 'to'}",
                                      key=key, on_change=_keep, args=(key,), max_chars=20))  # fmt: skip
    axis = replace(ranged, values=(), low=ends[0].strip(), high=ends[1].strip(), log=False)
    # By ratios where that fits the field and the range allows it.
    return replace(axis, log=True) if ranged.log and float(axis.low or 0) > 0 else axis


def _numbers(axis: Axis) -> list[float]:
    return [float(value) for value in axis.grid()]


def _amounts(method: str) -> None:
    with st.container(horizontal=True, key="sweep-amounts"):
        if method != "grid":
            _number("Points", "sweep-points", 32, 1, 1000, "How many combinations are tried.")
        _number("Epochs", "sweep-epochs", 2, 1, 1000, "Of each training.")


def _more(config: TrainConfig) -> None:
    _number("Seeds per point", "sweep-seeds", 1, 1, 20, str(_BOUNDS["seeds"].help))
    _number(
        "Examples per class", "sweep-per-class", config.per_class, 0, 7000, "0 takes all; fewer make a quick try.", 100
    )
    _number("Minutes at most", "sweep-minutes", 0, 0, 10_080, "0 for as long as it takes.")
    st.session_state["sweep-prune"] = _kept("sweep-prune", False)
    st.toggle("Give up early", key="sweep-prune", on_change=_keep, args=("sweep-prune",), help=_BOUNDS["prune"].help)


def _number(label: str, key: str, default: int, low: int, high: int, words: str, step: int = 1) -> None:
    st.session_state[key] = _kept(key, default)
    st.number_input(
        label, low, high, key=key, step=step, help=words, on_change=_keep, args=(key,), width="stretch"
    )  # fmt: skip


def _spec(axes: Sequence[Axis], method: str) -> SweepSpec:
    """Raises SpecError."""
    setup = state.setup()
    get: Any = st.session_state.get
    config = setup.config.with_(epochs=get("sweep-epochs"), per_class=get("sweep-per-class"))
    return SweepSpec(
        setup.network, config, tuple(axes), method, points=get("sweep-points", 32), seeds=get("sweep-seeds"),
        minutes=float(get("sweep-minutes")), prune=get("sweep-prune"),
    )  # fmt: skip


def _kept(key: str, default: Any) -> Any:
    return st.session_state.setdefault(_KEPT, {}).get(key, default)


def _keep(key: str) -> None:
    st.session_state.setdefault(_KEPT, {})[key] = st.session_state[key]


def _preset(values: dict[str, Any], known: tuple[str, ...]) -> None:
    """Set what the preset says, and forget the values that were set for fields."""
    fields = [name for name in values["sweep-fields"] if name in known]
    st.session_state[_KEPT] = {**values, "sweep-fields": fields}
