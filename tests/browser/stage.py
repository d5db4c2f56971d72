"""An app before a real Chromium: the real one or a small one of a test's own, on a free port, with its own folders."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from tests.waiting import LIMIT_S, wait_until

PROJECT = Path(__file__).parents[2]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("localhost", 0))
        port: int = listener.getsockname()[1]
    return port


@contextmanager
def serve(script: Path, folder: Path, *, port: int = 0, **environment: str) -> Iterator[str]:
    """Address of `script` while it runs, on a free port unless one is given; its log goes to `folder`."""
    port = port or free_port()
    command = [sys.executable, "-m", "streamlit", "run", str(script), "--server.port", str(port)]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), **environment}
    log = folder / "app.log"
    with log.open("w") as output:
        server = subprocess.Popen(
            command, cwd=PROJECT, env=environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    url = f"http://localhost:{port}"
    try:
        wait_until(lambda: server.poll() is not None or _answers(url))
        assert server.poll() is None, f"the app did not start:\n{log.read_text()[-3000:]}"
        yield url
    finally:
        _end(server)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/_stcore/health", timeout=LIMIT_S):
            return True
    except OSError:
        return False


def _end(server: subprocess.Popen[bytes]) -> None:
    """End the server and all that it started: its supervisor saves what trains, and goes."""
    with suppress(psutil.NoSuchProcess):
        started = psutil.Process(server.pid).children(recursive=True)
        server.terminate()
        with suppress(subprocess.TimeoutExpired):
            server.wait(LIMIT_S)
        server.kill()
        _, left = psutil.wait_procs(started, LIMIT_S)
        for process in left:
            process.kill()
    server.wait()
