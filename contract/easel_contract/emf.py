"""Metrics as one line of a log, from which CloudWatch takes them: no call to AWS.

CloudWatch embedded metric format:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import json
import time
from collections.abc import Mapping
from typing import Any

from easel_contract.metrics import NAMESPACE, Dimension, DimensionSet, Metric


def metric_line(
    values: Mapping[Metric, float | None],
    dimensions: Mapping[Dimension, str],
    properties: Mapping[str, Any] | None = None,
) -> str:
    """Returns values, measured now, as a line of ASCII without its end.

    Args:
        values: in each metric's unit; None is left out.
        dimensions: of all values. A metric is there once for each of its dimension sets of which
            all are given.
        properties: what else stands in the line, for Logs Insights: ids, such as the task's. They
            are no dimensions, and cost nothing.
    """
    known = {metric: value for metric, value in values.items() if value is not None}
    directives = [
        {
            "Namespace": NAMESPACE,
            "Dimensions": dimension_sets,
            "Metrics": [{"Name": metric.name, "Unit": metric.unit} for metric in metrics],
        }
        for dimension_sets, metrics in _by_dimension_sets(known, dimensions).items()
    ]
    line: dict[str, Any] = {
        "_aws": {"Timestamp": round(time.time() * 1000), "CloudWatchMetrics": directives},
        **(properties or {}),
        **{str(name): value for name, value in dimensions.items()},
        **{metric.name: value for metric, value in known.items()},
    }
    return json.dumps(line, separators=(",", ":"))


def _by_dimension_sets(
    metrics: Mapping[Metric, float], dimensions: Mapping[Dimension, str]
) -> dict[tuple[DimensionSet, ...], list[Metric]]:
    groups: dict[tuple[DimensionSet, ...], list[Metric]] = {}
    for metric in metrics:
        sets = tuple(names for names in metric.dimension_sets if dimensions.keys() >= set(names))
        groups.setdefault(sets, []).append(metric)
    return groups
