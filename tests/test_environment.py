"""What environment variables may say, and how many cores a process may use."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nnviz import environment
from nnviz.environment import (
    MAX_SLOTS,
    SettingError,
    cache_bytes,
    check,
    cores,
    data_root,
    ray_address,
    runs_root,
    slots,
)

PROJECT = Path(__file__).parents[1]
QUOTA = environment._quota


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NNVIZ_DATA", "NNVIZ_RUNS", "NNVIZ_SLOTS", "NNVIZ_RAY_ADDRESS", "NNVIZ_CACHE_MB"):
        monkeypatch.delenv(name, raising=False)


def test_without_variables_there_are_defaults() -> None:
    check()
    assert (data_root(), runs_root(), ray_address()) == (Path("data"), Path("runs"), "")
    assert slots(2) == 4
    assert slots(16) == 16
    assert slots() == max(4, cores())


@pytest.mark.parametrize("name", ["NNVIZ_DATA", "NNVIZ_RUNS"])
def test_a_folder_may_be_given_as_people_write_it(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = {"NNVIZ_DATA": data_root, "NNVIZ_RUNS": runs_root}[name]
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    for given, meant in (
        ("~/mine", tmp_path / "mine"),
        ("~", tmp_path),
        (f"{tmp_path}\r", tmp_path),  # from a file with Windows' line ends
        (f" {tmp_path} \r\n", tmp_path),
        ("\r", Path(name.removeprefix("NNVIZ_").lower())),
    ):
        monkeypatch.setenv(name, given)
        assert read() == meant
    monkeypatch.setenv(name, "~nobody-here/x")
    with pytest.raises(SettingError, match=f"{name} begins with the home folder of somebody who is not known here"):
        check()


@pytest.mark.parametrize(("given", "meant"), [("1", 1), (" 12\r", 12), (str(MAX_SLOTS), MAX_SLOTS), ("", 4), (" ", 4)])
def test_slots_that_can_be(given: str, meant: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NNVIZ_SLOTS", given)
    assert slots(1) == meant


@pytest.mark.parametrize(("given", "meant"), [("", 150), ("1", 1), (" 2000\r", 2000), ("1000000", 1_000_000)])
def test_how_much_is_kept(given: str, meant: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NNVIZ_CACHE_MB", given)
    assert cache_bytes() == meant * 1_000_000
    for wrong in ("0", "-1", "much", "2.5", "1000001"):
        monkeypatch.setenv("NNVIZ_CACHE_MB", wrong)
        with pytest.raises(
            SettingError, match=f"NNVIZ_CACHE_MB must be a whole number from 1 to 1,000,000, not '{wrong}'"
        ):
            check()


@pytest.mark.parametrize("given", ["0", "-1", "abc", "2.5", "1e2", "²", "1001", "9" * 5000, "4 4", "４"])
def test_slots_that_cannot_be_are_said(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NNVIZ_SLOTS", given)
    with pytest.raises(SettingError, match="NNVIZ_SLOTS must be a whole number from 1 to 1,000, not ") as said:
        check()
    assert len(str(said.value)) < 120


def test_the_command_line_says_it_and_does_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "nnviz", "train"],
        cwd=PROJECT,
        env={**os.environ, "NNVIZ_SLOTS": "many", "NNVIZ_RUNS": str(tmp_path / "runs")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert done.stderr == "error: NNVIZ_SLOTS must be a whole number from 1 to 1,000, not 'many'\n"
    assert not (tmp_path / "runs").exists()


# ---------------------------------------------------------------------- cores


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="Linux only")
def test_only_cores_that_the_process_may_use_count() -> None:
    code = "import os; from nnviz.environment import cores; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))});"
    code += " print(cores())"
    assert subprocess.check_output([sys.executable, "-c", code], cwd=PROJECT, text=True) == "1\n"


def fake(root: Path, cgroup: str, **files: str) -> Path:
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(cgroup)
    for name, text in files.items():
        path = root / "sys/fs/cgroup" / name.replace("__", "/").replace("_max", ".max").replace("cfs_", "cpu.cfs_")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.mark.parametrize(
    ("cgroup", "files", "share"),
    [
        ("0::/\n", {"cpu_max": "200000 100000\n"}, 2.0),
        ("0::/\n", {"cpu_max": "max 100000\n"}, None),
        ("0::/\n", {}, None),
        ("0::/a/b\n", {"a__b__cpu_max": "max 100000", "a__cpu_max": "150000 100000"}, 1.5),
        ("0::/a/b\n", {"a__b__cpu_max": "50000 100000", "a__cpu_max": "400000 100000"}, 0.5),
        ("0::/docker/0123\n", {"cpu_max": "300000 100000"}, 3.0),  # only its own group is mounted
        (
            "4:memory:/x\n3:cpu,cpuacct:/x\n0::/\n",
            {"cpu__x__cfs_quota_us": "250000", "cpu__x__cfs_period_us": "100000\n"},
            2.5,
        ),
        ("3:cpu:/x\n", {"cpu__x__cfs_quota_us": "-1\n", "cpu__x__cfs_period_us": "100000\n"}, None),
        ("3:cpuset:/x\n", {"cpu__x__cfs_quota_us": "1", "cpu__x__cfs_period_us": "1"}, None),
        ("0::/\n", {"cpu_max": "what is this"}, None),
    ],
)
def test_a_containers_share(cgroup: str, files: dict[str, str], share: float | None, tmp_path: Path) -> None:
    assert QUOTA(fake(tmp_path, cgroup, **files)) == share


@pytest.mark.skipif(sys.platform != "linux", reason="Linux only")
@pytest.mark.parametrize(("share", "count"), [(None, 8), (0.5, 1), (1.5, 1), (2.0, 2), (64.0, 8)])
def test_a_share_is_counted_in_whole_cores(share: float | None, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)))
    monkeypatch.setattr(environment, "_quota", lambda: share)
    assert cores() == count
