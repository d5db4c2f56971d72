"""The section "Activations", as a person meets it."""

from __future__ import annotations

import csv
import io
import re

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from nnviz.analysis.activations import trace
from nnviz.analysis.checkpoint_view import CheckpointView
from nnviz.analysis.health import health
from nnviz.data.datasets import Loaded, to_input
from nnviz.executor.recorder import train_run
from nnviz.spec.layers.conv import Conv
from nnviz.spec.layers.dense import Dense
from nnviz.spec.network import NetworkSpec
from nnviz.spec.presets import PRESETS
from nnviz.spec.train_config import TrainConfig
from nnviz.store.run import Run
from nnviz.store.runs import RunStore
from nnviz.ui.checkpoints import checkpoint_at
from nnviz.ui.pages.inspect.sections.activations import health_csv, health_table, outputs_csv
from tests.pages import words
from tests.waiting import LIMIT_S

NETS = ["softmax", "classic", "lenet5", "small_cnn", "deep_sigmoid"]


def recorded(store: RunStore, network: NetworkSpec) -> tuple[Run, CheckpointView]:
    run = store.create(network, TrainConfig(per_class=2, epochs=1, batch_size=4, lr=1e-3))
    train_run(store, run.id)
    return run, checkpoint_at(store, store.run(run.id), 5)


def script(compare: bool = False) -> None:
    from nnviz.ui import services
    from nnviz.ui.checkpoints import Beside, View, checkpoint_at
    from nnviz.ui.pages.inspect.sections import activations

    run, store = services.store().runs()[0], services.store()
    checkpoint = checkpoint_at(store, run, 5)
    beside = Beside(run, checkpoint_at(store, run, 0), "after step 0") if compare else None
    activations.show(View(run, checkpoint, checkpoint.learning_layers[0], beside, False, False))


def shown(compare: bool = False) -> AppTest:
    app = AppTest.from_function(script, default_timeout=LIMIT_S, kwargs={"compare": compare}).run()
    assert not app.exception
    return app


@pytest.mark.parametrize("preset", NETS)
def test_every_layer_of_every_kind_of_net_is_shown(store: RunStore, blobs: Loaded, preset: str) -> None:
    _, checkpoint = recorded(store, PRESETS[preset].network)
    app = shown(compare=True)
    text = words(app)
    for layer in checkpoint.layers:
        assert f"**{layer.title}** ·" in text
    probabilities = trace(checkpoint, to_input(blobs.test.images[:1], blobs.dataset)).probabilities[0]
    assert f"The net answers {int(probabilities.argmax())}, with" in text
    assert health_table(health(checkpoint, blobs.test)) in text
    assert "After step 0" in text
    assert not re.search(r"\b(nan|None)\b", text)


def test_the_class_that_is_explained_can_be_chosen(store: RunStore, blobs: Loaded) -> None:
    _, checkpoint = recorded(store, NetworkSpec())
    app = shown()
    app.selectbox(key="inspect-activations-class").set_value(8).run()
    with torch.inference_mode():
        logit = float(checkpoint.model(to_input(blobs.test.images[:1], blobs.dataset))[0, 8])
    assert "**Class 8**" in words(app)
    assert f"Its logit, the sum before the softmax: {logit:+.3f}" in words(app)
    assert "**← Neuron" in words(app)  # the way goes back into the hidden layer


def test_the_csv_holds_every_output_and_the_probabilities(store: RunStore, blobs: Loaded) -> None:
    _, checkpoint = recorded(store, NetworkSpec((Conv(2, 9), Dense(5))))
    traced = trace(checkpoint, to_input(blobs.test.images[:1], blobs.dataset))
    rows = list(csv.reader(io.StringIO(outputs_csv(checkpoint, traced))))[1:]
    expected = torch.cat([*(layer.output[0].flatten() for layer in traced.layers), traced.probabilities[0]])
    np.testing.assert_allclose([float(row[2]) for row in rows], expected.numpy(), rtol=1e-6)
    assert {row[0] for row in rows} == {"Convolution 1", "Dense 1", "Output", "Probability"}
    units = list(csv.reader(io.StringIO(health_csv(health(checkpoint, blobs.test), blobs.dataset.classes))))
    assert len(units) == 1 + 2 + 5 + 10


def test_dead_units_are_counted(store: RunStore) -> None:
    _, checkpoint = recorded(store, NetworkSpec())
    layer = checkpoint.layers[0]
    assert layer.weight is not None
    assert layer.bias is not None
    layer.weight[3] = 0.0
    layer.bias[3] = -1.0
    assert re.search(r"\| Dense 1 \| [1-9]\d* of 128 \|", words(shown()))


def test_a_net_that_diverged_is_told(store: RunStore) -> None:
    _, checkpoint = recorded(store, NetworkSpec())
    assert checkpoint.layers[0].weight is not None
    checkpoint.layers[0].weight.fill_(float("nan"))
    assert "diverged" in words(shown())
