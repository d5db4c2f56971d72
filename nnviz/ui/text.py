"""Text from people, shown as text."""

from __future__ import annotations

_MARKUP = r"\`*_{}[]()<>#+-.!|$:~"


def plain(text: str) -> str:
    """Escape what Streamlit's Markdown would take for markup."""
    return "".join(f"\\{c}" if c in _MARKUP else c for c in text)


def sentence(text: str) -> str:
    """An error's words as a sentence."""
    return f"{text[0].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"
