"""The Studio: input, network, answer, curves and time line on one screen.

Python says which network is shown and with which buttons; what moves goes to the browser by `nnviz/ui/live`, which is
asked for by the page itself, so that none of it runs a script of Streamlit's.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.components.v2 import component

from nnviz.analysis.network_picture import Quantity
from nnviz.charts.colors import TEST, TRAIN
from nnviz.ui.components import canvas, network_view
from nnviz.ui.components.order import nothing_else, numbered, scripts

_HERE = Path(__file__).parent
SCRIPTS = [
    *network_view.SCRIPTS,
    *canvas.SCRIPTS,
    *(_HERE / f"{name}.js" for name in ("feed", "curve", "slow_motion", "demo", "studio")),
]
_STYLES = [
    _HERE.parent / "network_view" / "network_view.css",
    _HERE.parent / "canvas" / "canvas.css",
    _HERE / "studio.css",
]
_mount = component(
    "nnviz.studio", css="\n".join(path.read_text(encoding="utf-8") for path in _STYLES), js=scripts(*SCRIPTS)
)


def studio(
    *,
    key: str,
    paths: tuple[str, str],
    run: str | None,
    status: str,
    setup: Mapping[str, str],
    classes: Sequence[str],
    quantities: Mapping[Quantity, str],
    quantity: Quantity,
    image: int,
    step: int | None,
    locked: bool,
    on_fork: Callable[[int], None],
    on_inspect: Callable[[Mapping[str, Any]], None],
    demo: bool = False,
) -> Mapping[str, Any]:
    """Show the network of `run`, which these buttons take to be in `status`, or the untrained one of the link
    `setup`. `paths` are those of the live route, and of the one for a single question; `quantity`, test image and
    `step` are what a page begins with; with `demo` it runs by itself until somebody touches it.

    What is looked at now: "quantity", "image", "step", as a browser says it; empty until something was chosen.
    `on_fork` is called with a step to go on from, `on_inspect` with the unit to look into: layer, unit, step, image.
    Both as callbacks, which nothing breaks off half-way.
    """
    message: dict[str, Any] = {
        "path": paths[0],
        "once": paths[1],
        "run": run,
        "status": status,
        "setup": dict(setup),
        "setup_key": "" if run else json.dumps(setup, sort_keys=True),
        "classes": list(classes),
        "quantities": [[name, title] for name, title in quantities.items()],
        "quantity": quantity,
        "image": image,
        "step": step,
        "locked": locked,
        "demo": demo,
        "colours": {"train": TRAIN, "test": TEST},
        "paper": {
            "key": f"{key}-paper",
            "session": "",
            "generation": "0",
            "revision": 0,
            "strokes": [],
            **canvas.LIMITS,
            "height": 420,
            "percent": None,
            "classes": [],
            "hint": "Draw a digit",
            "photos": False,
        },
    }

    def forked() -> None:
        step = _sent(key, "fork")
        if isinstance(step, int) and not isinstance(step, bool):
            on_fork(step)

    def inspected() -> None:
        if isinstance(what := _sent(key, "inspect"), Mapping):
            on_inspect(what)

    seen = _mount(
        key=key,
        data=numbered(key, message),
        on_seen_change=nothing_else,
        on_changed_change=nothing_else,
        on_fork_change=forked,
        on_inspect_change=inspected,
    ).seen
    return seen if isinstance(seen, Mapping) else {}


def _sent(key: str, name: str) -> Any:
    """What the browser has just sent."""
    return st.session_state[key][name]
