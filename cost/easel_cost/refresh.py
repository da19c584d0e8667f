"""Asks AWS for the prices of a region: the Price List for most, EC2 for Spot."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from itertools import islice
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from easel_cost.errors import CostError
from easel_cost.price_list_queries import QUERIES, Query, instance_query
from easel_cost.prices import shipped

_CONFIG = Config(connect_timeout=5, read_timeout=30, retries={"mode": "standard"})
_SOURCE, _SPOT_SOURCE = "price-list", "spot-history"
_MAX_PRODUCTS = 300
_MAX_SPOT_PRICES = 2_000
_PLACES = Decimal("0.0001")


@dataclass(frozen=True)
class Refreshed:
    """What AWS has told.

    Attributes:
        currency: of the prices, ISO 4217.
        prices: amounts by key.
        missing: what was not found, with the reason.
    """

    currency: str
    prices: dict[str, Decimal]
    missing: tuple[str, ...]


def refresh_prices(
    region: str, more_types: Iterable[str], out: Path, session: boto3.Session | None = None
) -> Refreshed:
    """Asks for all prices of a region and writes those that are found.

    Args:
        region: of AWS.
        more_types: instance types beside those that easel's prices name.
        out: file; the prices of other regions in it stay.
        session: with credentials; None: of the environment.

    Raises:
        CostError: AWS does not answer, or the file cannot be written.
    """
    session = session or boto3.Session()
    is_china = region.startswith("cn-")
    # The Price List has endpoints in few regions; China's knows China's prices alone.
    home = "cn-northwest-1" if is_china else "us-east-1"
    currency = "CNY" if is_china else "USD"
    types = sorted({*_known_types(region), *more_types})
    connect: Any = session.client
    try:
        pricing = connect("pricing", region_name=home, config=_CONFIG)
        found, missing = _ask_all(pricing, region, currency, types)
        ec2 = connect("ec2", region_name=region, config=_CONFIG)
        for kind, price in _spot(ec2, types).items():
            found[f"ec2.{kind}.spot"] = price
    except (ClientError, BotoCoreError) as error:
        raise CostError(
            f"AWS does not tell its prices: {error}\nNeeded is leave for pricing:GetProducts and "
            "ec2:DescribeSpotPriceHistory."
        ) from error
    _write(out, region, currency, found, datetime.now(UTC).date())
    return Refreshed(currency, found, tuple(missing))


def _known_types(region: str) -> Iterator[str]:
    regions = shipped()["regions"]
    for key in regions.get(region, regions["us-east-1"])["prices"]:
        if key.startswith("ec2."):
            yield key.removeprefix("ec2.").rpartition(".")[0]


def _ask_all(
    pricing: Any, region: str, currency: str, types: list[str]
) -> tuple[dict[str, Decimal], list[str]]:
    found, missing = {}, []
    questions = QUERIES | {f"ec2.{kind}.on-demand": instance_query(kind) for kind in types}
    for key, query in questions.items():
        amounts = _amounts(pricing, region, currency, query)
        if len(amounts) == 1:
            found[key] = amounts.pop() * query.units
        elif amounts:
            missing.append(f"{key}: several prices, {', '.join(map(str, sorted(amounts)))}")
        else:
            missing.append(f"{key}: no price")
    return found, missing


def _amounts(pricing: Any, region: str, currency: str, query: Query) -> set[Decimal]:
    """Returns the prices of all products that a question finds; more than one is no answer."""
    filters = [
        {"Type": "TERM_MATCH", "Field": name, "Value": value}
        for name, value in ({"regionCode": region} | query.filters).items()
    ]
    pages = pricing.get_paginator("get_products").paginate(
        ServiceCode=query.service, Filters=filters, FormatVersion="aws_v1"
    )
    products = (json.loads(text) for page in pages for text in page["PriceList"])
    amounts = set()
    # Behind a prefix for the region, such as USW2-, which us-east-1 does not have.
    usage = re.compile(rf"([A-Z0-9]+-)?{query.usage}")
    for product in islice(products, _MAX_PRODUCTS):
        if usage.fullmatch(_usage_type(product)):
            amounts |= _first_price(product, currency)
    return amounts


def _usage_type(product: Mapping[str, Any]) -> str:
    attributes = product.get("product", {}).get("attributes", {})
    return str(attributes.get("usagetype", ""))


def _first_price(product: Mapping[str, Any], currency: str) -> set[Decimal]:
    """Returns the price of the first tier that costs something: free tiers come before."""
    tiers = []
    for term in product.get("terms", {}).get("OnDemand", {}).values():
        for dimension in term.get("priceDimensions", {}).values():
            try:
                amount = Decimal(dimension["pricePerUnit"][currency])
                begins = Decimal(dimension.get("beginRange", "0"))
            except (KeyError, InvalidOperation):
                continue
            if amount > 0:
                tiers.append((begins, amount))
    return {min(tiers)[1]} if tiers else set()


def _spot(ec2: Any, types: list[str]) -> dict[str, Decimal]:
    """Returns the present Spot prices, averaged over the region's zones."""
    pages = ec2.get_paginator("describe_spot_price_history").paginate(
        InstanceTypes=types,
        ProductDescriptions=["Linux/UNIX"],
        StartTime=datetime.now(UTC),
    )
    latest: dict[tuple[str, str], tuple[datetime, Decimal]] = {}
    history = (one for page in pages for one in page["SpotPriceHistory"])
    for one in islice(history, _MAX_SPOT_PRICES):
        place = (one["InstanceType"], one["AvailabilityZone"])
        told = (one["Timestamp"], Decimal(one["SpotPrice"]))
        latest[place] = max(latest.get(place, told), told)
    by_type: dict[str, list[Decimal]] = {}
    for (kind, _), (_, price) in latest.items():
        by_type.setdefault(kind, []).append(price)
    return {
        kind: (sum(prices, Decimal(0)) / len(prices)).quantize(_PLACES)
        for kind, prices in by_type.items()
    }


def _write(
    out: Path, region: str, currency: str, found: Mapping[str, Decimal], today: date
) -> None:
    day = today.isoformat()
    try:
        document = json.loads(out.read_text()) if out.is_file() else {"sources": {}, "regions": {}}
        document["sources"] |= {
            # By region: another region's prices may be of another day.
            f"{_SOURCE}-{region}": {
                "title": "AWS's Price List API",
                "at": "pricing:GetProducts",
                "date": day,
            },
            f"{_SPOT_SOURCE}-{region}": {
                "title": "EC2's Spot prices of one moment, averaged over the region's zones",
                "at": "ec2:DescribeSpotPriceHistory",
                "date": day,
            },
        }
        document["regions"][region] = {
            "currency": currency,
            "prices": {
                key: {"amount": f"{amount:f}", "source": f"{_source_of(key)}-{region}"}
                for key, amount in sorted(found.items())
            },
        }
        out.parent.mkdir(parents=True, exist_ok=True)
        new = out.with_suffix(".new")
        new.write_text(json.dumps(document, indent=2) + "\n")
        new.replace(out)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CostError(f"{out}: cannot be written: {error}; remove it, or name another") from error


def _source_of(key: str) -> str:
    return _SPOT_SOURCE if key.endswith(".spot") else _SOURCE
