"""The hyperparameters of the next run."""

from __future__ import annotations

from typing import Any

import streamlit as st

from nnviz.config import TrainConfig, check
from nnviz.fields import SpecError
from nnviz.optimizers import OPTIMIZERS
from nnviz.ui import state
from nnviz.ui.forms import field_input

_FIRST = ("lr", "momentum", "batch_size", "epochs")
_MORE = ("optimizer", "nesterov", "schedule", "weight_decay", "loss", "augment")
_DATA = ("data", "per_class", "seed", "device")


def recipe_form() -> None:
    """Show and edit the session's training configuration."""
    config = state.setup().config
    st.markdown("##### Hyperparameters")
    left, right = st.columns(2)
    for place, name in zip((left, right, left, right), _FIRST, strict=True):
        with place:
            _field(config, name)
    with st.expander("Optimizer, schedule, loss", key="more-training"):
        for name in _MORE:
            _field(config, name)
    with st.expander("Data, seed, device", key="more-data"):
        for name in _DATA:
            _field(config, name)
    if config != TrainConfig():
        st.button("Back to the classic recipe", key="classic-recipe", on_click=state.set_config, args=(TrainConfig(),))


def problem() -> str:
    """Why network and configuration can't be trained together, as a sentence; empty if they can."""
    setup = state.setup()
    try:
        check(setup.network, setup.config)
    except SpecError as error:
        return f"{error}."
    return ""


def _field(config: TrainConfig, name: str) -> None:
    used = name not in ("momentum", "nesterov") or name in OPTIMIZERS[config.optimizer].uses
    field_input(config, name, f"recipe-{name}", _set, disabled=not used)


def _set(name: str, value: Any) -> None:
    state.set_config(state.setup().config.with_(**{name: value}))
