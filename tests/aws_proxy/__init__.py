"""An HTTP proxy in front of the AWS emulator: adds latency, counts calls, injects faults.

What an agent sees through it is what it sees of AWS on a bad day: slow answers, 503s, connections
that are cut before the request did anything or after it did (the answer is lost). It forwards every
header unchanged, ``Host`` included, so that signatures and presigned URLs stay what they were.
"""

from tests.aws_proxy.faults import Fault, FaultKind
from tests.aws_proxy.process import AwsProxy

__all__ = ["AwsProxy", "Fault", "FaultKind"]
