"""A file input takes any file, but not what a server sends in a file's place."""

import json
import pickle
import struct

import pytest

from easel_agent.fetch import FetchError, check_media
from easel_agent.media_formats import FILES, PICTURES, MediaKind

pytestmark = pytest.mark.unit

ZEROS = bytes(1000)
HEADER = json.dumps({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
FTYP = b"\x00\x00\x00\x18ftyp"


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"\x89PNG\r\n\x1a\n" + ZEROS, ""),
        (bytes.fromhex("fff384c4") + ZEROS, "speech.mp3"),  # case 15
        (b"\xff\xf1\x50\x80" + ZEROS, ""),
        (b"RIFF\x00\x00\x00\x00AVI " + ZEROS, ""),
        (FTYP + b"qt  " + ZEROS, ""),
        (FTYP + b"heic" + ZEROS, ""),
        (b"glTF\x02\x00\x00\x00" + ZEROS, ""),
        (b'{"asset": {"version": "2.0"}}', ""),
        (b"Kaydara FBX Binary  \x00\x1a\x00" + ZEROS, ""),
        (b"ply\nformat ascii 1.0\n", ""),
        (b"v 1 2 3\n", ""),
        (b"solid x\nfacet normal 0 0 1\n", ""),
        (b"<svg/>", ""),
        (b"PK\x03\x04" + ZEROS, ""),
        (b"8BPS\x00\x01" + ZEROS, ""),
        (b"\x76\x2f\x31\x01" + ZEROS, ""),
        (struct.pack("<Q", len(HEADER)) + HEADER + bytes(4), "x.latent"),
        (b"\x01\x02\x03", "cloud.splat"),
        (b"\x01\x02\x03", "cut-off.mp3"),
        (b"1\n00:00:01,000 --> 00:00:02,000\nHi\n", "x.srt"),
        (b'{"people": []}', "pose.json"),
    ],
)
def test_taken(data: bytes, name: str) -> None:
    check_media(data, name)


@pytest.mark.parametrize(
    ("data", "name", "reason"),
    [
        (b"", "x.png", "is empty"),
        (b"<!DOCTYPE html><title>Sign in</title>", "x.glb", "is a web page or XML, not a picture"),
        (b"<html>", "x.txt", "is a web page or XML"),
        (b"<?xml version='1.0'?><Error/>", "x.svg", "is a web page or XML"),
        (b'{"error": "not found"}', "x.png", "is JSON"),
        (b'{"error": "not found"}', "", "is JSON"),
        (b"Not Found", "x.obj", "is text"),
        (b"Not Found", "", "is text"),
        (b"\x01\x02\x03", "", "is of no known format"),
        (b"\x01\x02\x03", "x.png", "is of no known format"),
        (b"\x01\x02\x03", "x.JPEG", "is of no known format"),
        (pickle.dumps({"a": 1}), "x.latent", "is a program or Python pickle"),
        (b"\x7fELF" + ZEROS, "x.png", "is a program or Python pickle"),
    ],
)
def test_refused(data: bytes, name: str, reason: str) -> None:
    with pytest.raises(FetchError) as refused:
        check_media(data, name)
    assert reason in str(refused.value)


@pytest.mark.parametrize("data", [FTYP + b"isom" + ZEROS, b"<svg/>", b"glTF\x02\x00\x00\x00"])
def test_a_field_of_pictures_takes_pictures_only(data: bytes) -> None:
    check_media(data, takes=FILES)
    with pytest.raises(FetchError, match=r"not a picture$"):
        check_media(data, takes=PICTURES)
    check_media(b"GIF89a" + ZEROS, takes=PICTURES)


def test_every_kind_but_two_is_a_file() -> None:
    assert set(MediaKind) - FILES == {MediaKind.PAGE, MediaKind.PROGRAM}
