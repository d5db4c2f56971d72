"""What test_tiles.py looks at: tiles and a plot that change while the page stays."""

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from nnviz.ui.components.image_grid import Bars, Caption, signed_to_bytes, tiles
from nnviz.ui.components.plot import plot

round_ = st.session_state.setdefault("round", 0)


def more() -> None:
    st.session_state["round"] += 1


st.button("Next", on_click=more, key="next")

signed = np.zeros((6 + round_, 4, 5), np.float32)
signed[:, 0, 0], signed[:, 0, 1], signed[round_, 1, 1] = 1, -1, 0.5
pixels, limit = signed_to_bytes(signed)
tiles(pixels, key="signed", palette="diverging", limit=limit, label="Unit", size=40)

exact = np.zeros((3, 4, 5), np.float32)
exact[0, 3, 2], exact[1, 1, 4], exact[2, 0, 0] = -0.0342, 0.25 + round_, np.nan
pixels, limit = signed_to_bytes(exact)
tiles(
    pixels,
    key="exact",
    palette="diverging",
    limit=limit,
    label="Weights of a layer",
    size=80,
    captions=[Caption("7"), Caption("8"), Caption("9")],
    values=exact,
    names=("neuron", "row", "column"),
    file_name="weights.png",
)

ink = np.zeros((2, 28, 28), np.uint8)
ink[:, 4:24, 14] = 255
clicked = tiles(
    ink,
    key="ink",
    label="Digits",
    clickable=True,
    captions=[Caption("1", "99 %", True), Caption(f"7 → {round_}", "55 %", False)],
    bars=Bars(np.array([[0.01, 0.99], [0.45, 0.55]]), ("0", "1"), [1, 0]),
)
if clicked is not None:
    st.session_state["clicked"] = clicked
st.write(f"clicked: {st.session_state.get('clicked')}")

figure = go.Figure(
    {
        "data": [{"type": "scatter", "x": [0, 1, 2], "y": [0, 1 + round_, 0], "customdata": [7, 8, 9]}],
        "layout": {"height": 300, "uirevision": "same", "xaxis": {"range": [0, None]}},
    }
)
point = plot(figure, key="plot", alt="A hill", config={"displaylogo": False})
if point is not None:
    st.session_state["point"] = point
st.write(f"point: {st.session_state.get('point')}")
