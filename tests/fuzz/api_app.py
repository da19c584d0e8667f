"""The API's functions behind WSGI: what API Gateway makes of a request, and of their answer.

Without API Gateway's own checks (key, limits, sizes, content types): what those would keep out
comes to the functions here, too.
"""

import base64
import json
import re
from collections.abc import Callable, Iterable
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import yaml

from easel_intake.handler import handler as intake
from easel_reader.handler import handler as reader

KEY_ID = "key-1"
_OPENAPI = Path(__file__).parents[2] / "docs" / "openapi.yaml"
_ROUTES = {
    "POST /v1alpha1": intake,
    "POST /v1alpha2": intake,
    "GET /v1alpha2/tasks": reader,
    "GET /v1alpha2/tasks/{task}": reader,
    "POST /v1alpha2/tasks/{task}/cancel": reader,
    "GET /v1alpha2/runtimes": reader,
}
_SCHEMA_PATH = "/openapi.json"

StartResponse = Callable[[str, list[tuple[str, str]]], Any]


class ApiApp:
    """A WSGI application that calls the functions' handlers."""

    def __init__(self) -> None:
        """Reads the routes; the functions read their settings at the first request."""
        self._routes = []
        for route, function in _ROUTES.items():
            method, resource = route.split(" ")
            pattern = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", resource))
            self._routes.append((method, resource, pattern, function))

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answers a request (PEP 3333)."""
        # WSGI's paths are bytes in the form of Latin-1.
        path = environ["PATH_INFO"].encode("latin-1").decode(errors="replace")
        if path == _SCHEMA_PATH:
            return _respond(start_response, 200, {}, json.dumps(schema()).encode())
        for method, resource, pattern, function in self._routes:
            found = pattern.fullmatch(path)
            if found and environ["REQUEST_METHOD"] == method:
                answer = function(_event(environ, resource, found.groupdict()), None)
                body = answer["body"].encode()
                return _respond(start_response, answer["statusCode"], answer["headers"], body)
        return _respond(start_response, 404, {}, b'{"error": {"code": "not_found", "message": ""}}')


def schema() -> dict[str, Any]:
    """The API's document, for a server at the root."""
    document: dict[str, Any] = yaml.safe_load(_OPENAPI.read_text())
    document["servers"] = [{"url": "/"}]
    return document


def _event(environ: dict[str, Any], resource: str, parameters: dict[str, str]) -> dict[str, Any]:
    length = int(environ.get("CONTENT_LENGTH") or 0)
    raw = environ["wsgi.input"].read(length)
    try:
        body, is_base64 = raw.decode(), False
    except UnicodeDecodeError:
        body, is_base64 = base64.b64encode(raw).decode(), True
    headers = {
        name.removeprefix("HTTP_").replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_") or name == "CONTENT_TYPE"
    }
    query = dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
    return {
        "resource": resource,
        "httpMethod": environ["REQUEST_METHOD"],
        "headers": headers,
        "pathParameters": parameters or None,
        "queryStringParameters": query or None,
        "requestContext": {"identity": {"apiKeyId": KEY_ID}},
        "body": body or None,
        "isBase64Encoded": is_base64,
    }


def _respond(
    start_response: StartResponse, status: int, headers: dict[str, str], body: bytes
) -> list[bytes]:
    known = {"Content-Type": "application/json"} | headers
    start_response(f"{status} {HTTPStatus(status).phrase}", list(known.items()))
    return [body]
