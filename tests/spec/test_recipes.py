"""The robust recipe: what it sets, what it leaves, and that it can be trained."""

from __future__ import annotations

import pytest

from nnviz.data.datasets import STYLES
from nnviz.spec.augmentations.handwriting import HANDWRITING
from nnviz.spec.network import NetworkSpec
from nnviz.spec.presets import PRESETS
from nnviz.spec.recipes import robust, robust_config
from nnviz.spec.train_config import TrainConfig, check


@pytest.mark.parametrize("name", PRESETS)
def test_it_is_for_every_net_and_leaves_seed_and_device(name: str) -> None:
    network = PRESETS[name].network
    config = robust_config(network, TrainConfig(seed=7, device="cpu", checkpoints=5, per_class=3, lr=1.0))
    assert (config.seed, config.device, config.checkpoints) == (7, "cpu", 5)
    assert (config.data, config.augment, config.per_class) == (STYLES, HANDWRITING.name, 0)
    assert config == robust_config(network, config)
    assert robust_config(network) == TrainConfig(**robust(network))
    check(network, config)


def test_a_net_with_convolutions_needs_fewer_epochs() -> None:
    dense, convolutional = (robust_config(net) for net in (NetworkSpec(), PRESETS["small_cnn"].network))
    assert convolutional.epochs < dense.epochs
