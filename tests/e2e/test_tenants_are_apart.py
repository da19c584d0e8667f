"""Two API keys of one stack: neither learns of the other's tasks, nor ends them."""

from http import HTTPStatus
from typing import Any

import pytest

from easel_cli.api_client import ApiClient
from easel_contract.errors import TaskErrorCode
from easel_contract.result import ResultStatus

from .conftest import Results
from .stacks import Stack
from .test_a_picture_comes_back import seed_content, v1alpha2

pytestmark = pytest.mark.e2e


def uids(api: ApiClient, task_id: str) -> list[str]:
    answer = api.get("v1alpha2/tasks", {"id": task_id})
    assert answer.status_code == HTTPStatus.OK, answer.text
    return [task["uid"] for task in answer.json()["tasks"]]


def send(api: ApiClient, runtime: str, task_id: str, key: str, **slow: Any) -> str:
    answer = api.post(
        "v1alpha2", v1alpha2(task_id, runtime, seed_content(**slow)), {"Idempotency-Key": key}
    )
    assert answer.status_code == HTTPStatus.OK, answer.text
    uid: str = answer.json()["uid"]
    return uid


def test_a_neighbour_neither_sees_nor_cancels_a_task(
    api: ApiClient,
    neighbours_api: ApiClient,
    results: Results,
    sdwebui: str,
    task_id: str,
    stack: Stack,
) -> None:
    slow = stack.slow_down(sdwebui, seconds=5)
    # The same id and the same idempotency key: each means its own tenant's task.
    ours, theirs = (send(one, sdwebui, task_id, task_id, **slow) for one in (api, neighbours_api))
    assert ours != theirs
    for one, own, other in ((api, ours, theirs), (neighbours_api, theirs, ours)):
        assert one.get(f"v1alpha2/tasks/{own}").status_code == HTTPStatus.OK
        assert one.get(f"v1alpha2/tasks/{task_id}").json()["uid"] == own
        assert uids(one, task_id) == [own]
        # As if there were no such task, whether it is shown, linked or cancelled.
        for answer in (
            one.get(f"v1alpha2/tasks/{other}"),
            one.get(f"v1alpha2/tasks/{other}", {"presign": "60"}),
            one.post(f"v1alpha2/tasks/{other}/cancel", {}),
        ):
            assert answer.status_code == HTTPStatus.NOT_FOUND, answer.text
    assert results.of(ours).status is ResultStatus.COMPLETED
    assert results.of(theirs).status is ResultStatus.COMPLETED


def test_a_neighbours_picture_is_no_input(
    api: ApiClient, neighbours_api: ApiClient, results: Results, sdwebui: str, task_id: str
) -> None:
    picture = results.of(send(api, sdwebui, task_id, f"{task_id}-1")).image_url[0]
    content = seed_content(init_images=[picture])
    ended = {}
    for name, one in (("own", api), ("neighbour's", neighbours_api)):
        request = v1alpha2(task_id, sdwebui, content, tasktype="image-to-image")
        answer = one.post("v1alpha2", request)
        assert answer.status_code == HTTPStatus.OK, answer.text
        ended[name] = results.of(answer.json()["uid"])
    assert ended["own"].status is ResultStatus.COMPLETED, ended["own"].error
    error = ended["neighbour's"].error
    assert error is not None
    assert error.code is TaskErrorCode.INPUT_UNAVAILABLE
    assert f"init_images[0]: {picture} is no object that this runtime may read" in error.message
    assert ended["neighbour's"].attempts == 0
