"""How a network is trained, as a person sets it. Frozen and validated; the default is the classic recipe."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from nnviz.data.datasets import DATASETS
from nnviz.fields import Choice, Flag, Number, SpecError, Suggested, field, from_dict, to_dict, validate
from nnviz.spec.augmentations import AUGMENTATIONS
from nnviz.spec.losses import LOSSES
from nnviz.spec.network import BYTES_PER_NUMBER, LayerPlan, NetworkSpec, smallest_batch, training_bytes
from nnviz.spec.optimizers import OPTIMIZERS
from nnviz.spec.schedules import SCHEDULES

DEVICES: dict[str, str] = {"auto": "Automatic", "cpu": "CPU", "cuda": "NVIDIA GPU (CUDA)", "mps": "Apple GPU"}

MAX_TRAINING_BYTES = 4_000_000_000


@dataclass(frozen=True)
class TrainConfig:
    """Defaults: SGD, lr 0.001, momentum 0.9, batches of 64, 10 epochs, cross-entropy, all of MNIST."""

    data: str = field("mnist", Choice("data set", {name: d.title for name, d in DATASETS.items()}))
    per_class: int = field(
        0,
        Number(
            "examples per class",
            0,
            7000,
            whole=True,
            help="Train on only the first so many of each class; 0 takes all. Too little data is a lesson of its own.",
        ),
        suggested=Suggested((10, 30, 100, 300, 1000, 3000), 10, 3000, 6, log=True),
    )
    optimizer: str = field("sgd", Choice("optimizer", {name: o.title for name, o in OPTIMIZERS.items()}))
    lr: float = field(
        0.001,
        Number("learning rate", 0, 100, log=True, help="The α in W_new = W_old − α · ∂L/∂W: how far one step goes."),
        suggested=Suggested((0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0), 1e-4, 1.0, log=True),
    )
    momentum: float = field(
        0.9,
        Number("momentum", 0, 0.999, help="How much of the last step goes on into the next one."),
        suggested=Suggested((0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99), 0.0, 0.99),
    )
    nesterov: bool = field(False, Flag("Nesterov", help="Take the gradient where the momentum is about to lead."))
    weight_decay: float = field(
        0.0,
        Number("weight decay", 0, 10, log=True, help="Pulls every weight towards zero a little at each step."),
        suggested=Suggested((1e-6, 1e-5, 1e-4, 1e-3, 1e-2), 1e-6, 1e-2, 5, log=True),
    )
    batch_size: int = field(
        64,
        Number("batch size", 1, 10_000, whole=True, log=True, help="Images per step; the gradient is their mean."),
        suggested=Suggested((16, 32, 64, 128, 256), 16, 256, 5, log=True),
    )
    epochs: int = field(
        10,
        Number("epochs", 1, 1000, whole=True, help="Passes over the training images."),
        suggested=Suggested((1, 2, 4, 8), 1, 8, 4, log=True),
    )
    schedule: str = field("constant", Choice("schedule", {name: s.title for name, s in SCHEDULES.items()}))
    loss: str = field("cross_entropy", Choice("loss", {name: loss.title for name, loss in LOSSES.items()}))
    augment: str = field(
        "none",
        Choice(
            "augmentation",
            {name: a.title for name, a in AUGMENTATIONS.items()},
            help="Each image is changed a little, anew in every epoch.",
        ),
    )
    seed: int = field(
        0, Number("seed", 0, 2**31 - 1, whole=True, help="Same seed, same initial weights and order: the same curve.")
    )
    device: str = field("auto", Choice("device", DEVICES))
    checkpoints: int = field(
        30,
        Number(
            "checkpoints kept",
            2,
            300,
            whole=True,
            help="Steps of the training that can be looked into later, and continued from; denser at its start.",
        ),
        formerly="snapshots",
    )

    def __post_init__(self) -> None:
        validate(self)

    def to_dict(self) -> dict[str, Any]:
        return to_dict(self)

    @staticmethod
    def from_dict(data: object) -> TrainConfig:
        """Raises SpecError for untrusted `data` that is no configuration."""
        return from_dict(TrainConfig, data, "a training configuration")

    def with_(self, **changes: Any) -> TrainConfig:
        """A copy with some fields changed. Raises SpecError."""
        return replace(self, **changes)


LIVE_FIELDS = ("lr", "momentum", "batch_size")
"""What may be changed while a run is going."""


def layer_plans(network: NetworkSpec, config: TrainConfig) -> tuple[LayerPlan, ...]:
    """Every layer of the network for the images that the configuration trains on. Raises LayerError."""
    dataset = DATASETS[config.data]
    return network.plan(dataset.input_shape, len(dataset.classes))


def parameters(network: NetworkSpec, config: TrainConfig) -> int:
    """How many numbers the network learns. Raises LayerError."""
    return sum(plan.parameters for plan in layer_plans(network, config))


def checkpoint_bytes(network: NetworkSpec, config: TrainConfig) -> int:
    """What one checkpoint of the training takes on the disk: weights and optimizer state. Raises LayerError."""
    optimizer = OPTIMIZERS[config.optimizer]
    state = optimizer.state - ("momentum" in optimizer.uses and not config.momentum)  # then there is no such buffer
    return parameters(network, config) * (1 + state) * BYTES_PER_NUMBER


def check(network: NetworkSpec, config: TrainConfig) -> None:
    """Raise SpecError where network and configuration are fine by themselves but not together."""
    plans = layer_plans(network, config)
    if config.batch_size < smallest_batch(plans):
        raise SpecError("batch size must be at least 2 with batch normalisation of vectors, not 1")
    needed = training_bytes(plans, config.batch_size, OPTIMIZERS[config.optimizer].state)
    if needed > MAX_TRAINING_BYTES:
        raise SpecError(
            f"this network with batches of {config.batch_size} needs about {needed / 1e9:.1f} GB to train;"
            f" at most {MAX_TRAINING_BYTES / 1e9:.0f} GB are allowed: take smaller batches or layers"
        )


def unused(name: str, config: TrainConfig) -> str:
    """Why a field of the configuration changes nothing; empty if it does."""
    optimizer = OPTIMIZERS[config.optimizer]
    if name in ("momentum", "nesterov") and name not in optimizer.uses:
        return f"{optimizer.title} does not use it"
    if name == "nesterov" and not config.momentum:
        return "counts only with momentum"
    return ""
