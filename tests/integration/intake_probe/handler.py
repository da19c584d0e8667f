"""Stands in for the intake function: does what its request's body asks, with its role's rights."""

import json
import os
import time
from typing import Any

import boto3
from botocore.exceptions import ClientError


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    request = json.loads(event["body"])
    if request["do"] == "environment":
        return _answer(dict(os.environ))
    if request["do"] == "sleep":
        time.sleep(request["seconds"])
        return _answer(os.getpid())
    client = boto3.client(request["service"])
    try:
        getattr(client, request["do"])(**request["arguments"])
    except ClientError as error:
        return _answer(error.response["Error"]["Code"])
    return _answer("allowed")


def _answer(body: Any) -> dict[str, Any]:
    return {"statusCode": 200, "body": json.dumps(body)}
