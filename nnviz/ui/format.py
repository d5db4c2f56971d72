"""Text from people, shown as text; text for people, as a sentence."""

from __future__ import annotations

_MARKUP = r"\`*_{}[]()<>#+-.!|$:~"


def plain(text: str) -> str:
    """Escape what Streamlit's Markdown would take for markup."""
    return "".join(f"\\{c}" if c in _MARKUP else c for c in text)


def sentence(text: str) -> str:
    """An error's words as a sentence."""
    return f"{text[0].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"


def run_label(name: str, run_id: str) -> str:
    """A run in a select box: its name, when it was started, and what tells it from others of that minute.

    The browser answers with the label, not with the option: so labels must be one of a kind, and say nothing that
    changes while a run goes on.
    """
    return f"{name} · {run_id[9:11]}:{run_id[11:13]} #{run_id[-4:]}"
