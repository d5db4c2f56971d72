"""Each diagnosis on a net made to be ill, and none on healthy ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nnviz.analysis.checkpoint_view import CheckpointView
from nnviz.analysis.doctor import DIAGNOSES, Diagnosis, evidence, examine
from nnviz.data.datasets import DATASETS, Dataset, Loaded
from nnviz.executor.recorder import train_run
from nnviz.spec.layers.conv import Conv
from nnviz.spec.layers.dense import Dense
from nnviz.spec.layers.pool import MaxPool
from nnviz.spec.network import NetworkSpec
from nnviz.spec.presets import PRESETS
from nnviz.spec.train_config import TrainConfig
from nnviz.store.run import Status
from nnviz.store.runs import RunStore

pytestmark = pytest.mark.mnist

DEEP_SIGMOID = PRESETS["deep_sigmoid"].network


@pytest.fixture
def store(tmp_path: Path, mnist_root: Path, monkeypatch: pytest.MonkeyPatch) -> RunStore:
    data = DATASETS["mnist"].load(mnist_root)
    monkeypatch.setattr(Dataset, "load", lambda self, root=None: data)
    return RunStore(tmp_path)


def findings(store: RunStore, network: NetworkSpec, **settings: Any) -> dict[str, Diagnosis]:
    """Train, and examine the last moment; by name."""
    run = store.create(network, TrainConfig(**{"epochs": 1, "per_class": 1000, "checkpoints": 4, **settings}))
    status = train_run(store, run.id)
    data: Loaded = DATASETS["mnist"].load()
    step = store.checkpoints.steps(run.id)[-1]
    checkpoint = CheckpointView(
        network, store.history.config_at(run.id, step), store.checkpoints.load(run.id, step), data
    )
    found = evidence(
        checkpoint,
        store.history.curve(run.id),
        store.history.epochs(run.id),
        store.history.norms(run.id),
        status is Status.DIVERGED,
    )
    return {diagnosis.name: diagnosis for diagnosis in examine(found)}


HEALTHY: dict[str, tuple[NetworkSpec, dict[str, Any]]] = {
    "classic": (NetworkSpec(), {"per_class": 0}),
    "faster": (NetworkSpec(), {"lr": 0.01}),
    "adam": (NetworkSpec(), {"optimizer": "adam"}),
    "rmsprop": (NetworkSpec(), {"optimizer": "rmsprop", "momentum": 0.0, "lr": 0.0002}),
    "softmax": (NetworkSpec(()), {}),
    "wide": (NetworkSpec((Dense(512),)), {}),
    "tanh": (NetworkSpec((Dense(64, "tanh"), Dense(32, "tanh"))), {"lr": 0.01}),
    "cnn": (NetworkSpec((Conv(8), MaxPool(), Dense(32)), init="kaiming"), {"lr": 0.005, "per_class": 500}),
    "kaiming": (NetworkSpec((Dense(64),) * 3, init="kaiming"), {"lr": 0.005}),
    "onecycle": (NetworkSpec(), {"optimizer": "adam", "lr": 0.005, "schedule": "onecycle", "batch_size": 256}),
}


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_net_has_nothing(store: RunStore, name: str) -> None:
    network, settings = HEALTHY[name]
    assert findings(store, network, **settings) == {}


ILL: dict[str, tuple[str, NetworkSpec, dict[str, Any]]] = {
    "zero_init": ("zero_init", NetworkSpec((Dense(32),), init="zeros"), {"lr": 0.01}),
    "rate_too_high": ("rate_too_high", NetworkSpec(), {"lr": 1.0}),
    "diverged": ("rate_too_high", NetworkSpec((Dense(32, "identity"),)), {"lr": 100.0}),
    "exploding": ("exploding", NetworkSpec((Dense(64, "identity"),) * 6, init="normal", init_std=1.0), {"lr": 1e-12}),
    "vanishing": ("vanishing", DEEP_SIGMOID, {}),
    "dead": ("dead", NetworkSpec(), {"lr": 1.0}),
    "saturated": ("saturated", NetworkSpec((Dense(64, "sigmoid"),), init="normal", init_std=1.0), {}),
    "saturated_tanh": ("saturated", NetworkSpec((Dense(64, "tanh"),), init="normal", init_std=1.0), {}),
    "stuck": ("stuck", DEEP_SIGMOID, {"per_class": 2000}),
    "rate_too_low": ("rate_too_low", NetworkSpec(), {"lr": 1e-7}),
    "overfitting": ("overfitting", NetworkSpec(), {"lr": 0.01, "per_class": 10, "epochs": 15}),
}


FOLLOWED = {"diverged": 4, "rate_too_low": 2}
"""How often what is suggested must be followed, where once is not enough: a rate that is off by powers of ten."""


@pytest.mark.parametrize("case", ILL)
def test_an_ill_net_is_found_out_and_what_is_suggested_helps(store: RunStore, case: str) -> None:
    name, network, settings = ILL[case]
    found = findings(store, network, **settings)
    assert name in found
    assert any(letter.isdigit() for letter in found[name].evidence)
    assert (found[name].network, found[name].config) != (network, TrainConfig(**settings))
    if case == "overfitting":
        assert found[name].config.per_class == 0  # which would train for minutes
        return
    for _ in range(FOLLOWED.get(case, 1)):
        told = found[name]
        found = findings(store, told.network, **{**told.config.to_dict(), "epochs": 1, "checkpoints": 4})
    assert name not in found


def test_every_diagnosis_has_an_ill_net_and_says_what_it_looks_for() -> None:
    assert len({name for name, _, _ in ILL.values()}) == len(DIAGNOSES)
    for check in DIAGNOSES:
        assert (check.__doc__ or "").count("\n") == 0


def test_before_the_first_step_there_is_nothing_to_judge(store: RunStore) -> None:
    run = store.create(NetworkSpec(), TrainConfig(epochs=1, per_class=20))
    train_run(store, run.id)
    checkpoint = CheckpointView(NetworkSpec(), run.config, store.checkpoints.load(run.id, 0), DATASETS["mnist"].load())
    found = evidence(
        checkpoint, store.history.curve(run.id), store.history.epochs(run.id), store.history.norms(run.id), False
    )
    assert not len(found.curve.step)
    assert not found.epochs
    assert examine(found) == []
