"""The table of records as modules/api-fanout makes it, for moto and the emulator."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from moto import mock_aws

from easel_contract.record import ACTIVE_INDEX, LABEL_INDEX, PARTITION_KEY, SCOPE_INDEX
from easel_records.table import TaskTable

_INDEX_KEYS = {LABEL_INDEX: "label", SCOPE_INDEX: "scope", ACTIVE_INDEX: "active"}


def create_table(dynamodb: Any, name: str) -> None:
    """Makes the table."""
    names = [PARTITION_KEY, "uid", *_INDEX_KEYS.values()]
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": attribute, "AttributeType": "S"} for attribute in names
        ],
        KeySchema=[{"AttributeName": PARTITION_KEY, "KeyType": "HASH"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": index,
                "KeySchema": [
                    {"AttributeName": key, "KeyType": "HASH"},
                    {"AttributeName": "uid", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
            for index, key in _INDEX_KEYS.items()
        ],
    )


@contextmanager
def mocked_table() -> Iterator[TaskTable]:
    """Yields an empty table in moto."""
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "test")
        patch.delenv("AWS_ENDPOINT_URL", raising=False)
        dynamodb = boto3.client("dynamodb", region_name="us-east-1")
        create_table(dynamodb, "records")
        yield TaskTable(dynamodb, "records")
