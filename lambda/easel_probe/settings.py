"""The function's settings, from its environment; Terraform (modules/api-fanout) writes them."""

from pydantic import Field

from easel_contract.environment import EnvironmentSettings


class ProbeSettings(EnvironmentSettings):
    """All settings of the probe function."""

    tasks_topic_arn: str = Field(min_length=1)
