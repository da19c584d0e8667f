"""Bodies are coerced and refused as pydantic 1 does it in SD WebUI."""

import json
from typing import Any

import pytest

from easel_simulators.sdwebui.bodies import EXTRA_BATCH, EXTRA_SINGLE, IMG2IMG, TXT2IMG
from easel_simulators.sdwebui.errors import ValidationFailed
from easel_simulators.sdwebui.schema import json_object, validate
from easel_simulators.server import Request

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("name", "sent", "read"),
    [
        ("steps", "20", 20),
        ("steps", 20.9, 20),
        ("steps", None, None),
        ("cfg_scale", 7, 7.0),
        ("cfg_scale", "7.5", 7.5),
        ("prompt", 5, "5"),
        ("enable_hr", "yes", True),
        ("enable_hr", 0, False),
        ("styles", ["a"], ["a"]),
    ],
)
def test_values_are_coerced(name: str, sent: object, read: object) -> None:
    value = validate(TXT2IMG, {name: sent})[name]
    assert (type(value), value) == (type(read), read)


@pytest.mark.parametrize(
    ("name", "sent", "kind"),
    [
        ("steps", "x", "type_error.integer"),
        ("steps", [], "type_error.integer"),
        ("steps", float("inf"), "type_error.integer"),
        ("cfg_scale", {}, "type_error.float"),
        ("prompt", ["a"], "type_error.str"),
        ("enable_hr", "maybe", "type_error.bool"),
        ("enable_hr", 2, "type_error.bool"),
        ("styles", "a", "type_error.list"),
        ("override_settings", [], "type_error.dict"),
        ("script_args", None, "type_error.none.not_allowed"),
    ],
)
def test_wrong_types_are_refused(name: str, sent: object, kind: str) -> None:
    assert [(one["loc"], one["type"]) for one in details(TXT2IMG, {name: sent})] == [
        (["body", name], kind)
    ]


def details(fields: Any, body: dict[str, object]) -> list[dict[str, Any]]:
    with pytest.raises(ValidationFailed) as failed:
        validate(fields, body)
    response = failed.value.response()
    assert response.status == 422
    listed: list[dict[str, Any]] = json.loads(response.body)["detail"]
    return listed


def test_every_problem_is_told_at_once() -> None:
    found = details(TXT2IMG, {"steps": "x", "width": "y", "prompt": "fine"})
    assert [one["loc"][-1] for one in found] == ["steps", "width"]


@pytest.mark.parametrize(
    ("body", "kind", "context"),
    [
        ({"upscaling_resize": 9}, "value_error.number.not_le", {"limit_value": 8}),
        ({"upscaling_resize": 0.5}, "value_error.number.not_ge", {"limit_value": 1}),
        ({"resize_mode": 2}, "value_error.const", {"given": 2, "permitted": [0, 1]}),
    ],
)
def test_bounds_are_told(body: dict[str, object], kind: str, context: dict[str, object]) -> None:
    [found] = details(EXTRA_SINGLE, body)
    assert (found["type"], found["ctx"]) == (kind, context)


def test_items_of_a_batch_are_checked_each() -> None:
    body: dict[str, object] = {"imageList": [{"data": "x", "name": "a"}, {"name": "b"}, 3]}
    assert [one["loc"] for one in details(EXTRA_BATCH, body)] == [
        ["body", "imageList", 1, "data"],
        ["body", "imageList", 2],
    ]
    assert [one["loc"] for one in details(EXTRA_BATCH, {})] == [["body", "imageList"]]


def test_defaults_differ_between_text_and_image() -> None:
    assert validate(TXT2IMG, {})["denoising_strength"] is None
    assert validate(IMG2IMG, {})["denoising_strength"] == 0.75


@pytest.mark.parametrize(
    ("body", "media_type", "location", "kind"),
    [
        (b"", "application/json", ["body"], "value_error.missing"),
        (b"[]", "application/json", ["body"], "type_error.dict"),
        (b"null", "application/json", ["body"], "type_error.dict"),
        (b"{}", "text/plain", ["body"], "type_error.dict"),
        (b'{"a":', "application/json", ["body", 5], "value_error.jsondecode"),
    ],
)
def test_bodies_that_are_no_object(
    body: bytes, media_type: str, location: list[object], kind: str
) -> None:
    request = Request("POST", "/", {}, {"content-type": media_type}, body)
    with pytest.raises(ValidationFailed) as failed:
        json_object(request)
    [found] = json.loads(failed.value.response().body)["detail"]
    assert (found["loc"], found["type"]) == (location, kind)
