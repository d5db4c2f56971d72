"""Text from people, shown as text."""

from __future__ import annotations

_MARKUP = r"\`*_{}[]()<>#+-.!|$:~"


def plain(text: str) -> str:
    """Escape what Streamlit's Markdown would take for markup."""
    return "".join(f"\\{c}" if c in _MARKUP else c for c in text)
