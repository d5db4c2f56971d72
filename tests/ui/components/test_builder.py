"""The builder's Python side: what it tells the drawing, and what it makes of a draft."""

from __future__ import annotations

import json

import pytest
import torch

from nnviz.spec.activations import ACTIVATIONS
from nnviz.spec.layers import LAYERS, default_layer, layer_to_dict
from nnviz.spec.layers.base import sizes
from nnviz.spec.layers.conv import Conv
from nnviz.spec.layers.dense import Dense
from nnviz.spec.network import NetworkSpec, build_model
from nnviz.spec.presets import PRESETS
from nnviz.spec.train_config import TrainConfig
from nnviz.ui.components.builder import SCRIPTS
from nnviz.ui.components.builder.answer import amount, in_words, judge, schema
from nnviz.ui.components.order import scripts

CLASSIC = NetworkSpec().to_dict()
CONFIG = TrainConfig()


def network(*layers: dict[str, object]) -> dict[str, object]:
    return {"layers": list(layers), "init": "default", "init_std": 0.01}


def test_a_good_draft_becomes_the_network() -> None:
    verdict = judge(CLASSIC, CONFIG)
    assert verdict.network == NetworkSpec()
    assert verdict.error is None
    assert [layer["out"] for layer in verdict.layers] == ["128", "10"]
    assert [layer["parameters"] for layer in verdict.layers] == ["100,480", "1,290"]
    assert verdict.totals is not None
    assert verdict.totals["parameters"] == "101,770"


@pytest.mark.parametrize("name", PRESETS)
def test_totals_agree_with_the_built_module(name: str) -> None:
    preset = PRESETS[name].network
    answer = judge(preset.to_dict(), CONFIG).to_dict()
    model = build_model(preset, (1, 28, 28), 10, seed=0)
    assert answer["totals"]["parameters"] == f"{sum(p.numel() for p in model.parameters()):,}"
    assert answer["preset"] == name


@pytest.mark.parametrize(
    ("draft", "index", "words"),
    [
        (network({"kind": "conv", "kernel": 40}), 0, "kernel must be a whole number from 1 to 28, not 40"),
        (network({"kind": "maxpool"}, {"kind": "conv", "kernel": 15}), 1, "kernel 15 is larger than its input, 14 pix"),
        (network({"kind": "dense"}, {"kind": "conv"}), 1, "needs an image"),
        (network({"kind": "dense", "units": "many"}), 0, "units must be a whole number from 1 to 8192, not 'many'"),
        (network({"kind": "dense", "units": ""}), 0, "units must be"),
        (network({"kind": "teleport"}), 0, "layer kind must be one of"),
        (network({"kind": "dense", "wings": 2}), 0, "has no field 'wings'"),
        (network(*[{"kind": "dense", "units": 8192}] * 3), 1, "at most 64,000,000"),
        ({**CLASSIC, "init_std": 11}, None, "of the initial weights must be a number from 0 to 10, not 11"),
        (network(*[{"kind": "dense"}] * 41), None, "at most 40 layers"),
        ("no object", None, "must be an object"),
        (None, None, "must be an object"),
    ],
)
def test_a_bad_draft_is_blamed_on_its_layer(draft: object, index: int | None, words: str) -> None:
    verdict = judge(draft, CONFIG)
    assert verdict.network is None
    assert verdict.index == index
    assert words in (verdict.error or "")


def test_layers_before_the_bad_one_keep_their_shapes() -> None:
    verdict = judge(network({"kind": "conv"}, {"kind": "maxpool"}, {"kind": "conv", "kernel": 20}), CONFIG)
    assert verdict.index == 2
    assert [layer["out"] for layer in verdict.layers] == ["16 × 26 × 26", "16 × 13 × 13"]


def test_an_illegal_field_behind_an_impossible_shape_is_survived() -> None:
    verdict = judge(network({"kind": "dense"}, {"kind": "conv"}, {"kind": "conv", "kernel": 40}), CONFIG)
    assert verdict.index == 2
    assert verdict.layers == ()


def test_what_does_not_go_with_the_training_is_said_and_not_used() -> None:
    verdict = judge(network({"kind": "dense"}, {"kind": "batchnorm"}), TrainConfig(batch_size=1))
    assert verdict.network is None
    assert "batch size" in (verdict.error or "")
    assert len(verdict.layers) == 3


@pytest.mark.parametrize("kind", LAYERS)
def test_every_kind_is_in_the_schema_with_all_its_fields(kind: str) -> None:
    described = schema(CONFIG)["kinds"][kind]
    values = layer_to_dict(default_layer(kind))
    assert described["default"] == values
    assert ["kind", *(field["name"] for field in described["fields"])] == list(values)
    assert {field["type"] for field in described["fields"]} <= {"number", "choice", "flag"}
    assert described["counted"] is None or described["counted"] in values


def test_the_schema_is_json_and_has_a_curve_for_each_activation() -> None:
    told = json.loads(json.dumps(schema(CONFIG)))
    assert set(told["curves"]) == set(ACTIVATIONS)
    assert told["input"]["out"] == "28 × 28"
    assert told["classes"] == list("0123456789")
    x = torch.linspace(-3, 3, len(told["curves"]["tanh"]))
    assert told["curves"]["tanh"] == pytest.approx(torch.tanh(x).tolist(), abs=1e-3)


@pytest.mark.parametrize("kind", LAYERS)
def test_every_kind_has_a_formula(kind: str) -> None:
    (plan, *_) = NetworkSpec((default_layer(kind),)).plan((1, 28, 28), 10)
    what, stands_for = plan.formula()
    assert what.startswith("y = ")
    assert stands_for


def test_formulas_state_the_sizes_of_the_weights() -> None:
    dense, output = NetworkSpec().plan((1, 28, 28), 10)
    assert dense.formula() == ("y = ReLU(W x + b)", "W: 128 × 784, b: 128")
    assert output.formula()[1].startswith("W: 10 × 128, b: 10")
    conv, _ = NetworkSpec((Conv(6, kernel=5, activation="identity"),)).plan((1, 28, 28), 10)
    assert conv.formula() == ("y = W ∗ x + b", "W: 6 × 1 × 5 × 5, b: 6")


def test_numbers_and_networks_read_well() -> None:
    assert sizes((16, 28, 28)) == "16 × 28 × 28"
    assert sizes((1, 28, 28)) == "28 × 28"
    assert [amount(size) for size in (12, 1_500, 27_640_000, 640_000_000, 3.2e9)] == [
        "12 bytes",
        "1.5 kB",
        "27.6 MB",
        "640 MB",
        "3.2 GB",
    ]
    assert in_words(NetworkSpec()) == "Dense 128"
    assert in_words(NetworkSpec(())) == "no hidden layer"
    assert in_words(NetworkSpec((Dense(8),) * 9)) == "Dense 8, Dense 8, …, Dense 8"


def test_the_scripts_are_one_module_with_one_export() -> None:
    script = scripts(*SCRIPTS)
    assert script.count("export default") == 1
    assert "import " not in "".join(line for line in script.splitlines() if not line.lstrip().startswith("//"))
    assert set(SCRIPTS[0].parent.glob("*.js")) == set(SCRIPTS)
