"""The app on a folder of runs in which nothing can be written: all is looked at, what would write is switched off."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from nnviz.data.datasets import Dataset, Loaded
from nnviz.executor.recorder import train_run
from nnviz.spec.network import NetworkSpec
from nnviz.spec.train_config import TrainConfig
from nnviz.store import database
from nnviz.store.drawings import HandwritingStore
from nnviz.store.run import Run, Status
from nnviz.store.runs import RunStore
from nnviz.sweep.space import Axis
from nnviz.sweep.spec import SweepSpec
from nnviz.sweep.store import SweepStore
from nnviz.ui import services
from tests.pages import click, keys, open_page, rerun, words
from tests.ui.pages.test_draw import SEVEN, draw
from tests.waiting import LIMIT_S

CONFIG = TrainConfig(per_class=2, epochs=1, batch_size=4, lr=1e-4)
PAGES = {
    "Studio": "",
    "Build": "pages/1_Build.py",
    "Train": "pages/2_Train.py",
    "Inspect": "pages/3_Inspect.py",
    "Draw": "pages/4_Draw.py",
    "Compare": "pages/5_Compare.py",
    "Sweep": "pages/6_Sweep.py",
}
SWITCHED_OFF = [
    ("Studio", "", "studio-play studio-step studio-epoch studio-set-lr studio-set-momentum studio-set-batch_size"),
    ("Train", "", "train train-one-batch train-one-epoch run-again run-again-new-seed run-name run-note"),
    ("Inspect", "fork", "inspect-fork-start"),
    ("Draw", "handwriting", "draw-delete-one"),
    ("Draw", "teach", "draw-keep"),
    ("Compare", "seeds", "compare-repeat"),
    ("Compare", "twin", "compare-twin-start"),
    ("Sweep", "", "sweep-start sweep-resume sweep-stop sweep-promote"),
]


@pytest.fixture
def run(tmp_path: Path, blobs: Loaded, images_at_hand: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """One of all that can be recorded, in a folder that from then on counts as one where nothing can be written."""
    root = tmp_path / "runs"
    monkeypatch.setattr(Dataset, "load", lambda self, root=None: blobs)
    monkeypatch.setenv("NNVIZ_RUNS", str(root))
    st.cache_resource.clear()
    with closing(RunStore(root)) as store:
        deleted, made = (store.create(NetworkSpec(), CONFIG) for _ in range(2))
        store.discard(deleted.id)
        train_run(store, made.id)
        sweeps = SweepStore(store)
        sweep = sweeps.create(SweepSpec(NetworkSpec(), CONFIG, (Axis("lr", (0.01, 0.1)),)))
        sweeps.add_points(sweep.id, [{"lr": 0.01}, {"lr": 0.1}])
        for member in sweeps.members(sweep.id):
            train_run(store, member.run)
        sweeps.update(sweep.id, status=Status.PAUSED)
        found = store.run(made.id)
    with closing(HandwritingStore(root / "drawings")) as drawings:
        drawings.add(np.ones((28, 28), np.float32), np.full((28, 28), 200, np.uint8), 3)
    monkeypatch.setattr(database, "can_write", lambda path: False)
    yield found
    st.cache_resource.clear()


def opened(page: str, look: str, run: Run) -> AppTest:
    return open_page(PAGES[page], run=run.id, **({"look": look} if look else {}))


@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens_and_says_why_nothing_is_changed(run: Run, page: str) -> None:
    told = words(open_page(PAGES[page]))
    assert told.count("othing can be written in") == 1
    assert "nothing trained, changed or deleted" in told
    assert not [one for one in keys(open_page(PAGES[page])) if "restore" in one or "undo-delete" in one]


def choose_drawing(at: AppTest) -> None:
    at.session_state["draw_kept_chosen"] = 1


READY: dict[str, Callable[[AppTest], object]] = {
    "inspect-fork-start": lambda at: at.text_input(key="inspect-fork-epochs").set_value("3"),
    "draw-delete-one": choose_drawing,
    "draw-keep": lambda at: draw(at, SEVEN),
    "compare-twin-start": lambda at: at.text_input(key="compare-twin-value").set_value("0.5"),
}
"""What must be done before a control would be switched on elsewhere."""


@pytest.mark.parametrize(("page", "look", "controls"), SWITCHED_OFF, ids=[one[2].split()[0] for one in SWITCHED_OFF])
def test_what_would_write_is_switched_off(run: Run, page: str, look: str, controls: str) -> None:
    at = opened(page, look, run)
    if controls in READY:
        READY[controls](at)
        rerun(at)
    shown = {one.key: one.disabled for one in (*at.button, *at.text_input)}
    assert {key: shown[key] for key in controls.split()} == dict.fromkeys(controls.split(), True)


@pytest.mark.parametrize(
    ("page", "look", "labels"),
    [("Train", "", "Delete"), ("Draw", "handwriting", "Rename Delete"), ("Sweep", "", "Delete")],
)
def test_nothing_is_offered_to_be_deleted_or_renamed(run: Run, page: str, look: str, labels: str) -> None:
    shown = {one.proto.popover.label: one.proto.popover.disabled for one in opened(page, look, run).get("popover")}
    assert {label: shown[label] for label in labels.split()} == dict.fromkeys(labels.split(), True)


def test_runs_are_looked_at(run: Run) -> None:
    assert run.name in words(opened("Train", "", run))
    assert f"{run.test_accuracy:.2%} on the test images" in words(opened("Inspect", "doctor", run))


def page_without_switches() -> None:
    import streamlit as st

    from nnviz.spec.network import NetworkSpec
    from nnviz.spec.train_config import TrainConfig
    from nnviz.ui import services, state
    from nnviz.ui.runs import launch, told

    def delete() -> None:
        with told():
            services.executor().delete(services.store().runs()[0])

    for report in state.take_reports():
        st.caption(report)
    st.button("Train", key="train", on_click=launch, args=(NetworkSpec(), TrainConfig()))
    st.button("Delete", key="delete", on_click=delete)


@pytest.mark.parametrize("key", ["train", "delete"])
def test_what_is_pressed_all_the_same_says_the_reason_and_changes_nothing(run: Run, key: str) -> None:
    at = click(rerun(AppTest.from_function(page_without_switches, default_timeout=LIMIT_S)), key)
    assert f"nothing can be written in {services.store().root}" in words(at)
    assert [one.id for one in services.store().runs()] == [run.id]
