"""Sending a simulated SD WebUI what a real one was sent, and comparing the answers."""

import base64
import io
import json
from collections.abc import Collection, Iterator
from fnmatch import fnmatchcase
from typing import Any

import requests
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from .captures import CUT, differences

HEADERS = ("allow", "content-type")


def picture(infotext: str | None) -> str:
    """A picture of the size of the one in the captures, 96 x 64."""
    chunks = PngInfo()
    if infotext:
        chunks.add_text("parameters", infotext)
    buffer = io.BytesIO()
    gradient = Image.linear_gradient("L").resize((96, 64)).convert("RGB")
    gradient.save(buffer, "PNG", pnginfo=chunks)
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def with_pictures(value: Any, infotext: str | None) -> Any:
    """The value with a real picture in place of every cut string."""
    if isinstance(value, dict):
        return {key: with_pictures(item, infotext) for key, item in value.items()}
    if isinstance(value, list):
        return [with_pictures(item, infotext) for item in value]
    if isinstance(value, str) and (cut := CUT.match(value)):
        return (cut["prefix"] or "") + picture(infotext)
    return value


def exchange_of(answer: requests.Response) -> dict[str, Any]:
    headers = {name: answer.headers[name] for name in HEADERS if name in answer.headers}
    return {"status": answer.status_code, "headers": headers, "response": parsed(body_of(answer))}


def body_of(answer: requests.Response) -> Any:
    """The JSON value of an answer, or its text where it is none."""
    return answer.json() if "json" in answer.headers.get("content-type", "") else answer.text


def parsed(response: Any) -> Any:
    """The response with the JSON string ``info`` parsed."""
    info = str(response.get("info", "")) if isinstance(response, dict) else ""
    if info.startswith("{") and not CUT.fullmatch(info):
        return {**response, "info": json.loads(info)}
    return response


def send(url: str, request: dict[str, Any], infotext: str | None = None) -> requests.Response:
    data = request.get("body")
    if "json" in request:
        data = json.dumps(with_pictures(request["json"], infotext))
    return requests.request(
        request["method"],
        url + request["path"],
        data=data,
        headers={"Content-Type": "application/json"} if data is not None else {},
        timeout=30,
    )


def replay(
    url: str, name: str, captured: dict[str, Any], may_differ: Collection[str]
) -> Iterator[str]:
    """Send one exchange's request; tell what is not as captured.

    ``may_differ`` are the paths (fnmatch patterns) of values that may; keys and types never may.
    """
    expected = {**captured, "response": parsed(captured["response"])}
    request = expected.pop("request")
    told = captured["response"]
    infotext = told["info"] if name == "png_info" and isinstance(told, dict) else None
    answer = send(url, request, infotext)
    ours = exchange_of(answer)
    if isinstance(expected["response"], dict) and CUT.fullmatch(
        str(expected["response"].get("info"))
    ):
        ours["response"]["info"] = answer.json()["info"]
    for path, kind, what in differences(expected, ours, ""):
        if kind == "shape" or not any(fnmatchcase(path, f".{one}") for one in may_differ):
            yield f"{name}: {path}: {what}"
