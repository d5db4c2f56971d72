"""The visual builder: a drawing of the network in the browser that is itself the editor.

The browser keeps a draft and its undo history; each change is sent here with a revision number. Python judges it
(`answer.judge`) and gives the verdict back with that number, so that an old answer never overwrites newer work. A
draft that is a network becomes the session's network; one that isn't leaves the last good one in place.

Whoever else changes the session's network (a link, an import, another page) starts a new generation: the drawing then
drops its draft for the new network, undoably. A new session of the same page gets what the drawing shows.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.components.v2 import component

from nnviz.spec.network import NetworkSpec
from nnviz.ui import state
from nnviz.ui.components.builder.answer import Verdict, in_words, judge, schema
from nnviz.ui.components.order import numbered, scripts, session

KEY = "builder"
_RECORD = "builder_record"
_HERE = Path(__file__).parent
SCRIPTS = [_HERE / f"{name}.js" for name in ("draft", "layout", "drawing", "editor", "builder")]


@dataclass(frozen=True)
class Record:
    """What the session knows of the drawing. `network` is the last good one that the draft belongs with."""

    generation: str
    revision: int
    draft: Any
    network: NetworkSpec


_mount = component("nnviz.builder", css=(_HERE / "builder.css").read_text(encoding="utf-8"), js=scripts(*SCRIPTS))


def builder() -> Verdict:
    """Draw the session's network to be edited; the verdict on what the drawing shows now."""
    record = _record()
    setup = state.setup()
    verdict = judge(record.draft, setup.config)
    message = {
        "schema": schema(setup.config),
        "session": session(),
        "generation": record.generation,
        "revision": record.revision,
        "draft": record.draft,
        "answer": verdict.to_dict(),
        "good": {"network": setup.network.to_dict(), "words": in_words(setup.network)},
    }
    _mount(key=KEY, data=numbered(KEY, message), on_draft_change=_on_draft)
    return verdict


def _record() -> Record:
    """The session's record, a new generation of it if the network was changed from elsewhere."""
    record: Record | None = st.session_state.get(_RECORD)
    network = state.setup().network
    if record is None or record.network != network:
        revision = record.revision + 1 if record else 0
        record = Record(uuid.uuid4().hex, revision, network.to_dict(), network)
        st.session_state[_RECORD] = record
    return record


def _on_draft() -> None:
    take_draft(st.session_state[KEY]["draft"])


def take_draft(sent: Any) -> None:
    """Take what the browser sent: {"generation", "revision", "network"}. Drafts of an older generation are ignored."""
    record = _record()
    if not isinstance(sent, dict) or sent.get("generation") != record.generation:
        return
    revision = sent.get("revision")
    if not isinstance(revision, int) or revision <= record.revision:
        return
    verdict = judge(sent.get("network"), state.setup().config)
    record = replace(record, revision=revision, draft=sent.get("network"))
    if verdict.network is not None:
        state.set_network(verdict.network)
        record = replace(record, network=verdict.network)
    st.session_state[_RECORD] = record
