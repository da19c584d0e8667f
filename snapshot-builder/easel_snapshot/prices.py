"""What a snapshot costs, and what its quicker ways cost.

Prices of us-east-1 in USD, of the day below; other regions differ, and China has its own in CNY.
AWS's own list counts: https://aws.amazon.com/ebs/pricing/.
"""

from dataclasses import dataclass
from datetime import date

PRICES_OF = date(2026, 11, 28)
"""The day on which the sources below were read."""

PAGE = "https://aws.amazon.com/ebs/pricing/"
PAGE_OF_CHINA = "https://www.amazonaws.cn/en/ebs/pricing/"

_HOURS = 730


@dataclass(frozen=True)
class Price:
    """A price of us-east-1.

    Attributes:
        usd: None where no source could be read.
        unit: what it is for.
        source: where it was read.
    """

    usd: float | None
    unit: str
    source: str


FAST_RESTORE = Price(
    0.75,
    "hour and zone (DSU-hour, at least one)",
    "https://docs.aws.amazon.com/whitepapers/latest/how-aws-pricing-works/amazon-ebs.html",
)
INITIALIZATION = Price(None, "GiB of snapshot and node, by the rate", PAGE)


def fast_restore_price(region: str, zones: int) -> str:
    """Says what fast snapshot restore costs, in a sentence or two.

    Args:
        region: of the snapshot.
        zones: in how many it is on.
    """
    assert FAST_RESTORE.usd is not None  # noqa: S101 - the table has it
    each = FAST_RESTORE.usd
    return (
        f"fast snapshot restore costs {each:.2f} USD for each {FAST_RESTORE.unit} in us-east-1: "
        f"{each * zones:.2f} USD an hour in {zones} zones, {each * zones * _HOURS:.0f} USD a "
        "month, until it is switched off (aws ec2 disable-fast-snapshot-restores), "
        + _remark(region, FAST_RESTORE.source)
    )


def initialization_price(region: str, volume_gib: int, rate: int) -> str:
    """Says what a volume initialization rate costs and gains.

    Args:
        region: of the snapshot.
        volume_gib: size of the snapshot's volume; what is in it can be less.
        rate: MiB/s.
    """
    seconds = volume_gib * 1024 / rate
    return (
        f"a node's volume is full {seconds:.0f} s after its start at most ({volume_gib} GiB at "
        f"{rate} MiB/s). Each node pays for it by {INITIALIZATION.unit}; no price could be read "
        "when this was written, so look it up: "
        + (PAGE_OF_CHINA if region.startswith("cn-") else PAGE)
    )


def _remark(region: str, source: str) -> str:
    if region.startswith("cn-"):
        return f"of {PRICES_OF}, {source}. China has prices of its own: {PAGE_OF_CHINA}"
    return f"of {PRICES_OF}, {source}. Other regions differ: {PAGE}"
