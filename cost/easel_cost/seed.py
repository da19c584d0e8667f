"""The cost table of the system that easel replaces (R44): as printed, as computed anew, and right.

Inputs: one month, one million pictures, us-west-2, April 2024, no free tier; 1.5 s on a g5.2xlarge
at the Spot price's mean over three months, 16 KB a request, 150 KB a picture kept for a month,
months of 720 hours.
"""

from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from typing import Any

from easel_cost.estimate import cents

PRINTED_TOTAL = Decimal("436.72")
"""What the table's text says; its own two subtotals make 436.42."""

_PICTURES = Decimal(1_000_000)
_SECONDS = Decimal("1.5")
_REQUEST_KIB = Decimal(16)
_PICTURE_KIB = Decimal(150)
_KIB_PER_GIB = Decimal(1024 * 1024)
_HUNDREDTH = Decimal("0.01")

_GPU_HOURS = (_PICTURES * _SECONDS / 3600).quantize(_HUNDREDTH)
_TRANSFER_GIB = (_PICTURES * _REQUEST_KIB / _KIB_PER_GIB).quantize(_HUNDREDTH, ROUND_HALF_UP)
# Half of what 16 KB make, cut off after two digits.
_PRINTED_TRANSFER_GIB = (_PICTURES * _REQUEST_KIB / 2 / _KIB_PER_GIB).quantize(
    _HUNDREDTH, ROUND_DOWN
)
_STORED_GIB = (_PICTURES * _PICTURE_KIB / _KIB_PER_GIB).quantize(_HUNDREDTH)


@dataclass(frozen=True)
class SeedRow:
    """A row of the table.

    Attributes:
        service: of AWS.
        dimension: what is counted.
        quantity: as printed.
        price: in USD, as printed.
        printed: amount in USD, as printed.
        right_quantity: what the inputs make.
        right_price: of one unit, USD.
        error: what is wrong; empty: nothing.
    """

    service: str
    dimension: str
    quantity: Decimal
    price: Decimal
    printed: Decimal
    right_quantity: Decimal
    right_price: Decimal
    error: str = ""

    @property
    def right(self) -> Decimal:
        """The right amount, USD."""
        return cents(self.right_quantity * self.right_price)


def _row(
    service: str, dimension: str, quantity: str | Decimal, price: str, printed: str
) -> SeedRow:
    count, each = Decimal(quantity), Decimal(price)
    return SeedRow(service, dimension, count, each, Decimal(printed), count, each)


VARIABLE = (
    _row("EC2", "g5.2xlarge, Spot, hours", _GPU_HOURS, "0.4968", "207.00"),
    _row("API Gateway", "million REST requests", "1", "3.50", "3.50"),
    _row("Lambda", "GB-seconds", "12500", "0.0000166667", "0.21"),
    _row("Lambda", "million requests", "1", "0.20", "0.20"),
    SeedRow(
        "SNS",
        "million requests",
        Decimal(2),
        Decimal("0.50"),
        Decimal("0.50"),
        Decimal(2),
        Decimal("0.50"),
        "two million requests at 0.50 are 1.00",
    ),
    SeedRow(
        "SNS",
        "GB of data transfer",
        _PRINTED_TRANSFER_GIB,
        Decimal("0.09"),
        Decimal("0.68"),
        _TRANSFER_GIB,
        Decimal("0.09"),
        "16 KB for each of a million requests are 15.26 GB, not 7.62; and 7.62 x 0.09 is 0.69",
    ),
    _row("SQS", "million requests", "2", "0.40", "0.80"),
    _row("S3", "thousand PUT requests", "2000", "0.005", "10.00"),
    _row("S3", "GB and month", _STORED_GIB, "0.023", "3.29"),
)

FIXED = (
    _row("EKS", "cluster and month", "1", "72.00", "72.00"),
    _row("EC2", "m5.large, on-demand, hours", "1440", "0.0960", "138.24"),
)


def _missing(service: str, dimension: str, quantity: str, price: str, why: str) -> SeedRow:
    nothing = Decimal(0)
    count, each = Decimal(quantity), Decimal(price)
    return SeedRow(service, dimension, nothing, each, nothing, count, each, why)


MISSING = (
    _missing("VPC", "NAT gateway, hours", "720", "0.045", "not in the table: one NAT gateway"),
    _missing("VPC", "NAT gateway, GB", "50", "0.045", "not in the table; 50 GB are a guess"),
    _missing("VPC", "public address, hours", "720", "0.005", "not in the table: the NAT gateway's"),
    _missing(
        "EBS", "gp3, GB and month", "40", "0.08", "not in the table: 20 GB, EKS's default, twice"
    ),
    _missing("CloudWatch", "GB of logs", "15", "0.50", "not in the table; 15 GB are a guess"),
)
"""What the same system costs beside, at prices of us-east-1 (the table has none)."""


def printed_subtotal(rows: tuple[SeedRow, ...]) -> Decimal:
    """Returns the sum of amounts as printed, USD."""
    return sum((row.printed for row in rows), Decimal(0))


def right_subtotal(rows: tuple[SeedRow, ...]) -> Decimal:
    """Returns the sum of right amounts, USD."""
    return sum((row.right for row in rows), Decimal(0))


def to_json() -> dict[str, Any]:
    """Returns the table for programs; amounts are strings of decimal numbers of USD."""
    parts = {"variable": VARIABLE, "fixed": FIXED, "missing": MISSING}
    return {
        **{name: [_json(row) for row in rows] for name, rows in parts.items()},
        "printed": {
            "variable": str(printed_subtotal(VARIABLE)),
            "fixed": str(printed_subtotal(FIXED)),
            "sum": str(printed_subtotal(VARIABLE + FIXED)),
            "total": str(PRINTED_TOTAL),
        },
        "right": {
            **{name: str(right_subtotal(rows)) for name, rows in parts.items()},
            "total": str(right_subtotal(VARIABLE + FIXED + MISSING)),
        },
    }


def _json(row: SeedRow) -> dict[str, str]:
    return {
        "service": row.service,
        "dimension": row.dimension,
        "printed_quantity": str(row.quantity),
        "printed_price": str(row.price),
        "printed": str(row.printed),
        "right_quantity": str(row.right_quantity),
        "right": str(row.right),
        "error": row.error,
    }
