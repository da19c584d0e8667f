"""The extension and content type come from the bytes (R22)."""

import io
import struct
import wave

import pytest
from PIL import Image

from easel_agent.media_type import detect_media_type

pytestmark = pytest.mark.unit


def picture(kind: str, frames: int = 1) -> bytes:
    images = [Image.new("RGB", (8, 8), (n * 40, 0, 0)) for n in range(frames)]
    file = io.BytesIO()
    images[0].save(file, kind, save_all=frames > 1, append_images=images[1:])
    return file.getvalue()


def sound() -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(1)
        writer.setframerate(8000)
        writer.writeframes(bytes(10))
    return file.getvalue()


EBML = b"\x1a\x45\xdf\xa3\x9f\x42\x82"


@pytest.mark.parametrize(
    ("data", "extension", "content_type"),
    [
        (picture("PNG"), "png", "image/png"),
        (picture("PNG", frames=2), "apng", "image/apng"),
        (picture("JPEG"), "jpg", "image/jpeg"),
        (picture("WEBP"), "webp", "image/webp"),
        (picture("WEBP", frames=2), "webp", "image/webp"),
        (picture("GIF", frames=2), "gif", "image/gif"),
        (struct.pack(">I", 24) + b"ftypisom" + bytes(12), "mp4", "video/mp4"),
        (EBML + b"\x84webm", "webm", "video/webm"),
        (EBML + b"\x88matroska", "mkv", "video/x-matroska"),
        (sound(), "wav", "audio/wav"),
        (b"fLaC" + bytes(8), "flac", "audio/flac"),
        (b"OggS" + bytes(8), "ogg", "audio/ogg"),
        (b"ID3" + bytes(8), "mp3", "audio/mpeg"),
        (b'{"a": [1]}', "json", "application/json"),
        ("ein Text, 文".encode(), "txt", "text/plain; charset=utf-8"),
        (b"", "txt", "text/plain; charset=utf-8"),
        (picture("BMP"), "bmp", "image/bmp"),
        (picture("TIFF"), "tiff", "image/tiff"),
        (struct.pack(">I", 24) + b"ftypavif" + bytes(12), "avif", "image/avif"),
        (b"\x00\x01\x02", "bin", "application/octet-stream"),
        (b"\xff\xfe\xfd", "bin", "application/octet-stream"),
        (b"\x89PNG\r\n\x1a\n", "png", "image/png"),
        (b"RIFF", "txt", "text/plain; charset=utf-8"),
    ],
)
def test_format(data: bytes, extension: str, content_type: str) -> None:
    detected = detect_media_type(data)
    assert (detected.extension, detected.content_type) == (extension, content_type)
