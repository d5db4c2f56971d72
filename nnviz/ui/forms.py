"""Widgets made from the bounds of a field: what is legal is declared once, in the specs.

They are controlled: what they show is the value they are given, and an edit goes to a callback, so that a link, a
preset or a button can change the same value.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import streamlit as st

from nnviz.fields import Choice, Flag, Number, SpecError, bounds_of
from nnviz.spec.train_config import TrainConfig
from nnviz.ui.format import plain, sentence

Changed = Callable[[str, Any], None]
"""Called with the field's name and the value entered."""

_REFUSED = "refused"


class Refused(NamedTuple):
    """What was typed into a field and is none of its numbers: it stays there to be mended, and the value as it was."""

    text: str
    value: float
    bounds: Number
    problem: str


def field_input(config: TrainConfig, name: str, key: str, changed: Changed, disabled: bool = False) -> None:
    """The widget for one field of `config`."""
    bounds, value = bounds_of(TrainConfig)[name], getattr(config, name)
    label = bounds.label[0].upper() + bounds.label[1:]
    if isinstance(bounds, Number):
        number_field(
            label, value, bounds, key, lambda number: changed(name, number), help=bounds.help, disabled=disabled
        )
        return
    _show(key, value)
    shown: dict[str, Any] = {
        "label": label,
        "help": bounds.help or None,
        "key": key,
        "disabled": disabled,
        "on_change": lambda: changed(name, st.session_state[key]),
    }
    if isinstance(bounds, Choice):
        st.selectbox(options=list(bounds.options), format_func=bounds.options.__getitem__, **shown)
    elif isinstance(bounds, Flag):
        st.toggle(**shown)


def number_field(
    label: str,
    value: float,
    bounds: Number,
    key: str,
    changed: Callable[[int | float], None],
    *,
    help: str = "",
    disabled: bool = False,
    width: int | None = None,
    steps: bool = False,
) -> None:
    """A field for a number, typed as people write it: 0.05, 0,05 or 5e-2. What is none of `bounds` is left standing,
    with the rule below; `changed` is not called, and `refused` tells. With `steps`, buttons go one on.

    Not st.number_input, which takes 0,05 for 5 and 1.024 for 1, without a word.
    """
    refused: dict[str, Refused] = st.session_state.setdefault(_REFUSED, {})
    if (wrong := refused.get(key)) and (wrong.value, wrong.bounds) != (value, bounds):  # set from elsewhere meanwhile
        wrong = None
        del refused[key]
    _show(key, wrong.text if wrong else number_text(value))

    def take() -> None:
        text = st.session_state[key]
        try:
            number = bounds.check(text)
        except SpecError as error:
            refused[key] = Refused(text, value, bounds, str(error))
        else:
            refused.pop(key, None)
            changed(number)

    def step(by: int) -> None:
        refused.pop(key, None)
        changed(bounds.check(min(max(typed(key, bounds, value) + by, bounds.low), bounds.high)))

    with st.container(width="stretch" if width is None else width, gap="xxsmall"):
        with st.container(horizontal=True, vertical_alignment="bottom", gap="xxsmall", wrap=False):
            st.text_input(label, key=key, on_change=take, max_chars=40, help=help or None, disabled=disabled)
            if steps:
                for by, name, sign, end in ((-1, "less", "−", bounds.low), (1, "more", r"\+", bounds.high)):
                    st.button(sign, key=f"{key}-{name}", on_click=step, args=(by,), disabled=disabled or value == end)
        if wrong:
            with st.container(key=f"{key}-refused"):
                st.markdown(f":small[:red[{plain(sentence(wrong.problem))}]]")


def refused(prefix: str) -> str:
    """Why what stands in one of the fields whose keys begin so was not taken; empty if all was."""
    found: dict[str, Refused] = st.session_state.get(_REFUSED, {})
    return next((one.problem for key, one in found.items() if key.startswith(prefix)), "")


def typed(key: str, bounds: Number, value: float) -> float:
    """What stands in a field at this moment, also while another widget is answered; `value` if that is no number of
    its own, or it isn't shown.
    """
    try:
        return bounds.check(st.session_state.get(key))
    except SpecError:
        return value


def number_text(value: float) -> str:
    """As it would be typed."""
    return f"{value:.15g}"


def _show(key: str, value: Any) -> None:
    if key not in st.session_state or st.session_state[key] != value:  # set anew, it may undo what is just being typed
        st.session_state[key] = value
