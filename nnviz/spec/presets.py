"""Networks worth starting from, each with the one thing it teaches."""

from __future__ import annotations

from dataclasses import dataclass

from nnviz.spec.layers.batch_norm import BatchNorm
from nnviz.spec.layers.conv import Conv
from nnviz.spec.layers.dense import Dense
from nnviz.spec.layers.dropout import Dropout
from nnviz.spec.layers.pool import AvgPool, MaxPool
from nnviz.spec.network import NetworkSpec


@dataclass(frozen=True)
class Preset:
    name: str
    title: str
    teaches: str
    network: NetworkSpec


PRESETS: dict[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset("classic", "Classic 784-128-10", "The reference: one hidden layer of 128 ReLU neurons.", NetworkSpec()),
        Preset(
            "softmax",
            "Softmax regression",
            "No hidden layer: each class has one template image, and about 92 % is where that ends.",
            NetworkSpec(()),
        ),
        Preset(
            "deep_sigmoid",
            "Deep sigmoid net",
            "Six sigmoid layers: the gradient shrinks at each of them and the first ones hardly learn.",
            NetworkSpec((Dense(64, "sigmoid"),) * 6),
        ),
        Preset(
            "wide",
            "Wide ReLU net",
            "One layer of 1,024 neurons: eight times the classic's parameters, for little more accuracy.",
            NetworkSpec((Dense(1024),)),
        ),
        Preset(
            "lenet5",
            "LeNet-5",
            "The convolutional network of LeCun et al., 1998: the same kernels everywhere in the image.",
            NetworkSpec(
                (
                    Conv(6, kernel=5, padding=2, activation="tanh"),
                    AvgPool(),
                    Conv(16, kernel=5, activation="tanh"),
                    AvgPool(),
                    Dense(120, "tanh"),
                    Dense(84, "tanh"),
                )
            ),
        ),
        Preset(
            "small_cnn",
            "Modern small CNN",
            "Small kernels, batch normalisation and dropout: above 99 % with a good recipe.",
            NetworkSpec(
                (
                    Conv(16, kernel=3, padding=1),
                    BatchNorm(),
                    MaxPool(),
                    Conv(32, kernel=3, padding=1),
                    BatchNorm(),
                    MaxPool(),
                    Conv(64, kernel=3, padding=1),
                    BatchNorm(),
                    Dropout(0.25),
                )
            ),
        ),
    )
}
