"""Which drawings are refused as no digits? `python -m benchmarks.novelty` prints one table.

Nets are trained with the robust recipe, 784-128-10 and the small convolutional one, and asked about drawings of
`benchmarks.not_digits`, which nothing was fitted on, and about digits: MNIST's test images as they are and drawn anew
with the Draw page's pen, the test digits of `nnviz.data.offline_digits`, through the drawing path and as they are, and
crossed sevens, slashed zeros and their like.
Each method refuses at most 2 % of each of the first three; the last row of each net is what the app does, with its own
threshold. Only test images on which no threshold was fitted are counted. Needs requirements-test.txt and MNIST
(NNVIZ_DATA, or ../shared/data).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from torch import Tensor

from benchmarks.bench import Table, need, parser, runs_folder, took
from benchmarks.not_digits import NOT_DIGITS, rare_digits
from benchmarks.recognition import brought_into_frame
from benchmarks.strokes_of_digits import drawings_of
from nnviz.analysis import novelty
from nnviz.analysis.activations import trace
from nnviz.analysis.calibration import calibrate, evenly
from nnviz.analysis.checkpoint_view import CheckpointView
from nnviz.analysis.digit_detector import detector, log_odds
from nnviz.data import offline_digits
from nnviz.data.datasets import DATASETS, to_input
from nnviz.data.drawing import prepare
from nnviz.executor.recorder import train_run
from nnviz.spec.network import NetworkSpec
from nnviz.spec.presets import PRESETS
from nnviz.spec.recipes import robust_config
from nnviz.store.runs import RunStore

Floats = NDArray[np.float64]
DIGIT_SETS = ("MNIST", "MNIST redrawn", "other styles", "other styles as they are", "rare styles")
AT = 0.02
GOAL = 90


def image_sets(tiny: bool) -> dict[str, Tensor]:
    """uint8 (n, 1, 28, 28) by name, digits first."""
    test, few = DATASETS["mnist"].load().test, 20 if tiny else 1
    held = test.images[1 :: 20 if tiny else 2]
    made = {"MNIST": held[: 1000 // few], "MNIST redrawn": brought_into_frame(drawings_of(held[: 600 // few], 18.0))}
    with torch.random.fork_rng():
        styles = offline_digits.generate()[1].images[: 600 // few]
    enlarged = F.interpolate(torch.from_numpy(styles)[:, None] / 255.0, scale_factor=6, mode="bicubic").clamp(0, 1)
    made["other styles"] = torch.cat([prepare(one[0].numpy()).images for one in enlarged])
    made["other styles as they are"] = torch.from_numpy(styles)[:, None]
    made["rare styles"] = brought_into_frame(rare_digits(280 // few))
    for name, draw in NOT_DIGITS.items():
        count = {"letters": 370, "sketches": 280}.get(name, 100)
        made[name] = brought_into_frame(draw(count // few))
    return made


def methods(view: CheckpointView) -> dict[str, Callable[[Tensor], Floats]]:
    """Scores of uint8 images (n, 1, 28, 28), the larger the more novel; those of the literature need the net alone."""
    train = evenly(view.data.train, 5_000)
    known, _ = _last(view, train.images)
    unit = F.normalize(known)
    means = torch.stack([known[train.labels == label].mean(0) for label in range(10)])
    apart = known - means[train.labels]
    spread = apart.T @ apart / len(known)
    precision = torch.linalg.inv(spread + 1e-3 * spread.diagonal().mean() * torch.eye(len(spread)))

    white = torch.linalg.cholesky(precision)  # distances after it are Mahalanobis'

    def mahalanobis(images: Tensor) -> Floats:
        return torch.cdist(_last(view, images)[0] @ white, means @ white).amin(1).double().numpy()

    def neighbour(images: Tensor, place: int) -> Floats:
        near = [(part @ unit.T).topk(place).values[:, -1] for part in F.normalize(_last(view, images)[0]).split(500)]
        return -torch.cat(near).double().numpy()

    return {
        "maximum softmax": lambda images: -_last(view, images)[1].softmax(1).amax(1).double().numpy(),
        "maximum logit": lambda images: -_last(view, images)[1].amax(1).double().numpy(),
        "energy": lambda images: -_last(view, images)[1].logsumexp(1).double().numpy(),
        "Mahalanobis": mahalanobis,
        "deep kNN, k = 1": lambda images: neighbour(images, 1),
        "deep kNN, k = 50": lambda images: neighbour(images, 50),
        "pixel kNN, k = 1": _pixel_neighbour(train.images),
        "outlier exposure": log_odds,
    }


def _pixel_neighbour(known: Tensor) -> Callable[[Tensor], Floats]:
    flat = known.flatten(1) / 255.0

    def score(images: Tensor) -> Floats:
        return (
            torch.cat([torch.cdist(part.flatten(1) / 255.0, flat).amin(1) for part in images.split(500)])
            .double()
            .numpy()
        )

    return score


def _last(view: CheckpointView, images: Tensor) -> tuple[Tensor, Tensor]:
    """What the output layer is given, (n, features), and the logits."""
    traces = [trace(view, to_input(part, view.data.dataset)).layers[-1] for part in images.split(500)]
    return torch.cat([one.given.flatten(1) for one in traces]), torch.cat([one.output for one in traces])


def _rows(table: Table, net: str, view: CheckpointView, sets: dict[str, Tensor]) -> None:
    kinds = list(NOT_DIGITS)
    for name, score in methods(view).items():
        scores = {each: score(images) for each, images in sets.items()}
        level = max(float(np.quantile(scores[each], 1 - AT)) for each in DIGIT_SETS[:3])
        known = np.concatenate([scores[each] for each in DIGIT_SETS[:3]])
        novel = np.concatenate([scores[each] for each in kinds[:3]])
        area = roc_auc_score(np.repeat([0, 1], [len(known), len(novel)]), np.concatenate([known, novel]))
        table.add(net, name, float(area), *(100 * float((scores[each] > level).mean()) for each in sets))
    fitted = novelty.fit(view)
    refused = {
        each: 100 * float(np.mean([fitted.judge(one[0].numpy()).novel for one in images]))
        for each, images in sets.items()
    }
    table.add(net, "as in the app", None, *refused.values(), goal=f"digits ≤ 2, others ≥ {GOAL}")


def main(arguments: list[str] | None = None) -> None:
    options_of = parser(__doc__)
    options_of.add_argument("--runs", type=Path, help="a folder of runs whose nets are asked, instead of new ones")
    options = options_of.parse_args(arguments)
    need()
    sets = image_sets(options.tiny)
    table = Table("Refused, %", ("net", "method", "AUROC", *sets))
    times = Table("Beside that", ("net", "ECE before", "ECE after", "temperature", "fit, s", "verdict, ms"))
    with runs_folder() as folder, closing(RunStore(options.runs or folder)) as store:
        if options.runs is None:
            for name, network in (("784-128-10", NetworkSpec()), ("small CNN", PRESETS["small_cnn"].network)):
                epochs = 1 if options.tiny else 3 if network.convolves else 20
                config = robust_config(network).with_(data="mnist", epochs=epochs, per_class=30 if options.tiny else 0)
                train_run(store, store.create(network, config, name).id)
        for run in reversed(store.runs()):
            view = CheckpointView(
                run.network, run.config, store.checkpoints.load(run.id), DATASETS[run.config.data].load()
            )
            _rows(table, run.name, view, sets)
            calibration, fitted = calibrate(view), novelty.fit(view)
            detector.cache_clear(), novelty.styles_threshold.cache_clear()
            cold = took(lambda view=view: (calibrate(view), novelty.fit(view)))
            one = sets["letters"][0, 0].numpy()
            each = took(lambda fitted=fitted, one=one: [fitted.judge(one) for _ in range(50)]) / 50
            if calibration is not None:
                before, after = (one.expected_calibration_error for one in (calibration.before, calibration.after))
                times.add(
                    run.name, before, after, calibration.temperature, cold, 1000 * each, goal="fit ≤ 2, verdict ≤ 5"
                )
    table.show(options.json)
    print()
    times.show()


if __name__ == "__main__":
    main()
