"""Saliency of an image matter for one class, asked in four ways.

What is explained is the class's logit, its value before the softmax: probabilities also move when another class's logit
does. The reference is empty paper, the value of a pixel without ink.

Integrated gradients and occlusion are captum's. It is imported when first needed: it brings matplotlib with it, which
the start of the app needn't wait for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from nnviz.data.datasets import Dataset, to_input

PATH_STEPS = 64
"""Points on the way from empty paper to the image, by Gauss and Legendre's rule. For a net with ReLU or max pooling the
gradient jumps on the way, so that the sum is a few per cent off at worst."""

PATCH, STRIDE = 4, 2
"""Side of the square that is covered with paper, and its step, pixels."""

PATCHES_AT_ONCE = 64


class Attribution(NamedTuple):
    """What each pixel adds to the logit of a class, as one method sees it."""

    values: Tensor
    """Signed, float32 (height, width). Positive: speaks for the class."""
    logit: float
    """Of the image."""
    paper_logit: float
    """Of empty paper."""

    @property
    def total(self) -> float:
        return float(self.values.double().sum())

    @property
    def finite(self) -> bool:
        return bool(self.values.isfinite().all())


@dataclass(frozen=True)
class Method:
    name: str
    title: str
    question: str
    """What it asks, for a reader who has never heard of it."""
    unit: str
    """What a value is."""
    source: str
    compute: Callable[[nn.Module, Tensor, Tensor, int], Tensor]
    """(model, image, empty paper of the same shape, class) → values of the image's shape."""


def attribute(model: nn.Module, image: Tensor, target: int, method: str, dataset: Dataset) -> Attribution:
    """What the pixels of one normalised `image` (1, 1, height, width) add to the logit of class `target`.

    `model` must be in evaluation mode; it is left as it was, without gradients and hooks.
    Raises KeyError for an unknown method, ValueError for more than one image.
    """
    if image.dim() != 4 or image.shape[:2] != (1, 1):
        raise ValueError(f"one image of one channel is needed, (1, 1, height, width), not {tuple(image.shape)}")
    image = image.detach().clone()
    paper = to_input(torch.zeros(image.shape, dtype=torch.uint8), dataset)
    values = METHODS[method].compute(model, image, paper, target).detach()
    with torch.inference_mode():
        logits = model(torch.cat([image, paper]))[:, target].tolist()
    return Attribution(values[0, 0].float(), *logits)


def _gradient(model: nn.Module, image: Tensor, paper: Tensor, target: int) -> Tensor:
    """∂z/∂x. Only the image's gradient is asked for, so that none is left on the weights."""
    image = image.clone().requires_grad_()
    with torch.enable_grad():
        return torch.autograd.grad(model(image)[0, target], image)[0]


def _gradient_times_input(model: nn.Module, image: Tensor, paper: Tensor, target: int) -> Tensor:
    """∂z/∂x · (x − paper): gradient × input with the pixel's ink as the input, whatever the normalisation."""
    return _gradient(model, image, paper, target) * (image - paper)


def _integrated_gradients(model: nn.Module, image: Tensor, paper: Tensor, target: int) -> Tensor:
    from captum.attr import IntegratedGradients

    image = image.clone().requires_grad_()  # else captum does it, with a warning
    explain = IntegratedGradients(model, multiply_by_inputs=True).attribute
    values: Tensor = explain(image, baselines=paper, target=target, n_steps=PATH_STEPS, method="gausslegendre")
    return values


def _occlusion(model: nn.Module, image: Tensor, paper: Tensor, target: int) -> Tensor:
    from captum.attr import Occlusion

    height, width = image.shape[2:]
    with torch.inference_mode():
        values: Tensor = Occlusion(model).attribute(
            image,
            (1, min(PATCH, height), min(PATCH, width)),
            strides=(1, STRIDE, STRIDE),
            baselines=paper,
            target=target,
            perturbations_per_eval=PATCHES_AT_ONCE,
        )
        return values.clone()


METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method(
            "gradient",
            "Gradient",
            "If this pixel became a little darker, would the net believe more or less in the class? It also answers"
            " where there is no ink: there it would like to see some, or not.",
            "change of the logit per unit of the pixel",
            "Simonyan et al., 2013, arXiv:1312.6034",
            _gradient,
        ),
        Method(
            "gradient_input",
            "Gradient × input",
            "How much does the ink that is there count, if the net were as straight a function as it is right here?"
            " The gradient times how far the pixel is from empty paper.",
            "part of the logit",
            "Shrikumar et al., 2016, arXiv:1605.01713",
            _gradient_times_input,
        ),
        Method(
            "integrated",
            "Integrated gradients",
            "While the digit appears on empty paper, from faint to full, which pixels move the logit? The gradient"
            " is taken all along the way, so that the values of all pixels add up to the whole change.",
            "part of the logit",
            "Sundararajan et al., 2017, arXiv:1703.01365",
            _integrated_gradients,
        ),
        Method(
            "occlusion",
            "Occlusion",
            f"What does the net lose when a patch of {PATCH}×{PATCH} pixels is covered with paper? No gradient at all:"
            " the net is asked again for every patch. A pixel has the mean over the patches that cover it.",
            "logit lost",
            "Zeiler and Fergus, 2013, arXiv:1311.2901",
            _occlusion,
        ),
    )
}
