"""Widgets made from the bounds of a field: what is legal is declared once, in the specs.

They are controlled: what they show is the value they are given, and an edit goes to a callback, so that a link, a
preset or a button can change the same value.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from nnviz.fields import Choice, Flag, Number, bounds_of
from nnviz.spec.train_config import TrainConfig

Changed = Callable[[str, Any], None]
"""Called with the field's name and the value entered."""


def field_input(config: TrainConfig, name: str, key: str, changed: Changed, disabled: bool = False) -> None:
    """The widget for one field of `config`."""
    bounds, value = bounds_of(TrainConfig)[name], getattr(config, name)
    if key not in st.session_state or st.session_state[key] != value:  # set anew, it may undo what is just being typed
        st.session_state[key] = value
    shown: dict[str, Any] = {
        "label": bounds.label[0].upper() + bounds.label[1:],
        "help": bounds.help or None,
        "key": key,
        "disabled": disabled,
        "on_change": lambda: changed(name, st.session_state[key]),
    }
    if isinstance(bounds, Choice):
        st.selectbox(options=list(bounds.options), format_func=bounds.options.__getitem__, **shown)
    elif isinstance(bounds, Flag):
        st.toggle(**shown)
    else:
        _number_input(bounds, shown)


def _number_input(bounds: Number, shown: dict[str, Any]) -> None:
    if bounds.whole:
        st.number_input(min_value=int(bounds.low), max_value=int(bounds.high), step=1, **shown)
    else:
        step = 0.001 if bounds.log else 0.05
        st.number_input(min_value=float(bounds.low), max_value=float(bounds.high), step=step, format="%g", **shown)
