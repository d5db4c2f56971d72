"""Where trainings run: on this machine, or on the Ray cluster that NNVIZ_RAY_ADDRESS names, if it can be had."""

from __future__ import annotations

import importlib.util
import json
import os
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from nnviz.environment import ray_address, slots
from nnviz.executor.backend import Backend, first_line
from nnviz.executor.processes import Processes

ACCEPTS_WITHIN = 3.0
"""Seconds that the cluster's head has to accept a connection."""

ANSWERS_WITHIN = 30.0
"""Seconds that it has to answer as one; it takes 0.7, on a busy machine more than 10. Ray itself would wait for
minutes, or end this process.
"""

SILENT = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_USAGE_STATS_REPORT_URL": "http://127.0.0.1:9/"}
"""Ray must never call home."""

FILE = "executor.json"


class Choice(NamedTuple):
    """What was chosen, in words for the pages."""

    where: str = ""
    """The cluster; empty for this machine."""
    problem: str = ""
    """Why it is not the cluster that was asked for, as a sentence."""
    slots: int = 0
    """How many trainings run at once there; 0 where that is not known yet."""

    def save(self, root: Path) -> None:
        with suppress(OSError):  # then the pages say nothing of it; it was printed
            (root / FILE).write_text(json.dumps(self._asdict()), encoding="utf-8")

    @staticmethod
    def load(root: Path) -> Choice:
        """As last saved; nothing, where that can't be read."""
        try:
            words = json.loads((root / FILE).read_text(encoding="utf-8"))
            return Choice(str(words["where"]), str(words["problem"]), int(words["slots"]))
        except (OSError, ValueError, KeyError, TypeError):
            return Choice()


def choose(root: Path) -> tuple[Backend, Choice]:
    """The backend to use. It never fails: what keeps it from being the cluster is printed once, and told."""
    if not (asked := ray_address()):
        return Processes(root), Choice(slots=slots())
    os.environ.update(SILENT)  # before ray is imported
    problem = obstacle(asked)
    if not problem:
        try:
            from nnviz.executor.ray_backend import RayBackend

            backend = RayBackend(root, asked)
            return backend, Choice(where=backend.describe(), slots=slots(backend.cores()))
        except Exception as error:  # whatever Ray finds wrong with the cluster: trainings go on here
            problem = f"the Ray cluster at {asked} can't be used ({first_line(error)})"
    choice = Choice(problem=f"Trainings run on this machine: {problem}.", slots=slots())
    print(choice.problem, file=sys.stderr, flush=True)
    return Processes(root), choice


def obstacle(asked: str) -> str:
    """Why the cluster can't be used, as a clause with what to do; empty if nothing is known to stand in the way."""
    if importlib.util.find_spec("ray") is None:
        return (
            f"NNVIZ_RAY_ADDRESS asks for the Ray cluster at {asked}, but the package ray is not installed;"
            " `pip install -r requirements-ray.txt` brings it"
        )
    host, colon, port = asked.rpartition(":")
    if asked != "auto":
        if not colon or not port.isdigit() or "/" in host:
            return f"NNVIZ_RAY_ADDRESS must be host:port or auto, not {asked!r}"
        try:
            socket.create_connection((host, int(port)), timeout=ACCEPTS_WITHIN).close()
        except (OSError, OverflowError) as error:
            return (
                f"nobody answers at {asked}, where NNVIZ_RAY_ADDRESS says a Ray cluster is ({first_line(error)});"
                " start it with `ray start --head`, or unset the variable"
            )
    question = [sys.executable, "-m", "ray.scripts.scripts", "status", "--address", asked]
    try:
        answer = subprocess.run(question, capture_output=True, text=True, timeout=ANSWERS_WITHIN, check=False)
    except subprocess.TimeoutExpired:
        return f"what listens at {asked} does not answer as a Ray cluster within {ANSWERS_WITHIN:g} s"
    if answer.returncode:
        reason = (answer.stderr.strip().splitlines() or ["it does not say why"])[-1]
        return f"the Ray cluster at {asked} can't be used ({reason.split('. ')[0][:300]})"
    return ""
