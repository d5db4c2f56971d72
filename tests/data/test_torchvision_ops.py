"""torchvision beside a torch without CUDA, and the program that downloads with it."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from nnviz.data.torchvision_ops import STORAGE, TIMEOUT, _reason
from tests.data.mirror import Mirror, use_proxy


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


def test_torchvision_imports_after_declare_and_works() -> None:
    done = python(
        "from nnviz.data.torchvision_ops import declare; declare(); declare()\n"
        "import torch; from torchvision import datasets, transforms; declare()\n"
        "print(transforms.ToTensor()(torch.full((2, 2), 255, dtype=torch.uint8).numpy()).sum().item())"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "4.0"


def test_declare_never_hides_operators_that_can_be_loaded() -> None:
    """Where torchvision's own library loads, nms computes; elsewhere it has no implementation to call by mistake."""
    done = python(
        "from nnviz.data.torchvision_ops import _declared, _load_compiled, declare; import torch\n"
        "loads = _load_compiled(); declare(); import torchvision\n"
        "boxes, scores = torch.tensor([[0., 0, 1, 1], [0, 0, 1, 1]]), torch.tensor([1., 2])\n"
        "try: found = torchvision.ops.nms(boxes, scores, 0.5).tolist()\n"
        "except (NotImplementedError, RuntimeError): found = None\n"
        "assert (found == [1]) is loads and bool(_declared) is not loads, (found, loads, _declared)"
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES, errno.EROFS])
def test_what_the_disk_refuses_is_told_apart_from_the_network(code: int) -> None:
    assert _reason(OSError(code, os.strerror(code))) == STORAGE + os.strerror(code)


def test_reason_is_one_line_that_names_the_file() -> None:
    torchvisions = RuntimeError(
        "Error downloading a.gz:\nTried http://x/, got:\nA\nTried http://y/, got:\n<urlopen B>\n"
    )
    assert _reason(torchvisions) == "a.gz: urlopen B"
    assert (
        _reason(ConnectionResetError(errno.ECONNRESET, "Connection reset"))
        == f"[Errno {errno.ECONNRESET}] Connection reset"
    )
    assert _reason(ValueError()) == "ValueError"


def test_a_server_that_falls_silent_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert 5 <= TIMEOUT <= 60
    mirror = Mirror({"train-images-idx3-ubyte.gz": bytes(1000)})
    mirror.stall.add("train-images-idx3-ubyte.gz")
    with mirror.serving() as address:
        use_proxy(monkeypatch, address)
        done = python(
            f"from nnviz.data import torchvision_ops as ops; ops.TIMEOUT = 0.2\n"
            f"try: ops.download('MNIST', {str(tmp_path)!r})\n"
            f"except Exception as error: print(ops._reason(error))"
        )
    assert done.stdout.strip() == "timed out", done.stderr


def test_the_program_ends_with_the_reason_and_no_success(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "nnviz.data.torchvision_ops", "NoSuchSet", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert "NoSuchSet" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
