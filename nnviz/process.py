"""Which process has something: a name that a later process with the same number doesn't have.

Of the moment it began, but not by the wall clock, which people and time servers set while processes run.
"""

from __future__ import annotations

import os
import sys
from functools import cache
from pathlib import Path

import psutil


def this_process() -> str:
    return process_name(os.getpid())


def process_name(pid: int) -> str:
    """ "pid:beginning"; "" where there is no such process, or only what its parent has not yet taken note of."""
    try:
        began = _began(pid)
    except (psutil.Error, OSError, ValueError):
        return ""
    return f"{pid}:{began}" if began else ""


def is_alive(name: str) -> bool:
    """Whether the process with this name still runs; False for what is no name."""
    pid = name.partition(":")[0]
    return pid.isascii() and pid.isdigit() and process_name(int(pid)) == name


def _began(pid: int) -> str:
    if sys.platform == "linux":
        # proc(5): state is the 3rd and starttime the 22nd, in clock ticks since the boot; the name, 2nd, may hold
        # blanks and parentheses. psutil would add the boot's time, which moves with every step of the wall clock.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return "" if fields[0] in "ZX" else f"{fields[19]}.{_boot()}"
    process = psutil.Process(pid)
    return "" if process.status() == psutil.STATUS_ZOMBIE else f"{process.create_time():.2f}"


@cache
def _boot() -> str:
    """Tells this boot from others, in which a process of the same number may begin as many ticks after it."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text()[:8]
    except OSError:  # not to be seen in some containers
        return ""
