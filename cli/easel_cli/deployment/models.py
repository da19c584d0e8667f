"""Steps of the models: the bucket, and a checkpoint in it."""

import os
import re
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from easel_cli.deployment.deployment import Deployment
from easel_cli.deployment.model_catalogue import CATALOGUE, choice
from easel_cli.deployment.options import NONE
from easel_cli.deployment.step import Outcome, State, StepError, Told
from easel_contract.task import RuntimeType
from easel_models.bucket import ModelBucket, connect
from easel_models.errors import ModelsError
from easel_models.hugging_face import authorization, hub_url
from easel_models.placing import place
from easel_models.remote_file import Access, RemoteFile
from easel_models.sources import LocalFile, Source
from easel_models.transfer import Limits
from easel_models.transfer_progress import TransferProgress
from easel_models.upload import Upload, upload

_PARALLEL = 8
_LARGEST_BYTES = 100 * 2**30
_CHECKPOINTS = "Stable-diffusion"
_URL = re.compile(r"https?://")
_BUCKET_MODULE = "module.model_bucket"


def model_bucket(deployment: Deployment, told: Told) -> Outcome:
    """Finds the model bucket, or has the stack make its own before all else.

    Raises:
        StepError: the bucket that is named cannot be used, or the bucket cannot be made.
    """
    settings, asked = deployment.settings, deployment.options.bucket
    if asked:
        arn = f"arn:{deployment.partition}:s3:::{asked}"
        there = settings.string("model_bucket_arn")
        if there not in (None, arn):
            raise StepError(
                f"{settings.path} says model_bucket_arn = {there}, and --bucket {asked}: leave "
                "--bucket out, or change the line"
            )
        _check_region(deployment, asked)
        settings.set("model_bucket_arn", f'"{arn}"')
        return Outcome(State.FOUND, f"s3://{asked}, yours")
    name = bucket_name(deployment)
    if settings.is_decided("model_bucket_arn"):
        _check_region(deployment, name)
        return Outcome(State.FOUND, f"s3://{name}, yours")
    is_there = _exists(deployment, name)
    if is_there and not settings.is_decided("model_bucket"):
        _check_region(deployment, name)
        return Outcome(State.FOUND, f"s3://{name}, made by hand: the stack only reads it")
    if not settings.is_decided("model_bucket"):
        settings.set("model_bucket", "{}")
    if is_there:
        return Outcome(State.FOUND, f"s3://{name}")
    if is_deferred(deployment):
        return Outcome(State.LEFT_OUT, f"s3://{name} is made by the apply, as no model is brought")
    deployment.estate.apply_module(_BUCKET_MODULE, told.progress)
    return Outcome(State.DONE, f"s3://{name} is made; a destroy keeps it")


def bucket_name(deployment: Deployment) -> str:
    """Returns the model bucket's name: the settings' own, or the default of envs/stack/main.tf."""
    arn = deployment.settings.string("model_bucket_arn")
    if arn:
        return arn.rpartition(":")[2]
    return f"{deployment.settings.name}-models-{deployment.account}-{deployment.region}"


def is_deferred(deployment: Deployment) -> bool:
    """Returns whether the bucket may wait for the apply: on an emulator, without a model for it."""
    return deployment.estate.is_emulated and deployment.options.model in (None, NONE)


def model(deployment: Deployment, told: Told) -> Outcome:
    """Puts a checkpoint into the bucket where there is none that the runtimes can load.

    Raises:
        StepError: nobody says which one, it does not arrive, or a runtime loads another one.
    """
    bucket = ModelBucket(connect(deployment.region, _PARALLEL), bucket_name(deployment))
    try:
        asked = deployment.options.model
        if is_deferred(deployment):
            return Outcome(State.LEFT_OUT, "no runtime loads a model on this machine's emulator")
        there = _checkpoints(bucket)
        missing = _missing(deployment, there)
        if asked is None and there and not missing:
            return Outcome(State.FOUND, f"{len(there)} checkpoints: {', '.join(sorted(there)[:3])}")
        if asked is None and not there:
            asked = _chosen(told)
        if asked == NONE:
            return Outcome(State.LEFT_OUT, _later(deployment, bucket))
        if asked is None:
            raise StepError(_not_there(deployment, bucket, missing))
        return _brought(deployment, told, bucket, asked)
    except (ModelsError, ClientError, BotoCoreError) as error:
        raise StepError(str(error)) from error


def _brought(deployment: Deployment, told: Told, bucket: ModelBucket, asked: str) -> Outcome:
    source, name, sha256 = _source(asked)
    key = place(source, name, _CHECKPOINTS, None)
    with told.aside():
        progress = TransferProgress(Console(highlight=False))
        limits = Limits(_PARALLEL, _LARGEST_BYTES)
        wanted = Upload(source, key, sha256)
        (done,) = upload(bucket, [wanted], limits, progress, replace=False)
    _let_it_load(deployment, key.rpartition("/")[2])
    missing = _missing(deployment, _checkpoints(bucket))
    if missing:
        raise StepError(_not_there(deployment, bucket, missing))
    is_new = done.state != "already there"
    return Outcome(State.DONE if is_new else State.FOUND, f"{bucket.url}/{key}, {done.state}")


def _let_it_load(deployment: Deployment, file_name: str) -> None:
    """A runtime whose checkpoint nobody has chosen loads this one."""
    shipped = {one.file_name for one in CATALOGUE.values()}
    for name, runtime in deployment.settings.runtimes.items():
        kind = runtime.members["type"].string if "type" in runtime.members else None
        now = runtime.members.get("model_filename")
        if kind == RuntimeType.SDWEBUI and (now is None or now.string in shipped - {file_name}):
            deployment.settings.set_member(("runtimes", name, "model_filename"), f'"{file_name}"')


def _source(asked: str) -> tuple[Source, str, str | None]:
    """Returns the file, its name, and the SHA-256 that it must have, where that is known."""
    known = CATALOGUE.get(asked)
    if known:
        asked = known.hub_file
    path = Path(asked).expanduser()
    if path.is_file():
        return LocalFile(path), path.name, None
    if _URL.match(asked):
        found = RemoteFile(asked, Access())
        return found, found.file_name, None
    access = Access(authorization=authorization(os.environ))
    found = RemoteFile(hub_url(asked, "main", os.environ), access)
    return found, found.file_name, known.sha256 if known else None


def _chosen(told: Told) -> str | None:
    """Asks which model; where nobody can be asked, the message says how to choose."""
    told.say(
        "There is no checkpoint in the model bucket. easel brings none: each has a licence of its "
        f"own, which you accept by choosing.\n{choice()}\n  or OWNER/REPO/FILE of Hugging Face, a "
        f"file, a URL, or {NONE}: I bring one myself"
    )
    answer = told.ask("Which one?")
    if answer is None:
        names = ", ".join(CATALOGUE)
        raise StepError(
            "nobody can be asked which model: say --model, which accepts its licence: "
            f"{names}, OWNER/REPO/FILE of Hugging Face, a file, a URL, or {NONE}\n{choice()}"
        )
    return answer or None


def _checkpoints(bucket: ModelBucket) -> set[str]:
    """Names of the files that SD WebUI and ComfyUI load as checkpoints."""
    return {
        one.key.rpartition("/")[2]
        for one in bucket.files()
        if one.key.startswith(f"{_CHECKPOINTS}/")
        and one.key.lower().endswith((".safetensors", ".ckpt"))
    }


def _missing(deployment: Deployment, there: set[str]) -> dict[str, str]:
    """By runtime: the checkpoint that it loads at its start, and that is not there."""
    missing = {}
    for name, runtime in deployment.settings.runtimes.items():
        found = runtime.members.get("model_filename")
        if found and found.string and found.string not in there:
            missing[name] = found.string
    return missing


def _not_there(deployment: Deployment, bucket: ModelBucket, missing: dict[str, str]) -> str:
    lines = [f"runtime {name} loads {file}, which is not there" for name, file in missing.items()]
    return (
        f"{bucket.url} has not what runtimes load"
        + "".join(f"\n  {one}" for one in lines)
        + f"\n  Bring it: {_upload_command(deployment, bucket)}\n"
        f"  or by this command: --model {'|'.join(CATALOGUE)}|FILE|URL|OWNER/REPO/FILE"
    )


def _later(deployment: Deployment, bucket: ModelBucket) -> str:
    return f"no model: runtimes wait for one. Bring it: {_upload_command(deployment, bucket)}"


def _upload_command(deployment: Deployment, bucket: ModelBucket) -> str:
    return f".venv/bin/easel models upload FILE --bucket {bucket.name} --region {deployment.region}"


def _exists(deployment: Deployment, name: str) -> bool:
    try:
        deployment.client("s3").head_bucket(Bucket=name)
    except ClientError as error:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        if status == 404:  # noqa: PLR2004 - HTTP
            return False
        raise StepError(
            f"s3://{name} cannot be looked at ({error}): is it another account's, or may these "
            "credentials not read it?"
        ) from error
    except BotoCoreError as error:
        raise StepError(f"s3://{name} cannot be looked at: {error}") from error
    return True


def _check_region(deployment: Deployment, name: str) -> None:
    try:
        found = ModelBucket(connect(deployment.region, 1), name).region()
    except (ModelsError, ClientError, BotoCoreError) as error:
        raise StepError(str(error)) from error
    if found != deployment.region:
        raise StepError(
            f"s3://{name} is in {found}: the model bucket has to be in {deployment.region}, as "
            "reading across regions is slow and costs money"
        )
