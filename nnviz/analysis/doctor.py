"""What is wrong with a training and what to try, in plain words, each with the number that says so.

A diagnosis is a function of the evidence, listed in DIAGNOSES. Thresholds are set so that common healthy recipes stay
clear of them; tests hold each against a net made to be ill and against healthy ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch

from nnviz.analysis.activations import trace
from nnviz.analysis.checkpoint_view import CheckpointView, LayerView
from nnviz.analysis.health import is_dead, is_saturated
from nnviz.data.datasets import to_input
from nnviz.fields import SpecError
from nnviz.spec.activations import ACTIVATIONS
from nnviz.spec.network import NetworkSpec, with_field
from nnviz.spec.train_config import TrainConfig
from nnviz.store.history import Curve, NormCurves
from nnviz.train.events import Epoch

IMAGES = 1000
"""Test images that are asked about activations."""

DEAD_SHARE = 0.5
"""Of a layer's units, silent for every image."""

SATURATED_SHARE = 0.5
"""Of a layer's outputs, within 1 % of the ends of the function's range."""

VANISHING = 0.01
"""Root mean square gradient of the first layer's weights over the last one's."""

EXPLODING = 30.0
"""Norm of a layer's gradient over the norm of its weights; about 0.01 to 1 where all is well."""

LEAP = 0.5
"""One step that changes weights by this share of their size throws away what they had learned."""

TOO_FAST, TOO_SLOW = 0.03, 1e-5
"""Norm of an update over that of the weights it changes; about 1e-3 is the usual advice (Karpathy's CS231n notes)."""

GENTLE = 0.0025
"""What a first step may change; with momentum those that follow grow tenfold."""

OVERFIT_GAP = 0.05
"""Training accuracy minus test accuracy."""

STUCK_SHARE = 0.95
"""Of the loss at the start that is still there."""

SETTLED = 50
"""Steps before which a training is not judged by its pace."""


class Evidence(NamedTuple):
    """All that a diagnosis may look at. Losses, norms and epochs reach up to the moment."""

    checkpoint: CheckpointView
    curve: Curve
    epochs: Sequence[Epoch]
    norms: NormCurves
    outputs: dict[str, torch.Tensor]
    """Each layer's output for the first IMAGES test images, by layer name."""
    images: str
    """Which those are, in words."""
    diverged: bool = False

    @property
    def hidden(self) -> list[LayerView]:
        """Hidden layers with weights."""
        return list(self.checkpoint.learning_layers[:-1])


class Diagnosis(NamedTuple):
    name: str
    title: str
    evidence: str
    """The number that says so, in a sentence."""
    advice: str
    try_this: str
    """What the suggested set-up changes, for a button."""
    network: NetworkSpec
    config: TrainConfig
    """The suggested set-up."""


def evidence(
    checkpoint: CheckpointView, curve: Curve, epochs: Sequence[Epoch], norms: NormCurves, diverged: bool
) -> Evidence:
    """Gather what the diagnoses look at, all of it cut off at the checkpoint's step."""
    step = checkpoint.step_number
    asked, words = checkpoint.data.first_test(IMAGES)
    images = to_input(asked.images, checkpoint.data.dataset)
    until, rows = curve.step <= step, norms.step <= step
    return Evidence(
        checkpoint,
        Curve(curve.step[until], curve.loss[until], curve.accuracy[until], curve.lr[until]),
        [epoch for epoch in epochs if epoch.step <= step],
        norms._replace(
            step=norms.step[rows], weight=norms.weight[rows], gradient=norms.gradient[rows], update=norms.update[rows]
        ),
        {layer.name: layer.output for layer in trace(checkpoint, images).layers},
        words,
        diverged,
    )


def examine(found: Evidence) -> list[Diagnosis]:
    """All diagnoses that hold, the most telling first; empty for a healthy net."""
    return [diagnosis for look in DIAGNOSES if (diagnosis := look(found)) is not None]


def zero_init(found: Evidence) -> Diagnosis | None:
    """All neurons of a layer hold the same weights: they get the same gradients and stay alike for ever."""
    for layer in found.hidden:
        assert layer.weight is not None
        rows = layer.weight.flatten(1)
        spread = float((rows - rows[0]).abs().max())
        if len(rows) > 1 and spread <= 1e-6 * float(rows.abs().max()):
            return _diagnosis(
                found,
                "zero_init",
                "All neurons are the same",
                f"The {len(rows)} neurons of {layer.title} have identical weights (largest difference {spread:.1g}).",
                "Neurons that start alike get the same gradient and stay alike: the layer is worth one neuron. "
                "Weights must start at random.",
                "start at random (PyTorch's default)",
                network={"init": "default"},
            )
    return None


def runaway(found: Evidence) -> Diagnosis | None:
    """The learning rate is too high: updates are large beside the weights, or the loss is no longer finite."""
    rate, pace = found.checkpoint.config.lr, _pace(found)
    if found.diverged:
        number = "The loss became infinite or not a number"
    elif pace.leap > LEAP:
        much = f"{pace.leap:.0%} of" if pace.leap < 10 else f"{pace.leap:,.0f} times"
        number = f"Step {pace.leap_step:,} alone changed the weights of {pace.leap_layer} by {much} their size"
    elif pace.usual > TOO_FAST:
        number = (
            f"One step changes the weights of {pace.layer} by {pace.usual:.1%} of their size (about 0.1 % is usual)"
        )
    else:
        return None
    gentler = _gentler(rate, pace)
    return _diagnosis(
        found,
        "rate_too_high",
        "The learning rate is too high",
        f"{number}, at a learning rate of {rate:g}.",
        "Steps so large jump over the valleys of the loss instead of walking down into them, and can leave dead ReLU "
        "neurons behind.",
        f"a learning rate of {gentler:g}",
        config={"lr": gentler},
    )


def exploding(found: Evidence) -> Diagnosis | None:
    """The gradients are far larger than the weights: they grow from layer to layer."""
    step = found.checkpoint.next_step
    if step is None:
        return None
    sizes = {
        layer.title: float(step.gradient[f"{layer.name}.weight"].norm()) / max(float(layer.weight.norm()), 1e-12)
        for layer in found.checkpoint.learning_layers
        if layer.weight is not None and layer.weight.any()
    }
    worst = max(sizes, key=lambda title: sizes[title], default="")
    if not worst or not sizes[worst] > EXPLODING:
        return None
    return _diagnosis(
        found,
        "exploding",
        "The gradients explode",
        f"The gradient of {worst} is {sizes[worst]:,.0f} times as large as its weights, of the mini-batch of step"
        f" {step.step:,}.",
        "Each layer multiplies what passes through it, forwards and backwards; weights that start too large make it "
        "grow. Kaiming's initialisation is made to keep it level.",
        "Kaiming initialisation",
        network={"init": "kaiming"},
    )


def vanishing(found: Evidence) -> Diagnosis | None:
    """The gradient shrinks from layer to layer on its way back."""
    ratio = _gradient_ratio(found)
    if ratio is None or ratio > VANISHING or len(found.hidden) < 2:
        return None
    first, last = found.checkpoint.learning_layers[0].title, found.checkpoint.learning_layers[-1].title
    squashing = any(ACTIVATIONS[layer.activation].ends for layer in found.hidden)
    return _diagnosis(
        found,
        "vanishing",
        "The gradients vanish",
        f"The gradient of a weight in {first} is {1 / ratio:,.0f} times smaller than that of one in {last}, of the"
        f" mini-batch of step {found.checkpoint.step_number + 1:,}.",
        "The first layers hardly learn: by the chain rule each layer multiplies the gradient"
        + (", and a sigmoid's slope is at most ¼." if squashing else ", and here each makes it smaller."),
        "ReLU in place of sigmoid and tanh, Kaiming initialisation" if squashing else "Kaiming initialisation",
        network={"init": "kaiming"},
        activations={name: "relu" for name, one in ACTIVATIONS.items() if one.ends},
    )


def dead(found: Evidence) -> Diagnosis | None:
    """Units of a ReLU layer give 0 for every image: no gradient ever wakes them."""
    for layer in found.hidden:
        if not ACTIVATIONS[layer.activation].flat_below_zero:
            continue
        silent = is_dead(found.outputs[layer.name])
        if silent.double().mean() > DEAD_SHARE:
            return _diagnosis(
                found,
                "dead",
                "Many neurons are dead",
                f"{int(silent.sum()):,} of the {len(silent):,} units of {layer.title} give 0 for {found.images}.",
                "A ReLU that is 0 for all images passes no gradient, so it stays dead. Steps that were too large push "
                "them there. Leaky ReLU lets a little through, and a smaller rate is gentler.",
                "leaky ReLU and half the learning rate",
                config={"lr": found.checkpoint.config.lr / 2},
                activations={layer.activation: "leakyrelu"},
            )
    return None


def saturated(found: Evidence) -> Diagnosis | None:
    """Sigmoids or tanhs stand at the ends of their range, where they are flat."""
    for layer in found.hidden:
        if not ACTIVATIONS[layer.activation].ends:
            continue
        share = float(is_saturated(found.outputs[layer.name], layer.activation).float().mean())
        if share > SATURATED_SHARE:
            return _diagnosis(
                found,
                "saturated",
                "Neurons are saturated",
                f"{share:.0%} of the outputs of {layer.title} for {found.images} are within 1 % of an end of"
                f" {layer.activation}'s range.",
                "There the function is flat, so its slope, and with it the gradient, is nearly 0. Smaller initial "
                "weights and smaller steps keep the sums Wx + b in the steep middle.",
                "Xavier initialisation and half the learning rate",
                network={"init": "xavier"},
                config={"lr": found.checkpoint.config.lr / 2},
            )
    return None


def stuck(found: Evidence) -> Diagnosis | None:
    """The loss is where it began."""
    losses = found.curve.loss[np.isfinite(found.curve.loss)]
    if len(losses) < 4 * SETTLED or found.diverged:
        return None
    start, now = float(losses[:SETTLED].mean()), float(losses[-SETTLED:].mean())
    if now < STUCK_SHARE * start:
        return None
    rate = found.checkpoint.config.lr
    slow = _crawls(_pace(found))
    return _diagnosis(
        found,
        "stuck",
        "The loss does not move",
        f"After {len(found.curve.step):,} steps the loss is {now:.3f}; it began at {start:.3f}.",
        "The steps are too small to get anywhere."
        if slow
        else "The steps are not too small for it, so something else is in the way: look at the other findings, or "
        "let Adam choose the size of each weight's step.",
        f"thirty times the learning rate, {min(100.0, 30 * rate):g}"
        if slow
        else "the optimizer Adam with a learning rate of 0.001",
        config={"lr": min(100.0, 30 * rate)} if slow else {"optimizer": "adam", "lr": 0.001},
    )


def crawling(found: Evidence) -> Diagnosis | None:
    """The learning rate is too low: the weights hardly change although there is something left to learn."""
    pace, rate = _pace(found), found.checkpoint.config.lr
    losses = found.curve.loss[np.isfinite(found.curve.loss)]
    if not _crawls(pace) or float(losses[-SETTLED:].mean()) < 0.3:
        return None
    return _diagnosis(
        found,
        "rate_too_low",
        "The learning rate is too low",
        f"One step changes the weights of {pace.layer} by {pace.usual:.1g} of their size (about 0.001 is usual), at a"
        f" learning rate of {rate:g}.",
        "The direction is right but the steps are tiny: it would take very many of them.",
        f"thirty times the learning rate, {min(100.0, 30 * rate):g}",
        config={"lr": min(100.0, 30 * rate)},
    )


def overfitting(found: Evidence) -> Diagnosis | None:
    """It knows its training images much better than new ones."""
    if not found.epochs:
        return None
    last = found.epochs[-1]
    gap = last.train_accuracy - last.test_accuracy
    if not gap > OVERFIT_GAP:
        return None
    few = bool(found.checkpoint.config.per_class)
    return _diagnosis(
        found,
        "overfitting",
        "It learns its training images by heart",
        f"In epoch {last.epoch} it got {last.train_accuracy:.1%} of the training images right, and after it"
        f" {last.test_accuracy:.1%} of all {len(found.checkpoint.data.test.labels):,} test images.",
        "The net has room enough to remember single images. More data is the best remedy"
        + (
            f": this run sees only {found.checkpoint.config.per_class} of each class."
            if few
            else "; shifted and rotated copies, and weight decay, help too."
        ),
        "all the training images" if few else "small shifts and rotations, and weight decay 0.0005",
        config={"per_class": 0} if few else {"augment": "shift_rotate", "weight_decay": 0.0005},
    )


DIAGNOSES: tuple[Callable[[Evidence], Diagnosis | None], ...] = (
    zero_init,
    runaway,
    exploding,
    vanishing,
    dead,
    saturated,
    stuck,
    crawling,
    overfitting,
)


def _diagnosis(
    found: Evidence,
    name: str,
    title: str,
    number: str,
    advice: str,
    try_this: str,
    *,
    network: dict[str, object] | None = None,
    config: dict[str, object] | None = None,
    activations: dict[str, str] | None = None,
) -> Diagnosis:
    checkpoint = found.checkpoint
    swapped = tuple(
        with_field(layer, "activation", (activations or {}).get(layer.activation, layer.activation))
        if hasattr(layer, "activation")
        else layer
        for layer in checkpoint.network.layers
    )
    suggested = NetworkSpec(swapped, checkpoint.network.init, checkpoint.network.init_std).with_(**(network or {}))
    try:
        settings = checkpoint.config.with_(device="auto", **(config or {}))
    except SpecError:  # already at the end of what a field takes
        settings = checkpoint.config.with_(device="auto")
    return Diagnosis(name, title, number, advice, try_this, suggested, settings)


def _gradient_ratio(found: Evidence) -> float | None:
    """RMS gradient of the first layer's weights over the last one's, at the moment; None if there is nothing to say."""
    layers, step = found.checkpoint.learning_layers, found.checkpoint.next_step
    if len(layers) < 2 or step is None:
        return None
    first, last = (step.gradient[f"{layers[i].name}.weight"].square().mean().sqrt().item() for i in (0, -1))
    return first / last if last > 0 and math.isfinite(first) and first > 0 else None


class _Pace(NamedTuple):
    """How much of their size weights change in a step."""

    usual: float
    """Median over the later half, in the layer where it is largest; NaN if there are too few steps to say."""
    layer: str
    push: float
    """The same of the gradient's norm over the weights', in that layer."""
    first: float
    """The change by the first step, in the layer where it is largest; NaN if it was not measured."""
    leap: float
    """The largest single change."""
    leap_layer: str
    leap_step: int


def _gentler(rate: float, pace: _Pace) -> float:
    """A tenth of the rate, or less where the first step, when nothing had run away yet, was too large even so."""
    if pace.first > 0:
        rate = min(rate, 10 * float(f"{rate * GENTLE / pace.first:.0e}"))
    return rate / 10


def _crawls(pace: _Pace) -> bool:
    """Small steps although the gradient would push: it is the learning rate that is small."""
    return 0 < pace.usual < TOO_SLOW and pace.push > 1e-3


def _pace(found: Evidence) -> _Pace:
    norms = found.norms
    titles = {layer.name: layer.title for layer in found.checkpoint.learning_layers}
    if not len(norms.step):
        return _Pace(math.nan, "", math.nan, math.nan, 0.0, "", 0)
    # Weights that began at zero have no size yet by which a step could be judged.
    size = np.where(norms.weight[:1] > 0, np.maximum(norms.weight, norms.weight[:1]), np.inf)
    ratio, push = norms.update / size, norms.gradient / size
    row, column = np.unravel_index(int(np.argmax(ratio)), ratio.shape)
    leap = (float(ratio[row, column]), titles.get(norms.layers[column], ""), int(norms.step[row]))
    first = float(ratio[0].max()) if norms.step[0] == 1 else math.nan
    later = np.flatnonzero(norms.step > SETTLED)
    if not len(later):
        return _Pace(math.nan, "", math.nan, first, *leap)
    later = later[len(later) // 2 :]
    medians = np.median(ratio[later], axis=0)
    place = int(np.argmax(medians))
    return _Pace(
        float(medians[place]), titles.get(norms.layers[place], ""), float(np.median(push[later, place])), first, *leap
    )
