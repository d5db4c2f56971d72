"""A set-up as a link: out, in again, and what a stranger's link can do."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, parse_qsl, quote, urlencode

import pytest

from nnviz.fields import Choice, Number, SpecError, bounds_of
from nnviz.spec.layers import LAYERS
from nnviz.spec.layers.conv import Conv
from nnviz.spec.layers.conv_transpose import ConvTranspose
from nnviz.spec.layers.dense import Dense
from nnviz.spec.layers.dropout import Dropout
from nnviz.spec.layers.layer_norm import LayerNorm
from nnviz.spec.layers.pool import AvgPool, MaxPool
from nnviz.spec.network import MAX_LAYERS, MAX_PARAMETERS, NetworkSpec
from nnviz.spec.presets import PRESETS
from nnviz.spec.train_config import TrainConfig
from nnviz.spec.url import IDS, MAX_LENGTH, PARAMETERS, cleaned, from_query, to_query

NETWORKS = [
    *(preset.network for preset in PRESETS.values()),
    NetworkSpec((Conv(512, 1, 8, 14, "leakyrelu"), *(Dropout(0.12345678901234567),) * (MAX_LAYERS - 1))),
    NetworkSpec(init="normal", init_std=1 / 3),
]
CONFIGS = [
    TrainConfig(),
    TrainConfig(data="kmnist", per_class=7000, optimizer="rmsprop", lr=1e-7, momentum=0.0, weight_decay=1e-05),
    TrainConfig(nesterov=True, epochs=1000, batch_size=10_000, schedule="onecycle", loss="mse", augment="shift_rotate"),
    TrainConfig(lr=0.1 + 0.2, seed=2**31 - 1, device="mps"),
]


@pytest.mark.parametrize("network", NETWORKS, ids=NetworkSpec.to_text)
@pytest.mark.parametrize("config", CONFIGS, ids=range(len(CONFIGS)))
def test_a_link_comes_back_as_it_went(network: NetworkSpec, config: TrainConfig) -> None:
    query = to_query(network, config)
    assert from_query(query) == (network, config, [])
    assert from_query(dict(parse_qsl(urlencode(query)))) == (network, config, [])  # through a browser
    assert len(query["net"]) < MAX_LENGTH
    assert set(query) <= set(PARAMETERS)


FIELDS: list[tuple[type[Any], str, float, float, float]] = [
    (TrainConfig, "per_class", 0, 0, 7000),
    (TrainConfig, "lr", 0.001, 0, 100),
    (TrainConfig, "momentum", 0.9, 0, 0.999),
    (TrainConfig, "weight_decay", 0, 0, 10),
    (TrainConfig, "batch_size", 64, 1, 10_000),
    (TrainConfig, "epochs", 10, 1, 1000),
    (TrainConfig, "seed", 0, 0, 2**31 - 1),
    (TrainConfig, "checkpoints", 30, 2, 300),
    (NetworkSpec, "init_std", 0.01, 0, 10),
    (Dense, "units", 128, 1, 8192),
    (Conv, "channels", 16, 1, 512),
    (Conv, "kernel", 3, 1, 28),
    (Conv, "stride", 1, 1, 8),
    (Conv, "padding", 0, 0, 14),
    (ConvTranspose, "channels", 8, 1, 512),
    (ConvTranspose, "kernel", 2, 1, 28),
    (ConvTranspose, "stride", 2, 1, 4),
    (ConvTranspose, "padding", 0, 0, 14),
    (MaxPool, "kernel", 2, 1, 28),
    (MaxPool, "stride", 2, 1, 28),
    (AvgPool, "kernel", 2, 1, 28),
    (AvgPool, "stride", 2, 1, 28),
    (LayerNorm, "eps", 1e-5, 1e-8, 0.1),
    (Dropout, "p", 0.5, 0, 0.95),
]


@pytest.mark.parametrize(("cls", "name", "default", "low", "high"), FIELDS)
def test_links_that_people_have_keep_their_meaning(
    cls: type[Any], name: str, default: float, low: float, high: float
) -> None:
    """A link leaves out what is the default, so another default would change what it says; and it may hold any value
    that was ever allowed. What is told of the bounds is written here once more for that reason.
    """
    assert getattr(cls(), name) == default
    for allowed in (low, high):
        assert getattr(cls(**{name: allowed}), name) == allowed
    step = 1 if bounds_of(cls)[name].whole else 1e-9
    for beyond in (low - step, high + step):
        with pytest.raises(SpecError, match=f"must be .* from {low:.15g} to {high:.15g}"):
            cls(**{name: beyond})


def test_every_number_of_a_link_is_among_them() -> None:
    known = {(cls, name) for cls, name, *_ in FIELDS}
    for cls in (TrainConfig, NetworkSpec, *LAYERS.values()):
        for name, bounds in bounds_of(cls).items():
            assert not isinstance(bounds, Number) or (cls, name) in known


def test_a_link_can_be_read_by_a_person() -> None:
    assert urlencode(to_query(NetworkSpec(), TrainConfig())) == (
        "net=dense_128&optimizer=sgd&lr=0.001&momentum=0.9&batch_size=64&epochs=10"
    )
    network = NetworkSpec((Conv(6, 5), MaxPool(), Dense(84, "tanh")), init="xavier")
    assert urlencode(to_query(network, TrainConfig(nesterov=True, seed=3))) == (
        "net=conv_6_5~maxpool~dense_84_tanh&init=xavier"
        "&optimizer=sgd&lr=0.001&momentum=0.9&batch_size=64&epochs=10&nesterov=true&seed=3"
    )


NAMES = {"net", *bounds_of(NetworkSpec), *bounds_of(TrainConfig)}


def test_a_link_with_a_former_name_is_read_by_the_present_one() -> None:
    assert from_query({"snapshots": "7"}) == (NetworkSpec(), TrainConfig(checkpoints=7), [])
    assert from_query({"snapshots": "7", "checkpoints": "9"}) == (NetworkSpec(), TrainConfig(checkpoints=9), [])


def test_no_name_means_two_things() -> None:
    assert len(set(PARAMETERS)) == len(PARAMETERS)
    assert (set(PARAMETERS) - {"snapshots"}) == NAMES


def test_the_largest_network_for_mnist_s_images_comes_by_a_link() -> None:
    """With ten classes; one more pixel, channel or class would be too much."""
    network = NetworkSpec((Dense(8192), Dense(7018)))
    room = MAX_PARAMETERS - sum(plan.parameters for plan in network.plan((1, 28, 28), 10))
    assert 0 <= room < 7019
    assert from_query({"net": network.to_text()}) == (network, TrainConfig(), [])
    (problem,) = from_query({"net": "dense_8192~dense_7019"})[2]
    assert problem.startswith("The network of the link was not used. Layer 3: ")


def test_what_a_link_leaves_out_is_at_its_default() -> None:
    assert from_query({}) == (NetworkSpec(), TrainConfig(), [])
    assert from_query({"net": "", "utm_source": "mail"}) == (NetworkSpec(), TrainConfig(), [])
    assert from_query({"net": "none", "epochs": "3"}) == (NetworkSpec(()), TrainConfig(epochs=3), [])


@pytest.mark.parametrize(
    ("net", "words"),
    [
        ("dense_0", "Layer 1: units must be a whole number from 1 to 8192, not '0'."),
        ("dense_nan", "Layer 1: units must be a whole number from 1 to 8192, not 'nan'."),
        ("dense_1e999", "Layer 1: units must be a whole number from 1 to 8192, not '1e999'."),
        ("dense~conv", "Layer 2: Convolution needs an image"),
        ("dense~rnn", "Layer 2: layer kind must be one of dense"),
        ("~".join(["maxpool"] * 5), "Layer 5: kernel 2 is larger than its input, 1 pixels."),
        ("~".join(["dense_8192"] * 3), "Layer 2: this layer has 67,117,056 parameters (268 MB)"),
        ("~".join(["dense"] * 41), "a network has at most 40 layers, not 41."),
        ("d" * 4001, "net must be at most 4000 characters long, not 4001."),
        ("~" * 4000, "a network has at most 40 layers, not 4001."),
        ("dense_128\x00", "Layer 1: units must be a whole number"),
        ("<script>alert(1)</script>", "Layer 1: layer kind must be one of"),
    ],
    ids=lambda value: value[:30],
)
def test_a_network_that_can_t_be_is_reported_and_the_rest_is_used(net: str, words: str) -> None:
    network, config, problems = from_query({"net": net, "lr": "0.5", "init": "xavier"})
    assert network == NetworkSpec(init="xavier")
    assert config == TrainConfig(lr=0.5)
    (problem,) = problems
    assert problem.startswith(f"The network of the link was not used. {words}")
    assert len(problem) < 250


HOSTILE = ["", "nan", "inf", "-inf", "1e999", "-1", "9" * 10_000, "None", "[]", "true x", "\x00", "ü", "x" * 100_000]


# Each field with three of the values and each value with three fields or more, in turn: what a field refuses depends on
# its kind alone, and tests/test_fields.py has every value with every kind.
PAIRS = [
    (name, HOSTILE[(3 * number + more) % len(HOSTILE)])
    for number, name in enumerate(sorted(NAMES - {"net"}))
    for more in range(3)
]


@pytest.mark.parametrize(("name", "value"), PAIRS, ids=lambda text: ascii(text)[:16])
def test_each_bad_part_is_reported_and_its_default_kept(name: str, value: str) -> None:
    network, config, problems = from_query({"net": "dense_7", name: value, "epochs": "3"} | {name: value})
    default: Any = {**bounds_of(NetworkSpec), **bounds_of(TrainConfig)}[name].label
    (problem,) = problems
    assert problem.startswith(f"{default} must be ")
    assert problem.endswith(".")
    assert len(problem) < 200
    assert network == NetworkSpec((Dense(7),))
    assert config == TrainConfig(epochs=10 if name == "epochs" else 3)


def test_all_bad_parts_are_reported_at_once() -> None:
    network, config, problems = from_query(dict.fromkeys(NAMES, "?"))
    assert (network, config) == (NetworkSpec(), TrainConfig())
    assert len(problems) == len(NAMES)


# What programs do to a link on its way, from the text of its query to what a browser sends on.
PUT_BEHIND = [*",)>];!\"'*_/.:?}…»”", "\u200b", "\ufeff", "%E2%80%8B", ">.", "_**", "),", "%22", "%20", "\u00ad"]
RUINED = {
    "encoded twice": lambda link: link.replace("~", "%257E"),
    "every sign encoded": lambda link: "".join(f"%{ord(sign):02X}" if sign in "~_." else sign for sign in link),
    "encoded whole": lambda link: quote(link, safe=""),
    "encoded whole, twice": lambda link: quote(quote(link, safe=""), safe=""),
    "as HTML": lambda link: link.replace("&", "&amp;"),
    "as HTML, twice": lambda link: link.replace("&", "&amp;amp;"),
    "as HTML, then encoded": lambda link: quote(link.replace("&", "&amp;"), safe="="),
    "in capitals": str.upper,
    "names in capitals": lambda link: re.sub("[a-z_]+=", lambda found: found[0].upper(), link),
    "as HTML in capitals": lambda link: link.replace("&", "&amp;").upper(),
    "quoted": lambda link: f'"{link}"'.replace("=", '="').replace("&", '"&'),
    "with invisible letters": lambda link: "\u200b".join(link),
}


def browsed(query: str) -> dict[str, str]:
    """As the pages get it."""
    return {name: values[-1] for name, values in parse_qs(query, keep_blank_values=True).items()}


def links() -> Iterator[tuple[NetworkSpec, TrainConfig, str]]:
    for network, config in zip(NETWORKS, itertools.cycle(CONFIGS)):
        yield network, config, urlencode(to_query(network, config), safe="~")


@pytest.mark.parametrize("behind", PUT_BEHIND, ids=ascii)
def test_what_stands_behind_a_link_is_no_part_of_it(behind: str) -> None:
    for network, config, link in links():
        assert from_query(browsed(link + behind)) == (network, config, [])
        pairs = link.split("&")
        for last in range(len(pairs)):  # whichever comes last
            turned = "&".join([*pairs[:last], *pairs[last + 1 :], pairs[last]])
            assert from_query(browsed(turned + behind)) == (network, config, [])


@pytest.mark.parametrize("ruin", RUINED.values(), ids=RUINED)
@pytest.mark.parametrize("behind", ["", ")", "%E2%80%8B"])
def test_a_link_is_read_as_it_was_meant(ruin: Callable[[str], str], behind: str) -> None:
    for network, config, link in links():
        assert from_query(browsed(ruin(link) + behind)) == (network, config, [])
        shown = cleaned(browsed(ruin(link + "&run=20260101-101010-abcd") + behind))
        assert set(shown) == {"run", *to_query(network, config)}
        assert shown["run"] == "20260101-101010-abcd"


def test_no_value_ends_with_what_is_taken_off_a_link() -> None:
    bounds = {**bounds_of(NetworkSpec), **bounds_of(TrainConfig)}
    words = {one for bound in bounds.values() if isinstance(bound, Choice) for one in bound.options}
    words |= {
        one
        for layer in LAYERS.values()
        for b in bounds_of(layer).values()
        if isinstance(b, Choice)
        for one in b.options
    }
    for word in words | set(LAYERS):
        assert re.fullmatch("[a-z0-9][a-z0-9_]*[a-z0-9]", word)


def test_a_value_that_is_legal_as_it_stands_is_not_touched(monkeypatch: pytest.MonkeyPatch) -> None:
    device = bounds_of(TrainConfig)["device"]
    assert isinstance(device, Choice)
    monkeypatch.setitem(vars(device), "options", dict.fromkeys(("auto", "cpu", "cpu*", "CPU", "(cpu)"), ""))
    for value in ("cpu", "cpu*", "CPU", "(cpu)"):
        assert from_query({"device": value})[1].device == value
    assert from_query({"device": "cpu**"})[1].device == "cpu"


def test_other_parameters_are_left_alone() -> None:
    query = {"utm_source": "Mail%20(1)", "next": "/?a=1&lr=5", "REF": "X", "net": "dense_7"}
    assert cleaned(query) == query
    assert from_query(query) == (NetworkSpec((Dense(7),)), TrainConfig(), [])


@pytest.mark.parametrize("name", IDS)
@pytest.mark.parametrize("value", ["20260101-101010-abcd)", "20260101-101010-ABCD,", "(20260101-101010-abcd\u200b)."])
def test_the_id_in_a_link_is_found(name: str, value: str) -> None:
    for key in (name, name.upper(), f"amp;{name}"):
        assert cleaned({key: value, "a": "b"}) == {name: "20260101-101010-abcd", "a": "b"}


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"optimiser": "adam"}, "'optimiser' of the link is not known, so it was not used; optimizer may be meant."),
        ({"Learning_Rate": "1"}, "'learning_rate' of the link is not known, so it was not used; lr may be meant."),
        (
            {"net%3Ddense_7%26epoch%3D3": ""},
            "'epoch' of the link is not known, so it was not used; epochs may be meant.",
        ),
        ({"lr": "0.1", "LR": "0.2"}, "The link says lr twice: '0.1' was used, '0.2' was not."),
        ({"amp;lr": "0.1", "LR": "0.2"}, "The link says lr twice: '0.1' was used, '0.2' was not."),
    ],
)
def test_what_is_not_understood_is_said(query: dict[str, str], words: str) -> None:
    _, config, problems = from_query(query)
    assert problems == [words]
    assert (config.optimizer, config.epochs) == ("sgd", 10)
    assert config.lr == (0.1 if "LR" in query else TrainConfig().lr)
