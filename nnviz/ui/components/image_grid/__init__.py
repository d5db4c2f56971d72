"""A grid of small images that never flickers: the browser keeps its canvases and only their pixels change.

One message holds everything: the length of a JSON header (4 bytes, little-endian), the header, one byte a pixel, and
where the values themselves are to be told, one little-endian float32 a pixel. The bytes are positions on a palette,
which the browser turns into the colours of its theme.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
from streamlit.components.v2 import component

from nnviz.charts.colors import NEGATIVE, NEUTRAL, POSITIVE
from nnviz.charts.theme import DARK, LIGHT
from nnviz.ui.components.order import nothing_else, numbered, scripts

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.floating[Any]]
Real = TypeVar("Real", bound=np.floating[Any])
Palette = Literal["ink", "diverging"]

MIDDLE = 128
"""The byte of a signed zero."""

# As far on either side of the middle; 0 isn't used.
_SIGNED = [[0, NEGATIVE], [1, NEGATIVE], [MIDDLE, NEUTRAL], [255, POSITIVE]]
_PALETTES: dict[Palette, dict[str, list[list[Any]]]] = {
    "ink": {"light": [[0, LIGHT.paper], [255, LIGHT.ink]], "dark": [[0, DARK.paper], [255, DARK.ink]]},
    "diverging": {"light": _SIGNED, "dark": _SIGNED},
}
_HERE = Path(__file__).parent
_mount = component(
    "nnviz.tiles", css=(_HERE / "image_grid.css").read_text(encoding="utf-8"), js=scripts(_HERE / "image_grid.js")
)


class Caption(NamedTuple):
    """What stands under an image. `good` puts a ✓ or a ✗ before the title; the note may have several lines."""

    title: str
    note: str = ""
    good: bool | None = None


class Bars(NamedTuple):
    """Small bars under each image: probabilities (n, classes) in [0, 1]; the true class, if known, is outlined."""

    probabilities: npt.NDArray[np.floating[Any]]
    classes: Sequence[str]
    true: Sequence[int] | None = None


def tiles(
    images: Bytes,
    *,
    key: str,
    palette: Palette = "ink",
    captions: Sequence[Caption] | None = None,
    bars: Bars | None = None,
    limit: float | None = None,
    size: int = 56,
    label: str,
    clickable: bool = False,
    values: Floats | None = None,
    names: tuple[str, str, str] | None = None,
    file_name: str = "",
) -> int | None:
    """Show `images` (n, h, w) in a grid, the longer side of each `size` CSS pixels; the index just clicked, or None.

    A multiple of the images' side keeps all their pixels the same size. `label` says what the grid shows to those
    who can't see it. With `limit`, a legend tells which value is which colour, from −limit to +limit.

    With `values` (n, h, w), a pixel under the mouse tells its own; so does the largest of a tile that has the focus of
    the keyboard, from where Shift and the arrow keys go on. `names` are the words for a tile, a row and a column. With
    `file_name`, a button downloads the whole grid, as it stands on the screen, as a PNG of that name.
    """
    message = pack(
        images,
        palette=palette,
        captions=captions,
        bars=bars,
        limit=limit,
        size=size,
        label=label,
        clickable=clickable,
        values=values,
        names=names,
        file_name=file_name,
    )
    clicked = _mount(key=key, data=numbered(key, message), on_clicked_change=nothing_else).clicked
    return clicked if isinstance(clicked, int) and 0 <= clicked < len(images) else None


def pack(
    images: Bytes,
    *,
    palette: Palette = "ink",
    captions: Sequence[Caption] | None = None,
    bars: Bars | None = None,
    limit: float | None = None,
    size: int = 56,
    label: str = "",
    clickable: bool = False,
    values: Floats | None = None,
    names: tuple[str, str, str] | None = None,
    file_name: str = "",
) -> bytes:
    """The message to the browser; see the module's docstring. Raises ValueError if the parts don't fit together."""
    if images.dtype != np.uint8 or images.ndim != 3:
        raise ValueError(f"images must be uint8 (n, h, w), not {images.dtype} {images.shape}")
    if captions is not None and len(captions) != len(images):
        raise ValueError(f"{len(images)} images need as many captions, not {len(captions)}")
    count, height, width = images.shape
    header: dict[str, Any] = {
        "count": count,
        "height": height,
        "width": width,
        "size": size,
        "label": label,
        "clickable": clickable,
        "palette": _PALETTES[palette],
    }
    if captions is not None:
        header["captions"] = captions
        header["letters"] = max(
            (max(len(c.title) + 2 * (c.good is not None), *map(len, c.note.split("\n"))) for c in captions), default=0
        )
    if bars is not None:
        if bars.probabilities.shape != (count, len(bars.classes)):
            raise ValueError(f"bars must be {(count, len(bars.classes))}, not {bars.probabilities.shape}")
        percent = np.nan_to_num(100 * bars.probabilities).round(1).tolist()
        header["bars"] = {"percent": percent, "classes": list(bars.classes), "true": bars.true and list(bars.true)}
    if limit is not None:
        header["legend"] = [f"−{limit:.2g}", "0", f"+{limit:.2g}"] if limit else ["", "0", ""]
    if values is not None:
        if values.shape != images.shape:
            raise ValueError(f"values must be {images.shape} like the images, not {values.shape}")
        header["names"] = names or ("image", "row", "column")
    if file_name:
        header["file"] = file_name
    text = json.dumps(header, separators=(",", ":")).encode()
    floats = b"" if values is None else values.astype("<f4").tobytes()
    return struct.pack("<I", len(text)) + text + images.tobytes() + floats


def signed_to_bytes(values: npt.NDArray[np.floating[Any]], limit: float | None = None) -> tuple[Bytes, float]:
    """Signed `values` on the diverging palette, uint8 of the same shape, and the value at its ends.

    Zero is MIDDLE; ±`limit` (by default the largest magnitude) are 255 and 1, and what lies beyond is cut off.
    Values that are not finite count as 0.
    """
    scaled = finite(values).astype(np.float64)
    limit = float(np.abs(scaled).max(initial=0.0)) if limit is None else limit
    if limit <= 0:
        return np.full(scaled.shape, MIDDLE, np.uint8), limit
    # In place, for a hundred thousand weights are drawn twenty times a second.
    scaled /= limit
    np.clip(scaled, -1, 1, out=scaled)
    scaled *= 127
    np.rint(scaled, out=scaled)
    scaled += MIDDLE
    return scaled.astype(np.uint8), limit


def finite(values: npt.NDArray[Real]) -> npt.NDArray[Real]:
    """`values`, with 0 for what is not finite; the array itself where all is."""
    return values if np.isfinite(values).all() else np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
