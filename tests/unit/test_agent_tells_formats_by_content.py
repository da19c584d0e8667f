"""The extension and content type come from the bytes (R22)."""

import io
import json
import pickle
import struct
import time
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from easel_agent.media_type import MediaKind, detect_media_type, extension_of
from tests.unit.written_media import TYPES, WRITTEN

pytestmark = pytest.mark.unit

OCTETS = "application/octet-stream"
TEXT = "text/plain; charset=utf-8"
ZEROS = bytes(1000)


def picture(kind: str, frames: int = 1, **options: object) -> bytes:
    images = [Image.new("RGB", (8, 8), (n * 40, 0, 0)) for n in range(frames)]
    file = io.BytesIO()
    images[0].save(file, kind, save_all=frames > 1, append_images=images[1:], **options)
    return file.getvalue()


def zipped(**files: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in files.items():
            path = name.replace("__", "/").replace("_", ".")
            # At a fixed time: the bytes are in the names of tests, which pytest-xdist compares.
            archive.writestr(zipfile.ZipInfo(path), data)
    return file.getvalue()


def safetensors() -> bytes:
    header = json.dumps({"latent_tensor": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}})
    return struct.pack("<Q", len(header)) + header.encode() + bytes(4)


def glb(version: int = 2) -> bytes:
    text = b'{"asset":{"version":"2.0"}}     '
    size = 20 + len(text)
    return b"glTF" + struct.pack("<IIII", version, size, len(text), 0x4E4F534A) + text


def box(kind: bytes, brand: bytes = b"", compatible: bytes = b"") -> bytes:
    body = brand + bytes(4) + compatible if brand else bytes(8)
    return struct.pack(">I", 8 + len(body)) + kind + body + ZEROS


def tagged(behind: bytes, size: int) -> bytes:
    """An ID3v2 tag, whose size is four times seven bits, and what follows."""
    return b"ID3\x04\x00\x00" + bytes([0, 0, size >> 7, size & 127]) + bytes(size) + behind


PILLOWS = [
    (picture("PNG"), "png", "image/png"),
    (picture("PNG", frames=2), "apng", "image/apng"),
    (picture("JPEG"), "jpg", "image/jpeg"),
    (picture("JPEG2000"), "jp2", "image/jp2"),
    (picture("WEBP"), "webp", "image/webp"),
    (picture("WEBP", frames=2), "webp", "image/webp"),
    (picture("GIF"), "gif", "image/gif"),
    (picture("GIF", frames=2, duration=100, loop=0), "gif", "image/gif"),
    (picture("BMP"), "bmp", "image/bmp"),
    (picture("ICO"), "ico", "image/vnd.microsoft.icon"),
    (picture("TIFF"), "tiff", "image/tiff"),
    (picture("TIFF", big_tiff=True), "tiff", "image/tiff"),
    (picture("AVIF"), "avif", "image/avif"),
    (picture("PDF"), "pdf", "application/pdf"),
]

BY_HAND = [
    # case 11, and QuickTime from before "ftyp"
    (
        bytes.fromhex("00000014667479707174202000000200717420200000000877696465"),
        "mov",
        "video/quicktime",
    ),
    (box(b"wide"), "mov", "video/quicktime"),
    (box(b"moov"), "mov", "video/quicktime"),
    (bytes(4) + b"mdat" + ZEROS, "mov", "video/quicktime"),
    (box(b"ftyp", b"dash", b"iso6"), "mp4", "video/mp4"),
    (box(b"styp", b"msdh"), "mp4", "video/mp4"),
    (box(b"ftyp", b"M4B ", b"M4A "), "m4b", "audio/mp4"),
    (box(b"ftyp", b"heix", b"mif1"), "heic", "image/heic"),
    (box(b"ftyp", b"mif1", b"mif1heic"), "heic", "image/heic"),
    (box(b"ftyp", b"mif1", b"mif1avif"), "avif", "image/avif"),
    (box(b"ftyp", b"mif1", b"mif1"), "heif", "image/heif"),
    # case 13
    (
        bytes.fromhex("676c54460200000018000000040000004a534f4e7b7d2020"),
        "glb",
        "model/gltf-binary",
    ),
    (glb(), "glb", "model/gltf-binary"),
    (glb(version=77), "bin", OCTETS),
    # case 15, and MPEG audio of all versions, with and without a checksum
    (bytes.fromhex("fff384c4") + ZEROS, "mp3", "audio/mpeg"),
    *(
        (bytes([0xFF, second, 0x90]) + ZEROS, "mp3", "audio/mpeg")
        for second in (0xFB, 0xFA, 0xF3, 0xF2, 0xE3, 0xE2)
    ),
    (b"\xff\xf9\x50\x80" + ZEROS, "aac", "audio/aac"),
    (b"\xff\xeb\x90" + ZEROS, "bin", OCTETS),  # a reserved version
    (b"\xff\xfb\xf0" + ZEROS, "bin", OCTETS),  # a bit rate that may not be
    (b"\xff\xfb\x9c" + ZEROS, "bin", OCTETS),  # a reserved sample rate
    (b"\xff\xf1\x3c" + ZEROS, "bin", OCTETS),  # ADTS with a reserved one
    (b"ID3" + bytes(8), "mp3", "audio/mpeg"),
    (tagged(b"\xff\xfb\x90\x00", 300), "mp3", "audio/mpeg"),
    (tagged(b"fLaC\x00", 300), "flac", "audio/flac"),
    (tagged(b"\xff\xf1\x50\x80", 300), "aac", "audio/aac"),
    (b"OggS" + ZEROS, "ogg", "audio/ogg"),
    (b"OggS" + bytes(22) + b"\x01\x1e\x80theora" + ZEROS, "ogv", "video/ogg"),
    (b"MThd\x00\x00\x00\x06" + ZEROS, "mid", "audio/midi"),
    (b"\x00\x00\x01\xba" + ZEROS, "mpg", "video/mpeg"),
    ((b"G" + bytes(187)) * 6, "ts", "video/mp2t"),
    (b"MM\x00*" + ZEROS, "tiff", "image/tiff"),
    (b"8BPS\x00\x01" + ZEROS, "psd", "image/vnd.adobe.photoshop"),
    (b"\x76\x2f\x31\x01\x02\x00" + ZEROS, "exr", "image/x-exr"),
    (b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 8 +X 8\n" + ZEROS, "hdr", "image/vnd.radiance"),
    (b"#?RGBE\nFORMAT=32-bit_rle_rgbe\n\n-Y 1 +X 1\n\x80\x80", "hdr", "image/vnd.radiance"),
    (b"\xff\x0a" + ZEROS, "jxl", "image/jxl"),
    (safetensors(), "safetensors", OCTETS),
    (b"\x93NUMPY\x01\x00" + ZEROS, "npy", OCTETS),
    (zipped(a_png=b"x"), "zip", "application/zip"),
    (zipped(), "zip", "application/zip"),
    (b"\x1f\x8b\x08" + ZEROS, "gz", "application/gzip"),
    (zipped(archive__data_pkl=pickle.dumps({})), "bin", OCTETS),
    (pickle.dumps({"a": 1}), "bin", OCTETS),
    (b"Kaydara FBX Binary  \x00\x1a\x00" + ZEROS, "fbx", OCTETS),
    (b"ply\nformat binary_little_endian 1.0\nend_header\n" + ZEROS, "ply", OCTETS),
    (b"ply\r\ncomment of MeshLab\r\nformat ascii 1.0\r\n", "ply", OCTETS),
    (b"solid cube\n  facet normal 0 0 1\n", "stl", "model/stl"),
    (bytes(80) + struct.pack("<I", 2) + bytes(100), "stl", "model/stl"),
    (bytes(80) + struct.pack("<I", 2) + bytes(99), "bin", OCTETS),
    (b"# Blender\nmtllib a.mtl\no Cube\nv 1.0 -1e-3 0\nf 1 1 1\n", "obj", "model/obj"),
    (b'{"asset": {"generator": "x", "version": "2.0"}}', "gltf", "model/gltf+json"),
    (
        b'{"buffers": ["' + b"A" * 2_000_000 + b'"], "asset": {"version": "2.0"}}',
        "gltf",
        "model/gltf+json",
    ),
    (b'{"a": [1]}', "json", "application/json"),
    (b'\xef\xbb\xbf{"asset": {}}', "json", "application/json"),
    (b'{"a": "' + b"A" * 2_000_000 + b'"}\n', "json", "application/json"),
    (b"{a lamp|a cat}", "txt", TEXT),
    (b'{"a": ' + b"A" * 2_000_000, "txt", TEXT),
    (b"[" * 100_000, "txt", TEXT),
    ("ein Text, 文".encode(), "txt", TEXT),
    ("文".encode() * 40_000, "txt", TEXT),  # cut within a letter
    (b"solid advice", "txt", TEXT),
    (b"v is a letter, 1 2 3 are none", "txt", TEXT),
    (b"", "txt", TEXT),
    (b"RIFF", "txt", TEXT),
    (b"BMP is a format, GIF another", "txt", TEXT),
    (b"\x00\x01\x02", "bin", OCTETS),
    (b"\xff\xfe\xfd", "bin", OCTETS),
    (b"\x89PNG\r\n\x1a\n", "png", "image/png"),
    (b"GIF88a" + ZEROS, "bin", OCTETS),
    (b"BM" + b"\xff" * 30, "bin", OCTETS),
    (b"\x1a\x45\xdf\xa3\x9f\x42\x82\x84webm", "webm", "video/webm"),
    (b"\x1a\x45\xdf\xa3\x9f\x42\x82\x88matroska", "mkv", "video/x-matroska"),
]


@pytest.mark.parametrize(("data", "extension", "content_type"), PILLOWS + BY_HAND)
def test_format(data: bytes, extension: str, content_type: str) -> None:
    detected = detect_media_type(data)
    assert (detected.extension, detected.content_type) == (extension, content_type)


@pytest.mark.parametrize("label", WRITTEN)
def test_format_of_what_other_programs_wrote(label: str) -> None:
    detected = detect_media_type(bytes.fromhex(WRITTEN[label]) + ZEROS)
    extension = label.partition(" ")[0]
    assert (detected.extension, detected.content_type) == (extension, TYPES[extension])


@pytest.mark.parametrize("version", [b"87a", b"89a"])
def test_both_versions_of_gif_are_read_as_such(version: bytes) -> None:
    data = picture("GIF", frames=2, comment=b"x" if version == b"89a" else b"")
    data = data[:3] + version + data[6:]
    assert detect_media_type(data).content_type == "image/gif"
    assert detect_media_type(data[:6] + b"<script>alert(1)</script>").content_type == "image/gif"


@pytest.mark.parametrize(
    ("data", "name", "extension", "content_type"),
    [
        (box(b"ftyp", b"isom", b"iso2"), "mesh/Song.M4A", "m4a", "audio/mp4"),
        (box(b"ftyp", b"isom", b"iso2"), "x.png", "mp4", "video/mp4"),
        (b"\x1a\x45\xdf\xa3\x42\x82\x88matroska", "x.mka", "mka", "audio/x-matroska"),
        (b"OggS" + ZEROS, "x.oga", "oga", "audio/ogg"),
        (safetensors(), "ComfyUI_00001_.latent", "latent", OCTETS),
        (zipped(a=b""), "scene.usdz", "usdz", OCTETS),
        (zipped(a=b""), "x.png", "zip", "application/zip"),
        (zipped(archive__data_pkl=b""), "x.pt", "pt", OCTETS),
        (b"\x1f\x8b\x08" + ZEROS, "cloud.spz", "spz", OCTETS),
        (b"\x00\x01\x02", "cloud.splat", "splat", OCTETS),
        (b"\x00\x01\x02", "x.PNG", "png", OCTETS),
        (b"\x00\x01\x02", "x.html", "bin", OCTETS),
        (b"\x00\x01\x02", "x.tooolongforus", "bin", OCTETS),
        (b"\x00\x01\x02", "x.p/g", "bin", OCTETS),
        (b"\x00\x01\x02", "x.png\n", "bin", OCTETS),
        (b"\x00\x01\x02", "x.png\uff47", "bin", OCTETS),
        (b"a,b\n1,2\n", "x.csv", "csv", "text/csv; charset=utf-8"),
        (b"1\n00:00:01,000 --> 00:00:02,000\nHi\n", "x.srt", "srt", TEXT),
        (b"a text", "x.png", "txt", TEXT),
        (b"alert(1)", "x.js", "txt", TEXT),
        (b"{not json}", "x.json", "json", TEXT),
        (b'{"nodes": []}', "x.gltf", "gltf", "model/gltf+json"),
        (picture("PNG"), "x.html", "png", "image/png"),
        (picture("PNG"), "x.jpg", "png", "image/png"),
    ],
)
def test_a_name_tells_only_what_the_content_leaves_open(
    data: bytes, name: str, extension: str, content_type: str
) -> None:
    detected = detect_media_type(data, name)
    assert (detected.extension, detected.content_type) == (extension, content_type)


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


@pytest.mark.parametrize(
    ("data", "extension"),
    [
        (SVG, "svg"),
        (b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- x -->\n<!DOCTYPE svg>\n' + SVG, "svg"),
        (b'<!DOCTYPE svg [<!ENTITY a "<b>">]>' + SVG, "svg"),
        (b'<svg:svg xmlns:svg="http://www.w3.org/2000/svg"/>', "svg"),
        (b'<?xml version="1.0"?><COLLADA version="1.4.1"/>', "dae"),
        (b"<!DOCTYPE html><script>alert(1)</script>", "txt"),
        (b"  <html><svg></svg></html>", "txt"),
        (b"<!-- <svg> -->", "txt"),
        (b"<!DOCTYPE svg [", "txt"),
        (b"<?xml", "txt"),
        (b"<", "txt"),
        (b'<html xmlns="http://www.w3.org/1999/xhtml"/>', "txt"),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "txt"),
    ],
)
@pytest.mark.parametrize("name", ["", "x.png", "x.svg", "x.html", "x.xhtml", "x.js", "x.csv"])
def test_what_a_browser_would_run_is_plain_text(data: bytes, extension: str, name: str) -> None:
    detected = detect_media_type(data, name)
    assert (detected.extension, detected.content_type) == (extension, TEXT)


@pytest.mark.parametrize("name", ["", "x.png", "x.html"])
def test_a_page_behind_a_pictures_signature_is_a_picture_to_browsers(name: str) -> None:
    page = b"<!DOCTYPE html><script>alert(1)</script>"
    assert detect_media_type(b"\x89PNG\r\n\x1a\n" + page, name).content_type == "image/png"
    assert detect_media_type(b"GIF89a" + page, name).content_type == "image/gif"


BEGINNINGS = [data[:40] for data, _, _ in PILLOWS + BY_HAND] + [
    bytes.fromhex(written) for written in WRITTEN.values()
]


@given(
    st.sampled_from([b"", *BEGINNINGS]),
    st.binary(max_size=300),
    st.integers(0, 40),
    st.text(max_size=30),
)
def test_no_content_fails_or_becomes_a_page(
    beginning: bytes, behind: bytes, cut: int, name: str
) -> None:
    detected = detect_media_type(beginning[:cut] + behind, name)
    assert detected.extension in ("svg", extension_of("." + detected.extension))
    assert not any(
        word in detected.content_type for word in ("html", "xml", "svg", "script", "flash", "wasm")
    )
    assert isinstance(detected.kind, MediaKind)


@pytest.mark.parametrize(
    "data",
    [
        b"solid " + b"\n" * 10_000_000,
        b"solid " + b"facet " * 1_500_000,
        b"<!--a>" * 1_500_000,
        b"<![]" * 2_500_000,
        b"<!d[" + b"]" * 10_000_000,
        b"<?" * 5_000_000,
        b"v 1 " * 2_500_000,
        b"v " + b"1" * 10_000_000,
        b"ply\n" + b"comment \n" * 1_000_000,
        b'{"asset":' + b" " * 10_000_000,
        b'"asset": {' * 1_000_000,
        b"{" + b'"asset": {' * 1_000_000 + b"}",
        b"\x89PNG\r\n\x1a\n" + b"\x00\x00\x00\x00tEXtabcd" * 800_000,
        b"\xff\xff\xff\xffftypmif1" + b"\xff" * 10_000_000,
    ],
    ids=range(14),
)
def test_large_and_odd_content_takes_no_time(data: bytes) -> None:
    started = time.process_time()
    detect_media_type(data)
    assert time.process_time() - started < 0.5
