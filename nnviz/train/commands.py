"""What people and sweeps ask of a training while it goes."""

from __future__ import annotations

import threading
from collections import deque
from enum import StrEnum
from typing import NamedTuple


class Action(StrEnum):
    PAUSE = "pause"
    RESUME = "resume"
    BATCH = "batch"
    """One, then pause."""
    EPOCH = "epoch"
    """To the end of this one, then pause."""
    SET = "set"
    """A setting that may be changed while it trains."""
    PACE = "pace"
    """From now on wait `value` seconds after each step, so that eyes can follow."""
    STOP = "stop"
    PRUNE = "prune"
    """End it: it does worse than the others of its sweep."""
    LEAVE = "leave"
    """Wait no longer for a turn."""
    SHUTDOWN = "shutdown"
    """Save and end; it will be resumed."""
    KILL = "kill"
    """End at once, nothing saved."""


class Command(NamedTuple):
    action: Action
    name: str = ""
    """The setting to set, or why it is shut down."""
    value: float = 0.0
    """Of the setting, or the seconds of a pace."""
    run: str = ""
    """Which of several runs that are trained together; empty: all of them."""


class Mailbox:
    """Commands for one training. Looking whether there is one must cost next to nothing: it happens every step."""

    def __init__(self) -> None:
        self._commands: deque[Command] = deque()
        self._arrived = threading.Condition()

    def post(self, command: Command) -> None:
        with self._arrived:
            self._commands.append(command)
            self._arrived.notify()

    def take(self) -> Command | None:
        return self._commands.popleft() if self._commands else None

    def wait_at_most(self, seconds: float) -> None:
        """Sleep until there is a command, or the time is over."""
        with self._arrived:
            self._arrived.wait_for(lambda: self._commands, seconds)

    def wait(self) -> Command:
        """Sleep until there is a command."""
        with self._arrived:
            self._arrived.wait_for(lambda: self._commands)
            return self._commands.popleft()


class Job(NamedTuple):
    """One run, or several that are trained together as an ensemble."""

    id: str
    runs: dict[str, int]
    """Id → the attempt that this is: a run that was told to start again meanwhile is no longer of this job."""
