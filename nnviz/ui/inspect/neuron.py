"""Section "One neuron": its weights, what excites it, and the arithmetic of its output."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
import streamlit as st
from streamlit.errors import StreamlitAPIException
from torch import Tensor

from nnviz.charts.bars import (
    bars_config,
    class_boxes_csv,
    class_boxes_figure,
    class_boxes_info,
    unit_bars_figure,
    unit_bars_info,
)
from nnviz.inspection.activations import (
    Arithmetic,
    arithmetic,
    feeding_layer,
    outgoing,
    source_shape,
    source_title,
    trace,
)
from nnviz.inspection.health import unit_matrix
from nnviz.inspection.moment import LayerView, Moment
from nnviz.inspection.written_sum import write_sum
from nnviz.layers import ACTIVATIONS
from nnviz.ui.inspect.subject import Subject, choose_subject, set_subject_index
from nnviz.ui.inspect.view import SLOW_IMAGES, View, test_part
from nnviz.ui.plot import plot
from nnviz.ui.tiles import Caption, signed_to_bytes, tiles

_CHOSEN, _UNIT = "inspect_neuron", "inspect-neuron-unit"

PICTURES = 64
"""Kernels or channels shown at once."""

EXCITING = 16
"""Test images shown."""

TERMS = 8
"""Products written out one by one."""

WIDE = 1024
"""Neurons from which on fewer test images are asked, so that what is kept of them stays small."""


def open_neuron(layer_name: str, unit: int) -> None:
    """Show unit number `unit` of a layer, in the section of neurons. To be called inside the page's fragment."""
    st.session_state[_CHOSEN] = (layer_name, unit)
    st.session_state["inspect-section-wanted"] = "neuron"
    st.session_state["inspect-layer-wanted"] = layer_name
    _rerun()


def show(view: View) -> None:
    subject = choose_subject(view)
    unit = _choose_unit(view.layer)
    st.markdown(f"##### {unit_title(view.moment, view.layer, unit)}")
    assert view.layer.weight is not None
    if not bool(view.layer.weight[unit].isfinite().all()):
        st.info("Its weights are not numbers: the training has diverged.", icon=":material/error:")
        return
    with st.container(horizontal=True, gap="large", key="inspect-neuron-weights"):
        _incoming(view, unit)
        _outgoing(view, unit)
    _arithmetic(view, subject, unit)
    _over_images(view, unit)


def unit_title(moment: Moment, layer: LayerView, unit: int) -> str:
    if layer.name == "output":
        return f"Class {moment.data.dataset.classes[unit]}, output {unit}"
    return f"{'Filter' if layer.plan.layer.kind == 'conv' else 'Neuron'} {unit} of {layer.title}"


def _choose_unit(layer: LayerView) -> int:
    name, unit = st.session_state.get(_CHOSEN) or ("", 0)
    unit = min(unit, layer.units - 1) if name == layer.name else 0
    st.session_state[_UNIT] = unit
    st.number_input(
        "Filter" if layer.plan.layer.kind == "conv" else "Neuron", 0, layer.units - 1, key=_UNIT, width=160,
        help=f"From 0 to {layer.units - 1:,}. Or click one in another section.",
        on_change=lambda: st.session_state.update({_CHOSEN: (layer.name, st.session_state[_UNIT])}),
    )  # fmt: skip
    return int(unit)


# ---------------------------------------------------------------------- weights


def _incoming(view: View, unit: int) -> None:
    layer = view.layer
    assert layer.weight is not None
    shape = source_shape(view.moment, layer)
    weights = layer.weight[unit].reshape(shape)
    bias = "" if layer.bias is None else f" · bias {float(layer.bias[unit]):+.4f}"
    with st.container(width=420, key="inspect-neuron-incoming"):
        st.markdown("**Incoming weights**")
        before = feeding_layer(view.moment, layer)
        clicked = _pictures(view, weights, "in", "channel", "neuron", f"Weights into number {unit}")
        st.caption(f"{weights.numel():,} weights, norm {float(weights.norm()):.4g}{bias}.")
        st.download_button(
            "CSV", lambda: incoming_csv(view.moment, layer, unit), f"{view.name}-{layer.name}-{unit}-weights.csv",
            "text/csv", key="inspect-neuron-incoming-csv", icon=":material/download:", on_click="ignore",
        )  # fmt: skip
        if clicked is not None and before is not None:
            open_neuron(before.name, clicked)


def _outgoing(view: View, unit: int) -> None:
    with st.container(width=420, key="inspect-neuron-outgoing"):
        st.markdown("**Outgoing weights**")
        found = outgoing(view.moment, view.layer, unit)
        if found is None:
            st.caption("Nothing comes after it but the softmax, which turns all the logits into probabilities.")
            return
        after, weights = found.layer, found.weights
        last = after.name == "output"
        targets = "classes" if last else "filters" if after.plan.layer.kind == "conv" else "neurons"
        clicked = _pictures(view, weights, "out", "to", "class" if last else "neuron", f"Weights out of number {unit}")
        st.caption(f"What the {len(weights):,} {targets} of {after.title} multiply its output with. Click to open one.")
        if clicked is not None:
            open_neuron(after.name, clicked)


def _pictures(view: View, weights: Tensor, end: str, tile: str, source: str, label: str) -> int | None:
    """Weights (n,) as bars, (n, h, w) as images; which of the n was clicked."""
    key = f"inspect-neuron-{end}"
    file = f"{view.name}-{view.layer.name}-{end}"
    if weights.dim() == 1 or weights[0].numel() == 1:
        info = unit_bars_info(weights.flatten().numpy())
        clicked = plot(
            unit_bars_figure(info, dark=view.dark, unit="weight", source=source), key=f"{key}-plot",
            config=bars_config(file), alt=f"{label}: from {float(weights.min()):.3f} to {float(weights.max()):.3f}",
        )  # fmt: skip
        if len(info.units) < info.total:
            st.caption(f"The {len(info.units)} strongest of {info.total:,}.")
        return clicked if isinstance(clicked, int) and 0 <= clicked < info.total else None
    values = weights.numpy()
    strength = np.abs(values).max((1, 2))
    shown = np.sort(np.argsort(-strength, kind="stable")[:PICTURES])
    pixels, limit = signed_to_bytes(values[shown])
    side, single = max(values.shape[1:]), len(values) == 1
    clicked = tiles(
        pixels, key=f"{key}-tiles", palette="diverging", limit=limit, clickable=not single, label=label,
        captions=None if single else [Caption(f"{tile} {place}") for place in shown.tolist()],
        size=side * max(1, round((224 if single else 56) / side)),
        values=values[shown].astype(np.float32), names=(tile, "row", "column"), file_name=f"{file}.png",
    )  # fmt: skip
    if len(shown) < len(values):
        st.caption(f"The {len(shown)} with the largest weights, of {len(values):,}.")
    return None if clicked is None else int(shown[clicked])


def incoming_csv(moment: Moment, layer: LayerView, unit: int) -> str:
    assert layer.weight is not None
    shape = source_shape(moment, layer)
    rows = [(source_title(shape, j), f"{w:.9g}") for j, w in enumerate(layer.weight[unit].flatten().tolist())]
    if layer.bias is not None:
        rows.append(("bias", f"{float(layer.bias[unit]):.9g}"))
    return _csv(("from", "weight"), rows)


# ---------------------------------------------------------------------- arithmetic


def arithmetic_table(told: Arithmetic, shape: tuple[int, ...]) -> str:
    """In Markdown; the inputs are parts of what has `shape`. Raises ValueError if a number is not finite."""
    paper = write_sum(told)
    rows = [
        f"| {source_title(shape, term.source)} | `{term.value}` | `{term.weight}` | `{term.product}` |"
        for term in paper.terms
    ]
    if paper.rest:
        rows.append(f"| {'1 other' if told.others == 1 else f'{told.others:,} others'} | | | `{paper.rest}` |")
    if paper.rounding:
        rows.append(f"| rounding | | | `{paper.rounding}` |")
    rows.append(f"| bias b | | | `{paper.bias}` |")
    rows.append(f"| **sum z = Wx + b** | | | **`{paper.total}`** |")
    if told.activation != "identity":
        rows.append(f"| **output {ACTIVATIONS[told.activation][0]}(z)** | | | **`{paper.output}`** |")
    return "| Input | x | × W | = |\n|:--|--:|--:|--:|\n" + "\n".join(rows)


def _arithmetic(view: View, subject: Subject, unit: int) -> None:
    layer = view.layer
    traced = trace(view.moment, subject.inputs).of(layer.name)
    told = arithmetic(layer, traced, 0, unit, TERMS)
    shape = source_shape(view.moment, layer)
    with st.container(key="inspect-neuron-arithmetic"):
        st.markdown("##### How it comes to its output")
        with st.container(horizontal=True, gap="medium"):
            with st.container(width=170):
                st.markdown(f"**{subject.title}**")
                tiles(subject.pixels[None], key="inspect-neuron-image", size=140, label=subject.title)
            with st.container(width=460):
                try:
                    st.markdown(arithmetic_table(told, shape))
                except ValueError as error:
                    st.info(f"The sum can't be written down: {error}.", icon=":material/error:")
                    return
                if told.position is not None:
                    st.caption(
                        "A filter computes such a sum at every place of the image. This is where its output is"
                        f" largest: row {told.position[0]}, column {told.position[1]} of its map, counted from 0."
                        " The inputs are named by their place under the filter."
                    )
                if shape == (1, 28, 28):
                    st.caption("x is the pixel as the net gets it, normalised: empty paper is not 0 but negative.")
                st.download_button(
                    "All products as CSV", lambda: arithmetic_csv(view.moment, layer, subject, unit),
                    f"{view.name}-{layer.name}-{unit}-sum.csv", "text/csv", key="inspect-neuron-arithmetic-csv",
                    icon=":material/download:", on_click="ignore",
                )  # fmt: skip


def arithmetic_csv(moment: Moment, layer: LayerView, subject: Subject, unit: int) -> str:
    assert layer.weight is not None
    traced = trace(moment, subject.inputs).of(layer.name)
    told = arithmetic(layer, traced, 0, unit, layer.weight[unit].numel())
    shape = source_shape(moment, layer)
    rows = [
        (source_title(shape, term.source), *(f"{value:.9g}" for value in (term.value, term.weight, term.product)))
        for term in sorted(told.terms, key=lambda term: term.source)
    ]
    ends = (("bias", told.bias), ("sum", told.total), ("output", told.output))
    return _csv(("from", "x", "W", "product"), [*rows, *((name, "", "", f"{value:.9g}") for name, value in ends)])


# ---------------------------------------------------------------------- over the test images


def _over_images(view: View, unit: int) -> None:
    layer = view.layer
    test, words = test_part(view)
    count = len(test.labels)
    if layer.units > WIDE and count > SLOW_IMAGES:
        count, words = SLOW_IMAGES, f"the first {SLOW_IMAGES:,} test images"
    values = _unit_matrix(view.run.id, view.moment.step_number, layer.name, count, view.moment)[:, unit]
    labels, classes = test.labels[:count], view.moment.data.dataset.classes
    st.markdown(f"##### Over {words}")
    if not np.isfinite(values).all():
        st.info("Its outputs are not numbers: the training has diverged.", icon=":material/error:")
        return
    with st.container(horizontal=True, gap="large", key="inspect-neuron-images"):
        with st.container(width=420, key="inspect-neuron-digits"):
            st.markdown("**Its output for each class**")
            info = class_boxes_info(classes, values, labels.numpy())
            plot(
                class_boxes_figure(info, dark=view.dark), key="inspect-neuron-digits-plot",
                config=bars_config(f"{view.name}-{layer.name}-{unit}-classes"),
                alt="Mean output: "
                + ", ".join(f"{c} {m:.3f}" for c, m in zip(classes, info.mean.tolist(), strict=True) if m == m),
            )  # fmt: skip
            channel = " Of a channel, the largest value in the image counts." if len(layer.plan.out_shape) == 3 else ""
            st.caption(
                "The box holds the middle half of the images, with the median as a line; the whiskers reach from 5 to"
                f" 95 %; the diamond is the mean.{channel}"
            )
            st.download_button(
                "CSV", lambda: class_boxes_csv(info), f"{view.name}-{layer.name}-{unit}-classes.csv", "text/csv",
                key="inspect-neuron-digits-csv", icon=":material/download:", on_click="ignore",
            )  # fmt: skip
        with st.container(width=520, key="inspect-neuron-exciting"):
            st.markdown("**What excites it most**")
            if layer.activation == "relu" and not values.any():
                st.info("It gives 0 for every one of these images: the unit is dead.", icon=":material/bedtime:")
                return
            best = np.argsort(-values, kind="stable")[:EXCITING]
            clicked = tiles(
                test.images[best, 0].numpy(), key="inspect-neuron-exciting-tiles", size=56, clickable=True,
                captions=[Caption(classes[int(labels[i])], f"{values[i]:.3g}") for i in best.tolist()],
                label="The test images with its largest outputs",
                file_name=f"{view.name}-{layer.name}-{unit}-exciting.png",
            )  # fmt: skip
            st.caption("True class, and the output. Click one to look at the net with it.")
            if clicked is not None:
                set_subject_index(int(best[clicked]))
                _rerun()


@st.cache_resource(max_entries=12, show_spinner=False)
def _unit_matrix(run_id: str, step: int, layer: str, count: int, _moment: Moment) -> npt.NDArray[np.float32]:
    """At most 65 MB, of 8,192 neurons."""
    return unit_matrix(_moment, layer, count).numpy()


def _rerun() -> None:
    try:
        st.rerun(scope="fragment")
    except StreamlitAPIException:  # the whole page is running, not the fragment by itself
        st.rerun()


def _csv(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    file = io.StringIO()
    write = csv.writer(file, lineterminator="\n").writerow
    write(head)
    for row in rows:
        write(row)
    return file.getvalue()
