"""The form of a sweep, on its page and without a browser: what is entered is what would be started."""

from __future__ import annotations

import math

import pytest
from streamlit.testing.v1 import AppTest

from nnviz.spec.initialisation import INITIALISATIONS
from nnviz.spec.layers.conv import Conv
from nnviz.spec.layers.dense import Dense
from nnviz.spec.network import NetworkSpec
from nnviz.spec.train_config import TrainConfig
from nnviz.spec.url import to_query
from nnviz.sweep.space import Axis, dimensions
from nnviz.sweep.spec import SweepSpec, default_sweep, suggest
from nnviz.train.ensemble import ensemble_key, why_not
from nnviz.ui.pages.sweep import form, page
from tests.pages import click, open_page, rerun, words

PAGE = "pages/6_Sweep.py"

pytestmark = pytest.mark.usefixtures("app_runs", "images_at_hand")


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[SweepSpec]:
    """What the button would have started."""
    specs: list[SweepSpec] = []
    monkeypatch.setattr(page, "_start", specs.append)
    return specs


def vary(at: AppTest, *fields: str, method: str = "grid") -> AppTest:
    at.selectbox(key="sweep-method").set_value(method)
    at.multiselect(key="sweep-fields").set_value(list(fields))
    return rerun(at)


def enter(at: AppTest, key: str, text: str) -> AppTest:
    at.text_input(key=key).set_value(text)
    return rerun(at)


def refused(at: AppTest) -> str:
    """Why the sweep can't be started."""
    assert at.button(key="sweep-start").disabled
    return " ".join(str(one.value) for one in at.warning).replace("\\", "")


# ---------------------------------------------------------------------- what is started


def test_untouched_it_starts_the_default_sweep(started: list[SweepSpec]) -> None:
    click(open_page(PAGE), "sweep-start")
    (spec,) = started
    default = default_sweep(NetworkSpec(), TrainConfig())
    assert spec.config == default.config
    assert [(axis.name, axis.grid()) for axis in spec.axes] == [(axis.name, axis.grid()) for axis in default.axes]


@pytest.mark.parametrize("method", ["grid", "random", "tpe"])
@pytest.mark.parametrize("network", [NetworkSpec(), NetworkSpec((Conv(4), Dense(16)))], ids=["dense", "convolutions"])
def test_every_field_can_be_varied_as_it_is_suggested(
    network: NetworkSpec, method: str, started: list[SweepSpec]
) -> None:
    config = TrainConfig()
    at = open_page(PAGE, **to_query(network, config))
    for name, one in dimensions(network, config).items():
        click(vary(at, name, method=method), "sweep-start")
        (axis,) = started[-1].axes
        assert axis.name == name
        if method == "grid" or one.axis.low is None:
            assert axis.grid() == one.axis.grid()
        else:
            assert (axis.range(), axis.log) == (one.axis.range(), one.axis.log)


def test_all_that_is_entered_is_in_the_sweep(started: list[SweepSpec]) -> None:
    at = vary(open_page(PAGE), "lr", "activation", method="random")
    at.text_input(key="sweep-lr-low").set_value("1e-3")
    at.text_input(key="sweep-lr-high").set_value("0,5")
    at.multiselect(key="sweep-activation-values").set_value(["relu", "tanh"])
    for key, number in {"points": 12, "epochs": 3, "seeds": 2, "per-class": 50, "minutes": 7}.items():
        at.text_input(key=f"sweep-{key}").set_value(str(number))
    at.toggle(key="sweep-prune").set_value(True)
    click(rerun(at), "sweep-start")
    axes = (Axis("lr", low=0.001, high=0.5, log=True), Axis("activation", ("relu", "tanh")))
    config = TrainConfig(epochs=3, per_class=50)
    assert started == [SweepSpec(NetworkSpec(), config, axes, "random", 12, seeds=2, minutes=7, prune=True)]


def test_a_range_that_begins_at_0_is_not_logarithmic(started: list[SweepSpec]) -> None:
    click(enter(vary(open_page(PAGE), "lr", method="tpe"), "sweep-lr-low", "0"), "sweep-start")
    assert started[0].axes == (Axis("lr", low=0.0, high=1.0, log=False),)


def test_an_edit_that_comes_with_the_click_counts(started: list[SweepSpec]) -> None:
    at = open_page(PAGE)
    at.text_input(key="sweep-lr-values").set_value("0.5, 0.25")
    click(at, "sweep-start")
    assert started[0].axis("lr").values == (0.5, 0.25)


def test_an_edit_that_comes_with_the_click_and_is_wrong_starts_nothing(started: list[SweepSpec]) -> None:
    at = open_page(PAGE)
    at.text_input(key="sweep-lr-values").set_value("fast")
    click(at, "sweep-start")
    assert started == []
    assert "Learning rate must be a number" in " ".join(str(one.value) for one in at.error)


def test_giving_up_early_needs_a_second_epoch(started: list[SweepSpec]) -> None:
    at = open_page(PAGE)
    at.toggle(key="sweep-prune").set_value(True)
    at.text_input(key="sweep-epochs").set_value("1")
    click(rerun(at), "sweep-start")
    assert at.toggle(key="sweep-prune").disabled
    assert not started[0].prune
    at.text_input(key="sweep-epochs").set_value("2")
    click(rerun(at), "sweep-start")
    assert started[1].prune


# ---------------------------------------------------------------------- numbers as text


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("0.001, 0.01,0.1", (0.001, 0.01, 0.1)),
        ("1e-3, .5,", (0.001, 0.5)),
        ("0,1; 0,01", (0.1, 0.01)),
        ("0.1, 0.10, 0.2", (0.1, 0.2)),
    ],
)
def test_a_list_is_read_as_people_write_it(text: str, values: tuple[float, ...], started: list[SweepSpec]) -> None:
    click(enter(vary(open_page(PAGE), "lr"), "sweep-lr-values", text), "sweep-start")
    assert started[0].axis("lr").values == values


def test_what_is_read_is_said_where_it_is_not_what_is_written() -> None:
    at = vary(open_page(PAGE), "per_class")
    assert "Read as" not in words(at, "caption")
    assert "Read as 1, 0." in words(enter(at, "sweep-per_class-values", "1,000"), "caption")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "Learning rate needs at least one value."),
        ("0.1, fast", "Learning rate must be a number from 0 to 100, not 'fast'."),
        ("−1", "Learning rate must be a number from 0 to 100, not '-1'."),
        ("nan", "Learning rate must be a number from 0 to 100, not 'nan'."),
    ],
)
def test_a_list_that_is_none_is_refused(text: str, reason: str) -> None:
    assert refused(enter(open_page(PAGE), "sweep-lr-values", text)) == reason


def test_other_problems_are_sentences_too() -> None:
    at = open_page(PAGE)
    assert refused(vary(at)) == "Choose at least one field to vary."
    assert "can't vary both units of the network and units of dense1." in refused(vary(at, "units", "dense1.units"))
    six = ("lr", "momentum", "batch_size", "units", "activation", "init")
    inits = len(INITIALISATIONS)
    size = 8 * 8 * 5 * 5 * 6 * inits
    assert f"at most 1,000 trials, not 8 × 8 × 5 × 5 × 6 × {inits} = {size:,}." in refused(vary(at, *six))
    at = enter(vary(at, "lr", "momentum", method="random"), "sweep-lr-low", "2")
    assert refused(at) == "The range of learning rate must go up, not from 2 to 1."
    enter(at, "sweep-momentum-high", "x")
    both = refused(at)
    assert "not from 2 to 1." in both
    assert "Momentum must be a number from 0 to 0.999, not 'x'." in both


# ---------------------------------------------------------------------- presets, and what lasts


@pytest.mark.parametrize("name", form.PRESETS)
def test_a_preset_can_be_started_at_once(name: str, started: list[SweepSpec]) -> None:
    at = click(open_page(PAGE), f"sweep-preset-{name}")
    click(at, "sweep-start")
    values = form.PRESETS[name][1]
    assert [axis.name for axis in started[0].axes] == values["sweep-fields"]
    assert (started[0].method, started[0].config.epochs) == (values["sweep-method"], values["sweep-epochs"])


def test_a_preset_forgets_values_and_leaves_the_budget(started: list[SweepSpec]) -> None:
    at = enter(open_page(PAGE), "sweep-lr-values", "5")
    at.text_input(key="sweep-minutes").set_value("3")
    click(click(rerun(at), "sweep-preset-map"), "sweep-start")
    assert started[0].minutes == 3
    assert len(started[0].axis("lr").grid()) == 8


def test_a_preset_leaves_out_what_a_network_lacks(started: list[SweepSpec]) -> None:
    at = open_page(PAGE, **to_query(NetworkSpec((Conv(4),)), TrainConfig()))
    click(click(at, "sweep-preset-shape"), "sweep-start")
    assert [axis.name for axis in started[0].axes] == ["activation"]


def test_what_was_set_is_there_when_the_page_is_opened_again() -> None:
    at = enter(vary(open_page(PAGE), "lr", "units"), "sweep-lr-values", "0.5, 0.25")
    at.text_input(key="sweep-seeds").set_value("3")
    rerun(at)
    at.switch_page("pages/2_Train.py")
    rerun(at)
    at.switch_page(PAGE)
    rerun(at)
    assert at.multiselect(key="sweep-fields").value == ["lr", "units"]
    assert at.text_input(key="sweep-lr-values").value == "0.5, 0.25"
    assert at.text_input(key="sweep-seeds").value == "3"


# ---------------------------------------------------------------------- in words


def spec_of(*axes: Axis, network: NetworkSpec | None = None, method: str = "grid", **more: int) -> SweepSpec:
    return SweepSpec(network or NetworkSpec(), TrainConfig(epochs=2), axes, method, **more)


LR, MOMENTUM = Axis("lr", (0.01, 0.1)), Axis("momentum", (0.0, 0.5, 0.9))


def test_the_words_count_points_seeds_epochs_and_images() -> None:
    words_ = form.in_words(spec_of(LR, MOMENTUM, seeds=4))
    assert "6 trials × 4 seeds = 24 trainings of 2 epochs on 60,000 images" in words_
    assert "1 trial of" in form.in_words(spec_of(Axis("lr", (0.1,))))


def test_the_words_span_epochs_and_images_that_are_varied() -> None:
    assert "of 1 to 8 epochs on" in form.in_words(spec_of(Axis("epochs", (4, 1, 8))))
    assert "on 100 to 60,000 images" in form.in_words(spec_of(Axis("per_class", (0, 10))))
    assert "of 2 to 5 epochs on" in form.in_words(spec_of(Axis("epochs", low=2, high=5), method="random", points=3))


@pytest.mark.parametrize(
    "axes",
    [
        (LR, MOMENTUM),
        (LR, Axis("batch_size", (32, 64))),
        (LR, Axis("optimizer")),
        (Axis("units", (16, 32)), Axis("activation")),
        (Axis("init"), Axis("depth", (1, 2))),
        (Axis("optimizer", ("adam", "rmsprop")),),
    ],
    ids=lambda axes: "-".join(axis.name for axis in axes),
)
def test_the_words_call_together_what_can_be_stacked(axes: tuple[Axis, ...]) -> None:
    """Against the grouping that packs are made by, of all points."""
    spec = spec_of(*axes, network=NetworkSpec((Dense(16),)), seeds=2)
    groups: dict[object, int] = {}
    for values in suggest(spec, [], spec.points):
        for seed in range(spec.seeds):
            network, config = spec.setup(values, seed)
            if not why_not(network, config):
                key = ensemble_key(network, config)
                groups[key] = groups.get(key, 0) + 1
    largest = max(groups.values(), default=1)
    said = form.in_words(spec)
    if largest > 1:
        assert f"up to {largest} at once as one stacked batch" in said  # nets this small all fit
    else:
        assert "One process for each" in said


def test_packs_are_as_even_as_they_are_made() -> None:
    sixty_four = form.in_words(default_sweep(NetworkSpec(), TrainConfig()))
    assert "up to 8 at once" in sixty_four


def test_the_reason_is_said_where_nets_are_not_stacked() -> None:
    network = NetworkSpec((Conv(4), Dense(16)))
    assert "One process for each: convolutions fill the processor" in form.in_words(spec_of(LR, network=network))


def test_drawn_points_are_packed_by_generation() -> None:
    drawn = Axis("lr", low=0.001, high=1.0, log=True)
    small = NetworkSpec((Dense(16),))
    assert "up to 32 at once" in form.in_words(spec_of(drawn, network=small, method="random", points=32))
    assert "up to 4 at once" in form.in_words(spec_of(drawn, network=small, method="tpe", points=32))
    few = Axis("nesterov")
    alone = spec_of(Axis("units", low=16, high=64), few, network=small, method="random", points=math.prod((2, 8)))
    assert "Those alike in units train together on each core, up to 2 at once" in form.in_words(alone)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("0.001, 0.01", ["0.001", "0.01"]),
        ("0.001,0.01", ["0.001", "0.01"]),
        ("0,001; 0,01", ["0.001", "0.01"]),
        ("0,001 0,01", ["0.001", "0.01"]),
        ("0,001, 0,01", ["0.001", "0.01"]),
        ("0,05", ["0.05"]),
        ("1,2,3", ["1", "2", "3"]),
        (" ; , ", []),
    ],
)
def test_lists_of_real_numbers_as_people_write_them(text: str, read: list[str]) -> None:
    assert form._split(text, whole=False) == read


@pytest.mark.parametrize("text", ["16,32", "16, 32", "16; 32", "16 32", "16,32,"])
def test_between_whole_numbers_a_comma_is_no_decimal_sign(text: str) -> None:
    assert form._split(text, whole=True) == ["16", "32"]
