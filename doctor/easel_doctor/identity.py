"""Whose credentials are used, and whether they belong to the region's partition."""

from botocore.exceptions import BotoCoreError, ClientError

from easel_doctor.excuses import excuse
from easel_doctor.finding import Finding, fail, found
from easel_doctor.subject import Subject


def look_at_credentials(subject: Subject) -> Finding:
    """Asks STS who is calling."""
    try:
        caller = subject.caller
    except (ClientError, BotoCoreError) as error:
        # The one thing without which nothing else works: no excuse, a failure.
        return found("AWS does not know who is calling", [fail(*excuse(error))])
    return found(caller.arn)


def look_at_partition(subject: Subject) -> Finding:
    """Compares the credentials' partition with the region's."""
    wanted, region = subject.settings.partition, subject.settings.region
    has = subject.caller.partition
    problems = []
    if has != wanted:
        problems.append(
            fail(
                f"these credentials are of the partition {has}, and {region} is in {wanted}",
                f"Use credentials of an account of {wanted}: AWS China has accounts of its own.",
            )
        )
    arn = subject.settings.model_bucket_arn
    if arn and arn.split(":")[1] != wanted:
        problems.append(
            fail(
                f"model_bucket_arn is of the partition {arn.split(':')[1]}: {arn}",
                f"Name a bucket of {region} in {subject.tfvars}: arn:{wanted}:s3:::...",
            )
        )
    return found(f"{wanted}, {region}", problems)
