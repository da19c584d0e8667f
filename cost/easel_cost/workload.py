"""The pictures of a month, and what each takes."""

from dataclasses import dataclass
from decimal import Decimal

from easel_cost.errors import CostError


@dataclass(frozen=True)
class Workload:
    """What a stack has to do in one month.

    The defaults of pictures, seconds and size are those of the seed's table (R44). The rest was
    neither measured on AWS nor set by anybody: guesses, and named so in the estimate.

    Attributes:
        pictures: in the month.
        seconds_per_picture: of a GPU.
        picture_kib: size of a picture as stored, KiB.
        pictures_per_task: what one request makes.
        stored_months: how long a picture is kept.
        spot_share: part of the GPU hours on Spot, 0 to 1; None: all where the runtime allows Spot.
        instance_types: of the GPU nodes; empty: those of the settings.
        busy_share: part of a GPU node's time in which it makes pictures, above 0 to 1. The rest is
            start, load of the model and the wait before the node goes.
        downloaded_share: part of the pictures that leave AWS once, from 0 on; 2 is twice each.
        model_gib: models in the stack's bucket, GiB.
        image_gib: images in ECR, GiB.
        log_gib: logs of the cluster and its network that do not grow with the tasks, GiB a month.
    """

    pictures: int = 1_000_000
    seconds_per_picture: Decimal = Decimal("1.5")
    picture_kib: Decimal = Decimal(150)
    pictures_per_task: Decimal = Decimal(1)
    stored_months: Decimal = Decimal(1)
    spot_share: Decimal | None = None
    instance_types: tuple[str, ...] = ()
    busy_share: Decimal = Decimal("0.9")
    downloaded_share: Decimal = Decimal(0)
    model_gib: Decimal = Decimal(20)
    image_gib: Decimal = Decimal(20)
    log_gib: Decimal = Decimal(15)

    def __post_init__(self) -> None:
        """Looks at all bounds.

        Raises:
            CostError: one or more are broken; all are named.
        """
        share = self.spot_share
        problems = [
            message
            for message, is_broken in {
                "pictures must not be negative": self.pictures < 0,
                "seconds per picture must not be negative": self.seconds_per_picture < 0,
                "the size of a picture must not be negative": self.picture_kib < 0,
                "a task makes at least one picture": self.pictures_per_task < 1,
                "months of storage must not be negative": self.stored_months < 0,
                "the share of Spot must be from 0 to 1": share is not None and not 0 <= share <= 1,
                "the busy share must be above 0, and at most 1": not 0 < self.busy_share <= 1,
                "the downloaded share must not be negative": self.downloaded_share < 0,
                "sizes must not be negative": min(self.model_gib, self.image_gib, self.log_gib) < 0,
            }.items()
            if is_broken
        ]
        if problems:
            raise CostError("; ".join(problems))

    @property
    def tasks(self) -> Decimal:
        """Requests in the month."""
        return Decimal(self.pictures) / self.pictures_per_task

    @property
    def gpu_hours(self) -> Decimal:
        """Hours of GPU nodes, with those in which a node makes nothing."""
        return self.pictures * self.seconds_per_picture / 3600 / self.busy_share
