"""What is packed for the browser."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
import pytest

from nnviz.charts.colors import NEGATIVE, NEUTRAL, POSITIVE
from nnviz.ui.components.image_grid import Bars, Caption, pack, signed_to_bytes


def unpack(message: bytes) -> tuple[dict[str, Any], np.ndarray]:
    (length,) = struct.unpack_from("<I", message)
    header = json.loads(message[4 : 4 + length])
    shape = header["count"], header["height"], header["width"]
    pixels = np.frombuffer(message, np.uint8, int(np.prod(shape)), 4 + length)
    return header, pixels.reshape(shape)


class TestSigned:
    def test_zero_is_the_middle_and_the_largest_magnitude_the_end(self) -> None:
        pixels, limit = signed_to_bytes(np.array([[[-0.5, 0.0, 0.25]]], np.float32))
        assert limit == 0.5
        assert pixels.dtype == np.uint8
        assert pixels.tolist() == [[[1, 128, 192]]]

    def test_is_symmetric(self) -> None:
        values = np.random.default_rng(0).normal(size=(3, 4, 5))
        forth, back = signed_to_bytes(values)[0].astype(int), signed_to_bytes(-values)[0].astype(int)
        np.testing.assert_array_equal(forth - 128, 128 - back)

    def test_a_given_limit_cuts_off(self) -> None:
        pixels, limit = signed_to_bytes(np.array([[[-9.0, 9.0, 1.0]]]), 2)
        assert (pixels.tolist(), limit) == ([[[1, 255, 192]]], 2)

    def test_all_zero(self) -> None:
        pixels, limit = signed_to_bytes(np.zeros((2, 3, 3)))
        assert limit == 0
        assert (pixels == 128).all()

    def test_what_is_not_finite_counts_as_zero(self) -> None:
        pixels, limit = signed_to_bytes(np.array([[[np.nan, np.inf, -np.inf, 1.0]]]))
        assert (pixels.tolist(), limit) == ([[[128, 128, 128, 255]]], 1)

    def test_no_images(self) -> None:
        assert signed_to_bytes(np.zeros((0, 28, 28)))[0].shape == (0, 28, 28)


class TestPack:
    def test_the_pixels_arrive_as_they_are(self) -> None:
        images = np.random.default_rng(0).integers(0, 256, (5, 7, 9), np.uint8)
        header, pixels = unpack(pack(images[:, ::-1], size=40, label="Digit"))  # not contiguous
        np.testing.assert_array_equal(pixels, images[:, ::-1])
        assert (header["size"], header["label"], header["clickable"]) == (40, "Digit", False)

    def test_64_images_take_50_kilobytes(self) -> None:
        assert len(pack(np.zeros((64, 28, 28), np.uint8))) < 51_000

    def test_the_diverging_colours_are_those_of_the_charts(self) -> None:
        header, _ = unpack(pack(np.zeros((1, 2, 2), np.uint8), palette="diverging", limit=0.123))
        expected = [[0, NEGATIVE], [1, NEGATIVE], [128, NEUTRAL], [255, POSITIVE]]
        assert header["palette"] == {"light": expected, "dark": expected}
        assert header["legend"] == ["−0.12", "0", "+0.12"]

    def test_captions_and_bars(self) -> None:
        bars = Bars(np.array([[0.25, 0.75]]), ("0", "1"), [1])
        header, _ = unpack(pack(np.zeros((1, 2, 2), np.uint8), captions=[Caption("1", "75 %", True)], bars=bars))
        assert header["captions"] == [["1", "75 %", True]]
        assert header["bars"] == {"percent": [[25.0, 75.0]], "classes": ["0", "1"], "true": [1]}

    def test_values_follow_the_pixels(self) -> None:
        values = np.random.default_rng(0).normal(size=(3, 4, 5)).astype(np.float32)
        images, _ = signed_to_bytes(values)
        names = ("neuron", "row", "column")
        message = pack(images[:, ::-1], values=values[:, ::-1], names=names, file_name="weights.png")
        header, pixels = unpack(message)
        np.testing.assert_array_equal(pixels, images[:, ::-1])
        np.testing.assert_array_equal(np.frombuffer(message[-3 * 4 * 5 * 4 :], "<f4").reshape(3, 4, 5), values[:, ::-1])
        assert (header["names"], header["file"]) == (list(names), "weights.png")

    def test_nothing_is_sent_for_what_was_not_asked(self) -> None:
        images = np.zeros((2, 3, 4), np.uint8)
        message = pack(images)
        header, _ = unpack(message)
        assert not {"names", "file"} & set(header)
        assert message.endswith(b"}" + images.tobytes())

    @pytest.mark.parametrize(
        ("images", "more", "message"),
        [
            (np.zeros((2, 2), np.uint8), {}, r"uint8 \(n, h, w\)"),
            (np.zeros((1, 2, 2), np.float32), {}, "float32"),
            (np.zeros((2, 2, 2), np.uint8), {"captions": [Caption("1")]}, "as many captions"),
            (np.zeros((2, 2, 2), np.uint8), {"values": np.zeros((2, 2), np.float32)}, r"\(2, 2, 2\) like the images"),
            (np.zeros((2, 2, 2), np.uint8), {"bars": Bars(np.zeros((1, 10)), "0123456789")}, r"\(2, 10\)"),
        ],
    )
    def test_parts_that_do_not_fit_are_refused(self, images: Any, more: dict[str, Any], message: str) -> None:
        with pytest.raises(ValueError, match=message):
            pack(images, **more)

    def test_no_images(self) -> None:
        header, pixels = unpack(pack(np.zeros((0, 28, 28), np.uint8), captions=[]))
        assert header["count"] == len(pixels) == 0
