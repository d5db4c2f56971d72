"""Which process has something, whatever the clock does."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from nnviz.process import is_alive, process_name, this_process
from tests.waiting import wait_until


@pytest.fixture
def other() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.communicate()


def test_a_living_process_is_known_by_its_name(other: subprocess.Popen[bytes]) -> None:
    assert is_alive(this_process())
    assert is_alive(process_name(other.pid))
    assert process_name(other.pid) != this_process()


def test_what_has_ended_is_not_alive_even_before_its_parent_asks(other: subprocess.Popen[bytes]) -> None:
    name = process_name(other.pid)
    other.kill()
    wait_until(lambda: psutil.Process(other.pid).status() == psutil.STATUS_ZOMBIE)
    assert not is_alive(name)
    assert process_name(other.pid) == ""
    other.wait()
    assert not is_alive(name)


@pytest.mark.parametrize("name", ["", ":", "rubbish", "-1:5", "²:5", "99999999999999999999:5", "4194305:1"])
def test_no_process_has_this_name(name: str) -> None:
    assert not is_alive(name)


def test_another_process_that_had_this_number_is_not_this_one() -> None:
    assert not is_alive(f"{os.getpid()}:1.0")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system notes the beginning once")
@pytest.mark.parametrize("step", [-3600.0, -1.0, 4.0, 3600.0])
def test_a_step_of_the_wall_clock_changes_no_name(
    other: subprocess.Popen[bytes], step: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel moves the time of the boot along with the clock, and psutil every beginning with it."""
    import psutil._pslinux as linux

    name, boot = process_name(other.pid), linux.boot_time()
    by_the_clock = psutil.Process(other.pid).create_time()
    monkeypatch.setattr(linux, "boot_time", lambda: boot + step)
    assert psutil.Process(other.pid).create_time() == pytest.approx(by_the_clock + step, abs=0.02)
    assert process_name(other.pid) == name
    assert is_alive(name)
