"""The sections "Activations" and "One neuron", as a person meets them."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
import torch
from streamlit.testing.v1 import AppTest

from nnviz.config import TrainConfig
from nnviz.datasets import Dataset, Loaded, to_input
from nnviz.inspection.activations import trace
from nnviz.inspection.health import health
from nnviz.inspection.moment import Moment
from nnviz.layers import Conv, Dense
from nnviz.network import NetworkSpec
from nnviz.presets import PRESETS
from nnviz.recording import train_run
from nnviz.runs import Run, RunStore
from nnviz.ui.inspect.activations import health_csv, health_table, outputs_csv
from nnviz.ui.inspect.neuron import arithmetic_csv, incoming_csv
from nnviz.ui.inspect.subject import test_subject as subject_of
from nnviz.ui.inspect.view import moment_at

NETS = ["softmax", "classic", "lenet5", "small_cnn", "deep_sigmoid"]


@pytest.fixture
def store(tmp_path: Path, blobs: Loaded, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunStore]:
    monkeypatch.setattr(Dataset, "load", lambda self, root=None: blobs)
    monkeypatch.setenv("NNVIZ_RUNS", str(tmp_path))
    st.cache_resource.clear()
    store = RunStore(tmp_path)
    yield store
    store.close()
    st.cache_resource.clear()


def recorded(store: RunStore, network: NetworkSpec) -> tuple[Run, Moment]:
    run = store.create(network, TrainConfig(per_class=2, epochs=1, batch_size=4, lr=1e-3))
    train_run(store, run.id)
    return run, moment_at(store, store.run(run.id), 5)


def script(section: str, compare: bool = False) -> None:
    import streamlit as st

    from nnviz.ui import services
    from nnviz.ui.inspect import activations, neuron
    from nnviz.ui.inspect.view import Beside, View, moment_at

    run, store = services.store().runs()[0], services.store()
    moment = moment_at(store, run, 5)
    beside = Beside(run, moment_at(store, run, 0), "after step 0") if compare else None
    layer = moment.layer(st.session_state.get("inspect-layer-wanted", ""))
    shown = {"activations": activations.show, "neuron": neuron.show}[section]
    shown(View(run, moment, layer, beside, False, False))


def shown(section: str, compare: bool = False, **state: object) -> AppTest:
    app = AppTest.from_function(script, default_timeout=60, kwargs={"section": section, "compare": compare})
    for key, value in state.items():
        app.session_state[key] = value
    app.run()
    assert not app.exception
    return app


def words(app: AppTest) -> str:
    return "\n".join(str(element.value) for kind in ("markdown", "caption", "info") for element in app.get(kind))


def table(app: AppTest) -> list[list[str]]:
    """The rows of the arithmetic, without marks."""
    text = next(element.value for element in app.markdown if element.value.startswith("| Input |"))
    return [[re.sub(r"[`*]", "", cell).strip() for cell in row.split("|")[1:-1]] for row in text.split("\n")[2:]]


@pytest.mark.parametrize("preset", NETS)
def test_every_layer_of_every_kind_of_net_is_shown(store: RunStore, blobs: Loaded, preset: str) -> None:
    _, moment = recorded(store, PRESETS[preset].network)
    app = shown("activations", compare=True)
    text = words(app)
    for layer in moment.layers:
        assert f"**{layer.title}** ·" in text
    probabilities = trace(moment, to_input(blobs.test.images[:1], blobs.dataset)).probabilities[0]
    assert f"The net answers {int(probabilities.argmax())}, with" in text
    assert health_table(health(moment, blobs.test)) in text
    assert "After step 0" in text
    assert not re.search(r"\b(nan|None)\b", text)


def test_the_class_that_is_explained_can_be_chosen(store: RunStore, blobs: Loaded) -> None:
    _, moment = recorded(store, NetworkSpec())
    app = shown("activations")
    app.selectbox(key="inspect-activations-class").set_value(8).run()
    with torch.inference_mode():
        logit = float(moment.model(to_input(blobs.test.images[:1], blobs.dataset))[0, 8])
    assert "**Class 8**" in words(app)
    assert f"Its logit, the sum before the softmax: {logit:+.3f}" in words(app)
    assert "**← Neuron" in words(app)  # the way goes back into the hidden layer


def test_the_csv_holds_every_output_and_the_probabilities(store: RunStore, blobs: Loaded) -> None:
    _, moment = recorded(store, NetworkSpec((Conv(2, 9), Dense(5))))
    traced = trace(moment, to_input(blobs.test.images[:1], blobs.dataset))
    rows = list(csv.reader(io.StringIO(outputs_csv(moment, traced))))[1:]
    expected = torch.cat([*(layer.output[0].flatten() for layer in traced.layers), traced.probabilities[0]])
    np.testing.assert_allclose([float(row[2]) for row in rows], expected.numpy(), rtol=1e-6)
    assert {row[0] for row in rows} == {"Convolution 1", "Dense 1", "Output", "Probability"}
    units = list(csv.reader(io.StringIO(health_csv(health(moment, blobs.test), blobs.dataset.classes))))
    assert len(units) == 1 + 2 + 5 + 10


@pytest.mark.parametrize("preset", NETS)
def test_the_arithmetic_on_screen_adds_up_in_every_layer(store: RunStore, blobs: Loaded, preset: str) -> None:
    _, moment = recorded(store, PRESETS[preset].network)
    traced = trace(moment, to_input(blobs.test.images[7:8], blobs.dataset))
    for layer in moment.learning_layers:
        unit = layer.units - 1
        app = shown(
            "neuron", inspect_neuron=(layer.name, unit), inspect_test_image_wanted=7,
            **{"inspect-layer-wanted": layer.name},
        )  # fmt: skip
        rows = table(app)
        place = next(place for place, row in enumerate(rows) if row[0].startswith("sum"))
        assert sum(Decimal(row[3]) for row in rows[:place]) == Decimal(rows[place][3])
        output = traced.of(layer.name).output[0, unit].max()
        assert float(rows[-1][3]) == pytest.approx(float(output), rel=1e-3, abs=1e-4)
        assert app.number_input(key="inspect-neuron-unit").value == unit
        assert not re.search(r"\b(nan|None)\b", words(app))
        assert ("Nothing comes after it" in words(app)) == (layer.name == "output")


def test_another_layer_begins_at_its_first_neuron_and_a_number_can_be_typed(store: RunStore) -> None:
    recorded(store, NetworkSpec())
    app = shown("neuron", inspect_neuron=("output", 6))
    assert app.number_input(key="inspect-neuron-unit").value == 0
    app.number_input(key="inspect-neuron-unit").set_value(45).run()
    assert "##### Neuron 45 of Dense 1" in words(app)
    app.run()
    assert app.number_input(key="inspect-neuron-unit").value == 45


def test_a_dead_neuron_is_told(store: RunStore) -> None:
    _, moment = recorded(store, NetworkSpec())
    layer = moment.layers[0]
    assert layer.weight is not None
    assert layer.bias is not None
    layer.weight[3] = 0.0
    layer.bias[3] = -1.0
    assert "the unit is dead" in words(shown("neuron", inspect_neuron=("dense1", 3)))
    assert "the unit is dead" not in words(shown("neuron", inspect_neuron=("dense1", 4)))
    assert re.search(r"\| Dense 1 \| [1-9]\d* of 128 \|", words(shown("activations")))


@pytest.mark.parametrize("section", ["activations", "neuron"])
def test_a_net_that_diverged_is_told(store: RunStore, section: str) -> None:
    _, moment = recorded(store, NetworkSpec())
    assert moment.layers[0].weight is not None
    moment.layers[0].weight.fill_(float("nan"))
    assert "diverged" in words(shown(section))


def test_clicking_opens_a_neuron() -> None:
    def click() -> None:
        import streamlit as st

        from nnviz.ui.inspect.neuron import open_neuron

        if st.button("click", key="click"):
            open_neuron("dense1", 9)

    app = AppTest.from_function(click).run()
    app.button(key="click").click().run()
    assert not app.exception
    assert app.session_state["inspect_neuron"] == ("dense1", 9)
    assert app.session_state["inspect-section-wanted"] == "neuron"
    assert app.session_state["inspect-layer-wanted"] == "dense1"


def test_the_csvs_of_a_neuron_hold_all_its_weights_and_products(store: RunStore, blobs: Loaded) -> None:
    _, moment = recorded(store, NetworkSpec((Dense(4, "tanh"),)))
    layer = moment.layers[0]
    assert layer.weight is not None
    rows = list(csv.reader(io.StringIO(incoming_csv(moment, layer, 2))))
    assert len(rows) == 1 + 784 + 1
    assert rows[1 + 28 + 3][0] == "pixel (1, 3)"
    assert float(rows[1 + 31][1]) == pytest.approx(float(layer.weight[2, 31]), rel=1e-6)
    subject = subject_of(blobs.test, blobs.dataset, 5)
    rows = list(csv.reader(io.StringIO(arithmetic_csv(moment, layer, subject, 2))))[1:]
    products, (bias, total, output) = rows[:784], [float(row[3]) for row in rows[784:]]
    assert sum(float(row[1]) * float(row[2]) for row in products) + bias == pytest.approx(total, abs=1e-4)
    assert output == pytest.approx(np.tanh(total), abs=1e-5)
