"""What a browser session remembers, under plain keys: a widget's own value vanishes when its page is left."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from nnviz.spec.network import NetworkSpec
from nnviz.spec.train_config import TrainConfig
from nnviz.spec.url import PARAMETERS, cleaned, from_query, to_query

_SETUP = "setup"
_RUN = "looking_at"
_PROBLEMS = "link_problems"
_REPORTS = "reports"
_WIDGETS = "widgets"

V = TypeVar("V")


class Kept(StrEnum):
    """What pages keep for a session, beside the values of widgets: every plain key there is."""

    TEST_IMAGE = "inspect_test_image"
    """Inspect: which test image is looked at."""
    MISTAKE = "inspect_mistake"
    """Inspect: which of the mistakes."""
    BATCH_IMAGE = "inspect_batch_image"
    """Inspect: which image of the mini-batch."""
    WANTED_IMAGE = "inspect_test_image_wanted"
    """Inspect: a test image that another section asks for."""
    DRAWN_IMAGE = "drawn_image"
    """The last drawing, uint8 (28, 28), which Inspect offers too."""
    CONFUSION_RUN = "confusion-run"
    """Train: the run whose cell is chosen."""
    DATA_BUSY = "data_was_busy"
    """A data set was being fetched when the page was drawn."""
    QUIZ = "draw_quiz"
    """Draw: the quiz as it stands."""
    NETS = "draw_nets"
    """Draw: ids of the nets that are asked."""
    SHEET = "draw_generation"
    """Draw: which sheet of paper this is."""
    PHOTO = "draw_photo"
    """Draw: the photo in place of a drawing."""
    PHOTO_PROBLEM = "draw_photo_problem"
    """Draw: why a photo was not taken."""
    STEPS = "draw_steps"
    """Draw: the steps of preprocessing that are on."""
    PREPARED = "draw_prepared"
    """Draw: the drawing as it was prepared last."""
    PUPILS = "draw_pupils"
    """Draw: copies of nets that had lessons."""
    DRAWING_KEPT = "draw_kept"
    """Draw: word of a drawing just kept."""
    DRAW_AGAIN = "draw_page_again"
    """Draw: the page is to be drawn anew."""
    KEPT_CHOSEN = "draw_kept_chosen"
    """Draw: the kept drawing that was clicked."""
    FEATURES = "draw_features"
    """Draw: features of the training images, of the last net."""
    SWEEP = "sweep_chosen"
    """Sweep: the one that is looked at."""
    SWEEP_FORM = "sweep_form"
    """Sweep: what the form holds."""
    SWEEP_FULL = "sweep_full"
    """Sweep: for how many epochs a point is to be trained as a run of its own."""
    POINT = "sweep_point"
    """Sweep: the point that was clicked."""
    RANKED = "sweep_ranked"
    """Sweep: the click on the ranking that was obeyed last."""
    DELETED = "run_deleted"
    """Train: the run that was deleted here last."""
    SWEEP_DELETED = "sweep_deleted"
    """Sweep: the one that was deleted here last."""
    ASKED = "asked_while_running"
    """Train: changes asked of running trainings."""
    COMPARED = "compare_chosen"
    """Compare: ids of the runs."""
    IMPORTED = "compare_import_report"
    """Compare: what came of an import."""
    IMPORT_TURN = "compare_import_turn"
    """Compare: which file chooser this is."""
    REPEATS = "compare_repeats"
    """Compare: with how many more seeds a run is repeated."""
    TWIN = "compare_twin_config"
    """Compare: the settings of the twin to be."""
    SETUP_IMPORTED = "import_report"
    """Build: what came of an import."""
    EDITS = "inspect_edits"
    """Inspect: edits of weights, in order."""
    EDITS_UNDONE = "inspect_edits_undone"
    """Inspect: those that were undone."""
    EDIT_FORM = "inspect_edit_form"
    """Inspect: neuron, input and amount of the next edit of weights."""
    NEURON = "inspect_neuron"
    """Inspect: the neuron that is looked at."""
    FORK = "inspect_fork"
    """Inspect: the settings of the fork to be."""
    MAP_CHOSEN = "inspect_map_chosen"
    """Inspect: the point of the embedding that was clicked."""
    MAP_SHOWN = "inspect_map_shown"
    """Inspect: the embedding that was shown last."""
    PLAYING = "inspect_playing"
    """Inspect: whether the checkpoints play."""
    PLAY_REACHED = "inspect_play_reached"
    """Inspect: the step that playing has reached."""
    WEIGHTS_PAGE = "inspect_weights_page"
    """Inspect: which page of a layer's images."""
    WEIGHT = "inspect_weight"
    """Inspect: layer, unit and input of the weight that was clicked."""
    LAYER_WANTED = "inspect-layer-wanted"
    """Inspect: a layer that another section asks for."""
    SECTION_WANTED = "inspect-section-wanted"
    """Inspect: a section that another one asks for."""
    DIGIT = "draw_digit_looked_at"
    """Draw: which of several digits is looked at, from 0."""
    DIGIT_MOVED = "draw_digit_moved"
    """Draw: another one was just chosen."""
    SEPARATE = "draw_separate_digits"
    """Draw: whether several digits on one paper are told apart."""
    INSPECT_WANTED = "studio-inspect-wanted"
    """Studio: a neuron is to be looked into on Inspect."""
    STUDIO_LAYERS = "studio-layers-open"
    """Studio: the builder stands over the screen."""
    STUDIO_NETWORK = "studio-network"
    """Studio: the run that was shown last, and the network of the set-up then."""


@dataclass(frozen=True)
class Setup:
    """The network and the training that the session is about to launch."""

    network: NetworkSpec
    config: TrainConfig


def setup() -> Setup:
    """The session's set-up; on its first call in a session, the one the address bar carries."""
    if _SETUP not in st.session_state:
        network, config, problems = from_query(st.query_params.to_dict())
        st.session_state[_SETUP] = Setup(network, config)
        st.session_state[_PROBLEMS] = problems
    value: Setup = st.session_state[_SETUP]
    return value


def run_without_setup() -> str | None:
    """The run that the address names, where this session has no set-up yet and the address none either."""
    shown = cleaned(st.query_params.to_dict())
    return shown.get("run") if _SETUP not in st.session_state and not set(PARAMETERS) & set(shown) else None


def set_setup(network: NetworkSpec, config: TrainConfig) -> None:
    st.session_state[_SETUP] = Setup(network, config)


def set_network(network: NetworkSpec) -> None:
    st.session_state[_SETUP] = Setup(network, setup().config)


def set_config(config: TrainConfig) -> None:
    st.session_state[_SETUP] = Setup(setup().network, config)


def take_link_problems() -> list[str]:
    """What of the link could not be used; each is told once."""
    problems: list[str] = st.session_state.pop(_PROBLEMS, [])
    return problems


def report(words: str) -> None:
    """Say at the top of the page, on its next run, what a click could not do."""
    st.session_state.setdefault(_REPORTS, []).append(words)


def take_reports() -> list[str]:
    """Each is told once."""
    reports: list[str] = st.session_state.pop(_REPORTS, [])
    return reports


def recall(key: str, default: Any, options: Collection[Any] | None = None) -> None:
    """Before a widget is made: let it show the value it has, or had when its page was left, or else `default`.

    So it does where its value is none of `options` (any more). The value is set each time: in a part of the page that
    is refreshed by itself, Streamlit may else forget it between two looks.
    """
    value = recalled(key, default)
    if options is not None and value not in options:
        value = default
    st.session_state[key] = st.session_state.setdefault(_WIDGETS, {})[key] = value


def keep(key: str, options: Sequence[Any]) -> None:
    """`recall` for a choice of `options`, the first until a person picks another."""
    recall(key, options[0], options)


def recalled(key: str, default: V) -> V:
    """The value of a widget that may not be shown just now, and hasn't been made yet in this run of the page."""
    value: V = st.session_state.get(key, st.session_state.get(_WIDGETS, {}).get(key, default))
    return value


def clean_address() -> None:
    """Give what came with a link the names that pages look for; the set-up of a session is read before this."""
    shown = st.query_params.to_dict()
    if (wanted := cleaned(shown)) != shown:
        st.query_params.from_dict(wanted)


def follow_history() -> None:
    """Where the browser's buttons for back and forward lead to an address with a set-up, that is the set-up again."""
    shown = st.query_params.to_dict()
    if went_back() and any(name in PARAMETERS for name in shown):
        network, config, _ = from_query(shown)
        st.session_state[_SETUP] = Setup(network, config)


def own_address(page: str) -> dict[str, str]:
    """What a page writes into its address as soon as it is opened. A link to it that says so already saves an entry in
    the browser's history, which would cost a press of its button for back.
    """
    run = chosen_run() if page in ("Studio", "Train", "Inspect") else None
    wanted = to_query(setup().network, setup().config) if page in ("Studio", "Build", "Train") else {}
    return wanted | ({"run": run} if run else {})


def write_address() -> None:
    """Put the set-up into the address bar, leaving other parameters alone."""
    wanted = to_query(setup().network, setup().config)
    shown = st.query_params.to_dict()
    if {name: value for name, value in shown.items() if name in PARAMETERS} != wanted:
        others = {name: value for name, value in shown.items() if name not in PARAMETERS}
        st.query_params.from_dict({**others, **wanted})


@dataclass
class Looking:
    """Which run the session looks at.

    A click that starts a run must not be broken off half-way, for then Streamlit has it done again from the start, and
    every use of `st` may be where it breaks off, when the page wants to be drawn anew just then. So a callback gets
    this first, does its work, and sets the plain attributes at the end; the address bar follows with the page.
    """

    run: str | None = None
    moved: bool = False
    """The address bar says something older."""
    own: list[str] = field(default_factory=list)
    """Runs that this session started or opened, the last one first."""
    left: set[str] = field(default_factory=set)
    """Runs that the address bar named before: a refresh that was under way when it changed names one once more."""

    def choose(self, run_id: str | None) -> None:
        self.run, self.moved = run_id, True
        if run_id is not None and self.own[:1] != [run_id]:
            self.own = [run_id, *(one for one in self.own if one != run_id)]


def looking() -> Looking:
    if _RUN not in st.session_state:
        st.session_state[_RUN] = Looking()
    value: Looking = st.session_state[_RUN]
    return value


def chosen_run() -> str | None:
    """The id of the run this session looks at, from its link or its last choice."""
    look = looking()
    if look.moved:
        return look.run
    linked: str | None = st.query_params.get("run")
    return look.run if not linked or (linked in look.left and not went_back()) else linked


def went_back() -> bool:
    """Whether the page is drawn because of the browser's buttons for back and forward."""
    context = get_script_run_ctx(suppress_warning=True)
    return context is not None and context.is_history_navigation


def choose_run(run_id: str | None) -> None:
    """Look at another run, or at none, from now on, and say so in the address bar."""
    look = looking()
    look.choose(run_id)
    look.left.discard(run_id or "")
    if (before := st.query_params.get("run")) and before != run_id:
        look.left.add(before)
    if run_id is None:
        st.query_params.pop("run", None)
    elif st.query_params.get("run") != run_id:
        st.query_params["run"] = run_id
    look.moved = False
