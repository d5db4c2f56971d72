"""The Compare page: which runs, and the section that compares them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import streamlit as st

from nnviz.data.datasets import DataError
from nnviz.store.run import Run, RunGone
from nnviz.train.checkpoint import CheckpointError
from nnviz.ui import services, state
from nnviz.ui.choosing import choose_section
from nnviz.ui.format import sentence
from nnviz.ui.pages.compare import choice, curves, export_import, predictions, seeds, table, twin, two_runs
from nnviz.ui.refresh import refresh_seconds

SLOW_SECONDS = 2.0
"""Between two looks at what need not move."""

_SECTION = "compare-look"


class Part(NamedTuple):
    """A piece of a section that is refreshed by itself while one of the runs trains."""

    show: Callable[[list[Run]], None]
    seconds: Callable[[], float] | None = None
    """Between two looks; None: it is looked at again when something is pressed."""
    beyond: bool = False
    """It shows runs that were not chosen, too: repetitions, twins."""


def _slowly() -> float:
    return SLOW_SECONDS


SECTIONS: dict[str, tuple[str, tuple[Part, ...]]] = {
    "curves": ("Curves & table", (Part(curves.show, refresh_seconds), Part(table.show, _slowly))),
    "pair": ("Two runs", (Part(two_runs.show),)),
    "images": ("Predictions", (Part(predictions.show),)),
    "seeds": ("Seeds", (Part(seeds.show, refresh_seconds, beyond=True),)),
    "twin": ("Twin runs", (Part(twin.show, refresh_seconds, beyond=True),)),
    "travel": ("Export and import", (Part(export_import.show),)),
}
"""Name → (title, its parts), in the order of the page."""


def compare_page() -> None:
    runs = choice.choose()
    if not runs:
        _empty_state()
        return
    section = choose_section(SECTIONS, _SECTION)
    ids = tuple(run.id for run in runs)
    with st.container(key=f"compare-section-{section}"):
        for part in SECTIONS[section][1]:
            going = _going(part, runs)
            every = part.seconds() if going and part.seconds else None
            st.fragment(_part, run_every=every)(part, ids, going)


def _going(part: Part, runs: list[Run]) -> frozenset[str]:
    """The runs that a part follows. Paused ones are looked at too: somebody may let them go on."""
    every = [*runs, *services.store().runs()] if part.beyond else runs
    return frozenset(run.id for run in every if run.status.active)


def _part(part: Part, ids: tuple[str, ...], followed: frozenset[str]) -> None:
    store = services.store()
    try:
        runs = [store.run(one) for one in ids]
        if _going(part, runs) != followed or choice.chosen().moved:
            st.rerun()  # one began, ended or was chosen: what is refreshed is to be decided anew
        part.show(runs)
    except RunGone:
        st.rerun()
    except (CheckpointError, DataError) as error:
        st.warning(sentence(str(error)), icon=":material/warning:")


def _empty_state() -> None:
    with st.container(border=True, key="compare-empty"):
        if services.store().runs():
            st.markdown("## No run is chosen\nChoose two or more above, and see what makes the difference.")
            return
        st.markdown(
            "## Nothing to compare yet\n"
            "Train two networks first, say with two learning rates. Then their curves, their answers and their "
            "mistakes can be seen here side by side, and whether one is really better than the other."
        )
        st.page_link(
            "pages/2_Train.py",
            label="Train a network",
            icon=":material/play_circle:",
            query_params=state.own_address("Train"),
        )
        export_import.bring_in(choice.chosen().add)
