"""One line below a training: the most important thing that is wrong with it, and a click that tries the cure."""

from __future__ import annotations

import streamlit as st

from nnviz.analysis.doctor import Diagnosis
from nnviz.data.datasets import DataError
from nnviz.store.run import Run, RunGone
from nnviz.train.checkpoint import CheckpointError
from nnviz.ui import services, state
from nnviz.ui.diagnosis import foremost
from nnviz.ui.runs import launch

REFRESH_SECONDS = 3.0
"""Between two looks at a training that goes on."""


def finding(run: Run) -> None:
    st.fragment(_show, run_every=REFRESH_SECONDS if run.status.active else None)(run.id)


def _show(run_id: str) -> None:
    if state.chosen_run() != run_id:
        st.rerun()  # the cure was tried, and is looked at now
    try:
        run = services.store().run(run_id)
        found = foremost(run)
    except (RunGone, CheckpointError, DataError):  # said where the run itself is shown
        return
    if found is None:
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center", key="finding"):
        st.markdown(f":material/stethoscope: **{found.title}.** {found.evidence}", width="stretch")
        st.button(
            f"Try {found.try_this}",
            key="try-cure",
            icon=":material/healing:",
            on_click=_try,
            args=(found,),
            disabled=bool(services.look_only()),
            help=f"{found.advice} Starts a new run that differs in this one thing.",
        )
        if st.button("Why?", key="go-to-doctor", type="tertiary"):
            st.session_state[state.Kept.SECTION_WANTED] = "doctor"
            st.switch_page("pages/3_Inspect.py")


def _try(found: Diagnosis) -> None:
    launch(found.network, found.config)
