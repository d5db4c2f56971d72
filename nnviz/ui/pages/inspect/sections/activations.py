"""Section "Activations": the way of one image from its pixels to the ten probabilities, and how the layers do over many
images.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
import streamlit as st
from torch import Tensor

from nnviz.analysis.activations import Arithmetic, Trace, backwards, feeding_layer, source_shape, source_title, trace
from nnviz.analysis.checkpoint_view import CheckpointView, LayerView
from nnviz.analysis.health import LayerHealth, health
from nnviz.charts.bars import (
    Bar,
    ContributionsInfo,
    bars_config,
    class_bars_figure,
    class_bars_info,
    contributions_csv,
    contributions_figure,
    contributions_info,
    unit_bars_figure,
    unit_bars_info,
)
from nnviz.data.datasets import Split
from nnviz.spec.activations import ACTIVATIONS
from nnviz.table import csv_text
from nnviz.ui.checkpoints import View, sample
from nnviz.ui.components.image_grid import Caption, signed_to_bytes, tiles
from nnviz.ui.components.plot import plot
from nnviz.ui.csv_button import csv_button
from nnviz.ui.format import layer_in_words
from nnviz.ui.glossary import heading
from nnviz.ui.memory import kept
from nnviz.ui.pages.inspect.section import Section
from nnviz.ui.pages.inspect.sections.neuron import open_neuron
from nnviz.ui.state import keep
from nnviz.ui.subject import Subject, answer_in_words, choose_subject

_CLASS = "inspect-activations-class"

ANSWER = -1
"""Not a class but whichever the net answers. (None would be an empty select box.)"""

MAPS = 64
"""Channels shown at once."""

MAP_SIDE = 64
"""Of a channel's picture, about, CSS pixels."""

TERMS = 5
"""Contributions told one by one."""

"""Layers that change no value when the net is asked."""


def show(view: View) -> None:
    subject = choose_subject(view)
    traced = trace(view.checkpoint, subject.inputs)
    if not bool(traced.probabilities.isfinite().all()):
        st.info("The net's answer is not a number: its training has diverged.", icon=":material/error:")
        return
    classes = view.checkpoint.data.dataset.classes
    answer = int(traced.probabilities[0].argmax())
    with st.container(horizontal=True, gap="medium", key="inspect-activations-answer"):
        with st.container(width=200):
            st.markdown(f"**{subject.title}**")
            tiles(subject.pixels[None], key="inspect-activations-image", size=168, label=subject.title)
            st.caption(answer_in_words(classes, answer, float(traced.probabilities[0, answer]), subject.label))
        _probabilities(view, subject, view.checkpoint, traced.probabilities[0], "Predicted probabilities", 0)
        if view.beside is not None:
            other = trace(view.beside.checkpoint, subject.inputs).probabilities[0]
            title = view.beside.title[:1].upper() + view.beside.title[1:]
            if bool(other.isfinite().all()):
                _probabilities(view, subject, view.beside.checkpoint, other, title, 1)
    _contributions(view, subject, traced, answer)
    _layers(view, subject, traced)
    _health(view)


def _probabilities(
    view: View, subject: Subject, checkpoint: CheckpointView, probabilities: Tensor, title: str, place: int
) -> None:
    classes = checkpoint.data.dataset.classes
    info = class_bars_info(classes, probabilities.numpy(), subject.label)
    with st.container(width=360, key=f"inspect-activations-probabilities-{place}"):
        st.markdown(f"**{title}**")
        plot(
            class_bars_figure(info, dark=view.dark),
            key=f"inspect-activations-probabilities-plot-{place}",
            config=bars_config(f"{view.name}-probabilities"),
            alt="Probabilities: " + ", ".join(f"{c} {p:.1%}" for c, p in zip(classes, info.probabilities, strict=True)),
        )
        if subject.label is not None:
            st.caption("The true class is outlined.")


# ---------------------------------------------------------------------- what adds up to a class


def _contributions(view: View, subject: Subject, traced: Trace, answer: int) -> None:
    classes = view.checkpoint.data.dataset.classes
    keep(_CLASS, [ANSWER, *range(len(classes))])
    heading("Logit contributions")
    st.selectbox(
        "Class",
        [ANSWER, *range(len(classes))],
        key=_CLASS,
        width=220,
        format_func=lambda one: f"its answer, {classes[answer]}" if one == ANSWER else classes[one],
    )
    target = answer if st.session_state[_CLASS] == ANSWER else int(st.session_state[_CLASS])
    links = backwards(view.checkpoint, traced, 0, target, TERMS)
    with st.container(horizontal=True, gap="medium", key="inspect-activations-flow"):
        for place, (layer, unit, told) in enumerate(links):
            last = place == 0
            with st.container(width=330, key=f"inspect-activations-flow-{place}"):
                st.markdown(f"**Class {classes[unit]}**" if last else f"**← Neuron {unit}** of {layer.title}")
                st.caption(sum_in_words(told, last))
                info = contributions_of(view.checkpoint, layer, told)
                clicked = plot(
                    contributions_figure(info, dark=view.dark),
                    key=f"inspect-activations-flow-plot-{place}",
                    config=bars_config(f"{view.name}-{layer.name}-{unit}"),
                    alt=f"Largest contributions to {'class' if last else 'neuron'} {unit}: "
                    + ", ".join(f"{bar.label} {bar.value:+.3f}" for bar in info.bars),
                )
                csv_button(
                    "CSV",
                    lambda info=info: contributions_csv(info),  # type: ignore[misc]
                    f"{view.name}-{layer.name}-{unit}.csv",
                    key=f"inspect-activations-flow-csv-{place}",
                )
                before = feeding_layer(view.checkpoint, layer)
                if before is not None and isinstance(clicked, int) and 0 <= clicked < len(told.terms):
                    open_neuron(before.name, told.terms[clicked].source)
    st.caption(
        "Each bar is one product, input × weight; blue adds to it, orange takes away. From left to right the way goes"
        " back: to the neuron that adds most, and what made that one speak. Click a neuron's bar to open it."
        if len(links) > 1
        else "Each bar is one product, input × weight; blue adds to the class, orange takes away."
    )


def sum_in_words(told: Arithmetic, last: bool) -> str:
    if last:
        return f"Its logit, the sum before the softmax: {told.total:+.3f}"
    if told.activation == "identity":
        return f"Its sum Wx + b: {told.total:+.3f}"
    return f"Its sum Wx + b: {told.total:+.3f}; after {ACTIVATIONS[told.activation].title}: {told.output:.3f}"


def contributions_of(checkpoint: CheckpointView, layer: LayerView, told: Arithmetic) -> ContributionsInfo:
    """The sum of one neuron as bars: its largest terms, the others together, the bias."""
    shape = source_shape(checkpoint, layer)
    bars = [
        Bar(source_title(shape, term.source), term.product, f"{term.value:.4f} × {term.weight:.4f}")
        for term in told.terms
    ]
    if told.others:
        bars.append(Bar(f"{told.others:,} others", told.rest, minor=True))
    bars.append(Bar("bias", told.bias, minor=True))
    return contributions_info(bars, told.total)


# ---------------------------------------------------------------------- layer by layer


def _layers(view: View, subject: Subject, traced: Trace) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("## Layer by layer")
        csv_button(
            "All outputs as CSV",
            lambda: outputs_csv(view.checkpoint, traced),
            f"{view.name}-{subject.key}-outputs.csv",
            key="inspect-activations-csv",
        )
    for layer in view.checkpoint.layers:
        with st.container(key=f"inspect-activations-{layer.name}"):
            output = traced.of(layer.name).output[0]
            st.markdown(f"**{layer.title}** · {layer_in_words(layer, output)}")
            if layer.plan.layer.idle:
                continue
            if output.dim() == 3 and output[0].numel() > 1:
                _maps(view, layer, output.numpy())
            else:
                _units(view, layer, output.flatten().numpy())


def _maps(view: View, layer: LayerView, output: npt.NDArray[np.float32]) -> None:
    """Channels as pictures: ink where they are large; blue and orange where there are negative values."""
    finite = np.nan_to_num(output, nan=0.0, posinf=0.0, neginf=0.0)
    largest = finite.max((1, 2))
    shown = np.sort(np.argsort(-np.abs(finite).max((1, 2)), kind="stable")[:MAPS])
    signed = bool((finite < 0).any())
    pixels, limit = signed_to_bytes(finite[shown])
    if not signed:
        pixels = np.rint(finite[shown] * (255 / limit if limit > 0 else 0.0)).astype(np.uint8)
    side = max(output.shape[1:])
    clicked = tiles(
        pixels,
        key=f"inspect-activations-maps-{layer.name}",
        palette="diverging" if signed else "ink",
        captions=[Caption(f"{channel}", f"max {largest[channel]:.2g}") for channel in shown.tolist()],
        limit=limit if signed else None,
        size=side * max(1, round(MAP_SIDE / side)),
        label=f"Channels of {layer.title}",
        clickable=layer.weight is not None,
    )
    words = "" if signed else f"Full ink is {limit:.3g}, empty paper 0. "
    if len(shown) < len(output):
        words += f"The {len(shown)} channels with the largest values, of {len(output)}. "
    st.caption(f"{words}{'Click a channel to open it.' if layer.weight is not None else ''}")
    if clicked is not None and layer.weight is not None:
        open_neuron(layer.name, int(shown[clicked]))


def _units(view: View, layer: LayerView, output: npt.NDArray[np.float32]) -> None:
    info = unit_bars_info(output)
    learns, last = layer.weight is not None, layer.name == "output"
    clicked = plot(
        unit_bars_figure(
            info, dark=view.dark, unit="logit" if last else "output", source="class" if last else "neuron"
        ),
        key=f"inspect-activations-units-{layer.name}",
        config=bars_config(f"{view.name}-{layer.name}-outputs"),
        alt=f"Outputs of {layer.title}: the largest is {float(info.values.max()):.3f}, of number"
        f" {int(info.units[info.values.argmax()])}",
    )
    words = "" if len(info.units) == info.total else f"The {len(info.units)} strongest of {info.total:,}. "
    if words or learns:
        st.caption(f"{words}{'Click a bar to open the neuron.' if learns else ''}")
    if learns and isinstance(clicked, int) and 0 <= clicked < layer.units:
        open_neuron(layer.name, clicked)


def outputs_csv(checkpoint: CheckpointView, traced: Trace) -> str:
    """One line per output of every layer, and the probabilities."""
    rows: list[tuple[str, int, str]] = []
    for layer, told in zip(checkpoint.layers, traced.layers, strict=True):
        values = told.output[0].flatten().tolist()
        rows += [(layer.title, index, f"{value:.9g}") for index, value in enumerate(values)]
    rows += [("Probability", index, f"{value:.9g}") for index, value in enumerate(traced.probabilities[0].tolist())]
    return csv_text(("layer", "index (channel by channel, row by row)", "output"), rows)


# ---------------------------------------------------------------------- over the test images


def _health(view: View) -> None:
    test, words = sample(view.checkpoint, view.live)
    found = layer_health(view.run.id, view.checkpoint.step_number, len(test.labels), view.checkpoint)
    with st.container(key="inspect-activations-health"):
        st.markdown(f"## Over {words}")
        st.markdown(health_table(found))
        st.caption(
            "**Dead**: units with ReLU that give 0 for every one of these images; no gradient reaches them, so nothing"
            " wakes them. **Saturated**: outputs of a sigmoid or tanh within 1 % of an end of its range, where the"
            " function is flat and hardly lets a gradient through. **Mean** and **standard deviation** are of"
            " all the layer's outputs; a standard deviation that shrinks to 0 from layer to layer means that all"
            " images look alike to the later ones. A dash: it can't happen to this layer."
        )
        csv_button(
            "Unit by unit as CSV",
            lambda: health_csv(found, view.checkpoint.data.dataset.classes),
            f"{view.name}-units.csv",
            key="inspect-activations-health-csv",
        )


@kept()
def layer_health(run_id: str, step: int, count: int, _checkpoint_view: CheckpointView) -> tuple[LayerHealth, ...]:
    """Over the first `count` test images. 2 MB at most, for a layer of 8,192 neurons."""
    test = _checkpoint_view.data.test
    return health(_checkpoint_view, Split(test.images[:count], test.labels[:count]))


def health_table(layers: Iterable[LayerHealth]) -> str:
    """In Markdown."""
    rows = []
    for layer in layers:
        dead = "–"
        if layer.dead is not None:
            dead = f"{int(layer.dead.sum())} of {len(layer.dead):,}"
        saturated = "–" if layer.saturated_share is None else f"{layer.saturated_share:.1%}"
        rows.append(f"| {layer.title} | {dead} | {saturated} | {_number(layer.mean)} | {_number(layer.deviation)} |")
    head = "| Layer | Dead | Saturated | Mean | Std. dev. |\n|:--|--:|--:|--:|--:|\n"
    return head + "\n".join(rows).replace("%", " %")


def health_csv(layers: Iterable[LayerHealth], classes: Sequence[str]) -> str:
    rows = []
    for layer in layers:
        for unit, means in enumerate(layer.class_mean.tolist()):
            dead = "" if layer.dead is None else int(layer.dead[unit])
            saturated = "" if layer.saturation is None else f"{float(layer.saturation[unit]):.6g}"
            rows.append((layer.title, unit, dead, saturated, *("" if m != m else f"{m:.7g}" for m in means)))
    return csv_text(("layer", "unit", "dead", "saturated (0 to 1)", *(f"mean for {name}" for name in classes)), rows)


def _number(value: float) -> str:
    return f"{value:.3g}" if np.isfinite(value) else "not finite"


SECTION = Section("activations", "Activations", show, rank=30)
