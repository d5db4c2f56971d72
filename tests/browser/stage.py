"""A small app of a test's own, served like the real one."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .conftest import PROJECT, _end, _wait_until_it_answers


@contextmanager
def serve(script: Path, folder: Path, **environment: str) -> Iterator[str]:
    """Address of `script` while it runs; its log goes to `folder`."""
    with socket.socket() as listener:
        listener.bind(("localhost", 0))
        port = listener.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", str(script), "--server.port", str(port)]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), **environment}
    with (folder / "stage.log").open("w") as log:
        server = subprocess.Popen(
            command, cwd=PROJECT, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
    url = f"http://localhost:{port}"
    try:
        _wait_until_it_answers(url, server, folder / "stage.log")
        yield url
    finally:
        _end(server)
