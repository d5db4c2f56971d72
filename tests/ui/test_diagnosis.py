"""What is wrong with a run stands in one line on the Train page, with a click that tries the cure."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from nnviz.executor.local import LocalExecutor
from nnviz.executor.recorder import train_run
from nnviz.spec.layers.dense import Dense
from nnviz.spec.network import NetworkSpec
from nnviz.spec.train_config import TrainConfig
from nnviz.store.run import Run, Status
from nnviz.store.runs import RunStore
from nnviz.ui.diagnosis import foremost
from tests.pages import click, keys, open_page, parameter

TRAIN = "pages/2_Train.py"
CONFIG = TrainConfig(epochs=3, batch_size=10, lr=0.01, checkpoints=4)


@pytest.fixture(autouse=True)
def nobody_trains(monkeypatch: pytest.MonkeyPatch, images_at_hand: None) -> None:
    monkeypatch.setattr(LocalExecutor, "submit", lambda self, run_id, first=None: None)


def trained(store: RunStore, network: NetworkSpec, config: TrainConfig) -> Run:
    run = store.create(network, config)
    train_run(store, run.id)
    return store.run(run.id)


def opened(run: Run) -> AppTest:
    return open_page(TRAIN, run=run.id)


ILL = {
    "rate": (NetworkSpec(), CONFIG.with_(lr=50.0), "The learning rate is too high."),
    "zeros": (NetworkSpec((Dense(16, "tanh"),), init="zeros"), CONFIG, "All neurons are the same."),
}


@pytest.mark.parametrize("case", ILL)
def test_the_line_names_it_with_its_number_and_tries_the_cure(store: RunStore, case: str) -> None:
    network, config, title = ILL[case]
    run = trained(store, network, config)
    found = foremost(run)
    assert found is not None
    at = opened(run)
    line = next(one.value for one in at.markdown if "stethoscope" in one.value)
    assert title in line
    assert found.evidence in line
    assert any(letter.isdigit() for letter in found.evidence)
    assert at.button(key="try-cure").label == f"Try {found.try_this}"
    click(at, "try-cure")
    cured = store.run(parameter(at, "run"))
    assert cured.id != run.id
    assert (cured.network, cured.config) == (found.network, found.config)


def test_the_cure_of_steps_that_blew_up_is_small_enough_at_once(store: RunStore) -> None:
    found = foremost(trained(store, NetworkSpec(), CONFIG.with_(lr=50.0)))
    assert found is not None
    cured = trained(store, found.network, found.config)
    assert cured.status is Status.FINISHED
    after = foremost(cured)
    assert after is None or after.name != "rate_too_high"


def test_a_healthy_run_has_no_line(store: RunStore) -> None:
    run = trained(store, NetworkSpec(), CONFIG)
    assert foremost(run) is None
    assert "try-cure" not in keys(opened(run))


def test_a_run_without_weights_or_with_damaged_ones_has_none_either(store: RunStore) -> None:
    waiting = store.create(NetworkSpec(), CONFIG)
    assert "try-cure" not in keys(opened(waiting))
    run = trained(store, NetworkSpec(), CONFIG.with_(lr=50.0))
    for step in store.checkpoints.steps(run.id):
        store.checkpoints.path(run.id, step).write_bytes(b"no")
    at = opened(run)
    assert "try-cure" not in keys(at)
