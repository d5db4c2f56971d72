"""How long tests wait for something to happen, in one place: it costs nothing where it happens sooner."""

from __future__ import annotations

import time
from collections.abc import Callable

LIMIT_S = 60.0
"""On a slow machine whose cores others use as well, everything still happens within this. No test has another limit."""


def wait_until(condition: Callable[[], bool], seconds: float = LIMIT_S) -> None:
    """Look until it is so; `seconds` only for what is long work, not an answer, as a multiple of LIMIT_S."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)
