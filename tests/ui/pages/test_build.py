"""The Build page without a browser: what it takes from the drawing, what it shows and hands on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from nnviz.spec.json_file import to_json
from nnviz.spec.layers.conv import Conv
from nnviz.spec.layers.dense import Dense
from nnviz.spec.network import NetworkSpec
from nnviz.spec.train_config import TrainConfig
from nnviz.spec.url import to_query
from nnviz.ui.components.builder import Record
from nnviz.ui.state import Setup
from tests.waiting import LIMIT_S

APP = Path(__file__).parents[3] / "app.py"

pytestmark = pytest.mark.usefixtures("app_runs")


def open_build(**query: str) -> AppTest:
    """The Build page as a link with `query` opens it."""
    at = AppTest.from_file(str(APP), default_timeout=LIMIT_S).switch_page("pages/1_Build.py")
    for name, value in query.items():
        at.query_params[name] = value
    at.run()
    assert not at.exception
    return at


@pytest.fixture
def page() -> AppTest:
    return open_build()


def setup_of(at: AppTest) -> Setup:
    setup: Setup = at.session_state["setup"]
    return setup


def record_of(at: AppTest) -> Record:
    record: Record = at.session_state["builder_record"]
    return record


def test_the_page_opens_with_the_classic_network(page: AppTest) -> None:
    assert page.title[0].value == "Build a network"
    assert setup_of(page).network == NetworkSpec()
    assert page.query_params["net"] == "dense_128"
    assert page.button(key="go-to-train").label.startswith("Train this network")


def test_a_link_opens_its_network() -> None:
    at = open_build(net="conv_8~dense_32")
    assert setup_of(at).network == NetworkSpec((Conv(8), Dense(32)))
    assert record_of(at).draft == setup_of(at).network.to_dict()


def test_a_link_that_a_program_changed_opens_what_was_meant_and_stands_in_the_address_as_it_should() -> None:
    run = "20260101-101010-abcd"
    at = open_build(**{"NET": "CONV_8%257EDENSE_32", "amp;optimizer": "adam,", "amp;RUN": f"{run})", "utm": "A%20)"})
    assert not at.warning
    assert setup_of(at) == Setup(NetworkSpec((Conv(8), Dense(32))), TrainConfig(optimizer="adam"))
    shown = {name: values[-1] if isinstance(values, list) else values for name, values in at.query_params.items()}
    assert shown == to_query(setup_of(at).network, setup_of(at).config) | {"run": run, "utm": "A%20)"}


def test_the_code_is_that_of_the_network() -> None:
    assert any("784, 32" in block.value for block in open_build(net="dense_32").code)


def test_a_pasted_set_up_replaces_network_and_training(page: AppTest) -> None:
    generation = record_of(page).generation
    wanted = NetworkSpec((Dense(7, "tanh"),))
    page.text_area(key="import-text").set_value(to_json(wanted, TrainConfig(lr=0.5)))
    page.button(key="import-apply").click().run()
    assert page.success[0].value == "Imported."
    assert setup_of(page) == Setup(wanted, TrainConfig(lr=0.5))
    assert record_of(page).generation != generation
    assert page.query_params["net"] == "dense_7_tanh"


def test_a_bad_paste_changes_nothing_and_says_why(page: AppTest) -> None:
    before = (setup_of(page), record_of(page))
    page.text_area(key="import-text").set_value('{"nnviz": 1, "network": {"layers": [{"kind": "dense", "units": 0}]}')
    page.button(key="import-apply").click().run()
    assert page.error[0].value.startswith("Nothing was changed: this is not JSON")
    assert (setup_of(page), record_of(page)) == before


def _mounted() -> None:
    """A script that does with a draft in the session what the page's callback does."""
    import streamlit as st

    from nnviz.ui.components.builder import builder, take_draft

    if "sent" in st.session_state:
        take_draft(st.session_state.pop("sent"))
    builder()


@pytest.fixture
def drawing() -> AppTest:
    return AppTest.from_function(_mounted, default_timeout=LIMIT_S).run()


def send(at: AppTest, network: Any, revision: int, generation: str | None = None) -> AppTest:
    generation = generation or record_of(at).generation
    at.session_state["sent"] = {"generation": generation, "revision": revision, "network": network}
    at.run()
    assert not at.exception
    return at


def test_a_good_draft_becomes_the_sessions_network(drawing: AppTest) -> None:
    wanted = NetworkSpec((Dense(32),))
    send(drawing, wanted.to_dict(), 1)
    assert setup_of(drawing).network == wanted
    assert (record_of(drawing).revision, record_of(drawing).network) == (1, wanted)


def test_a_bad_draft_is_kept_but_not_used(drawing: AppTest) -> None:
    draft = {"layers": [{"kind": "conv", "kernel": 40}], "init": "default", "init_std": 0.01}
    generation = record_of(drawing).generation
    send(drawing, draft, 1)
    assert setup_of(drawing).network == NetworkSpec()
    assert (record_of(drawing).draft, record_of(drawing).generation) == (draft, generation)


@pytest.mark.parametrize("rubbish", [None, 7, "text", [], {}, {"layers": 3}, {"layers": [None]}])
def test_rubbish_is_no_network_and_no_crash(drawing: AppTest, rubbish: Any) -> None:
    send(drawing, rubbish, 1)
    assert setup_of(drawing).network == NetworkSpec()


def test_older_revisions_and_generations_are_ignored(drawing: AppTest) -> None:
    send(drawing, NetworkSpec((Dense(32),)).to_dict(), 5)
    send(drawing, NetworkSpec((Dense(33),)).to_dict(), 4)
    send(drawing, NetworkSpec((Dense(34),)).to_dict(), 6, generation="another")
    assert setup_of(drawing).network == NetworkSpec((Dense(32),))


def test_what_is_no_draft_at_all_is_ignored(drawing: AppTest) -> None:
    drawing.session_state["sent"] = "draft"
    drawing.run()
    assert not drawing.exception


def test_a_network_from_elsewhere_starts_a_new_generation(drawing: AppTest) -> None:
    before = record_of(drawing)
    drawing.session_state["setup"] = Setup(NetworkSpec(()), TrainConfig())
    drawing.run()
    after = record_of(drawing)
    assert after.generation != before.generation
    assert after.revision > before.revision
    assert after.draft == NetworkSpec(()).to_dict()
