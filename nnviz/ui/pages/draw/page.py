"""The Draw page: the canvas and its answer on one side, a section that looks into the answer on the other.

The canvas is a fragment that does little, so that the bars follow the pen. The section is another one, run again when
the pen rests.
"""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from nnviz.data.datasets import DataError
from nnviz.spec.network import NetworkSpec
from nnviz.spec.train_config import TrainConfig
from nnviz.store.database import StoreError
from nnviz.ui import runs, services, state
from nnviz.ui.choosing import choose_section
from nnviz.ui.components.canvas import follow
from nnviz.ui.data import offer_images
from nnviz.ui.format import plain, run_label, sentence
from nnviz.ui.pages.draw import answer, certainty, handwriting, inside, learned, nets, path, quiz, sheet, teaching
from nnviz.ui.pages.draw.scene import Scene
from nnviz.ui.state import Kept

SECTIONS: dict[str, tuple[str, Callable[[Scene], None]]] = {
    "path": ("Preprocessing", path.show),
    "history": ("When did it learn it?", learned.show),
    "pixels": ("Saliency", inside.pixels),
    "layers": ("Layers", inside.layers),
    "nearest": ("Nearest digits", inside.neighbours),
    "teach": ("Fine-tune", teaching.show),
    "handwriting": ("Our handwriting", handwriting.show),
    "quiz": ("Quiz", quiz.show),
}
"""Name → (title, what shows it), in the order of the page."""

OF_THE_DRAWING = ("path", "history", "pixels", "layers", "nearest")
"""Sections with a way on to the Inspect page."""

WITH_IMAGES = ("history", "nearest", "teach", "handwriting")
"""Sections that need those that the net was trained or tested on."""

SECTION_SECONDS = 1.0
"""Between two looks of the section at a running net."""

_LOOK, _NET = "draw-look", "draw-net"


def draw_page(ready: bool) -> None:
    """`ready`: there are images, so that a first net can be trained."""
    if not any(run.step for run in services.store().runs()):
        _empty_state(ready)
        return
    with st.container(key="draw-head"):
        chosen = nets.choose()
    if not chosen:
        st.info("Choose a network above: it will say what you draw.", icon=":material/neurology:")
        return
    if kept := st.session_state.pop(Kept.DRAWING_KEPT, None):
        st.toast(plain(kept), icon=":material/bookmark_added:")
    try:
        certainty.begin(chosen)
        every = nets.refresh_every(chosen)
        with st.container(key="draw-layout"):
            left, right = st.columns(2, gap="large")
        with left:
            st.fragment(answer.show, run_every=every)(chosen, every)
        with right:
            st.fragment(_section, run_every=SECTION_SECONDS if every else None)(chosen)
    except (DataError, StoreError) as error:
        st.warning(plain(sentence(str(error))), icon=":material/warning:")


def _section(chosen: list[str]) -> None:
    look = choose_section(SECTIONS, _LOOK, pills=True)
    found = {net.run.id: net for net in nets.present(chosen)}
    if found:
        run_id = next(iter(found))
        if len(found) > 1 and look not in ("path", "handwriting"):
            state.keep(_NET, list(found))
            run_id = st.selectbox(
                "Of",
                list(found),
                key=_NET,
                format_func=lambda one: run_label(found[one].title, one),
                label_visibility="collapsed",
            )
        scene = Scene(
            sheet.current(next(iter(found.values())).checkpoint), found[run_id], st.context.theme.type == "dark"
        )
        with st.container(key=f"draw-section-{look}"):
            if look in WITH_IMAGES and not scene.net.dataset.available():
                offer_images(scene.net.run.config.data, f"For “{SECTIONS[look][0]}”")
            else:
                SECTIONS[look][1](scene)
            if look in OF_THE_DRAWING:
                inside.look_inside(scene)
    follow(sheet.KEY, sheet.generation())


def _empty_state(ready: bool) -> None:
    with st.container(border=True, key="draw-empty"):
        st.markdown(
            "## There is no net yet that could read what you draw\n"
            "Train the classic one: it takes some seconds, and you can draw while it still learns."
        )
        st.button(
            "Train the classic net",
            key="draw-train-first",
            type="primary",
            icon=":material/play_arrow:",
            disabled=not ready or bool(services.look_only()),
            help=runs.NO_DATA if not ready else None,
            on_click=runs.launch,
            args=(NetworkSpec(), TrainConfig()),
        )
        if any(run.status.active for run in services.store().runs()):
            st.fragment(_wait, run_every=0.5)()


def _wait() -> None:
    st.info("It is about to begin …", icon=":material/hourglass_empty:")
    if any(run.step for run in services.store().runs()):
        st.rerun()
