"""Weights, gradients and updates of a layer: as images, as a matrix, as a distribution; and one weight's arithmetic."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import streamlit as st
from torch import Tensor

from nnviz.analysis.activations import trace, unit_values
from nnviz.analysis.checkpoint_view import CheckpointView, LayerView
from nnviz.analysis.optimizer_step import explain_update
from nnviz.charts.distribution import (
    NEAR_ZERO,
    distribution_config,
    distribution_csv,
    distribution_figure,
    distribution_info,
)
from nnviz.charts.matrix import matrix_config, matrix_csv, matrix_figure, matrix_info
from nnviz.data.datasets import to_input
from nnviz.fields import Number
from nnviz.spec.optimizers import OPTIMIZERS
from nnviz.ui import services
from nnviz.ui.checkpoints import View, checkpoint_at
from nnviz.ui.components.image_grid import Caption, signed_to_bytes, tiles
from nnviz.ui.components.plot import plot
from nnviz.ui.csv_button import csv_button
from nnviz.ui.forms import number_field, typed
from nnviz.ui.memory import kept
from nnviz.ui.pages.inspect.section import Section
from nnviz.ui.pages.inspect.sections.neuron import open_neuron, word_for
from nnviz.ui.state import Kept

PAGE = 64
"""Units on one page of images."""

ACTIVITY_IMAGES = 500
"""Test images over which a unit's mean output is taken to sort by it."""

RANGE_MOMENTS = 12
"""Checkpoints asked for the common colour range; more would keep a person waiting at a large net."""

QUANTITIES = {
    "weights": "Weights W",
    "gradient": "Gradient ∂L/∂W",
    "momentum": "Momentum v",
    "update": "Next update ΔW",
}
_WORDS = {
    "weights": "The matrix W of y = f(Wx + b), as it is after this step.",
    "gradient": "How the loss of the next mini-batch would change with each weight: ∂L/∂W, the mean over its images.",
    "momentum": "The momentum buffer after the next step: v = μ·v + ∂L/∂W, what the last gradients have in common.",
    "update": "What the next step adds to each weight: W_new = W_old + ΔW. With SGD, ΔW = −α·v.",
}
_PICTURES = {"images": "Images", "matrix": "Matrix", "distribution": "Distribution"}
_SORTS = {"index": "number", "norm": "largest norm", "activity": "most active"}


class Panel(NamedTuple):
    """One picture of the section."""

    title: str
    """Empty where there is but one."""
    values: Tensor
    """As the layer's weight."""
    limit: float | None
    """The value at the ends of the colour scale; None: the largest magnitude there is."""
    checkpoint: CheckpointView


def show(view: View) -> None:
    layer = view.layer
    assert layer.weight is not None
    with st.container(horizontal=True, vertical_alignment="bottom", key="inspect-matrix-choice"):
        quantities = [one for one in QUANTITIES if one != "momentum" or _keeps_momentum(view.checkpoint)]
        quantity = st.segmented_control(
            "What", quantities, default="weights", key="inspect-quantity", format_func=QUANTITIES.__getitem__
        )
        pictures = list(_PICTURES) if as_pictures(layer, layer.weight) is not None else ["matrix", "distribution"]
        picture = st.segmented_control(
            "As",
            pictures,
            default=pictures[0],
            key=f"inspect-picture-{len(pictures)}",
            format_func=_PICTURES.__getitem__,
        )
        if picture == "images":
            st.selectbox("Order by", list(_SORTS), key="inspect-sort", format_func=_SORTS.__getitem__, width=150)
        shared = st.toggle(
            "One colour range for all checkpoints",
            key="inspect-shared-range",
            help="On: a colour means the same value at every checkpoint. Off: each picture uses its whole range.",
        )
        difference = view.beside_layer is not None and st.toggle(
            "Show the difference", value=True, key="inspect-difference"
        )
    quantity, picture = quantity or "weights", picture or pictures[0]
    shown = _values(view.checkpoint, layer, quantity)
    if shown is None:
        st.info("The loss of the next mini-batch is not finite, so there is no gradient.", icon=":material/error:")
        return
    panels = _panels(view, quantity, shown, shared, difference)
    for place, panel in enumerate(panels):
        with st.container(key=f"inspect-panel-{place}"):
            if panel.title:
                st.markdown(f"**{panel.title}**")
            with st.container(horizontal=True, vertical_alignment="bottom"):
                st.caption(f"{_WORDS[quantity]}  \n{statistics(panel.values)}")
                if place == 0 and picture == "images" and (pages := _pages(layer, panel.values)) > 1:
                    _choose_page(pages)
            draw = {"images": _images, "matrix": _matrix, "distribution": _distribution}[picture]
            draw(view, quantity, panel, place)
    _one_weight(view)


def _choose_page(pages: int) -> None:
    number_field(
        f"Page, of {pages}",
        _page(pages),
        Number("the page", 1, pages, whole=True),
        "inspect-page",
        lambda page: st.session_state.update({Kept.WEIGHTS_PAGE: page}),
        width=190,
        steps=True,
    )


def _page(pages: int) -> int:
    """The one chosen, from 1; the last one where there are fewer."""
    chosen: int = st.session_state.get(Kept.WEIGHTS_PAGE, 1)
    return min(chosen, pages)


def _panels(view: View, quantity: str, shown: Tensor, shared: bool, difference: bool) -> list[Panel]:
    limit = _common_limit(view, quantity) if shared else None
    alone = [Panel("", shown, limit, view.checkpoint)]
    if view.beside is None:
        return alone
    if view.beside_layer is None:
        st.caption("That run has no layer of this name and size, so there is nothing to put beside it.")
        return alone
    other = _values(view.beside.checkpoint, view.beside_layer, quantity)
    if other is None:
        return alone
    if difference:
        return [Panel(f"This checkpoint minus the other: {view.beside.title}", shown - other, None, view.checkpoint)]
    limit = max(float(shown.abs().max()), float(other.abs().max()), limit or 0.0)
    return [
        Panel(f"After step {view.checkpoint.step_number:,}", shown, limit, view.checkpoint),
        Panel(view.beside.title, other, limit, view.beside.checkpoint),
    ]


def _values(checkpoint: CheckpointView, layer: LayerView, quantity: str) -> Tensor | None:
    """The quantity for the layer's weights, of their shape; None if the step from here isn't finite."""
    assert layer.weight is not None
    if quantity == "weights":
        return layer.weight
    step, name = checkpoint.next_step, f"{layer.name}.weight"
    if step is None:
        return None
    if quantity == "momentum":
        return step.state[name].get("momentum_buffer")
    return step.gradient[name] if quantity == "gradient" else step.update(name)


def _keeps_momentum(checkpoint: CheckpointView) -> bool:
    config = checkpoint.config
    return "momentum" in OPTIMIZERS[config.optimizer].uses and config.momentum > 0


def _common_limit(view: View, quantity: str) -> float:
    """The largest magnitude at any of the run's checkpoints; of a running one, at those so far."""
    steps = services.store().checkpoints.steps(view.run.id)
    chosen = sorted({round(place) for place in np.linspace(0, max(0, len(steps) - 1), RANGE_MOMENTS)})
    return max((_limit_at(view.run.id, steps[i], view.layer.name, quantity) for i in chosen if steps), default=0.0)


@kept()
def _limit_at(run_id: str, step: int, layer: str, quantity: str) -> float:
    store = services.store()
    checkpoint = checkpoint_at(store, store.run(run_id), step)
    values = _values(checkpoint, checkpoint.layer(layer), quantity)
    return float(values.abs().max()) if values is not None else 0.0


def statistics(values: Tensor) -> str:
    """The values of a matrix in one line of words and numbers."""
    magnitude = values.abs()
    largest = float(magnitude.max())
    near = float((magnitude <= NEAR_ZERO * largest).float().mean())
    return (
        f"{values.numel():,} values · norm ‖·‖ {float(values.norm()):.4g} · mean {float(values.mean()):.2g} · "
        f"standard deviation {float(values.std(correction=0)):.3g} · largest {largest:.3g} · "
        f"{near:.1%} near zero (within {NEAR_ZERO:.1%} of the largest)"
    )


def as_pictures(layer: LayerView, values: Tensor) -> Tensor | None:
    """Values of a layer's weights as images (n, h, w), where they are about pixels: a dense layer on images, one image
    per neuron; a convolution, one per filter and input channel. Else None.
    """
    if values.dim() == 4:
        return values.flatten(0, 1) if values[0, 0].numel() > 1 else None
    shape = layer.plan.in_shape
    return values.view(-1, *shape[1:]) if len(shape) == 3 and shape[0] == 1 else None


def _pages(layer: LayerView, values: Tensor) -> int:
    pictures = as_pictures(layer, values)
    return -(-len(pictures) // PAGE) if pictures is not None else 0


def _images(view: View, quantity: str, panel: Panel, place: int) -> None:
    layer = view.layer
    pictures = as_pictures(layer, panel.values)
    assert pictures is not None
    per_unit = len(pictures) // layer.units
    order = _order(view, panel)
    pages = _pages(layer, panel.values)
    start = 0
    if pages > 1:
        start = (_page(pages) - 1) * PAGE
    units = [unit * per_unit + channel for unit in order for channel in range(per_unit)][start : start + PAGE]
    chosen = pictures[units].numpy()
    pixels, limit = signed_to_bytes(chosen, panel.limit)
    bias = layer.bias if quantity == "weights" and panel.checkpoint is view.checkpoint else None
    captions = [
        Caption(
            f"{index // per_unit}" + (f" ← {index % per_unit}" if per_unit > 1 else ""),
            "" if bias is None else f"b {float(bias[index // per_unit]):+.2g}",
        )
        for index in units
    ]
    size = 84 if chosen.shape[1] > 8 else 56
    clicked = tiles(
        pixels,
        key=f"inspect-images-{place}",
        palette="diverging",
        captions=captions,
        size=size,
        limit=limit,
        label=f"{QUANTITIES[quantity]} of {layer.title}",
        clickable=True,
        values=chosen,
        names=(word_for(layer), "row", "column"),
        file_name=f"{view.name}-{layer.name}-{quantity}.png",
    )
    unit = word_for(layer)
    kernels = layer.plan.layer.convolves
    what = "one kernel: output channel ← input channel" if kernels else f"one {unit}, a value for each input"
    st.caption(f"Each picture is {what}. Blue is positive, orange negative. Click one to open its {unit}.")
    _download(view, quantity, panel, place)
    if clicked is not None:
        open_neuron(layer.name, units[clicked] // per_unit)


def _order(view: View, panel: Panel) -> list[int]:
    """Units in the chosen order. The picture beside has the order of this one, so that they can be compared."""
    sort = st.session_state.get("inspect-sort", "index")
    if sort == "norm":
        values = view.layer.weight if panel.checkpoint is not view.checkpoint else panel.values
        assert values is not None
        return [int(unit) for unit in values.flatten(1).norm(dim=1).argsort(descending=True, stable=True)]
    if sort == "activity":
        images = to_input(view.checkpoint.data.test.images[:ACTIVITY_IMAGES], view.checkpoint.data.dataset)
        mean = unit_values(trace(view.checkpoint, images).of(view.layer.name).output).mean(0)
        return [int(unit) for unit in mean.argsort(descending=True, stable=True)]
    return list(range(view.layer.units))


def _matrix(view: View, quantity: str, panel: Panel, place: int) -> None:
    layer = view.layer
    info = matrix_info(panel.values.flatten(1).numpy(), limit=panel.limit, rows="neuron", columns="input")
    bias = view.layer.bias if quantity == "weights" and panel.checkpoint is view.checkpoint else None
    place_of_matrix, place_of_bias = st.columns([12, 2]) if bias is not None else (st.container(), None)
    if bias is not None and place_of_bias is not None:
        beside = matrix_info(bias[:, None].numpy(), rows="neuron", columns="bias b")
        with place_of_bias:
            plot(
                matrix_figure(beside, dark=view.dark),
                key="inspect-bias",
                config=matrix_config(f"{view.name}-{layer.name}-bias"),
                alt=f"Bias of {layer.title}",
            )
    with place_of_matrix:
        clicked = plot(
            matrix_figure(info, dark=view.dark),
            key=f"inspect-matrix-{place}",
            config=matrix_config(f"{view.name}-{layer.name}-{quantity}"),
            alt=f"{QUANTITIES[quantity]} of {layer.title}: {statistics(panel.values)}",
        )
    st.caption(f"{info.caption} Click a cell to see its arithmetic below.")
    _download(view, quantity, panel, place)
    if isinstance(clicked, list) and len(clicked) == 2:
        choose_weight(view, int(clicked[0]), int(clicked[1]))


def _distribution(view: View, quantity: str, panel: Panel, place: int) -> None:
    info = distribution_info({QUANTITIES[quantity]: panel.values.flatten().numpy()})
    plot(
        distribution_figure(info, dark=view.dark),
        key=f"inspect-distribution-{place}",
        config=distribution_config(f"{view.name}-{view.layer.name}-{quantity}"),
        alt=f"Distribution of {QUANTITIES[quantity]} of {view.layer.title}: {statistics(panel.values)}",
    )
    csv_button(
        "CSV",
        lambda: distribution_csv(info),
        f"{view.name}-{view.layer.name}-{quantity}-distribution.csv",
        key=f"inspect-distribution-csv-{place}",
    )


def _download(view: View, quantity: str, panel: Panel, place: int) -> None:
    csv_button(
        "CSV",
        lambda: matrix_csv(panel.values.flatten(1).numpy(), rows="neuron", columns="input"),
        f"{view.name}-{view.layer.name}-{quantity}.csv",
        key=f"inspect-matrix-csv-{place}",
    )


def choose_weight(view: View, unit: int, source: int) -> None:
    """Let the arithmetic be that of the weight from input `source` to `unit`."""
    st.session_state[Kept.WEIGHT] = (view.layer.name, unit, source)


def _one_weight(view: View) -> None:
    """W_new = W_old − α·v for one weight, with its numbers."""
    layer, step = view.layer, view.checkpoint.next_step
    assert layer.weight is not None
    with st.container(border=True, key="inspect-arithmetic"):
        st.markdown("## One weight, one step")
        if step is None:
            st.caption("The loss of the next mini-batch is not finite: there is no next step.")
            return
        flat = layer.weight.flatten(1)
        name, unit, source = st.session_state.get(Kept.WEIGHT) or ("", -1, -1)
        if name != layer.name or unit >= flat.shape[0] or source >= flat.shape[1]:
            largest = int(step.gradient[f"{layer.name}.weight"].abs().argmax())
            unit, source = divmod(largest, flat.shape[1])
        units = Number(f"the number of the {word_for(layer)}", 0, flat.shape[0] - 1, whole=True)
        inputs = Number("the number of the input", 0, flat.shape[1] - 1, whole=True)
        unit_key, input_key = "inspect-weight-unit", "inspect-weight-input"
        with st.container(horizontal=True, vertical_alignment="bottom"):
            number_field(
                f"To {word_for(layer)}",
                unit,
                units,
                unit_key,
                lambda number: choose_weight(view, int(number), int(typed(input_key, inputs, source))),
                width=190,
                steps=True,
            )
            number_field(
                "From input",
                source,
                inputs,
                input_key,
                lambda number: choose_weight(view, int(typed(unit_key, units, unit)), int(number)),
                width=190,
                steps=True,
            )
            st.caption(
                f"Step {step.step:,} with {view.checkpoint.optimizer_title}, on its mini-batch of {len(step.labels)}"
                f" images; loss {step.loss:.4f}. Without a choice: the weight with the largest gradient."
            )
        index = np.unravel_index(source, layer.weight.shape[1:])
        told = explain_update(view.checkpoint, step, f"{layer.name}.weight", (unit, *map(int, index)))
        rows = [
            f"| ${line.symbol}$ | {f'$= {line.formula}$' if line.formula else ''} | {line.meaning} |"
            f" `{line.value:+.8f}` |"
            for line in told.lines
        ]
        st.markdown("| symbol | how | what it is | value |\n|:--|:--|:--|--:|\n" + "\n".join(rows))
        st.caption(f"The training itself has {told.trained:+.8f} after this step, in 32-bit numbers.")


SECTION = Section("matrices", "Weights & gradients", show, rank=10, of_layer=True)
