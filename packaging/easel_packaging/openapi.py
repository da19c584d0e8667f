"""docs/openapi.yaml, made from the contract: `python -m easel_packaging.openapi`.

OpenAPI 3.1: https://spec.openapis.org/oas/v3.1.1.html
"""

import json
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import models_json_schema

from easel_contract.api import (
    V1Alpha1Accepted,
    V1Alpha1Request,
    V1Alpha2Accepted,
    V1Alpha2Request,
)
from easel_contract.errors import ApiErrorBody
from easel_contract.result import TaskResult
from easel_contract.task import IdempotencyKey, TaskMessage
from easel_packaging.openapi_tasks import ANSWERS, task_paths

_DOCS = Path(__file__).resolve().parents[2] / "docs"
OPENAPI_FILE = _DOCS / "openapi.yaml"
SAMPLES = _DOCS / "samples"

_Mode = Literal["validation", "serialization"]
_REFERENCE = "#/components/schemas/{model}"
_VERSIONS: dict[str, tuple[type[BaseModel], type[BaseModel], str]] = {
    "v1alpha2": (V1Alpha2Request, V1Alpha2Accepted, "Queue a task for a runtime"),
    "v1alpha1": (V1Alpha1Request, V1Alpha1Accepted, "Queue a task for a checkpoint"),
}
_SECURITY_SCHEMES = {
    "apiKey": {"type": "apiKey", "in": "header", "name": "x-api-key"},
    "signature": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "AWS Signature Version 4, service execute-api",
        "x-amazon-apigateway-authtype": "awsSigv4",
    },
}
_REFUSALS = {
    "400": "invalid_request: no JSON object, or wrong fields, every one of them named",
    "401": "unauthorized: no key, or a wrong one; no signature, where the stack asks for one",
    "403": "forbidden: a wrong signature, no right to execute-api:Invoke, or an unknown caller",
    "409": "request_in_progress: a request with this Idempotency-Key is being accepted",
    "413": "payload_too_large: the body is over 5 MiB",
    "415": "unsupported_media_type: the content type is not application/json",
    "422": "idempotency_key_reused: the key came with another request in the last 24 hours",
    "429": "throttled: too many requests with this key",
    "500": "internal_error: the intake is broken",
    "503": "unavailable: the task could not be queued; send it again",
}
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "The same key and request again within 24 hours get the same answer and make "
    "no second task.",
    "schema": TypeAdapter(IdempotencyKey).json_schema(),
}


def openapi_document() -> dict[str, Any]:
    """The document as a dict; the samples in docs/samples are its examples."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "easel",
            "version": "v1alpha2",
            "summary": "Asynchronous Stable Diffusion",
            "description": "Made from contract/ by `make openapi`; do not edit.",
        },
        "servers": [
            {
                "url": "{endpoint}",
                "variables": {"endpoint": {"default": "https://example.com/dev"}},
            }
        ],
        # A stack asks for one of them: its output `authorization` says which.
        "security": [{name: []} for name in _SECURITY_SCHEMES],
        "paths": {f"/{version}": {"post": _operation(version)} for version in _VERSIONS}
        | task_paths(),
        "webhooks": {"taskFinished": {"post": _callback()}},
        "components": {"securitySchemes": _SECURITY_SCHEMES, "schemas": _schemas()},
    }


def render_openapi() -> str:
    """The document as YAML."""
    text: str = yaml.safe_dump(openapi_document(), sort_keys=False, allow_unicode=True, width=100)
    return text


def _schemas() -> dict[str, Any]:
    read: _Mode = "validation"
    written: _Mode = "serialization"
    _, schemas = models_json_schema(
        [
            (V1Alpha2Request, read),
            (V1Alpha1Request, read),
            (TaskMessage, read),
            (V1Alpha2Accepted, written),
            (V1Alpha1Accepted, written),
            (ApiErrorBody, written),
            (TaskResult, written),
            *((model, written) for model in ANSWERS),
        ],
        ref_template=_REFERENCE,
    )
    found: dict[str, Any] = schemas["$defs"]
    return found


def _operation(version: str) -> dict[str, Any]:
    request, accepted, summary = _VERSIONS[version]
    samples = {
        path.stem.removeprefix(f"{version}-"): {"value": json.loads(path.read_text())}
        for path in sorted(SAMPLES.glob(f"{version}-*.json"))
    }
    refusals = {
        status: {"description": text, "content": _json(ApiErrorBody)}
        for status, text in _REFUSALS.items()
    }
    return {
        "operationId": version,
        "summary": summary,
        "requestBody": {
            "required": True,
            "content": _json(request, examples=samples),
        },
        "parameters": [_IDEMPOTENCY_KEY],
        "responses": {"200": _queued(accepted)} | refusals,
    }


def _queued(accepted: type[BaseModel]) -> dict[str, Any]:
    replayed = {
        "description": "true where an earlier request with the same key got this answer",
        "schema": {"type": "string"},
    }
    return {
        "description": "queued",
        "headers": {"Idempotent-Replayed": replayed},
        "content": _json(accepted),
    }


def _callback() -> dict[str, Any]:
    return {
        "summary": "One message on the notifications topic, or at the callback URL, per ended task",
        "requestBody": {"content": _json(TaskResult)},
        "responses": {"200": {"description": "SNS delivers it as its subscriptions say"}},
    }


def _json(model: type[BaseModel], **more: Any) -> dict[str, Any]:
    schema = {"$ref": _REFERENCE.format(model=model.__name__)}
    return {"application/json": {"schema": schema, **more}}


if __name__ == "__main__":
    OPENAPI_FILE.write_text(render_openapi())
