"""The canvas with the ten bars, and the answers of all chosen nets below it. This part runs again while the pen moves,
so it does nothing that takes long.
"""

from __future__ import annotations

from urllib.parse import urlsplit

import numpy as np
import streamlit as st

from nnviz.data.drawing import MAX_PHOTO_BYTES, PHOTO_TYPES
from nnviz.data.segmentation import MOST
from nnviz.store.run import Status
from nnviz.ui.components.canvas import Found, canvas, take_photo
from nnviz.ui.components.image_grid import Bars, Caption, tiles
from nnviz.ui.confidence import headline, reason
from nnviz.ui.format import percent, plain
from nnviz.ui.pages.draw import sheet
from nnviz.ui.pages.draw.certainty import Told, refusals_toggle, tell
from nnviz.ui.pages.draw.nets import Net, present, refresh_every
from nnviz.ui.pages.draw.sheet import KEY, Sheet
from nnviz.ui.state import Kept

_DIGIT, _MOVED = "draw-digit", Kept.DIGIT_MOVED

_UNREAD = "?"
"""In the place of a digit that is refused."""

HEIGHT = 340
"""Of the canvas, CSS pixels."""


def show(ids: list[str], every: float | None) -> None:
    if refresh_every(ids) != every or st.session_state.pop(_MOVED, False):
        st.rerun()  # what stands beside the canvas, too
    if photo := take_photo(KEY):
        sheet.use_photo(photo)
    nets = present(ids)
    now = sheet.current(nets[0].checkpoint if nets else None)
    if now is not None:
        st.session_state[Kept.DRAWN_IMAGE] = now.prepared.pixels  # the Inspect page offers it too
    every_digit = [tell(nets[0], one.prepared.pixels) for one in now.digits] if now and nets else []
    told = [every_digit[now.place], *(tell(net, now.prepared.pixels) for net in nets[1:])] if now and nets else []
    finite = bool(told) and bool(np.isfinite(told[0].shares).all())
    refused = finite and all(one.refused for one in every_digit)
    read = _read(nets[0], now, every_digit) if now and finite and not refused and len(every_digit) > 1 else []
    with st.container(key="draw-paper"):
        canvas(
            key=KEY,
            generation=sheet.generation(),
            height=HEIGHT,
            photos=True,
            probabilities=told[0].shares.tolist() if finite else None,
            classes=nets[0].classes if nets else "0123456789",
            hint=_hint(now, nets, finite),
            found=read,
            place=now.place if now else 0,
            refused=headline(nets[0].dataset) if refused else "",
            reason=reason(told[0].verdict, nets[0].dataset) if refused and told[0].verdict else "",
        )
    if problem := sheet.photo_problem():
        st.warning(plain(problem), icon=":material/broken_image:")
    if lost := [net for net in nets if net.run.status is Status.DIVERGED]:
        names = ", ".join(plain(net.title) for net in lost)
        st.caption(f":material/exposure: {names}: the training has diverged. The last good weights are asked.")
    _photo(now)
    if read and now:
        _digits(read, now)
    if nets and now:
        _side_by_side(nets, told, now)


def _read(net: Net, now: Sheet, told: list[Told]) -> list[Found]:
    """Where each of several digits is on the paper, and what the net says of it."""
    return [
        Found(
            *((-1, -1, -1, -1) if now.photo else (one.left, one.top, one.right, one.bottom)),
            _UNREAD if said.refused else net.classes[int(said.shares.argmax())],
            float(said.shares.max()),
            said.refused,
        )
        for one, said in zip(now.digits, told, strict=True)
    ]


def _digits(read: list[Found], now: Sheet) -> None:
    """All digits of the paper, as the net gets them and with its answers; one of them is looked at."""
    with st.container(key="draw-digits"):
        tiles(
            np.stack([one.prepared.pixels for one in now.digits]),
            key="draw-digits-read",
            captions=[Caption(one.name, "" if one.refused else percent(one.probability)) for one in read],
            size=56,
            label="The digits on the paper, left to right: " + ", ".join(one.name for one in read),
        )
        st.session_state[_DIGIT] = now.place
        st.segmented_control(
            "Digit that is looked at",
            range(len(read)),
            key=_DIGIT,
            format_func=lambda one: str(one + 1),
            required=True,
            on_change=_look_at,
            help="The bars, and what stands beside them, are of this one. Counted from the left.",
        )
        if any(one.refused for one in read):
            st.caption(f"“{_UNREAD}”: doesn't look like a digit.")
        if any(one.touching for one in now.digits):
            st.caption("Some of them touch: they are cut where the ink is thinnest.")
        if len(now.digits) == MOST:
            st.caption(f"At most {MOST} digits are read, the first ones from the left.")


def _look_at() -> None:
    st.session_state[Kept.DIGIT], st.session_state[_MOVED] = st.session_state[_DIGIT], True


def _hint(now: Sheet | None, nets: list[Net], finite: bool) -> str:
    if not nets:
        return "The net has no weights yet: it is about to begin"
    if now is None:
        return "Empty paper, no answer: draw a digit"
    if not finite:
        return "The net has diverged: its weights are so large that its answer means nothing"
    return "The photo is answered; draw here to lay it aside" if now.photo else "Draw a digit"


def _photo(now: Sheet | None) -> None:
    with st.container(horizontal=True, key="draw-photo-row"):
        with st.popover("Use a photo", icon=":material/photo_camera:", key="draw-photo-open"):
            st.file_uploader(
                "A photo or picture of a digit or a row of them, on light or dark paper",
                list(PHOTO_TYPES),
                key="draw-photo",
                on_change=_on_upload,
                max_upload_size=MAX_PHOTO_BYTES // 1_000_000,
            )
            st.caption("Or drop one onto the canvas, or paste it anywhere on the page. A phone offers its camera, too.")
            if _may_use_camera(st.context.url or "") and st.toggle("Camera", key="draw-camera-on"):
                st.camera_input("One digit or a row of digits", key="draw-camera", on_change=_on_picture)
        refusals_toggle()
        if now is not None and now.photo:
            st.button("Lay the photo aside", key="draw-photo-away", icon=":material/close:", on_click=sheet.new_sheet)


def _may_use_camera(url: str) -> bool:
    """Browsers give it to no page that anybody on the way could have changed: https, or this machine's own."""
    address = urlsplit(url)
    return address.scheme == "https" or address.hostname in ("localhost", "127.0.0.1", "::1")


def _on_upload() -> None:
    _use("draw-photo")


def _on_picture() -> None:
    _use("draw-camera")


def _use(key: str) -> None:
    file = st.session_state[key]
    if file is not None:
        sheet.use_photo(file.getvalue())


def _side_by_side(nets: list[Net], told: list[Told], now: Sheet) -> None:
    """Each net with what it got and its ten probabilities. With one net the canvas shows these already."""
    captions = [
        Caption(_in_short(net, one), f"{percent(float(one.shares.max()))}") for net, one in zip(nets, told, strict=True)
    ]
    with st.container(key="draw-nets-answers"):
        if len(nets) == 1:
            st.caption(f"Answered by {plain(nets[0].title)}. This is what it gets, 28×28 pixels:")
            tiles(now.prepared.pixels[None], key="draw-input", size=84, label="The drawing as the net gets it")
            return
        names = " · ".join(f"**{place}:** {plain(net.title)}" for place, net in enumerate(nets, 1))
        st.caption(f"The bars above are those of the first. {names}")
        captions = [Caption(f"{place}: {caption.title}", caption.note) for place, caption in enumerate(captions, 1)]
        tiles(
            np.repeat(now.prepared.pixels[None], len(nets), 0),
            key="draw-answers",
            captions=captions,
            size=84,
            bars=Bars(np.stack([one.shares for one in told]), nets[0].classes),
            label="The drawing with the answer of each net",
        )


def _in_short(net: Net, told: Told) -> str:
    if not np.isfinite(told.shares).all():
        return "–"
    return "none" if told.refused else net.classes[int(told.shares.argmax())]
