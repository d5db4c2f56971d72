"""The section "One neuron", as a person meets it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from nnviz.config import TrainConfig
from nnviz.datasets import Dataset, Loaded, to_input
from nnviz.inspection.activations import trace
from nnviz.inspection.moment import Moment
from nnviz.network import NetworkSpec
from nnviz.presets import PRESETS
from nnviz.recording import train_run
from nnviz.runs import Run, RunStore
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


def script() -> None:
    import streamlit as st

    from nnviz.ui import services
    from nnviz.ui.inspect import neuron
    from nnviz.ui.inspect.view import View, moment_at

    run, store = services.store().runs()[0], services.store()
    moment = moment_at(store, run, 5)
    layer = moment.layer(st.session_state.get("inspect-layer-wanted", ""))
    neuron.show(View(run, moment, layer, None, False, False))


def shown(**state: object) -> AppTest:
    app = AppTest.from_function(script, default_timeout=60)
    for key, value in state.items():
        app.session_state[key] = value
    app.run()
    assert not app.exception
    return app


def words(app: AppTest) -> str:
    kinds = ("markdown", "caption", "info", "warning")
    return "\n".join(str(element.value) for kind in kinds for element in app.get(kind))


def table(app: AppTest) -> list[list[str]]:
    """The rows of the arithmetic, without marks."""
    text = next(element.value for element in app.markdown if element.value.startswith("| "))
    plain = re.sub(r"[`*]", "", text).replace("−", "-")
    return [[cell.strip() for cell in row.split("|")[1:-1]] for row in plain.split("\n")[2:]]


@pytest.mark.parametrize("preset", NETS)
def test_the_arithmetic_on_screen_adds_up_in_every_layer(store: RunStore, blobs: Loaded, preset: str) -> None:
    _, moment = recorded(store, PRESETS[preset].network)
    traced = trace(moment, to_input(blobs.test.images[7:8], blobs.dataset))
    for layer in moment.learning_layers:
        unit = layer.units - 1
        app = shown(
            inspect_neuron=(layer.name, unit), inspect_test_image_wanted=7,
            **{"inspect-layer-wanted": layer.name},
        )  # fmt: skip
        rows = table(app)
        place = next(place for place, row in enumerate(rows) if row[0].startswith("sum"))
        assert sum(Decimal(row[3]) for row in rows[:place]) == Decimal(rows[place][3])
        output = traced.of(layer.name).output[0, unit].max()
        assert float(rows[-1][3]) == pytest.approx(float(output), rel=1e-3, abs=1e-4)
        assert app.number_input(key="inspect-neuron-unit").value == unit
        assert not re.search(r"\bnan\b", words(app))
        assert ("softmax" in words(app)) == (layer.name == "output")


def test_a_number_typed_is_kept_and_that_of_another_layer_is_not_taken(store: RunStore) -> None:
    recorded(store, NetworkSpec())
    app = shown(inspect_neuron=("output", 6))
    app.number_input(key="inspect-neuron-unit").set_value(45).run()
    app.run()
    assert app.number_input(key="inspect-neuron-unit").value == 45
    assert re.search(r"##### Neuron 45 of Dense 1", words(app))
    assert app.session_state["inspect_neuron"] == ("dense1", 45)


def test_a_dead_neuron_is_told(store: RunStore) -> None:
    _, moment = recorded(store, NetworkSpec())
    layer = moment.layers[0]
    assert layer.weight is not None
    assert layer.bias is not None
    layer.weight[3] = 0.0
    layer.bias[3] = -1.0
    assert "is dead" in words(shown(inspect_neuron=("dense1", 3)))
    assert "is dead" not in words(shown(inspect_neuron=("dense1", 4)))


def test_a_net_that_diverged_is_told(store: RunStore) -> None:
    _, moment = recorded(store, NetworkSpec())
    assert moment.layers[0].weight is not None
    moment.layers[0].weight.fill_(float("nan"))
    assert "diverged" in words(shown())


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
