"""Train: the hyperparameters, the buttons, and the run as it goes."""

import streamlit as st

from nnviz.store.run import describe
from nnviz.ui import runs, state
from nnviz.ui.data import data_notice
from nnviz.ui.pages.train import controls, finding, live, recipe, run_list
from nnviz.ui.results import show_results
from nnviz.ui.services import store
from nnviz.ui.shell import open_page

open_page("Train")
state.write_address()
setup = state.setup()
ready = data_notice(setup.config.data)

run = runs.chosen()
with st.container(key="train-layout"):
    form, stage = st.columns([1, 3], gap="large")
with form, st.container(border=True, key="next-run"):
    st.markdown(f"## Next run\n{describe(setup.network, setup.config)}")
    st.page_link(
        "pages/1_Build.py", label="Change the network", icon=":material/edit:", query_params=state.own_address("Build")
    )
    recipe.recipe_form()
with stage:
    controls.control_bar(run, ready)
    if run is None:
        live.empty_state()
    else:
        live.heading(run)
        above = st.container()  # always there, so that what follows stays the same when something comes in
        live.live_view(run)
        live.plot_options(run)
        with st.container() if run.status.moves else above:  # what people follow must not jump when something is found
            finding.finding(run)
if run and not run.status.active:
    show_results(store(), run)
run_list.run_list(run)
