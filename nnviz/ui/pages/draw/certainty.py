"""What a net says of a drawing, and how far that can be believed: calibrated probabilities, and whether the drawing is
one of the kind that it knows. A person can switch the second off, to see what a net says that must answer.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from nnviz.analysis.novelty import Verdict
from nnviz.analysis.recognition import answer
from nnviz.ui import confidence, state
from nnviz.ui.pages.draw.nets import Net, last_checkpoint, present

_REFUSE = "draw-refuse"

OFF = "off"
"""As `refuse` in the address: then what is no digit is answered too."""


class Told(NamedTuple):
    shares: NDArray[np.float32]
    """Probabilities, calibrated as soon as that is known, (classes,)."""
    verdict: Verdict | None
    """None as long as there is none."""

    @property
    def refused(self) -> bool:
        return self.verdict is not None and self.verdict.novel and refusing()


def tell(net: Net, pixels: NDArray[np.uint8]) -> Told:
    """Ask a net about a drawing, (28, 28). Raises as `last_checkpoint` does."""
    if net.live:
        return Told(answer(net.checkpoint, pixels), confidence.verdict_live(net.run, net.checkpoint.data, pixels))
    if not net.has_images:
        return Told(answer(net.checkpoint, pixels), confidence.verdict_alone(net.dataset, pixels))
    known = _known(net)
    if known is None:
        return Told(answer(net.checkpoint, pixels), None)
    return Told(answer(net.checkpoint, pixels, known.calibration.temperature), known.novelty.judge(pixels))


def begin(ids: list[str]) -> None:
    """Let what isn't known yet be worked out, before there is a drawing. Raises as `present` does."""
    for net in present(ids):
        if not net.live and net.has_images:
            _known(net)


def refusing() -> bool:
    """Whether what is no digit is refused."""
    on: bool = state.recalled(_REFUSE, st.query_params.get("refuse") != OFF)
    return on


def refusals_toggle() -> None:
    state.recall(_REFUSE, refusing())
    st.toggle(
        "Refuse what is no digit",
        key=_REFUSE,
        help="The softmax shares out 100 % among the classes whatever is drawn, so a smiley is some digit too. A"
        " separate score says whether a drawing is like the digits of training at all. Switch it off to see what a net"
        " says that has to answer; the link /Draw?refuse=off does so for a class.",
    )


def _known(net: Net) -> confidence.Confidence | None:
    # Lessons are few and their copy short-lived: it is judged as the net that it was taught from.
    return confidence.confidence(net.run, last_checkpoint(net.run) if net.taught else net.checkpoint)
