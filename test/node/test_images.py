"""Every encoding becomes the picture it encodes; every defect becomes the fault it is."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from lgnet_ros.node.faults import FaultKind, InputFault
from lgnet_ros.node.images import decode_depth, decode_image

WIDTH, HEIGHT = 12, 8


def message(pixels: np.ndarray, encoding: str, step: int | None = None, padding: int = 0, big: int = 0):
    """An image message of (H, W[, channels]) pixels, each row followed by `padding` bytes."""
    height, width = pixels.shape[:2]
    rows = np.ascontiguousarray(pixels).view(np.uint8).reshape(height, -1)
    rows = np.pad(rows, ((0, 0), (0, padding)), constant_values=99)
    return SimpleNamespace(
        width=width,
        height=height,
        encoding=encoding,
        is_bigendian=big,
        step=rows.shape[1] if step is None else step,
        data=rows.tobytes(),
    )


@pytest.fixture
def picture(rng):
    return rng.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)


def test_rgb8_is_read_in_place(picture):
    image = message(picture, "rgb8")
    decoded = decode_image(image)
    np.testing.assert_array_equal(decoded, picture)
    assert np.shares_memory(decoded, np.frombuffer(image.data, np.uint8))


@pytest.mark.parametrize(
    ("encoding", "order"),
    [("bgr8", (2, 1, 0)), ("rgba8", (0, 1, 2, 0)), ("bgra8", (2, 1, 0, 0)), ("8UC3", (2, 1, 0))],
)
def test_channels_come_out_as_red_green_blue(picture, encoding, order):
    np.testing.assert_array_equal(decode_image(message(picture[..., order], encoding)), picture)


@pytest.mark.parametrize("encoding", ["mono8", "8UC1"])
def test_grey_has_three_equal_channels(picture, encoding):
    decoded = decode_image(message(picture[..., 0], encoding))
    np.testing.assert_array_equal(decoded, np.repeat(picture[..., :1], 3, axis=2))


@pytest.mark.parametrize("big", [0, 1])
@pytest.mark.parametrize(
    ("encoding", "order"), [("rgb16", (0, 1, 2)), ("bgr16", (2, 1, 0)), ("rgba16", (0, 1, 2, 0))]
)
def test_sixteen_bits_keep_the_upper_eight_in_either_byte_order(picture, encoding, order, big):
    deep = (picture[..., order].astype(np.uint16) << 8) + 77
    stored = deep.astype(">u2" if big else "<u2")
    np.testing.assert_array_equal(decode_image(message(stored, encoding, big=big)), picture)


@pytest.mark.parametrize("encoding", ["rgb8", "mono8", "rgb16", "yuv422", "bayer_rggb8"])
@pytest.mark.parametrize("padding", [1, 5])
def test_padding_at_the_end_of_rows_is_left_out(rng, encoding, padding):
    channels = {"rgb8": 3, "rgb16": 3, "yuv422": 2}.get(encoding, 1)
    kind = np.uint16 if encoding.endswith("16") else np.uint8
    pixels = rng.integers(0, 256, (HEIGHT, WIDTH, channels)).astype(kind)
    plain = decode_image(message(pixels, encoding))
    np.testing.assert_array_equal(decode_image(message(pixels, encoding, padding=padding)), plain)


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("pattern", ["rggb", "bggr", "gbrg", "grbg"])
def test_bayer_pattern_of_one_color_is_that_color(pattern, depth):
    color = np.array([200, 100, 40])
    mosaic = np.empty((16, 16), np.uint8 if depth == 8 else np.uint16)
    for place, letter in enumerate(pattern):  # the pattern's name reads its first two rows
        mosaic[place // 2 :: 2, place % 2 :: 2] = color["rgb".index(letter)] << (depth - 8)
    decoded = decode_image(message(mosaic, f"bayer_{pattern}{depth}"))
    np.testing.assert_array_equal(decoded[4:-4, 4:-4], np.broadcast_to(color, (8, 8, 3)))


@pytest.mark.parametrize("encoding", ["yuv422", "uyvy", "yuv422_yuy2", "yuyv", "nv12", "nv21"])
def test_yuv_of_one_color_is_that_color_within_rounding(encoding):
    y, u, v = 110, 90, 180
    # ITU-R BT.601, limited range.
    red, green, blue = (1.164 * (y - 16) + d for d in (1.596 * 52, -0.813 * 52 + 0.391 * 38, -2.018 * 38))
    if encoding.startswith("nv"):
        chroma = (u, v) if encoding == "nv12" else (v, u)
        data = np.concatenate([np.full(WIDTH * HEIGHT, y), np.tile(chroma, WIDTH * HEIGHT // 4)]).astype(
            np.uint8
        )
        image = message(data.reshape(-1, WIDTH), encoding)
        image.height = HEIGHT
    else:
        first, second = ((u, y), (v, y)) if encoding in ("yuv422", "uyvy") else ((y, u), (y, v))
        image = message(np.tile(np.array([first, second], np.uint8), (HEIGHT, WIDTH // 2, 1)), encoding)
    decoded = decode_image(image)
    assert decoded.shape == (HEIGHT, WIDTH, 3)
    assert np.abs(decoded - np.array([red, green, blue])).max() < 2


def test_cv_bridge_is_asked_for_bayer_but_not_for_plain_encodings(picture):
    asked = []

    def bridge(image):
        asked.append(image.encoding)
        return picture

    decode_image(message(picture, "bgr8"), bridge)
    assert decode_image(message(picture[..., 0], "bayer_rggb8"), bridge) is picture
    assert asked == ["bayer_rggb8"]


def test_opencv_steps_in_where_cv_bridge_does_not_know_the_encoding(picture):
    def bridge(image):
        raise RuntimeError(f"Unrecognized image encoding [{image.encoding}]")

    mosaic = message(picture[..., 0], "bayer_rggb8")
    np.testing.assert_array_equal(decode_image(mosaic, bridge), decode_image(mosaic))


@pytest.mark.parametrize(
    ("encoding", "dtype", "channels", "padding"),
    [("bayer_rggb16", np.uint16, 1, 3), ("yuv422", np.uint8, 2, 1), ("yuv422_yuy2", np.uint8, 2, 5)],
)
def test_rows_of_no_whole_pixels_are_not_left_to_cv_bridge(rng, encoding, dtype, channels, padding):
    """It rounds their step down, and every row begins a little later than the one before."""
    pixels = rng.integers(0, np.iinfo(dtype).max, (HEIGHT, WIDTH, channels), dtype=dtype)
    bridge = lambda image: pytest.fail("asked")  # noqa: E731
    decoded = decode_image(message(pixels, encoding, padding=padding), bridge)
    np.testing.assert_array_equal(decoded, decode_image(message(pixels, encoding)))


def test_half_a_pair_of_yuv_pixels_is_refused_with_cv_bridge_too(rng):
    pixels = rng.integers(0, 256, (HEIGHT, WIDTH - 1, 2), dtype=np.uint8)
    fault(FaultKind.ODD_SIZE, lambda image: decode_image(image, lambda _: None), message(pixels, "yuv422"))


def fault(kind, decode, image):
    with pytest.raises(InputFault) as caught:
        decode(image)
    assert caught.value.kind is kind
    return str(caught.value)


@pytest.mark.parametrize("size", [(0, 8), (8, 0), (0, 0)])
def test_zero_size_is_named(picture, size):
    image = message(picture, "rgb8")
    image.width, image.height = size
    assert f"{size[0]}x{size[1]}" in fault(FaultKind.ZERO_SIZE, decode_image, image)


def test_step_below_the_row_is_named(picture):
    assert "36 bytes" in fault(FaultKind.WRONG_STEP, decode_image, message(picture, "rgb8", step=35))


def test_step_that_promises_more_than_there_is_is_truncated_data(picture):
    assert "step 40" in fault(FaultKind.TRUNCATED_DATA, decode_image, message(picture, "rgb8", step=40))


def test_more_data_than_step_says_is_a_wrong_step(picture):
    image = message(picture, "rgb8", padding=4)
    image.step -= 4
    fault(FaultKind.WRONG_STEP, decode_image, image)


@pytest.mark.parametrize("missing", [1, 100, WIDTH * HEIGHT * 3])
def test_truncated_data_is_named_before_anything_is_allocated(picture, missing):
    image = message(picture, "rgb8")
    image.data = image.data[: len(image.data) - missing]
    fault(FaultKind.TRUNCATED_DATA, decode_image, image)
    image.width, image.height, image.step = 2**31, 2**31, 2**31 * 3
    fault(FaultKind.TRUNCATED_DATA, decode_image, image)


@pytest.mark.parametrize("encoding", ["", "rgb", "RGB8", "jpeg", "32FC1", "x" * 10_000])
def test_unknown_encoding_is_named_in_few_words(picture, encoding):
    explanation = fault(FaultKind.UNKNOWN_ENCODING, decode_image, message(picture, encoding))
    assert encoding[:30] in explanation and len(explanation) < 500


@pytest.mark.parametrize(("encoding", "channels"), [("yuv422", 2), ("nv12", 1)])
def test_odd_size_of_a_subsampled_encoding_is_named(encoding, channels):
    image = message(np.zeros((9, 7, channels), np.uint8), encoding)
    if encoding == "nv12":
        image.height = 6
    fault(FaultKind.ODD_SIZE, decode_image, image)


def test_depth_in_millimetres_becomes_metres_and_zero_becomes_nan():
    depth = decode_depth(message(np.array([[0, 1, 1500]], np.uint16), "16UC1"))
    np.testing.assert_allclose(depth, [[np.nan, 0.001, 1.5]], rtol=1e-6)
    assert depth.dtype == np.float32


def test_depth_in_metres_keeps_what_is_positive_and_finite():
    values = np.array([[0.5, 0.0, -1.0, np.inf, -np.inf, np.nan]], np.float32)
    depth = decode_depth(message(values, "32FC1"))
    np.testing.assert_array_equal(depth, [[0.5, np.nan, np.nan, np.nan, np.nan, np.nan]])


def test_depth_in_big_endian_is_turned():
    values = np.array([[1.25, 2.5]], ">f4")
    np.testing.assert_array_equal(decode_depth(message(values, "32FC1", big=1)), [[1.25, 2.5]])


@pytest.mark.parametrize("change", [{"encoding": "rgb8"}, {"data": b""}, {"width": 0}, {"step": 1}])
def test_unusable_depth_is_named(change):
    image = message(np.ones((2, 2), np.float32), "32FC1")
    vars(image).update(change)
    fault(FaultKind.BAD_DEPTH, decode_depth, image)
