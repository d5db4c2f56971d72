"""Who looks on without a browser: takes every picture of the Studio and draws none, for load that CPU can spare.

`python -m benchmarks.viewers PORT` reads a JSON list of wishes from its first line of input, one viewer for each, and
looks on until its input ends. Then it prints for each viewer when its pictures came and how large they were. It is a
process of its own, so that what it takes is nobody else's time.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from websockets.asyncio.client import connect

PROJECT = Path(__file__).parents[1]
DRAWN = json.dumps({"drawn": True})

Seen = list[tuple[float, int]]
"""Of each picture, when it came (seconds of the system's monotonic clock) and its bytes."""


@dataclass
class Viewers:
    """What they saw, one list for each, known when the context is left."""

    seen: list[Seen] = field(default_factory=list)

    def rate(self) -> list[float]:
        """Pictures per second of each, from its first to its last."""
        spans = [(len(one) - 1) / (one[-1][0] - one[0][0]) if len(one) > 1 else 0.0 for one in self.seen]
        return sorted(spans)


@contextmanager
def looking(port: int, wishes: Sequence[dict[str, Any]]) -> Iterator[Viewers]:
    """Viewers with these wishes, as long as the context lasts; it is entered when all have their first picture."""
    found = Viewers()
    command = [sys.executable, "-m", "benchmarks.viewers", str(port)]
    process = subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin
    assert process.stdout
    try:
        process.stdin.write(json.dumps(wishes) + "\n")
        process.stdin.flush()
        if process.stdout.readline() != "all see\n":
            raise RuntimeError("the viewers saw nothing")
        yield found
        process.stdin.close()
        found.seen = json.loads(process.stdout.read())
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


async def look(port: int, wish: dict[str, Any], seen: Seen, sees: asyncio.Event) -> None:
    """Follow one wish for ever."""
    async with connect(f"ws://localhost:{port}/live", max_size=None) as socket:
        await socket.send(json.dumps({"wish": wish, "number": 1}))
        async for message in socket:
            if isinstance(message, bytes):
                seen.append((time.monotonic(), len(message)))
                await socket.send(DRAWN)
                sees.set()


async def look_all(port: int, wishes: Sequence[dict[str, Any]]) -> list[Seen]:
    """Follow all wishes until the input ends."""
    seen: list[Seen] = [[] for _ in wishes]
    see = [asyncio.Event() for _ in wishes]
    tasks = [asyncio.create_task(look(port, *one)) for one in zip(wishes, seen, see, strict=True)]
    all_see = asyncio.gather(*(one.wait() for one in see))
    await asyncio.wait([all_see, *tasks], return_when=asyncio.FIRST_COMPLETED)
    if all_see.done():
        print("all see", flush=True)
        await asyncio.to_thread(sys.stdin.read)
    for task in tasks:
        task.cancel()
    for end in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(end, Exception):
            raise end
    return seen


if __name__ == "__main__":
    print(json.dumps(asyncio.run(look_all(int(sys.argv[1]), json.loads(sys.stdin.readline())))))
