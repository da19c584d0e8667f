"""The function's settings, from its environment; Terraform (modules/api-fanout) writes them."""

from pydantic import Field

from easel_http.settings import ApiSettings


class ReaderSettings(ApiSettings):
    """All settings of the reader function."""

    notifications_topic_arn: str = Field(min_length=1)
    presign_role_arn: str = Field(min_length=1)
    """Role that links to outputs are signed with."""
