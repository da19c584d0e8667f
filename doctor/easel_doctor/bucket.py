"""Whether the model bucket is there, in the region, with what the runtimes load."""

from collections import defaultdict
from collections.abc import Iterator

from botocore.exceptions import ClientError

from easel_doctor.finding import Finding, Problem, fail, found, warn
from easel_doctor.subject import Subject
from easel_models.bucket import ModelBucket, is_missing
from easel_models.file_checks import ReadFile, runtime_findings

_GIB = 1024**3


def look_at_model_bucket(subject: Subject) -> Finding:
    """Lists the bucket; the files themselves are left to `easel models check`."""
    name, settings = subject.model_bucket, subject.settings
    s3 = subject.aws.client("s3")
    try:
        s3.head_bucket(Bucket=name)
    except ClientError as error:
        if not is_missing(error):
            raise
        return found(f"s3://{name}", [_no_bucket(subject, name)])
    bucket = ModelBucket(s3, name)
    problems = []
    if (region := bucket.region()) != settings.region:
        problems.append(
            fail(
                f"s3://{name} is in {region}, and the stack in {settings.region}",
                f"Name a bucket of {settings.region} in {subject.tfvars}: model_bucket_arn.",
            )
        )
    files = list(bucket.files())
    problems += _runtime_problems(subject, s3, name)
    size = sum(one.size for one in files) / _GIB
    return found(f"s3://{name}: {len(files)} files, {size:.1f} GiB", problems)


def _no_bucket(subject: Subject, name: str) -> Problem:
    upload = f".venv/bin/easel models upload FILE --bucket {name}"
    if subject.settings.makes_model_bucket and not subject.is_applied:
        return warn(
            f"s3://{name} is not there: the apply makes it, empty",
            f"make apply {subject.make_words} TF_ARGS=-target=module.model_bucket, then {upload}",
        )
    return fail(
        f"s3://{name} is not there: no runtime gets a model",
        f"Set model_bucket = {{}} in {subject.tfvars}, which makes it, or name another bucket "
        "there: model_bucket_arn.",
    )


def _runtime_problems(subject: Subject, s3: object, name: str) -> Iterator[Problem]:
    """Runtimes by the folder of the bucket that they may read."""
    by_prefix: dict[str, dict[str, tuple[str, str | None]]] = defaultdict(dict)
    for runtime, one in subject.settings.runtimes.items():
        by_prefix[one.model_prefix or ""][runtime] = (one.type, one.model_filename)
    for prefix, runtimes in sorted(by_prefix.items()):
        bucket = ModelBucket(s3, name, prefix)  # type: ignore[arg-type]
        option = f" --bucket {name}" + (f" --prefix {prefix}" if prefix else "")
        for problem in runtime_findings(map(ReadFile, bucket.files()), runtimes):
            yield fail(
                f"{bucket.url}/{problem.where}: {problem.problem}",
                f"{problem.remedy} (.venv/bin/easel models ... takes{option})",
            )
