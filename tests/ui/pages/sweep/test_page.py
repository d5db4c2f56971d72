"""The Sweep page, without a browser."""

from __future__ import annotations

from pathlib import Path

import pytest

from nnviz.spec.layers.dense import Dense
from nnviz.spec.network import NetworkSpec
from nnviz.spec.train_config import TrainConfig
from nnviz.store.run import Status
from nnviz.sweep.space import Axis
from nnviz.sweep.spec import SweepSpec
from nnviz.sweep.store import Sweep
from nnviz.train.commands import Action, Command
from nnviz.ui import services
from tests.pages import click, keys, open_page, progress, rerun, words
from tests.waiting import wait_until

PAGE = "pages/6_Sweep.py"
NETWORK = NetworkSpec((Dense(8, "identity"),) * 5)
CONFIG = TrainConfig(epochs=2, per_class=20)
AXES = (Axis("lr", (0.01, 0.1, 100.0)), Axis("momentum", (0.0, 0.9)))

pytestmark = pytest.mark.usefixtures("mnist_root", "app_runs")


def started(spec: SweepSpec) -> Sweep:
    sweep = services.sweeps().create(spec)
    services.executor().sweep(sweep.id, Command(Action.RESUME))
    return sweep


@pytest.fixture(scope="module")
def finished(app_runs: Path) -> Sweep:
    """Two momenta, three learning rates, of which the largest diverges."""
    sweep = started(SweepSpec(NETWORK, CONFIG, AXES))
    wait_until(lambda: services.sweeps().sweep(sweep.id).status is Status.FINISHED)
    return sweep


def test_before_the_first_sweep_the_page_says_what_there_will_be() -> None:
    at = open_page(PAGE)
    assert "Nothing has been explored yet" in words(at)
    assert "sweep-start" in keys(at)


def test_a_finished_sweep_shows_its_map_and_what_it_teaches(finished: Sweep) -> None:
    at = open_page(PAGE, sweep=finished.id)
    assert progress(at).startswith("Finished · 6 of 6 trainings are done")
    told = words(at)
    assert "nets train at once as one stacked batch" in told
    assert "The best trial so far" in told
    assert "It diverges" in told
    assert not {"sweep-pause", "sweep-stop", "sweep-resume"} & keys(at)


def test_the_ranking_leaves_out_what_diverged(finished: Sweep) -> None:
    at = open_page(PAGE, sweep=finished.id)
    at.segmented_control(key="sweep-look").set_value("ranking")
    rerun(at)
    (table,) = at.dataframe
    assert len(table.value) == 4
    assert list(table.value.columns[:3]) == ["Place", "learning rate", "momentum"]
    assert "The best point reaches" in words(at)


def test_all_fields_are_drawn(finished: Sweep) -> None:
    at = open_page(PAGE, sweep=finished.id)
    at.segmented_control(key="sweep-look").set_value("fields")
    rerun(at)
    assert "Which field matters?" in words(at)
    assert "at least eight trials" in words(at)


def test_the_best_point_becomes_a_run_of_its_own(finished: Sweep) -> None:
    at = open_page(PAGE, sweep=finished.id)
    at.text_input(key="sweep-full-epochs").set_value("3")
    rerun(at)
    click(at, "sweep-promote")
    (run,) = services.store().runs()
    best = max(services.sweeps().members(finished.id), key=lambda member: member.epochs[-1][0] if member.epochs else 0)
    same = services.store().run(best.run)
    assert run.network == same.network
    assert run.config == same.config.with_(epochs=3, checkpoints=TrainConfig().checkpoints)
    assert run.sweep == ""
    services.executor().delete(services.store().run(run.id))


def test_a_member_opens_on_the_train_page_and_says_how_it_was_trained(finished: Sweep) -> None:
    member = services.sweeps().members(finished.id)[0]
    at = open_page("pages/2_Train.py", run=member.run)
    assert "point 1 of the sweep" in words(at)
    assert "trained in an ensemble of" in words(at)
    inspected = open_page("pages/3_Inspect.py", run=member.run)
    assert inspected.selectbox(key="inspect-run").value == member.run


def test_a_sweep_is_steered_and_deleted() -> None:
    sweep = started(SweepSpec(NETWORK, CONFIG.with_(epochs=1000), (Axis("lr", (0.01, 0.02)),)))
    wait_until(lambda: any(member.step for member in services.sweeps().members(sweep.id)))
    at = open_page(PAGE, sweep=sweep.id)
    click(at, "sweep-pause")
    wait_until(lambda: services.sweeps().sweep(sweep.id).status is Status.PAUSED)
    wait_until(lambda: all(m.status is Status.INTERRUPTED for m in services.sweeps().members(sweep.id)))
    click(open_page(PAGE, sweep=sweep.id), "sweep-resume")
    wait_until(lambda: any(m.status is Status.RUNNING for m in services.sweeps().members(sweep.id)))
    at = open_page(PAGE, sweep=sweep.id)
    assert progress(at).startswith("Training")
    click(at, "sweep-delete-sure")
    assert sweep.id not in [one.id for one in services.sweeps().sweeps()]
    assert not services.store().runs(sweep.id)
    gone = open_page(PAGE, sweep=sweep.id)
    assert "may have been deleted" in "".join(str(info.value) for info in gone.info).replace("\\", "")
