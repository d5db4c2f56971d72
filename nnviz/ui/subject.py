"""The image that a person looks at the net with. All sections share it: choosing another one in one section is choosing
it in all.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import streamlit as st
import torch
from torch import Tensor

from nnviz.analysis.checkpoint_view import CheckpointView
from nnviz.data.datasets import Dataset, Split, to_input
from nnviz.fields import Number
from nnviz.train.evaluation import evaluate
from nnviz.ui.checkpoints import View, sample
from nnviz.ui.format import percent
from nnviz.ui.forms import number_field
from nnviz.ui.memory import kept
from nnviz.ui.state import Kept, keep

ANY = -1
"""No digit in particular. (None would be an empty select box.)"""

KINDS = {
    "test": "Any test image",
    "mistake": "One the net gets wrong",
    "batch": "One of the next mini-batch",
    "drawing": "Your drawing",
}
_KIND, _INDEX, _DIGIT = "inspect-image-kind", "inspect-image-index", "inspect-image-digit"
_TEST, _MISTAKE, _BATCH = Kept.TEST_IMAGE, Kept.MISTAKE, Kept.BATCH_IMAGE
_WANTED = Kept.WANTED_IMAGE
_WIDTH = 190
"""Of the field for a number with its two buttons, CSS pixels."""


class Subject(NamedTuple):
    pixels: npt.NDArray[np.uint8]
    """(28, 28), 255 = ink; rounded, where an image of the mini-batch was moved or rotated."""
    inputs: Tensor
    """As the network gets it, float32 (1, 1, 28, 28)."""
    label: int | None
    """The true class, where it is known."""
    title: str
    key: str
    """Tells it apart from all other images."""


def set_subject_index(index: int) -> None:
    """Let all sections look at test image number `index`, from the next run of the fragment on."""
    st.session_state[_WANTED] = index


def choose_subject(view: View) -> Subject:
    """A row of controls, and the image they stand for. To be called once in a run."""
    if (wanted := st.session_state.pop(_WANTED, None)) is not None:
        st.session_state[_KIND], st.session_state[_TEST] = "test", wanted
    drawn = _drawing()
    kinds = [kind for kind in KINDS if kind != "drawing" or drawn is not None]
    classes = view.checkpoint.data.dataset.classes
    keep(_KIND, kinds)
    keep(_DIGIT, [ANY, *range(len(classes))])
    with st.container(horizontal=True, vertical_alignment="bottom", key="inspect-image"):
        kind = st.selectbox("Image", kinds, key=_KIND, format_func=KINDS.__getitem__, width=230)
        if kind == "drawing" and drawn is not None:
            return drawn_subject(drawn, view.checkpoint.data.dataset)
        if kind == "batch":
            return _of_batch(view)
        return _of_mistakes(view) if kind == "mistake" else _of_test(view)


def _of_test(view: View) -> Subject:
    test, dataset = view.checkpoint.data.test, view.checkpoint.data.dataset
    index = _number("Its number", _TEST, 0, len(test.labels) - 1)
    everything = range(len(test.labels))

    def draw() -> None:
        _draw(_TEST, of_class(everything, test.labels, st.session_state[_DIGIT]))

    _digit(dataset, on_change=draw)
    _random(draw)
    return test_subject(test, dataset, index)


def _of_mistakes(view: View) -> Subject:
    """The chosen mistake is a test image: it stays while the net changes, until the net gets it right."""
    data = view.checkpoint.data
    test, words = sample(view.checkpoint, view.live)
    found = mistakes(view.run.id, view.checkpoint.step_number, len(test.labels), view.checkpoint)
    if not found:
        st.caption(f"The net gets {words} right. Here is one of those.")
        return test_subject(data.test, data.dataset, _clipped(st.session_state.get(_TEST), 0, len(test.labels) - 1))
    digit = st.session_state[_DIGIT]
    shown = of_class(found, test.labels, digit)
    missing = not shown
    shown = shown or found
    chosen, place = st.session_state.get(_MISTAKE) or (shown[0], 0)
    place = shown.index(chosen) if chosen in shown else _clipped(place, 0, len(shown) - 1)

    def choose(place: int) -> None:
        st.session_state[_MISTAKE] = (shown[place], place)

    choose(place)
    number_field(
        f"Mistake, of {len(shown):,}",
        place + 1,
        Number("the place of the mistake", 1, len(shown), whole=True),
        _INDEX,
        lambda number: choose(int(number) - 1),
        help=f"Of {words}, the surest first.",
        width=_WIDTH,
        steps=True,
    )
    _digit(data.dataset)
    _random(lambda: choose(random.randrange(len(shown))))
    if missing:
        st.caption(f"No {data.dataset.classes[digit]} is among the mistakes; here are those of all classes.")
    return test_subject(data.test, data.dataset, shown[place])


def _of_batch(view: View) -> Subject:
    step, data = view.checkpoint.next_step, view.checkpoint.data
    if step is None:
        st.caption("The loss of the next mini-batch is not finite. Here is a test image.")
        return test_subject(data.test, data.dataset, 0)
    place = _number(f"Image, of {len(step.labels)}", _BATCH, 1, len(step.labels))
    _random(lambda: _draw(_BATCH, range(1, len(step.labels) + 1)))
    inputs, label = step.images[place - 1 : place], int(step.labels[place - 1])
    return Subject(
        to_pixels(inputs, data.dataset),
        inputs,
        label,
        f"Image {place} of the mini-batch of step {step.step:,}: {data.dataset.classes[label]}",
        f"{view.run.id}-{step.step}-{place}",
    )


def drawn_subject(drawn: npt.NDArray[np.uint8], dataset: Dataset) -> Subject:
    """An image (28, 28) of a person's own, 255 = ink."""
    inputs = to_input(torch.from_numpy(drawn.copy()).view(1, *dataset.input_shape), dataset)
    return Subject(drawn, inputs, None, "Your drawing", f"drawing-{hashlib.md5(drawn.tobytes()).hexdigest()}")


def test_subject(test: Split, dataset: Dataset, index: int) -> Subject:
    """Test image number `index`."""
    label = int(test.labels[index])
    return Subject(
        test.images[index, 0].numpy(),
        to_input(test.images[index : index + 1], dataset),
        label,
        f"Test image {index:,}: {dataset.classes[label]}",
        f"{dataset.name}-test-{index}",
    )


def answer_in_words(classes: Sequence[str], answer: int, share: float, label: int | None) -> str:
    """What the net says of an image, and whether that is right where the true class is known."""
    words = f"The net answers {classes[answer]}, with {percent(share)}."
    if label is None:
        return words
    return f"{words} That is {'right' if label == answer else f'wrong: it is {classes[label]}'}."


def to_pixels(inputs: Tensor, dataset: Dataset) -> npt.NDArray[np.uint8]:
    """What `to_input` made of one image (1, 1, height, width), backwards: uint8 (height, width)."""
    pixels = inputs[0, 0].mul(dataset.std).add(dataset.mean).mul(255).round().clamp(0, 255)
    return pixels.to(torch.uint8).numpy()


@kept()
def mistakes(run_id: str, step: int, count: int, _checkpoint_view: CheckpointView) -> list[int]:
    """Which of the first `count` test images the net gets wrong, the surest first."""
    test = _checkpoint_view.data.test
    found: list[int] = (
        evaluate(_checkpoint_view.model, _checkpoint_view.data.dataset, Split(test.images[:count], test.labels[:count]))
        .worst(count)
        .tolist()
    )
    return found


# ---------------------------------------------------------------------- controls


def _number(label: str, key: str, low: int, high: int) -> int:
    """A number that outlives its widget: it is kept under the plain key `key`."""
    value = _clipped(st.session_state.get(key), low, high)
    number_field(
        label,
        value,
        Number("the number of the image", low, high, whole=True),
        _INDEX,
        lambda number: st.session_state.update({key: number}),
        help=f"From {low} to {high:,}.",
        width=_WIDTH,
        steps=True,
    )
    return value


def _digit(dataset: Dataset, on_change: Callable[[], None] | None = None) -> None:
    """Which digit the image shall be of."""
    st.selectbox(
        "Digit" if dataset.classes[0] == "0" else "Class",
        [ANY, *range(len(dataset.classes))],
        key=_DIGIT,
        width=120,
        on_change=on_change,
        format_func=lambda one: "any" if one == ANY else dataset.classes[one],
    )


def _random(draw: Callable[[], None]) -> None:
    st.button("Random", key="inspect-image-random", icon=":material/casino:", on_click=draw)


def _draw(key: str, among: Sequence[int]) -> None:
    st.session_state[key] = random.choice(among)


def of_class(among: Sequence[int], labels: Tensor, digit: int) -> Sequence[int]:
    """Those of `among`, indices into `labels`, that are a `digit`, in their order."""
    if digit == ANY:
        return among
    indices = np.asarray(among, dtype=np.int64)
    chosen: list[int] = indices[labels.numpy()[indices] == digit].tolist()
    return chosen


def _clipped(value: object, low: int, high: int) -> int:
    return min(max(value, low), high) if isinstance(value, int) else low


def _drawing() -> npt.NDArray[np.uint8] | None:
    """What the person drew last, if it is an image."""
    drawn = st.session_state.get(Kept.DRAWN_IMAGE)
    usable = isinstance(drawn, np.ndarray) and drawn.dtype == np.uint8 and drawn.shape == (28, 28) and bool(drawn.any())
    return drawn if usable else None
