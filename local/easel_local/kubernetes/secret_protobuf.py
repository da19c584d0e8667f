"""Reads a Secret in Kubernetes' protobuf form, which Helm stores its releases in.

The envelope is described at https://kubernetes.io/docs/reference/using-api/api-concepts/, the
messages in k8s.io/api/core/v1/generated.proto and k8s.io/apimachinery's meta/v1/generated.proto.
"""

import base64
from collections.abc import Iterator
from typing import Any

MAGIC = b"k8s\x00"

_TYPE_META, _RAW = 1, 2  # of Unknown
_KIND = 2  # of TypeMeta
_METADATA, _DATA, _TYPE = 1, 2, 3  # of Secret
_NAME, _NAMESPACE, _RESOURCE_VERSION, _LABELS = 1, 3, 6, 11  # of ObjectMeta
_KEY, _VALUE = 1, 2  # of a map's entry
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # wire types
_MORE = 0x80  # in a byte of a varint: another follows


def decode_secret(body: bytes) -> dict[str, Any]:
    """Returns the parts of a Secret that a store of releases needs, in their JSON form.

    Raises:
        ValueError: it is not in that form, or another kind than a Secret.
    """
    if not body.startswith(MAGIC):
        raise ValueError("no Kubernetes protobuf")
    envelope = dict(_fields(body[len(MAGIC) :]))
    kind = dict(_fields(envelope.get(_TYPE_META, b""))).get(_KIND, b"").decode()
    if kind != "Secret":
        raise ValueError(f"{kind or 'an object of no kind'} in protobuf is not understood here")
    raw = envelope.get(_RAW, b"")
    secret: dict[str, Any] = {"apiVersion": "v1", "kind": "Secret", "data": {}, "metadata": {}}
    for number, value in _fields(raw):
        if number == _METADATA:
            secret["metadata"] = _metadata(value)
        elif number == _DATA:
            key, content = _entry(value)
            secret["data"][key.decode()] = base64.b64encode(content).decode()
        elif number == _TYPE:
            secret["type"] = value.decode()
    return secret


def _metadata(message: bytes) -> dict[str, Any]:
    names = {_NAME: "name", _NAMESPACE: "namespace", _RESOURCE_VERSION: "resourceVersion"}
    metadata: dict[str, Any] = {"labels": {}}
    for number, value in _fields(message):
        if number in names:
            metadata[names[number]] = value.decode()
        elif number == _LABELS:
            key, label = _entry(value)
            metadata["labels"][key.decode()] = label.decode()
    return metadata


def _entry(message: bytes) -> tuple[bytes, bytes]:
    parts = dict(_fields(message))
    return parts.get(_KEY, b""), parts.get(_VALUE, b"")


def _fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """Yields number and content of the length-delimited fields; the others are passed over."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        wire_type = tag & 7
        if wire_type == _VARINT:
            _, at = _varint(message, at)
        elif wire_type == _FIXED64:
            at += 8
        elif wire_type == _FIXED32:
            at += 4
        elif wire_type == _BYTES:
            length, at = _varint(message, at)
            yield tag >> 3, message[at : at + length]
            at += length
        else:
            raise ValueError(f"wire type {wire_type}")


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & ~_MORE) << shift
        at += 1
        if byte < _MORE:
            return value, at
        shift += 7
