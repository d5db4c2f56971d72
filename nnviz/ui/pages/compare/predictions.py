"""Section "Predictions": test images with each run's answer below, those first on which the runs disagree."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st
import torch
from torch import Tensor

from nnviz.data.datasets import DATASETS
from nnviz.store.run import Run
from nnviz.train.evaluation import Evaluation
from nnviz.ui import services, state
from nnviz.ui.components.image_grid import Caption, tiles
from nnviz.ui.format import percent
from nnviz.ui.pages.compare.verdict import same_images
from nnviz.ui.pages.compare.view import names
from nnviz.ui.results import last_result, test_images

SHOWN = 32
MOST = 8
"""Answers under an image."""

FILTERS = {"disagree": "where they disagree", "wrong": "where all are wrong", "all": "all images"}
_EVERY = -1


def show(runs: list[Run]) -> None:
    ready = [run for run in runs if services.store().checkpoints.steps(run.id)]
    if not ready:
        st.info("None of these runs has weights yet that could answer.", icon=":material/hourglass_empty:")
        return
    asked = [run for run in ready if same_images(run, ready[0])][:MOST]
    if len(asked) < len(runs):
        st.caption(
            f"Asked are {MOST} runs at most, of those that have weights already and are tested on the same images: "
            f"{DATASETS[asked[0].config.data].title}."
        )
    classes = DATASETS[asked[0].config.data].classes
    with st.container(horizontal=True, vertical_alignment="bottom", key="compare-image-choice"):
        state.keep("compare-images-filter", list(FILTERS))
        which = st.selectbox(
            "Images", list(FILTERS), key="compare-images-filter", format_func=FILTERS.__getitem__, width=220
        )
        options = [_EVERY, *range(len(classes))]
        state.keep("compare-images-class", options)
        of = st.selectbox(
            "Of",
            options,
            key="compare-images-class",
            width=200,
            format_func=lambda one: "every class" if one == _EVERY else f"class {classes[one]}",
        )
    with st.spinner("Asking the networks about the test images …"):
        evaluations = [last_result(services.store(), run).evaluation for run in asked]
    found = ordered(evaluations, which, None if of == _EVERY else of)
    if not len(found):
        st.info("There is no such image.", icon=":material/check_circle:")
        return
    chosen = found[:SHOWN]
    how_many = f"{len(found):,} images" if len(found) > 1 else "1 image"
    st.caption(
        f"{how_many}"
        + (f"; here are {len(chosen)}, those with the most different answers first" if len(found) > len(chosen) else "")
        + ". Below each image its true class, then each run's answer, with its probability; ✓ right, ✗ wrong."
    )
    short = names(runs)
    with st.container(key="compare-images"):
        tiles(
            test_images(asked[0].config.data).images[chosen, 0].numpy(),
            key="compare-images-tiles",
            size=84,
            captions=captions(evaluations, [short[run.id] for run in asked], classes, chosen),
            label="Test images with the answer of each run",
        )


def ordered(evaluations: Sequence[Evaluation], which: str, of: int | None) -> Tensor:
    """Indices of the images wanted, int64; most different answers first, then those that were answered wrongly with
    most certainty, then in the order of the data set.
    """
    labels = evaluations[0].labels
    answers = torch.stack([one.predictions for one in evaluations])
    sure = torch.stack([one.probabilities.max(1).values for one in evaluations])
    sorted_answers = answers.sort(0).values
    different = (sorted_answers[1:] != sorted_answers[:-1]).sum(0)
    wrong = answers != labels
    wanted = {"disagree": different > 0, "wrong": wrong.all(0), "all": torch.ones_like(labels, dtype=torch.bool)}[which]
    if of is not None:
        wanted = wanted & (labels == of)
    found = wanted.nonzero().flatten()
    weight = different.double() * 2 + (sure.nan_to_num() * wrong).max(0).values
    return found[weight[found].argsort(descending=True, stable=True)]


def captions(
    evaluations: Sequence[Evaluation], short: Sequence[str], classes: Sequence[str], chosen: Tensor
) -> list[Caption]:
    """Under each image its class, and a line for each run: "A ✓ 7 · 98.2 %"."""
    found = []
    for index in chosen.tolist():
        truth = int(evaluations[0].labels[index])
        lines = []
        for name, one in zip(short, evaluations, strict=True):
            answer = int(one.predictions[index])
            mark = "✓" if answer == truth else "✗"
            lines.append(f"{name} {mark} {classes[answer]} · {percent(float(one.probabilities[index, answer]))}")
        found.append(Caption(f"is {classes[truth]}", "\n".join(lines)))
    return found
