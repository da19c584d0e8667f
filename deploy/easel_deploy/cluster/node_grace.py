"""How long Karpenter gives a node to drain, as its NodeClaim says."""

import re
from collections.abc import Iterable

from easel_deploy.cluster.kubernetes_client import Object

_PART = re.compile(r"(\d+(?:\.\d+)?)(h|ms|m|s)")
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}


def longest_grace_seconds(claims: Iterable[Object]) -> float:
    """Returns the longest `spec.terminationGracePeriod` of some NodeClaims, in seconds.

    A NodeClaim has it from its NodePool, and that from the chart, which makes it longer than a
    pod's (charts/sd-runtime/templates/_durations.tpl). One that has none, or none that can be read,
    counts for nothing: Karpenter waits for its pods without an end.
    """
    return max(
        (_seconds(one.get("spec", {}).get("terminationGracePeriod")) for one in claims), default=0.0
    )


def _seconds(text: object) -> float:
    """Reads a duration as Go writes it, such as 22m0s: https://pkg.go.dev/time#ParseDuration."""
    parts = _PART.findall(text) if isinstance(text, str) else []
    if "".join(number + unit for number, unit in parts) != text:
        return 0.0
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)
