"""Section "Network": the whole net at once, as it learns, for one image."""

from __future__ import annotations

import streamlit as st

from nnviz.analysis.checkpoint_view import CheckpointView
from nnviz.analysis.network_picture import NetworkPicture, Quantity, network_picture
from nnviz.ui.checkpoints import View
from nnviz.ui.components.network_view import TITLES, network_view
from nnviz.ui.pages.inspect.section import Section
from nnviz.ui.pages.inspect.sections.neuron import open_neuron
from nnviz.ui.state import keep
from nnviz.ui.subject import Subject, choose_subject

_QUANTITY = "inspect-network-quantity"


def show(view: View) -> None:
    subject = choose_subject(view)
    keep(_QUANTITY, list(Quantity))
    quantity: Quantity = st.session_state[_QUANTITY]
    with st.container():
        clicked = _draw(view.checkpoint, subject, quantity, view.run.id, 0)
        if view.beside is not None:
            st.markdown(f"**{view.beside.title[:1].upper()}{view.beside.title[1:]}**")
            _draw(view.beside.checkpoint, subject, quantity, view.beside.run.id, 1)
    st.segmented_control(
        "Show",
        list(Quantity),
        key=_QUANTITY,
        format_func=TITLES.__getitem__,
        required=True,
        label_visibility="collapsed",
    )
    st.caption(_WORDS[quantity] + _ALWAYS)
    if clicked is not None:
        open_neuron(*clicked)


def _draw(
    checkpoint: CheckpointView, subject: Subject, quantity: Quantity, run_id: str, place: int
) -> tuple[str, int] | None:
    """The layer and the unit that was pressed, if any."""
    picture = network_picture(checkpoint, subject.inputs, quantity, subject.label)
    if picture is None:
        st.info("The loss of the next mini-batch is not finite: there is no gradient.", icon=":material/error:")
        return None
    return network_view(
        picture,
        subject.pixels,
        checkpoint.data.dataset.classes,
        subject.label,
        key=f"inspect-network-view-{place}",
        title=_in_words(picture, TITLES[quantity], subject.title),
        run=run_id,
    )


_WORDS = {
    Quantity.WEIGHTS: "Each picture of the first layer is one neuron's incoming weights W, one for each pixel.",
    Quantity.GRADIENTS: "∂L/∂W of the next mini-batch: which way each weight would raise the loss.",
    Quantity.UPDATE: "ΔW = W_new − W_old: how far the next step moves each weight.",
    Quantity.ACTIVATIONS: "What each neuron answers to this image: y = f(Wx + b).",
    Quantity.CONTRIBUTIONS: "w·x: what each weight adds to its neuron's sum for this image.",
}
_ALWAYS = (
    " Frames and bold lines: what a neuron adds to the logit of the answer, or of the class pointed at; blue adds,"
    " orange takes away. Point at a neuron for its numbers, press it for its arithmetic."
)


def _in_words(picture: NetworkPicture, shown: str, image: str) -> str:
    sizes = " → ".join(f"{layer.title} ({layer.size})" for layer in picture.layers)
    return f"The network, {shown.lower()}, for {image}: {sizes}"


SECTION = Section("network", "Network", show, rank=5)
