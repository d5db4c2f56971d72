"""Section "Doctor": what is wrong with the training up to this checkpoint, the number that says so, and what to try."""

from __future__ import annotations

import streamlit as st

from nnviz.analysis.doctor import DIAGNOSES, Diagnosis
from nnviz.ui import state
from nnviz.ui.checkpoints import View
from nnviz.ui.diagnosis import diagnoses
from nnviz.ui.pages.inspect.section import Section

_TRAIN = "pages/2_Train.py"


def show(view: View) -> None:
    found = diagnoses(view.run, view.checkpoint)
    with st.container(key="inspect-findings"):
        if not found:
            st.success(
                f"Nothing is wrong that any of the {len(DIAGNOSES)} checks can see, up to step"
                f" {view.checkpoint.step_number:,}.",
                icon=":material/check_circle:",
            )
        for diagnosis in found:
            _show(diagnosis)
    with st.expander("Checks", key="inspect-checks"):
        st.markdown("\n".join(f"- {(check.__doc__ or '').strip()}" for check in DIAGNOSES))


def _show(diagnosis: Diagnosis) -> None:
    with st.container(border=True, key=f"inspect-finding-{diagnosis.name}"):
        st.markdown(f"## {diagnosis.title}\n**{diagnosis.evidence}**\n\n{diagnosis.advice}")
        if st.button(
            f"Try {diagnosis.try_this}",
            key=f"inspect-try-{diagnosis.name}",
            icon=":material/healing:",
            help="Opens the Train page with the run's set-up and this one change, ready to start.",
        ):
            state.set_network(diagnosis.network)
            state.set_config(diagnosis.config)
            state.choose_run(None)
            st.switch_page(_TRAIN)


SECTION = Section("doctor", "Doctor", show, rank=70)
