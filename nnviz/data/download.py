"""Getting a data set in the background, once for the whole server, while pages go on."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace

from nnviz.data.datasets import DATASETS, DataError


@dataclass(frozen=True)
class Progress:
    """How far the getting of one data set is."""

    share: float = 0.0
    """In [0, 1]."""
    text: str = ""
    running: bool = False
    problem: str = ""
    """Why the last attempt failed; empty while it runs and after it worked."""


class Preparation:
    """One background thread per data set at most. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._progress: dict[str, Progress] = {}

    def progress(self, name: str) -> Progress:
        with self._lock:
            return self._progress.get(name, Progress())

    def start(self, name: str) -> None:
        """Begin to get the data set, unless that is under way."""
        with self._lock:
            if self._progress.get(name, Progress()).running:
                return
            self._progress[name] = Progress(text="Starting …", running=True)
        threading.Thread(target=self._prepare, args=(name,), daemon=True, name=f"prepare {name}").start()

    def _prepare(self, name: str) -> None:
        try:
            DATASETS[name].prepare(lambda share, text: self._report(name, share=share, text=text))
            self._report(name, share=1.0, text="Ready.", running=False)
        except DataError as error:
            self._report(name, running=False, problem=str(error))
        except Exception as error:  # the thread must never die without a word: pages wait for it
            self._report(name, running=False, problem=f"{type(error).__name__}: {error}")

    def _report(self, name: str, **changes: object) -> None:
        with self._lock:
            self._progress[name] = replace(self._progress[name], **changes)  # type: ignore[arg-type]
