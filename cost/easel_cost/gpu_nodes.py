"""What GPU nodes cost: instances by Spot and on demand, and their volumes."""

from collections.abc import Iterator
from decimal import Decimal

from easel_cost.estimate import Line
from easel_cost.prices import Price, RegionPrices
from easel_cost.settings import OS_DISK_GIB, RuntimeSettings, StackSettings
from easel_cost.workload import Workload

HOURS = Decimal(730)
"""Of a month, as AWS's calculator counts: 365 x 24 / 12."""

_SPOT, _ON_DEMAND = "spot", "on-demand"
# The data volume of charts/sd-runtime/values.yaml has more than gp3's free 3,000 IOPS, 125 MiB/s.
_EXTRA_IOPS = Decimal(1000)
_EXTRA_THROUGHPUT = Decimal(475)


def always_on_hours(settings: StackSettings) -> Decimal:
    """Returns the GPU hours of a month that are paid without a picture: min_replica_count."""
    return HOURS * sum(runtime.min_pods for runtime in settings.runtimes.values())


def fixed_lines(
    settings: StackSettings, workload: Workload, prices: RegionPrices
) -> Iterator[Line]:
    """Yields what the pods cost that always run, one node each."""
    for name, runtime in settings.runtimes.items():
        if runtime.min_pods:
            basis = f"min_replica_count of runtime {name}: {runtime.min_pods}"
            yield from _lines(runtime, workload, prices, HOURS * runtime.min_pods, basis)


def variable_lines(
    settings: StackSettings, workload: Workload, prices: RegionPrices
) -> Iterator[Line]:
    """Yields the nodes that come and go: GPU hours beyond those that are paid anyway."""
    hours = max(Decimal(0), workload.gpu_hours - always_on_hours(settings))
    if not hours or not settings.runtimes:
        return
    # All runtimes take an equal part: nobody says which one gets the tasks.
    part = hours / len(settings.runtimes)
    for name, runtime in settings.runtimes.items():
        basis = (
            f"{workload.pictures:,} x {workload.seconds_per_picture} s, "
            f"{workload.busy_share} of a node's time busy"
            + (f", runtime {name}'s part" if len(settings.runtimes) > 1 else "")
        )
        yield from _lines(runtime, workload, prices, part, basis)


def _lines(
    runtime: RuntimeSettings,
    workload: Workload,
    prices: RegionPrices,
    hours: Decimal,
    basis: str,
) -> Iterator[Line]:
    types = workload.instance_types or runtime.instance_types
    spot = workload.spot_share
    if spot is None:
        spot = Decimal(1 if _SPOT in runtime.capacity_types else 0)
    for capacity, share in ((_SPOT, spot), (_ON_DEMAND, 1 - spot)):
        for kind in types if share else ():
            note = basis if len(types) == 1 else f"{basis}; each type an equal part"
            price = _hourly(prices, kind, capacity)
            if not price.key.endswith(capacity):
                note += "; no Spot price is known, the on-demand price is taken"
            yield Line("EC2", f"{kind}, {capacity}", hours * share / len(types), price, note, True)
    yield from _volumes(runtime, prices, hours, basis)


def _hourly(prices: RegionPrices, kind: str, capacity: str) -> Price:
    on_demand = prices.price(f"ec2.{kind}.{_ON_DEMAND}")
    key = f"ec2.{kind}.{capacity}"
    if not prices.knows(key):
        return on_demand
    price = prices.price(key)
    # Another region's Spot market says nothing about this one's.
    return on_demand if capacity == _SPOT and price.stands_in else price


def _volumes(
    runtime: RuntimeSettings, prices: RegionPrices, hours: Decimal, basis: str
) -> Iterator[Line]:
    months = hours / HOURS
    for subject, quantity, key in (
        ("volumes of GPU nodes", Decimal(OS_DISK_GIB + runtime.data_volume_gib), "storage"),
        ("their IOPS beyond 3,000", _EXTRA_IOPS, "iops"),
        ("their throughput beyond 125 MiB/s", _EXTRA_THROUGHPUT, "throughput"),
    ):
        yield Line("EBS", subject, months * quantity, prices.price(f"ebs.gp3.{key}"), basis, True)
