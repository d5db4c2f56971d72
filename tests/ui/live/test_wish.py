"""What comes from a browser: wishes that can be, and whatever else strangers may send."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from nnviz.analysis.network_picture import Quantity
from nnviz.data.drawing import MAX_JSON_BYTES, MAX_STROKES, Drawing, Stroke
from nnviz.spec.network import NetworkSpec
from nnviz.spec.train_config import TrainConfig
from nnviz.spec.url import MAX_LENGTH, to_query
from nnviz.ui.live.wish import MOST_IMAGES, MOST_STEPS, MOST_WISHES, Wish, WishError, number_of, parse, wish_of

RUN = "20260102-030405-0a1b2c3d"
STROKES = [{"points": [[100, 50, 0], [100, 230, 400]]}]


def sent(**parts: object) -> Wish:
    """As it arrives: through JSON."""
    return wish_of(parse(json.dumps({"wish": parts}))["wish"])


def test_an_empty_wish_is_the_classic_net_and_the_first_image() -> None:
    wish = sent()
    assert (wish.run, wish.setup, wish.step, wish.unit) == (None, "{}", None, None)
    assert (wish.quantity, wish.image) == (Quantity.WEIGHTS, 0)


@pytest.mark.parametrize("quantity", Quantity)
def test_all_of_a_wish_arrives(quantity: Quantity) -> None:
    wish = sent(run=RUN, step=12, quantity=quantity, image=7, unit=["dense1", 3])
    assert (wish.run, wish.step, wish.quantity, wish.image, wish.unit) == (RUN, 12, quantity, 7, ("dense1", 3))


def test_a_set_up_and_a_drawing_arrive() -> None:
    query = to_query(NetworkSpec(), TrainConfig(lr=0.5))
    wish = sent(setup=query, drawing={"strokes": STROKES})
    assert json.loads(wish.setup) == query
    assert wish.image == Drawing((Stroke(((100, 50, 0), (100, 230, 400))),))


def test_the_same_wish_has_the_same_name_and_each_part_tells() -> None:
    parts: dict[str, object] = {"run": RUN, "step": 1, "quantity": "weights", "image": 1, "unit": ["dense1", 1]}
    others: list[dict[str, object]] = [
        {"run": f"{RUN[:-1]}e"},
        {"run": None},
        {"step": None},
        {"step": 11},
        {"quantity": "update"},
        {"image": 11},
        {"drawing": {"strokes": STROKES}},
        {"drawing": {}},
        {"unit": None},
        {"unit": ["dense1", 11]},
        {"unit": ["dense11", 1]},
    ]
    names = [sent(**parts).name, *(sent(**parts | other).name for other in others)]
    assert sent(**parts).name == names[0]
    assert len(set(names)) == len(names)
    assert sent(setup={"net": "dense_3"}).name != sent(setup={"net": "dense_4"}).name


def test_of_a_run_the_set_up_of_a_session_makes_no_difference() -> None:
    assert sent(run=RUN, setup={"net": "dense_3"}) == sent(run=RUN, setup={"lr": "0.3"})


@pytest.mark.parametrize(
    "text",
    ["", "wish", "{", "[1]", "3", "null", '"wish"', "[" * 100_000, '{"image": ' + "9" * 5000 + "}", " " * 1_000_001],
    ids=lambda text: f"{text[:12]}x{len(text)}",
)
def test_what_is_no_message_is_said(text: str) -> None:
    with pytest.raises(WishError, match=r"^a message must be "):
        parse(text)
    assert len(" " * 1_000_001) > MAX_JSON_BYTES


BAD: dict[str, list[Any]] = {
    "run": ["", 3, True, [], {}, "../../etc", "a/b", "run\n", "A", "\ud800", "\u0000", "a" * 65, "１"],
    "step": [-1, MOST_STEPS + 1, 1.5, 1.0, True, "1", [], {}, float("nan"), float("inf"), 10**400],
    "quantity": [None, "", "Weights", "loss", 1, [], {}, ["weights"]],
    "image": [-1, MOST_IMAGES + 1, 0.5, "0", None, True, [], {}, float("nan"), 10**400],
    "unit": ["dense1", [], ["dense1"], ["dense1", 1, 2], [1, 1], ["dense1", -1], ["dense1", "1"], [None, 1], {}, 0],
    "setup": [None, [], "net=dense_3", 3, {"lr": 0.1}, {"net": None}, {"net": ["a"]}, {"net": "a" * 3 * MAX_LENGTH}],
    "drawing": [
        None,
        [],
        "strokes",
        {"strokes": None},
        {"strokes": {}},
        {"strokes": [[]]},
        {"strokes": [{}]},
        {"strokes": [{"points": [[1, 2]]}]},
        {"strokes": [{"points": [[1, 2, None]]}]},
        {"strokes": [{"points": [[float("nan"), 0, 0]]}]},
        {"strokes": [{"points": [[1e300, 0, 0]]}]},
        {"strokes": [{"points": [[0, 0, 0]], "width": -1}]},
        {"strokes": [{"points": [[0, 0, 0]], "colour": "red"}]},
        {"strokes": STROKES * (MAX_STROKES + 1)},
        {"width": 10**9},
        {"height": 0.5},
        {"photo": ""},
    ],
}


@pytest.mark.parametrize(("part", "value"), [(part, value) for part, values in BAD.items() for value in values])
def test_what_can_not_be_is_said_in_a_short_sentence(part: str, value: object) -> None:
    with pytest.raises(WishError) as told:
        wish_of({part: value})
    assert 10 < len(str(told.value)) < 300


@pytest.mark.parametrize("value", [None, 3, "weights", [], [["image", 1]], True])
def test_a_wish_is_an_object(value: object) -> None:
    with pytest.raises(WishError, match="a wish must be a JSON object"):
        wish_of(value)


def test_the_number_of_a_wish() -> None:
    assert (number_of({}), number_of({"number": 7}), number_of({"number": MOST_WISHES})) == (0, 7, MOST_WISHES)
    for bad in (-1, 1.5, "7", None, True, [], float("inf"), MOST_WISHES + 1, 10**400):
        with pytest.raises(WishError, match="number must be a whole number from 0 to "):
            number_of({"number": bad})


NAMES = ["wish", "run", "setup", "step", "quantity", "image", "unit", "drawing", "strokes", "points", "width", "slow"]
WORDS = [*NAMES, *Quantity, RUN, "", "net", "dense_3", "dense1", "\ud800", "\u0000", "é", "-1", "nan", "9" * 400]


def anything(source: random.Random, depth: int = 0) -> object:
    """Some JSON, with names and words that mean something to us."""
    kind = source.randrange(9 if depth < 5 else 6)
    if kind < 6:
        return [
            source.choice(WORDS),
            source.randint(-3, 30),
            source.choice([10**30, -(10**400), MOST_IMAGES, MOST_STEPS]),
            source.choice([0.5, float("nan"), float("inf"), -1e308, 3.0]),
            source.choice([True, False]),
            None,
        ][kind]
    few = range(source.randrange(5))
    if kind == 6:
        return [anything(source, depth + 1) for _ in few]
    return {source.choice(NAMES if kind == 7 else WORDS): anything(source, depth + 1) for _ in few}


def nearly_a_wish(source: random.Random) -> object:
    """A good one, of which a part or two were replaced."""
    wish: dict[str, object] = {"run": source.choice([None, RUN]), "step": 1, "quantity": "weights", "image": 1}
    wish |= {"unit": ["dense1", 1], "setup": {"net": "dense_3"}, "drawing": {"strokes": STROKES}}
    for name in source.sample(NAMES, source.randrange(1, 3)):
        wish[name] = anything(source)
    if source.random() < 0.5:
        del wish[source.choice(list(wish))]
    return wish


@pytest.mark.parametrize("make", [anything, nearly_a_wish])
def test_whatever_comes_is_a_wish_or_a_sentence(make: Any) -> None:
    source, fine = random.Random(1), 0
    for _ in range(4000):
        text = json.dumps({"wish": make(source), "number": anything(source)})
        try:
            message = parse(text)
            wish = wish_of(message["wish"])
            number_of(message)
        except WishError:
            continue
        fine += 1
        assert len(wish.name) == 32
        assert isinstance(wish.image, Drawing) or wish.image in range(MOST_IMAGES + 1)
    assert fine > 0
