"""Home: what this is, and the way to the first trained net."""

import streamlit as st

from nnviz.ui.frame import open_page

open_page("nnviz", ":material/neurology:")
st.title("See a neural network learn")
