"""What the supervisor asks of those who give trainings a place: processes of this machine, or a cluster."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from nnviz.train.commands import Command, Job


class Ended(NamedTuple):
    """How a job came to its end."""

    how: str = ""
    """Empty: by itself, and its runs say how. Else a clause with the job as its subject: "was killed (SIGKILL)"."""
    again: bool = False
    """It was no fault of the job, say its machine is gone: it may go on elsewhere from its last checkpoints."""


class Place(Protocol):
    """Where one job goes on."""

    def send(self, command: Command) -> None:
        """Pass a command on; nothing happens if the job is just ending."""

    def kill(self) -> None:
        """End it at once, nothing saved."""

    def wait(self) -> Ended:
        """Block until it is over; called once, in a thread of its own. A place elsewhere writes what it hears from
        there into the store meanwhile.
        """


class Backend(Protocol):
    def prepare(self) -> None:
        """Do what would make the first job slow."""

    def launch(self, job: Job, first: Command | None, alone: bool) -> Place:
        """`first` reaches the job before its first step; `alone`: nothing else trains or waits."""

    def cores(self) -> int:
        """How many jobs it can serve at full speed."""

    def close(self) -> None:
        """Every job is over."""


def first_line(error: Exception) -> str:
    """What a long complaint begins with; its type, if it says nothing."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
