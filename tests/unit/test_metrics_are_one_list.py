"""Every metric stands once, with an end to the number of its series."""

import re

import pytest

from easel_contract.metrics import METRICS, Dimension, stack_of

pytestmark = pytest.mark.unit


def test_every_metric_has_a_name_of_its_own() -> None:
    names = [metric.name for metric in METRICS]
    assert len(names) == len(set(names)) == 24
    assert [name for name in names if not re.fullmatch(r"([A-Z][a-z]+)+", name)] == []


def test_a_reason_is_one_of_a_closed_list() -> None:
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_Dimension.html
    for metric in METRICS:
        has_reason = any(Dimension.REASON in dimensions for dimensions in metric.dimension_sets)
        assert has_reason == bool(metric.reasons), metric.name
        assert len(metric.reasons) == len(set(metric.reasons)) <= 20, metric.name
        assert all(re.fullmatch(r"[a-z][a-z _]{0,40}", str(reason)) for reason in metric.reasons)


def test_every_series_belongs_to_a_stack() -> None:
    for metric in METRICS:
        assert metric.dimension_sets, metric.name
        assert {dimensions[0] for dimensions in metric.dimension_sets} == {Dimension.STACK}


@pytest.mark.parametrize(
    ("resource", "suffix"),
    [
        ("https://sqs.us-east-1.amazonaws.com/123456789012/art-dept-sdxl", "sdxl"),
        ("arn:aws-cn:sns:cn-northwest-1:123456789012:art-dept-tasks", "tasks"),
        ("art-dept-records", "records"),
    ],
)
def test_a_resources_name_tells_its_stack(resource: str, suffix: str) -> None:
    assert stack_of(resource, suffix) == "art-dept"
