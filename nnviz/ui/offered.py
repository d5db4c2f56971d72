"""Which runs select boxes offer."""

from __future__ import annotations

from contextlib import suppress

from nnviz.store.run import Run, RunGone
from nnviz.ui import services, state


def offered_runs() -> dict[str, Run]:
    """Id → run, newest first: those that were started by themselves, and the one this session looks at. A sweep's are
    many, and opened from its own page.
    """
    store = services.store()
    runs = {run.id: run for run in store.runs()}
    looked_at = state.chosen_run()
    if looked_at and looked_at not in runs:
        with suppress(RunGone):
            runs = {looked_at: store.run(looked_at), **runs}
    return runs
