"""Section "One neuron": its weights, what excites it, and the arithmetic of its output.

A neuron is a unit of the chosen layer: a neuron of a dense one, a filter with its channel of a convolution.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import streamlit as st
import torch
from streamlit.errors import StreamlitAPIException
from torch import Tensor

from nnviz.analysis.activations import (
    Arithmetic,
    Trace,
    arithmetic,
    outgoing,
    source_shape,
    source_title,
    trace,
    unit_values,
)
from nnviz.analysis.checkpoint_view import CheckpointView, LayerView
from nnviz.analysis.decimal_sum import write_sum
from nnviz.analysis.health import unit_matrix
from nnviz.charts.bars import (
    bars_config,
    class_boxes_csv,
    class_boxes_figure,
    class_boxes_info,
    unit_bars_figure,
    unit_bars_info,
)
from nnviz.fields import Number
from nnviz.spec.activations import ACTIVATIONS
from nnviz.table import csv_text
from nnviz.ui.checkpoints import View, sample
from nnviz.ui.components.image_grid import Caption, signed_to_bytes, tiles
from nnviz.ui.components.plot import plot
from nnviz.ui.csv_button import csv_button
from nnviz.ui.forms import number_field
from nnviz.ui.glossary import heading
from nnviz.ui.memory import kept
from nnviz.ui.pages.inspect.section import Section
from nnviz.ui.state import Kept
from nnviz.ui.subject import Subject, choose_subject, set_subject_index

_CHOSEN = Kept.NEURON

TERMS = 10
"""Products of the sum that are told one by one."""

COLUMN = 292
"""Room for a picture with the legend of its colours, CSS pixels."""

HEAD = 112
"""About the side of the picture of the chosen image, CSS pixels."""

EXCITING = 12
"""Test images shown."""

PICTURES = 64
"""Of weights, at once."""

LARGE, SMALL = 196, 64
"""About the side of a picture that stands by itself, and of one among many, CSS pixels."""

VALUES_AT_ONCE = 4_000_000
"""Outputs of a layer kept at a time, 16 MB: of a very wide layer, fewer test images are asked about."""


class Picked(NamedTuple):
    """The neuron that is looked at, and what it does with the chosen image."""

    layer: LayerView
    unit: int
    subject: Subject
    traced: Trace
    told: Arithmetic
    title: str
    """"Neuron 5", "Filter 0", "Class 7"."""

    @property
    def word(self) -> str:
        return word_for(self.layer)

    @property
    def file_name(self) -> str:
        return f"{self.layer.name}-{self.unit}"


def word_for(layer: LayerView) -> str:
    """What a unit of the layer is called."""
    if layer.name == "output":
        return "class"
    return "channel" if layer.plan.layer.convolves else "neuron"


def unit_title(layer: LayerView, unit: int, classes: Sequence[str]) -> str:
    return f"{word_for(layer).capitalize()} {classes[unit] if layer.name == 'output' else unit}"


def is_finite(picked: Picked, values: npt.NDArray[np.float32]) -> bool:
    """Whether all that is told of it are numbers."""
    assert picked.layer.weight is not None
    weights = picked.layer.weight[picked.unit]
    return bool(weights.isfinite().all()) and math.isfinite(picked.told.total) and bool(np.isfinite(values).all())


def open_neuron(layer_name: str, unit: int) -> None:
    """Show unit number `unit` of a layer, in the section of neurons. To be called inside the page's fragment."""
    st.session_state[_CHOSEN] = (layer_name, unit)
    st.session_state[Kept.SECTION_WANTED] = "neuron"
    st.session_state[Kept.LAYER_WANTED] = layer_name
    _run_again()


def _run_again() -> None:
    try:
        st.rerun(scope="fragment")
    except StreamlitAPIException:  # the whole page is running, not the fragment by itself
        st.rerun()


def show(view: View) -> None:
    subject = choose_subject(view)
    layer, traced = view.layer, trace(view.checkpoint, subject.inputs)
    if not bool(traced.probabilities.isfinite().all()):
        st.info("The net's answer is not a number: its training has diverged.", icon=":material/error:")
        return
    with st.container(horizontal=True, vertical_alignment="bottom", key="inspect-neuron-choice"):
        unit = _choose_unit(layer, traced)
    told = arithmetic(layer, traced.of(layer.name), 0, unit, TERMS)
    picked = Picked(layer, unit, subject, traced, told, unit_title(layer, unit, view.checkpoint.data.dataset.classes))
    values, words = _over_the_test_images(view, picked)
    if not is_finite(picked, values):
        st.info(f"Not all numbers of {picked.title} are finite: it has diverged.", icon=":material/error:")
        return
    _head(picked, values, words)
    _incoming(view, picked)
    _outgoing(view, picked)
    left, right = st.columns(2, gap="large")
    with left, st.container(key="inspect-neuron-sum"):
        _sum(view, picked)
    with right:
        _digits(view, picked, values, words)
        _exciting(view, picked, values, words)


def _head(picked: Picked, values: npt.NDArray[np.float32], words: str) -> None:
    """The image, what a filter makes of it, and what comes out."""
    output = picked.traced.of(picked.layer.name).output[0, picked.unit]
    with st.container(horizontal=True, gap="medium", vertical_alignment="center", key="inspect-neuron-head"):
        with st.container(width=HEAD + 24):
            tiles(picked.subject.pixels[None], key="inspect-neuron-image", size=HEAD, label=picked.subject.title)
        if output.dim() == 2 and output.numel() > 1:
            with st.container(width=HEAD + 24):
                side = _side((1, *output.shape), HEAD)
                tiles(
                    signed_to_bytes(output.numpy()[None])[0],
                    key="inspect-neuron-channel",
                    palette="diverging",
                    size=side,
                    label=f"What {picked.title} makes of the image",
                    values=output.numpy()[None],
                    names=("output", "row", "column"),
                    captions=[Caption("its channel")],
                )
        with st.container(width="stretch"):
            st.markdown(f"## {picked.title} of {picked.layer.title}\n{in_words(picked)}")
            st.caption(f"{picked.subject.title}.")
            _facts(picked, values, words)


def _choose_unit(layer: LayerView, traced: Trace) -> int:
    """The one chosen before; for a layer that is looked at for the first time the one that is strongest now."""
    strongest = int(unit_values(traced.of(layer.name).output)[0].argmax())
    name, unit = st.session_state.get(_CHOSEN) or ("", 0)
    if name != layer.name or not 0 <= unit < layer.units:
        unit = strongest

    def choose(unit: float) -> None:
        st.session_state[_CHOSEN] = (layer.name, int(unit))

    choose(unit)
    number_field(
        f"{word_for(layer).capitalize()} of {layer.title}",
        unit,
        Number(f"the number of the {word_for(layer)}", 0, layer.units - 1, whole=True),
        "inspect-neuron-unit",
        choose,
        help=f"From 0 to {layer.units - 1:,}.",
        width=240,
        steps=True,
    )
    st.button(
        "The strongest for this image",
        key="inspect-neuron-strongest",
        icon=":material/bolt:",
        on_click=choose,
        args=(strongest,),
        disabled=unit == strongest,
    )
    return unit


def in_words(picked: Picked) -> str:
    told, classes = picked.told, picked.traced.probabilities.shape[1]
    if picked.layer.name == "output":
        share = f"{float(picked.traced.probabilities[0, picked.unit]):.2%}".replace("%", " %")
        return (
            f"Its logit for this image is **{told.output:+.4f}**; the softmax of all {classes} makes that a probability"
            f" of **{share}**."
        )
    if told.position is None:
        return f"For this image it gives **{told.output:.4f}**."
    row, column = told.position
    return f"For this image it gives at most **{told.output:.4f}**, at row {row}, column {column} of its channel."


# ---------------------------------------------------------------------- over the test images


def _over_the_test_images(view: View, picked: Picked) -> tuple[npt.NDArray[np.float32], str]:
    """What the unit gives for each of the first test images, (n,), and which images those are, in words."""
    test, words = sample(view.checkpoint, view.live)
    count = max(1, VALUES_AT_ONCE // picked.layer.units)
    if count < len(test.labels):
        test, words = view.checkpoint.data.first_test(count)
    values = _units(view.run.id, view.checkpoint.step_number, picked.layer.name, len(test.labels), view.checkpoint)
    return values[:, picked.unit].numpy(), words


@kept()
def _units(run_id: str, step: int, layer: str, count: int, _checkpoint_view: CheckpointView) -> Tensor:
    """(count, units)."""
    return unit_matrix(_checkpoint_view, layer, count)


def _facts(picked: Picked, values: npt.NDArray[np.float32], words: str) -> None:
    relu = picked.layer.activation == "relu"
    if relu and not values.any():
        st.warning(
            f"This {picked.word} is dead: it gives 0 for {words}. Where ReLU gives 0 no gradient gets through, so"
            " nothing these images teach reaches its weights.",
            icon=":material/power_off:",
        )
        return
    facts = f"Over {words}: mean {values.mean():.4g}, from {values.min():.4g} to {values.max():.4g}"
    if relu and not values.all():
        facts += f"; 0 for {(values == 0).mean():.1%} of them".replace("%", " %")
    st.caption(facts + ("." if picked.told.position is None else ". Of a channel, its largest value in each image."))


def _digits(view: View, picked: Picked, values: npt.NDArray[np.float32], words: str) -> None:
    classes, labels = view.checkpoint.data.dataset.classes, view.checkpoint.data.test.labels[: len(values)].numpy()
    info = class_boxes_info(classes, values, labels)
    with st.container(key="inspect-neuron-digits"):
        st.markdown("## What it says of each class")
        plot(
            class_boxes_figure(info, dark=view.dark, unit="logit" if picked.layer.name == "output" else "output"),
            key="inspect-neuron-digits-plot",
            config=bars_config(f"{view.name}-{picked.file_name}-classes"),
            alt=f"Median output of {picked.title} by class: "
            + ", ".join(
                f"{name} {median:.3f}"
                for name, median in zip(classes, info.quantiles[:, 2].tolist(), strict=True)
                if median == median
            ),
        )
        st.caption(
            f"Of {words}. A box holds the middle half of a class's images, with the median as a line in it; the"
            " whiskers reach from 5 to 95 %; ◇ is the mean."
        )
        csv_button(
            "CSV",
            lambda: class_boxes_csv(info),
            f"{view.name}-{picked.file_name}-classes.csv",
            key="inspect-neuron-digits-csv",
        )


def _exciting(view: View, picked: Picked, values: npt.NDArray[np.float32], words: str) -> None:
    if values.max() == values.min():
        return
    test, classes = view.checkpoint.data.test, view.checkpoint.data.dataset.classes
    shown = np.argsort(-values, kind="stable")[:EXCITING].tolist()
    with st.container(key="inspect-neuron-exciting"):
        heading("Top-activating images")
        clicked = tiles(
            test.images[shown, 0].numpy(),
            key="inspect-neuron-exciting-tiles",
            size=84,
            clickable=True,
            captions=[Caption(classes[int(test.labels[index])], f"{values[index]:.3f}") for index in shown],
            label=f"Test images for which {picked.title} of {picked.layer.title} gives most",
        )
        st.caption(f"Of {words}, with the class and the output. Click one to look at the net with it.")
    if clicked is not None:
        set_subject_index(shown[clicked])
        _run_again()


# ---------------------------------------------------------------------- weights


def _incoming(view: View, picked: Picked) -> None:
    layer = picked.layer
    assert layer.weight is not None
    shape = source_shape(view.checkpoint, layer)
    weights = [("Its weights", layer.weight[picked.unit].numpy().reshape(shape))]
    if view.beside is not None and view.beside_layer is not None and view.beside_layer.weight is not None:
        title = view.beside.title
        weights.append((title[:1].upper() + title[1:], view.beside_layer.weight[picked.unit].numpy().reshape(shape)))
    limit = max(float(np.abs(np.nan_to_num(values, posinf=0, neginf=0)).max()) for _, values in weights)
    heading("Incoming weights", "Weight")
    if len(shape) == 3 and shape[1] * shape[2] > 1:
        if shape[0] == 1:
            _with_the_image(view, picked, weights, limit)
        else:
            _channels(picked, weights, limit)
        return
    kind = "neuron" if len(shape) == 1 else "channel"
    for place, (title, values) in enumerate(weights):
        with st.container(key=f"inspect-neuron-incoming-{place}"):
            info = unit_bars_info(values.reshape(-1))
            if len(weights) > 1:
                st.markdown(f"**{title}**")
            clicked = plot(
                unit_bars_figure(info, dark=view.dark, unit="weight", source=f"{kind} before"),
                key=f"inspect-neuron-incoming-plot-{place}",
                config=bars_config(f"{view.name}-{picked.file_name}-incoming"),
                alt=f"Incoming weights of {picked.title}, from {float(values.min()):.3f} to {float(values.max()):.3f}",
            )
        before = _before(view.checkpoint, layer)
        if before is not None and isinstance(clicked, int) and 0 <= clicked < before.units:
            open_neuron(before.name, clicked)
    st.caption(
        f"One bar for each {kind} of the layer before{_strongest(len(info.units), info.total)}. Blue lets it add to"
        f" this {picked.word}, orange against. Click one to open it."
    )


def _with_the_image(
    view: View, picked: Picked, weights: list[tuple[str, npt.NDArray[np.float32]]], limit: float
) -> None:
    """Weights on pixels: beside them what they are laid on, and the products of the two."""
    layer = picked.layer
    shape = weights[0][1].shape
    told = arithmetic(layer, picked.traced.of(layer.name), 0, picked.unit, int(np.prod(shape)))
    products = np.zeros(shape, np.float32)
    for term in told.terms:
        products.flat[term.source] = term.product
    side = _side(shape, LARGE)
    names = (picked.word, "row", "column")
    with st.container(horizontal=True, gap="medium", key="inspect-neuron-incoming"):
        for place, (title, values) in enumerate(weights):
            with st.container(width=COLUMN):
                st.markdown(f"**{title}**")
                tiles(
                    signed_to_bytes(values, limit)[0],
                    key=f"inspect-neuron-weights-{place}",
                    palette="diverging",
                    size=side,
                    limit=limit,
                    label=f"{title} of {picked.title}",
                    values=values,
                    names=names,
                    captions=[Caption(str(picked.unit))],
                    file_name=f"{picked.file_name}-weights.png",
                )
        with st.container(width=COLUMN):
            st.markdown("**What it sees**")
            tiles(
                pixels_seen(picked),
                key="inspect-neuron-seen",
                size=side,
                label=f"{picked.subject.title}, as {picked.title} sees it",
                captions=[Caption(_where(picked))],
            )
        with st.container(width=COLUMN):
            st.markdown("**Input × weight**")
            pixels, end = signed_to_bytes(products)
            tiles(
                pixels,
                key="inspect-neuron-products",
                palette="diverging",
                size=side,
                limit=end,
                label=f"What each pixel adds to the sum of {picked.title}",
                values=products,
                names=names,
                captions=[Caption(f"together {float(products.sum(dtype=np.float64)):+.3f}")],
                file_name=f"{picked.file_name}-products.png",
            )
    dataset = view.checkpoint.data.dataset
    st.caption(
        "Blue weights like ink, orange ones don't. For the net empty paper is"
        f" {minus(f'{-dataset.mean / dataset.std:.4g}')} and full ink {(1 - dataset.mean) / dataset.std:.4g}, so that"
        " pixels without ink add something too."
    )


def pixels_seen(picked: Picked) -> npt.NDArray[np.uint8]:
    """The part of the chosen image that the weights are laid on, uint8 (1, h, w); beyond the rim it is paper."""
    pixels = torch.from_numpy(picked.subject.pixels.copy())[None]
    return (
        pixels if picked.told.position is None else picked.layer.plan.layer.window(pixels, *picked.told.position)
    ).numpy()


def _where(picked: Picked) -> str:
    return "the image" if picked.told.position is None else "where it gives most"


def _channels(picked: Picked, weights: list[tuple[str, npt.NDArray[np.float32]]], limit: float) -> None:
    """One picture for each channel that the weights are laid on."""
    for place, (title, values) in enumerate(weights):
        shown = _largest(values)
        with st.container(key=f"inspect-neuron-incoming-{place}"):
            if len(weights) > 1:
                st.markdown(f"**{title}**")
            tiles(
                signed_to_bytes(values[shown], limit)[0],
                key=f"inspect-neuron-weights-{place}",
                palette="diverging",
                size=_side(values.shape, SMALL),
                limit=limit,
                captions=[Caption(f"{one}") for one in shown],
                label=f"Weights of {picked.title}",
                values=values[shown],
                names=("channel", "row", "column"),
                file_name=f"{picked.file_name}-weights.png",
            )
    st.caption(f"One picture for each channel of the layer before{_strongest(len(shown), len(values))}.")


def _outgoing(view: View, picked: Picked) -> None:
    st.markdown("## Outgoing weights")
    found = outgoing(view.checkpoint, picked.layer, picked.unit)
    if found is None:
        st.caption("None: this is the last layer. The softmax makes probabilities of its outputs.")
        return
    values, after = found.weights.numpy(), found.layer
    what = word_for(after)
    plural = "classes" if what == "class" else f"{what}s"
    with st.container(key="inspect-neuron-outgoing"):
        if values.ndim == 1:
            info = unit_bars_info(values)
            many = _strongest(len(info.units), info.total)
            clicked = plot(
                unit_bars_figure(info, dark=view.dark, unit="weight", source=what),
                key="inspect-neuron-outgoing-plot",
                config=bars_config(f"{view.name}-{picked.file_name}-outgoing"),
                alt=f"Outgoing weights of {picked.title} to the {plural} of {after.title}, the largest to {what}"
                f" {int(info.units[info.values.argmax()])}",
            )
            clicked = clicked if isinstance(clicked, int) and 0 <= clicked < after.units else None
        else:
            shown = _largest(values)
            many = _strongest(len(shown), len(values))
            pixels, limit = signed_to_bytes(values[shown])
            place = tiles(
                pixels,
                key="inspect-neuron-outgoing-tiles",
                palette="diverging",
                limit=limit,
                clickable=True,
                size=_side(values.shape, SMALL),
                captions=[Caption(f"{one}") for one in shown],
                label=f"Weights of {after.title} for {picked.title}",
                values=values[shown],
                names=(what, "row", "column"),
                file_name=f"{picked.file_name}-outgoing.png",
            )
            clicked = None if place is None else shown[place]
        st.caption(
            f"What the {plural} of {after.title} do with it{many}: blue, it adds to them; orange, it takes away."
            " Click one to open it."
        )
        csv_button(
            "CSV",
            lambda: outgoing_csv(what, values),
            f"{view.name}-{picked.file_name}-outgoing.csv",
            key="inspect-neuron-outgoing-csv",
        )
    if clicked is not None:
        open_neuron(after.name, clicked)


def outgoing_csv(what: str, values: npt.NDArray[np.float32]) -> str:
    """One line for each unit of the next layer; several weights, of a kernel or a channel's map, row by row."""
    rows = values.reshape(len(values), -1)
    names = ["weight"] if rows.shape[1] == 1 else [f"weight {place}" for place in range(rows.shape[1])]
    return csv_text(
        (f"to {what}", *names), ((unit, *(f"{value:.9g}" for value in row)) for unit, row in enumerate(rows.tolist()))
    )


def _before(checkpoint: CheckpointView, layer: LayerView) -> LayerView | None:
    return next((one for one in reversed(checkpoint.learning_layers) if one.place < layer.place), None)


def _largest(values: npt.NDArray[np.float32]) -> list[int]:
    """Of pictures (n, h, w) those to show, in their order: where there are too many, those of the largest norm."""
    norms = np.linalg.norm(np.nan_to_num(values).reshape(len(values), -1), axis=1)
    chosen: list[int] = np.sort(np.argsort(-norms, kind="stable")[:PICTURES]).tolist()
    return chosen


def _strongest(shown: int, total: int) -> str:
    return "" if shown == total else f"; the {shown} strongest of {total:,}"


def _side(shape: tuple[int, ...], about: int) -> int:
    """A multiple of a picture's longer side, so that all its pixels are of one size."""
    side = max(shape[1:])
    return side * max(1, round(about / side))


# ---------------------------------------------------------------------- arithmetic


def _sum(view: View, picked: Picked) -> None:
    layer, told = picked.layer, picked.told
    shape = source_shape(view.checkpoint, layer)
    st.markdown("## The arithmetic")
    st.caption(
        f"Inputs × weights + bias, for this image{'' if told.position is None else ', where the channel gives most'}."
        f"{_under(told)}{_normalised(view.checkpoint, layer)} Add up the last column: it comes to the last digit shown."
    )
    st.markdown(sum_table(picked, shape))
    csv_button(
        "All products as CSV",
        lambda: sum_csv(picked, shape),
        f"{view.name}-{picked.file_name}-sum.csv",
        key="inspect-neuron-sum-csv",
    )


def _under(told: Arithmetic) -> str:
    return "" if told.position is None else " Inputs are named by their place under the kernel, (row, column)."


def _together(words: str) -> str:
    """Without a break of line inside (row, column)."""
    return words.replace(", ", ",\u00a0")


def _normalised(checkpoint: CheckpointView, layer: LayerView) -> str:
    before = checkpoint.layers[layer.place - 1] if layer.place else None
    normal = before is not None and before.plan.layer.keeps_features and not before.plan.layer.idle
    return " Its inputs come out of a batch normalisation." if normal else ""


def sum_table(picked: Picked, shape: tuple[int, ...]) -> str:
    """In Markdown."""
    told = picked.told
    written = write_sum(told)
    rows = [
        f"| {_together(source_title(shape, term.source))} | {minus(term.value)} | {minus(term.weight)} |"
        f" {minus(term.product)} |"
        for term in written.terms
    ]
    if written.rest:
        rows.append(f"| the other {told.others:,} together | | | {minus(written.rest)} |")
    rows.append(f"| bias | | | {minus(written.bias)} |")
    if written.rounding:
        rows.append(f"| lost in rounding | | | {minus(written.rounding)} |")
    rows.append(f"| **sum** | | | **{minus(written.total)}** |")
    if told.activation != "identity":
        rows.append(f"| **{ACTIVATIONS[told.activation].title}** of it, the output | | | **{minus(written.output)}** |")
    return "| from | input | weight | input × weight |\n|:--|--:|--:|--:|\n" + "\n".join(rows)


def sum_csv(picked: Picked, shape: tuple[int, ...]) -> str:
    """Every product, the largest first."""
    layer = picked.layer
    assert layer.weight is not None
    told = arithmetic(layer, picked.traced.of(layer.name), 0, picked.unit, layer.weight[0].numel())
    rows = [
        (source_title(shape, term.source), f"{term.value:.9g}", f"{term.weight:.9g}", f"{term.product:.9g}")
        for term in told.terms
    ]
    rows += [("bias", "", "", f"{told.bias:.9g}"), ("sum", "", "", f"{told.total:.9g}")]
    rows.append(("output", "", "", f"{told.output:.9g}"))
    return csv_text(("from", "input", "weight", "input × weight"), rows)


def minus(number: str) -> str:
    """A number with a proper minus sign, as long as a plus."""
    return number.replace("-", "−")


SECTION = Section("neuron", "One neuron", show, rank=40, of_layer=True)
