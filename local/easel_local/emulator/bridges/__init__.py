"""Where ministack 1.5.33 differs from AWS in a way that breaks easel's own modules.

Each bridge replaces one function of ministack and says what AWS does. Each has a canary in
tests/integration/test_emulator_bridges_*.py that fails when ministack no longer needs it.

Importing this package imports ministack, which reads its settings from the environment.
"""

from easel_local.emulator.bridges import (
    access,
    apigateway,
    cloudwatch,
    ec2,
    eks,
    function_keys,
    functions,
    instance_offers,
    pod_identity,
)
from easel_local.emulator.process import KubernetesEndpoint


def build_bridges(kubernetes: KubernetesEndpoint | None) -> None:
    """Put all bridges in place; ministack must not have served a request yet.

    Args:
        kubernetes: What every EKS cluster says of its API server.
    """
    parts = (
        access.BRIDGES,
        apigateway.BRIDGES,
        cloudwatch.BRIDGES,
        ec2.BRIDGES,
        eks.bridges(kubernetes),
        function_keys.BRIDGES,
        functions.BRIDGES,
        instance_offers.BRIDGES,
        pod_identity.BRIDGES,
    )
    for part in parts:
        for bridge in part:
            bridge.build()


__all__ = ["build_bridges"]
