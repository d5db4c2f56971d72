"""A plotly figure that is updated in place.

`st.plotly_chart` takes the whole figure into its identity: each new number throws the drawing away and makes another,
which blinks and forgets the zoom (Streamlit 1.67, keys don't help). This hands new figures to `Plotly.react`, which
keeps zoom, hover and hidden traces as `uirevision` says. The plotly.js is the one that Streamlit brings; where that
can't be found, `st.plotly_chart` it is.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import streamlit as st
from streamlit.components.v2 import component

from nnviz.ui.components.order import nothing_else, numbered, scripts

HEIGHT = 450
"""CSS pixels of a figure whose layout says nothing, as plotly.js has it."""

_HERE = Path(__file__).parent
_mount = component(
    "nnviz.plot",
    css=(_HERE / "plot.css").read_text(encoding="utf-8"),
    js=scripts(_HERE / "plot.js"),
    isolate_styles=False,  # plotly.js puts its styles into the document's head
)


def plot(figure: go.Figure, *, key: str, alt: str, config: dict[str, Any] | None = None) -> Any:
    """Draw `figure`, as wide as there is room and as high as its layout says.

    Returns the customdata of the point just clicked, or None; of a heat map whose `meta` is "cell" the cell's [y, x].
    `alt` says what it shows to those who can't see it.
    """
    address = _plotly_js()
    if address is None:
        st.plotly_chart(figure, key=key, theme=None, config=config, alt=alt)
        return None
    head = json.dumps({"plotly": address, "alt": alt, "config": config or {}})
    message = f'{head[:-1]}, "figure": {figure.to_json(validate=False)}}}'
    height = int(figure.layout.height or HEIGHT)  # so that it has its room before it is drawn
    mounted = _mount(key=key, data=numbered(key, message.encode()), height=height, on_clicked_change=nothing_else)
    return mounted.clicked


@cache
def _plotly_js() -> str | None:
    """Where the browser finds the part of Streamlit that holds plotly.js, relative to the app's address."""
    root = Path(st.__file__).parent / "static"
    found = sorted(root.glob("static/js/PlotlyChart.*.js"))
    return found[0].relative_to(root).as_posix() if found else None
