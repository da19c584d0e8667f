"""A picture, the whole way through an applied environment, in both regions."""

import io
import json
import secrets
from pathlib import Path

import pytest
from PIL import Image
from rich.console import Console

from easel_cli.api_authorization import authorization_of
from easel_cli.api_client import ApiClient
from easel_cli.aws_clients import AwsClients
from easel_cli.progress import Progress
from easel_cli.results import ResultSubscription
from easel_cli.verify import VerifyOptions, verify
from easel_deploy.exit_status import ExitStatus
from tests.integration.applied_estate import AppliedEstate

pytestmark = pytest.mark.integration

RESULT_SECONDS = 60.0


def test_a_request_becomes_a_picture_and_a_notification(estate: AppliedEstate) -> None:
    target, task_id = estate.target, f"estate-{secrets.token_hex(4)}"
    clients = AwsClients(target)
    metadata = {"id": task_id, "runtime": "sdruntime", "tasktype": "text-to-image", "prefix": "out"}
    content = {"prompt": "A dog", "steps": 16, "width": 512, "height": 512}
    with (
        estate.working_pod("sdruntime"),
        ResultSubscription(clients, target.notifications_topic_arn) as subscription,
        ApiClient(target.endpoint, authorization_of(target, clients)) as api,
    ):
        answer = api.post("v1alpha2", {"task": {"metadata": metadata, "content": content}})
        assert answer.status_code == 200, answer.text
        result = subscription.wait_for(answer.json()["uid"], RESULT_SECONDS)
    assert result.result, result.error
    (uri,) = result.image_url
    prefix = f"s3://{target.output_bucket}/out/{task_id}/"
    assert uri.startswith(prefix)
    key = uri.removeprefix(f"s3://{target.output_bucket}/")
    stored = clients.s3.get_object(Bucket=target.output_bucket, Key=key)
    with Image.open(io.BytesIO(stored["Body"].read())) as picture:
        assert (picture.format, picture.size) == ("PNG", (512, 512))
    assert stored["ServerSideEncryption"] == "aws:kms"


def test_every_kind_of_request_makes_its_picture(
    estate: AppliedEstate, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = VerifyOptions(out=tmp_path, timeout=RESULT_SECONDS, json=True)
    with estate.working_pod("sdruntime"), estate.working_pod("comfyui"):
        status = verify(wanted, estate.target, Progress(Console(stderr=True)))
    said = capsys.readouterr()
    assert status is ExitStatus.COMPLETED, said.err
    checks = [json.loads(line) for line in said.out.splitlines()]
    assert sorted((one["runtime"], one["tasktype"]) for one in checks) == [
        ("comfyui", "pipeline"),
        ("sdruntime", "extra-single-image"),
        ("sdruntime", "image-to-image"),
        ("sdruntime", "text-to-image"),
    ]
    assert all(Path(file).is_file() for one in checks for file in one["files"])


def test_a_request_without_proof_of_its_sender_is_refused(estate: AppliedEstate) -> None:
    class Nobody:
        def __call__(self, request: object) -> object:
            return request

    with ApiClient(estate.target.endpoint, Nobody()) as api:  # type: ignore[arg-type]
        answer = api.post("v1alpha2", {})
    assert answer.status_code in {401, 403}
    assert json.loads(answer.text)["error"]["code"] in {"unauthorized", "forbidden"}
