"""Options of `easel cost`, and the settings and workload that they name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import typer

from easel_cost.errors import CostError
from easel_cost.settings import SYSTEM_TYPES, RuntimeSettings, StackSettings, read_settings
from easel_cost.workload import Workload
from easel_deploy.command_line import WrongUsageError

REFRESHED = Path(".easel", "prices.json")
"""Where `easel cost refresh` writes, and the other commands look."""

_ENVIRONMENTS = Path("envs")
_STACK, _WORK = "Which stack", "Which work in a month"


def _work(words: str, **more: Any) -> Any:
    return typer.Option(help=words, rich_help_panel=_WORK, **more)


@dataclass(frozen=True, kw_only=True)
class StackAndWorkOptions:
    """Options of an estimate.

    Attributes:
        env: folder under envs/; None: the defaults of a region.
        region: AWS region without a folder.
        pictures: in a month.
        seconds: of a GPU for each.
        picture_kib: size of one as stored.
        pictures_per_task: of one request.
        stored_months: how long one is kept.
        spot_share: part of the GPU hours on Spot.
        instance_type: of GPU nodes.
        busy_share: part of a node's time that makes pictures.
        downloaded_share: part of the pictures that leave AWS.
        model_gib: models in S3.
        image_gib: images in ECR.
        log_gib: logs that do not grow with the tasks.
        prices: file of `easel cost refresh`.
        json: for programs.

    Raises:
        WrongUsageError: neither an environment nor a region is named, or both.
    """

    env: Annotated[
        str | None,
        typer.Option(help="folder under envs/ (its settings)", rich_help_panel=_STACK),
    ] = None
    region: Annotated[
        str | None,
        typer.Option(help="a region, with all defaults", rich_help_panel=_STACK),
    ] = None
    pictures: Annotated[int, _work("pictures", min=0)] = 1_000_000
    seconds: Annotated[float, _work("of a GPU for each picture", min=0)] = 1.5
    picture_kib: Annotated[float, _work("size of a picture, KiB", min=0)] = 150
    pictures_per_task: Annotated[float, _work("pictures that one request makes", min=1)] = 1
    stored_months: Annotated[float, _work("how long a picture is kept", min=0)] = 1
    spot_share: Annotated[
        float | None,
        _work("part of the GPU hours on Spot (default: all, if allowed)", min=0, max=1),
    ] = None
    instance_type: Annotated[
        list[str], _work("of GPU nodes (default: the settings'); repeatable")
    ] = field(default_factory=list)
    busy_share: Annotated[
        float, _work("part of a GPU node's time that makes pictures", min=0.01, max=1)
    ] = 0.9
    downloaded_share: Annotated[float, _work("part of the pictures that leave AWS", min=0)] = 0
    model_gib: Annotated[float, _work("models in S3, GiB", min=0)] = 20
    image_gib: Annotated[float, _work("images in ECR, GiB", min=0)] = 20
    log_gib: Annotated[float, _work("logs without tasks, GiB", min=0)] = 15
    prices: Annotated[Path, typer.Option(help="prices of `easel cost refresh`", metavar="FILE")] = (
        REFRESHED
    )
    json: Annotated[bool, typer.Option("--json", help="print the estimate as JSON")] = False

    def __post_init__(self) -> None:
        """Looks at options that belong together."""
        if (self.env is None) == (self.region is None):
            raise WrongUsageError(
                ["name the stack by --env us-east-1 (its settings) or by --region us-west-2"]
            )

    def settings(self) -> StackSettings:
        """Returns the settings of the environment, or the defaults of the region.

        Raises:
            CostError: the environment cannot be read.
        """
        if self.env is not None:
            return read_settings(_ENVIRONMENTS / self.env, datetime.now(UTC).date())
        return defaults_of(str(self.region))

    def workload(self) -> Workload:
        """Returns the work of a month.

        Raises:
            CostError: bounds are broken.
        """
        return Workload(
            pictures=self.pictures,
            seconds_per_picture=_decimal(self.seconds),
            picture_kib=_decimal(self.picture_kib),
            pictures_per_task=_decimal(self.pictures_per_task),
            stored_months=_decimal(self.stored_months),
            spot_share=None if self.spot_share is None else _decimal(self.spot_share),
            instance_types=tuple(self.instance_type),
            busy_share=_decimal(self.busy_share),
            downloaded_share=_decimal(self.downloaded_share),
            model_gib=_decimal(self.model_gib),
            image_gib=_decimal(self.image_gib),
            log_gib=_decimal(self.log_gib),
        )


def defaults_of(region: str) -> StackSettings:
    """Returns a stack with the defaults of its region.

    Args:
        region: of AWS; in China without g6 and Graviton, as envs/cn-northwest-1 has it.
    """
    if not region.startswith("cn-"):
        return StackSettings(region)
    types = tuple(one for one in RuntimeSettings().instance_types if not one.startswith("g6"))
    return StackSettings(
        region,
        system_type=SYSTEM_TYPES["x86_64"],
        runtimes={"sdruntime": RuntimeSettings(instance_types=types)},
    )


def _decimal(number: float) -> Decimal:
    # By way of the text: 0.1 is to be 0.1.
    return Decimal(str(number))


def _nat(text: str, settings: StackSettings) -> StackSettings:
    count = {"one": 1, "one_per_zone": settings.zones}.get(text)
    if count is None:
        raise ValueError("is to be one or one_per_zone")
    return replace(settings, nat_gateways=count)


def _min_pods(text: str, settings: StackSettings) -> StackSettings:
    runtimes = {name: replace(one, min_pods=int(text)) for name, one in settings.runtimes.items()}
    return replace(settings, runtimes=runtimes)


_SETTINGS: Mapping[str, Callable[[str, StackSettings], StackSettings]] = {
    "nat_gateways": _nat,
    "interface_endpoints": lambda text, old: replace(old, interface_endpoints=int(text)),
    "system_nodes": lambda text, old: replace(old, system_nodes=int(text)),
    "system_type": lambda text, old: replace(old, system_type=text),
    "min_replica_count": _min_pods,
    "region": lambda text, old: replace(old, region=text),
}


def changed(
    settings: StackSettings, workload: Workload, changes: list[str]
) -> tuple[StackSettings, Workload]:
    """Returns settings and workload with changes such as `nat_gateways=one`.

    Args:
        settings: as they are.
        workload: as it is.
        changes: each NAME=VALUE.

    Raises:
        CostError: changes that are not understood; all are named.
    """
    names = {one.name for one in fields(Workload)}
    problems = []
    for change in changes:
        name, sign, text = change.partition("=")
        try:
            if not sign or name not in names | _SETTINGS.keys():
                raise ValueError(f"is to be NAME=VALUE, with one of {_known(names)}")  # noqa: TRY301
            if name in _SETTINGS:
                settings = _SETTINGS[name](text, settings)
            else:
                workload = replace(workload, **{name: _value(name, text)})
        except (ValueError, ArithmeticError, CostError) as error:
            problems.append(f"{change}: {error if str(error) else 'is no number'}")
    if problems:
        raise CostError("\n".join(problems))
    return settings, workload


def _known(names: set[str]) -> str:
    return ", ".join(sorted(names | _SETTINGS.keys()))


def _value(name: str, text: str) -> Any:
    if name == "instance_types":
        return tuple(text.split(","))
    if name == "pictures":
        return int(text)
    try:
        return Decimal(text)
    except ArithmeticError:
        raise ValueError("is no number") from None
