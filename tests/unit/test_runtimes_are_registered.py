"""Every type of runtime that tasks can name has an adapter, found by its type."""

import pytest

from easel_agent.runtimes.registry import REGISTRY, make_runtime
from easel_agent.settings import AgentSettings
from easel_contract.task import RuntimeType

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("kind", RuntimeType)
def test_a_type_gets_its_own_adapter(kind: RuntimeType) -> None:
    settings = AgentSettings(
        runtime_name="one",
        runtime_type=kind,
        runtime_url="http://127.0.0.1:1",
        queue_url="q",
        dead_letter_queue_url="d",
        notifications_topic_arn="n",
        output_bucket="b",
        records_table="r",
    )
    # None is the one that is taken where nothing is known.
    assert type(make_runtime(settings)).__module__ == REGISTRY[kind].module
    assert f".runtimes.{kind.value}." in REGISTRY[kind].module
