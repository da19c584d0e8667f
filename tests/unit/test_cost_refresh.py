"""What AWS answers `easel cost refresh` becomes prices with a source and a day."""

import datetime
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

from easel_cost.errors import CostError
from easel_cost.price_list_queries import QUERIES
from easel_cost.prices import UNITS, load
from easel_cost.refresh import refresh_prices

pytestmark = pytest.mark.unit

NOT_ASKED_FOR = {"dashboard", "ec2", "insights.observations", "transfer.out"}


def product(usage: str, *tiers: tuple[str, str], currency: str = "USD") -> str:
    dimensions = {
        str(number): {"beginRange": begins, "pricePerUnit": {currency: amount}}
        for number, (begins, amount) in enumerate(tiers)
    }
    return json.dumps(
        {
            "product": {"attributes": {"usagetype": usage}},
            "terms": {"OnDemand": {"one": {"priceDimensions": dimensions}}},
        }
    )


ANSWERS = {
    "nat.gateway": [product("USW2-NatGateway-Hours", ("0", "0.045"))],
    "nat.data": [
        product("USW2-NatGateway-Bytes", ("0", "0.045")),
        product("USW2-NatGateway-Prvd-Bytes", ("0", "0.9")),
    ],
    # A free tier comes before the first that costs something.
    "sns.requests": [product("USW2-Requests-Tier1", ("1000000", "0.0000005"), ("0", "0"))],
    "ebs.gp3.throughput": [product("USW2-EBS:VolumeP-Throughput.gp3", ("0", "40.96"))],
    "kms.key": [product("us-west-2-KMS-Keys", ("0", "1"))],
    "secret": [
        product("USW2-AWSSecretsManager-Secrets", ("0", "0.40")),
        product("USW2-Other-Secrets", ("0", "0.50")),
    ],
}


class StubbedSession:
    """A session whose clients know the answers in their order."""

    def __init__(self, currency: str = "USD", refusal: str = "") -> None:
        self.asked: list[tuple[str, str]] = []
        self._currency = currency
        self._refusal = refusal
        self.services: list[str] = []

    def client(self, service: str, region_name: str, **_: Any) -> Any:
        self.asked.append((service, region_name))
        client: Any = boto3.client(
            service,  # type: ignore[call-overload]
            region_name=region_name,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )
        stub = Stubber(client)
        if service == "pricing":
            self._answer_prices(stub)
        else:
            stub.add_response("describe_spot_price_history", {"SpotPriceHistory": list(spots())})
        stub.activate()
        return client

    def _answer_prices(self, stub: Stubber) -> None:
        if self._refusal:
            stub.add_client_error("get_products", self._refusal)
            return
        for key, query in QUERIES.items():
            self.services.append(query.service)
            wanted = {"ServiceCode": query.service, "Filters": ANY, "FormatVersion": "aws_v1"}
            answer = [text.replace("USD", self._currency) for text in ANSWERS.get(key, [])]
            stub.add_response("get_products", {"PriceList": answer}, wanted)
        for _ in range(60):
            stub.add_response("get_products", {"PriceList": []})


def spots() -> Iterator[dict[str, Any]]:
    early = datetime.datetime(2026, 11, 28, tzinfo=datetime.UTC)
    for zone, price, hours in (("a", "0.9", 0), ("a", "0.5", 1), ("b", "0.6", 0)):
        yield {
            "InstanceType": "g5.xlarge",
            "AvailabilityZone": f"us-west-2{zone}",
            "SpotPrice": price,
            "Timestamp": early + datetime.timedelta(hours=hours),
        }


def refresh(tmp_path: Path, region: str = "us-west-2", **more: str) -> Any:
    session: Any = StubbedSession(**more)
    return refresh_prices(region, [], tmp_path / "prices.json", session), session


def test_every_price_of_an_estimate_is_asked_for_but_the_named_ones() -> None:
    assert QUERIES.keys() == UNITS.keys() - NOT_ASKED_FOR


def test_prices_are_per_our_units(tmp_path: Path) -> None:
    found, _ = refresh(tmp_path)
    assert found.prices["nat.gateway"] == Decimal("0.045")
    assert found.prices["sns.requests"] == Decimal("0.5")
    assert found.prices["ebs.gp3.throughput"] == Decimal("0.04")


def test_only_the_usage_that_is_asked_for_counts(tmp_path: Path) -> None:
    found, _ = refresh(tmp_path)
    assert found.prices["nat.data"] == Decimal("0.045")


def test_several_prices_are_no_price_and_are_named(tmp_path: Path) -> None:
    found, _ = refresh(tmp_path)
    assert "secret" not in found.prices
    assert any(text.startswith("secret: several prices, 0.40, 0.50") for text in found.missing)
    assert any(text.startswith("eks.cluster: no price") for text in found.missing)


def test_spot_is_the_mean_of_the_zones_latest(tmp_path: Path) -> None:
    found, _ = refresh(tmp_path)
    assert found.prices["ec2.g5.xlarge.spot"] == Decimal("0.5500")


def test_estimates_take_the_refreshed_prices(tmp_path: Path) -> None:
    refresh(tmp_path)
    price = load(tmp_path / "prices.json").of("us-west-2").price("nat.gateway")
    assert price.is_read
    assert price.source.day == datetime.datetime.now(datetime.UTC).date()
    assert load().of("us-west-2").price("nat.gateway").stands_in == "us-east-1"


def test_prices_of_other_regions_in_the_file_stay(tmp_path: Path) -> None:
    refresh(tmp_path)
    refresh(tmp_path, "eu-west-1")
    regions = json.loads((tmp_path / "prices.json").read_text())["regions"]
    assert regions.keys() == {"us-west-2", "eu-west-1"}
    assert [path.name for path in tmp_path.iterdir()] == ["prices.json"]


def test_china_is_asked_in_china_and_in_yuan(tmp_path: Path) -> None:
    found, session = refresh(tmp_path, "cn-northwest-1", currency="CNY")
    assert session.asked == [("pricing", "cn-northwest-1"), ("ec2", "cn-northwest-1")]
    assert found.currency == "CNY"
    assert found.prices["nat.gateway"] == Decimal("0.045")


def test_elsewhere_the_price_list_is_asked_in_us_east_1(tmp_path: Path) -> None:
    _, session = refresh(tmp_path)
    assert session.asked == [("pricing", "us-east-1"), ("ec2", "us-west-2")]


def test_a_refusal_names_the_rights(tmp_path: Path) -> None:
    with pytest.raises(CostError, match="pricing:GetProducts"):
        refresh(tmp_path, refusal="AccessDeniedException")
    assert not (tmp_path / "prices.json").exists()


def test_a_broken_file_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "prices.json").write_text("mine")
    with pytest.raises(CostError, match="cannot be written"):
        refresh(tmp_path)
    assert (tmp_path / "prices.json").read_text() == "mine"
