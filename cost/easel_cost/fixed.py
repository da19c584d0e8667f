"""What a stack costs in a month in which it makes no picture."""

from collections.abc import Iterator
from decimal import Decimal

from easel_cost import gpu_nodes, watching
from easel_cost.estimate import Line
from easel_cost.gpu_nodes import HOURS
from easel_cost.prices import RegionPrices
from easel_cost.settings import OS_DISK_GIB, StackSettings
from easel_cost.workload import Workload

_POLL_SECONDS = 10
"""KEDA's look at a queue, scaling.pollingInterval of the chart."""
_MILLION = Decimal(1_000_000)
_DAYS_PER_MONTH = Decimal(365) / 12
# Container Insights with enhanced observability is billed by observations; how many a node and its
# pods make was read nowhere. A guess: one a minute for each of 300 metrics of a node.
_OBSERVATIONS_PER_NODE = Decimal(300 * 60) * HOURS


def fixed_lines(
    settings: StackSettings, workload: Workload, prices: RegionPrices
) -> tuple[Line, ...]:
    """Returns what is paid without a picture.

    Args:
        settings: of the stack.
        workload: for sizes of models, images and logs.
        prices: of the stack's region.

    Raises:
        CostError: a price is missing.
    """
    return (
        *_cluster(settings, prices),
        *_network(settings, prices),
        *_small_things(settings, prices),
        *_logs(settings, workload, prices),
        *watching.fixed_lines(settings, prices),
        *_storage(workload, prices),
        *gpu_nodes.fixed_lines(settings, workload, prices),
    )


def _cluster(settings: StackSettings, prices: RegionPrices) -> Iterator[Line]:
    support = "extended" if settings.extended_support else "standard"
    key = "eks.cluster.extended-support" if settings.extended_support else "eks.cluster"
    yield Line(
        "EKS", f"control plane, {support} support", HOURS, prices.price(key), "kubernetes_version"
    )
    nodes = Decimal(settings.system_nodes)
    yield Line(
        "EC2",
        f"system nodes, {settings.system_type}, on-demand",
        nodes * HOURS,
        prices.price(f"ec2.{settings.system_type}.on-demand"),
        f"system_nodes: {settings.system_nodes}",
    )
    yield Line(
        "EBS",
        "volumes of system nodes",
        nodes * (settings.system_disk_gib + OS_DISK_GIB),
        prices.price("ebs.gp3.storage"),
        f"{settings.system_disk_gib} + {OS_DISK_GIB} GiB a node",
    )


def _network(settings: StackSettings, prices: RegionPrices) -> Iterator[Line]:
    gateways = Decimal(settings.nat_gateways)
    if gateways:
        basis = f"vpc.nat_gateways: {settings.nat_gateways}"
        yield Line("VPC", "NAT gateways", gateways * HOURS, prices.price("nat.gateway"), basis)
        yield Line(
            "VPC",
            "public addresses of the NAT gateways",
            gateways * HOURS,
            prices.price("ipv4.address"),
            basis,
        )
    if settings.interface_endpoints:
        yield Line(
            "VPC",
            "interface endpoints",
            Decimal(settings.interface_endpoints * settings.zones) * HOURS,
            prices.price("endpoint.interface"),
            f"{settings.interface_endpoints} services in {settings.zones} zones",
        )


def _small_things(settings: StackSettings, prices: RegionPrices) -> Iterator[Line]:
    keys = 3 if settings.makes_network else 2
    owners = "cluster, API" + (", network" if settings.makes_network else "")
    yield Line("KMS", "keys", Decimal(keys), prices.price("kms.key"), owners)
    yield Line(
        "Secrets Manager",
        "secret that callbacks are signed with",
        Decimal(1),
        prices.price("secret"),
        "one a stack",
    )
    polls = HOURS * 3600 / _POLL_SECONDS * len(settings.runtimes)
    yield Line(
        "SQS",
        "KEDA's looks at the queues",
        polls / _MILLION,
        prices.price("sqs.requests"),
        f"every {_POLL_SECONDS} s, {len(settings.runtimes)} queues",
    )


def _logs(settings: StackSettings, workload: Workload, prices: RegionPrices) -> Iterator[Line]:
    yield Line(
        "CloudWatch",
        "logs of the cluster and the network",
        workload.log_gib,
        prices.price("logs.ingested"),
        "GiB a month",
        True,
    )
    kept = workload.log_gib * settings.log_retention_days / _DAYS_PER_MONTH
    yield Line(
        "CloudWatch",
        "logs kept, once the retention is full",
        kept,
        prices.price("logs.stored"),
        f"log_retention_days: {settings.log_retention_days}; compressed, so less in fact",
        True,
    )
    if settings.insights:
        yield Line(
            "CloudWatch",
            "Container Insights of system nodes",
            settings.system_nodes * _OBSERVATIONS_PER_NODE / _MILLION,
            prices.price("insights.observations"),
            "300 observations a minute and node",
            True,
        )


def _storage(workload: Workload, prices: RegionPrices) -> Iterator[Line]:
    yield Line(
        "S3", "models", workload.model_gib, prices.price("s3.storage"), "size of the models", True
    )
    yield Line(
        "ECR", "images", workload.image_gib, prices.price("ecr.storage"), "size of the images", True
    )
