"""How the simulated ComfyUI reads the forms of uploads."""

import pytest
import requests

from easel_simulators.comfyui.uploads import Part, parse_form
from easel_simulators.server import Request

pytestmark = pytest.mark.unit


def form(body: bytes, content_type: str) -> Request:
    return Request("POST", "/upload/image", {}, {"content-type": content_type}, body)


@pytest.mark.parametrize(
    "data", [b"", b"text", b"\r\n", b"\r\n--", bytes(range(256)) * 3, b"a\r\nb\n\r\n\r\nc\r\n"]
)
def test_files_come_out_as_they_went_in(data: bytes) -> None:
    prepared = requests.Request(
        "POST", "http://x/", files={"image": ("in put.png", data)}, data={"overwrite": "true"}
    ).prepare()
    assert isinstance(prepared.body, bytes)
    assert parse_form(form(prepared.body, prepared.headers["Content-Type"])) == {
        "overwrite": Part(None, b"true"),
        "image": Part("in put.png", data),
    }


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"{}", "application/json"),
        (b"", "multipart/form-data"),
        (b"", "multipart/form-data; boundary=x"),
        (b"--x\r\nno head--x--", "multipart/form-data; boundary=x"),
        (b"--x\r\nContent-Type: a/b\r\n\r\nunnamed\r\n--x--", "multipart/form-data; boundary=x"),
    ],
)
def test_what_is_no_form_has_no_parts(body: bytes, content_type: str) -> None:
    assert parse_form(form(body, content_type)) == {}


@pytest.mark.parametrize(
    ("parameter", "name"),
    [
        (b'filename="plain.png"', "plain.png"),
        ('filename="夏天.png"'.encode(), "夏天.png"),
        (b"filename*=utf-8''%E5%A4%8F%E5%A4%A9.png", "夏天.png"),
        (b'filename="a\\"b.png"', 'a"b.png'),
        (b'filename="a%22b.png"', "a%22b.png"),
    ],
)
def test_names_are_read_as_aiohttp_reads_them(parameter: bytes, name: str) -> None:
    head = b'Content-Disposition: form-data; name="image"; ' + parameter
    body = b"--x\r\n" + head + b"\r\n\r\ndata\r\n--x--"
    parsed = parse_form(form(body, "multipart/form-data; boundary=x"))
    assert parsed == {"image": Part(name, b"data")}
