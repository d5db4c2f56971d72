"""Section "Two runs": what was set up differently, in words; is the difference real; what each takes for what."""

from __future__ import annotations

import streamlit as st

from nnviz.analysis.comparison import in_words
from nnviz.charts.confusion import (
    CONFUSION_CONFIG,
    confusion_change_figure,
    confusion_figure,
    confusion_info,
    worst_share,
)
from nnviz.data.datasets import DATASETS
from nnviz.store.run import Run
from nnviz.ui import services, state
from nnviz.ui.components.plot import plot
from nnviz.ui.format import plain
from nnviz.ui.glossary import heading
from nnviz.ui.pages.compare.verdict import NOT_SAID, OTHER_DATA, compare, same_images, verdict
from nnviz.ui.pages.compare.view import dark, label, names
from nnviz.ui.results import last_result

ONE_ONLY = "Choose a second run above: then the two can be compared."


def show(runs: list[Run]) -> None:
    if len(runs) < 2:
        st.info(ONE_ONLY, icon=":material/compare_arrows:")
        return
    first, second = choose_two(runs)
    short = names(runs)
    pair = short[first.id], short[second.id]
    with st.container(key="compare-words"):
        changes = {run.id: services.store().history.changes(run.id) for run in (first, second)}
        st.markdown(plain(in_words(first, second, pair, changes)))
    heading("Is that difference real?", "McNemar's test")
    with st.container(key="compare-verdict"):
        if not same_images(first, second):
            st.info(OTHER_DATA, icon=":material/info:")
            return
        with st.spinner("Asking both networks about the test images …"):
            results = tuple(last_result(services.store(), run) for run in (first, second))
        found = compare(results[0].evaluation, results[1].evaluation)
        st.markdown(plain(verdict(found, pair)))
        st.caption(NOT_SAID)
        checkpoints = [
            f"{name} after step {result.step:,}"
            for name, result, run in zip(pair, results, (first, second), strict=True)
            if run.status.active
        ]
        if checkpoints:
            st.caption(f"As they were last kept: {', '.join(checkpoints)}.")
    _confusions(first, second, pair)


def choose_two(runs: list[Run]) -> tuple[Run, Run]:
    """Which two of the runs; the first two at first."""
    if len(runs) == 2:
        return runs[0], runs[1]
    known, short = {run.id: run for run in runs}, names(runs)
    with st.container(horizontal=True, key="compare-two"):
        state.keep("compare-first", list(known))
        first = st.selectbox(
            "One", list(known), key="compare-first", format_func=lambda one: label(short[one], known[one])
        )
        others = [one for one in known if one != first]
        state.keep("compare-second", others)
        second = st.selectbox(
            "The other", others, key="compare-second", format_func=lambda one: label(short[one], known[one])
        )
    return known[first], known[second]


def _confusions(first: Run, second: Run, pair: tuple[str, str]) -> None:
    heading("Confusion matrix")
    store, classes = services.store(), DATASETS[first.config.data].classes
    infos = [confusion_info(last_result(store, run).evaluation.confusion().numpy(), classes) for run in (first, second)]
    worst = worst_share(*infos)
    columns = st.columns(3, gap="medium")
    for place, (column, name, info) in enumerate(zip(columns, pair, infos, strict=False)):
        with column, st.container(key=f"compare-confusion-{place}"):
            st.markdown(f"**{name}**: {info.right:,} of {info.total:,} right")
            plot(
                confusion_figure(info, worst=worst, dark=dark()),
                key=f"compare-confusion-plot-{place}",
                config=CONFUSION_CONFIG,
                alt=f"Confusion matrix of {name}: {info.right:,} of {info.total:,} right",
            )
    with columns[2], st.container(key="compare-confusion-change"):
        gained = infos[1].right - infos[0].right
        st.markdown(f"**{pair[1]} minus {pair[0]}**: {f'{gained:+,}'.replace('-', '−')} right")
        plot(
            confusion_change_figure(infos[0], infos[1], dark=dark()),
            key="compare-confusion-change-plot",
            config=CONFUSION_CONFIG,
            alt=f"Difference of the confusion matrices of {pair[1]} and {pair[0]}",
        )
    st.caption(
        "Both matrices have one colour scale. In the difference, blue is what "
        f"{pair[1]} does better (more right answers, fewer mistakes), orange what it does worse."
    )
