"""A set-up as a file: out, in again, and what a stranger's file can do."""

from __future__ import annotations

import json
from typing import Any

import pytest

from nnviz.fields import SpecError
from nnviz.spec.json_file import MAX_BYTES, from_json, to_json
from nnviz.spec.network import NetworkSpec
from nnviz.spec.presets import PRESETS
from nnviz.spec.train_config import TrainConfig


def setup(**changes: Any) -> str:
    return json.dumps({**json.loads(to_json(NetworkSpec(), TrainConfig())), **changes})


@pytest.mark.parametrize("name", PRESETS)
def test_what_was_written_is_read_again(name: str) -> None:
    config = TrainConfig(optimizer="adam", lr=0.01, epochs=3, seed=7)
    assert from_json(to_json(PRESETS[name].network, config)) == (PRESETS[name].network, config)
    assert from_json(to_json(PRESETS[name].network, config).encode("utf-8-sig"))[1] == config


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "nothing to read"),
        ("hello", "not JSON: expecting value in line 1, column 1"),
        (b"\xff\xfe\x00", "not even text"),
        ("[1, 2]", "not a set-up of nnviz"),
        ("{}", "not a set-up of nnviz"),
        ("[" * 100_000, "not"),
        (setup(nnviz=2), "is of version 2; this nnviz reads version 1"),
        (setup(nnviz=True), "is of version True"),
        (setup(weights=[]), "has no field 'weights'"),
        ('{"nnviz": 1, "network": {"layers": []}}', "needs the field 'training'"),
        (setup(network=[]), "a network must be an object with a list of layers"),
        (setup(network={"layers": [{"kind": "dense"}, {"kind": "conv", "kernel": 40}]}), "layer 2: kernel must be"),
        (setup(network={"layers": [{"kind": "dense"}, {"kind": "conv"}]}), "layer 2: Convolution needs an image"),
        (setup(network={"layers": [], "wings": 2}), "a network has no field 'wings'"),
        (setup(training={"speed": 9}), "a training configuration has no field 'speed'"),
        (setup(training={"lr": 1e999}), "learning rate must be"),
        (setup(training={"epochs": 10**400}), "epochs must be a whole number from 1 to 1000"),
        (setup(training={"epochs": None}), "epochs must be a whole number from 1 to 1000, not None"),
        (setup(training="fast"), "must be an object with named fields"),
        (" " * (MAX_BYTES + 1), "at most 200 kB"),
    ],
)
def test_a_bad_file_is_refused_with_a_sentence(text: str | bytes, words: str) -> None:
    with pytest.raises(SpecError) as error:
        from_json(text)
    assert words in str(error.value)
    assert len(str(error.value)) < 300
