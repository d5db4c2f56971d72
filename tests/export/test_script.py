"""The generated script, run as it is, against the trainer."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from nnviz.data import torchvision_ops
from nnviz.data.datasets import DATASETS, Loaded, Split, to_input
from nnviz.export.script import training_script
from nnviz.spec.augmentations import AUGMENTATIONS, handwriting
from nnviz.spec.augmentations.affine import MAX_ANGLE, MAX_SCALE, MAX_SHIFT, MAX_STROKE, thicken
from nnviz.spec.augmentations.elastic import GRID
from nnviz.spec.augmentations.handwriting import rewrite
from nnviz.spec.initialisation import INITIALISATIONS
from nnviz.spec.layers.batch_norm import BatchNorm
from nnviz.spec.layers.conv import Conv
from nnviz.spec.layers.dense import Dense
from nnviz.spec.layers.dropout import Dropout
from nnviz.spec.layers.flatten import Flatten
from nnviz.spec.layers.pool import MaxPool
from nnviz.spec.losses import LOSSES
from nnviz.spec.network import LayerError, NetworkSpec, build_model
from nnviz.spec.optimizers import OPTIMIZERS
from nnviz.spec.presets import PRESETS
from nnviz.spec.schedules import SCHEDULES
from nnviz.spec.train_config import TrainConfig
from nnviz.train.events import Epoch
from nnviz.train.trainer import Trainer
from tests.waiting import LIMIT_S

torchvision_ops.declare()
from torchvision import transforms  # noqa: E402  # needs the declared operators

SMALL = NetworkSpec((Dense(12),))
LINE = re.compile(r"epoch (\d+): loss (\S+), test accuracy (\S+) %")


@pytest.fixture(scope="module")
def root(blobs: Loaded, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder in which every data set is the blobs, in IDX files."""
    root = tmp_path_factory.mktemp("data")
    for dataset in DATASETS.values():
        folder = root / dataset.folder / "raw"
        folder.mkdir(parents=True)
        for split, names in ((blobs.train, dataset.files[:2]), (blobs.test, dataset.files[2:])):
            for file, content in zip(names, _idx(split), strict=True):
                (folder / file.name).write_bytes(content)
    return root


def _idx(split: Split) -> tuple[bytes, bytes]:
    def header(*numbers: int) -> bytes:
        return b"".join(number.to_bytes(4, "big") for number in numbers)

    count = len(split.labels)
    images = header(0x803, count, 28, 28) + split.images.numpy().tobytes()
    return images, header(0x801, count) + split.labels.to(torch.uint8).numpy().tobytes()


def run(script: str, root: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The names that the script leaves behind."""
    monkeypatch.setenv("NNVIZ_DATA", str(root))
    names: dict[str, Any] = {"__name__": "__main__"}
    with torch.random.fork_rng(devices=[]):
        exec(compile(script, "script.py", "exec"), names)
    return names


def model_of(script: str) -> nn.Sequential:
    """The network as the script starts it: everything in it but data, training and loop."""
    left_out = ("step", "train_data", "test_data", "train_loader", "test_loader", "chosen", "optimizer", "scheduler")
    body = [
        node
        for node in ast.parse(script).body
        if not (isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in left_out)
        and not (isinstance(node, ast.For) and ast.unparse(node.target) == "epoch")
    ]
    names: dict[str, Any] = {}
    with torch.random.fork_rng(devices=[]):
        exec(compile(ast.Module(body, []), "script.py", "exec"), names)
    layers: nn.Sequential = names["model"].layers
    return layers


@pytest.mark.parametrize("init", INITIALISATIONS)
@pytest.mark.parametrize("preset", PRESETS)
def test_the_model_is_ours_to_the_bit(preset: str, init: str) -> None:
    network = PRESETS[preset].network.with_(init=init, init_std=0.07)
    ours = build_model(network, (1, 28, 28), 10, seed=3)
    script = model_of(training_script(network, TrainConfig(seed=3)))
    assert [repr(layer) for layer in script] == [repr(layer).replace("Seeded", "") for layer in ours]
    for name, tensor in zip(script.state_dict(), ours.state_dict().values(), strict=True):
        assert torch.equal(script.state_dict()[name], tensor), name
    images = torch.rand(3, 1, 28, 28, generator=torch.Generator().manual_seed(1))
    assert torch.equal(script.eval()(images), ours.eval()(images))


CONFIGS = [
    *(dict(optimizer=o, schedule=s, loss=loss) for o in OPTIMIZERS for s in SCHEDULES for loss in LOSSES),
    dict(nesterov=True, weight_decay=0.1),
    dict(optimizer="adamw", weight_decay=0.3),
    dict(momentum=0.0, nesterov=True),
    dict(per_class=0, seed=4),
]


@pytest.mark.parametrize("settings", CONFIGS, ids=lambda settings: "-".join(map(str, settings.values())))
def test_it_trains_as_the_trainer_does(
    settings: dict[str, Any],
    blobs: Loaded,
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    config = TrainConfig(**{"epochs": 3, "batch_size": 16, "device": "cpu", "lr": 0.01, "per_class": 5, **settings})
    run(training_script(SMALL, config), root, monkeypatch)
    found = [(int(e), float(loss), float(accuracy)) for e, loss, accuracy in LINE.findall(capsys.readouterr().out)]
    epochs = [event for event in Trainer(SMALL, config, blobs).run() if isinstance(event, Epoch)]
    assert [e for e, _, _ in found] == [1, 2, 3]
    assert [loss for _, loss, _ in found] == pytest.approx([e.train_loss for e in epochs], abs=6e-5, rel=1e-4)
    assert [accuracy for _, _, accuracy in found] == pytest.approx([100 * e.test_accuracy for e in epochs], abs=0.01)


TRAININGS: list[tuple[str, NetworkSpec, dict[str, Any]]] = [
    *((name, preset.network, {}) for name, preset in PRESETS.items()),
    *((f"init {init}", SMALL.with_(init=init), {}) for init in INITIALISATIONS),
    *((f"optimizer {name}", NetworkSpec((Dense(32),)), {"optimizer": name}) for name in OPTIMIZERS),
    *((f"schedule {name}", SMALL, {"schedule": name}) for name in SCHEDULES),
    *((f"loss {name}", SMALL, {"loss": name}) for name in LOSSES),
    ("dropout", NetworkSpec((Dense(20), Dropout(0.5), Dense(15, "tanh"), Dropout(0.1))), {}),
    ("a lone last image", NetworkSpec((Flatten(), BatchNorm())), {"batch_size": 13, "per_class": 0}),
    ("all images", SMALL, {"per_class": 0, "batch_size": 7, "seed": 2**31 - 1}),
]


@pytest.mark.parametrize("sound", [False, True], ids=["torchvision as it is here", "torchvision that loads"])
def test_in_a_process_of_its_own_it_gives_the_curve_of_the_run(
    sound: bool, blobs: Loaded, root: Path, tmp_path: Path
) -> None:
    """The scripts one after the other in one process: to start one takes longest."""
    trainings = TRAININGS[::8] if sound else TRAININGS
    configs = [
        TrainConfig(**{"epochs": 2, "batch_size": 47, "device": "cpu", "lr": 0.02, "per_class": 13, "seed": 5, **more})
        for _, _, more in trainings
    ]
    paths = []
    for number, ((_, network, _), config) in enumerate(zip(trainings, configs, strict=True)):
        path = tmp_path / f"{number}.py"
        path.write_text(training_script(network, config), "utf-8")
        paths.append(str(path))
    before = "from nnviz.data import torchvision_ops; torchvision_ops.declare()\n" if sound else ""
    code = f"import runpy, sys\n{before}for path in sys.argv[1:]: print(path); runpy.run_path(path)"
    done = subprocess.run(
        [sys.executable, "-c", code, *paths],
        cwd=Path(__file__).parents[2] if sound else tmp_path,
        env={**os.environ, "NNVIZ_DATA": str(root), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=2 * LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = re.split(r"^.*\.py$", done.stdout, flags=re.MULTILINE)[1:]
    for (name, network, _), config, output in zip(trainings, configs, told, strict=True):
        epochs = [event for event in Trainer(network, config, blobs).run() if isinstance(event, Epoch)]
        losses = [float(loss) for _, loss, _ in LINE.findall(output)]
        assert losses == pytest.approx([epoch.train_loss for epoch in epochs], abs=1e-4), name
        accuracies = [float(accuracy) for _, _, accuracy in LINE.findall(output)]
        assert accuracies == pytest.approx([100 * epoch.test_accuracy for epoch in epochs], abs=1.01), name


@pytest.mark.parametrize("augment", AUGMENTATIONS)
def test_it_says_where_the_curve_is_another(augment: str) -> None:
    script = training_script(SMALL, TrainConfig(augment=augment))
    assert ("the curve is not the run's" in script) == (augment != "none")


@pytest.mark.parametrize("data", DATASETS)
@pytest.mark.parametrize("augment", AUGMENTATIONS)
def test_every_data_set_and_augmentation(
    data: str, augment: str, blobs: Loaded, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sorted((path, path.stat().st_mtime_ns) for path in root.rglob("*"))
    config = TrainConfig(data=data, augment=augment, epochs=1)
    names = run(training_script(SMALL, config), root, monkeypatch)
    image, label = names["test_data"][3]
    assert label == 3
    assert torch.equal(image, to_input(blobs.test.images[3], DATASETS[data]))
    moved = torch.stack([names["train_data"][3][0] for _ in range(5)])
    assert bool((moved == moved[0]).all()) == (augment == "none")
    # Nothing was downloaded, and nothing written: the folder may be read-only.
    assert sorted((path, path.stat().st_mtime_ns) for path in root.rglob("*")) == before


def test_each_line_of_the_model_says_what_it_makes_of_a_shape() -> None:
    layers = (Conv(4, 5), MaxPool(), Dropout(0.5), Dense(20))
    lines = training_script(NetworkSpec(layers), TrainConfig()).splitlines()
    modules = [line.strip() for line in lines if line.startswith("            nn.")]
    told = [tuple(re.split(r"\(.*?\),\s*#?\s*", line)) for line in modules]
    assert told == [
        ("nn.Conv2d", "1×28×28 → 4×24×24"),
        ("nn.ReLU", ""),
        ("nn.MaxPool2d", "4×24×24 → 4×12×12"),
        ("nn.Dropout", ""),
        ("nn.Flatten", "4×12×12 → 576"),
        ("nn.Linear", "576 → 20"),
        ("nn.ReLU", ""),
        ("nn.Linear", "20 → 10"),
    ]


@pytest.mark.parametrize("augment", ["none", "shift", "rotate", "shift_rotate", "drawing"])
def test_augmentation_has_our_ranges(augment: str, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = run(training_script(SMALL, TrainConfig(augment=augment, epochs=1, per_class=1)), root, monkeypatch)
    if augment == "none":
        assert "augment" not in names
        return
    move = names["augment"].transforms[-1]
    drawing = augment == "drawing"
    assert move.degrees == ([-MAX_ANGLE, MAX_ANGLE] if "rotate" in augment or drawing else [0.0, 0.0])
    assert move.translate == ((MAX_SHIFT / 28, MAX_SHIFT / 28) if "shift" in augment or drawing else None)
    assert move.scale == ((1 - MAX_SCALE, 1 + MAX_SCALE) if drawing else None)
    assert ("thicken" in names) == drawing


def test_its_stroke_widths_are_ours(blobs: Loaded, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = run(training_script(SMALL, TrainConfig(augment="drawing", epochs=1, per_class=1)), root, monkeypatch)
    image = blobs.train.images[3]
    for share in (0.0, 0.3, 0.5, 0.9):
        monkeypatch.setattr(torch, "rand", lambda *_, share=share: torch.tensor(share))
        amount = torch.tensor([MAX_STROKE * (2 * share - 1)])
        ours = thicken(image[None].float(), amount).round()[0]
        theirs = transforms.functional.pil_to_tensor(names["thicken"](transforms.functional.to_pil_image(image)))
        assert (ours - theirs).abs().max() <= 1


def test_its_handwriting_is_ours(blobs: Loaded, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = TrainConfig(augment="handwriting", epochs=1, per_class=1)
    names = run(training_script(SMALL, config), root, monkeypatch)
    assert [step.__name__ for step in names["augment"].transforms] == ["thicken", "rewrite"]
    image = blobs.train.images[3]
    source = torch.Generator().manual_seed(4)
    draws = [(torch.rand(5, generator=source), torch.rand(1, 2, GRID, GRID, generator=source)) for _ in range(5)]
    for affine, coarse in draws:
        angle, right, down, growth, lean = 2 * affine - 1
        hand = handwriting
        limits = torch.tensor([hand.MAX_ANGLE, hand.MAX_SHIFT, hand.MAX_SHIFT, hand.MAX_SCALE, 0.0, hand.MAX_SHEAR])
        moves = torch.cat(
            [
                limits * torch.stack([angle, right, down, growth, torch.tensor(0.0), lean]),
                hand.MAX_WARP * (2 * coarse.flatten() - 1),
            ]
        )
        lots = iter([affine, coarse])
        monkeypatch.setattr(torch, "rand", lambda *_, lots=lots: next(lots))
        theirs = transforms.functional.pil_to_tensor(names["rewrite"](transforms.functional.to_pil_image(image)))
        assert (rewrite(image[None], moves[None])[0].int() - theirs.int()).abs().max() <= 1


@pytest.mark.parametrize("name", DATASETS)
def test_it_says_which_data_set_is_not_torchvision_s(name: str) -> None:
    script = training_script(SMALL, TrainConfig(data=name))
    made = DATASETS[name].make is not None
    assert ("Not one of torchvision's" in script) == made
    assert (f"python -m nnviz data {name}" in script) == made
    assert ("download=True" in script) != made


def test_only_the_first_of_each_class(blobs: Loaded, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = run(training_script(SMALL, TrainConfig(per_class=4, epochs=1)), root, monkeypatch)
    assert sorted(names["train_data"].indices) == Trainer(SMALL, TrainConfig(per_class=4), blobs).loader.subset.tolist()  # type: ignore[union-attr]


def test_a_lone_last_image_is_left_out_as_the_trainer_does(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    normed = NetworkSpec((Flatten(), BatchNorm(), Dropout(0.2)))
    for size, images in ((299, 299), (13, 299), (100, 300)):
        names = run(training_script(normed, TrainConfig(batch_size=size, epochs=1)), root, monkeypatch)
        assert names["count"] == images
    assert "nan" not in capsys.readouterr().out
    assert "drop_last" not in training_script(PRESETS["small_cnn"].network, TrainConfig())


def test_the_device_can_be_chosen() -> None:
    assert 'device = "mps"\n' in training_script(SMALL, TrainConfig(device="mps"))
    assert "torch.cuda.is_available()" in training_script(SMALL, TrainConfig())


def test_no_line_is_too_long_to_read() -> None:
    for preset in PRESETS.values():
        for config in (TrainConfig(), TrainConfig(augment="drawing", schedule="onecycle", per_class=100)):
            assert max(map(len, training_script(preset.network, config).splitlines())) <= 105


def test_a_network_that_does_not_fit_is_refused() -> None:
    with pytest.raises(LayerError, match="kernel"):
        training_script(NetworkSpec.from_dict({"layers": [{"kind": "maxpool"}] * 6}), TrainConfig())


@pytest.mark.mnist
def test_the_written_script_reaches_the_accuracy_of_the_run_on_mnist(mnist_root: Path, tmp_path: Path) -> None:
    network, config = NetworkSpec(), TrainConfig(epochs=1, lr=0.003, per_class=1000)
    path = tmp_path / "train_mnist.py"
    path.write_text(training_script(network, config), "utf-8")
    code = "import runpy, sys; from nnviz.data import torchvision_ops as o; o.declare(); runpy.run_path(sys.argv[1])"
    environment = {**os.environ, "NNVIZ_DATA": str(mnist_root), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        cwd=Path(__file__).parents[2],
        env=environment,
        capture_output=True,
        text=True,
        timeout=2 * LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    accuracies = [float(accuracy) for _, _, accuracy in LINE.findall(done.stdout)]
    data = DATASETS["mnist"].load(mnist_root)
    ours = [100 * e.test_accuracy for e in Trainer(network, config, data).run() if isinstance(e, Epoch)]
    assert accuracies == pytest.approx(ours, abs=0.1)
    assert accuracies[-1] > 80
