"""From strokes and photos to MNIST's frame, against MNIST itself."""

from __future__ import annotations

import io
import math
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage
from torch import Tensor, nn

from benchmarks.strokes_of_digits import drawings_of
from nnviz.data import drawing as module
from nnviz.data.datasets import DATASETS, Loaded, to_input
from nnviz.data.drawing import (
    BRUSH,
    MAX_POINTS,
    MAX_STROKES,
    STROKE_RANGE,
    Drawing,
    DrawingError,
    Floats,
    Prepared,
    Steps,
    Stroke,
    crop,
    from_photo,
    match_stroke_width,
    place_by_box,
    place_by_mass,
    prepare,
    rasterise,
    shrink,
    stroke_width,
)
from nnviz.data.mnist_frame import frame
from nnviz.data.printed import without_print
from nnviz.data.segmentation import segments
from nnviz.spec.layers.dense import Dense
from nnviz.spec.network import NetworkSpec, build_model
from nnviz.train.evaluation import evaluate

SEVEN = Drawing((Stroke(((60, 60, 0), (130, 58, 40), (200, 60, 90), (160, 140, 130), (110, 240, 200))),))


def line(x0: float, y0: float, x1: float, y1: float, **more: Any) -> Stroke:
    return Stroke(((x0, y0, 0), (x1, y1, 100)), **more)


def enlarged(images: Tensor, side: int = 280) -> Floats:
    """uint8 (n, 1, 28, 28) as ink of a large canvas (n, side, side)."""
    large: Floats = F.interpolate(images.float() / 255, (side, side), mode="bilinear")[:, 0].numpy()
    return large


class TestDrawing:
    def test_json_gives_the_same_drawing_back(self) -> None:
        drawing = Drawing((*SEVEN.strokes, line(1, 2, 3, 4.5, width=9, erase=True)), 300, 200)
        assert Drawing.from_json(drawing.to_json()) == drawing
        assert Drawing.from_json(Drawing().to_json()) == Drawing()

    @pytest.mark.parametrize(
        ("data", "message"),
        [
            (None, "a drawing must be an object"),
            ([], "a drawing must be an object"),
            ({"paths": []}, "no field 'paths'"),
            ({"strokes": "abc"}, "strokes must be a list"),
            ({"strokes": [7]}, "a stroke must be an object"),
            ({"strokes": [{"colour": "red"}]}, "no field 'colour'"),
            ({"strokes": [{}]}, "at least one point"),
            ({"strokes": [{"points": "123"}]}, "at least one point"),
            ({"strokes": [{"points": [[1, 2]]}]}, r"three numbers \(x, y, time\), not \[1, 2\]"),
            ({"strokes": [{"points": [[math.nan, 0, 0]]}]}, "place must be a number from -2000 to 3000, not nan"),
            ({"strokes": [{"points": [[0, 1e9, 0]]}]}, "place must be a number"),
            ({"strokes": [{"points": [[0, True, 0]]}]}, "not True"),
            ({"strokes": [{"points": [[0, 0, -1]]}]}, "time must be"),
            ({"strokes": [{"points": [[0, 0, 0]], "width": math.inf}]}, "width must be a number from 0.5 to 100"),
            ({"strokes": [{"points": [[0, 0, 0]], "erase": 3}]}, "eraser must be true or false"),
            ({"width": 100_000}, "side must be a whole number from 16 to 1000"),
            ({"strokes": [{"points": [[0, 0, 0]]}] * (MAX_STROKES + 1)}, "at most 300 strokes, not 301"),
            ({"strokes": [{"points": [[0, 0, 0]] * (MAX_POINTS + 1)}]}, "at most 20,000 points, not 20,001"),
        ],
    )
    def test_strangers_are_told_what_is_wrong(self, data: object, message: str) -> None:
        with pytest.raises(module.SpecError, match=message):
            Drawing.from_dict(data)

    @pytest.mark.parametrize("text", ["", "{", "[" * 100_000, " " * 1_000_001])
    def test_text_that_is_no_drawing(self, text: str) -> None:
        with pytest.raises(module.SpecError, match="drawing"):
            Drawing.from_json(text)

    def test_as_much_as_is_allowed_is_taken(self) -> None:
        point = [0, 0, 0]
        drawing = Drawing.from_dict({"strokes": [{"points": [point] * 20_000}]})
        assert len(drawing.strokes[0].points) == 20_000
        assert len(Drawing.from_dict({"strokes": [{"points": [point]}] * 300}).strokes) == 300
        with pytest.raises(module.SpecError, match=r"at most 20,000 points, not 20,001"):
            Drawing.from_dict({"strokes": [{"points": [point] * 10_000}, {"points": [point] * 10_001}]})
        text = Drawing().to_json()
        assert Drawing.from_json(text + " " * (1_000_000 - len(text))) == Drawing()
        with pytest.raises(module.SpecError, match="at most 1000 kB of text, not 1,002 kB"):
            Drawing.from_json(" " * 1_002_000)


class TestRasterise:
    @pytest.mark.parametrize("width", [2.0, 7.0, BRUSH, 40.0])
    @pytest.mark.parametrize("upright", [False, True])
    def test_across_a_line_there_is_as_much_ink_as_its_width(self, width: float, upright: bool) -> None:
        ends = (140, 60, 140, 220) if upright else (60, 140, 220, 140)
        ink = rasterise(Drawing((line(*ends, width=width),)))
        across, along = (ink[140], ink[:, 140]) if upright else (ink[:, 140], ink[140])
        assert across.sum() == pytest.approx(width, abs=0.13)
        assert along.sum() == pytest.approx(160 + width, abs=0.5)
        assert (across * (np.arange(280) + 0.5)).sum() / across.sum() == pytest.approx(140, abs=0.15)

    def test_the_thinnest_line_is_as_thin_as_it_may_be(self) -> None:
        ink = rasterise(Drawing((line(60, 140, 220, 140, width=0.5),)))
        assert ink[:, 140].sum() == pytest.approx(0.5, abs=0.13)

    def test_a_corner_is_the_quadratic_curve_between_the_middles_of_its_legs(self) -> None:
        corner = Stroke(((40, 40, 0), (140, 40, 0), (140, 140, 0)), width=3)
        ink = rasterise(Drawing((corner,)))
        for share in (0.25, 0.5, 0.75):  # from (90, 40), bent by (140, 40), to (140, 90)
            x = (1 - share) ** 2 * 90 + 2 * share * (1 - share) * 140 + share**2 * 140
            y = (1 - share) ** 2 * 40 + 2 * share * (1 - share) * 40 + share**2 * 90
            assert ink[int(y), int(x)] > 0.9
        assert ink[40, 45] > 0.9
        assert ink[135, 140] > 0.9
        assert ink[36:46, 136:146].max() == 0  # the pen cuts the corner

    def test_a_dot_is_a_disc(self) -> None:
        ink = rasterise(Drawing((Stroke(((100, 80, 0),), width=20),)))
        assert (ink.shape, ink.dtype) == ((280, 280), np.float32)
        assert ink.sum() == pytest.approx(math.pi * 10**2, rel=0.02)
        y, x = ndimage.center_of_mass(ink)
        assert (x + 0.5, y + 0.5) == pytest.approx((100, 80), abs=0.2)

    def test_a_line_has_its_width_round_ends_and_soft_edges(self) -> None:
        ink = rasterise(Drawing((line(60, 100, 200, 150, width=18),)))
        assert ink.sum() == pytest.approx(18 * math.hypot(140, 50) + math.pi * 9**2, rel=0.02)
        assert stroke_width(ink) == pytest.approx(18, rel=0.1)
        assert len(np.unique(ink)) > 10
        assert set(np.unique(ink[90:160, 50:210])) >= {0.0, 1.0}

    def test_curves_pass_smoothly_between_their_points(self) -> None:
        angles = np.linspace(0, 2 * math.pi, 13)
        circle = Stroke(tuple((140 + 80 * math.cos(a), 140 + 80 * math.sin(a), 0) for a in angles), width=6)
        y, x = (rasterise(Drawing((circle,))) > 0.5).nonzero()
        radius = np.hypot(x + 0.5 - 140, y + 0.5 - 140)
        assert radius.min() > 72
        assert radius.max() < 84

    def test_the_eraser_takes_away_what_was_drawn_before_it(self) -> None:
        pen, eraser = line(20, 140, 260, 140), line(140, 20, 140, 260, width=30, erase=True)
        ink = rasterise(Drawing((pen, eraser)))
        assert ink[140, 140] == 0
        assert ink[140, 50] == ink[140, 230] == 1
        assert rasterise(Drawing((eraser, pen)))[140, 140] == 1

    def test_nothing_drawn_and_drawn_outside_are_blank(self) -> None:
        assert rasterise(Drawing((), 100, 50)).shape == (50, 100)
        assert rasterise(Drawing((line(-500, -500, -400, 900),))).max() == 0


# ---------------------------------------------------------------------- MNIST as the outside reference


@pytest.fixture(scope="module")
def mnist(mnist_root: Path) -> Loaded:
    return DATASETS["mnist"].load(mnist_root)


@pytest.fixture(scope="module")
def net(mnist: Loaded) -> nn.Module:
    """The classic net after two quick epochs."""
    model = build_model(NetworkSpec((Dense(128, "relu"),)), (1, 28, 28), 10, seed=0)
    optimizer = torch.optim.Adam(model.parameters(), 0.001)
    inputs, source = to_input(mnist.train.images, mnist.dataset), torch.Generator().manual_seed(0)
    for _ in range(2):
        for batch in torch.randperm(len(inputs), generator=source).split(64):
            optimizer.zero_grad()
            F.cross_entropy(model(inputs[batch]), mnist.train.labels[batch]).backward()
            optimizer.step()
    assert evaluate(model, mnist.dataset, mnist.test).accuracy > 0.94
    return model


@pytest.fixture(scope="module")
def sample(mnist: Loaded) -> Callable[[int], tuple[Tensor, Tensor]]:
    """Every n-th test image and label."""
    return lambda every: (mnist.test.images[::every], mnist.test.labels[::every])


def accuracy(net: nn.Module, images: Tensor, labels: Tensor) -> float:
    with torch.inference_mode():
        answers = net(to_input(images, DATASETS["mnist"])).argmax(1)
    return float((answers == labels).double().mean())


def prepared(pictures: list[Floats] | Floats, steps: Steps | None = None) -> Tensor:
    return torch.cat([prepare(picture, steps).images for picture in pictures])


@pytest.fixture(scope="module")
def large(net: nn.Module, sample: Any) -> tuple[Floats, Tensor, float]:
    """Every tenth image as large ink, the labels, and the accuracy on what the path makes of it."""
    images, labels = sample(10)
    pictures = enlarged(images)
    return pictures, labels, accuracy(net, prepared(pictures), labels)


class TestMnist:
    """`MNIST images drawn large and brought back by the path` are what the net knew before."""

    def test_the_numbers_of_the_frame_are_mnists_own(self, mnist: Loaded) -> None:
        images = mnist.test.images[:500, 0].numpy()
        centres = np.array([ndimage.center_of_mass(image) for image in images])
        assert np.abs(centres - 14).mean() < 0.4
        assert np.abs(centres - 14).max() < 1
        boxes = [np.ptp(np.argwhere(image), axis=0) + 1 for image in images]
        assert {int(max(box)) for box in boxes} == {20}

    def test_a_large_image_comes_back_as_it_was(self, mnist: Loaded) -> None:
        images = mnist.test.images[:50]
        back = prepared(enlarged(images), Steps(stroke_width=False))
        moved = (back.float() - images.float()).abs().mean()
        assert (images.float() - images.float().roll(1, 3)).abs().mean() > 1.5 * moved  # one pixel to the side is worse

    def test_stroke_widths_left_alone_are_those_of_the_middle_of_mnist(self, mnist: Loaded) -> None:
        widths = []
        for ink in enlarged(mnist.test.images[:300]):
            box = crop(ink)
            widths.append(20 * stroke_width(box) / max(box.shape))
        low, median, high = np.quantile(widths, [0.01, 0.5, 0.99])
        assert low < STROKE_RANGE[0] < median + 0.1 < STROKE_RANGE[1] < high

    def test_drawn_large_it_loses_at_most_a_point(self, net: nn.Module, sample: Any, large: Any) -> None:
        assert large[2] >= accuracy(net, *sample(10)) - 0.01

    @pytest.mark.parametrize(("side", "width"), [(200, BRUSH), (80, 12)])
    def test_drawn_as_strokes_of_one_pen_it_loses_hardly_more(
        self, net: nn.Module, sample: Any, side: float, width: float
    ) -> None:
        images, labels = sample(10)  # their own widths are lost, and thinning spoils some of them
        pictures = [rasterise(drawing) for drawing in drawings_of(images, width, side)]
        assert accuracy(net, prepared(pictures), labels) >= accuracy(net, images, labels) - 0.02

    @pytest.mark.parametrize("name", ["crop", "scale", "centre"])
    def test_each_step_matters(self, net: nn.Module, large: Any, name: str) -> None:
        pictures, labels, whole = large
        some = slice(None, None, 3)
        assert accuracy(net, prepared(pictures[some], Steps(**{name: False})), labels[some]) < whole - 0.05

    @pytest.mark.parametrize(("side", "width"), [(220, 6), (60, 16)])
    def test_the_stroke_width_matters_for_thin_and_for_small_writing(
        self, net: nn.Module, sample: Any, side: float, width: float
    ) -> None:
        images, labels = sample(40)
        pictures = [rasterise(drawing) for drawing in drawings_of(images, width, side)]
        without = accuracy(net, prepared(pictures, Steps(stroke_width=False)), labels)
        assert accuracy(net, prepared(pictures), labels) > without


class TestSteps:
    def test_the_way_is_that_of_made_digits(self) -> None:
        ink = rasterise(SEVEN)
        pixels = prepare(ink, Steps(stroke_width=False)).pixels
        np.testing.assert_array_equal(pixels, module.to_bytes(frame(ink[None])[0]))

    @pytest.mark.parametrize("side", [40, 90, 200])
    @pytest.mark.parametrize("width", [3, BRUSH, 30])
    def test_whatever_the_pen_and_the_size_the_result_has_mnists_measures(self, side: float, width: float) -> None:
        if width > side / 3:
            pytest.skip("a blot")
        at = 30.0
        bent = Stroke(((at, at, 0), (at + side * 0.6, at, 0), (at + side * 0.2, at + side, 0)), width)
        result = prepare(rasterise(Drawing((bent,)))).pixels
        box = np.ptp(np.argwhere(result), axis=0) + 1
        assert max(box) in (20, 21)
        assert np.abs(np.array(ndimage.center_of_mass(result)) - 14).max() <= 0.5
        large = np.asarray(Image.fromarray(result).resize((280, 280), Image.Resampling.BILINEAR), np.float32) / 255
        assert STROKE_RANGE[0] - 0.4 < stroke_width(large) / 10 < STROKE_RANGE[1] + 0.4

    def test_each_step_is_shown_in_order_and_can_be_left_out(self) -> None:
        ink = rasterise(SEVEN)
        shown = prepare(ink)
        assert [stage.name for stage in shown.stages] == ["drawn", "crop", "stroke_width", "scale", "centre"]
        assert all(stage.done and stage.image.dtype == np.uint8 for stage in shown.stages)
        np.testing.assert_array_equal(shown.stages[-1].image, shown.pixels)
        assert max(shown.stages[3].image.shape) == 20
        without = prepare(ink, Steps(crop=False, scale=False))
        assert [stage.done for stage in without.stages] == [True, False, True, False, True]
        assert without.stages[1].image.shape == (280, 280)
        assert without.stages[3].image.shape == (28, 28)

    def test_crop_ends_at_the_ink(self) -> None:
        box = crop(rasterise(Drawing((line(50, 60, 200, 220, width=20),))))
        assert box.shape == (180, 170)

    def test_shrinking_keeps_proportions_and_the_mean(self) -> None:
        ink = crop(rasterise(SEVEN))
        small = shrink(ink, 20)
        assert small.shape == (20, round(20 * ink.shape[1] / ink.shape[0]))
        assert small.mean() == pytest.approx(ink.mean(), rel=0.03)
        np.testing.assert_allclose(shrink(np.ones((7, 13), np.float32), 20), 1, rtol=1e-6)

    def test_centring_by_mass_and_by_box_differ_for_what_is_heavy_at_the_top(self) -> None:
        small = shrink(crop(rasterise(SEVEN)), 20)
        assert ndimage.center_of_mass(place_by_mass(small)) == pytest.approx((14, 14), abs=0.5)
        by_box = np.argwhere(place_by_box(small))
        assert (by_box.min(axis=0) + by_box.max(axis=0)).tolist() == pytest.approx([27, 27], abs=1)

    def test_centring_finds_ink_in_a_corner_of_an_uncropped_picture(self) -> None:
        corner = Drawing((line(20, 20, 40, 90),))
        pixels = prepare(rasterise(corner), Steps(crop=False, scale=False)).pixels
        assert ndimage.center_of_mass(pixels) == pytest.approx((14, 14), abs=0.5)

    @pytest.mark.parametrize("width", [4.0, 40.0])
    def test_the_width_of_lines_is_brought_into_the_range(self, width: float) -> None:
        ink = rasterise(Drawing((line(60, 50, 60, 230, width=width), line(60, 230, 170, 230, width=width))))
        changed = match_stroke_width(crop(ink))
        now = 20 * stroke_width(changed) / max(changed.shape)
        assert now == pytest.approx(STROKE_RANGE[0] if width < 10 else STROKE_RANGE[1], abs=0.3)

    def test_the_paper_around_does_not_matter_and_stays(self) -> None:
        ink = crop(rasterise(Drawing((line(60, 50, 60, 230, width=4), line(60, 230, 170, 230, width=4)))))
        around = np.pad(ink, ((20, 31), (47, 12)))
        changed = match_stroke_width(around)
        assert changed.shape == around.shape
        np.testing.assert_array_equal(crop(changed), match_stroke_width(ink))

    def test_a_line_is_thinned_by_seven_tenths_at_most(self) -> None:
        bar = np.pad(np.ones((100, 50), np.float32), 3)
        width = stroke_width(bar)
        changed = match_stroke_width(bar, (2.3, 8.0))  # of 20 pixels, of which the line along its middle keeps the rest
        now = width - (50 - changed[53].sum())
        assert 20 * now / (100 - width + now) == pytest.approx(8, abs=0.1)
        assert 50 - match_stroke_width(bar)[53].sum() == pytest.approx(0.7 * width, abs=0.5)

    def test_what_is_too_faint_to_have_lines_stays(self) -> None:
        faint = np.full((100, 30), 0.4, np.float32)
        assert stroke_width(faint) == 0
        np.testing.assert_array_equal(match_stroke_width(faint), faint)
        assert prepare(faint).empty
        assert not prepare(faint + np.float32(0.1)).empty

    @pytest.mark.parametrize(
        ("shape", "size"), [((70, 33), 20), ((33, 70), 20), ((50, 50), 28), ((9, 14), 20), ((1, 60), 20), ((60, 1), 20)]
    )
    def test_shrinking_is_pillow_s(self, shape: tuple[int, int], size: int) -> None:
        ink = np.random.default_rng(0).random(shape, np.float32)
        height, width = (max(1, round(side * size / max(shape))) for side in shape)
        theirs = Image.fromarray(ink).resize((width, height), Image.Resampling.BILINEAR)
        np.testing.assert_allclose(shrink(ink, size), np.asarray(theirs), atol=1e-5)

    def test_paper_around_a_small_picture_does_not_keep_it_from_its_place(self) -> None:
        small = np.random.default_rng(0).random((15, 9), np.float32)
        placed = place_by_mass(small)
        assert ndimage.center_of_mass(placed) == pytest.approx((14, 14), abs=0.5)
        assert placed.sum() == pytest.approx(small.sum())
        for around in (((3, 2), (1, 4)), ((0, 5), (6, 0)), ((7, 0), (0, 10))):
            np.testing.assert_array_equal(place_by_mass(np.pad(small, around)), placed)
        heavy = np.zeros((20, 20), np.float32)
        heavy[0] = 1  # its centre of mass can't come to 14 without cutting off the rest
        assert np.flatnonzero(place_by_mass(np.pad(heavy, ((0, 0), (0, 0)))).any(1)).tolist() == [14]

    def test_a_width_within_the_range_and_a_blot_stay_as_they_are(self) -> None:
        for drawing in (Drawing((line(60, 50, 60, 230, width=25),)), Drawing((Stroke(((90, 90, 0),), 60),))):
            ink = crop(rasterise(drawing))
            np.testing.assert_array_equal(match_stroke_width(ink), ink)

    @pytest.mark.parametrize("steps", [Steps(), Steps(crop=False), Steps(False, False, False, False)])
    def test_an_empty_canvas_is_empty(self, steps: Steps) -> None:
        result = prepare(rasterise(Drawing()), steps)
        assert result.empty
        assert result.pixels.shape == (28, 28)
        assert result.pixels.max() == 0
        assert not prepare(rasterise(Drawing((Stroke(((9, 9, 0),)),))), steps).empty

    def test_everything_erased_is_empty_too(self) -> None:
        wiped = Drawing((line(90, 90, 190, 190), line(90, 90, 190, 190, width=60, erase=True)))
        assert prepare(rasterise(wiped)).empty

    def test_as_a_batch_of_one(self) -> None:
        result: Prepared = prepare(rasterise(SEVEN))
        assert (result.images.shape, result.images.dtype) == ((1, 1, 28, 28), torch.uint8)

    def test_a_step_is_on_or_off(self) -> None:
        with pytest.raises(module.SpecError, match="Crop must be true or false, not 3"):
            Steps(crop=3)  # type: ignore[arg-type]


# ---------------------------------------------------------------------- photos


def photo(
    ink: Floats,
    paper: float = 0.85,
    pen: float = 0.15,
    light: float = 0.6,
    noise: float = 0.015,
    size: tuple[int, int] = (800, 600),
) -> Image.Image:
    """Ink on paper in light that falls off by `light` from top left to bottom right, seen by a grainy camera."""
    large = np.asarray(Image.fromarray(module.to_bytes(ink)).resize(size, Image.Resampling.BICUBIC), np.float32) / 255
    reflected = paper + (pen - paper) * large
    y, x = np.mgrid[0 : size[1], 0 : size[0]]
    shade = 1 - light * (x / size[0] + y / size[1]) / 2
    grain = np.random.default_rng(0).normal(0, noise, large.shape)
    grey = np.rint(255 * np.clip(reflected * shade + grain, 0, 1)).astype(np.uint8)
    return Image.merge("RGB", [Image.fromarray(grey)] * 3)


def saved(image: Image.Image, kind: str = "JPEG", **more: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **more)
    return stream.getvalue()


def said_to_be(kind: str, width: int, height: int) -> bytes:
    """A small picture whose header tells of another size."""
    blank = Image.new("L", (40, 30), 200)
    data = bytearray(saved(blank, kind, **(dict(save_all=True, append_images=[blank]) if kind == "MPO" else {})))
    if kind in ("JPEG", "MPO"):
        start = data.index(b"\xff\xc0")  # its frame header: marker, length, bits, height, width
        data[start + 5 : start + 9] = struct.pack(">HH", height, width)
    elif kind == "PNG":
        data[16:24] = struct.pack(">II", width, height)
        data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    elif kind == "GIF":
        data[6:10] = struct.pack("<HH", width, height)
        del data[len(data) // 2 :]
    else:
        data[18:26] = struct.pack("<ii", width, height)
    return bytes(data)


def likeness(one: Tensor, other: Tensor) -> float:
    """Correlation of two images' pixels."""
    return float(np.corrcoef(one.numpy().ravel(), other.numpy().ravel())[0, 1])


Bytes = NDArray[np.uint8]
Source = np.random.Generator


def grey_picture(ink: NDArray[Any], kind: str = "PNG") -> bytes:
    """Black ink on white paper."""
    return saved(Image.fromarray(module.to_bytes(1 - np.asarray(ink, np.float32).clip(0, 1))), kind)


def resized(image: Bytes, side: int) -> Floats:
    large = np.asarray(Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC), np.float32)
    return ((large / 255 - 0.35) / 0.3).clip(0, 1)


def on_page(image: Bytes, side: int, page: int, source: Source) -> Floats:
    ink = np.zeros((page, page), np.float32)
    y, x = source.integers(page // 20, page - side - page // 20 + 1, 2)
    ink[y : y + side, x : x + side] = resized(image, side)
    return ink


def photographed(ink: Floats, source: Source) -> bytes:
    grain = source.normal(0, 0.01, ink.shape)
    shade = 1 - 0.15 * np.mgrid[0 : len(ink), 0 : len(ink)].sum(0) / (2 * len(ink))
    return grey_picture(1 - ((0.88 - 0.7 * ink) * shade + grain), "JPEG")


def ruled(image: Bytes, source: Source, dark: float, squared: bool) -> bytes:
    page = on_page(image, int(source.uniform(220, 350)), 600, source)
    step, width = int(source.uniform(25, 50)), int(source.integers(1, 4))
    lines = np.zeros_like(page)
    for shift in range(width):
        lines[step + shift :: step] = dark
        if squared:
            lines[:, step + shift :: step] = dark
    return photographed(np.maximum(page, lines), source)


def framed(image: Bytes, source: Source, margin: int, cut_off: bool) -> bytes:
    page = np.pad(resized(image, 260), 70)
    low, high, width = margin, 400 - margin, int(source.integers(3, 8))
    page[low : low + width, low:high] = page[low:high, low : low + width] = 1
    if not cut_off:
        page[high - width : high, low:high] = page[low:high, high - width : high] = 1
    return photographed(page, source)


def deep(image: Bytes, light: bool) -> bytes:
    """A PNG of 16 bits a pixel in which one value is said to be transparent."""
    ink = resized(image, 280).astype(np.float64)
    values = np.uint16(np.rint(65_535 * (ink if light else 1 - ink)))
    stream = io.BytesIO()
    Image.fromarray(values).save(stream, "PNG", transparency=0 if light else 65_535)
    return stream.getvalue()


def transparent(image: Bytes, colour: tuple[int, int, int], under: int) -> bytes:
    opacity = module.to_bytes(resized(image, 280))
    pixels = np.full((*opacity.shape, 4), under, np.uint8)
    pixels[opacity > 0, :3] = colour
    pixels[..., 3] = opacity
    return saved(Image.fromarray(pixels), "PNG")


KINDS: dict[str, Callable[[Bytes, Source], bytes]] = {
    "black on white, 28": lambda image, source: grey_picture(image / 255),
    "white on black, 28": lambda image, source: grey_picture(1 - image / 255),
    "white on black, 280": lambda image, source: grey_picture(1 - np.kron(image, np.ones((10, 10))) / 255),
    "thick, white on black": lambda image, source: grey_picture(1 - 3 * (image / 255)),
    "cut close, white on black": lambda image, source: grey_picture(1 - resized(image, 280)[40:-40, 40:-40]),
    "light grey on dark grey": lambda image, source: grey_picture(0.8 - 0.5 * resized(image, 140)),
    "transparent, white ink": lambda image, source: transparent(image, (255, 255, 255), 0),
    "transparent, yellow ink": lambda image, source: transparent(image, (255, 230, 40), 255),
    "transparent, black ink": lambda image, source: transparent(image, (0, 0, 0), 255),
    "16 bits, white ink": lambda image, source: deep(image, light=True),
    "16 bits, black ink": lambda image, source: deep(image, light=False),
    "ruled": lambda image, source: ruled(image, source, 0.6, squared=False),
    "squared": lambda image, source: ruled(image, source, 0.3, squared=True),
    "in a box": lambda image, source: framed(image, source, 25, cut_off=False),
    "in a cell that is cut off": lambda image, source: framed(image, source, 0, cut_off=True),
    "small on its page": lambda image, source: photographed(on_page(image, 120, 1000, source), source),
}


class TestPhoto:
    EXPECTED = prepare(
        np.asarray(Image.fromarray(module.to_bytes(rasterise(SEVEN))).resize((400, 300))) / np.float32(255)
    )

    @pytest.mark.parametrize(
        ("paper", "pen"), [(0.85, 0.15), (0.95, 0.6), (0.15, 0.8), (0.3, 0.1), (0.05, 0.3), (0.4, 0.65)]
    )
    @pytest.mark.parametrize("light", [0.0, 0.75])
    def test_dark_and_light_paper_in_even_and_uneven_light(self, paper: float, pen: float, light: float) -> None:
        ink = from_photo(saved(photo(rasterise(SEVEN), paper, pen, light)))
        assert (ink.shape, ink.dtype) == ((315, 420), np.float32)
        assert (ink.min(), ink.max()) == (0, 1)
        assert likeness(prepare(ink).images, self.EXPECTED.images) > 0.93

    @pytest.mark.parametrize("kind", ["PNG", "WEBP", "GIF", "BMP", "AVIF", "HEIF"])
    def test_other_formats(self, kind: str) -> None:
        ink = from_photo(saved(photo(rasterise(SEVEN)), kind))
        assert likeness(prepare(ink).images, self.EXPECTED.images) > 0.93

    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "AVIF"])
    def test_a_phone_held_sideways(self, kind: str) -> None:
        turned = photo(rasterise(SEVEN)).transpose(Image.Transpose.ROTATE_90)
        exif = Image.Exif()
        exif[0x0112] = 6  # turn by 90° clockwise to see it upright
        ink = from_photo(saved(turned, kind, exif=exif))
        assert ink.shape == (315, 420)
        assert likeness(prepare(ink).images, self.EXPECTED.images) > 0.93

    def test_other_kinds_of_pixels(self) -> None:
        picture = photo(rasterise(SEVEN))
        ink = Image.fromarray(255 - np.asarray(picture.convert("L")))
        transparent = Image.merge("LA", (Image.new("L", ink.size), ink.point(lambda v: 255 if v > 200 else 0)))
        deep = Image.fromarray(np.asarray(picture.convert("L")).astype(np.uint16) * 257)
        for made in (
            picture.convert("L"),
            picture.convert("P"),
            picture.convert("1", dither=Image.Dither.NONE),
            transparent,
            deep,
        ):
            assert likeness(prepare(from_photo(saved(made, "PNG"))).images, self.EXPECTED.images) > 0.9, made.mode

    def test_mnist_photographed_keeps_its_accuracy(self, net: nn.Module, sample: Any) -> None:
        images, labels = sample(50)
        pictures = [from_photo(saved(photo(ink, size=(400, 400)))) for ink in enlarged(images)]
        assert accuracy(net, prepared(pictures), labels) >= accuracy(net, images, labels) - 0.015

    @pytest.mark.parametrize("kind", KINDS)
    def test_pictures_of_every_kind_are_read_as_well_as_the_digits_themselves(
        self, kind: str, net: nn.Module, sample: Any
    ) -> None:
        images, labels = sample(500)
        pictures = [
            from_photo(KINDS[kind](image, np.random.default_rng(number)))
            for number, image in enumerate(images[:, 0].numpy())
        ]
        assert accuracy(net, prepared(pictures), labels) >= accuracy(net, images, labels) - 0.1

    def test_a_row_of_digits_on_one_photo_is_found_digit_by_digit(self, sample: Any) -> None:
        images, right = sample(100)[0][:60, 0].numpy(), 0
        for number in range(10):
            row = np.zeros((700, 700), np.float32)
            for place, image in enumerate(images[6 * number : 6 * number + 6]):
                row[300:400, 20 + 110 * place : 120 + 110 * place] = resized(image, 100)
            right += len(segments(from_photo(photographed(row, np.random.default_rng(number))))) == 6
        assert right >= 9

    @pytest.mark.parametrize("around", [1.0, 0.9])
    def test_a_circle_and_what_is_no_frame_stay(self, around: float) -> None:
        y, x = np.mgrid[-1:1:200j, -1:1:200j]
        ring = np.float32(np.abs(np.hypot(x, y * around) - 0.8) < 0.05)
        ring[95:105, 80:120] = 1
        np.testing.assert_array_equal(without_print(ring), ring)

    @pytest.mark.parametrize("upright", [False, True])
    def test_a_stroke_from_edge_to_edge_is_no_ruled_line(self, upright: bool) -> None:
        ink = np.zeros((200, 200), np.float32)
        ink[90:104] = 1
        ink = ink.T if upright else ink
        np.testing.assert_array_equal(without_print(ink), ink)

    @pytest.mark.parametrize("tilt", [0.0, 0.04, -0.04])
    def test_ruled_lines_go_and_what_they_cross_stays(self, tilt: float) -> None:
        ink = np.zeros((200, 200), np.float32)
        ink[20:180, 95:110] = 1
        ruled = ink.copy()
        for start in range(10, 200, 30):
            for column in range(200):
                row = round(start + tilt * (column - 100))
                ruled[max(0, row) : row + 2, column] = 1
        cleared = without_print(ruled)
        np.testing.assert_array_equal(cleared[20:180, 95:110], 1)
        assert cleared.sum() <= 1.06 * ink.sum()

    def test_specks_and_what_hangs_in_from_the_edge_are_not_the_digit(self) -> None:
        ink = rasterise(SEVEN)
        dirty = rasterise(
            Drawing((*SEVEN.strokes, Stroke(((250, 30, 0),), 4), Stroke(((20, 250, 0),), 3), line(262, 100, 300, 100)))
        )
        assert dirty.sum() > ink.sum() + 300
        np.testing.assert_allclose(
            prepare(from_photo(saved(photo(dirty)))).images, prepare(from_photo(saved(photo(ink)))).images, atol=40
        )

    def test_a_digit_that_touches_the_edge_is_kept(self) -> None:
        ink = from_photo(saved(photo(rasterise(Drawing((line(140, -10, 140, 290),))))))
        assert ink.sum() > 5000

    @pytest.mark.parametrize("grey", [0, 128, 255])
    @pytest.mark.parametrize("noise", [0.0, 0.03])
    def test_all_one_colour(self, grey: int, noise: float) -> None:
        plain = photo(np.zeros((280, 280), np.float32), paper=grey / 255, noise=noise * (grey > 0))
        with pytest.raises(DrawingError, match="all one colour"):
            from_photo(saved(plain))

    @pytest.mark.parametrize("data", [b"", b"hello", b"%PDF-1.7", b"<svg onload='alert(1)'/>", b"\x89PNG\r\n\x1a\n"])
    def test_no_picture(self, data: bytes) -> None:
        with pytest.raises(DrawingError, match=r"not a picture|damaged"):
            from_photo(data)

    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP"])
    def test_a_damaged_picture(self, kind: str) -> None:
        whole = saved(photo(rasterise(SEVEN)), kind)
        with pytest.raises(DrawingError, match="damaged"):
            from_photo(whole[: len(whole) // 3])

    @pytest.mark.parametrize("kind", ["HEIF", "AVIF"])
    def test_newer_formats_have_a_limit_too(self, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
        data = saved(photo(rasterise(SEVEN)), kind)  # 0.48 megapixels
        assert module.MAX_MEGAPIXELS["HEIF"] >= 48  # as many as iPhones have
        monkeypatch.setitem(module.MAX_MEGAPIXELS, kind, 0.4)
        with pytest.raises(DrawingError, match="megapixels; at most"):
            from_photo(data)

    @pytest.mark.skipif(sys.platform != "linux", reason="the peak of memory is read from /proc")
    @pytest.mark.parametrize(("kind", "most"), [("JPEG", 1), ("HEIF", 8)])
    def test_the_largest_photo_of_a_phone_is_read_within_bounds_of_memory(
        self, kind: str, most: int, tmp_path: Path
    ) -> None:
        """A HEIC can't be read at a smaller size: its planes (1.5 bytes a pixel), and as colours (3) twice."""
        width, height = 8064, 6048  # 48 megapixels, an iPhone's
        picture = Image.new("RGB", (width, height), (230, 230, 230))
        pen = ImageDraw.Draw(picture)
        pen.line([(2600, 1300), (5400, 1300), (3600, 4800)], (30, 30, 30), width=500, joint="curve")  # a seven
        quick = {"enc_params": {"preset": "ultrafast"}} if kind == "HEIF" else {}
        picture.save(tmp_path / "photo", kind, **quick)
        code = f"""
from pathlib import Path
from nnviz.data.drawing import from_photo

def peak():
    return next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith("VmHWM"))

data, before = Path({str(tmp_path / "photo")!r}).read_bytes(), peak()
ink = from_photo(data)
print(peak() - before, *ink.shape, ink[68, 208], ink[20, 20])
"""
        answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        grown, *shape, inked, paper = map(float, answer.stdout.split())
        assert grown < most * width * height
        assert (shape, inked, paper) == ([315, 420], 1, 0)

    def test_too_many_megapixels_are_refused_before_they_are_decoded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Image.Image, "convert", lambda *_: pytest.fail("decoded"))
        for size, words in (((20_000, 10_000), "megapixels; at most"), ((6000, 5000), "30 megapixels; at most 25")):
            with pytest.raises(DrawingError, match=words):
                from_photo(saved(Image.new("1", size), "PNG"))

    @pytest.mark.parametrize(("kind", "limit"), [("JPEG", 64), ("MPO", 64), ("PNG", 25), ("GIF", 25), ("BMP", 25)])
    def test_each_format_has_its_limit(self, kind: str, limit: int) -> None:
        side = round(1000 * limit**0.5)
        with pytest.raises(DrawingError, match=f"has {limit} megapixels; at most {limit} are read"):
            from_photo(said_to_be(kind, side, side + 1))
        with pytest.raises(DrawingError, match=f"has {1.25 * limit:.0f} megapixels; at most {limit} are read"):
            from_photo(said_to_be(kind, side, side * 5 // 4))
        with pytest.raises(DrawingError, match=r"damaged|all one colour"):  # not too large, but little is in it
            from_photo(said_to_be(kind, side, side))

    def test_few_pixels_and_many_bits(self) -> None:
        with pytest.raises(DrawingError, match="all one colour"):
            from_photo(saved(Image.new("L", (8, 8)), "PNG"))
        for size in ((7, 8), (8, 7)):
            with pytest.raises(DrawingError, match=f"only {size[0]}×{size[1]} pixels"):
                from_photo(saved(Image.new("L", size), "PNG"))
        dark = np.full((9, 9), 256, np.uint16)  # of 65,535
        assert module._brightness(saved(Image.fromarray(dark), "PNG")) == pytest.approx(256 / 65_535)
        assert module._brightness(saved(Image.new("L", (9, 9), 255), "PNG")).max() == 1

    @pytest.mark.parametrize("seed", range(5))
    def test_otsus_level_leaves_each_side_as_uniform_as_can_be(self, seed: int) -> None:
        source = np.random.default_rng(seed)
        values = np.concatenate([source.normal(0.1, 0.05, 700), source.normal(0.6, 0.1, 100 + 100 * seed)])
        counts, edges = np.histogram(values, 128)
        rounded = np.repeat((edges[:-1] + edges[1:]) / 2, counts)

        def unevenness(level: float) -> float:
            sides = rounded[rounded < level], rounded[rounded > level]
            return sum(float(((side - side.mean()) ** 2).sum()) for side in sides if len(side))

        found = module._otsu(values)
        assert unevenness(found) == pytest.approx(min(map(unevenness, edges[1:-1])))
        assert 0.1 < found < 0.6

    @pytest.mark.parametrize("turn", range(4))
    def test_what_hangs_in_from_any_side_goes_where_a_digit_stands_free(self, turn: int) -> None:
        ink = np.zeros((60, 60), np.float32)
        ink[20:40, 25:35] = 1  # 200 pixels
        hanging = ink.copy()
        hanging[:10, 20:40] = 1
        np.testing.assert_array_equal(module._without_specks(np.rot90(hanging, turn)), np.rot90(ink, turn))

    def test_a_tenth_of_what_hangs_in_is_a_digit_and_less_is_a_speck(self) -> None:
        ink = np.zeros((60, 60), np.float32)
        ink[:20, :50] = 1  # 1,000 pixels at the edge
        ink[40:50, 20:30] = 1  # 100 that stand free
        assert module._without_specks(ink).sum() == 100
        ink[49, 29] = 0
        assert module._without_specks(ink).sum() == 1099

    def test_specks_have_less_than_a_fiftieth_of_the_digit(self) -> None:
        ink = np.zeros((60, 60), np.float32)
        ink[20:30, 20:25] = 1  # 50 pixels
        ink[50, 50] = 0.5  # half of full ink is a pixel of it
        assert module._without_specks(ink).sum() == 50.5
        ink[30, 20] = 1
        assert module._without_specks(ink).sum() == 51
        assert module._without_specks(np.full((9, 9), 0.4, np.float32)).sum() == pytest.approx(0.4 * 81)  # none at all

    def test_soft_edges_of_two_pixels_stay(self) -> None:
        ink = np.full((60, 60), 0.3, np.float32)
        ink[20:40, 20:40] = 1
        kept = module._without_specks(ink) > 0
        assert np.flatnonzero(kept[30]).tolist() == list(range(18, 42))
        assert np.flatnonzero(kept[:, 30]).tolist() == list(range(18, 42))

    def test_too_many_bytes_and_too_few_pixels(self) -> None:
        with pytest.raises(DrawingError, match="has 21 MB; at most 20"):
            from_photo(bytes(21_000_000))
        with pytest.raises(DrawingError, match="only 3×5 pixels"):
            from_photo(saved(Image.new("L", (3, 5)), "PNG"))
