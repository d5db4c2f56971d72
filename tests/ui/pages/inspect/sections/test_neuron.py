"""The section "One neuron", as a person meets it."""

from __future__ import annotations

import csv
import io
import re
from decimal import Decimal

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from nnviz.analysis.activations import arithmetic, outgoing, source_shape, trace
from nnviz.analysis.checkpoint_view import CheckpointView
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
from nnviz.ui.pages.inspect.sections.neuron import Picked, outgoing_csv, pixels_seen, sum_csv
from nnviz.ui.subject import test_subject as subject_of
from tests.pages import words
from tests.waiting import LIMIT_S

NETS = ["softmax", "classic", "lenet5", "small_cnn", "deep_sigmoid"]


def recorded(store: RunStore, network: NetworkSpec) -> tuple[Run, CheckpointView]:
    run = store.create(network, TrainConfig(per_class=2, epochs=1, batch_size=4, lr=1e-3))
    train_run(store, run.id)
    return run, checkpoint_at(store, store.run(run.id), 5)


def script(compare: bool = False) -> None:
    import streamlit as st

    from nnviz.ui import services
    from nnviz.ui.checkpoints import Beside, View, checkpoint_at
    from nnviz.ui.pages.inspect.sections import neuron

    run, store = services.store().runs()[0], services.store()
    checkpoint = checkpoint_at(store, run, 5)
    beside = Beside(run, checkpoint_at(store, run, 0), "after step 0") if compare else None
    layer = checkpoint.layer(st.session_state.get("inspect-layer-wanted", ""))
    neuron.show(View(run, checkpoint, layer, beside, False, False))


def shown(compare: bool = False, **state: object) -> AppTest:
    app = AppTest.from_function(script, default_timeout=LIMIT_S, kwargs={"compare": compare})
    for key, value in state.items():
        app.session_state[key] = value
    app.run()
    assert not app.exception
    return app


def table(app: AppTest) -> list[list[str]]:
    """The rows of the arithmetic, without marks."""
    text = next(element.value for element in app.markdown if element.value.startswith("| "))
    plain = re.sub(r"[`*]", "", text).replace("−", "-")
    return [[cell.strip() for cell in row.split("|")[1:-1]] for row in plain.split("\n")[2:]]


@pytest.mark.parametrize("preset", NETS)
def test_the_arithmetic_on_screen_adds_up_in_every_layer(store: RunStore, blobs: Loaded, preset: str) -> None:
    _, checkpoint = recorded(store, PRESETS[preset].network)
    traced = trace(checkpoint, to_input(blobs.test.images[7:8], blobs.dataset))
    for layer in checkpoint.learning_layers:
        unit = layer.units - 1
        app = shown(
            inspect_neuron=(layer.name, unit), inspect_test_image_wanted=7, **{"inspect-layer-wanted": layer.name}
        )
        rows = table(app)
        place = next(place for place, row in enumerate(rows) if row[0].startswith("sum"))
        assert sum(Decimal(row[3]) for row in rows[:place]) == Decimal(rows[place][3])
        output = traced.of(layer.name).output[0, unit].max()
        assert float(rows[-1][3]) == pytest.approx(float(output), rel=1e-3, abs=1e-4)
        assert app.text_input(key="inspect-neuron-unit").value == str(unit)
        assert not re.search(r"\bnan\b", words(app))
        assert ("softmax" in words(app)) == (layer.name == "output")


def test_a_number_typed_is_kept_and_that_of_another_layer_is_not_taken(store: RunStore) -> None:
    recorded(store, NetworkSpec())
    app = shown(inspect_neuron=("output", 6))
    app.text_input(key="inspect-neuron-unit").set_value("45").run()
    app.run()
    assert app.text_input(key="inspect-neuron-unit").value == "45"
    assert re.search(r"## Neuron 45 of Dense 1", words(app))
    assert app.session_state["inspect_neuron"] == ("dense1", 45)


def test_a_dead_neuron_is_told(store: RunStore) -> None:
    _, checkpoint = recorded(store, NetworkSpec())
    layer = checkpoint.layers[0]
    assert layer.weight is not None
    assert layer.bias is not None
    layer.weight[3] = 0.0
    layer.bias[3] = -1.0
    assert "is dead" in words(shown(inspect_neuron=("dense1", 3)))
    assert "is dead" not in words(shown(inspect_neuron=("dense1", 4)))


def test_a_net_that_diverged_is_told(store: RunStore) -> None:
    _, checkpoint = recorded(store, NetworkSpec())
    assert checkpoint.layers[0].weight is not None
    checkpoint.layers[0].weight.fill_(float("nan"))
    assert "diverged" in words(shown())


def test_a_sum_that_overflows_is_told(store: RunStore) -> None:
    """Its own numbers are none although ReLU lets the net answer with some."""
    _, checkpoint = recorded(store, NetworkSpec())
    assert checkpoint.layers[0].bias is not None
    checkpoint.layers[0].bias[3] = -float("inf")
    assert "Not all numbers of Neuron 3 are finite" in words(shown(inspect_neuron=("dense1", 3)))
    assert "finite" not in words(shown(inspect_neuron=("dense1", 4)))


def test_a_layer_begins_with_its_strongest_neuron_and_a_button_goes_back_to_it(store: RunStore, blobs: Loaded) -> None:
    _, checkpoint = recorded(store, NetworkSpec())
    strongest = int(trace(checkpoint, to_input(blobs.test.images[:1], blobs.dataset)).of("dense1").output[0].argmax())
    app = shown()
    assert app.text_input(key="inspect-neuron-unit").value == str(strongest)
    app.text_input(key="inspect-neuron-unit").set_value(str((strongest + 1) % 128)).run()
    app.button(key="inspect-neuron-strongest").click().run()
    assert app.text_input(key="inspect-neuron-unit").value == str(strongest)
    assert app.button(key="inspect-neuron-strongest").disabled


def test_the_facts_are_those_of_plain_pytorch(store: RunStore, blobs: Loaded) -> None:
    _, checkpoint = recorded(store, NetworkSpec())
    with torch.inference_mode():
        values = checkpoint.model[:3](to_input(blobs.test.images, blobs.dataset))[:, 9]
    zero = f"{float((values == 0).double().mean()):.1%}".replace("%", " %")
    text = words(shown(inspect_neuron=("dense1", 9)))
    assert f"mean {float(values.mean()):.4g}, from {float(values.min()):.4g} to {float(values.max()):.4g}" in text
    assert f"0 for {zero} of them" in text


@pytest.mark.parametrize("preset", ["classic", "lenet5"])
def test_the_weights_of_another_moment_stand_beside(store: RunStore, preset: str) -> None:
    _, checkpoint = recorded(store, PRESETS[preset].network)
    for layer in checkpoint.learning_layers:
        assert "**After step 0**" in words(shown(compare=True, **{"inspect-layer-wanted": layer.name}))
    assert "After step 0" not in words(shown())


def test_the_csvs_hold_all_products_and_all_outgoing_weights(store: RunStore, blobs: Loaded) -> None:
    _, checkpoint = recorded(store, NetworkSpec((Conv(3, 5), Dense(4, "tanh"))))
    for name, unit in (("conv1", 1), ("dense1", 2)):
        layer = checkpoint.layer(name)
        assert layer.weight is not None
        subject = subject_of(blobs.test, blobs.dataset, 5)
        traced = trace(checkpoint, subject.inputs)
        told = arithmetic(layer, traced.of(name), 0, unit)
        picked = Picked(layer, unit, subject, traced, told, "")
        rows = list(csv.reader(io.StringIO(sum_csv(picked, source_shape(checkpoint, layer)))))[1:]
        products, (bias, total, output) = rows[:-3], [float(row[3]) for row in rows[-3:]]
        assert len(products) == layer.weight[unit].numel()
        assert sum(float(row[1]) * float(row[2]) for row in products) + bias == pytest.approx(total, abs=1e-4)
        assert output == pytest.approx(float(traced.of(name).output[0, unit].max()))
    found = outgoing(checkpoint, checkpoint.layer("conv1"), 1)
    assert found is not None
    rows = list(csv.reader(io.StringIO(outgoing_csv("neuron", found.weights.numpy()))))
    assert len(rows) == 1 + 4
    weight = checkpoint.layer("dense1").weight
    assert weight is not None
    expected = weight[3].view(3, 24, 24)[1].flatten()  # the channels lie one after the other
    np.testing.assert_allclose([float(cell) for cell in rows[4][1:]], expected.numpy(), rtol=1e-6)


def test_what_a_filter_sees_is_the_part_of_the_image_under_it(store: RunStore, blobs: Loaded) -> None:
    _, checkpoint = recorded(store, NetworkSpec((Conv(3, 5, stride=2, padding=2),)))
    layer, subject = checkpoint.layers[0], subject_of(blobs.test, blobs.dataset, 5)
    padded = np.pad(subject.pixels, 2)
    traced = trace(checkpoint, subject.inputs)
    told = arithmetic(layer, traced.of("conv1"), 0, 1)
    assert told.position is not None
    top, left = 2 * told.position[0], 2 * told.position[1]
    seen = pixels_seen(Picked(layer, 1, subject, traced, told, ""))
    assert np.array_equal(seen, padded[None, top : top + 5, left : left + 5])


def test_clicking_opens_a_neuron() -> None:
    def click() -> None:

        import streamlit as st

        from nnviz.ui.pages.inspect.sections.neuron import open_neuron

        if st.button("click", key="click"):
            open_neuron("dense1", 9)

    app = AppTest.from_function(click).run()
    app.button(key="click").click().run()
    assert not app.exception
    assert app.session_state["inspect_neuron"] == ("dense1", 9)
    assert app.session_state["inspect-section-wanted"] == "neuron"
    assert app.session_state["inspect-layer-wanted"] == "dense1"
