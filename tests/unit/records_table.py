"""The table of records as modules/api-fanout makes it, for moto and the emulator."""

from typing import Any

from easel_contract.record import ACTIVE_INDEX, LABEL_INDEX, PARTITION_KEY, SCOPE_INDEX

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
