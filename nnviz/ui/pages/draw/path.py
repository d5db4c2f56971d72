"""Section "Preprocessing": the drawing on its way to a network's 28×28 pixels; steps can be switched off."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import streamlit as st
from PIL import Image

from nnviz.data.drawing import Bytes, Prepared, Stage, Steps, prepare
from nnviz.fields import bounds_of
from nnviz.ui.components.image_grid import Caption, tiles
from nnviz.ui.pages.draw import sheet
from nnviz.ui.pages.draw.scene import Scene
from nnviz.ui.state import Kept

SIDE = 112
"""Of each picture, pixels: four times that of the network's input."""


def show(scene: Scene) -> None:
    st.markdown(
        "MNIST's digits were all framed in one way, and a net knows only digits framed like that. So a drawing goes"
        " through the same steps. Switch one off and see what the net says then."
    )
    now = scene.sheet
    prepared = now.prepared if now else prepare(np.zeros((SIDE, SIDE), np.float32), sheet.steps())
    with st.container(key="draw-path"):
        tiles(
            np.stack([picture(stage) for stage in prepared.stages]),
            key="draw-stages",
            size=SIDE,
            captions=[Caption(title(stage), "" if stage.done else "switched off") for stage in prepared.stages],
            label="The drawing after each step: " + ", ".join(title(stage) for stage in prepared.stages),
        )
    _switches()
    if now is None:
        st.caption("The paper is empty: there is nothing to take through the steps, and nothing to predict.")
    else:
        st.caption(in_words(prepared))


def _switches() -> None:
    chosen = {}
    with st.container(horizontal=True, key="draw-steps"):
        for one in fields(Steps):
            bounds = bounds_of(Steps)[one.name]
            key = f"draw-step-{one.name.replace('_', '-')}"
            st.session_state.setdefault(key, getattr(sheet.steps(), one.name))
            chosen[one.name] = st.toggle(bounds.label, key=key, help=bounds.help)
        st.session_state.setdefault("draw-separate", sheet.separates())
        separate = st.toggle(
            "Separate digits",
            key="draw-separate",
            help="Digits that stand side by side are framed and answered one by one, left to right.",
        )
    if (Steps(**chosen), separate) != (sheet.steps(), sheet.separates()):
        sheet.set_steps(Steps(**chosen))
        st.session_state[Kept.SEPARATE] = separate
        st.rerun()


def title(stage: Stage) -> str:
    return "Drawn" if stage.name == "drawn" else bounds_of(Steps)[stage.name].label


def picture(stage: Stage) -> Bytes:
    """A stage in a square of SIDE pixels; small ones enlarged so that their pixels are seen, large ones shrunk."""
    height, width = stage.image.shape
    whole = Image.fromarray(stage.image)
    if max(height, width) <= SIDE // 4:
        size, how = (4 * width, 4 * height), Image.Resampling.NEAREST
    else:
        scale = SIDE / max(height, width)
        size, how = (max(1, round(scale * width)), max(1, round(scale * height))), Image.Resampling.BOX
    square = Image.new("L", (SIDE, SIDE))
    square.paste(whole.resize(size, how), ((SIDE - size[0]) // 2, (SIDE - size[1]) // 2))
    return np.asarray(square)


def in_words(prepared: Prepared) -> str:
    """The sizes of the pictures and where the mass of ink lies."""
    sizes = " → ".join(f"{stage.image.shape[1]}×{stage.image.shape[0]}" for stage in prepared.stages)
    ink = prepared.pixels.astype(np.float64)
    rows, columns = np.indices(ink.shape)
    return (
        f"Pixels: {sizes}. The mass of ink is centred at column {(columns * ink).sum() / ink.sum():.1f}, row"
        f" {(rows * ink).sum() / ink.sum():.1f}, counted from 0; in MNIST it is at 14, 14."
    )
