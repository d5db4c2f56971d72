"""Text from people, shown as text; text for people, as a sentence."""

from __future__ import annotations

import math

import humanize
from torch import Tensor

from nnviz.analysis.checkpoint_view import LayerView
from nnviz.pretrained import PRETRAINED
from nnviz.spec.activations import ACTIVATIONS

_MARKUP = r"\`*_{}[]()<>#+-.!|$:~"


def plain(text: str) -> str:
    """Escape what Streamlit's Markdown would take for markup."""
    return "".join(f"\\{c}" if c in _MARKUP else c for c in text)


def sentence(text: str) -> str:
    """An error's words as a sentence."""
    return f"{text[0].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"


def run_label(name: str, run_id: str) -> str:
    """A run in a select box: its name, when it was started, and what tells it from others of that minute.

    The browser answers with the label, not with the option: so labels must be one of a kind, and say nothing that
    changes while a run goes on.
    """
    if run_id in {net.id for net in PRETRAINED}:
        return f"{name} · came with nnviz"
    return f"{name} · {run_id[9:11]}:{run_id[11:13]} #{run_id[-4:]}"


def percent(share: float) -> str:
    """One decimal; never "100.0 %" for less than all, which a probability of a softmax always is. A net whose weights
    ran away may answer with NaN.
    """
    if math.isnan(share):
        return "no number"
    return "> 99.9 %" if share > 0.9995 else f"{share:.1%}".replace("%", " %")


def duration(seconds: float) -> str:
    """In two units at most; e.g. "59 s", "2 min 05 s", "26 h 00 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def layer_in_words(layer: LayerView, output: Tensor) -> str:
    if layer.plan.layer.idle:
        return layer.plan.layer.idle
    if output.dim() == 3:
        what = "1 channel" if len(output) == 1 else f"{len(output)} channels"
        what = f"{what} of {output.shape[1]}×{output.shape[2]}"
    elif layer.name == "output":
        what = f"{len(output)} logits: the softmax makes probabilities of them"
    else:
        what = f"{len(output):,} neurons"
    if layer.activation != "identity":
        what += f" · {ACTIVATIONS[layer.activation].title}"
    if ACTIVATIONS[layer.activation].flat_below_zero:
        silent = float((output == 0).float().mean())
        what += f" · {silent:.0%} of the values are 0".replace("%", " %")
    return what


def size_in_words(count: float) -> str:
    """Bytes with up to three digits: "63 kB", "24.4 MB"."""
    return humanize.naturalsize(count, format="%.3g").replace("Bytes", "bytes").replace("Byte", "byte")
