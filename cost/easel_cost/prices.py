"""Prices by region, each with the source that it was read from and the source's day.

The file `prices.json` holds what was read; `easel cost refresh` writes a newer one of the same form
(docs/adr/0053-prices-are-data-with-a-source-and-a-day.md).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from easel_cost.errors import CostError

UNITS = {
    "ec2": "hour",
    "eks.cluster": "hour",
    "eks.cluster.extended-support": "hour",
    "nat.gateway": "hour",
    "nat.data": "GB",
    "ipv4.address": "hour",
    "endpoint.interface": "hour and zone",
    "ebs.gp3.storage": "GB and month",
    "ebs.gp3.iops": "IOPS and month, above 3,000",
    "ebs.gp3.throughput": "MiB/s and month, above 125",
    "ebs.snapshot": "GB and month",
    "kms.key": "key and month",
    "secret": "secret and month",
    "logs.ingested": "GB",
    "logs.stored": "GB and month",
    "insights.observations": "million observations",
    "alarms.metric": "metric of an alarm and month",
    "alarms.composite": "composite alarm and month",
    "dashboard": "dashboard and month",
    "metrics.own": "series and month, of the first 10,000",
    "ecr.storage": "GB and month",
    "apigateway.requests": "million requests",
    "lambda.requests": "million requests",
    "lambda.gb-seconds": "GB-second",
    "sns.requests": "million requests",
    "sqs.requests": "million requests",
    "s3.put": "thousand requests",
    "s3.storage": "GB and month",
    "dynamodb.writes": "million write units",
    "dynamodb.reads": "million read units",
    "dynamodb.storage": "GB and month",
    "dynamodb.backup": "GB and month",
    "transfer.out": "GB",
}
"""What one of each price is for; `ec2.TYPE.on-demand` and `ec2.TYPE.spot` are for an hour."""

_ABROAD = "us-east-1"
"""Whose prices stand in for a region that no table has, outside China."""
_CHINA = "cn-northwest-1"
_MAX_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True)
class Source:
    """Where a price was read.

    Attributes:
        name: as the file calls it.
        title: for people.
        at: the place; None where the price was not read anywhere.
        day: of the source; None where the source does not tell.
    """

    name: str
    title: str
    at: str | None
    day: date | None


@dataclass(frozen=True)
class Price:
    """A price for one unit.

    Attributes:
        key: what it is for; the keys of UNITS, or ec2.TYPE.on-demand or .spot.
        amount: in the currency.
        currency: ISO 4217.
        source: where it was read.
        stands_in: the region that it was read for, where that is another one.
    """

    key: str
    amount: Decimal
    currency: str
    source: Source
    stands_in: str | None = None

    @property
    def unit(self) -> str:
        """What one of it is."""
        return UNITS["ec2" if self.key.startswith("ec2.") else self.key]

    @property
    def is_read(self) -> bool:
        """Whether a source gives just this price for just this region."""
        return self.source.at is not None and self.stands_in is None


@dataclass(frozen=True)
class RegionPrices:
    """The prices of one region, with those of others where its own are not known."""

    region: str
    currency: str
    _chain: tuple[tuple[str, Mapping[str, Price]], ...]
    _rates: Mapping[str, Decimal] = field(default_factory=dict)

    def knows(self, key: str) -> bool:
        """Returns whether there is such a price, or one that can stand in."""
        return any(key in prices for _, prices in self._chain)

    def price(self, key: str) -> Price:
        """Returns a price.

        Args:
            key: as in UNITS, or ec2.TYPE.on-demand or ec2.TYPE.spot.

        Raises:
            CostError: neither the region nor one that stands in has it.
        """
        for region, prices in self._chain:
            if key in prices:
                found = prices[key]
                return found if region == self.region else self._standing_in(found, region)
        raise CostError(
            f"there is no price of {key} for {self.region}: name another type, or read the prices "
            f"with `easel cost refresh --region {self.region}`"
        )

    def _standing_in(self, price: Price, region: str) -> Price:
        amount = price.amount
        if price.currency != self.currency:
            amount *= self._rates[self.currency]
        return replace(price, amount=amount, currency=self.currency, stands_in=region)


class PriceList:
    """Prices of all regions that were read."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        """Takes a document of the form of prices.json.

        Raises:
            CostError: it is not of that form.
        """
        try:
            self._sources = {
                name: Source(name, one["title"], one["at"], _day(one["date"]))
                for name, one in document["sources"].items()
            }
            self._rates = {
                currency: Decimal(one["per_usd"]) for currency, one in document["exchange"].items()
            }
            self._regions = {
                region: {
                    "currency": one["currency"],
                    "stand_in": one["stand_in"],
                    "prices": self._prices(one),
                }
                for region, one in document["regions"].items()
            }
        except (KeyError, TypeError, AttributeError, ValueError, InvalidOperation) as error:
            raise CostError(f"the prices are not of prices.json's form: {error!r}") from error

    def of(self, region: str) -> RegionPrices:
        """Returns the prices of a region; unknown regions have those of another."""
        chain, name = [], region
        if region not in self._regions:
            name = _CHINA if region.startswith("cn-") else _ABROAD
        currency = self._regions[name]["currency"]
        while name:
            chain.append((name, self._regions[name]["prices"]))
            name = self._regions[name]["stand_in"]
        return RegionPrices(region, currency, tuple(chain), self._rates)

    @property
    def regions(self) -> list[str]:
        """Regions with prices of their own."""
        return sorted(self._regions)

    def _prices(self, region: Mapping[str, Any]) -> dict[str, Price]:
        return {
            key: Price(
                key, Decimal(one["amount"]), region["currency"], self._sources[one["source"]]
            )
            for key, one in region["prices"].items()
        }


def shipped() -> dict[str, Any]:
    """Returns the document that comes with easel, as a new one."""
    document: dict[str, Any] = json.loads(_shipped_text())
    return document


def load(refreshed: Path | None = None) -> PriceList:
    """Returns the prices that come with easel, and those of a newer file before them.

    Args:
        refreshed: what `easel cost refresh` has written; None, or no such file: none.

    Raises:
        CostError: the file cannot be read.
    """
    document = shipped()
    if refreshed is not None and refreshed.is_file():
        _merge(document, _read(refreshed))
    return PriceList(document)


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            document = json.loads(file.read(_MAX_BYTES))
    except (OSError, ValueError) as error:
        raise CostError(f"{path}: is no readable file of prices: {error}") from error
    if not isinstance(document, dict):
        raise CostError(f"{path}: is no file of prices: write it anew by `easel cost refresh`")
    return document


def _merge(document: dict[str, Any], newer: Mapping[str, Any]) -> None:
    try:
        document["sources"].update(newer["sources"])
        for region, one in newer["regions"].items():
            known = document["regions"].setdefault(
                region, {"currency": one["currency"], "stand_in": _ABROAD, "prices": {}}
            )
            known["prices"].update(one["prices"])
    except (KeyError, TypeError, AttributeError) as error:
        raise CostError(
            f"the refreshed prices are not of the right form ({error!r}): write them anew by "
            "`easel cost refresh`"
        ) from error


@cache
def _shipped_text() -> str:
    return files("easel_cost").joinpath("prices.json").read_text(encoding="utf-8")


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
