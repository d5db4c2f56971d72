"""The Studio: a network that is seen learning, on one screen."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import streamlit as st

from nnviz.analysis.network_picture import Quantity
from nnviz.data.datasets import DATASETS, usable
from nnviz.spec.network import NetworkSpec
from nnviz.spec.url import to_query
from nnviz.store.run import Run
from nnviz.ui import runs, services, state
from nnviz.ui.components.network_view import TITLES
from nnviz.ui.components.studio import studio
from nnviz.ui.live.route import ONCE, PATH, address
from nnviz.ui.pages.studio.controls import begin_anew, controls
from nnviz.ui.state import Kept
from nnviz.ui.training import fork

INSPECT_PAGE = "pages/3_Inspect.py"

_STYLE = """
<style>
.block-container { padding: 0.6rem 1.5rem 0.5rem; max-width: 2400px; }
.block-container > .stVerticalBlock { gap: 0.5rem; }
.st-key-studio-controls { gap: 0.45rem; }
.st-key-studio-controls button { padding-inline: 0.6rem; white-space: nowrap; }
.st-key-studio-play button { font-weight: 700; }
[data-testid="stMain"]:focus-visible { outline: none !important; } /* which is the whole screen here */
.nnviz-presentation :is(.st-key-navigation, .st-key-studio-layers, .st-key-studio-drawer) { display: none; }
.nnviz-presentation { font-size: 18px; }
.nnviz-presentation .st-key-studio-controls [data-testid="stWidgetLabel"] [data-testid="stTooltipIcon"] {
  display: none;
}
.st-key-studio-controls [data-testid="stWidgetLabel"] p { white-space: nowrap; }
/* What is narrow, or seen at 150 %: icons say enough. Their names stay for those who can't see them. */
@media (max-width: 1240px) and (min-width: 641px) {
  :is(.st-key-studio-step, .st-key-studio-epoch, .st-key-studio-reset, .st-key-studio-new-seed, .st-key-studio-layers,
    .st-key-studio-drawer) button [data-testid="stMarkdownContainer"] {
    position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
  }
  .st-key-studio-controls [data-testid="stWidgetLabel"] [data-testid="stTooltipIcon"] { display: none; }
  .st-key-studio-controls > :has([data-testid="stWidgetLabel"]) { width: 88px; }
}
@media (max-width: 640px), (max-height: 640px) {
  .st-key-studio-controls { flex-wrap: nowrap; overflow-x: auto; padding: 3px; }
  .st-key-studio-controls > * { flex: none; }
}
</style>
"""


def show(ready: bool) -> None:
    if st.session_state.pop(Kept.INSPECT_WANTED, False):
        st.switch_page(INSPECT_PAGE)
    st.html(_STYLE)
    run = _chosen()
    controls(run, ready)
    if not ready:
        return
    setup = state.setup()
    data = DATASETS[usable(run.config.data if run else setup.config.data)]
    seen = studio(
        key="studio",
        paths=(address(PATH), address(ONCE)),
        run=run.id if run else None,
        status=run.status if run else "",
        setup=to_query(setup.network, setup.config),
        classes=data.classes,
        quantities=TITLES,
        quantity=_quantity(),
        image=_whole("image", 0) or 0,
        step=_whole("step", None) if run else None,
        locked=bool(services.look_only()),
        on_fork=partial(_fork, run),
        on_inspect=_inspect,
        demo="demo" in st.query_params,
    )
    if seen:
        _write(seen)


def _chosen() -> Run | None:
    """The run that is shown. It is left where its network was changed since: in the row above, in the dialog of layers
    or on Build.
    """
    run, network = runs.chosen(), state.setup().network
    if st.session_state.get(Kept.STUDIO_LAYERS):  # somebody is at it; it counts when the dialog is closed
        return run
    before: tuple[str | None, NetworkSpec] | None = st.session_state.get(Kept.STUDIO_NETWORK)
    if run is not None and before is not None and before[0] == run.id and before[1] != network:
        begin_anew(run)
        run = runs.chosen()
    st.session_state[Kept.STUDIO_NETWORK] = (run.id if run else None, network)
    return run


def _fork(run: Run | None, step: int) -> None:
    if run is not None:
        fork(run.id, step, services.store().history.config_at(run.id, step))


def _inspect(what: Mapping[str, Any]) -> None:
    """Go deep, from the next run of the page on: the same run, step, image, layer and neuron."""
    layer, unit, step, image = (what.get(name) for name in ("layer", "unit", "step", "image"))
    if not isinstance(layer, str) or not isinstance(unit, int):
        return
    st.session_state[Kept.NEURON] = (layer, unit)
    st.session_state[Kept.LAYER_WANTED], st.session_state[Kept.SECTION_WANTED] = layer, "neuron"
    if isinstance(step, int):
        st.session_state[Kept.PLAY_REACHED] = step
    if isinstance(image, int):
        st.session_state[Kept.WANTED_IMAGE] = image
    st.session_state[Kept.INSPECT_WANTED] = True


def _write(seen: Any) -> None:
    """What is looked at, into the address."""
    wanted = {
        "show": seen.get("quantity") if seen.get("quantity") in list(Quantity) else None,
        "image": seen.get("image"),
        "step": seen.get("step"),
    }
    for name, value in wanted.items():
        if value is None:
            st.query_params.pop(name, None)
        elif isinstance(value, str | int) and st.query_params.get(name) != str(value):
            st.query_params[name] = str(value)


def _quantity() -> Quantity:
    asked = st.query_params.get("show")
    return Quantity(asked) if asked in list(Quantity) else Quantity.WEIGHTS


def _whole(name: str, default: int | None) -> int | None:
    asked = st.query_params.get(name, "")
    return int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 7 else default
