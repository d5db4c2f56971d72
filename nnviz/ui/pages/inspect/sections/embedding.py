"""Section "Embedding (PCA, t-SNE)": what a layer makes of the test images, brought down to two dimensions."""

from __future__ import annotations

from collections.abc import Hashable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import streamlit as st

from nnviz.analysis.checkpoint_view import CheckpointView
from nnviz.analysis.projection import PIXELS, Points, Projection, aligned, features, pca, tsne
from nnviz.charts.projection import projection_config, projection_csv, projection_figure, projection_info
from nnviz.jobs import Job, Jobs, Report, State
from nnviz.ui.checkpoints import View
from nnviz.ui.components.image_grid import Caption, tiles
from nnviz.ui.components.plot import plot
from nnviz.ui.csv_button import csv_button
from nnviz.ui.memory import kept
from nnviz.ui.pages.inspect.section import Section
from nnviz.ui.state import Kept, keep
from nnviz.ui.subject import set_subject_index

COUNTS = (1000, 300, 2000, 3000)
"""Test images that may be shown; the first is the default."""

LIVE_COUNT = 500
"""At most so many while the page follows a training."""

WIDTH = 620
"""Of a map, CSS pixels; on a narrow screen, what there is."""

LOOK_SECONDS = 0.5
"""Between two looks at how far t-SNE is."""

_WHAT, _METHOD, _COUNT = "inspect-map-what", "inspect-map-method", "inspect-map-count"
_CHOSEN, _SHOWN = Kept.MAP_CHOSEN, Kept.MAP_SHOWN

METHODS = {"pca": "PCA", "tsne": "t-SNE"}
_WORDS = {
    "pca": "PCA turns the cloud of all images until the two directions in which they differ most lie in the picture."
    " What is close here may still be apart in another direction.",
    "tsne": "t-SNE puts each image near those that are most like it to this layer. Groups mean something; their size"
    " and the distance between far groups mean little.",
}


class Seen(NamedTuple):
    """What one layer at one checkpoint makes of the first n test images."""

    projection: Projection
    shape: tuple[int, ...]
    averaged: bool
    answers: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]


class Cloud(NamedTuple):
    """One map to be drawn."""

    points: Points
    seen: Seen
    method: str
    file: str


def show(view: View) -> None:
    keep(_WHAT, ["layer", PIXELS])
    keep(_METHOD, list(METHODS))
    keep(_COUNT, COUNTS)
    with st.container(horizontal=True, vertical_alignment="bottom", key="inspect-map-choice"):
        st.segmented_control(
            "What lies on the map",
            ["layer", PIXELS],
            key=_WHAT,
            required=True,
            format_func=lambda one: "Input pixels" if one == PIXELS else f"Layer: {view.layer.title}",
        )
        st.segmented_control("By", list(METHODS), key=_METHOD, format_func=METHODS.__getitem__, required=True)
        st.selectbox("Test images", sorted(COUNTS), key=_COUNT, format_func=lambda n: f"the first {n:,}", width=160)
    layer = PIXELS if st.session_state[_WHAT] == PIXELS else view.layer.name
    method: str = st.session_state[_METHOD]
    count: int = min(st.session_state[_COUNT], LIVE_COUNT) if view.live else st.session_state[_COUNT]
    st.caption(_WORDS[method])

    beside = view.beside
    with st.container(horizontal=True, gap="medium", key="inspect-map-pictures"):
        with st.container(width=WIDTH, key="inspect-map-0"):
            title = f"After step {view.checkpoint.step_number:,}"
            first = _cloud(view, view.run.id, view.checkpoint, layer, count, method, title, 0)
            if first is None:
                return
            first = first._replace(points=_steady((view.run.id, layer, count, first.method), first.points))
            _draw(view, first, 0)
        if beside is not None and layer in (PIXELS, *(one.name for one in beside.checkpoint.layers)):
            with st.container(width=WIDTH, key="inspect-map-1"):
                title = beside.title[:1].upper() + beside.title[1:]
                other = _cloud(view, beside.run.id, beside.checkpoint, layer, count, method, title, 1)
                if other is not None:
                    _draw(view, other._replace(points=aligned(other.points, first.points)), 1)
    _chosen_image(view, first.seen)


def _cloud(
    view: View, run_id: str, checkpoint: CheckpointView, layer: str, count: int, method: str, title: str, place: int
) -> Cloud | None:
    """The map of one checkpoint by the chosen method; by PCA as long as t-SNE isn't done. Says what is missing."""
    st.markdown(f"**{title}**")
    try:
        seen = _seen(run_id, checkpoint.step_number, layer, count, checkpoint)
    except ValueError as error:
        st.info(f"There is no embedding of this checkpoint: {error}.", icon=":material/error:")
        return None
    points, used = seen.projection.points, "pca"
    if method == "tsne":
        found = _tsne(view, run_id, checkpoint, layer, count, place)
        points, used = (points, "pca") if found is None else (found, "tsne")
    return Cloud(points, seen, used, f"{run_id}-step-{checkpoint.step_number}-{layer}-{used}")


@kept()
def _seen(run_id: str, step: int, layer: str, count: int, _checkpoint_view: CheckpointView) -> Seen:
    """0.1 MB at most. Raises ValueError."""
    told = features(_checkpoint_view, layer, count)
    return Seen(pca(told.values), told.shape, told.averaged, told.answers, told.labels)


def _steady(key: Hashable, points: Points) -> Points:
    """With the axes as they were in the picture before, so that nothing flips when the checkpoint moves."""
    before = st.session_state.get(_SHOWN)
    points = aligned(points, before[1] if before is not None and before[0] == key else None)
    st.session_state[_SHOWN] = (key, points)
    return points


# ---------------------------------------------------------------------- t-SNE


@st.cache_resource(show_spinner=False, on_release=Jobs.close)
def _jobs() -> Jobs[Points]:
    return Jobs()


def job_key(data: str, run_id: str, step: int, layer: str, count: int) -> Hashable:
    """What tells one t-SNE from another; the images themselves are the same for every run."""
    return (data, PIXELS, count) if layer == PIXELS else (run_id, step, layer, count)


def _tsne(view: View, run_id: str, checkpoint: CheckpointView, layer: str, count: int, place: int) -> Points | None:
    """The points, or None and what can be done to get them."""
    key = job_key(view.run.config.data, run_id, checkpoint.step_number, layer, count)
    job = _jobs().look(key)
    if job is not None and job.state is State.DONE:
        return job.result
    with st.container(key=f"inspect-map-tsne-{place}"):
        if view.live and layer != PIXELS:
            st.info(
                "t-SNE takes some seconds, so it needs a checkpoint that holds still: switch “Follow live” off. Until"
                " then this is PCA.",
                icon=":material/hourglass_empty:",
            )
        elif job is not None and job.state.active:
            st.fragment(_progress, run_every=LOOK_SECONDS)(key, place)
        else:
            _offer(key, job, checkpoint, layer, count, place)
    return None


def _offer(
    key: Hashable, job: Job[Points] | None, checkpoint: CheckpointView, layer: str, count: int, place: int
) -> None:
    def work(report: Report) -> Points:
        return tsne(features(checkpoint, layer, count).values, report=report)

    if job is not None and job.state is State.FAILED:
        st.info(f"t-SNE can't be made here: {job.problem}. This is PCA.", icon=":material/info:")
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        clicked = st.button("Compute t-SNE", key=f"inspect-map-compute-{place}", icon=":material/scatter_plot:")
        st.caption(f"It takes some seconds for {count:,} images, and is kept for everybody. Until then this is PCA.")
    if clicked:
        if _jobs().start(key, work):
            st.rerun()
        st.warning("Many others are computing one at this moment. Try again in a minute.", icon=":material/groups:")


def _progress(key: Hashable, place: int) -> None:
    job = _jobs().look(key)
    if job is None or not job.state.active:
        st.rerun()
    assert job is not None
    ahead = _jobs().ahead(key)
    words = f"Waiting; {ahead} before this one" if job.state is State.WAITING else f"t-SNE, {job.share:.0%} done"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(job.share, text=f"{words}. Until then this is PCA.", width=360)
        st.button("Stop", key=f"inspect-map-stop-{place}", on_click=_jobs().cancel, args=(key,))


# ---------------------------------------------------------------------- what is seen


def in_words(cloud: Cloud) -> str:
    """How much the picture holds, and how many of the images are answered rightly."""
    seen, total = cloud.seen, len(cloud.seen.labels)
    wrong = int((seen.answers != seen.labels).sum())
    marked = "none is answered wrongly" if not wrong else f"{wrong:,} answered wrongly are marked with a cross"
    words = f"{total:,} images; {marked}."
    if cloud.method == "pca":
        one, two = seen.projection.explained
        words += f" Of all the variance, {one:.1%} lies along the horizontal axis and {two:.1%} along the vertical one."
    if seen.averaged:
        size = " × ".join(map(str, seen.shape))
        words += f" The layer has more outputs than are used here: each channel is averaged over windows, to {size}."
    return words


def _draw(view: View, cloud: Cloud, place: int) -> None:
    seen = cloud.seen
    axes = ("", "")
    if cloud.method == "pca":
        one, two = seen.projection.explained
        axes = (f"first component ({one:.1%} of the variance)", f"second component ({two:.1%})")
    info = projection_info(cloud.points, seen.labels, seen.answers, view.checkpoint.data.dataset.classes, axes)
    words = in_words(cloud)
    clicked = plot(
        projection_figure(info, chosen=st.session_state.get(_CHOSEN), dark=view.dark),
        key=f"inspect-map-plot-{place}",
        config=projection_config(cloud.file),
        alt=f"Map of the test images, {METHODS[cloud.method]}. {words}",
    )
    st.caption(words)
    csv_button("CSV", lambda: projection_csv(info), f"{cloud.file}.csv", key=f"inspect-map-csv-{place}")
    if isinstance(clicked, int) and 0 <= clicked < len(seen.labels) and clicked != st.session_state.get(_CHOSEN):
        st.session_state[_CHOSEN] = clicked
        set_subject_index(clicked)
        st.rerun()


def _chosen_image(view: View, seen: Seen) -> None:
    """The image of the point that was clicked last."""
    chosen: int | None = st.session_state.get(_CHOSEN)
    if chosen is None or chosen >= len(seen.labels):
        st.caption("Click a point to see its image. The other sections then look at it too.")
        return
    classes, test = view.checkpoint.data.dataset.classes, view.checkpoint.data.test
    label, answer = int(seen.labels[chosen]), int(seen.answers[chosen])
    with st.container(key="inspect-map-image"):
        tiles(
            test.images[chosen : chosen + 1, 0].numpy(),
            key="inspect-map-tile",
            size=112,
            captions=[Caption(f"{classes[label]} → {classes[answer]}", f"test image {chosen}", label == answer)],
            label=f"Test image {chosen}, a {classes[label]} answered with {classes[answer]}",
        )


SECTION = Section("map", "Embedding (PCA, t-SNE)", show, rank=60, of_layer=True)
