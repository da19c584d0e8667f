"""The account's quotas, beside what the settings can ask for."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from easel_doctor.demands import Demand, demands
from easel_doctor.excuses import excuse
from easel_doctor.finding import Finding, Problem, fail, found, unchecked, warn
from easel_doctor.subject import Subject


@dataclass(frozen=True)
class _Asked:
    """A quota's value, or why it is not known."""

    demand: Demand
    value: float | None
    problem: Problem | None = None


def look_at_quotas(subject: Subject) -> Finding:
    """Compares seven quotas with what is there and what will be asked for."""
    asked = [_ask(subject, one) for one in demands(subject)]
    known = [one for one in asked if one.value is not None]
    numbers = ", ".join(f"{one.demand.words} {one.demand.most:g}/{one.value:g}" for one in known)
    problems = [one.problem for one in asked if one.problem]
    problems += [problem for one in known for problem in _short(one, subject.settings.region)]
    return found(f"asked for/quota: {numbers}" if numbers else "no quota is known", problems)


def _ask(subject: Subject, demand: Demand) -> _Asked:
    if demand.unknown:
        return _Asked(demand, None, unchecked(f"{demand.words}: {demand.unknown}", demand.look))
    client: Any = subject.aws.client("service-quotas")
    code = {"ServiceCode": demand.service, "QuotaCode": demand.code}
    try:
        try:
            quota = client.get_service_quota(**code)["Quota"]
        except ClientError as error:
            # An account that never asked for more has no value of its own.
            if error.response["Error"]["Code"] != "NoSuchResourceException":
                raise
            quota = client.get_aws_default_service_quota(**code)["Quota"]
    except (ClientError, BotoCoreError) as error:
        text, _ = excuse(error)
        return _Asked(demand, None, unchecked(f"{demand.words}: {text}", demand.look))
    return _Asked(demand, float(quota["Value"]))


def _short(asked: _Asked, region: str) -> Iterator[Problem]:
    demand, value = asked.demand, asked.value or 0.0
    if demand.most <= value:
        return
    remedy = (
        f"aws service-quotas request-service-quota-increase --region {region} --service-code "
        f"{demand.service} --quota-code {demand.code} --desired-value {demand.most:g}"
    )
    text = f"{demand.words}: the quota is {value:g}, and {demand.why}"
    make = fail if demand.least > value else warn
    yield make(text, f"{remedy} (AWS may take days), or {demand.instead}.")
