"""What a month costs: quantities of the settings and the workload, times the prices."""

from dataclasses import replace
from decimal import Decimal

import pytest

from easel_cost.errors import CostError
from easel_cost.estimate import Estimate, Line
from easel_cost.monthly import monthly_cost
from easel_cost.settings import RuntimeSettings, StackSettings
from easel_cost.workload import Workload

pytestmark = pytest.mark.unit

ONE_TYPE = {"sdruntime": RuntimeSettings(instance_types=("g5.2xlarge",))}
STACK = StackSettings("us-east-1", runtimes=ONE_TYPE)
SEED_LIKE = Workload(busy_share=Decimal(1))


def line(estimate: Estimate, subject: str) -> Line:
    (found,) = (one for one in estimate.fixed + estimate.variable if one.subject == subject)
    return found


def test_a_stack_without_pictures_costs_its_fixed_part() -> None:
    estimate = monthly_cost(STACK, Workload(pictures=0))
    assert estimate.variable == ()
    assert estimate.total == estimate.fixed_total > 0
    assert estimate.per_thousand is None


def test_the_fixed_part_is_whole() -> None:
    estimate = monthly_cost(replace(STACK, interface_endpoints=2))
    assert {one.service for one in estimate.fixed} == {
        "EKS", "EC2", "EBS", "VPC", "KMS", "Secrets Manager", "SQS", "CloudWatch", "S3", "ECR",
    }  # fmt: skip
    assert line(estimate, "control plane, standard support").amount == Decimal("73.00")
    assert line(estimate, "NAT gateways").amount == Decimal("98.550")
    assert line(estimate, "interface endpoints").quantity == 2 * 3 * 730
    assert line(estimate, "volumes of system nodes").quantity == 68


def test_one_nat_gateway_is_a_third_of_three() -> None:
    three, one = monthly_cost(STACK), monthly_cost(replace(STACK, nat_gateways=1))
    assert line(three, "NAT gateways").amount == 3 * line(one, "NAT gateways").amount


def test_a_network_of_others_has_no_nat_gateway_and_a_key_less() -> None:
    estimate = monthly_cost(replace(STACK, nat_gateways=0, makes_network=False))
    assert "NAT gateways" not in {one.subject for one in estimate.fixed}
    assert "agents' calls through NAT" not in {one.subject for one in estimate.variable}
    assert line(estimate, "keys").quantity == 2


def test_extended_support_costs_six_times_as_much() -> None:
    estimate = monthly_cost(replace(STACK, extended_support=True))
    assert line(estimate, "control plane, extended support").amount == Decimal("438.00")


def test_the_seeds_gpu_hours_come_out() -> None:
    spot = line(monthly_cost(STACK, SEED_LIKE), "g5.2xlarge, spot")
    assert round(spot.quantity, 2) == Decimal("416.67")


def test_hours_in_which_a_node_is_not_busy_are_paid() -> None:
    busy = line(monthly_cost(STACK, SEED_LIKE), "g5.2xlarge, spot")
    half = line(monthly_cost(STACK, Workload(busy_share=Decimal("0.5"))), "g5.2xlarge, spot")
    assert half.quantity == 2 * busy.quantity


def test_a_share_of_spot_splits_the_hours() -> None:
    estimate = monthly_cost(STACK, replace(SEED_LIKE, spot_share=Decimal("0.75")))
    spot, other = line(estimate, "g5.2xlarge, spot"), line(estimate, "g5.2xlarge, on-demand")
    assert round(spot.quantity, 6) == round(3 * other.quantity, 6)
    assert other.price.amount == Decimal("1.212")


def test_a_runtime_without_spot_is_on_demand() -> None:
    runtimes = {"a": RuntimeSettings(("g5.xlarge",), ("on-demand",))}
    estimate = monthly_cost(replace(STACK, runtimes=runtimes))
    assert "g5.xlarge, on-demand" in {one.subject for one in estimate.variable}
    assert not [one for one in estimate.variable if one.subject.endswith(", spot")]


def test_without_a_spot_price_the_on_demand_price_is_taken_and_said() -> None:
    runtimes = {"a": RuntimeSettings(("g5.xlarge",))}
    stack = StackSettings("cn-northwest-1", system_type="m6i.large", runtimes=runtimes)
    spot = line(monthly_cost(stack), "g5.xlarge, spot")
    assert spot.price.key == "ec2.g5.xlarge.on-demand"
    assert "no Spot price is known" in spot.basis


def test_pods_that_always_run_are_fixed_and_take_pictures_for_nothing_more() -> None:
    warm = {"a": RuntimeSettings(("g5.xlarge",), min_pods=1)}
    estimate = monthly_cost(replace(STACK, runtimes=warm), SEED_LIKE)
    (gpu,) = (one for one in estimate.fixed if one.subject == "g5.xlarge, spot")
    assert gpu.quantity == 730
    assert not [one for one in estimate.variable if one.service == "EC2"]


def test_the_sums_are_those_of_the_lines() -> None:
    estimate = monthly_cost(STACK)
    assert abs(estimate.fixed_total + estimate.variable_total - estimate.total) <= Decimal("0.01")
    per_thousand = estimate.per_thousand
    assert per_thousand is not None
    assert abs(per_thousand * 1000 - estimate.variable_total) < 5
    assert estimate.in_a_sentence().startswith("about ")


def test_fewer_tasks_of_more_pictures_need_fewer_requests() -> None:
    one, four = monthly_cost(STACK), monthly_cost(STACK, Workload(pictures_per_task=Decimal(4)))
    api_one = next(row for row in one.variable if row.service == "API Gateway")
    api_four = next(row for row in four.variable if row.service == "API Gateway")
    assert api_one.amount == 4 * api_four.amount


def test_all_problems_of_a_workload_are_named_together() -> None:
    with pytest.raises(CostError, match=r"pictures must not.*Spot must be.*busy share"):
        Workload(pictures=-1, spot_share=Decimal(2), busy_share=Decimal(0))


def test_programs_get_every_line_with_the_source_of_its_price() -> None:
    document = monthly_cost(StackSettings("us-west-2", runtimes=ONE_TYPE)).to_json()
    nat = next(one for one in document["fixed"] if one["subject"] == "NAT gateways")
    assert nat["price_read"] is False
    assert nat["price_of_region"] == "us-east-1"
    assert "nat.gateway" in document["prices_not_read"]
