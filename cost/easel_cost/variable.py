"""What the pictures of a month cost."""

from collections.abc import Iterator
from decimal import Decimal

from easel_cost import gpu_nodes
from easel_cost.estimate import Line
from easel_cost.prices import RegionPrices
from easel_cost.settings import StackSettings
from easel_cost.workload import Workload

_MILLION = Decimal(1_000_000)
_KIB_PER_GIB = Decimal(1024 * 1024)
_DAYS_PER_MONTH = Decimal(365) / 12

# Counted for the agent: receive, claim, put, put, finish, publish, delete (docs/performance.md).
_SQS_REQUESTS = 3
"""A task's message: sent by SNS, received, deleted. Waiting longer adds looks and renewals."""
_SNS_REQUESTS = 2
"""The task, the result."""
_PUTS_BESIDE_PICTURES = 1
"""The runtime's answer."""
_WRITE_UNITS = 6
"""Of a task's record of a few KB (ADR 26)."""

# Guesses: none was measured on AWS.
_INTAKE_SECONDS = Decimal("0.05")
_INTAKE_GIB = Decimal(1)
_RECORD_KIB = Decimal(3)
_LOG_KIB_PER_TASK = Decimal(4)
_NAT_KIB_PER_TASK = Decimal(40)


def variable_lines(
    settings: StackSettings, workload: Workload, prices: RegionPrices
) -> tuple[Line, ...]:
    """Returns what grows with the pictures.

    Args:
        settings: of the stack.
        workload: of a month.
        prices: of the stack's region.

    Raises:
        CostError: a price is missing.
    """
    if not workload.pictures:
        return ()
    return (
        *gpu_nodes.variable_lines(settings, workload, prices),
        *_way_in(workload, prices),
        *_messages(workload, prices),
        *_pictures(workload, prices),
        *_records(settings, workload, prices),
        *_around(settings, workload, prices),
    )


def _way_in(workload: Workload, prices: RegionPrices) -> Iterator[Line]:
    millions = workload.tasks / _MILLION
    one = "one a task"
    yield Line(
        "API Gateway",
        "requests",
        millions,
        prices.price("apigateway.requests"),
        f"{one}; status not asked for",
    )
    yield Line("Lambda", "requests", millions, prices.price("lambda.requests"), one)
    yield Line(
        "Lambda",
        "time of the intake function",
        workload.tasks * _INTAKE_SECONDS * _INTAKE_GIB,
        prices.price("lambda.gb-seconds"),
        f"{_INTAKE_SECONDS} s at {_INTAKE_GIB} GiB",
        True,
    )


def _messages(workload: Workload, prices: RegionPrices) -> Iterator[Line]:
    millions = workload.tasks / _MILLION
    yield Line(
        "SNS",
        "messages",
        millions * _SNS_REQUESTS,
        prices.price("sns.requests"),
        "the task, the result; into SQS without a charge",
    )
    yield Line(
        "SQS",
        "requests for tasks",
        millions * _SQS_REQUESTS,
        prices.price("sqs.requests"),
        "send, receive, delete",
    )


def _pictures(workload: Workload, prices: RegionPrices) -> Iterator[Line]:
    puts = workload.pictures + workload.tasks * _PUTS_BESIDE_PICTURES
    gib = workload.pictures * workload.picture_kib / _KIB_PER_GIB
    yield Line("S3", "puts", puts / 1000, prices.price("s3.put"), "each picture, one answer a task")
    yield Line(
        "S3",
        "pictures",
        gib * workload.stored_months,
        prices.price("s3.storage"),
        f"{workload.picture_kib} KiB each, kept {workload.stored_months} months",
    )
    if workload.downloaded_share:
        yield Line(
            "S3",
            "pictures that leave AWS",
            gib * workload.downloaded_share,
            prices.price("transfer.out"),
            f"{workload.downloaded_share} of the pictures",
        )


def _records(settings: StackSettings, workload: Workload, prices: RegionPrices) -> Iterator[Line]:
    yield Line(
        "DynamoDB",
        "writes of records",
        workload.tasks * _WRITE_UNITS / _MILLION,
        prices.price("dynamodb.writes"),
        f"{_WRITE_UNITS} write units a task",
    )
    gib = workload.tasks * _RECORD_KIB / _KIB_PER_GIB
    gib *= settings.task_retention_days / _DAYS_PER_MONTH
    basis = f"{_RECORD_KIB} KiB, kept {settings.task_retention_days} days"
    yield Line("DynamoDB", "records", gib, prices.price("dynamodb.storage"), basis, True)
    yield Line(
        "DynamoDB",
        "point-in-time recovery of the records",
        gib,
        prices.price("dynamodb.backup"),
        basis,
        True,
    )


def _around(settings: StackSettings, workload: Workload, prices: RegionPrices) -> Iterator[Line]:
    yield Line(
        "CloudWatch",
        "logs of tasks",
        workload.tasks * _LOG_KIB_PER_TASK / _KIB_PER_GIB,
        prices.price("logs.ingested"),
        f"{_LOG_KIB_PER_TASK} KiB a task: access, functions, agent",
        True,
    )
    if settings.nat_gateways:
        yield Line(
            "VPC",
            "agents' calls through NAT",
            workload.tasks * _NAT_KIB_PER_TASK / _KIB_PER_GIB,
            prices.price("nat.data"),
            f"{_NAT_KIB_PER_TASK} KiB a task; S3 and DynamoDB have gateways of their own",
            True,
        )
