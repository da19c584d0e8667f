"""What the reader answers keeps the schemas of docs/openapi.yaml, as its routes do."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import jsonschema
import pytest

from easel_contract.record import Progress
from easel_packaging.openapi import openapi_document
from easel_reader import handler as handler_module
from easel_reader.handler import handler
from easel_reader.presigning import Presigner

from .reader_world import BUCKET, World, world

pytestmark = pytest.mark.unit

__all__ = ["world"]

DOCUMENT = openapi_document()


def answer_to(method: str, path: str, task: str | None = None, **query: str) -> dict[str, Any]:
    """Asks, and holds the answer against the document."""
    answer = handler(
        {
            "httpMethod": method,
            "resource": path,
            "pathParameters": {"task": task} if task else None,
            "queryStringParameters": query or None,
            "requestContext": {"identity": {"apiKeyId": "key-1"}},
        },
        None,
    )
    operation = DOCUMENT["paths"][path][method.lower()]
    content = operation["responses"][str(answer["statusCode"])]["content"]
    schema = content["application/json"]["schema"] | {"components": DOCUMENT["components"]}
    jsonschema.Draft202012Validator(schema).validate(json.loads(answer["body"]))
    return answer


def test_every_answer_keeps_its_schema(world: World) -> None:
    show, cancel = "/v1alpha2/tasks/{task}", "/v1alpha2/tasks/{task}/cancel"
    waiting, running = world.accept("waiting"), world.accept("running")
    lease = world.leases.claim(running)
    world.leases.renew(lease, progress=Progress(percent=5), gpu_seconds=1)
    world.complete(world.accept("completed"))
    asked = [
        (("GET", show, waiting.uid), 200),
        (("GET", show, "running"), 200),
        (("GET", show, "completed"), 200),
        (("GET", show, "nobody"), 404),
        (("GET", "/v1alpha2/tasks"), 200),
        (("GET", "/v1alpha2/runtimes"), 200),
        (("POST", cancel, "waiting"), 200),
        (("POST", cancel, "running"), 202),
        (("POST", cancel, "completed"), 409),
        (("POST", cancel, "nobody"), 404),
    ]
    for request, status in asked:
        answer = answer_to(*request)
        assert answer["statusCode"] == status, request
        if status < 300:
            assert answer["headers"]["Cache-Control"] == "no-store"
    assert answer_to("GET", show, "completed", presign="60")["statusCode"] == 200
    assert answer_to("GET", "/v1alpha2/tasks", limit="0")["statusCode"] == 400


def test_routes_are_those_of_the_document(world: World) -> None:
    assert world
    routes = {f"{method} {path}" for method, path in handler_module._service()._routes}
    documented = {
        f"{method.upper()} {path}"
        for path, methods in DOCUMENT["paths"].items()
        for method in methods
        if path.startswith("/v1alpha2/")
    }
    assert routes == documented


@pytest.mark.parametrize("region", ["us-east-1", "us-west-2", "cn-northwest-1"])
def test_links_name_the_buckets_own_region(region: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Sts:
        def assume_role(self, **_: Any) -> dict[str, Any]:
            expires_at = datetime.now(UTC) + timedelta(hours=1)
            return {
                "Credentials": {
                    "AccessKeyId": "key",
                    "SecretAccessKey": "secret",
                    "SessionToken": "token",
                    "Expiration": expires_at,
                }
            }

    monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    sts: Any = Sts()
    url = Presigner(sts, "role", BUCKET).signed(f"s3://{BUCKET}/a/b.png", 60).url
    host = urlsplit(url or "").hostname or ""
    assert host.startswith(f"{BUCKET}.s3.{region}.")
    assert host.endswith(".cn") == region.startswith("cn-")


def test_only_objects_of_the_stacks_own_bucket_get_links() -> None:
    sts: Any = None  # nobody is asked
    presigner = Presigner(sts, "role", BUCKET)
    for uri in (f"s3://{BUCKET}-2/a.png", "s3://other/a.png", f"https://{BUCKET}/a.png"):
        assert presigner.signed(uri, 60).url is None
