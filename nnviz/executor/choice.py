"""Where trainings run: on this machine, or on the Ray cluster that NNVIZ_RAY_ADDRESS names, if it can be had."""

from __future__ import annotations

import importlib.util
import json
import os
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from nnviz.executor.backend import Backend
from nnviz.executor.processes import Processes

ANSWERS_WITHIN = 3.0
"""Seconds that the cluster's head has to accept a connection."""

FILE = "executor.json"


class Choice(NamedTuple):
    """What was chosen, in words for the pages."""

    where: str = ""
    """The cluster; empty for this machine."""
    problem: str = ""
    """Why it is not the cluster that was asked for, as a sentence."""

    def save(self, root: Path) -> None:
        with suppress(OSError):  # then the pages say nothing of it; it was printed
            (root / FILE).write_text(json.dumps(self._asdict()), encoding="utf-8")

    @staticmethod
    def load(root: Path) -> Choice:
        """As last saved; nothing, where that can't be read."""
        try:
            words = json.loads((root / FILE).read_text(encoding="utf-8"))
            return Choice(str(words["where"]), str(words["problem"]))
        except (OSError, ValueError, KeyError, TypeError):
            return Choice()


def address() -> str:
    """Of the cluster asked for; empty for none."""
    return os.environ.get("NNVIZ_RAY_ADDRESS", "").strip()


def choose(root: Path) -> tuple[Backend, Choice]:
    """The backend to use. It never fails: what keeps it from being the cluster is printed once, and told."""
    if not (asked := address()):
        return Processes(root), Choice()
    problem = obstacle(asked)
    if not problem:
        try:
            from nnviz.executor.ray_backend import RayBackend

            backend = RayBackend(root, asked)
            return backend, Choice(where=backend.describe())
        except Exception as error:  # whatever Ray finds wrong with the cluster: trainings go on here
            problem = f"the Ray cluster at {asked} refused the connection ({_first_line(error)})"
    choice = Choice(problem=f"Trainings run on this machine: {problem}.")
    print(choice.problem, file=sys.stderr, flush=True)
    return Processes(root), choice


def obstacle(asked: str) -> str:
    """Why the cluster can't be used, as a clause with what to do; empty if nothing is known to stand in the way."""
    if importlib.util.find_spec("ray") is None:
        return (
            f"NNVIZ_RAY_ADDRESS asks for the Ray cluster at {asked}, but the package ray is not installed;"
            " `pip install -r requirements-ray.txt` brings it"
        )
    host, colon, port = asked.removeprefix("ray://").rpartition(":")
    if not colon or not port.isdigit():
        return "" if asked == "auto" else f"NNVIZ_RAY_ADDRESS must be host:port or auto, not {asked!r}"
    try:
        with socket.create_connection((host, int(port)), timeout=ANSWERS_WITHIN):
            return ""
    except (OSError, OverflowError) as error:
        return (
            f"nobody answers at {asked}, where NNVIZ_RAY_ADDRESS says a Ray cluster is ({_first_line(error)});"
            " start it with `ray start --head`, or unset the variable"
        )


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
