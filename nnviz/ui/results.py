"""What a trained network is worth: its answers to the test images, and where they are wrong."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import streamlit as st
from torch import Tensor

from nnviz.analysis.calibration import Calibration
from nnviz.charts.confusion import (
    ACCURACY_CONFIG,
    CONFUSION_CONFIG,
    ConfusionInfo,
    class_accuracy_figure,
    confusion_figure,
    confusion_info,
)
from nnviz.charts.reliability import RELIABILITY_CONFIG, reliability_figure, reliability_info
from nnviz.data.datasets import DATASETS, DataError, Dataset, Split
from nnviz.spec.network import build_model
from nnviz.store.run import Run, RunGone
from nnviz.store.runs import RunStore
from nnviz.table import csv_text
from nnviz.train.checkpoint import CheckpointError
from nnviz.train.evaluation import Evaluation, evaluate
from nnviz.ui.checkpoints import checkpoint_at
from nnviz.ui.components.image_grid import Caption, tiles
from nnviz.ui.components.plot import plot
from nnviz.ui.confidence import calibration
from nnviz.ui.csv_button import csv_button
from nnviz.ui.format import percent
from nnviz.ui.glossary import heading
from nnviz.ui.memory import kept
from nnviz.ui.state import Kept

SHOWN = 48
"""Images at once: more would not be looked at."""

Cell = tuple[int, int]
"""True class and answer."""

ALL: Cell = (-1, -1)
"""Not a cell but all mistakes. (None would be an empty select box.)"""

_CELL = "confusion-cell"

NEARLY = 0.005
"""Between mean probability and accuracy: no difference worth a word."""


class Result(NamedTuple):
    """What the weights after `step` steps say of the test images."""

    step: int
    evaluation: Evaluation


def show_results(store: RunStore, run: Run) -> None:
    """The section of an ended run: its accuracy on the test images, its confusions and its mistakes."""
    with st.container(key="results"):
        st.markdown("## Results on the test images")
        try:
            dataset = DATASETS[run.config.data]
            test = test_images(dataset.name)
            with st.spinner("Asking the network about the test images …"):
                result = last_result(store, run)
        except (CheckpointError, RunGone) as error:
            st.info(f"There is nothing to show: {error}.", icon=":material/info:")
            return
        except DataError as error:
            st.warning(f"{error}.", icon=":material/warning:")
            return
        _show(run, result, dataset, test)
        _calibration(store, run, result.step)


@st.cache_resource(max_entries=4, show_spinner=False)
def test_images(name: str) -> Split:
    """Of a data set, loaded once for the whole server; those are there also while the training images of one that
    extends it aren't. Raises DataError.
    """
    return DATASETS[DATASETS[name].tested_on].load().test


def last_result(store: RunStore, run: Run) -> Result:
    """What the net, as it was last kept, says of the test images. Raises CheckpointError, RunGone, DataError."""
    steps = store.checkpoints.steps(run.id)
    return _result(str(store.root), run.id, steps[-1] if steps else 0, store)


@kept()
def _result(root: str, run_id: str, last_step: int, _store: RunStore) -> Result:
    """Of the last checkpoint that can be read; `root` and `last_step` tell apart what is cached. 0.5 MB each.

    Raises CheckpointError, RunGone, DataError.
    """
    run, dataset = _store.run(run_id), DATASETS[_store.run(run_id).config.data]
    checkpoint = _store.checkpoints.load(run_id)
    model = build_model(run.network, dataset.input_shape, len(dataset.classes), run.config.seed)
    try:
        model.load_state_dict(checkpoint.model)
    except RuntimeError as error:
        raise CheckpointError(f"the checkpoint of run {run_id} is of another network ({error})") from None
    return Result(checkpoint.position.step, evaluate(model, dataset, test_images(dataset.name)))


def _show(run: Run, result: Result, dataset: Dataset, test: Split) -> None:
    info = confusion_info(result.evaluation.confusion().numpy(), dataset.classes)
    dark = st.context.theme.type == "dark"
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        with st.container(key="test-accuracy", width="content"):
            st.metric("Test accuracy", f"{info.accuracy:.2%}")
        st.markdown(
            f"**{info.right:,} of {info.total:,} right** after step {result.step:,}.  \n"
            f"Data set: {dataset.title}, {dataset.origin}.",
            width=430,
        )
        csv_button(
            "Predictions as CSV",
            lambda: predictions_csv(result.evaluation, dataset.classes),
            f"{run.id}-predictions.csv",
            key="download-predictions",
        )

    if overflown := int(result.evaluation.probabilities.isnan().any(1).sum()):
        st.warning(
            f"For {overflown:,} of these images the weights are so large that the net's answer is no number any more. "
            f"It is counted as {info.classes[0]}, but means nothing.",
            icon=":material/exposure:",
        )
    cell = _chosen_cell(run.id, info)
    matrix, bars = st.columns([3, 2], gap="large")
    with matrix, st.container(key="confusion"):
        st.markdown("**Confusion matrix** – pick a cell to see its images")
        clicked = plot(
            confusion_figure(info, chosen=None if cell == ALL else cell, dark=dark),
            key="confusion-plot",
            config=CONFUSION_CONFIG,
            alt=_confusion_in_words(info),
        )
        if clicked is not None and (true_answer := _as_cell(clicked, info)) not in (None, cell):
            st.session_state[f"{_CELL}-clicked"] = true_answer
            st.rerun()
    with bars, st.container(key="class-accuracy"):
        heading("Accuracy per class (recall)", "Recall", level=3)
        plot(
            class_accuracy_figure(info, dark=dark),
            key="class-accuracy-plot",
            config=ACCURACY_CONFIG,
            alt=_accuracy_in_words(info),
        )
    _images(result.evaluation, info, test, cell)


def _calibration(store: RunStore, run: Run, step: int) -> None:
    """Whether it is right as often as it says, before and after temperature scaling; nothing of a net that says
    nothing.
    """
    try:
        found = calibration(run.id, step, checkpoint_at(store, run, step))
    except (CheckpointError, RunGone, DataError):  # deleted just now, or without its training images
        return
    if found is None:
        return
    before, after = found.before.expected_calibration_error, found.after.expected_calibration_error
    temperature, dark = f"T = {found.temperature:.2f}", st.context.theme.type == "dark"
    with st.container(key="calibration"):
        heading("Calibration", "Calibration", level=3)
        words, diagram = st.columns([2, 3], gap="large")
        with words:
            with st.container(horizontal=True, key="calibration-error"):
                st.metric("Calibration error (ECE), before", f"{before:.2%}")
                st.metric(f"after, {temperature}", f"{after:.2%}")
            st.markdown(
                f"Is it right as often as it says? {in_words(found)} Dividing all logits by the temperature T before"
                " the softmax mends most of such an error and changes no answer; the bars on Draw are of these"
                " probabilities."
            )
            st.caption(
                f"T was fitted on {found.fitted:,} test images; errors and diagram are of {found.after.size.sum():,}"
                " others."
            )
        with diagram:
            plot(
                reliability_figure(
                    reliability_info("before, T = 1", *found.before),
                    reliability_info(temperature, *found.after),
                    dark=dark,
                ),
                key="calibration-plot",
                config=RELIABILITY_CONFIG,
                alt=f"Reliability diagram. Expected calibration error {before:.2%}, with {temperature} {after:.2%}.",
            )


def in_words(found: Calibration) -> str:
    """Before the temperature: how sure it is, and how often it is right."""
    sure, right = (
        float(np.nansum(found.before.size * one) / found.before.size.sum())
        for one in (found.before.confidence, found.before.accuracy)
    )
    if abs(sure - right) < NEARLY:
        how = "about as often as it says"
    else:
        how = "less often than it says" if sure > right else "more often than it says"
    return f"Its mean probability is {sure:.1%}, and {right:.1%} of its answers are right: {how}."


def _chosen_cell(run_id: str, info: ConfusionInfo) -> Cell:
    """The cell whose images are shown, or ALL. A click on the matrix is put into the select box here,
    before the box is made, and what another run left there is forgotten."""
    if st.session_state.get(Kept.CONFUSION_RUN) != run_id:
        st.session_state[Kept.CONFUSION_RUN] = run_id
        st.session_state[_CELL] = ALL
    if clicked := st.session_state.pop(f"{_CELL}-clicked", None):
        st.session_state[_CELL] = clicked
    cell: Cell = st.session_state.get(_CELL) or ALL
    st.session_state[_CELL] = cell  # else Streamlit forgets it when the box is not on the page for once
    return cell


def _images(evaluation: Evaluation, info: ConfusionInfo, test: Split, cell: Cell) -> None:
    """The chosen cell's images, or the most confident mistakes."""
    options = [ALL, *cells(info)]
    if cell not in options:
        options.append(cell)
    with st.container(horizontal=True, vertical_alignment="bottom", key="image-choice"):
        st.selectbox(
            "Images",
            options,
            key=_CELL,
            format_func=lambda one: _title(info, one),
            width=430,
            help="Or click a cell of the matrix.",
        )
        if cell != ALL:
            st.button("Back to all mistakes", key="all-mistakes", icon=":material/undo:", on_click=_show_all)
    if cell == ALL:
        found, key = evaluation.worst(SHOWN), "mistakes"
        total = info.total - info.right
        nothing = "Not a single test image is answered wrongly."
        words = f"The net is wrong about {total:,} of {info.total:,} test images."
        order = "those it is surest of first"
    else:
        found, key = evaluation.answered(*cell)[:SHOWN], "cell-images"
        true, answer = (info.classes[c] for c in cell)
        total = int(info.counts[cell])
        nothing = f"No image of {true} was answered with {answer}."
        images = "1 image" if total == 1 else f"{total:,} images"
        words = f"{images} of {true} {'was' if total == 1 else 'were'} answered with {answer}."
        order = "the surest first"
    with st.container(key=key):
        if not total:
            st.info(nothing, icon=":material/check_circle:")
            return
        here = f"Here {'are ' + str(len(found)) + ' of them' if total > len(found) else 'they are'}, {order}"
        st.caption(f"{words} {here if total > 1 else 'Here it is'}: true class → answer, with its probability.")
        tiles(
            test.images[found, 0].numpy(),
            key=f"{key}-tiles",
            captions=captions(evaluation, info.classes, found),
            size=84,
            label="Mistakes of the network" if cell == ALL else _title(info, cell),
        )


def _show_all() -> None:
    st.session_state[_CELL] = ALL


def cells(info: ConfusionInfo) -> list[Cell]:
    """The cells that have images: errors, the most frequent first, then right answers by class."""
    every = [(true, answer) for true in range(len(info.classes)) for answer in range(len(info.classes))]
    filled = [cell for cell in every if info.counts[cell]]
    return sorted(filled, key=lambda cell: (cell[0] == cell[1], -info.counts[cell] if cell[0] != cell[1] else cell[0]))


def captions(evaluation: Evaluation, classes: tuple[str, ...], found: Tensor) -> list[Caption]:
    """For each image of `found`: "7 → 1" and how sure the net was of the answer."""
    labels, answers = evaluation.labels[found].tolist(), evaluation.predictions[found].tolist()
    sure = evaluation.probabilities[found].max(1).values.tolist()
    return [
        Caption(f"{classes[label]} → {classes[answer]}", percent(share), label == answer)
        for label, answer, share in zip(labels, answers, sure, strict=True)
    ]


def predictions_csv(evaluation: Evaluation, classes: tuple[str, ...]) -> str:
    """One line per test image, in the order of the data set."""
    answers = zip(
        evaluation.labels.tolist(),
        evaluation.predictions.tolist(),
        evaluation.probabilities.max(1).values.tolist(),
        strict=True,
    )
    return csv_text(
        ("index", "true", "answer", "probability of the answer (0 to 1)"),
        (
            (index, classes[label], classes[answer], "" if math.isnan(share) else f"{share:.6g}")
            for index, (label, answer, share) in enumerate(answers)
        ),
    )


def _title(info: ConfusionInfo, cell: Cell) -> str:
    if cell == ALL:
        return f"All mistakes ({info.total - info.right:,})"
    true, answer = (info.classes[c] for c in cell)
    what = f"{true} recognised" if true == answer else f"{true} answered with {answer}"
    return f"{what} ({int(info.counts[cell]):,})"


def _as_cell(clicked: object, info: ConfusionInfo) -> Cell | None:
    """What the browser sent, if it is a cell."""
    count = len(info.classes)
    if not isinstance(clicked, list) or len(clicked) != 2:
        return None
    true, answer = clicked
    return (true, answer) if all(type(c) is int and 0 <= c < count for c in clicked) else None


def _confusion_in_words(info: ConfusionInfo) -> str:
    errors = [cell for cell in cells(info) if cell[0] != cell[1]][:3]
    most = "; ".join(_title(info, cell) for cell in errors)
    return f"Confusion matrix, true class by answer. Most frequent mistakes: {most or 'none'}."


def _accuracy_in_words(info: ConfusionInfo) -> str:
    shares = ", ".join(f"{name} {share:.1%}" for name, share in zip(info.classes, info.class_accuracy, strict=True))
    return f"Share of each class recognised: {shares}."
