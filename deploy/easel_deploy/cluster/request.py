"""What Terraform asks of `easel`: JSON in the environment, where no other user can read it."""

import os
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from easel_deploy.cluster.errors import RequestRefusedError

_ClusterName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$")]
_Region = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9]+$")]
_ReleaseName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,51}[a-z0-9])?$")]
_Namespace = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
# No argument of Helm begins with a hyphen unless we mean an option.
_NoOption = Annotated[str, StringConstraints(pattern=r"^[^-]", max_length=1000)]


class ClusterRequest(BaseModel):
    """Which cluster, and how long it may take."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cluster_name: _ClusterName
    region: _Region
    timeout_seconds: int = Field(default=600, ge=1, le=7200)


class ReleaseRequest(ClusterRequest):
    """Which release of it."""

    name: _ReleaseName
    namespace: _Namespace


class Chart(BaseModel):
    """Where a chart comes from: an OCI registry, an HTTP(S) repository or a folder."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reference: _NoOption
    repository: _NoOption | None = None
    version: _NoOption | None = None

    @property
    def is_oci(self) -> bool:
        """Whether it is in an OCI registry."""
        return self.reference.startswith("oci://")

    @property
    def is_folder(self) -> bool:
        """Whether it is in a folder of this machine."""
        return self.repository is None and not self.is_oci


class UpgradeRequest(ReleaseRequest):
    """What the release shall be."""

    chart: Chart
    values: dict[str, Any] = Field(default_factory=dict)
    extra_values_yaml: str = ""
    skip_crds: bool = False


_Request = TypeVar("_Request", bound=BaseModel)


def read_request(kind: type[_Request], variable: str) -> _Request:
    """Reads a request from the environment.

    Raises:
        RequestRefusedError: there is none, or it is not of this kind.
    """
    text = os.environ.get(variable)
    if text is None:
        needed = [name for name, field in kind.model_fields.items() if field.is_required()]
        raise RequestRefusedError(
            f"{variable} is not set. Terraform's modules set it; by hand: a JSON object with "
            f"{', '.join(needed)}"
        )
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        # What it holds is not repeated: it may be secret.
        problems = "; ".join(
            f"{'.'.join(map(str, one['loc'])) or 'the whole'}: {one['msg']}"
            for one in error.errors(include_input=False)
        )
        raise RequestRefusedError(f"{variable} is no request: {problems}") from None
