"""AWS clients some of whose operations are answered here, held to botocore's models.

As botocore's Stubber, but by what is asked and not by the order of calls, and for one operation of
a client that asks the emulator otherwise.
"""

from collections.abc import Callable, Mapping
from typing import Any

import boto3
from botocore.awsrequest import AWSResponse
from botocore.validate import ParamValidator

Answer = Callable[[Mapping[str, Any]], Any]
"""Of the request's parameters: the response, or the code of an error."""


_SESSION = boto3.Session()
"""One for all: reading a service's model takes seconds, and a session reads it once."""


def stubbed_client(service: str, region: str) -> Any:
    """A client that can ask nobody."""
    make: Any = _SESSION.client
    return make(
        service,
        region_name=region,
        endpoint_url="http://127.0.0.1:9",
        aws_access_key_id="nobody",
        aws_secret_access_key="nothing",
    )


def answer(client: Any, method: str, response: Answer | Mapping[str, Any] | str) -> None:
    """Has a method of a client answered here from now on.

    Args:
        client: of boto3.
        method: such as describe_vpcs.
        response: what is answered: a response, an error's code, or what gives one of the two.
    """
    operation = client.meta.method_to_api_mapping[method]
    service = client.meta.service_model.service_id.hyphenize()
    model = client.meta.service_model.operation_model(operation)

    def remember(params: Mapping[str, Any], context: dict[str, Any], **_: Any) -> None:
        context["asked"] = dict(params)

    def respond(context: Mapping[str, Any], **_: Any) -> tuple[AWSResponse, dict[str, Any]]:
        said = response(context["asked"]) if callable(response) else response
        if isinstance(said, str):
            error = {"Code": said, "Message": f"{said} was put in here"}
            parsed = {"Error": error, "ResponseMetadata": {"HTTPStatusCode": 400}}
            return AWSResponse("", 400, {}, None), parsed
        problems = ParamValidator().validate(dict(said), model.output_shape)
        assert not problems.has_errors(), problems.generate_report()
        return AWSResponse("", 200, {}, None), dict(said)

    events = client.meta.events
    for name, handler in (("before-parameter-build", remember), ("before-call", respond)):
        identity = f"{name}-{operation}"
        events.unregister(f"{name}.{service}.{operation}", unique_id=identity)
        events.register_first(f"{name}.{service}.{operation}", handler, unique_id=identity)
