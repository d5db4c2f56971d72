"""Section "Our handwriting": the kept drawings as a test set, and how well every run reads it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import streamlit as st

from nnviz.analysis.checkpoint_view import CheckpointView
from nnviz.data.datasets import DataError
from nnviz.fields import SpecError
from nnviz.store.database import StoreError
from nnviz.store.drawings import MAX_COLLECTION, Collection, DrawingGone, HandwritingStore, check_collection
from nnviz.store.run import Run, RunGone
from nnviz.train.checkpoint import CheckpointError
from nnviz.train.evaluation import evaluate
from nnviz.ui import services, state
from nnviz.ui.components.image_grid import Caption, tiles
from nnviz.ui.format import percent, plain, sentence
from nnviz.ui.memory import kept
from nnviz.ui.pages.draw.nets import DIGITS, last_checkpoint
from nnviz.ui.pages.draw.scene import Scene
from nnviz.ui.state import Kept

PAGE = 60
"""Drawings shown at once, the newest first."""

MOST_RUNS = 30
"""Scored at once, the newest first."""

_CHOSEN, _NEW_NAME, _SAID, _RENAMED = (
    "draw-collection-shown",
    "draw-new-name",
    "draw_handwriting_said",
    "draw_collection_renamed",
)


def show(scene: Scene) -> None:
    store = services.handwriting()
    if said := st.session_state.pop(_SAID, None):
        st.error(plain(said))
    collections = {one.name: one for one in store.collections()}
    if not collections:
        st.info(
            "No drawing is kept yet. Draw digits, choose **Fine-tune** and keep them with their labels: then they are a"
            " test set in your own handwriting, on which every net can be scored.",
            icon=":material/bookmark_add:",
        )
        return
    if renamed := st.session_state.pop(_RENAMED, None):
        st.session_state[_CHOSEN] = renamed
    state.keep(_CHOSEN, list(collections))
    with st.container(horizontal=True, vertical_alignment="bottom", key="draw-collections"):
        name = st.selectbox(
            "Collection",
            list(collections),
            key=_CHOSEN,
            width=280,
            format_func=lambda one: f"{one} · {in_words(collections[one].count)}",
        )
        _manage(store, name)
    try:
        _drawings(store, collections[name])
        if collections[name].count:
            _scores(store, collections[name])
    except DrawingGone as error:
        st.info(plain(sentence(str(error))))


def _manage(store: HandwritingStore, name: str) -> None:
    locked = bool(services.look_only())
    with st.popover("Rename", icon=":material/edit:", key="draw-rename-open", disabled=locked):
        new = st.text_input("New name", key=_NEW_NAME, max_chars=MAX_COLLECTION)

        def rename() -> None:
            _try(lambda: store.rename(name, new))
            if _SAID not in st.session_state:
                st.session_state[_RENAMED] = check_collection(new)

        st.button("Rename", key="draw-rename", on_click=rename, disabled=not new.strip())
    with st.popover("Export", icon=":material/download:", key="draw-export-open"):
        st.download_button(
            "ZIP: PNG pictures and MNIST's IDX files",
            lambda: store.to_zip(name),
            "handwriting.zip",
            "application/zip",
            key="draw-export-zip",
            on_click="ignore",
        )
        st.download_button(
            "NPZ: one NumPy file",
            lambda: store.to_npz(name),
            "handwriting.npz",
            "application/octet-stream",
            key="draw-export-npz",
            on_click="ignore",
        )
    with st.popover("Delete", icon=":material/delete:", key="draw-delete-open", disabled=locked):
        st.markdown(f"Delete {plain(name)} with all its drawings? This can't be undone.")
        st.button(
            "Delete the collection",
            key="draw-delete-collection",
            type="primary",
            on_click=lambda: _try(lambda: store.delete_collection(name)),
        )


def _try(act: Callable[[], None]) -> None:
    """What can't be done is said on the next run."""
    try:
        act()
    except (SpecError, StoreError, DrawingGone) as error:
        st.session_state[_SAID] = sentence(str(error))


def _drawings(store: HandwritingStore, collection: Collection) -> None:
    counts = ", ".join(f"{count} × {label}" for label, count in enumerate(collection.per_class) if count)
    by = f" By {', '.join(plain(one) for one in collection.authors)}." if collection.authors else ""
    st.caption(f"{in_words(collection.count)}. By digit: {counts}.{by}" if counts else "It is empty.")
    kept = store.drawings(collection.name, PAGE)
    if not kept:
        return
    clicked = tiles(
        np.stack([one.pixels for one in kept]),
        key="draw-kept",
        size=56,
        clickable=True,
        captions=[Caption(str(one.label), one.author) for one in kept],
        label="Kept drawings with their labels and nicknames; a click chooses one",
    )
    if clicked is not None:
        st.session_state[Kept.KEPT_CHOSEN] = kept[clicked].id
    chosen = next((one for one in kept if one.id == st.session_state.get(Kept.KEPT_CHOSEN)), None)
    with st.container(horizontal=True, vertical_alignment="center", key="draw-kept-row"):
        if len(kept) < collection.count:
            st.caption(f"The newest {len(kept)} of {collection.count}.")
        if chosen is None:
            st.caption("Click a drawing to delete it.")
            return
        by = f" by {plain(chosen.author)}" if chosen.author else ""
        st.markdown(f"A {chosen.label}{by}", width="content")
        st.button(
            "Delete this drawing",
            key="draw-delete-one",
            icon=":material/delete:",
            disabled=bool(services.look_only()),
            on_click=lambda: _try(lambda: store.delete(chosen.id)),
        )


def _scores(store: HandwritingStore, collection: Collection) -> None:
    rows = []
    runs = [run for run in services.store().runs() if run.step and run.config.data in DIGITS][:MOST_RUNS]
    for run in runs:
        try:
            checkpoint = last_checkpoint(run)
        except (RunGone, CheckpointError, DataError):
            continue
        own = score(run.id, checkpoint.step_number, _version(store, collection), store, collection.name, checkpoint)
        rows.append((own, run))
    if not rows:
        st.caption("Train a net, and its score on these drawings stands here beside that on the test images.")
        return
    st.markdown("## How well every run reads it")
    rows.sort(key=lambda row: -row[0])
    lines = [f"| {plain(run.name)} | {_of(own, collection.count)} | {_test(run)} |" for own, run in rows]
    with st.container(key="draw-scores"):
        st.markdown("| Run | These drawings | Its test images |\n|:--|--:|--:|\n" + "\n".join(lines))
    left = f" The newest {MOST_RUNS} runs." if len(runs) == MOST_RUNS else ""
    st.caption(f"Each net as its last kept checkpoint has it.{left} On few drawings, one more or less counts much.")


def in_words(count: int) -> str:
    return "1 drawing" if count == 1 else f"{count:,} drawings"


def _of(share: float, count: int) -> str:
    return f"{percent(share) if share < 1 else '100 %'} ({round(share * count)} of {count})"


def _test(run: Run) -> str:
    return "not yet known" if run.test_accuracy is None else f"{run.test_accuracy:.2%}".replace("%", " %")


def _version(store: HandwritingStore, collection: Collection) -> tuple[str, str, int, int]:
    """Changes whenever a drawing comes or goes: numbers of drawings are never used twice."""
    newest = store.drawings(collection.name, 1)
    return str(store.root), collection.name, collection.count, newest[0].id if newest else 0


@kept()
def score(
    run_id: str,
    step: int,
    version: tuple[str, str, int, int],
    _store: HandwritingStore,
    _name: str,
    _checkpoint_view: CheckpointView,
) -> float:
    """Share of a collection's drawings that the net reads rightly, in [0, 1]."""
    return evaluate(_checkpoint_view.model, _checkpoint_view.data.dataset, _store.split(_name)).accuracy
