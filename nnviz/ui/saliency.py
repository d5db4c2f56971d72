"""Section "Saliency": what each pixel of a chosen image adds to one class, asked in four ways."""

from __future__ import annotations

import streamlit as st
import torch

from nnviz.analysis.attribution import METHODS, Attribution, Method, attribute
from nnviz.analysis.checkpoint_view import CheckpointView
from nnviz.charts.attribution import WIDTH, attribution_config, attribution_csv, attribution_figure, attribution_info
from nnviz.store.run import Run
from nnviz.ui.checkpoints import View
from nnviz.ui.components.plot import plot
from nnviz.ui.csv_button import csv_button
from nnviz.ui.memory import kept
from nnviz.ui.state import keep
from nnviz.ui.subject import Subject, answer_in_words, choose_subject

_CLASS, _METHOD = "inspect-pixels-class", "inspect-pixels-method"

ANSWER = -1
"""Not a class but whichever the net answers. (None would be an empty select box.)"""


def show(view: View) -> None:
    explain(view, choose_subject(view))


def explain(view: View, subject: Subject) -> None:
    """What the pixels of `subject` add to a class that can be chosen."""
    classes = view.checkpoint.data.dataset.classes
    probabilities = _probabilities(view.checkpoint, subject)
    if not bool(probabilities.isfinite().all()):
        st.info("The net's answer is not a number: its training has diverged.", icon=":material/error:")
        return
    answer = int(probabilities.argmax())
    keep(_CLASS, [ANSWER, *range(len(classes))])
    keep(_METHOD, list(METHODS))
    with st.container(horizontal=True, vertical_alignment="bottom", key="inspect-pixels-choice"):
        st.selectbox(
            "Target class",
            [ANSWER, *range(len(classes))],
            key=_CLASS,
            width=220,
            format_func=lambda one: f"its answer, {classes[answer]}" if one == ANSWER else classes[one],
        )
        st.segmented_control(
            "Method", list(METHODS), key=_METHOD, format_func=lambda one: METHODS[one].title, required=True
        )
    target = answer if st.session_state[_CLASS] == ANSWER else int(st.session_state[_CLASS])
    method = METHODS[st.session_state[_METHOD]]
    st.markdown(method.question)

    panels = [(view.run, view.checkpoint, f"After step {view.checkpoint.step_number:,}")]
    if view.beside is not None:
        title = view.beside.title[:1].upper() + view.beside.title[1:]
        panels.append((view.beside.run, view.beside.checkpoint, title))
    found = [_attribution(run.id, checkpoint, subject, target, method.name) for run, checkpoint, _ in panels]
    limit = max((float(one.values.abs().max()) for one in found if one.finite), default=0.0)
    with st.container(horizontal=True, gap="medium", key="inspect-pixels-pictures"):
        with st.container(width=WIDTH, key="inspect-pixels-digit"):
            st.markdown(f"**{subject.title}**")
            plot(
                attribution_figure(attribution_info(subject.pixels), dark=view.dark),
                key="inspect-pixels-digit-plot",
                config=attribution_config(f"{view.name}-digit"),
                alt=f"The image: {subject.title}",
            )
            st.caption(answer_in_words(classes, answer, float(probabilities[answer]), subject.label))
        for place, ((run, checkpoint, title), told) in enumerate(zip(panels, found, strict=True)):
            with st.container(width=WIDTH, key=f"inspect-pixels-map-{place}"):
                st.markdown(f"**{title}**")
                _map(view, run, checkpoint, subject, classes[target], method, told, limit, place)
    st.caption(
        f"Blue pixels speak for {classes[target]}, orange ones against it; the line is the edge of the ink. What is"
        " explained is the logit, the output before the softmax, compared with that of empty paper."
        f" Method: {method.source}."
    )


def _map(
    view: View,
    run: Run,
    checkpoint: CheckpointView,
    subject: Subject,
    name: str,
    method: Method,
    told: Attribution,
    limit: float,
    place: int,
) -> None:
    if not told.finite:
        st.info("The values are not finite: this training has diverged.", icon=":material/error:")
        return
    info = attribution_info(subject.pixels, told.values.numpy(), limit=limit, unit=method.unit)
    file = f"{run.id}-step-{checkpoint.step_number}-{method.name}-{name}"
    words = sum_in_words(told, name, method)
    plot(
        attribution_figure(info, dark=view.dark),
        key=f"inspect-pixels-plot-{place}",
        config=attribution_config(file),
        alt=f"{method.title} of the pixels for {name}. {words}",
    )
    st.caption(words)
    csv_button("CSV", lambda: attribution_csv(info), f"{file}.csv", key=f"inspect-pixels-csv-{place}")


def sum_in_words(told: Attribution, name: str, method: Method) -> str:
    """The logits that are compared, and what the values come to where they have a sum that means something."""
    words = f"Logit of {name}: {told.logit:+.3f}; of empty paper {told.paper_logit:+.3f}."
    change = told.logit - told.paper_logit
    if method.name == "integrated":
        return f"{words} The change is {change:+.3f}, and all pixels together give {told.total:+.3f}."
    if method.name == "gradient_input":
        return f"{words} The change is {change:+.3f}; a straight function would give {told.total:+.3f}."
    return words


def _probabilities(checkpoint: CheckpointView, subject: Subject) -> torch.Tensor:
    with torch.inference_mode():
        probabilities: torch.Tensor = checkpoint.model(subject.inputs)[0].softmax(0)
    return probabilities


def _attribution(run_id: str, checkpoint: CheckpointView, subject: Subject, target: int, method: str) -> Attribution:
    return _kept(run_id, checkpoint.step_number, subject.key, target, method, checkpoint, subject)


@kept()
def _kept(
    run_id: str, step: int, image: str, target: int, method: str, _checkpoint_view: CheckpointView, _subject: Subject
) -> Attribution:
    return attribute(_checkpoint_view.model, _subject.inputs, target, method, _checkpoint_view.data.dataset)
