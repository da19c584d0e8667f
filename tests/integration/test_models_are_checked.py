"""`easel models check` on a bucket of the emulator: all problems together, in words and as JSON."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration.model_bucket import Bucket, easel_models
from tests.safetensors_files import FLUX, LORA_SDXL, SD1, VAE_ALONE, safetensors

pytestmark = pytest.mark.integration

CHECKPOINT = "Stable-diffusion/v1-5-pruned-emaonly.safetensors"


def block_public(bucket: Bucket, *, blocked: bool = True) -> None:
    names = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    bucket.s3.put_public_access_block(
        Bucket=bucket.name, PublicAccessBlockConfiguration=dict.fromkeys(names, blocked)
    )


def checked(bucket: Bucket, *options: str, status: int = 0) -> dict[str, Any]:
    done = easel_models(bucket, "check", "--json", *options)
    assert done.returncode == status, done.stdout + done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def codes(report: dict[str, Any], severity: str | None = None) -> dict[str, str]:
    """Where each thing was found, by its code."""
    return {
        one["code"]: one["where"]
        for one in report["findings"]
        if severity in (None, one["severity"])
    }


def test_a_bucket_that_is_right_has_no_errors(bucket: Bucket) -> None:
    block_public(bucket)
    bucket.put(CHECKPOINT, safetensors(SD1))
    bucket.put("ESRGAN/4x-UltraSharp.pth", b"a pickle that nobody opens")
    bucket.put("ESRGAN/ESRGAN_4X.pth", b"a pickle that nobody opens")
    bucket.put("Stable-diffusion/v1-5-pruned-emaonly.png", b"a preview")
    report = checked(bucket)
    assert report["findings"] == []
    assert report["region"] == bucket.region
    models = {one["key"]: one for one in report["models"]}
    assert models[CHECKPOINT]["kind"] == "checkpoint"
    assert models[CHECKPOINT]["family"] == "SD 1.x"
    assert models[CHECKPOINT]["runtimes"] == ["sdwebui", "comfyui"]
    assert "Stable-diffusion/v1-5-pruned-emaonly.png" not in models
    states = {one["name"]: one["state"] for one in report["upscalers"]}
    assert states["Lanczos"] == "built in"
    assert states["4x-UltraSharp"] == "in the bucket"
    assert states["SwinIR 4x"] == "fetched by SD WebUI"


def test_a_long_key_stays_in_one_piece_for_whoever_searches_a_file(bucket: Bucket) -> None:
    key = f"Stable-diffusion/{'a-long-name-' * 12}.safetensors"
    bucket.put(key, safetensors(SD1))
    for verb in ("check", "list"):
        assert key in easel_models(bucket, verb).stdout


def put_what_is_wrong(bucket: Bucket) -> None:
    whole = safetensors(SD1)
    bucket.put("Stable-diffusion/cut.safetensors", whole[:-3])
    bucket.put("Stable-diffusion/page.safetensors", b"<html>not found</html>" * 9)
    bucket.put("Stable-diffusion/style.safetensors", safetensors(LORA_SDXL))
    bucket.put("Stable-diffusion/from-civitai", b"\x80\x02}q\x00.")
    bucket.put("Stable-diffusion/flux.safetensors", safetensors(FLUX))
    bucket.put("Stable-diffusion/old.ckpt", b"\x80\x02}q\x00.")
    bucket.put("VAE/empty.safetensors", b"")
    bucket.put("lora/style.safetensors", safetensors(LORA_SDXL))
    bucket.put("checkpoints/a.safetensors", whole)
    bucket.put("loose.safetensors", whole)
    bucket.put("ScuNET/other.pth", b"x")


def written_outputs(bucket: Bucket, folder: Path) -> Path:
    outputs = folder / "outputs.json"
    outputs.write_text(
        json.dumps(
            {
                "region": {"value": "eu-west-1"},
                "model_bucket": {"value": bucket.name},
                "runtimes": {
                    "value": {
                        "sdruntime": {"type": "sdwebui", "model_filename": "flux.safetensors"},
                        "other": {"type": "sdwebui", "model_filename": "gone.safetensors"},
                        "comfy": {"type": "comfyui", "model_filename": None},
                    }
                },
            }
        )
    )
    return outputs


def test_all_problems_are_found_together(bucket: Bucket, tmp_path: Path) -> None:
    block_public(bucket, blocked=False)
    put_what_is_wrong(bucket)
    outputs = written_outputs(bucket, tmp_path)
    options = ("--outputs", str(outputs), "--region", "eu-west-1", "--volume-gib", "0.000001")
    report = checked(bucket, *options, "--upscaler", "SwinIR 4x", status=1)
    assert report["ok"] is False
    wrong = {
        (one["code"], one["where"]) for one in report["findings"] if one["severity"] == "error"
    }
    url = f"s3://{bucket.name}"
    assert wrong == {
        ("wrong_region", url),
        ("unreadable_header", "Stable-diffusion/cut.safetensors"),
        ("unreadable_header", "Stable-diffusion/page.safetensors"),
        ("wrong_folder", "Stable-diffusion/style.safetensors"),
        ("no_extension", "Stable-diffusion/from-civitai"),
        ("empty", "VAE/empty.safetensors"),
        ("folder_misspelt", "lora/"),
        ("model_missing", "Stable-diffusion/gone.safetensors"),
        ("model_unfit", "Stable-diffusion/flux.safetensors"),
        ("too_large", "11 files"),
        ("upscaler_missing", "SwinIR 4x"),
    }
    warned = codes(report, "warning")
    assert warned["public_not_blocked"] == url
    assert warned["unknown_folder"] == "checkpoints/"
    assert warned["no_folder"] == "loose.safetensors"
    assert warned["pickle"] == "Stable-diffusion/old.ckpt"
    missing = {one["where"] for one in report["findings"] if one["code"] == "upscaler_missing"}
    # ScuNET's folder is there, so SD WebUI cannot fetch into it; the others it fetches itself.
    assert missing == {"4x-UltraSharp", "ESRGAN_4X", "ScuNET GAN", "ScuNET PSNR", "SwinIR 4x"}

    said = easel_models(bucket, "check", *options)
    assert said.returncode == 1
    assert "stack in eu-west-1" in said.stdout
    assert "the folder's name is Lora" in said.stdout


def test_a_missing_folder_is_named(bucket: Bucket) -> None:
    block_public(bucket)
    bucket.put("VAE/vae.safetensors", safetensors(VAE_ALONE))
    report = checked(bucket, status=1)
    assert codes(report, "error") == {"no_checkpoints": "Stable-diffusion/"}


def test_a_bucket_of_another_region_is_an_error(bucket: Bucket) -> None:
    block_public(bucket)
    bucket.put(CHECKPOINT, safetensors(SD1))
    report = checked(bucket, "--region", "ap-southeast-1", status=1)
    assert codes(report, "error") == {"wrong_region": f"s3://{bucket.name}"}
    assert report["region"] == "us-east-1"


def test_a_key_of_ones_own_is_told_unless_the_stack_knows_it(bucket: Bucket) -> None:
    block_public(bucket)
    bucket.put(CHECKPOINT, safetensors(SD1))
    key = "arn:aws:kms:us-east-1:000000000000:key/11111111-2222-3333-4444-555555555555"
    rule = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    bucket.s3.put_bucket_encryption(
        Bucket=bucket.name,
        ServerSideEncryptionConfiguration={"Rules": [{"ApplyServerSideEncryptionByDefault": rule}]},
    )
    assert codes(checked(bucket), "warning")["kms_key"] == f"s3://{bucket.name}"
    assert "kms_key" not in codes(checked(bucket, "--kms-key", key))


def test_only_the_prefix_is_looked_at(bucket: Bucket) -> None:
    block_public(bucket)
    bucket.put(f"sd/2026/{CHECKPOINT}", safetensors(SD1))
    bucket.put("other/thing.safetensors", b"")
    report = checked(bucket, "--prefix", "sd/2026")
    assert [one["key"] for one in report["models"]] == [CHECKPOINT]


def test_a_name_that_a_terminal_would_obey_is_only_shown(bucket: Bucket) -> None:
    block_public(bucket)
    bucket.put(CHECKPOINT, safetensors(SD1))
    bucket.put("VAE/\u202eevil[red].safetensors", b"")
    said = easel_models(bucket, "check")
    assert "\u202e" not in said.stdout
    assert "\\u202eevil[red]" in said.stdout
