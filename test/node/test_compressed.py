"""Compressed pictures come out in RGB; damaged and absurd ones are refused before they cost anything."""

from __future__ import annotations

import struct
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from lgnet_ros.node.compressed import decode_compressed
from lgnet_ros.node.faults import FaultKind, InputFault


def compressed(picture: np.ndarray, extension: str, *options: int) -> bytes:
    return cv2.imencode(extension, picture[..., ::-1], options)[1].tobytes()


@pytest.mark.parametrize("options", [(), (cv2.IMWRITE_JPEG_PROGRESSIVE, 1)])
@pytest.mark.parametrize("extension", [".jpg", ".png"])
def test_picture_comes_out_in_rgb(extension, options):
    red = np.zeros((16, 24, 3), np.uint8)
    red[..., 0] = 250
    data = compressed(red, extension, *(options if extension == ".jpg" else ()))
    decoded = decode_compressed(SimpleNamespace(format=extension[1:], data=data))
    assert decoded.shape == (16, 24, 3)
    assert np.abs(decoded.astype(int) - red).max() < 6


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xd8\xff", b"\xff\xd8\xff\xff\xff\xff" * 9, b"not a picture" * 10]
)
def test_rubbish_is_named(data):
    with pytest.raises(InputFault, match=f"{len(data)} bytes of format 'jpeg'") as caught:
        decode_compressed(SimpleNamespace(format="jpeg", data=data))
    assert caught.value.kind is FaultKind.CORRUPT_COMPRESSED


def test_cut_off_header_is_named():
    data = compressed(np.zeros((16, 16, 3), np.uint8), ".jpg")
    with pytest.raises(InputFault, match="no whole JPEG or PNG"):
        decode_compressed(SimpleNamespace(format="jpeg", data=data[:60]))


@pytest.mark.parametrize("size", [(2**20, 2**12), (0, 5)])
def test_absurd_size_is_refused_unread(size):
    data = bytearray(compressed(np.zeros((16, 16, 3), np.uint8), ".png"))
    data[16:24] = struct.pack(">II", *size)
    with pytest.raises(InputFault, match=f"claims {size[0]}x{size[1]} pixels"):
        decode_compressed(SimpleNamespace(format="png", data=bytes(data)))


@pytest.mark.parametrize("place", [8, 33])  # where the lengths of the first two chunks stand
def test_chunk_that_claims_more_than_there_is_is_refused_unread(place):
    data = bytearray(compressed(np.zeros((16, 16, 3), np.uint8), ".png"))
    data[place] = 0x6F
    with pytest.raises(InputFault, match="no whole JPEG or PNG"):
        decode_compressed(SimpleNamespace(format="png", data=bytes(data)))
