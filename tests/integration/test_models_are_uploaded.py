"""Models go to the bucket whole, in parts, and a broken upload goes on: counted at the emulator."""

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from easel_local.emulator import Emulator
from tests.aws_proxy import AwsProxy, Fault, FaultKind
from tests.integration.model_bucket import Bucket, easel_models
from tests.safetensors_files import LORA_SD1, SD1, SDXL, header, safetensors

pytestmark = pytest.mark.integration

MIB = 2**20
PARTS, PART = 7, 16 * MIB
"""Of the large file; the parts are as easel cuts it."""


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of 6 parts and a bit, no part of it as another."""
    head, count = header(SDXL | {"filler": ((PARTS - 1) * PART // 4,)})
    path = tmp_path_factory.mktemp("models") / "large.safetensors"
    path.write_bytes(head + random.Random(15).randbytes(count))
    assert (PARTS - 1) * PART < path.stat().st_size <= PARTS * PART
    return path


@pytest.fixture
def proxy(emulator: Emulator, tmp_path: Path) -> Iterator[AwsProxy]:
    environment = dict(os.environ) | emulator.environment()
    url = emulator.endpoint_url
    with AwsProxy(url, log_path=tmp_path / "proxy.log", environment=environment) as running:
        yield running


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_file_arrives_whole_with_its_checksums(bucket: Bucket, large: Path) -> None:
    done = easel_models(bucket, "upload", str(large), "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said == {
        "key": "Stable-diffusion/large.safetensors",
        "size": large.stat().st_size,
        "sha256": sha256(large),
        "state": "uploaded",
        "sent_parts": PARTS,
        "kept_parts": 0,
    }
    stored = bucket.get(said["key"])
    assert hashlib.sha256(stored["Body"].read()).hexdigest() == said["sha256"]
    assert stored["ChecksumSHA256"].endswith(f"-{PARTS}")
    assert bucket.tags(said["key"]) == {"easel:sha256": said["sha256"]}


def test_an_upload_that_was_killed_goes_on_with_the_parts_that_are_there(
    bucket: Bucket, proxy: AwsProxy, large: Path
) -> None:
    proxy.add_fault(
        Fault(kind=FaultKind.DELAY, operation="UploadPart", seconds=300, delay_seconds=1)
    )
    command = [sys.executable, "-m", "easel_cli.main", "models", "upload", str(large)]
    options = ["--bucket", bucket.name, "--region", bucket.region, "--parallel", "2"]
    environment = bucket.environment | {"AWS_ENDPOINT_URL": proxy.endpoint_url}
    first = subprocess.Popen(
        [*command, *options], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    deadline = time.monotonic() + 60
    while len(bucket.unfinished_parts()) < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    proxy.clear_faults()
    # What the emulator has begun to take it takes.
    time.sleep(1.5)
    there = len(bucket.unfinished_parts())
    assert 3 <= there < PARTS

    proxy.forget_calls()
    second = subprocess.run(
        [*command, *options, "--json"], env=environment, capture_output=True, text=True, check=True
    )
    said = json.loads(second.stdout)
    assert said["state"] == "resumed"
    assert (said["sent_parts"], said["kept_parts"]) == (PARTS - there, there)
    calls = proxy.calls()
    assert calls["s3.UploadPart"] == PARTS - there
    assert calls["s3.CreateMultipartUpload"] == 0
    stored = bucket.get("Stable-diffusion/large.safetensors")
    assert hashlib.sha256(stored["Body"].read()).hexdigest() == sha256(large)
    assert bucket.unfinished_parts() == []


def test_parts_of_another_file_are_sent_again(bucket: Bucket, tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    file.write_bytes(safetensors(SD1))
    begun = bucket.s3.create_multipart_upload(
        Bucket=bucket.name, Key="Stable-diffusion/model.safetensors", ChecksumAlgorithm="SHA256"
    )
    other = {"Bucket": bucket.name, "Key": begun["Key"], "UploadId": begun["UploadId"]}
    for number in (1, 2):
        bucket.s3.upload_part(
            **other, PartNumber=number, Body=b"x" * 6 * MIB, ChecksumAlgorithm="SHA256"
        )
    done = easel_models(bucket, "upload", str(file), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["kept_parts"] == 0
    assert bucket.get(begun["Key"])["Body"].read() == file.read_bytes()


def test_an_upload_of_another_program_is_left_alone(bucket: Bucket, tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    file.write_bytes(safetensors(SD1))
    begun = bucket.s3.create_multipart_upload(
        Bucket=bucket.name, Key="Stable-diffusion/model.safetensors"
    )
    bucket.s3.upload_part(
        Bucket=bucket.name,
        Key=begun["Key"],
        UploadId=begun["UploadId"],
        PartNumber=1,
        Body=b"x" * 6 * MIB,
    )
    assert easel_models(bucket, "upload", str(file)).returncode == 0
    assert len(bucket.unfinished_parts()) == 1
    assert bucket.get(begun["Key"])["Body"].read() == file.read_bytes()


def test_the_same_file_again_is_not_sent_and_another_is_refused(
    bucket: Bucket, tmp_path: Path
) -> None:
    file = tmp_path / "model.safetensors"
    file.write_bytes(safetensors(SD1))
    assert easel_models(bucket, "upload", str(file)).returncode == 0
    again = easel_models(bucket, "upload", str(file), "--json")
    assert json.loads(again.stdout)["state"] == "already there"

    before, file_bytes = file.read_bytes(), safetensors(SD1, {"title": "another"})
    file.write_bytes(file_bytes)
    refused = easel_models(bucket, "upload", str(file))
    assert refused.returncode == 2
    assert "--replace" in refused.stderr
    key = "Stable-diffusion/model.safetensors"
    assert bucket.get(key)["Body"].read() == before
    assert easel_models(bucket, "upload", str(file), "--replace").returncode == 0
    assert bucket.get(key)["Body"].read() == file_bytes


def test_an_object_without_its_note_gets_it_and_is_not_sent_again(
    bucket: Bucket, tmp_path: Path
) -> None:
    """As after an upload that ended between its last part and its note."""
    file = tmp_path / "model.safetensors"
    file.write_bytes(safetensors(SD1))
    key = "Stable-diffusion/model.safetensors"
    assert easel_models(bucket, "upload", str(file)).returncode == 0
    bucket.s3.delete_object_tagging(Bucket=bucket.name, Key=key)
    again = easel_models(bucket, "upload", str(file), "--json")
    assert json.loads(again.stdout)["state"] == "already there"
    assert bucket.tags(key) == {"easel:sha256": sha256(file)}


def test_a_wrong_sha256_leaves_nothing(bucket: Bucket, tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    file.write_bytes(safetensors(SD1))
    done = easel_models(bucket, "upload", str(file), "--sha256", "0" * 64)
    assert done.returncode == 1
    assert sha256(file) in done.stderr
    assert bucket.keys() == []
    assert bucket.unfinished_parts() == []


def test_s3_that_fails_now_and_then_is_asked_again(
    bucket: Bucket, proxy: AwsProxy, tmp_path: Path
) -> None:
    file = tmp_path / "model.safetensors"
    file.write_bytes(safetensors(SD1))
    for operation in ("UploadPart", "CompleteMultipartUpload"):
        proxy.add_fault(Fault(kind=FaultKind.UNAVAILABLE, operation=operation, count=2))
    done = easel_models(bucket, "upload", str(file), AWS_ENDPOINT_URL=proxy.endpoint_url)
    assert done.returncode == 0, done.stderr
    assert bucket.get("Stable-diffusion/model.safetensors")["Body"].read() == file.read_bytes()


def test_a_folder_keeps_its_folders_and_all_problems_are_named_together(
    bucket: Bucket, tmp_path: Path
) -> None:
    top = tmp_path / "models"
    files = {
        "Lora/a/style.safetensors": safetensors(LORA_SD1),
        "Stable-diffusion/from-civitai": b"\x80\x02}q\x00.",
        "loose.safetensors": safetensors(SD1),
        "4x-UltraSharp.pth": b"pickle",
        ".cache/hidden.safetensors": b"",
    }
    for name, content in files.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_bytes(content)
    (top / "odd.bin").write_bytes(b"?")
    (top / "Lora" / "broken.safetensors").write_bytes(b"\xff" * 100)
    (top / "Lora" / "empty.safetensors").write_bytes(b"")
    refused = easel_models(bucket, "upload", str(top))
    assert refused.returncode == 2
    for name in ("odd.bin", "broken.safetensors", "empty.safetensors"):
        assert name in refused.stderr
    assert bucket.keys() == []

    for name in ("odd.bin", "Lora/broken.safetensors", "Lora/empty.safetensors"):
        (top / name).unlink()
    done = easel_models(bucket, "upload", str(top))
    assert done.returncode == 0, done.stderr
    assert bucket.keys() == [
        "ESRGAN/4x-UltraSharp.pth",
        "Lora/a/style.safetensors",
        "Stable-diffusion/from-civitai.ckpt",
        "Stable-diffusion/loose.safetensors",
    ]


def test_what_is_there_is_listed_and_removed(bucket: Bucket, tmp_path: Path) -> None:
    file = tmp_path / "style.safetensors"
    file.write_bytes(safetensors(LORA_SD1))
    assert easel_models(bucket, "upload", str(file)).returncode == 0
    begun: dict[str, Any] = bucket.s3.create_multipart_upload(
        Bucket=bucket.name, Key="Lora/half.safetensors", ChecksumAlgorithm="SHA256"
    )
    listed = easel_models(bucket, "list", "--json").stdout.splitlines()
    whole, half = map(json.loads, listed)
    assert (whole["key"], whole["sha256"]) == ("Lora/style.safetensors", sha256(file))
    assert (half["key"], half["unfinished"]) == (begun["Key"], True)

    unasked = easel_models(bucket, "remove", "Lora/style.safetensors")
    assert unasked.returncode == 2
    assert "Lora/style.safetensors" in unasked.stderr
    wrong = easel_models(bucket, "remove", "--yes", "Lora/style.safetensors", "VAE/a", "VAE/b")
    assert wrong.returncode == 2
    assert "VAE/a" in wrong.stderr
    assert "VAE/b" in wrong.stderr
    assert bucket.keys() == ["Lora/style.safetensors"]

    assert easel_models(bucket, "remove", "--yes", "Lora/").returncode == 0
    assert bucket.keys() == []
    assert easel_models(bucket, "remove", "--unfinished").returncode == 0
    assert easel_models(bucket, "list").stdout.strip() == "0 files, 0.0 MiB"


def test_a_bucket_that_is_not_there_is_named(bucket: Bucket, tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    file.write_bytes(safetensors(SD1))
    done = easel_models(bucket, "upload", str(file), "--bucket", "no-such-bucket-15")
    assert done.returncode == 1
    assert "There is no bucket no-such-bucket-15" in done.stderr
