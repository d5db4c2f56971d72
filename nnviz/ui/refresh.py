"""How often a live page refreshes: polling costs training its cores, so the rate falls as more are watching."""

from __future__ import annotations

import threading
import time

from streamlit.runtime.scriptrunner import get_script_run_ctx

_SEEN_FOR = 5.0
_lock = threading.Lock()
_seen: dict[str, float] = {}


def refresh_seconds() -> float:
    """Count this session among those that watch, and say how long it should wait until its next look."""
    context = get_script_run_ctx(suppress_warning=True)
    now = time.monotonic()
    with _lock:
        if context:
            _seen[context.session_id] = now
        for session in [session for session, at in _seen.items() if now - at > _SEEN_FOR]:
            del _seen[session]
        watching = len(_seen)
    if watching <= 2:
        return 0.25
    return 0.5 if watching <= 6 else 1.0
