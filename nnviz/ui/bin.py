"""What was deleted and can be had back for a day."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import streamlit as st

from nnviz.ui import services
from nnviz.ui.format import plain


def show_bin(
    what: str, deleted: Mapping[str, str], last: str | None, restore: Callable[[str], None], *, prefix: str = ""
) -> None:
    """The bin of `what` ("runs"): id → name, deleted last first; and a way to undo what this session deleted `last`.

    `prefix` goes before the keys of its buttons.
    """
    if not deleted or services.look_only():
        return
    if last is not None and last in deleted:
        st.markdown(f"Deleted: **{plain(deleted[last])}**.", width="content")
        st.button(
            "Undo", key=f"{prefix}undo-delete", icon=":material/undo:", on_click=restore, args=(last,), type="tertiary"
        )
    with st.popover(f"Deleted {what} ({len(deleted)})", icon=":material/restore_from_trash:", key=f"{prefix}bin"):
        st.caption("For a day after it was deleted, each can be had back, by whoever uses this server.")
        for one, name in deleted.items():
            st.button(f"Restore {plain(name)}", key=f"{prefix}restore-{one}", on_click=restore, args=(one,))
