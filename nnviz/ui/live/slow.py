"""One step in slow motion as a row of phases for the browser: what the drawing shows in each, and the numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

from nnviz.analysis.network_picture import Quantity
from nnviz.analysis.slow_step import Followed, SlowStep
from nnviz.spec.activations import ACTIVATIONS
from nnviz.spec.losses import LOSSES
from nnviz.ui.format import percent

Phase = dict[str, Any]
Lines = list[list[str]]


def phases(slow: SlowStep, classes: Sequence[str], loss: str, optimizer: str) -> list[Phase]:
    """In their order. Each has a title, the quantity that the drawing shows, how far the drawing is lit ("upto" or
    from which "start" among the layers with weights), the "unit" that is followed, lines of a table, and words.
    """
    step = slow.step
    found = [
        _phase(
            "batch",
            f"Mini-batch of step {step.step:,}",
            Quantity.WEIGHTS,
            [
                ["images", f"{len(step.labels)}"],
                ["labels", ", ".join(classes[int(one)] for one in step.labels[:8]) + " …"],
            ],
            "These images come next. The image on the left shows how each of them goes through the network.",
        )
    ]
    for place, one in enumerate(slow.layers):
        found.append(
            _phase(
                "forward",
                f"Forward: {one.layer.title}",
                Quantity.ACTIVATIONS,
                _forward(one, classes),
                "y = f(Wx + b): every neuron weighs what comes in, adds its bias, and applies its activation.",
                upto=place,
                unit=[place, one.unit],
            )
        )
    found.append(_loss(slow, classes, loss))
    for place, one in reversed(list(enumerate(slow.layers))):
        found.append(
            _phase(
                "backward",
                f"Backward: {one.layer.title}",
                Quantity.GRADIENTS,
                _backward(one, classes),
                "The chain rule, from the loss back to each weight. For a step the gradients of all images of the"
                " mini-batch are averaged.",
                start=place,
                unit=[place, one.unit],
            )
        )
    followed = slow.layers[0]
    found.append(
        _phase(
            "update",
            f"Update: {optimizer}",
            Quantity.UPDATE,
            [[plain_math(line.symbol), _number(line.value)] for line in followed.update.lines],
            f"One weight of {_unit(followed, classes)}; all others move in the same way at the same time.",
        )
    )
    switched = "" if math.isclose(slow.loss_before, step.loss, rel_tol=1e-3) else _SWITCHED
    found.append(
        _phase(
            "after",
            "The same mini-batch, after the step",
            Quantity.WEIGHTS,
            [["loss before", _number(slow.loss_before)], ["loss after", _number(slow.loss_after)]],
            (
                "It fell: the step went downhill."
                if slow.loss_after < slow.loss_before
                else "It did not fall: the step was too large here, or momentum carried it on."
            )
            + switched,
        )
    )
    for place, phase in enumerate(found, 1):
        phase["title"] = f"{place}/{len(found)} · {phase['title']}"
    return found


_SWITCHED = (
    " Both are with dropout and batch normalisation as they are when the net answers, so that they can be compared: the"
    " loss that was trained on, L above, is another."
)


def _phase(kind: str, title: str, quantity: Quantity, lines: Lines, words: str, **more: Any) -> Phase:
    return {"kind": kind, "title": title, "quantity": quantity, "lines": lines, "words": words, **more}


def _forward(one: Followed, classes: Sequence[str]) -> Lines:
    name = ACTIVATIONS[one.layer.activation].title
    what = "z = Wx + b" if one.layer.activation != "identity" else "y = Wx + b"
    lines = [[_unit(one, classes), ""], [what, _number(one.total)]]
    return lines if one.layer.activation == "identity" else [*lines, [f"y = {name}(z)", _number(one.output)]]


def _loss(slow: SlowStep, classes: Sequence[str], loss: str) -> Phase:
    label, share = slow.label, float(slow.probabilities[slow.label])
    lines = [
        [f"logit of {classes[label]}", _number(float(slow.logits[label]))],
        [f"softmax: probability of {classes[label]}", percent(share)],
    ]
    if loss == "cross_entropy":
        lines.append(["−ln of it: the loss of this image", _number(slow.loss_of_image)])
    else:
        lines.append(["loss of this image", _number(slow.loss_of_image)])
    lines.append(["mean of the mini-batch, L", _number(slow.step.loss)])
    unit = f"How wrong the answer is, in {LOSSES[loss].unit}."
    return _phase("loss", f"Loss: {LOSSES[loss].title}", Quantity.ACTIVATIONS, lines, unit)


def _backward(one: Followed, classes: Sequence[str]) -> Lines:
    convolves = one.layer.plan.layer.convolves
    return [
        [f"{_unit(one, classes)}: ∂L/∂y", _number(one.loss_by_output)],
        ["∂y/∂z", _number(one.output_by_total)],
        ["∂z/∂W = x", _number(one.x)],
        ["all positions added: ∂L/∂W" if convolves else "product: ∂L/∂W of this image", _number(one.of_image)],
        ["mean of the mini-batch, g", _number(one.gradient)],
    ]


def _unit(one: Followed, classes: Sequence[str]) -> str:
    if one.layer.name == "output":
        return f"class {classes[one.unit]}"
    return f"{'channel' if one.layer.plan.layer.convolves else 'neuron'} {one.unit}"


def _number(value: float) -> str:
    if not math.isfinite(value):
        return "not a number"
    return f"{value:.4g}".replace("-", "−")


_WORDS = {
    r"\alpha": "α",
    r"\mu": "μ",
    r"\lambda": "λ",
    r"\varepsilon": "ε",
    r"\partial": "∂",
    r"\prod": "∏",
    r"\cdot": "·",
    r"\,": " ",
}


def plain_math(latex: str) -> str:
    """The formulas of the optimizers without LaTeX's commands, for one line of text."""
    text = re.sub(r"\\(?:text|operatorname)\{([^{}]*)\}", r"\1", latex)
    text = re.sub(r"\\hat (\w)", "\\1\u0302", text)
    while (found := re.sub(r"\\sqrt\{([^{}]*)\}", r"√(\1)", text)) != text:
        text = found
    while (found := re.sub(r"\\frac\{([^{}]*)\}\{([^{}]*)\}", r"(\1) / (\2)", text)) != text:
        text = found
    for word, sign in _WORDS.items():
        text = text.replace(word, sign)
    return text.replace("{", "").replace("}", "").replace("-", "−")
