"""Section "Edit weights": change weights of a copy and see at once what that does to the test accuracy."""

from __future__ import annotations

import streamlit as st

from nnviz.analysis.checkpoint_view import CheckpointView
from nnviz.analysis.editing import MAX_NUDGE, Action, Edit, edited
from nnviz.fields import Number, SpecError
from nnviz.train.evaluation import Evaluation, evaluate
from nnviz.ui.checkpoints import View, sample
from nnviz.ui.format import sentence
from nnviz.ui.forms import number_field, refused
from nnviz.ui.pages.inspect.section import Section
from nnviz.ui.state import Kept

_EDITS = Kept.EDITS
_UNDONE = Kept.EDITS_UNDONE
_SCOPES = {"weight": "One weight", "neuron": "One neuron", "layer": "The whole layer"}
_ACTIONS = {Action.ZERO: "Set to zero", Action.REDRAW: "Draw again", Action.NUDGE: "Nudge"}


def show(view: View) -> None:
    st.caption(
        "What is this layer, this neuron, this weight worth? Change it in a copy and see what the net still knows. "
        "The run itself stays as it is."
    )
    _form(view)
    edits = _edits(view)
    titles = {layer.name: layer.title for layer in view.checkpoint.layers}
    with st.container(horizontal=True, key="inspect-edit-history"):
        st.button("Undo", key="inspect-edit-undo", icon=":material/undo:", disabled=not edits, on_click=_undo)
        undone = st.session_state.get(_UNDONE, [])
        st.button("Redo", key="inspect-edit-redo", icon=":material/redo:", disabled=not undone, on_click=_redo)
        st.button(
            "Back to the original",
            key="inspect-edit-reset",
            icon=":material/restart_alt:",
            disabled=not edits,
            on_click=_reset,
        )
    if edits:
        st.markdown(
            "\n".join(f"{n}. {edit.in_words(titles.get(edit.layer, edit.layer))}" for n, edit in enumerate(edits, 1))
        )
    try:
        _effect(view, edited(view.checkpoint, edits))
    except SpecError as error:
        st.warning(sentence(f"these changes don't fit this network: {error}"), icon=":material/warning:")


def _form(view: View) -> None:
    layer = view.layer
    assert layer.weight is not None
    inputs = layer.weight[0].numel()
    kept: dict[str, float] = st.session_state.setdefault(Kept.EDIT_FORM, {"unit": 0, "input": 0, "amount": 0.1})
    shown = []  # fields for numbers, which may refuse

    def field(name: str, label: str, bounds: Number, steps: bool) -> None:
        key = f"inspect-edit-{name}"
        value = min(kept[name], bounds.high)
        number_field(label, value, bounds, key, lambda n: kept.update({name: n}), width=190, steps=steps)
        shown.append(key)

    def add() -> None:
        """With what the fields hold when it is pressed."""
        unit = None if scope == "layer" else int(min(kept["unit"], layer.units - 1))
        source = int(min(kept["input"], inputs - 1)) if scope == "weight" else None
        if not any(map(refused, shown)):
            _add(view, Edit(layer.name, Action(action), unit, source, kept["amount"], len(_edits(view))))

    with st.container(horizontal=True, vertical_alignment="bottom", key="inspect-edit-form"):
        scope = st.segmented_control(
            "Change",
            list(_SCOPES),
            key="inspect-edit-scope",
            format_func=_SCOPES.__getitem__,
            default="neuron",
            required=True,
        )
        if scope != "layer":
            units = Number("the number of the neuron", 0, layer.units - 1, whole=True)
            field("unit", f"Neuron of {layer.title}", units, steps=True)
        if scope == "weight":
            field("input", "From input", Number("the number of the input", 0, inputs - 1, whole=True), steps=True)
        action = st.selectbox(
            "How", list(_ACTIONS), key="inspect-edit-action", format_func=_ACTIONS.__getitem__, width=160
        )
        if action is Action.NUDGE:
            label = "By" if scope == "weight" else "Noise of standard deviation"
            field("amount", label, Number("the amount", -MAX_NUDGE, MAX_NUDGE), steps=False)
        st.button(
            "Do it",
            key="inspect-edit-apply",
            type="primary",
            icon=":material/content_cut:",
            on_click=add,
            disabled=any(map(refused, shown)),
        )


def _effect(view: View, copy: CheckpointView) -> None:
    """Accuracy of the original and the copy, overall and by class."""
    test, part = sample(view.checkpoint, view.live)
    before, after = (
        evaluate(checkpoint.model, checkpoint.data.dataset, test) for checkpoint in (view.checkpoint, copy)
    )
    with st.container(horizontal=True, key="inspect-edit-effect"):
        change = after.accuracy - before.accuracy
        points = f"{100 * change:+.2f} points" if change else None
        st.metric("Accuracy of the copy", f"{after.accuracy:.2%}", points, width="content")
        st.metric("Of the original", f"{before.accuracy:.2%}", width="content")
        st.metric("Answers that changed", f"{int((before.predictions != after.predictions).sum()):,}", width="content")
    st.caption(f"On {part}.")
    _by_class(view, before, after)


def _by_class(view: View, before: Evaluation, after: Evaluation) -> None:
    classes = view.checkpoint.data.dataset.classes
    shares = zip(classes, before.class_accuracy().tolist(), after.class_accuracy().tolist(), strict=True)
    head = "| net | " + " | ".join(classes) + " |\n|:--|" + "--:|" * len(classes)
    table = list(shares)
    rows = [
        "| original | " + " | ".join(f"{old:.1%}" for _, old, _ in table) + " |",
        "| copy | " + " | ".join(f"{new:.1%}" for _, _, new in table) + " |",
        "| change | " + " | ".join(_points(new - old) for _, old, new in table) + " |",
    ]
    with st.container(key="inspect-edit-classes"):
        st.markdown("**Right answers by class**\n\n" + head + "\n" + "\n".join(rows))


def _points(change: float) -> str:
    return "–" if abs(change) < 0.0005 else f"**{100 * change:+.1f}**"


def _edits(view: View) -> list[Edit]:
    """Those of this run; another run's are forgotten."""
    run_id, edits = st.session_state.get(_EDITS, ("", []))
    if run_id != view.run.id:
        edits = []
        st.session_state[_EDITS] = (view.run.id, edits)
        st.session_state[_UNDONE] = []
    found: list[Edit] = edits
    return found


def _add(view: View, edit: Edit) -> None:
    st.session_state[_EDITS] = (view.run.id, [*_edits(view), edit])
    st.session_state[_UNDONE] = []


def _undo() -> None:
    run_id, edits = st.session_state[_EDITS]
    st.session_state[_UNDONE] = [*st.session_state.get(_UNDONE, []), edits[-1]]
    st.session_state[_EDITS] = (run_id, edits[:-1])


def _redo() -> None:
    run_id, edits = st.session_state[_EDITS]
    *rest, last = st.session_state[_UNDONE]
    st.session_state[_UNDONE] = rest
    st.session_state[_EDITS] = (run_id, [*edits, last])


def _reset() -> None:
    run_id, edits = st.session_state[_EDITS]
    st.session_state[_UNDONE] = list(reversed(edits))
    st.session_state[_EDITS] = (run_id, [])


SECTION = Section("operate", "Edit weights", show, rank=80, of_layer=True)
