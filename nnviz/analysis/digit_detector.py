"""Digit or not, told by a small network of its own that was trained beforehand, by outlier exposure.

Outlier exposure (Hendrycks et al., "Deep Anomaly Detection with Outlier Exposure", 2019) trains on what is known and on
whatever else is at hand, and what it learns carries over to outliers of other kinds. This one knows MNIST's training
images, the training digits of `nnviz.data.offline_digits`, and the digits in many styles and the random figures of
`nnviz.data.pen_figures`; it has seen no letter, no sketch and no test image. `scripts/train_detector.py` makes its
weights.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from scipy import ndimage
from torch import Tensor, nn

from nnviz.spec.layers.conv import Conv
from nnviz.spec.layers.dense import Dense
from nnviz.spec.layers.dropout import Dropout
from nnviz.spec.layers.pool import MaxPool
from nnviz.spec.network import NetworkSpec, empty_model

DIGITS = 10
CLASSES = DIGITS + 1
"""The digits, and what is none."""

NETWORK = NetworkSpec(
    (
        Conv(16, kernel=5, stride=2, padding=2),
        Conv(32, kernel=3, padding=1),
        MaxPool(),
        Conv(48, kernel=3, padding=1),
        Dense(64),
        Dropout(0.2),
    )
)
INPUT_SHAPE = (1, 28, 28)
WEIGHTS = Path(__file__).with_suffix(".safetensors")
CHUNK = 1000

BLOT = 10
"""Pixels across the widest place of ink, of 28: half of a digit's box. There is no line in it, so no digit either."""


@cache
def detector() -> nn.Sequential:
    """The network with its weights, in evaluation mode; (n, 1, 28, 28) in [0, 1] to (n, CLASSES)."""
    model = empty_model(NETWORK, INPUT_SHAPE, CLASSES)
    model.load_state_dict({name: weight.float() for name, weight in load_file(WEIGHTS).items()})
    return model.eval()


def log_odds(images: Tensor, model: nn.Module | None = None) -> NDArray[np.float64]:
    """Natural logarithm of P(no digit) / P(a digit) of uint8 `images` (n, 1, 28, 28), as the detector sees it; (n,).

    How far it may be from 0 is for held-out digits to say: its figures are not what people draw, nor as frequent.
    """
    model = model or detector()
    with torch.inference_mode():
        logits = torch.cat([model(chunk.float() / 255) for chunk in images.split(CHUNK)]).double()
    odds: NDArray[np.float64] = (logits[:, DIGITS] - logits[:, :DIGITS].logsumexp(1)).numpy()
    return odds


def is_blot(pixels: NDArray[np.uint8]) -> bool:
    """Whether (28, 28) is a dot or a blot. Enlarged until it fills the frame, a dot has all of a fat 0 but the hole;
    a network must not be asked.
    """
    return bool(2 * ndimage.distance_transform_edt(np.pad(pixels >= 128, 1)).max() > BLOT)
