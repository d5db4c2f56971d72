"""Every field of Inspect that picks something by its number: what is none is refused, and the choice stays."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import pytest
from streamlit.testing.v1 import AppTest

from nnviz.executor.recorder import train_run
from nnviz.spec.network import NetworkSpec
from nnviz.spec.train_config import TrainConfig
from nnviz.store.runs import RunStore
from tests.pages import click, rerun, words
from tests.ui.pages.inspect.test_page import open_inspect


class Picker(NamedTuple):
    section: str
    key: str
    number: str
    """One with others after it, for the classic net."""
    state: Mapping[str, str] = MappingProxyType({})


PICKERS = {
    "test image": Picker("activations", "inspect-image-index", "7"),
    "mistake": Picker("activations", "inspect-image-index", "2", {"inspect-image-kind": "mistake"}),
    "image of the batch": Picker("activations", "inspect-image-index", "3", {"inspect-image-kind": "batch"}),
    "neuron": Picker("neuron", "inspect-neuron-unit", "45"),
    "page": Picker("matrices", "inspect-page", "1"),
    "neuron of a weight": Picker("matrices", "inspect-weight-unit", "3"),
    "input of a weight": Picker("matrices", "inspect-weight-input", "400"),
    "edited neuron": Picker("operate", "inspect-edit-unit", "3"),
    "input of the edited weight": Picker("operate", "inspect-edit-input", "400", {"inspect-edit-scope": "weight"}),
}


@pytest.fixture(autouse=True)
def run(store: RunStore) -> None:
    """One trained so little that it makes mistakes."""
    train_run(store, store.create(NetworkSpec(), TrainConfig(per_class=2, epochs=1, batch_size=4, lr=1e-4)).id)


every_picker = pytest.mark.parametrize("picker", PICKERS.values(), ids=PICKERS)


def refused(at: AppTest) -> str:
    """The rules below fields, as they are read."""
    return "\n".join(one.value.replace("\\", "") for one in at.markdown if one.value.startswith(":small[:red["))


def put(at: AppTest, key: str, text: str) -> AppTest:
    at.text_input(key=key).set_value(text)
    return rerun(at)


@every_picker
def test_a_number_is_taken_and_what_is_none_is_refused(picker: Picker) -> None:
    at = put(open_inspect(inspect__look=picker.section, **picker.state), picker.key, picker.number)
    assert at.text_input(key=picker.key).value == picker.number
    for text in ("1,5", "0.1e", "-3", "100000", ""):
        put(at, picker.key, text)
        assert at.text_input(key=picker.key).value == text  # to be mended
        assert "must be a whole number from" in refused(at)
        assert refused(at).endswith(f", not '{text}'.]]")
    put(at, picker.key, picker.number)
    assert refused(at) == ""


@every_picker
def test_buttons_go_one_on_and_back_from_the_number_taken_last(picker: Picker) -> None:
    at = put(open_inspect(inspect__look=picker.section, **picker.state), picker.key, picker.number)
    click(at, f"{picker.key}-more")
    assert at.text_input(key=picker.key).value == str(int(picker.number) + 1)
    put(at, picker.key, "many")
    click(at, f"{picker.key}-less")
    assert at.text_input(key=picker.key).value == picker.number
    assert refused(at) == ""


@every_picker
def test_no_button_goes_past_the_last_number(picker: Picker) -> None:
    at = put(open_inspect(inspect__look=picker.section, **picker.state), picker.key, "100000")
    found = re.search(r"from (\d+) to (\d+)", refused(at))
    assert found
    for number, end in zip(found.groups(), ("less", "more"), strict=True):
        put(at, picker.key, number)
        assert at.button(key=f"{picker.key}-{end}").disabled


def test_another_kind_of_image_has_rules_of_its_own() -> None:
    at = put(open_inspect(inspect__look="activations", inspect_test_image=1), "inspect-image-index", "many")
    at.selectbox(key="inspect-image-kind").set_value("batch")
    rerun(at)
    assert refused(at) == ""
    assert at.text_input(key="inspect-image-index").value == "1"


def test_nothing_is_edited_where_a_number_was_refused() -> None:
    at = put(open_inspect(inspect__look="operate"), "inspect-edit-unit", "1,5")
    assert at.button(key="inspect-edit-apply").disabled
    at.segmented_control(key="inspect-edit-scope").set_value("layer")  # which has no such field
    click(rerun(at), "inspect-edit-apply")
    assert "Dense 1 set to zero" in words(at)
