"""Build: the network is drawn, and the drawing is what a person edits."""

from pathlib import Path

import streamlit as st

from nnviz.spec.url import to_query
from nnviz.ui import state
from nnviz.ui.components.builder import builder
from nnviz.ui.pages.build import share
from nnviz.ui.shell import open_page

_TRAIN = Path(__file__).with_name("2_Train.py")

open_page("Build", titled=True)
with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
    st.title("Build a network", anchor=False, width="content")
    train = st.button("Train this network →", type="primary", key="go-to-train")

builder()
state.write_address()

if train:
    if _TRAIN.exists():
        st.switch_page("pages/2_Train.py", query_params=to_query(state.setup().network, state.setup().config))
    st.info("The Train page is not part of this version.")

code_tab, link_tab, file_tab = st.tabs(["PyTorch code", "Share a link", "File"], key="build-tabs")
with code_tab:
    share.code()
with link_tab:
    share.link()
with file_tab:
    share.files()
