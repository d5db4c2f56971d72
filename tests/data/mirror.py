"""A stand-in for the servers that MNIST comes from, with ways to fail; and MNIST's archives, made from its files.

torchvision is not patched: the mirror is an HTTP proxy, which `urllib` takes from the environment, so all that runs
in a real download runs in the tests.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

STAMPS = {
    "train-images-idx3-ubyte": (848331386, "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
    "train-labels-idx1-ubyte": (848331398, "d53e105ee54ea40749a09fcbcd1e9432"),
    "t10k-images-idx3-ubyte": (885827245, "9fb629c4189551a2d022fa330f9573f3"),
    "t10k-labels-idx1-ubyte": (885827268, "ec29112dd5afa0611ce80d1b7f02629c"),
}
"""When the files that MNIST's makers packed were last changed, seconds since 1970, and the archives' MD5 checksums."""


def pack(raw: Path) -> dict[str, bytes]:
    """MNIST's four archives, byte for byte, by archive name. Skips where there is no GNU gzip to make them."""
    if shutil.which("gzip") is None:
        pytest.skip("no gzip to make MNIST's archives with")
    archives = {}
    for name, (changed, md5) in STAMPS.items():
        packed = subprocess.run(["gzip", "-n", "-6", "-c", raw / name], capture_output=True, check=True).stdout
        head = b"\x1f\x8b\x08\x08" + changed.to_bytes(4, "little") + b"\0\x03"
        archive = head + name.replace("-idx", ".idx").encode() + b"\0" + packed[10:]
        if hashlib.md5(archive).hexdigest() != md5:
            pytest.skip("this gzip packs otherwise than the one MNIST was packed with")
        archives[f"{name}.gz"] = archive
    return archives


class Mirror:
    """Serves `files` by name. May be told to fail while it runs."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.asked: list[str] = []
        """The names asked for, in order; torchvision asks for each file twice, the first time for its address."""
        self.cut: set[str] = set()
        """Files of which only half is sent before the connection breaks."""
        self.stall: set[str] = set()
        """Files of which half is sent and then nothing, until `release`."""
        self.stalled, self.release = threading.Event(), threading.Event()

    @contextmanager
    def serving(self) -> Iterator[str]:
        """Yields its address."""
        mirror = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                mirror.answer(self)

            def do_CONNECT(self) -> None:  # https, which a mirror without a certificate can't be
                self.send_error(502)

            def log_message(self, format: str, *words: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            self.release.set()
            server.shutdown()
            thread.join()
            server.server_close()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        name = request.path.rpartition("/")[2]
        self.asked.append(name)
        if name not in self.files:
            request.send_error(404)
            return
        data = self.files[name]
        try:
            request.send_response(200)
            request.send_header("Content-Length", str(len(data)))
            request.end_headers()
            request.wfile.write(data[: len(data) // 2])
            if name in self.stall:
                self.stalled.set()
                self.release.wait()
            if name not in self.cut:
                request.wfile.write(data[len(data) // 2 :])
        except OSError:  # who asked has gone
            pass


def use_proxy(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    """Let every download of this process's children go to `address`."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("http_proxy", address)
    monkeypatch.setenv("https_proxy", address)


def closed_port() -> str:
    """An address at which nobody answers: what a machine without a network finds everywhere."""
    return "http://127.0.0.1:9"
