"""What `easel models check` finds, and its report."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from easel_models.kinds import Model


class Severity(StrEnum):
    """How much a finding matters."""

    ERROR = "error"
    """Something will not work, or is open to the public."""
    WARNING = "warning"
    """Something may not be as it is meant."""


@dataclass(frozen=True)
class Finding:
    """One thing that was found.

    Attributes:
        severity: how much it matters.
        code: for programs, such as `wrong_region`.
        where: the bucket, a folder, a key or an upscaler.
        problem: what is wrong.
        remedy: what to do.
    """

    severity: Severity
    code: str
    where: str
    problem: str
    remedy: str


def error(code: str, where: str, problem: str, remedy: str) -> Finding:
    """Makes a finding that makes the check fail."""
    return Finding(Severity.ERROR, code, where, problem, remedy)


def warning(code: str, where: str, problem: str, remedy: str) -> Finding:
    """Makes a finding that a person should know."""
    return Finding(Severity.WARNING, code, where, problem, remedy)


@dataclass(frozen=True)
class CheckedModel:
    """A model of the bucket.

    Attributes:
        key: folder and name.
        size: in bytes.
        model: what its header says; None where it has none, as `.ckpt`, or it was not readable.
        runtimes: that list it where it is and can load it, as far as is known.
    """

    key: str
    size: int
    model: Model | None
    runtimes: tuple[str, ...]


@dataclass(frozen=True)
class CheckedUpscaler:
    """One of the ten upscalers.

    Attributes:
        name: in a request.
        state: `built in`, `in the bucket`, `fetched by SD WebUI` or `missing`.
        keys: where its files belong.
    """

    name: str
    state: str
    keys: tuple[str, ...]


@dataclass(frozen=True)
class Report:
    """All that a check has seen.

    Attributes:
        bucket: s3:// URL.
        region: that the bucket is in.
        models: what lies in the 15 folders.
        upscalers: the ten.
        findings: errors first.
    """

    bucket: str
    region: str
    models: Sequence[CheckedModel]
    upscalers: Sequence[CheckedUpscaler]
    findings: Sequence[Finding]

    @property
    def is_good(self) -> bool:
        """Whether there is no error."""
        return not any(one.severity is Severity.ERROR for one in self.findings)

    def as_json(self) -> dict[str, Any]:
        """Returns it as what JSON can say."""
        models = [
            {
                "key": one.key,
                "size": one.size,
                "kind": one.model.kind.value if one.model else None,
                "family": one.model.family.value if one.model else None,
                "runtimes": list(one.runtimes),
            }
            for one in self.models
        ]
        return {
            "ok": self.is_good,
            "bucket": self.bucket,
            "region": self.region,
            "models": models,
            "upscalers": [asdict(one) for one in self.upscalers],
            "findings": [asdict(one) for one in self.findings],
        }
