"""What test_canvas.py draws on: a canvas in a fragment, with bars that follow from where its ink is."""

import numpy as np
import streamlit as st

from nnviz.data.drawing import Drawing, Stroke, from_photo, prepare, rasterise
from nnviz.ui.components.canvas import canvas, drawn, take_photo

LOADED = Drawing((Stroke(((60, 60, 0), (220, 60, 80), (120, 230, 200))),))

state = st.session_state
state.setdefault("generation", 0)


def more(name: str) -> None:
    state[name] = state.get(name, 0) + 1


st.button("Rerun", on_click=more, args=("round",))
st.button("New sheet", on_click=more, args=("generation",))
st.text_input("Name")
st.text_area("Note")
st.write(f"round {state.get('round', 0)}")
if st.toggle("Shown", True):

    @st.fragment
    def stage() -> None:
        loaded = LOADED if state["generation"] == 1 else None
        drawing = drawn("canvas", state["generation"], loaded)
        prepared = prepare(rasterise(drawing)) if drawing else None
        shares = None
        if prepared and not prepared.empty:
            weights = np.array([column.sum() + 1.0 for column in np.array_split(prepared.pixels.astype(float), 10, 1)])
            shares = (weights / weights.sum()).tolist()
        canvas(
            key="canvas",
            generation=state["generation"],
            strokes=loaded,
            probabilities=shares,
            classes="0123456789",
            photos=True,
        )
        if photo := take_photo("canvas"):
            st.session_state["photo"] = f"photo: {from_photo(photo).shape}"
        st.write(st.session_state.get("photo", "no photo"))
        strokes = drawing.strokes if drawing else ()
        st.write(f"strokes: {len(strokes)}, points: {sum(len(s.points) for s in strokes)}")
        st.write(f"erasers: {sum(s.erase for s in strokes)}, ink: {rasterise(drawing).sum() if drawing else 0:.0f}")

    stage()
