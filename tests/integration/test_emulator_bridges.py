"""A canary for each bridge of API Gateway and of access: what ministack does without it, and what
AWS does.

Where the first half of a test fails, ministack no longer needs the bridge: remove it.
"""

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError

pytestmark = pytest.mark.integration

Client = Callable[..., Any]


def create_api_key(client: Client) -> str:
    apigateway = client("apigateway")
    key = apigateway.create_api_key(name="key", value="", enabled=True)
    return str(apigateway.get_api_key(apiKey=key["id"], includeValue=True)["value"])


def test_an_api_key_without_a_value_gets_one(bare: Client, client: Client) -> None:
    with pytest.raises(ClientError, match="at least 20 characters"):
        create_api_key(bare)
    assert len(create_api_key(client)) >= 20


def key_required_after_a_change(client: Client) -> Any:
    """As it is on the wire: boto3 reads "false" as False, Terraform's provider refuses it."""
    apigateway = client("apigateway")
    api = apigateway.create_rest_api(name="api")["id"]
    root = apigateway.get_resources(restApiId=api)["items"][0]["id"]
    method = {"restApiId": api, "resourceId": root, "httpMethod": "POST"}
    apigateway.put_method(**method, authorizationType="NONE", apiKeyRequired=True)
    bodies: list[bytes] = []
    apigateway.meta.events.register(
        "after-call.api-gateway.UpdateMethod",
        lambda http_response, **_: bodies.append(http_response.content),
    )
    change = {"op": "replace", "path": "/apiKeyRequired", "value": "false"}
    apigateway.update_method(**method, patchOperations=[change])
    (body,) = bodies
    return json.loads(body)["apiKeyRequired"]


def test_a_method_that_is_changed_keeps_its_booleans(bare: Client, client: Client) -> None:
    assert key_required_after_a_change(bare) == "false"
    assert key_required_after_a_change(client) is False


def read_usage_plan(client: Client, **settings: Any) -> dict[str, Any]:
    apigateway = client("apigateway")
    plan = apigateway.create_usage_plan(name="plan", **settings)
    answer: dict[str, Any] = apigateway.get_usage_plan(usagePlanId=plan["id"])
    return answer


def test_a_usage_plan_without_a_quota_has_none(bare: Client, client: Client) -> None:
    assert read_usage_plan(bare)["quota"] == {}
    assert "quota" not in read_usage_plan(client)
    quota = {"limit": 5, "offset": 0, "period": "DAY"}
    assert read_usage_plan(client, quota=quota)["quota"] == quota


def mock_api(client: Client, rate_limit: int) -> str:
    apigateway = client("apigateway")
    api = apigateway.create_rest_api(name="mock")["id"]
    root = apigateway.get_resources(restApiId=api)["items"][0]["id"]
    method = {"restApiId": api, "resourceId": root, "httpMethod": "GET"}
    apigateway.put_method(**method, authorizationType="NONE")
    template = {"application/json": json.dumps({"statusCode": 200})}
    apigateway.put_integration(**method, type="MOCK", requestTemplates=template)
    apigateway.put_method_response(**method, statusCode="200")
    apigateway.put_integration_response(**method, statusCode="200")
    apigateway.create_deployment(restApiId=api, stageName="dev")
    apigateway.update_stage(
        restApiId=api,
        stageName="dev",
        patchOperations=[
            {"op": "replace", "path": f"/*/*/throttling/{name}", "value": str(rate_limit)}
            for name in ("rateLimit", "burstLimit")
        ],
    )
    return f"{apigateway.meta.endpoint_url}/_aws/execute-api/{api}/dev"


def status_of(url: str) -> int:
    with requests.Session() as http:
        http.trust_env = False
        return http.get(url, timeout=10).status_code


def test_a_stage_throttle_of_minus_one_is_none(bare: Client, client: Client) -> None:
    assert status_of(mock_api(bare, -1)) == 429
    assert status_of(mock_api(client, -1)) == 200
    assert status_of(mock_api(client, 0)) == 429


def assumed(client: Client, condition: dict[str, Any], name: str = "tls-only") -> Any:
    """An S3 client with a role that may do all that the condition allows."""
    iam = client("iam")
    trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    role = iam.create_role(
        RoleName=name, AssumeRolePolicyDocument=json.dumps({"Statement": [trust]})
    )["Role"]
    allow = {"Effect": "Allow", "Action": "s3:*", "Resource": "*", "Condition": condition}
    iam.put_role_policy(
        RoleName=name, PolicyName="all", PolicyDocument=json.dumps({"Statement": [allow]})
    )
    keys = client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="test")["Credentials"]
    return client(
        "s3",
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )


def test_the_loopback_interface_counts_as_tls(bare: Client, client: Client) -> None:
    only_with_tls = {"Bool": {"aws:SecureTransport": "true"}}
    with pytest.raises(ClientError, match="AccessDenied"):
        assumed(bare, only_with_tls).list_buckets()
    assumed(client, only_with_tls).list_buckets()


@pytest.mark.parametrize("operator", ["ArnEquals", "StringEquals"])
def test_a_session_is_known_by_its_roles_arn(bare: Client, client: Client, operator: str) -> None:
    name = f"only-{operator.lower()}"
    arn = f"arn:aws:iam::000000000000:role/{name}"
    only_itself = {operator: {"aws:PrincipalArn": arn}}
    with pytest.raises(ClientError, match="AccessDenied"):
        assumed(bare, only_itself, name).list_buckets()
    assumed(client, only_itself, name).list_buckets()
    with pytest.raises(ClientError, match="AccessDenied"):
        assumed(client, only_itself, f"not-{name}").list_buckets()


ECHO = """
import json
def handler(event, _):
    return {"statusCode": 200, "body": json.dumps(event["requestContext"]["identity"])}
"""


def identity_told(client: Client) -> Any:
    """What a function hears of the API key that a request came with, and the key's id."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("echo.py", ECHO)
    role = client("iam").create_role(RoleName="echo", AssumeRolePolicyDocument="{}")["Role"]
    function = client("lambda").create_function(
        FunctionName="echo",
        Runtime="python3.13",
        Role=role["Arn"],
        Handler="echo.handler",
        Code={"ZipFile": archive.getvalue()},
    )
    apigateway = client("apigateway")
    api = apigateway.create_rest_api(name="echo")["id"]
    root = apigateway.get_resources(restApiId=api)["items"][0]["id"]
    method = {"restApiId": api, "resourceId": root, "httpMethod": "GET"}
    apigateway.put_method(**method, authorizationType="NONE", apiKeyRequired=True)
    arn = function["FunctionArn"]
    uri = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn}/invocations"
    apigateway.put_integration(**method, type="AWS_PROXY", integrationHttpMethod="POST", uri=uri)
    apigateway.create_deployment(restApiId=api, stageName="dev")
    key = apigateway.create_api_key(name="echo", value="a-value-of-20-letters", enabled=True)
    stage = {"apiId": api, "stage": "dev"}
    plan = apigateway.create_usage_plan(name="echo", apiStages=[stage])["id"]
    apigateway.create_usage_plan_key(usagePlanId=plan, keyId=key["id"], keyType="API_KEY")
    url = f"{apigateway.meta.endpoint_url}/_aws/execute-api/{api}/dev"
    with requests.Session() as http:
        http.trust_env = False
        answer = http.get(url, headers={"x-api-key": "a-value-of-20-letters"}, timeout=30)
    return answer.json(), key["id"]


def test_a_function_is_told_which_api_key_a_request_came_with(bare: Client, client: Client) -> None:
    identity, _ = identity_told(bare)
    assert "apiKeyId" not in identity
    identity, key_id = identity_told(client)
    assert identity["apiKeyId"] == key_id
