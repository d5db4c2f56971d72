"""Section "Fine-tune": keep the drawing with its right label, and let a copy of the net learn from it."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st
import torch

from nnviz.analysis.checkpoint_view import CheckpointView
from nnviz.analysis.recognition import answer, fine_tune, teach
from nnviz.data.datasets import Split
from nnviz.fields import SpecError
from nnviz.store.database import StoreError
from nnviz.store.drawings import DEFAULT_COLLECTION, MAX_AUTHOR, DrawingGone
from nnviz.train.evaluation import evaluate
from nnviz.ui import services, state
from nnviz.ui.checkpoints import sample
from nnviz.ui.format import percent, plain, sentence
from nnviz.ui.pages.draw import pupils, sheet
from nnviz.ui.pages.draw.nets import Net
from nnviz.ui.pages.draw.pupils import Lesson
from nnviz.ui.pages.draw.scene import Scene, choose_label, empty_paper
from nnviz.ui.state import Kept

RATES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
STEPS = (10, 30, 100, 300)

_AUTHOR, _COLLECTION, _RATE, _STEPS, _SAID = (
    "draw-author",
    "draw-collection",
    "draw-rate",
    "draw-tune-steps",
    "draw_teaching_said",
)


def show(scene: Scene) -> None:
    now, net = scene.sheet, scene.net
    label = None
    if now is None:
        empty_paper()
    else:
        label = choose_label(scene, int(answer(net.checkpoint, now.prepared.pixels).argmax()), "The right answer is")
    _keep(scene, label)
    st.divider()
    _lessons(scene, label)


# ---------------------------------------------------------------------- keeping


def _keep(scene: Scene, label: int | None) -> None:
    names = collection_names()
    for key in (_AUTHOR, _COLLECTION):
        st.session_state[key] = st.session_state.get(key, DEFAULT_COLLECTION if key == _COLLECTION else "")
    if st.session_state[_COLLECTION] not in names:
        names.append(st.session_state[_COLLECTION])
    with st.container(horizontal=True, vertical_alignment="bottom", key="draw-keep-row"):
        st.text_input("Nickname, if you like", key=_AUTHOR, max_chars=MAX_AUTHOR, width=200)
        st.selectbox(
            "Collection",
            names,
            key=_COLLECTION,
            accept_new_options=True,
            width=240,
            help="Choose one or type the name of a new one.",
        )
        st.button(
            "Keep it, next sheet",
            key="draw-keep",
            icon=":material/bookmark_add:",
            disabled=label is None or bool(services.look_only()),
            on_click=_on_keep,
            args=(scene, label),
        )
    if said := st.session_state.pop(_SAID, None):
        (st.success if said[0] else st.error)(plain(said[1]))
    if st.session_state.pop(Kept.DRAW_AGAIN, False):
        st.rerun()


def _on_keep(scene: Scene, label: int | None) -> None:
    if scene.sheet is None or label is None:
        return
    collection = st.session_state[_COLLECTION] or DEFAULT_COLLECTION
    try:
        services.handwriting().add(
            scene.sheet.ink, scene.sheet.prepared.pixels, label, st.session_state[_AUTHOR], collection
        )
    except (SpecError, StoreError) as error:
        st.session_state[_SAID] = (False, sentence(str(error)))
        return
    st.session_state[Kept.DRAW_AGAIN] = True
    st.session_state[Kept.DRAWING_KEPT] = f"Kept as a {scene.net.classes[label]} in {collection}."
    st.session_state["draw-label"] = -1
    sheet.new_sheet()


def collection_names() -> list[str]:
    """Of all collections of kept drawings, the default one among them."""
    names = [one.name for one in services.handwriting().collections()]
    return names if DEFAULT_COLLECTION in names else [DEFAULT_COLLECTION, *names]


# ---------------------------------------------------------------------- lessons


def _lessons(scene: Scene, label: int | None) -> None:
    net = scene.net
    st.markdown(
        "**Lessons** change a copy of the net that is yours alone; the recorded run stays as it is. One step is "
        r"$W_\text{new} = W_\text{old} - \alpha\,\partial L/\partial W$, with the loss $L$ of this one drawing."
    )
    for key, options, usual in ((_RATE, RATES, 0.03), (_STEPS, STEPS, 100)):
        state.recall(key, usual, options)
    kept = kept_drawings()
    with st.container(horizontal=True, vertical_alignment="bottom", key="draw-lesson-row"):
        st.select_slider("Learning rate α", RATES, key=_RATE, format_func="{:g}".format, width=220)
        one = st.button(
            "One gradient step on this drawing",
            key="draw-teach",
            type="primary",
            icon=":material/school:",
            disabled=label is None,
        )
    with st.container(horizontal=True, vertical_alignment="bottom", key="draw-tune-row"):
        st.select_slider("Steps on all kept drawings", STEPS, key=_STEPS, width=220)
        tune = st.button(
            "Fine-tune",
            key="draw-tune",
            icon=":material/model_training:",
            disabled=not len(kept.labels),
            help=f"On batches of which half are the {len(kept.labels)} kept drawings and half are training images, so"
            " that it doesn't forget what it knew."
            if len(kept.labels)
            else "Keep some drawings first.",
        )
    if one and scene.sheet is not None and label is not None:
        _learn(net, lambda: one_step(scene, label, st.session_state[_RATE]))
    if tune:
        with st.spinner("Learning from the kept drawings …"):
            _learn(net, lambda: tuned(net, kept, st.session_state[_RATE], st.session_state[_STEPS]))
    _told(net)


def _learn(net: Net, lesson: Callable[[], Lesson]) -> None:
    """Give the lesson; then the whole page answers with the net that had it."""
    pupils.taught(net.run.id, lesson())
    st.rerun()


def one_step(scene: Scene, label: int, rate: float) -> Lesson:
    """One gradient step on the drawing, and what it changed."""
    assert scene.sheet is not None
    before, pixels = scene.net.checkpoint, scene.sheet.prepared.pixels
    after = teach(before, pixels[None], [label], lr=rate)
    shares = tuple(float(answer(checkpoint, pixels)[label]) for checkpoint in (before, after))
    return Lesson(
        after,
        f"One step, α = {rate:g}: this is a {scene.net.classes[label]}",
        (shares[0], shares[1]),
        (_accuracy(scene.net), test_accuracy(after)),
    )


def tuned(net: Net, kept: Split, rate: float, steps: int) -> Lesson:
    """Steps on the kept drawings among training images, and what they changed."""
    # The momentum makes each step about ten times as long as a plain one.
    after = fine_tune(net.checkpoint, kept, lr=max(rate / 10, 1e-4), steps=steps)
    shares = tuple(evaluate(one.model, one.data.dataset, kept).accuracy for one in (net.checkpoint, after))
    return Lesson(
        after,
        f"{steps} steps on {len(kept.labels)} kept drawings",
        (shares[0], shares[1]),
        (_accuracy(net), test_accuracy(after)),
    )


def _accuracy(net: Net) -> float:
    pupil = pupils.pupil_of(net.run.id)
    return pupil.lessons[-1].accuracy[1] if pupil else test_accuracy(net.checkpoint)


def _told(net: Net) -> None:
    pupil = pupils.pupil_of(net.run.id)
    if pupil is None:
        return
    rows = [
        f"| {number} | {lesson.words} | {_change(lesson.share)} | {_change(lesson.accuracy)} |"
        for number, lesson in enumerate(pupil.lessons, pupil.forgotten + 1)
    ]
    with st.container(key="draw-lessons"):
        st.markdown(
            "| No. | Lesson | Right answer, before → after | Test images right |\n|--:|:--|--:|--:|\n" + "\n".join(rows)
        )
        st.caption(
            "For one step the third column is the probability of the right answer for the drawing; for fine-tuning, the"
            " share of kept drawings that the net gets right. The last column tells what else the lesson did, on"
            f" {sample(net.checkpoint)[1]}."
        )
    with st.container(horizontal=True, key="draw-lessons-buttons"):
        back = st.button("Undo the last lesson", key="draw-undo-lesson", icon=":material/undo:")
        forget = st.button("Forget all lessons", key="draw-forget", icon=":material/restart_alt:")
    if back:
        pupils.undo(net.run.id)
    if forget:
        pupils.forget(net.run.id)
    if back or forget:
        st.rerun()


def _change(pair: tuple[float, float]) -> str:
    return f"{percent(pair[0])} → {percent(pair[1])}"


def kept_drawings() -> Split:
    """All kept drawings, of all collections."""
    store = services.handwriting()
    splits = []
    for one in store.collections():
        try:
            splits.append(store.split(one.name))
        except DrawingGone:
            continue
    if not splits:
        return Split(torch.zeros(0, 1, 28, 28, dtype=torch.uint8), torch.zeros(0, dtype=torch.int64))
    return Split(torch.cat([one.images for one in splits]), torch.cat([one.labels for one in splits]))


def test_accuracy(checkpoint: CheckpointView) -> float:
    """On the images of `sample`."""
    return evaluate(checkpoint.model, checkpoint.data.dataset, sample(checkpoint)[0]).accuracy
