"""Getting a data set in the background, once for the whole server, while pages go on."""

from __future__ import annotations

from typing import NamedTuple

from nnviz.data.datasets import DATASETS, DataError
from nnviz.jobs import Jobs, Report


class Progress(NamedTuple):
    """How far the getting of one data set is."""

    share: float = 0.0
    """In [0, 1]."""
    text: str = ""
    running: bool = False
    problem: str = ""
    """Why the last attempt failed; empty while it runs and after it worked."""


class Preparation:
    """One data set each in the background. Safe to share between threads."""

    def __init__(self) -> None:
        self._jobs: Jobs[None] = Jobs(waiting=len(DATASETS), at_once=len(DATASETS))

    def progress(self, name: str) -> Progress:
        job = self._jobs.look(name)
        if job is None:
            return Progress()
        return Progress(job.share, job.text or "Starting …", job.state.active, job.problem)

    def start(self, name: str) -> None:
        """Begin to get the data set, unless that is under way."""
        self._jobs.forget(name)  # what was got may be gone by now

        def prepare(report: Report) -> None:
            try:
                DATASETS[name].prepare(report)
            except DataError:
                raise
            except Exception as error:  # not foreseen: its kind says more than its words
                raise DataError(f"{type(error).__name__}: {error}") from error
            report(1.0, "Ready.")

        self._jobs.start(name, prepare)
