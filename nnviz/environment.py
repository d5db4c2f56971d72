"""Every environment variable of ours is read and judged here; and how many cores this process may use."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import psutil

MAX_SLOTS = 1000
CACHE_MB = 150
MAX_CACHE_MB = 1_000_000


class SettingError(ValueError):
    """An environment variable has a value that it can't have; the message states the rule and the value."""


def data_root() -> Path:
    """The folder of all data sets: NNVIZ_DATA, or `data` where the app was started."""
    return _folder("NNVIZ_DATA", "data")


def runs_root() -> Path:
    """The folder of the runs: NNVIZ_RUNS, or `runs` where the app was started."""
    return _folder("NNVIZ_RUNS", "runs")


def slots(cores_there: int | None = None) -> int:
    """How many trainings run at once: NNVIZ_SLOTS, or one per core but at least four. Raises SettingError."""
    value = _value("NNVIZ_SLOTS")
    if not value:
        return max(4, cores_there or cores())
    if not (value.isascii() and value.isdigit() and 1 <= int(value[:9]) <= MAX_SLOTS):
        raise SettingError(f"NNVIZ_SLOTS must be a whole number from 1 to {MAX_SLOTS:,}, not {value[:40]!r}")
    return int(value)


def cache_bytes() -> int:
    """How much the app keeps of what pages have worked out, bytes: NNVIZ_CACHE_MB, or 150 MB. Raises SettingError."""
    value = _value("NNVIZ_CACHE_MB")
    if not value:
        return CACHE_MB * 1_000_000
    if not (value.isascii() and value.isdigit() and 1 <= int(value[:9]) <= MAX_CACHE_MB):
        raise SettingError(f"NNVIZ_CACHE_MB must be a whole number from 1 to {MAX_CACHE_MB:,}, not {value[:40]!r}")
    return int(value) * 1_000_000


def ray_address() -> str:
    """Of the Ray cluster to train on: NNVIZ_RAY_ADDRESS; empty for none. Whether it can be one is the executor's."""
    return _value("NNVIZ_RAY_ADDRESS")


def pretrained() -> bool:
    """Whether the nets that come with nnviz stand among the runs: not with NNVIZ_PRETRAINED=0. Raises SettingError."""
    value = _value("NNVIZ_PRETRAINED")
    if value not in ("", "0", "1"):
        raise SettingError(f"NNVIZ_PRETRAINED must be 0 or 1, not {value[:40]!r}")
    return value != "0"


def check() -> None:
    """Raises SettingError for the first variable whose value can't be."""
    data_root()
    runs_root()
    slots()
    cache_bytes()
    pretrained()


def cores() -> int:
    """How many cores this process may use: those of the machine, its affinity, a container's share of them (cgroups).

    A share of 1.5 cores counts as one: more threads than cores wait for each other.
    """
    count = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0))
    elif hasattr(psutil.Process, "cpu_affinity"):  # Windows
        count = len(psutil.Process().cpu_affinity())
    quota = _quota() if sys.platform == "linux" else None
    return count if quota is None else max(1, min(count, int(quota)))


def _quota(root: Path = Path("/")) -> float | None:
    """The cores that the control groups of this process allow, the least of them and their parents; None for no limit.

    Control Group v2, "CPU Interface Files" (cpu.max), and v1, "CFS Bandwidth Control", of the kernel's documentation.
    """
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return None
    found = []
    for line in lines:  # number:controllers:path; v2 names no controllers
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        base = root / "sys/fs/cgroup" / ("cpu" if controllers else "")
        group = base / path.lstrip("/")
        # In a container the path may be the host's, and only its own group is mounted: at the base.
        for folder in (group, *group.parents):
            if folder.is_relative_to(base):
                found.append(_share(folder))
    return min((share for share in found if share is not None), default=None)


def _share(folder: Path) -> float | None:
    try:
        if (folder / "cpu.max").exists():
            quota, period = (folder / "cpu.max").read_text().split()
        else:
            quota = (folder / "cpu.cfs_quota_us").read_text().strip()
            period = (folder / "cpu.cfs_period_us").read_text()
        return None if quota in ("max", "-1") else int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return None


def _value(name: str) -> str:
    """Without blanks at its ends and the carriage return that a file written on Windows leaves there."""
    return os.environ.get(name, "").strip()


def _folder(name: str, default: str) -> Path:
    """With ~ for the home folder, which a shell leaves as it is within quotes."""
    path = Path(_value(name) or default)
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise SettingError(f"{name} begins with the home folder of somebody who is not known here: {path}") from error
