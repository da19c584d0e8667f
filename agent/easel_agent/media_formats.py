"""The formats that easel names: extension, content type and kind.

No content type here is one that a browser runs as a page. An object of the output bucket is opened
by its URL, on the bucket's origin, where script could read what other links of that origin lead to.
So HTML, XHTML, XML and script are `text/plain`, and so are SVG and COLLADA, whose registered types
(`image/svg+xml`, `model/vnd.collada+xml`) a browser shows as documents, their scripts running.
`text/plain` and `application/octet-stream` are never turned into a page by looking at the bytes
(WHATWG MIME Sniffing, section 7), so that holds without S3 sending `nosniff`.
"""

from dataclasses import dataclass
from enum import StrEnum


class MediaKind(StrEnum):
    """The kinds of files; the value is a kind's name in messages."""

    PICTURE = "a picture"
    DRAWING = "a vector drawing"
    VIDEO = "a video"
    SOUND = "a sound"
    MODEL = "a 3D model"
    TENSORS = "a tensor file"
    ARCHIVE = "an archive"
    DOCUMENT = "a document"
    JSON = "JSON"
    TEXT = "text"
    PAGE = "a web page or XML"
    PROGRAM = "a program or Python pickle"
    UNKNOWN = "of no known format"


PICTURES = frozenset({MediaKind.PICTURE})
"""What SD WebUI's fields take: it decodes them with Pillow."""

FILES = frozenset(MediaKind) - {MediaKind.PAGE, MediaKind.PROGRAM}
"""What nodes of a workflow take.

No page: it is what servers send in a file's place. No pickle: whatever node reads it may run code
that is no part of the workflow.
"""


@dataclass(frozen=True)
class MediaType:
    """A format.

    Attributes:
        extension: of the key, without the dot: 1 to 11 lower-case ASCII letters and digits.
        content_type: for S3's `Content-Type`.
        kind: what it is to a runtime.
    """

    extension: str
    content_type: str
    kind: MediaKind = MediaKind.UNKNOWN


OCTETS = "application/octet-stream"
PLAIN_TEXT = "text/plain; charset=utf-8"

PNG = MediaType("png", "image/png", MediaKind.PICTURE)
APNG = MediaType("apng", "image/apng", MediaKind.PICTURE)
JPEG = MediaType("jpg", "image/jpeg", MediaKind.PICTURE)
JXL = MediaType("jxl", "image/jxl", MediaKind.PICTURE)
JP2 = MediaType("jp2", "image/jp2", MediaKind.PICTURE)
WEBP = MediaType("webp", "image/webp", MediaKind.PICTURE)
GIF = MediaType("gif", "image/gif", MediaKind.PICTURE)
BMP = MediaType("bmp", "image/bmp", MediaKind.PICTURE)
ICO = MediaType("ico", "image/vnd.microsoft.icon", MediaKind.PICTURE)
TIFF = MediaType("tiff", "image/tiff", MediaKind.PICTURE)
AVIF = MediaType("avif", "image/avif", MediaKind.PICTURE)
HEIC = MediaType("heic", "image/heic", MediaKind.PICTURE)
HEIF = MediaType("heif", "image/heif", MediaKind.PICTURE)
PSD = MediaType("psd", "image/vnd.adobe.photoshop", MediaKind.PICTURE)
EXR = MediaType("exr", "image/x-exr", MediaKind.PICTURE)
HDR = MediaType("hdr", "image/vnd.radiance", MediaKind.PICTURE)
SVG = MediaType("svg", PLAIN_TEXT, MediaKind.DRAWING)

MP4 = MediaType("mp4", "video/mp4", MediaKind.VIDEO)
M4V = MediaType("m4v", "video/x-m4v", MediaKind.VIDEO)
MOV = MediaType("mov", "video/quicktime", MediaKind.VIDEO)
THREE_GP = MediaType("3gp", "video/3gpp", MediaKind.VIDEO)
THREE_G2 = MediaType("3g2", "video/3gpp2", MediaKind.VIDEO)
WEBM = MediaType("webm", "video/webm", MediaKind.VIDEO)
MKV = MediaType("mkv", "video/x-matroska", MediaKind.VIDEO)
AVI = MediaType("avi", "video/x-msvideo", MediaKind.VIDEO)
OGV = MediaType("ogv", "video/ogg", MediaKind.VIDEO)
FLV = MediaType("flv", "video/x-flv", MediaKind.VIDEO)
WMV = MediaType("wmv", "video/x-ms-wmv", MediaKind.VIDEO)
MPEG = MediaType("mpg", "video/mpeg", MediaKind.VIDEO)
MPEG_TS = MediaType("ts", "video/mp2t", MediaKind.VIDEO)

WAV = MediaType("wav", "audio/wav", MediaKind.SOUND)
FLAC = MediaType("flac", "audio/flac", MediaKind.SOUND)
MP3 = MediaType("mp3", "audio/mpeg", MediaKind.SOUND)
MP2 = MediaType("mp2", "audio/mpeg", MediaKind.SOUND)
AAC = MediaType("aac", "audio/aac", MediaKind.SOUND)
M4A = MediaType("m4a", "audio/mp4", MediaKind.SOUND)
M4B = MediaType("m4b", "audio/mp4", MediaKind.SOUND)
MKA = MediaType("mka", "audio/x-matroska", MediaKind.SOUND)
OGG = MediaType("ogg", "audio/ogg", MediaKind.SOUND)
OGA = MediaType("oga", "audio/ogg", MediaKind.SOUND)
# RFC 7845 section 9: the extension .opus, and audio/ogg with its codecs parameter; audio/opus is
# the type of RTP packets (RFC 7587).
OPUS = MediaType("opus", "audio/ogg; codecs=opus", MediaKind.SOUND)
AIFF = MediaType("aiff", "audio/x-aiff", MediaKind.SOUND)
CAF = MediaType("caf", "audio/x-caf", MediaKind.SOUND)
AMR = MediaType("amr", "audio/amr", MediaKind.SOUND)
MIDI = MediaType("mid", "audio/midi", MediaKind.SOUND)

GLB = MediaType("glb", "model/gltf-binary", MediaKind.MODEL)
GLTF = MediaType("gltf", "model/gltf+json", MediaKind.MODEL)
OBJ = MediaType("obj", "model/obj", MediaKind.MODEL)
STL = MediaType("stl", "model/stl", MediaKind.MODEL)
PLY = MediaType("ply", OCTETS, MediaKind.MODEL)
FBX = MediaType("fbx", OCTETS, MediaKind.MODEL)
DAE = MediaType("dae", PLAIN_TEXT, MediaKind.MODEL)
USDC = MediaType("usdc", OCTETS, MediaKind.MODEL)

SAFETENSORS = MediaType("safetensors", OCTETS, MediaKind.TENSORS)
NPY = MediaType("npy", OCTETS, MediaKind.TENSORS)

ZIP = MediaType("zip", "application/zip", MediaKind.ARCHIVE)
GZIP = MediaType("gz", "application/gzip", MediaKind.ARCHIVE)
TAR = MediaType("tar", "application/x-tar", MediaKind.ARCHIVE)
SEVEN_ZIP = MediaType("7z", "application/x-7z-compressed", MediaKind.ARCHIVE)

PDF = MediaType("pdf", "application/pdf", MediaKind.DOCUMENT)
JSON = MediaType("json", "application/json", MediaKind.JSON)
TEXT = MediaType("txt", PLAIN_TEXT, MediaKind.TEXT)
CSV = MediaType("csv", "text/csv; charset=utf-8", MediaKind.TEXT)
PAGE = MediaType("txt", PLAIN_TEXT, MediaKind.PAGE)
BINARY = MediaType("bin", OCTETS)
PROGRAM = MediaType("bin", OCTETS, MediaKind.PROGRAM)
