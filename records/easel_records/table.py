"""The table: one conditional write or one read each.

All methods raise `botocore.exceptions.ClientError` or `BotoCoreError` where DynamoDB does not
answer; a condition that did not hold is `ConditionFailedError`.
"""

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from easel_contract.record import Item, TaskRecord, item_of, record_of, task_key
from easel_records.expressions import Update

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class ConditionFailedError(Exception):
    """A record is not as a transition needs it.

    Attributes:
        record: as it is; None where there is none.
    """

    def __init__(self, record: TaskRecord | None) -> None:
        super().__init__(f"the record is {record.status if record else 'missing'}")
        self.record = record


class TaskTable:
    """The table's task items."""

    def __init__(self, dynamodb: "DynamoDBClient", name: str) -> None:
        self.dynamodb = dynamodb
        self.name = name

    def put_new(self, record: TaskRecord) -> None:
        """Writes a record that does not exist yet.

        Raises:
            ConditionFailedError: it does.
        """
        try:
            self.dynamodb.put_item(
                TableName=self.name,
                Item=item_of(record),
                ConditionExpression="attribute_not_exists(pk)",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            raise _condition_failed(error) from error

    def get(self, uid: str) -> TaskRecord | None:
        """Reads a record; what was written before is seen."""
        answer = self.dynamodb.get_item(TableName=self.name, Key=task_key(uid), ConsistentRead=True)
        item = answer.get("Item")
        return None if item is None else record_of(item)

    def update(self, uid: str, update: Update) -> TaskRecord:
        """Changes a record and returns the changed record.

        Raises:
            ConditionFailedError: it is not as the update's conditions have it.
        """
        try:
            answer = self.dynamodb.update_item(
                TableName=self.name, Key=task_key(uid), **update.request()
            )
        except ClientError as error:
            raise _condition_failed(error) from error
        return record_of(answer["Attributes"])

    def delete(self, uid: str, condition: str, names: dict[str, str], values: Item) -> None:
        """Deletes a record on a condition.

        Raises:
            ConditionFailedError: the condition does not hold.
        """
        try:
            self.dynamodb.delete_item(
                TableName=self.name,
                Key=task_key(uid),
                ConditionExpression=condition,
                ExpressionAttributeNames=names,
                ExpressionAttributeValues=values,
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            raise _condition_failed(error) from error


def _condition_failed(error: ClientError) -> Exception:
    """Returns the exception to raise: the error itself, where no condition was the reason."""
    response: dict[str, Any] = dict(error.response)
    if response["Error"]["Code"] != "ConditionalCheckFailedException":
        return error
    item = response.get("Item")
    return ConditionFailedError(record_of(item) if item else None)
