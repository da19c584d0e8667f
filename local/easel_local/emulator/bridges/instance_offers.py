"""EC2: which instance types a region offers."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Callable

from ministack.services import ec2

from easel_local.emulator.bridges.bridge import Bridge, Response
from easel_local.paths import ROOT

_Parameters = dict[str, list[str]]
_Action = Callable[[_Parameters], Response]
_OFFERS = ROOT / "modules" / "offers.json"
_TYPES = ROOT / "charts" / "sd-runtime" / "instance-types.json"
_CHINA = "aws-cn"


def offered_types(_: _Action | None) -> _Action:
    """A region offers the types that the chart knows; one of China the families of offers.json.

    ministack has no such operation. Of the filters instance-type is looked at; zones are not told
    apart.
    """
    china = frozenset(json.loads(_OFFERS.read_text())[_CHINA]["instance_families"])
    known = [
        f"{family}.{size}"
        for family, told in json.loads(_TYPES.read_text())["families"].items()
        for size in told["sizes"]
    ]

    def bridged(parameters: _Parameters) -> Response:
        region = ec2.get_region()
        wanted = ec2._parse_filters(parameters).get("instance-type", ["*"])  # noqa: SLF001
        offers = "".join(
            f"<item><instanceType>{kind}</instanceType>"
            f"<locationType>region</locationType><location>{region}</location></item>"
            for kind in known
            if any(fnmatch.fnmatchcase(kind, one) for one in wanted)
            and (not region.startswith("cn-") or kind.partition(".")[0] in china)
        )
        return ec2._xml(  # type: ignore[no-any-return]  # noqa: SLF001
            200,
            "DescribeInstanceTypeOfferingsResponse",
            f"<instanceTypeOfferingSet>{offers}</instanceTypeOfferingSet>",
        )

    return bridged


BRIDGES = (
    Bridge(ec2._ACTION_MAP, "DescribeInstanceTypeOfferings", offered_types),  # noqa: SLF001
)
