"""Prices have a source and a day; one that was not read says so."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from easel_cost.errors import CostError
from easel_cost.prices import UNITS, PriceList, load, shipped
from easel_cost.settings import INSTANCE_TYPES, SYSTEM_TYPES

pytestmark = pytest.mark.unit

REGIONS = ["us-east-1", "us-west-2", "cn-northwest-1"]


def test_every_price_names_a_source_that_is_there_and_no_source_is_idle() -> None:
    document = shipped()
    used = {
        one["source"]
        for region in document["regions"].values()
        for one in region["prices"].values()
    }
    used |= {one["source"] for one in document["exchange"].values()}
    assert used == document["sources"].keys()


def test_every_source_that_was_read_names_a_place() -> None:
    for name, source in shipped()["sources"].items():
        assert bool(source["at"]) == (name != "knowledge")
        assert source["date"] or source["at"] is None or source["note"]


def test_every_key_has_a_unit() -> None:
    for region in shipped()["regions"].values():
        for key in region["prices"]:
            assert key in UNITS or key.startswith("ec2."), key


@pytest.mark.parametrize("region", REGIONS)
def test_a_region_has_every_price_that_an_estimate_asks_for(region: str) -> None:
    prices = load().of(region)
    for key in UNITS.keys() - {"ec2"}:
        assert prices.price(key).amount > 0
    types = {"cn-northwest-1": [one for one in INSTANCE_TYPES if not one.startswith("g6")]}
    for kind in [*types.get(region, INSTANCE_TYPES), *SYSTEM_TYPES.values()]:
        assert prices.price(f"ec2.{kind}.on-demand").amount > 0


@pytest.mark.parametrize("region", ["us-east-1", "us-west-2"])
def test_spot_is_known_for_the_types_that_the_settings_name(region: str) -> None:
    prices = load().of(region)
    for kind in INSTANCE_TYPES:
        spot = prices.price(f"ec2.{kind}.spot")
        assert spot.is_read
        assert spot.amount < prices.price(f"ec2.{kind}.on-demand").amount


def test_chinas_prices_are_in_yuan_and_its_own_before_others() -> None:
    prices = load().of("cn-northwest-1")
    nat = prices.price("nat.gateway")
    assert (nat.amount, nat.currency, nat.is_read) == (Decimal("0.325"), "CNY", True)
    g5 = prices.price("ec2.g5.xlarge.on-demand")
    assert (g5.stands_in, g5.currency, g5.is_read) == ("cn-north-1", "CNY", False)
    eks = prices.price("eks.cluster")
    assert (eks.stands_in, eks.currency, eks.amount) == ("us-east-1", "CNY", Decimal("0.700"))


def test_another_region_has_the_prices_of_us_east_1_and_says_so() -> None:
    price = load().of("eu-west-1").price("ec2.g5.xlarge.on-demand")
    assert (price.stands_in, price.is_read) == ("us-east-1", False)


def test_a_type_without_a_price_is_named_with_a_way_out() -> None:
    with pytest.raises(CostError, match=r"no price of ec2\.p9\.on-demand .*`easel cost refresh"):
        load().of("us-east-1").price("ec2.p9.on-demand")


def refreshed(tmp_path: Path, document: Any) -> Path:
    path = tmp_path / "prices.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


def test_refreshed_prices_come_before_those_that_easel_has(tmp_path: Path) -> None:
    newer = {
        "sources": {"list": {"title": "Price List API", "at": "aws", "date": "2026-11-28"}},
        "regions": {
            "eu-west-1": {
                "currency": "USD",
                "prices": {"nat.gateway": {"amount": "0.048", "source": "list"}},
            }
        },
    }
    prices = load(refreshed(tmp_path, newer)).of("eu-west-1")
    assert prices.price("nat.gateway").amount == Decimal("0.048")
    assert prices.price("nat.gateway").is_read
    assert prices.price("nat.data").stands_in == "us-east-1"
    assert load().of("eu-west-1").price("nat.gateway").amount == Decimal("0.045")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"sources": {}, "regions": {"x": 1}}'])
def test_a_broken_file_of_prices_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(CostError, match=r"easel cost refresh|no readable file"):
        load(refreshed(tmp_path, text))


def test_a_document_of_another_form_is_refused() -> None:
    document = shipped()
    document["regions"]["us-east-1"]["prices"]["nat.data"]["amount"] = "dear"
    with pytest.raises(CostError, match=r"prices\.json's form"):
        PriceList(document)
