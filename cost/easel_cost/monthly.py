"""The one question that others ask: what does a stack cost a month?"""

from easel_cost.estimate import Estimate
from easel_cost.fixed import fixed_lines
from easel_cost.prices import PriceList, load
from easel_cost.settings import StackSettings
from easel_cost.variable import variable_lines
from easel_cost.workload import Workload


def monthly_cost(
    settings: StackSettings, workload: Workload | None = None, prices: PriceList | None = None
) -> Estimate:
    """Estimates one month.

    Args:
        settings: of the stack; `settings.read_settings` reads those of an environment.
        workload: the month's pictures; None: the seed's million of 1.5 s.
        prices: None: those that come with easel.

    Raises:
        CostError: a price is missing, such as that of an instance type.
    """
    workload = workload or Workload()
    region = (prices or load()).of(settings.region)
    return Estimate(
        settings.region,
        region.currency,
        workload.pictures,
        fixed_lines(settings, workload, region),
        variable_lines(settings, workload, region),
    )
