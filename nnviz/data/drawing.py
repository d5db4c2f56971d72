"""From a drawing or a photo to an image like MNIST's, by steps that can be looked at and switched off.

A picture is "ink": float32 (H, W), 0 paper to 1 full ink. What comes from a browser or a file is input from strangers:
strokes raise SpecError, photos raise DrawingError, each with a sentence for people.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageOps, UnidentifiedImageError
from pillow_heif import register_heif_opener
from scipy import ndimage
from torch import Tensor

from nnviz.data.mnist_frame import BOX, SIDE, Boxes, Sized, centre_box, centre_mass, ink_boxes, scale
from nnviz.data.printed import without_print
from nnviz.fields import Flag, Number, SpecError, field, named, show, validate

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]

CANVAS = 280
"""Side of the canvas in its own pixels, whatever its size on the screen."""

BRUSH = 18.0
"""Width of the pen in canvas pixels: for a digit that fills the canvas about MNIST's."""

MAX_STROKES = 300
MAX_POINTS = 20_000  # of all strokes together
MAX_JSON_BYTES = 1_000_000
_SIDE = Number("A drawing's side", 16, 1000, whole=True)
_WIDTH = Number("A stroke's width", 0.5, 100)
_PLACE = Number("A point's place", -2000, 3000)  # a captured pointer may leave the canvas
_TIME = Number("A point's time", 0, 86_400_000)


class DrawingError(Exception):
    """A picture that no digit can be read from; the message is a sentence for people."""


# ---------------------------------------------------------------------- strokes


@dataclass(frozen=True)
class Stroke:
    """One line of a round pen or eraser. `points` are (x, y, time): canvas pixels, and ms since the drawing began."""

    points: tuple[tuple[float, float, float], ...]
    width: float = BRUSH
    erase: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.points, Sequence) or isinstance(self.points, str) or not self.points:
            raise SpecError("a stroke must be a list of at least one point")
        object.__setattr__(self, "points", tuple(_point(point) for point in self.points))
        object.__setattr__(self, "width", float(_WIDTH.check(self.width)))
        object.__setattr__(self, "erase", Flag("A stroke's eraser").check(self.erase))

    def to_dict(self) -> dict[str, Any]:
        return {"points": [list(point) for point in self.points], "width": self.width, "erase": self.erase}


@dataclass(frozen=True)
class Drawing:
    """Strokes in the order in which they were drawn, on a canvas of `width` × `height` pixels."""

    strokes: tuple[Stroke, ...] = ()
    width: int = CANVAS
    height: int = CANVAS

    def __post_init__(self) -> None:
        object.__setattr__(self, "strokes", tuple(self.strokes))
        object.__setattr__(self, "width", _SIDE.check(self.width))
        object.__setattr__(self, "height", _SIDE.check(self.height))
        _check_counts(len(self.strokes), sum(len(stroke.points) for stroke in self.strokes))

    def to_dict(self) -> dict[str, Any]:
        return {"width": self.width, "height": self.height, "strokes": [stroke.to_dict() for stroke in self.strokes]}

    @staticmethod
    def from_dict(data: object) -> Drawing:
        """The drawing that untrusted `data` describes. Raises SpecError."""
        values = named(data, ("width", "height", "strokes"), (), "a drawing")
        strokes = values.get("strokes", ())
        if not isinstance(strokes, list | tuple):
            raise SpecError(f"a drawing's strokes must be a list, not {show(strokes)}")
        read = [named(stroke, ("points", "width", "erase"), (), "a stroke") for stroke in strokes[: MAX_STROKES + 1]]
        points = [stroke.get("points", ()) for stroke in read]
        _check_counts(len(strokes), sum(len(p) for p in points if isinstance(p, Sequence)))
        made = tuple(Stroke(**{"points": (), **stroke}) for stroke in read)
        return Drawing(made, values.get("width", CANVAS), values.get("height", CANVAS))

    def to_json(self) -> str:
        return json.dumps(self.to_dict(), separators=(",", ":"))

    @staticmethod
    def from_json(text: str) -> Drawing:
        """The inverse of `to_json`, for text from a stranger. Raises SpecError."""
        if len(text) > MAX_JSON_BYTES:
            raise SpecError(f"a drawing is at most {MAX_JSON_BYTES // 1000} kB of text, not {len(text) // 1000:,} kB")
        try:
            data = json.loads(text)
        except (ValueError, RecursionError):
            raise SpecError("this is not a drawing: it is not JSON") from None
        return Drawing.from_dict(data)


def _point(point: object) -> tuple[float, float, float]:
    if not isinstance(point, Sequence) or isinstance(point, str) or len(point) != 3:
        raise SpecError(f"a point must be three numbers (x, y, time), not {show(point)}")
    x, y, time = point
    return float(_PLACE.check(x)), float(_PLACE.check(y)), float(_TIME.check(time))


def _check_counts(strokes: int, points: int) -> None:
    if strokes > MAX_STROKES:
        raise SpecError(f"a drawing has at most {MAX_STROKES} strokes, not {strokes:,}")
    if points > MAX_POINTS:
        raise SpecError(f"a drawing has at most {MAX_POINTS:,} points, not {points:,}")


_FINE = 4  # lines are drawn this much larger and shrunk, which smooths their edges


def rasterise(drawing: Drawing) -> Floats:
    """Ink (height, width) of a drawing: round pen, smooth lines, edges antialiased; later strokes lie over earlier."""
    picture = Image.new("L", (drawing.width * _FINE, drawing.height * _FINE))
    pen = ImageDraw.Draw(picture)
    for stroke in drawing.strokes:
        ink = 0 if stroke.erase else 255
        # Pillow counts from the middle of the first pixel, and paints the pixels at both ends.
        radius = max(0.0, stroke.width * _FINE / 2 - 0.5)
        path = _smooth(np.array([point[:2] for point in stroke.points])) * _FINE - 0.5
        if len(path) > 1:
            pen.line([tuple(place) for place in path.tolist()], ink, width=round(2 * radius) + 1)
        for x, y in path.tolist():
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), ink)
    return np.asarray(picture.reduce(_FINE), np.float32) / np.float32(255)


def _smooth(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """The curve that the canvas shows: quadratic from middle to middle of the legs, bent by the points; (n, 2)."""
    if len(points) < 3:
        return points
    middles = (points[:-1] + points[1:]) / 2
    pieces = [points[:1]]
    for start, bend, end in zip(middles, points[1:-1], middles[1:], strict=False):
        t = np.linspace(0, 1, min(16, 2 + int(math.dist(start, end) / 4)))[:, None]
        pieces.append((1 - t) ** 2 * start + 2 * t * (1 - t) * bend + t**2 * end)
    return np.concatenate([*pieces, points[-1:]])


# ---------------------------------------------------------------------- photos

MAX_PHOTO_BYTES = 20_000_000
MAX_MEGAPIXELS = {"JPEG": 64, "MPO": 64, "HEIF": 50, "AVIF": 25, "PNG": 25, "WEBP": 25, "GIF": 25, "BMP": 25}
"""By format. A JPEG can be read at an eighth of its size, so it may be larger; an MPO is JPEGs in one file, as some
phones make them; iPhones' photos (HEIF) have up to 48."""

_FORMATS = tuple(kind for kind in MAX_MEGAPIXELS if kind != "MPO")  # which Pillow opens as a JPEG

PHOTO_TYPES = ("png", "jpg", "jpeg", "mpo", "heic", "heif", "avif", "webp", "gif", "bmp")
"""What the names of these files end with."""

register_heif_opener()

_PHOTO_SIDE = 420  # photos are looked at this large, pixels
_FEW = 72  # the paper's brightness is looked at this large
_WINDOW = 25  # of these: a third
_DARK = 0.04  # brightness added to all, so that ratios of what is nearly black are none of noise
_SHADE = 0.15  # by how much the logarithm of paper's brightness differs from place to place at most
_LEAST_INK = 0.0003  # of a picture; less is dirt
_ONE_COLOUR = 0.25  # by how much greys of one pen differ at most
_DRAWN_ON_NOTHING = 0.35  # share of a transparent picture that a drawing covers at most
_LEAST_CONTRAST = 0.2  # by how much ink is darker or lighter than paper, as a share; noise and creases have less


def from_photo(data: bytes) -> Floats:
    """Ink of a photo or picture of one digit, dark on light or light on dark; the longer side at most 420 pixels.

    Raises DrawingError. Memory is bounded: the size is looked at before anything is decoded.
    """
    brightness = _brightness(data)
    contrast = _contrast(brightness)
    peak = float(np.quantile(ndimage.uniform_filter(contrast, 2), 1 - _LEAST_INK))  # a single pixel is noise
    if peak < _LEAST_CONTRAST:
        raise DrawingError("This picture is all one colour: there is no digit on it that stands out from the paper.")
    # Edges stay soft: ink rises from 0 to 1 around the level that best parts ink from paper.
    level = max(_otsu(contrast.clip(max=peak)), _LEAST_CONTRAST / 2)
    ink = ((contrast - 0.7 * level) / (0.6 * level)).clip(0, 1).astype(np.float32)
    return _without_specks(without_print(ink))


def _brightness(data: bytes) -> Floats:
    """Greys of a picture file, (H, W) in [0, 1], upright. Raises DrawingError."""
    if len(data) > MAX_PHOTO_BYTES:
        raise DrawingError(f"This file has {len(data) / 1e6:,.0f} MB; at most {MAX_PHOTO_BYTES // 1_000_000} are read.")
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as picture:
            limit = MAX_MEGAPIXELS.get(picture.format or "", 25)
            if picture.width * picture.height > limit * 1e6:
                raise DrawingError(_too_large(picture.width * picture.height / 1e6, limit))
            picture.draft("RGB", (2 * _PHOTO_SIDE, 2 * _PHOTO_SIDE))
            grey = _greys(picture)
    except DrawingError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise DrawingError(_too_large(None, max(MAX_MEGAPIXELS.values()))) from None
    except UnidentifiedImageError:
        raise DrawingError(
            "This file is not a picture that can be read; take a JPEG, HEIC, AVIF, PNG, WebP, GIF or BMP."
        ) from None
    except MemoryError:
        raise DrawingError("This picture needs more memory than there is; make it smaller.") from None
    except Exception as error:  # a damaged file can make a decoder raise almost anything
        raise DrawingError(f"This picture is damaged and can't be read ({type(error).__name__}).") from None
    if min(grey.shape) < 8:
        raise DrawingError(f"This picture is only {grey.shape[1]}×{grey.shape[0]} pixels; a digit needs at least 8×8.")
    return grey


def _greys(picture: Image.Image) -> Floats:
    """Of an opened picture, made small: (H, W) in [0, 1], upright. Transparent parts are judged by `_on_paper`."""
    deep = picture.mode.startswith("I")  # 16 bits a pixel would be cut off at 255
    clear = picture.info.get("transparency")
    if not picture.has_transparency_data:
        grey = _small(picture, "F" if deep else "L")
        return grey / np.float32(65_535 if grey.max() > 255 else 255)
    if deep:
        opaque = _small(Image.fromarray(np.uint8(255 * (np.asarray(picture) != clear))), "L", picture.getexif())
        grey = _small(picture, "F")
        return _on_paper(grey / np.float32(65_535 if grey.max() > 255 else 255), opaque / np.float32(255))
    if isinstance(clear, tuple) and max(clear) > 255:  # Pillow reads 16 bits a colour as 8
        picture.info["transparency"] = tuple(value >> 8 for value in clear)
    small = _shrunk(picture, "RGBA")
    grey, opaque = (
        np.asarray(part, np.float32) / np.float32(255) for part in (small.convert("L"), small.getchannel("A"))
    )
    return _on_paper(grey, opaque)


def _small(picture: Image.Image, mode: str, exif: Image.Exif | None = None) -> Floats:
    return np.asarray(_shrunk(picture, mode, exif), np.float32)


def _shrunk(picture: Image.Image, mode: str, exif: Image.Exif | None = None) -> Image.Image:
    """At most 420 pixels long, upright by its own or another picture's `exif`."""
    small = picture if picture.mode == mode else picture.convert(mode)  # a copy may be 100 MB
    if small is picture:
        small = picture.copy() if picture.has_transparency_data else picture
    small.thumbnail((_PHOTO_SIDE, _PHOTO_SIDE), Image.Resampling.BOX, reducing_gap=None)
    if exif is not None:
        small.getexif().update(exif)
    return ImageOps.exif_transpose(small)


def _on_paper(grey: Floats, opaque: Floats) -> Floats:
    """A picture with transparent parts on paper. What has but one colour was drawn on nothing, so that its opacity is
    the ink, whatever the colour; a cut-out with paper of its own lies on more of that.
    """
    opaque = opaque / max(0.1, float(opaque.max()))
    solid = opaque > 0.5
    share = float(solid.mean())
    if share == 0:
        return np.ones_like(grey)
    low, high = np.quantile(grey[solid], (0.01, 0.99))
    if (high - low < _ONE_COLOUR and share < 0.9) or share < _DRAWN_ON_NOTHING:
        return np.float32(1) - opaque
    return grey * opaque + np.float32(np.median(grey[solid])) * (1 - opaque)


def _too_large(megapixels: float | None, limit: int) -> str:
    size = "too many" if megapixels is None else f"{megapixels:,.0f}"
    return f"This picture has {size} megapixels; at most {limit} are read. Crop it to the digit or make it smaller."


def _contrast(brightness: Floats) -> NDArray[np.float64]:
    """How much each pixel stands out from the paper around it towards the ink's side; about 0 on paper.

    Light falls unevenly on paper and ink alike, so the ratio of a pixel's brightness to that of the paper near it
    is that of the ink's and the paper's own. The paper is a median over a third of the picture, where ink is so thick
    that it would be that median the smooth surface through the rest.
    """
    picture = Image.fromarray(np.uint8(np.rint(255 * brightness)))
    width, height = (max(8, round(_FEW * side / max(picture.size))) for side in picture.size)
    few = picture.resize((width, height), Image.Resampling.BOX)
    levels = np.log(np.asarray(few, np.float64) / 255 + _DARK)
    surface = _surface(levels)
    above = levels - surface
    light = bool(np.clip(above - _SHADE, 0, 1.5).sum() > np.clip(-above - _SHADE, 0, 1.5).sum())
    inked = above * (1 if light else -1)
    inked_here = inked > max(_SHADE, 0.5 * float(np.quantile(inked, 0.995)))
    thick = ndimage.uniform_filter(inked_here.astype(np.float64), _WINDOW) > 0.3
    seen = np.asarray(few)
    plain = np.uint8(np.rint(255 * (np.exp(surface) - _DARK).clip(0, 1)))
    filled = np.where(ndimage.binary_dilation(inked_here, iterations=2), plain, seen)
    near = Image.fromarray(np.where(thick, _median(filled), _median(seen)) if thick.any() else _median(seen))
    paper = near.resize(picture.size, Image.Resampling.BICUBIC)
    ratio: NDArray[np.float64] = (brightness + _DARK) / (np.asarray(paper) / 255 + _DARK)
    return ratio - 1 if light else 1 - ratio


def _median(picture: Bytes) -> Bytes:
    """Of the window around each pixel, mirrored at the edges, so that a frame there is no paper."""
    around = Image.fromarray(np.pad(picture, _WINDOW // 2, "symmetric")).filter(ImageFilter.MedianFilter(_WINDOW))
    return np.asarray(around)[_inner(_WINDOW // 2)]


def _surface(levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """The smooth surface, quadratic in x and y, near most of `levels` (H, W): the paper's, however light or dark.

    It begins at the level a little inside the edges, where paper is likelier than ink or a frame, and is fitted
    anew with ever less regard to what lies far from it (iteratively reweighted least squares).
    """
    height, width = levels.shape
    y, x = (part / max(levels.shape) - 0.5 for part in np.mgrid[0:height, 0:width])
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], -1).reshape(-1, 6)
    edge = np.minimum.reduce([(x - x.min()), (x.max() - x), (y - y.min()), (y.max() - y)])
    ring = (edge >= 0.04) & (edge < 0.15)
    fit = np.full(levels.size, np.median(levels[ring] if ring.any() else levels))
    for _ in range(12):
        away = levels.ravel() - fit
        weight = 1 / (1 + (away / max(0.1, 1.5 * float(np.median(np.abs(away))))) ** 2)
        weighted = terms * (weight**2)[:, None]
        solved = np.linalg.solve(weighted.T @ terms + 1e-9 * np.eye(6), weighted.T @ levels.ravel())
        fit = terms @ solved
    return fit.reshape(levels.shape)


def _otsu(values: NDArray[np.float64]) -> float:
    """Otsu's threshold: the level that parts `values` into two groups each as uniform as can be."""
    counts, edges = np.histogram(values, 128)
    middles = (edges[:-1] + edges[1:]) / 2
    below = counts.cumsum()[:-1]
    above = counts.sum() - below
    sums = (counts * middles).cumsum()
    difference = sums[:-1] / np.maximum(below, 1) - (sums[-1] - sums[:-1]) / np.maximum(above, 1)
    return float(edges[1:-1][(below * above * difference**2).argmax()])


def _without_specks(ink: Floats) -> Floats:
    """Without dirt, and without what hangs in from outside (a table's edge, a finger) where a digit stands free."""
    parts, count = ndimage.label(ink >= 0.5, np.ones((3, 3)))
    if count == 0:
        return ink
    area = np.bincount(parts.ravel(), minlength=count + 1)
    area[0] = 0
    at_edge = np.zeros(count + 1, bool)
    at_edge[np.unique(np.concatenate([parts[0], parts[-1], parts[:, 0], parts[:, -1]]))] = True
    free = np.where(at_edge, 0, area)
    if free.max() >= 0.1 * area.max():
        area = free
    kept = ndimage.binary_dilation((area >= 0.02 * area.max())[parts] & (parts > 0), iterations=2)  # with soft edges
    return np.where(kept, ink, np.float32(0))


# ---------------------------------------------------------------------- into MNIST's frame

STROKE_RANGE = (2.3, 3.6)
"""Stroke widths that are left alone, in pixels of the 20-pixel box: those of the thicker half of MNIST.

Measured: a net forgives a line that is a little thick more readily than a thin one."""


@dataclass(frozen=True)
class Steps:
    """Which steps lead from a drawing to the network's input. Switching one off shows what it is for."""

    crop: bool = field(True, Flag("Crop", help="Cut off the paper around the digit."))
    stroke_width: bool = field(
        True, Flag("Stroke width", help="Make lines thicker or thinner than MNIST's as thick as those.")
    )
    scale: bool = field(True, Flag("Scale", help="Shrink to a box of 20×20 pixels; without it, to the whole 28×28."))
    centre: bool = field(
        True, Flag("Centre", help="Move the centre of mass into the middle; without it, the middle of the box.")
    )

    def __post_init__(self) -> None:
        validate(self)


class Stage(NamedTuple):
    """What one step made. `image` is uint8 (h, w), 0 paper to 255 ink."""

    name: str
    """"drawn", or the name of a field of Steps."""
    image: Bytes
    done: bool
    """False if the step was switched off."""


class Prepared(NamedTuple):
    """The way of a drawing into MNIST's frame."""

    stages: tuple[Stage, ...]
    """The drawing itself, then one for each step, in order."""
    pixels: Bytes
    """What the network gets, uint8 (28, 28), 0 paper to 255 ink."""
    empty: bool
    """There is no ink, so there is nothing to predict."""

    @property
    def images(self) -> Tensor:
        """The pixels as a batch of one, uint8 (1, 1, 28, 28)."""
        return torch.from_numpy(self.pixels.copy())[None, None]


def prepare(ink: Floats, steps: Steps | None = None) -> Prepared:
    """Take ink (H, W) of any size through the steps; without `steps`, through all of them."""
    steps = steps or Steps()
    stages = [Stage("drawn", to_bytes(ink), True)]
    empty = bool(ink.max(initial=0) < 0.5)

    def follow(name: str, image: Floats) -> Floats:
        stages.append(Stage(name, to_bytes(image), getattr(steps, name)))
        return image

    # A blank picture goes the same way, but there is nothing to cut out or to measure.
    image = follow("crop", crop(ink) if steps.crop and not empty else ink)
    image = follow("stroke_width", match_stroke_width(image) if steps.stroke_width and not empty else image)
    image = follow("scale", shrink(image, BOX if steps.scale else SIDE))
    image = follow("centre", place_by_mass(image) if steps.centre else place_by_box(image))
    return Prepared(tuple(stages), stages[-1].image, empty)


def crop(ink: Floats) -> Floats:
    """The box of all pixels with at least half of the strongest ink."""
    top, bottom, left, right = (int(edge[0]) for edge in ink_boxes(ink[None]))
    return ink[top:bottom, left:right]


def stroke_width(ink: Floats) -> float:
    """The usual width of the lines, in pixels; 0 without ink.

    Across a line of width w the distance to its nearest edge is spread evenly from 0 to w/2, so its mean is w/4:
    a little less at the ends, a little more where lines cross.
    """
    solid = ink >= 0.5
    if not solid.any():
        return 0.0
    distance = ndimage.distance_transform_edt(np.pad(solid, 1))[1:-1, 1:-1]
    return float(4 * (distance[solid].mean() - 0.5))  # the edge lies half a pixel before the first pixel outside


def match_stroke_width(ink: Floats, allowed: tuple[float, float] = STROKE_RANGE) -> Floats:
    """Thicken or thin the lines so that their width, once the box is 20 pixels, lies in the allowed range.

    The picture should be large beside 20 pixels. Its box grows or shrinks with the lines. What is more a blot than a
    line is left alone.
    """
    top, bottom, left, right = (int(edge[0]) for edge in ink_boxes(ink[None]))
    side, width = max(bottom - top, right - left), stroke_width(ink)
    skeleton = side - width  # the longer side of the line along the middle of the strokes: it stays as it is
    if width <= 0 or skeleton < width:
        return ink
    now = BOX * width / side
    wanted = min(max(now, allowed[0]), allowed[1])
    if wanted == now:
        return ink
    growth = (wanted * skeleton / (BOX - wanted) - width) / 2  # on either side of a line
    growth = max(growth, -0.35 * width)  # thin parts of an uneven line must not vanish
    margin = max(0, math.ceil(growth)) + 1
    solid = np.pad(ink, margin) >= 0.5
    inside, outside = ndimage.distance_transform_edt(solid), ndimage.distance_transform_edt(~solid)
    edge = np.where(solid, inside - 0.5, 0.5 - outside)  # how far inside the line a pixel lies
    changed: Floats = (edge + growth + 0.5).clip(0, 1).astype(np.float32)
    # Only what was cropped before is cropped again: the paper around is the same distance away.
    return crop(changed) if (top, left) == (0, 0) and (bottom, right) == ink.shape else changed[_inner(margin)]


def shrink(ink: Floats, size: int) -> Floats:
    """Scale the picture, antialiased, so that its longer side is `size` pixels."""
    zero, height, width = (np.array([edge]) for edge in (0, *ink.shape))
    sized = scale(ink[None], Boxes(top=zero, bottom=height, left=zero, right=width), size)
    return sized.ink[0, : sized.height[0], : sized.width[0]]


def place_by_mass(ink: Floats) -> Floats:
    """Lay a picture of at most 28×28 into the frame, its centre of mass nearest to pixel index 14; (28, 28)."""
    rows, columns = (np.flatnonzero(ink.max(axis=axis)) for axis in (1, 0))
    if len(rows):  # paper around the ink must not keep it from its place
        ink = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    framed: Floats = centre_mass(_sized(ink))[0]
    return framed


def place_by_box(ink: Floats) -> Floats:
    """Lay a picture of at most 28×28 into the middle of the frame; (28, 28)."""
    framed: Floats = centre_box(_sized(ink))[0]
    return framed


def to_bytes(ink: Floats) -> Bytes:
    """Ink in [0, 1] as uint8 0 … 255."""
    return np.rint(255 * ink).astype(np.uint8)


def _sized(ink: Floats) -> Sized:
    height, width = ink.shape
    room = max(height, width)
    square = np.zeros((1, room, room), np.float32)
    square[0, :height, :width] = ink
    return Sized(square, np.array([height]), np.array([width]))


def _inner(margin: int) -> tuple[slice, slice]:
    return slice(margin, -margin), slice(margin, -margin)
