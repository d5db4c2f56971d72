"""The pictures of a sweep: the map of two fields, all fields at once, and the ranking."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st

from nnviz.charts.sweep_fields import (
    IMPORTANCE_CONFIG,
    PARALLEL_CONFIG,
    SLICES_CONFIG,
    fields_info,
    importance_figure,
    parallel_figure,
    slices_figure,
)
from nnviz.charts.sweep_map import MAP_CONFIG, SHOWN, map_csv, map_figure, map_in_words, map_info
from nnviz.data.datasets import DATASETS
from nnviz.sweep.analysis import importance, lessons, ranking, ranking_in_words
from nnviz.sweep.space import value_text
from nnviz.sweep.store import Sweep
from nnviz.ui import state
from nnviz.ui.choosing import choose_section
from nnviz.ui.components.plot import plot
from nnviz.ui.csv_button import csv_button
from nnviz.ui.memory import kept
from nnviz.ui.pages.sweep import point
from nnviz.ui.pages.sweep.found import Found
from nnviz.ui.state import Kept

RANKED = 50
"""Rows of the ranking at most."""


def show(sweep: Sweep, found: Found) -> None:
    """The section chosen, beside the chosen point, and what it teaches."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="sweep-choice"):
        section = choose_section(SECTIONS, "sweep-look")
        if section == "map":
            _choose_axes(sweep)
    with st.container(key=f"sweep-section-{section}"):
        SECTIONS[section][1](sweep, found)
    beside, words = st.columns([1, 1], gap="medium")
    with beside:
        point.show(sweep, found)
    with words:
        _lessons(sweep, found)


def _map(sweep: Sweep, found: Found) -> None:
    names = [axis.name for axis in sweep.spec.axes]
    if len(names) < 2:
        _slices(sweep, found)
        return
    x, y = (st.session_state["sweep-map-x"], st.session_state["sweep-map-y"]) if len(names) > 2 else names
    info = map_info(sweep.spec, found.points, x, y, st.session_state["sweep-map-shown"])
    clicked = plot(
        map_figure(info, dark=_dark(), chosen=point.chosen(found)),
        key="sweep-map",
        alt=map_in_words(info),
        config=MAP_CONFIG,
    )
    _obey_click(clicked, found)
    many = " Of the trials in one cell, the best is shown." if len(names) > 2 else ""
    st.caption(f"Each cell is one net: ✕ diverged, … trains, · waits. Click one to open it.{many}")


def _choose_axes(sweep: Sweep) -> None:
    """What the colours say, and which two fields span the map."""
    names = [axis.name for axis in sweep.spec.axes]
    labels = {name: sweep.spec.axis(name).label for name in names}
    if len(names) < 2:
        return
    state.keep("sweep-map-shown", list(SHOWN))
    st.segmented_control(
        "Colour",
        list(SHOWN),
        key="sweep-map-shown",
        format_func=lambda one: SHOWN[one].capitalize(),
        required=True,
        label_visibility="collapsed",
    )
    if len(names) > 2:
        state.keep("sweep-map-x", names)
        st.selectbox("Across", names, key="sweep-map-x", format_func=labels.__getitem__, width=190)
        others = [name for name in names if name != st.session_state["sweep-map-x"]]
        state.keep("sweep-map-y", others)
        st.selectbox("Up", others, key="sweep-map-y", format_func=labels.__getitem__, width=190)


def _fields(sweep: Sweep, found: Found) -> None:
    info = fields_info(sweep.spec, found.points)
    if not len(info.points):
        st.info(
            "Pictures of all hyperparameters begin when the first nets have done an epoch.",
            icon=":material/hourglass_top:",
        )
        return
    if len(sweep.spec.axes) > 1:
        st.markdown("**Every point as a line** through its values; drag along an axis to pick a range")
        plot(
            parallel_figure(info, dark=_dark()),
            key="sweep-parallel",
            alt="Parallel coordinates: one line per point through its values to its test accuracy",
            config=PARALLEL_CONFIG,
        )
    _slices(sweep, found)
    _importance(sweep, found)


def _slices(sweep: Sweep, found: Found) -> None:
    info = fields_info(sweep.spec, found.points)
    if not len(info.points):
        st.info("The picture begins when the first nets have done an epoch.", icon=":material/hourglass_top:")
        return
    st.markdown("**One field at a time**: each dot is a point of the sweep")
    clicked = plot(
        slices_figure(info, dark=_dark(), chosen=point.chosen(found)),
        key="sweep-slices",
        alt="Test accuracy by the value of each field, one dot per point",
        config=SLICES_CONFIG,
    )
    _obey_click(clicked, found)


def _importance(sweep: Sweep, found: Found) -> None:
    if len(sweep.spec.axes) < 2:
        return
    st.markdown("**Which field matters?**")
    weights = _weights(sweep.id, tuple((one.point, one.accuracy, one.state) for one in found.points), sweep, found)
    if weights is None:
        st.caption("Told as soon as at least eight trials have a score.")
        return
    plot(
        importance_figure(weights, sweep.spec, dark=_dark()),
        key="sweep-importance",
        alt="; ".join(f"{sweep.spec.axis(name).label} {share:.0%}" for name, share in weights.items()),
        config=IMPORTANCE_CONFIG,
    )
    st.caption(
        "The share of the differences in accuracy that each field explains by itself, by functional analysis of "
        "variance over a forest of trees (fANOVA). It holds for the ranges tried here, and says nothing beyond them."
    )


@kept()
def _weights(sweep_id: str, scores: tuple[Any, ...], _sweep: Sweep, _found: Found) -> dict[str, float] | None:
    """Fits a forest: only when a score has changed."""
    return importance(_sweep.spec, _found.points)


def _ranking(sweep: Sweep, found: Found) -> None:
    ranked = ranking(found.points, DATASETS[sweep.spec.config.data].test_size)
    if not ranked:
        st.info("The ranking begins when the first nets have done an epoch.", icon=":material/hourglass_top:")
        return
    names = [axis.name for axis in sweep.spec.axes]
    frame = pd.DataFrame(
        {
            "Place": [f"{one.place}{' ≈' if one.like_best and one.place > 1 else ''}" for one in ranked[:RANKED]],
            **{
                sweep.spec.axis(name).label: [value_text(name, one.values[name]) for one in ranked[:RANKED]]
                for name in names
            },
            "Test accuracy": [100 * one.mean for one in ranked[:RANKED]],
            "from": [100 * one.low for one in ranked[:RANKED]],
            "to": [100 * one.high for one in ranked[:RANKED]],
            "Seeds": [one.seeds for one in ranked[:RANKED]],
        }
    )
    shown = st.dataframe(
        frame,
        key="sweep-ranking",
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        height=min(38 + 35 * len(frame), 400),
        alt="Trials by mean test accuracy, best first, with their intervals",
        column_config={
            name: st.column_config.NumberColumn(format="%.2f %%") for name in ("Test accuracy", "from", "to")
        },
    )
    rows: list[int] = shown.selection.rows
    picked = ranked[rows[0]].point if rows and rows[0] < len(ranked) else None
    if picked is None:
        st.session_state.pop(Kept.RANKED, None)
    elif st.session_state.get(Kept.RANKED) != (sweep.id, picked):
        st.session_state[Kept.RANKED] = (sweep.id, picked)
        point.choose(picked)
    with st.container(key="sweep-ranking-words"):
        st.markdown(ranking_in_words(ranked, sweep.spec.seeds > 1))
    csv_button(
        "CSV",
        lambda: map_csv(sweep.spec, found.points),
        f"{sweep.id}-sweep.csv",
        key="sweep-csv",
        help="Every point with its values and numbers.",
    )


def _lessons(sweep: Sweep, found: Found) -> None:
    with st.container(border=True, key="sweep-lessons"):
        st.markdown("**What it teaches**")
        told = lessons(sweep.spec, found.points)
        if not told:
            st.caption("Told as soon as a few trials have done an epoch.")
            return
        st.markdown("\n".join(f"- {words}" for words in told))


def _obey_click(clicked: Any, found: Found) -> None:
    if isinstance(clicked, int) and clicked in found.values and not point.is_chosen(clicked):
        point.choose(clicked)
        st.rerun(scope="fragment")


def _dark() -> bool:
    return st.context.theme.type == "dark"


SECTIONS: dict[str, tuple[str, Callable[[Sweep, Found], None]]] = {
    "map": ("Map", _map),
    "fields": ("All hyperparameters", _fields),
    "ranking": ("Ranking", _ranking),
}
"""Name → (title, what shows it), in the order of the page."""
