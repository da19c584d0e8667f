"""A canary for each bridge of CloudWatch: what ministack does without it, and what AWS does.

Where the first half of a test fails, ministack no longer needs the bridge: remove it.
"""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

pytestmark = pytest.mark.integration

Client = Callable[..., Any]

QUERY = {
    "AlarmName": "canary",
    "AlarmDescription": "a < b",
    "ActionsEnabled": "true",
    "EvaluationPeriods": "3",
    "ComparisonOperator": "GreaterThanOrEqualToThreshold",
    "Threshold": "1",
    "TreatMissingData": "notBreaching",
    "Metrics.member.1.Id": "result",
    "Metrics.member.1.Expression": "FILL(one, 0)",
    "Metrics.member.1.ReturnData": "true",
    "Metrics.member.2.Id": "one",
    "Metrics.member.2.ReturnData": "false",
    "Metrics.member.2.MetricStat.Stat": "Sum",
    "Metrics.member.2.MetricStat.Period": "300",
    "Metrics.member.2.MetricStat.Metric.Namespace": "AWS/SQS",
    "Metrics.member.2.MetricStat.Metric.MetricName": "NumberOfMessagesDeleted",
    "Metrics.member.2.MetricStat.Metric.Dimensions.member.1.Name": "QueueName",
    "Metrics.member.2.MetricStat.Metric.Dimensions.member.1.Value": "one",
}
"""As Terraform's provider sends it: boto3 speaks another protocol."""


def told_alarm(client: Client) -> str:
    """The alarm, put and described in the query protocol."""
    cloudwatch = client("cloudwatch")

    def ask(action: str, **parameters: str) -> str:
        body = urlencode({"Action": action, "Version": "2010-08-01", **parameters})
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        request = AWSRequest("POST", cloudwatch.meta.endpoint_url, headers=headers, data=body)
        keys = cloudwatch._request_signer._credentials
        frozen = keys.get_frozen_credentials()
        credentials = Credentials(frozen.access_key, frozen.secret_key)
        SigV4Auth(credentials, "monitoring", "us-east-1").add_auth(request)
        with requests.Session() as http:
            http.trust_env = False
            url = str(request.url)
            answer = http.post(url, data=body, headers=dict(request.headers), timeout=10)
        answer.raise_for_status()
        return answer.text

    ask("PutMetricAlarm", **QUERY)
    return ask("DescribeAlarms", **{"AlarmNames.member.1": "canary"})


def test_an_alarm_is_told_as_it_was_put(bare: Client, client: Client) -> None:
    told = told_alarm(bare)
    assert "FILL" not in told
    assert "TreatMissingData" not in told
    told = told_alarm(client)
    for name in ("Expression", "Namespace", "MetricName", "Stat", "TreatMissingData"):
        (value,) = [value for key, value in QUERY.items() if key.rpartition(".")[2] == name]
        assert f"<{name}>{value}</{name}>" in told
    assert "<AlarmDescription>a &lt; b</AlarmDescription>" in told
    assert re.findall(r"<ReturnData>(\w+)<", told) == ["true", "false"]
    # Of a metric that it does not look at by itself.
    assert told.count("<Period>") == 1
    client("cloudwatch").delete_alarms(AlarmNames=["canary"])


def test_queries_are_saved(bare: Client, client: Client) -> None:
    query = {"name": "easel/one", "queryString": "limit 1", "logGroupNames": ["group"]}
    with pytest.raises(ClientError, match="Unknown action"):
        bare("logs").put_query_definition(**query)
    logs = client("logs")
    identity = logs.put_query_definition(**query)["queryDefinitionId"]
    (kept,) = logs.describe_query_definitions(queryDefinitionNamePrefix="easel/one")[
        "queryDefinitions"
    ]
    assert kept == query | {"queryDefinitionId": identity}
    assert logs.delete_query_definition(queryDefinitionId=identity)["success"] is True
    assert logs.delete_query_definition(queryDefinitionId=identity)["success"] is False
    assert logs.describe_query_definitions()["queryDefinitions"] == []
