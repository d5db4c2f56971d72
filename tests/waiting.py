"""How long tests wait: for a condition, with one generous limit, since CI may run on a slow, busy machine."""

from __future__ import annotations

import time
from collections.abc import Callable

LIMIT_S = 60.0
"""Seconds after which a condition that is waited for counts as one that never comes."""


def wait_until(condition: Callable[[], object], limit_s: float = LIMIT_S, words: str = "waited in vain") -> None:
    """Look again and again, until `condition` holds. Fails with `words` after the limit."""
    end = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"{words} for {limit_s:g} s")
        time.sleep(0.01)
