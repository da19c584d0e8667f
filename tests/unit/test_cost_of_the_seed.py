"""The seed's cost table to the cent, and the right figures beside it (R44)."""

from decimal import Decimal

import pytest

from easel_cost import seed

pytestmark = pytest.mark.unit

PRINTED = {
    ("EC2", "g5.2xlarge, Spot, hours"): ("416.67", "0.4968", "207.00"),
    ("API Gateway", "million REST requests"): ("1", "3.50", "3.50"),
    ("Lambda", "GB-seconds"): ("12500", "0.0000166667", "0.21"),
    ("Lambda", "million requests"): ("1", "0.20", "0.20"),
    ("SNS", "million requests"): ("2", "0.50", "0.50"),
    ("SNS", "GB of data transfer"): ("7.62", "0.09", "0.68"),
    ("SQS", "million requests"): ("2", "0.40", "0.80"),
    ("S3", "thousand PUT requests"): ("2000", "0.005", "10.00"),
    ("S3", "GB and month"): ("143.05", "0.023", "3.29"),
    ("EKS", "cluster and month"): ("1", "72.00", "72.00"),
    ("EC2", "m5.large, on-demand, hours"): ("1440", "0.0960", "138.24"),
}


def test_every_row_is_as_printed() -> None:
    rows = {
        (row.service, row.dimension): (str(row.quantity), str(row.price), str(row.printed))
        for row in seed.VARIABLE + seed.FIXED
    }
    assert rows == PRINTED


def test_the_subtotals_are_as_printed_and_their_sum_is_not_the_printed_total() -> None:
    assert seed.printed_subtotal(seed.VARIABLE) == Decimal("226.18")
    assert seed.printed_subtotal(seed.FIXED) == Decimal("210.24")
    assert seed.printed_subtotal(seed.VARIABLE + seed.FIXED) == Decimal("436.42")
    assert Decimal("436.72") == seed.PRINTED_TOTAL


def test_only_the_rows_that_are_named_wrong_differ_from_the_right_figures() -> None:
    for row in seed.VARIABLE + seed.FIXED:
        assert (row.printed != row.right) == bool(row.error), row


def test_the_right_figures_stand_beside() -> None:
    right = {(row.service, row.dimension): row for row in seed.VARIABLE}
    assert right["SNS", "million requests"].right == Decimal("1.00")
    transfer = right["SNS", "GB of data transfer"]
    assert (transfer.right_quantity, transfer.right) == (Decimal("15.26"), Decimal("1.37"))
    assert seed.right_subtotal(seed.VARIABLE) == Decimal("227.37")
    assert seed.right_subtotal(seed.FIXED) == Decimal("210.24")


def test_what_the_table_forgot_is_added() -> None:
    assert {row.service for row in seed.MISSING} == {"VPC", "EBS", "CloudWatch"}
    assert seed.right_subtotal(seed.MISSING) == Decimal("48.95")
    assert seed.to_json()["right"]["total"] == "486.56"
