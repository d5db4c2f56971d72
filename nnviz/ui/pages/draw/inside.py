"""Sections "Layers", "Saliency" and "Nearest digits": what the answer to the drawing comes from."""

from __future__ import annotations

import numpy as np
import streamlit as st
from torch import Tensor

from nnviz.analysis.activations import trace
from nnviz.analysis.checkpoint_view import CheckpointView, LayerView
from nnviz.analysis.recognition import NEAREST_AMONG, nearest, training_features
from nnviz.charts.bars import bars_config, unit_bars_figure, unit_bars_info
from nnviz.ui import state
from nnviz.ui.components.image_grid import Caption, signed_to_bytes, tiles
from nnviz.ui.components.plot import plot
from nnviz.ui.format import layer_in_words
from nnviz.ui.memory import kept
from nnviz.ui.pages.draw.scene import Scene, empty_paper
from nnviz.ui.saliency import explain
from nnviz.ui.state import Kept

MAPS = 32
"""Channels shown at once."""

"""Layers that change no value when the net is asked."""


def layers(scene: Scene) -> None:
    if scene.sheet is None:
        empty_paper()
        return
    traced = trace(scene.net.checkpoint, scene.subject(scene.sheet).inputs)
    for layer in scene.net.checkpoint.layers:
        if layer.plan.layer.idle:
            continue
        output = traced.of(layer.name).output[0]
        with st.container(key=f"draw-layer-{layer.name}"):
            st.markdown(f"**{layer.title}** · {layer_in_words(layer, output)}")
            if output.dim() == 3 and output[0].numel() > 1:
                _channels(layer, output)
            else:
                _units(scene, layer, output)


def _channels(layer: LayerView, output: Tensor) -> None:
    shown = output[:MAPS]
    pixels, limit = signed_to_bytes(shown.numpy())
    side = max(shown.shape[1:])
    tiles(
        pixels,
        key=f"draw-maps-{layer.name}",
        palette="diverging",
        limit=limit,
        size=side * max(1, round(56 / side)),
        label=f"Channels of {layer.title}",
    )
    if len(shown) < len(output):
        st.caption(f"The first {len(shown)} channels of {len(output)}.")


def _units(scene: Scene, layer: LayerView, output: Tensor) -> None:
    values = output.flatten().numpy()
    if not np.isfinite(values).all():
        st.caption("Not all of its values are numbers: the training has diverged.")
        return
    info, last = unit_bars_info(values), layer.name == "output"
    figure = unit_bars_figure(
        info, dark=scene.dark, unit="logit" if last else "output", source="class" if last else "neuron"
    )
    plot(
        figure,
        key=f"draw-units-{layer.name}",
        config=bars_config(f"drawing-{layer.name}"),
        alt=f"Outputs of {layer.title}: the largest is {values.max():.3f}, of number {int(values.argmax())}",
    )


def pixels(scene: Scene) -> None:
    if scene.sheet is None:
        empty_paper()
    else:
        explain(scene.view, scene.subject(scene.sheet))


def neighbours(scene: Scene) -> None:
    if scene.sheet is None:
        empty_paper()
        return
    checkpoint = scene.net.checkpoint
    if scene.net.live or scene.net.taught:
        # Comparing with thousands of images takes a moment, and a net that moves would need it again and again.
        key = (Kept.FEATURES, scene.net.run.id, scene.net.taught)
        kept = st.session_state.get(Kept.FEATURES)
        pressed = st.button("Compare with the net as it is now", key="draw-compare", icon=":material/refresh:")
        if kept is None or kept[0] != key or pressed:
            st.session_state[Kept.FEATURES] = kept = (key, checkpoint, training_features(checkpoint))
        checkpoint, among = kept[1], kept[2]
    else:
        among = _features(scene.net.run.id, checkpoint.step_number, checkpoint)
    found = nearest(checkpoint, scene.sheet.prepared.pixels, among, 14)
    train, classes = checkpoint.data.train, checkpoint.data.dataset.classes
    chosen = list(found.images)
    tiles(
        train.images[chosen, 0].numpy(),
        key="draw-nearest",
        size=84,
        label="Nearest training images with their labels",
        captions=[
            Caption(classes[int(train.labels[one])], f"{alike:.3f}")
            for one, alike in zip(chosen, found.similarity, strict=True)
        ],
    )
    st.caption(
        f"Those of the first {min(NEAREST_AMONG, len(train.labels)):,} training images that this net finds most alike:"
        " the outputs of its last hidden layer point in nearly the same direction. Below each stand its label and the"
        " cosine of the angle between the two; 1 is the very same direction."
    )


@kept()
def _features(run_id: str, step: int, _checkpoint_view: CheckpointView) -> Tensor:
    with st.spinner("Comparing with the training images …"):
        return training_features(_checkpoint_view)


def look_inside(scene: Scene) -> None:
    """Show the drawing's net on the Inspect page."""
    if scene.sheet is None:
        return
    if st.button("Look inside with this drawing", key="draw-inspect", icon=":material/search:"):
        st.session_state[Kept.DRAWN_IMAGE] = scene.sheet.prepared.pixels
        st.session_state["inspect-image-kind"] = "drawing"
        state.choose_run(scene.net.run.id)
        st.switch_page("pages/3_Inspect.py", query_params={"run": scene.net.run.id})
