"""What leaves and enters the Build page: the code, the link and the file of a set-up."""

from __future__ import annotations

from urllib.parse import urlencode

import streamlit as st

from nnviz.export.script import training_script
from nnviz.fields import SpecError
from nnviz.spec.json_file import MAX_BYTES, from_json, to_json
from nnviz.spec.url import to_query
from nnviz.ui import state
from nnviz.ui.state import Kept

_REPORT = Kept.SETUP_IMPORTED


def code() -> None:
    """The script of exactly this network and training, to copy or to download."""
    script = training_script(state.setup().network, state.setup().config)
    with st.container(key="pytorch-code"):
        st.download_button(
            "Download as .py",
            script,
            "train_mnist.py",
            "text/x-python",
            key="download-code",
            icon=":material/download:",
            on_click="ignore",
        )
        st.code(script, language="python", height=460)


def link() -> None:
    """The link that opens this set-up; the address bar carries the same."""
    query = urlencode(to_query(state.setup().network, state.setup().config), safe="~,+")
    address = (st.context.url or "").split("?")[0]
    st.markdown("The address bar carries this network and its training. Whoever opens this link has the same set-up:")
    with st.container(key="share-link"):
        st.code(f"{address}?{query}", language=None, wrap_lines=True)


def files() -> None:
    """The set-up as a JSON file, out and in."""
    out, into = st.columns(2, gap="large")
    with out:
        st.markdown("**Export**")
        st.caption("The network and its training as a small text file.")
        st.download_button(
            "Download as .json",
            to_json(state.setup().network, state.setup().config),
            "nnviz-setup.json",
            "application/json",
            key="export-setup",
            icon=":material/download:",
            on_click="ignore",
        )
    with into:
        st.markdown("**Import**")
        st.caption("Replaces the network and the training, if the file is fine. Undo brings the network back.")
        st.file_uploader("A set-up file", "json", key="import-setup", on_change=_import_file, max_upload_size=1)
        with st.container(key="import-paste"):
            st.text_area("…or its text", key="import-text", placeholder='{"nnviz": 1, "network": …', height=100)
            st.button("Import the text", key="import-apply", on_click=_import_text)
        _show_report()


def import_setup(text: str | bytes) -> str | None:
    """Make the set-up of a file the session's; what is wrong with it if it can't be, and then nothing changes."""
    try:
        network, config = from_json(text)
    except SpecError as error:
        return str(error)
    state.set_network(network)
    state.set_config(config)
    return None


def _import_file() -> None:
    file = st.session_state["import-setup"]
    if file is None:
        st.session_state.pop(_REPORT, None)
    elif file.size > MAX_BYTES:
        _report(f"a set-up is at most {MAX_BYTES // 1000} kB long, not {file.size / 1000:,.0f} kB")
    else:
        _report(import_setup(file.getvalue()))


def _import_text() -> None:
    problem = import_setup(st.session_state["import-text"])
    _report(problem)
    if problem is None:
        st.session_state["import-text"] = ""


def _report(problem: str | None) -> None:
    st.session_state[_REPORT] = problem


def _show_report() -> None:
    if _REPORT not in st.session_state:
        return
    with st.container(key="import-report"):
        problem = st.session_state.pop(_REPORT)
        if problem is None:
            st.success("Imported.", icon=":material/check:")
        else:
            st.error(f"Nothing was changed: {problem}.", icon=":material/error:")
