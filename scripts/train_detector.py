"""Train the network that tells digits from other drawings anew: `python scripts/train_detector.py`.

Some minutes on one core; needs MNIST (NNVIZ_DATA). It writes the weights, half precision, to where
`nnviz/analysis/digit_detector.py` finds them; `python -m benchmarks.novelty` tells what they are worth.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor

from nnviz.analysis.digit_detector import CLASSES, DIGITS, INPUT_SHAPE, NETWORK, WEIGHTS
from nnviz.data.datasets import DATASETS
from nnviz.data.offline_digits import generate
from nnviz.data.pen_figures import digits, figures
from nnviz.spec.network import build_model

SEED, BATCH, EPOCHS, RATE = 1, 256, 5, 4e-3
FIGURES, EACH, OFFLINE = 70_000, 170, 20_000


def training_images() -> tuple[Tensor, Tensor]:
    """uint8 (n, 1, 28, 28) and labels int64 (n,); DIGITS is the label of figures."""
    mnist, offline, drawn = DATASETS["mnist"].load().train, generate()[0], digits(EACH, SEED)
    others = torch.from_numpy(figures(FIGURES, SEED))
    images = [torch.from_numpy(one) for one in (offline.images[:OFFLINE], drawn.images)]
    labels = [torch.from_numpy(one).long() for one in (offline.labels[:OFFLINE], drawn.labels)]
    every = torch.cat([mnist.images[:, 0], *images, others])[:, None]
    return every, torch.cat([mnist.labels, *labels, torch.full((len(others),), DIGITS)])


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
