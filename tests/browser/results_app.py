"""What test_results.py looks at: the results of the only run there is."""

import streamlit as st

from nnviz.store.runs import RunStore
from nnviz.ui.results import show_results


@st.cache_resource
def the_store() -> RunStore:
    return RunStore()


st.set_page_config(layout="wide")
show_results(the_store(), the_store().runs()[0])
