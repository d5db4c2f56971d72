"""What a component's script does when messages reach it in another order than they were sent in."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import expect

import nnviz.ui
from nnviz.spec.network import NetworkSpec
from nnviz.spec.train_config import TrainConfig
from nnviz.ui.components.builder import SCRIPTS
from nnviz.ui.components.builder.answer import in_words, judge, schema
from nnviz.ui.components.canvas import SCRIPTS as CANVAS
from nnviz.ui.components.image_grid import Caption, pack
from nnviz.ui.components.order import scripts
from tests.browser.conftest import OpenPage

UI = Path(nnviz.ui.__file__).parent

HAND_OVER = """async ({ source, messages, late }) => {
    window.Plotly = { react: async (box, data) => { box.textContent = data; box.on = () => {}; } };
    const address = URL.createObjectURL(new Blob([source], { type: 'text/javascript' }));
    const show = (await import(address)).default;
    const parentElement = document.body.appendChild(document.createElement('div'));
    const give = (message) => {
        const data = typeof message === 'string' ? Uint8Array.from(atob(message), (c) => c.charCodeAt(0)) : message;
        return show({ data, parentElement, setStateValue() {}, setTriggerValue() {} });
    };
    const [older, newer] = messages;
    if (late) give(newer);
    const ended = give(older);
    if (!late) give(newer);
    ended?.(); // as Streamlit does with what isn't the newest
}"""


def plot_message(number: int, words: str) -> str:
    message = {"alt": "", "config": {}, "figure": {"data": words, "layout": {}}}
    return _bytes(number, json.dumps(message).encode())


def tiles_message(number: int, words: str) -> str:
    return _bytes(number, pack(np.zeros((1, 2, 2), np.uint8), captions=[Caption(words)]))


def _bytes(number: int, content: bytes) -> str:
    return base64.b64encode(struct.pack("<d", number) + content).decode()


def canvas_message(number: int, words: str) -> dict[str, Any]:
    return {
        "number": number,
        "key": "canvas",
        "generation": words,
        "revision": 0,
        "strokes": [],
        "size": 280,
        "brush": 18,
        "maxStrokes": 9,
        "maxPoints": 99,
        "height": 420,
        "percent": None,
        "classes": ["0", "1"],
        "hint": words,
        "photos": False,
    }


def builder_message(number: int, words: str) -> dict[str, Any]:
    network = NetworkSpec.from_dict({"layers": [{"kind": "dense", "units": {"newer": 77, "older": 88}[words]}]})
    draft = network.to_dict()
    return {
        "number": number,
        "schema": schema(TrainConfig()),
        "generation": words,
        "revision": 0,
        "draft": draft,
        "answer": judge(draft, TrainConfig()).to_dict(),
        "good": {"network": draft, "words": in_words(network)},
    }


@pytest.mark.parametrize("late", [True, False])
@pytest.mark.parametrize(
    ("paths", "message", "shown"),
    [
        pytest.param([UI / "components" / "plot" / "plot.js"], plot_message, "newer", id="plot"),
        pytest.param([UI / "components" / "image_grid" / "image_grid.js"], tiles_message, "newer", id="tiles"),
        pytest.param([*CANVAS, UI / "components" / "canvas" / "canvas.js"], canvas_message, "newer", id="canvas"),
        pytest.param(SCRIPTS, builder_message, "77", id="builder"),
    ],
)
def test_the_newer_message_is_shown_in_either_order(
    open_url: OpenPage, paths: list[Path], message: Callable[[int, str], Any], shown: str, late: bool
) -> None:
    page = open_url("about:blank")
    messages = [message(1, "older"), message(2, "newer")]
    page.evaluate(HAND_OVER, {"source": scripts(*paths), "messages": messages, "late": late})
    expect(page.locator("body")).to_contain_text(shown)
