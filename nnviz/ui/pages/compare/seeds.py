"""Section "Seeds": runs that differ in their seed alone are a group; its mean and spread, and whether two groups differ
by more than their seeds do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, get_args

import pandas as pd
import streamlit as st

from nnviz.analysis.comparison import kin, repeat, repeats, seed_group
from nnviz.analysis.significance import LEVEL, SummaryStatistics, chance_in_words, p_in_words, summary_statistics, welch
from nnviz.charts.bands import BANDS_CONFIG, WIDTHS, Width, band_info, bands_figure
from nnviz.charts.colors import RUNS
from nnviz.charts.curves import SMOOTHING
from nnviz.fields import Number, SpecError
from nnviz.store.run import Run, Status
from nnviz.train.checkpoint import CheckpointError
from nnviz.ui import services, state
from nnviz.ui.components.plot import plot
from nnviz.ui.format import plain, sentence
from nnviz.ui.forms import number_field, refused
from nnviz.ui.pages.compare.verdict import same_images
from nnviz.ui.pages.compare.view import LIVE_POINTS, dark, label, loss_unit, names, training
from nnviz.ui.runs import told
from nnviz.ui.state import Kept

MOST_AT_ONCE = 20
_COUNT = Number("the number of more seeds", 1, MOST_AT_ONCE, whole=True)


class Group(NamedTuple):
    """A chosen run and its repetitions, whether they were chosen or not."""

    name: str
    """Of the chosen run that stands for it."""
    place: int
    run: Run
    members: list[Run]

    @property
    def ended(self) -> list[Run]:
        """Those that were trained to their end: only they are counted."""
        return [run for run in self.members if run.status is Status.FINISHED and run.test_accuracy is not None]

    @property
    def accuracies(self) -> list[float]:
        return [run.test_accuracy for run in self.ended if run.test_accuracy is not None]


def show(runs: list[Run]) -> None:
    st.caption(
        "A training depends on its seed: on the weights it begins with and the order of the images. Repeat it with "
        "others to see how much of a difference is luck."
    )
    found = groups(runs)
    _repeat(runs)
    _bands(found)
    _numbers(found)
    _judge(found)


def groups(runs: Sequence[Run]) -> list[Group]:
    """The chosen runs by what they have in common, in their order, each with all its repetitions in the store."""
    store, short = services.store(), names(runs)
    every = {run.id: run for run in (*runs, *store.runs())}
    found: list[Group] = []
    seen: set[str] = set()
    for run in runs:
        if run.id in seen:
            continue
        alike = [one for one in every.values() if kin(run, one)]
        steered = frozenset(one.id for one in alike if store.history.changes(one.id))
        seen |= {one.id for one in alike if kin(run, one, steered)}
        found.append(Group(short[run.id], len(found), run, seed_group(run, alike, steered)))
    return found


def _repeat(runs: list[Run]) -> None:
    known, short = {run.id: run for run in runs}, names(runs)
    with st.container(horizontal=True, vertical_alignment="bottom", key="compare-repeat-row"):
        state.keep("compare-repeat-run", list(known))
        run_id = st.selectbox(
            "Run", list(known), key="compare-repeat-run", format_func=lambda one: label(short[one], known[one])
        )
        kept: dict[str, int | float] = st.session_state.setdefault(Kept.REPEATS, {"count": 3})
        count = int(kept["count"])
        number_field("More seeds", count, _COUNT, "compare-repeat-count", lambda n: kept.update(count=n), width=130)
        steered = bool(services.store().history.changes(run_id))
        st.button(
            f"Repeat with {count} more seed{'s' * (count != 1)}",
            key="compare-repeat",
            type="primary",
            icon=":material/casino:",
            on_click=_start_repeats,
            args=(run_id, count),
            disabled=steered or bool(refused("compare-repeat-count") or services.look_only()),
            help="It was steered while it trained: that can't be repeated." if steered else None,
        )


def _start_repeats(run_id: str, count: int) -> None:
    store, executor = services.store(), services.executor()
    with told():  # no use of `st` from here on: see Looking
        run = store.run(run_id)
        try:
            for config in repeats(run, seed_group(run, store.runs()), count):
                executor.submit(repeat(store, run, config).id)
        except (SpecError, CheckpointError) as error:
            state.report(sentence(str(error)))


def _bands(found: list[Group]) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", key="compare-band-options"):
        state.recall("compare-band", "range")
        picked = st.segmented_control(
            "The band is", get_args(Width), key="compare-band", format_func=WIDTHS.__getitem__, required=True
        )
        state.recall("compare-band-log", False)
        log_loss = st.toggle("Log scale", key="compare-band-log")
    width: Width = picked or "range"
    drawn = [(group, [run for run in group.members if run.step]) for group in found[: len(RUNS)]]
    infos = [
        band_info(
            group.name,
            group.run.name,
            group.place,
            [training(run, group.name, group.place) for run in members],
            width=width,
            smoothing=state.recalled("compare-smoothing", SMOOTHING),
            points=LIVE_POINTS,
        )
        for group, members in drawn
        if members
    ]
    with st.container(key="compare-bands"):
        plot(
            bands_figure(infos, log_loss=log_loss, loss_unit=loss_unit([g.run for g in found]), dark=dark()),
            key="compare-bands-plot",
            config=BANDS_CONFIG,
            alt="Mean and standard deviation of training loss and test accuracy of "
            + ", ".join(info.name for info in infos),
        )
    st.caption(f"The line is the mean of a group, as far as all of its runs have come; the band: {WIDTHS[width]}.")


def _numbers(found: list[Group]) -> None:
    rows = []
    for group in found:
        ended = group.accuracies
        one = summary_statistics(ended) if ended else None
        rows.append(
            {
                "": group.name,
                "run": group.run.name,
                "runs": len(group.members),
                "finished": len(ended),
                "test accuracy": accuracy_in_words(one),
                "smallest (%)": 100 * one.low if one else None,
                "largest (%)": 100 * one.high if one else None,
            }
        )
    form = st.column_config.NumberColumn(format="%.2f")
    st.dataframe(
        pd.DataFrame(rows),
        key="compare-seeds-table",
        hide_index=True,
        placeholder="–",
        column_config={"": st.column_config.TextColumn(width=40), "smallest (%)": form, "largest (%)": form},
        alt="Mean and standard deviation of the test accuracy of each group",
    )


def accuracy_in_words(found: SummaryStatistics | None) -> str:
    """ "97.12 ± 0.15 %": mean and standard deviation."""
    if found is None:
        return "none has finished yet"
    if found.size < 2:
        return f"{100 * found.mean:.2f} % (one run)"
    return f"{100 * found.mean:.2f} ± {100 * found.deviation:.2f} %"


def _judge(found: list[Group]) -> None:
    with st.container(key="compare-judge"):
        if len(found) < 2:
            st.caption("Choose a run with other settings too, and repeat it: then the two groups can be compared.")
            return
        for other in found[1:]:
            if not same_images(other.run, found[0].run):
                st.markdown(f"{found[0].name} and {other.name} were tested on different images.")
                continue
            st.markdown(plain(judgement(found[0].accuracies, other.accuracies, (found[0].name, other.name))))


def judgement(first: Sequence[float], second: Sequence[float], pair: tuple[str, str]) -> str:
    """Whether two groups of accuracies differ by more than their seeds do, in words."""
    a, b = pair
    few = [f"{name} has {len(group)}" for name, group in zip(pair, (first, second), strict=True) if len(group) < 2]
    if few:
        return f"To compare {a} with {b}, each needs two finished runs or more; {' and '.join(few)}."
    one, other = summary_statistics(first), summary_statistics(second)
    test = welch(one, other)
    if test is None:
        return f"The accuracies of {a} and {b} don't vary at all: there is no deviation to measure against."
    higher = "higher" if test.difference > 0 else "lower"
    counts = (
        f"The mean test accuracy of {b} ({other.size} runs) is {abs(100 * test.difference):.2f} percentage points"
        f" {higher} than that of {a} ({one.size} runs)."
    )
    t = f"{test.t:.2f}".replace("-", "−")
    words = f"(Welch's t-test: t = {t}, {test.freedom:.1f} degrees of freedom, {p_in_words(test.p)})"
    chance = chance_in_words(test.p)
    if test.p >= LEVEL:
        return (
            f"{counts} Seeds alone would bring such a difference or a larger one {chance} {words}: it is no sign that"
            " the settings matter. More seeds could show a small difference."
        )
    better = b if test.difference > 0 else a
    return (
        f"{counts} Seeds alone would bring such a difference or a larger one only {chance} {words}: the settings of"
        f" {better} are better."
    )
