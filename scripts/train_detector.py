"""Train the network that tells digits from other drawings anew: `python -m scripts.train_detector`.

Some minutes on one core; needs MNIST (NNVIZ_DATA). It writes the weights, half precision, to where
`nnviz/analysis/digit_detector.py` finds them; `python -m benchmarks.novelty` tells what they are worth.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from safetensors.torch import save_file
from scipy import ndimage
from torch import Tensor

from benchmarks.strokes_of_digits import FINE, thinned
from nnviz.analysis.digit_detector import CLASSES, DIGITS, INPUT_SHAPE, NETWORK, WEIGHTS
from nnviz.data.datasets import DATASETS
from nnviz.data.drawing import STROKE_RANGE
from nnviz.data.mnist_frame import frame
from nnviz.data.offline_digits import generate
from nnviz.data.pen_figures import digits, figures
from nnviz.spec.network import build_model

SEED, BATCH, EPOCHS, RATE = 1, 256, 10, 4e-3
FIGURES, EACH, OFFLINE, REDRAWN = 80_000, 260, 12_000, 6_000


def training_images() -> tuple[Tensor, Tensor]:
    """uint8 (n, 1, 28, 28) and labels int64 (n,); DIGITS is the label of figures."""
    mnist, offline, drawn = DATASETS["mnist"].load().train, generate()[0], digits(EACH, SEED)
    others = torch.from_numpy(figures(FIGURES, SEED))
    again = slice(None, None, len(mnist.labels) // REDRAWN)
    pens = torch.from_numpy(redrawn(mnist.images[again]))
    images = [torch.from_numpy(one) for one in (offline.images[:OFFLINE], drawn.images)]
    labels = [torch.from_numpy(one).long() for one in (offline.labels[:OFFLINE], drawn.labels)]
    every = torch.cat([mnist.images[:, 0], pens, *images, others])[:, None]
    return every, torch.cat([mnist.labels, mnist.labels[again], *labels, torch.full((len(others),), DIGITS)])


def redrawn(images: Tensor) -> NDArray[np.uint8]:
    """(n, 28, 28): uint8 `images` (n, 1, 28, 28) drawn anew along the middle of their ink, with the Draw page's pen."""
    rng, made = np.random.default_rng(SEED), []
    for part in images.split(1000):
        large = F.interpolate(part.float() / 255, scale_factor=FINE, mode="bilinear")[:, 0].numpy()
        away = np.stack([ndimage.distance_transform_edt(~one) for one in thinned(large >= 0.5)]).astype(np.float32)
        radii = FINE * rng.uniform(*STROKE_RANGE, (len(part), 1, 1)).astype(np.float32) / 2
        made.append(np.rint(255 * frame((radii - away + 0.5).clip(0, 1))).astype(np.uint8))
    return np.concatenate(made)


def moved(images: Tensor) -> Tensor:
    """Each turned, sheared, scaled and shifted a little, float32 in [0, 1]; by the standard deviations below."""
    count = len(images)
    turn, shear = 0.1 * torch.randn(2, count)  # radians; pixels across for each pixel down
    width, height = 1 + 0.07 * torch.randn(2, count)
    where = torch.zeros(count, 2, 3)
    where[:, 0, 0], where[:, 0, 1] = width * turn.cos(), width * (turn.sin() + shear)
    where[:, 1, 0], where[:, 1, 1] = -height * turn.sin(), height * turn.cos()
    where[:, :, 2] = 0.05 * (2 * torch.rand(count, 2) - 1)  # at most 0.7 pixels
    grid = F.affine_grid(where, (count, *INPUT_SHAPE), align_corners=False)
    return F.grid_sample(images.float() / 255, grid, align_corners=False)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--epochs", type=int, default=EPOCHS)
    options.add_argument("--out", type=Path, default=WEIGHTS)
    chosen = options.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    images, labels = training_images()
    model, steps = build_model(NETWORK, INPUT_SHAPE, CLASSES, SEED), len(images) // BATCH
    optimizer = torch.optim.AdamW(model.parameters(), RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=chosen.epochs * steps)
    begun = time.monotonic()
    for epoch in range(chosen.epochs):
        total = 0.0
        for batch in torch.randperm(len(images))[: steps * BATCH].view(steps, BATCH):
            loss = F.cross_entropy(model(moved(images[batch])), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item()
        print(f"epoch {epoch + 1}: loss {total / steps:.4f}, {time.monotonic() - begun:.0f} s", flush=True)
    save_file({name: weight.half().contiguous() for name, weight in model.state_dict().items()}, chosen.out)


if __name__ == "__main__":
    main()
