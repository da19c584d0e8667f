"""How long a node may take to drain is read from its NodeClaim, as Karpenter writes it."""

import pytest

from easel_deploy.cluster.node_grace import longest_grace_seconds

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        # As real Karpenter wrote what the chart gives as 1320s.
        ("22m0s", 1320),
        ("1320s", 1320),
        ("1h18m40s", 4720),
        ("1.5h", 5400),
        ("500ms", 0.5),
        ("Never", 0),
        ("", 0),
        ("22 m", 0),
        ("-5s", 0),
        (None, 0),
        (1320, 0),
    ],
)
def test_go_writes_durations_so(text: object, seconds: float) -> None:
    assert longest_grace_seconds([{"spec": {"terminationGracePeriod": text}}]) == seconds


def test_the_longest_counts() -> None:
    claims = [{"spec": {"terminationGracePeriod": text}} for text in ("2m", "22m0s", "90s")]
    assert longest_grace_seconds([*claims, {"spec": {}}, {}]) == 1320
    assert longest_grace_seconds([]) == 0
