"""The Studio, which the app opens on; and beside its pages the route by which what moves reaches them."""

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from nnviz.ui import state
from nnviz.ui.data import data_notice
from nnviz.ui.live.route import routes
from nnviz.ui.pages.studio import page
from nnviz.ui.services import warm_up
from nnviz.ui.shell import open_page

if get_script_run_ctx(suppress_warning=True) is None:
    app = st.App("app.py", routes=routes(), lifespan=warm_up)  # read once by the server; from then on this is the page
else:
    open_page("Studio")
    state.write_address()
    page.show(data_notice(state.setup().config.data))
