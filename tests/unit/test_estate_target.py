"""The file by which `easel` uses an environment that was applied on this machine."""

from pathlib import Path
from typing import Any

import pytest

from easel_cli.target_source import find_target
from easel_local.estate.services import write_target

pytestmark = pytest.mark.unit

EMULATOR = "http://127.0.0.1:4566"


@pytest.fixture
def outputs() -> dict[str, Any]:
    values = {
        "region": "cn-northwest-1",
        "endpoint": "https://abc123.execute-api.cn-northwest-1.amazonaws.com.cn/prod",
        "rest_api_id": "abc123",
        "authorization": "AWS_IAM",
        "output_bucket": "outputs",
        "tasks_topic_arn": "tasks",
        "notifications_topic_arn": "notifications",
        "records_table": "records",
        "runtimes": {},
    }
    return {name: {"value": value, "sensitive": False} for name, value in values.items()}


def test_easel_reaches_the_emulator_by_it(outputs: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "outputs.json"
    written = write_target(outputs, EMULATOR, "/somewhere/credentials", file)
    target = find_target(None, file)
    assert target == written
    assert target.endpoint == f"{EMULATOR}/_aws/execute-api/abc123/prod"
    assert target.aws_endpoint_url == EMULATOR
    assert target.aws_credentials_file == Path("/somewhere/credentials")
    assert target.region == "cn-northwest-1"


@pytest.mark.parametrize("missing", ["endpoint", "rest_api_id", "runtimes"])
def test_after_an_apply_of_a_part_none_is_left(
    outputs: dict[str, Any], tmp_path: Path, missing: str
) -> None:
    file = tmp_path / "outputs.json"
    file.write_text("of an earlier apply")
    del outputs[missing]
    assert write_target(outputs, EMULATOR, "/somewhere/credentials", file) is None
    assert not file.exists()
