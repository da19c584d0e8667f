"""The header of a safetensors file, without its tensors.

8 bytes, little-endian: the header's length; the header, a JSON object of tensors by name, each with
`dtype`, `shape` and `data_offsets` (begin and end in what follows), and strings under
`__metadata__`; then the tensors, without holes, to the end of the file:
https://github.com/huggingface/safetensors#format. The package `safetensors` on PyPI wants a local
file or all of its bytes; of what is in a bucket or behind a URL the first bytes are enough.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

MAX_HEADER_BYTES = 100_000_000
"""`MAX_HEADER_SIZE` of the reference implementation (safetensors/src/tensor.rs)."""

_LENGTH_BYTES = 8
_FIRST_BYTES = 64 * 1024
"""Enough for the header of most LoRAs: one request instead of two."""

_METADATA = "__metadata__"

ReadRange = Callable[[int, int], bytes]
"""Reads so many bytes from an offset; fewer only at the end of the file."""


class HeaderError(ValueError):
    """The file has no readable header; the message says why."""


@dataclass(frozen=True)
class Header:
    """What a header says.

    Attributes:
        shapes: of the tensors, by name.
        metadata: strings that whoever made the file has put in.
    """

    shapes: Mapping[str, tuple[int, ...]]
    metadata: Mapping[str, str] = field(default_factory=dict)


def read_header(read: ReadRange, size: int) -> Header:
    """Reads and checks a file's header.

    Args:
        read: of the file.
        size: of the file in bytes.

    Raises:
        HeaderError: it is no safetensors file, or not a whole one.
    """
    first = read(0, _FIRST_BYTES)
    if len(first) < _LENGTH_BYTES:
        raise HeaderError(f"is no safetensors file: it has {len(first)} bytes")
    length = int.from_bytes(first[:_LENGTH_BYTES], "little")
    begin = first[_LENGTH_BYTES : _LENGTH_BYTES + 1]
    if not 0 < length <= MAX_HEADER_BYTES or (begin and begin != b"{"):
        raise HeaderError(
            "is no safetensors file: it does not begin with the length of a header and the header"
        )
    end = _LENGTH_BYTES + length
    if end > size:
        raise HeaderError(
            f"is cut off: its header ends at byte {end}, the file has {size}. Upload it again"
        )
    text = first[_LENGTH_BYTES:end]
    if len(text) < length:
        text += read(len(first), end - len(first))
    if len(text) != length:
        raise HeaderError("is cut off within its header. Upload it again")
    return _parsed(text, size - end)


def _parsed(text: bytes, data_bytes: int) -> Header:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise HeaderError("has a header that is no JSON") from None
    if not isinstance(value, dict):
        raise HeaderError("has a header that is no JSON object")
    metadata = value.pop(_METADATA, None) or {}
    shapes, last = {}, 0
    for name, tensor in value.items():
        shapes[name], end = _tensor(name, tensor)
        last = max(last, end)
    if last > data_bytes:
        raise HeaderError(
            f"is cut off: its tensors take {last} bytes, and {data_bytes} are there. "
            "Upload it again"
        )
    if last < data_bytes:
        raise HeaderError(f"has {data_bytes - last} bytes behind its last tensor")
    return Header(shapes, {k: v for k, v in _items(metadata) if isinstance(v, str)})


def _tensor(name: str, value: Any) -> tuple[tuple[int, ...], int]:
    """A tensor's shape, and the byte at which it ends."""
    try:
        begin, end = value["data_offsets"]
        shape = tuple(value["shape"])
        numbers = (begin, end, *shape)
    except (TypeError, KeyError, ValueError):
        raise HeaderError(f"has a header without shape or offsets of {name[:80]!r}") from None
    if not all(type(number) is int and number >= 0 for number in numbers) or begin > end:
        raise HeaderError(f"has a header with wrong numbers for {name[:80]!r}")
    return shape, end


def _items(metadata: Any) -> list[tuple[str, Any]]:
    return list(metadata.items()) if isinstance(metadata, dict) else []
