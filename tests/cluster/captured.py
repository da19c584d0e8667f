"""Timelines of a real cluster (tests/data/cluster/timelines.json), and what differs from one."""

import json
from pathlib import Path
from typing import Any

from easel_local.cluster_simulation import Cluster

_FILE = Path(__file__).parents[1] / "data" / "cluster" / "timelines.json"
TOLERANCE_SECONDS = 1.5
"""What the captures polled is up to 0.5 s late; the rest is what a machine takes for its work."""


def capture(name: str) -> dict[str, Any]:
    """Returns one of the file."""
    found: dict[str, Any] = json.loads(_FILE.read_text())["captures"][name]
    return found


def differences(
    cluster: Cluster, began: float, name: str, tolerance: float = TOLERANCE_SECONDS
) -> list[str]:
    """Compares what happened since a moment with a capture.

    Each kind of event of a capture must happen as often in the simulation, until the capture's last
    one, and each within the tolerance.
    """
    expected = [(float(at), str(what)) for at, what in capture(name)["events"]]
    until = began + expected[-1][0] + tolerance
    kinds = {what for _, what in expected}
    found = [
        (one.seconds - began, one.what)
        for one in cluster.timeline
        if began <= one.seconds <= until and one.what in kinds
    ]
    wrong = []
    for kind in sorted(kinds):
        real = [at for at, what in expected if what == kind]
        simulated = [at for at, what in found if what == kind]
        if len(real) != len(simulated):
            wrong.append(f"{kind}: {real} in the capture, {simulated} here")
        wrong += [
            f"{kind}: {at} s in the capture, {here:.2f} s here"
            for at, here in zip(real, simulated, strict=False)
            if abs(at - here) > tolerance
        ]
    return wrong
