"""Which data the page's numbers are from, and the getting of it."""

from __future__ import annotations

import streamlit as st

from nnviz.data.datasets import DATASETS, usable
from nnviz.ui import services
from nnviz.ui.format import plain, sentence
from nnviz.ui.state import Kept

OFFLINE = "offline"


def data_notice(name: str) -> bool:
    """Say which data set will be used in place of `name`, if it isn't there, and get it; True if one is ready."""
    wanted, used = DATASETS[name], usable(name)
    ready = DATASETS[used].available()
    if used == name and ready:
        return True
    preparation = services.preparation()
    progress = preparation.progress(name)
    if not progress.running and not progress.problem and not wanted.problem():
        preparation.start(name)  # nobody has tried yet
        progress = preparation.progress(name)
    if not progress.running and not ready:
        preparation.start(OFFLINE)
    st.fragment(_notice, run_every=0.5 if _busy(name) else None)(name, used)
    return ready


def _busy(name: str) -> bool:
    return any(services.preparation().progress(one).running for one in (name, OFFLINE))


def _notice(name: str, used: str) -> None:
    wanted, preparation = DATASETS[name], services.preparation()
    if usable(name) != used or (not _busy(name) and st.session_state.pop(Kept.DATA_BUSY, False)):
        st.rerun()
    with st.container(key="data-notice", border=True):
        for one in (name, OFFLINE):
            progress = preparation.progress(one)
            if progress.running:
                st.session_state[Kept.DATA_BUSY] = True
                st.progress(progress.share, text=f"{DATASETS[one].title}: {progress.text}")
        problem = wanted.problem() or preparation.progress(name).problem
        if problem and not preparation.progress(name).running:
            st.warning(plain(sentence(problem)), icon=":material/cloud_off:")
            st.button(f"Get {wanted.title} again", key="retry-data", on_click=preparation.start, args=(name,))
        other = DATASETS[used]
        if used != name and other.available():
            st.markdown(f"Until {wanted.title} is here, everything runs on **{other.title}**: {other.origin}.")
        elif used != name:
            st.markdown(
                f"Training can begin as soon as the images are here. Should {wanted.title} not be had, it will be on "
                f"**{other.title}**: {other.origin}."
            )


def offer_images(name: str, why: str) -> None:
    """Say that the images of a data set are not here, and why they are needed, a phrase; get them if somebody asks."""
    preparation = services.preparation()
    with st.container(key="images-missing", border=True):
        st.markdown(f"{why}, the images of **{DATASETS[name].title}** are needed; they are not on this machine yet.")
        st.fragment(_getting, run_every=0.5 if preparation.progress(name).running else None)(name)


def _getting(name: str) -> None:
    preparation = services.preparation()
    progress, was_going = preparation.progress(name), st.session_state.get(Kept.DATA_BUSY, False)
    st.session_state[Kept.DATA_BUSY] = progress.running
    if was_going and not progress.running:
        st.rerun()
    if progress.running:
        st.progress(progress.share, text=progress.text)
        return
    if progress.problem:
        st.warning(plain(sentence(progress.problem)), icon=":material/cloud_off:")
    if st.button("Get them", key="get-images", icon=":material/download:"):
        preparation.start(name)
        st.rerun()
