"""How many tasks a second arrive, as time goes on."""

import math
from collections.abc import Callable
from enum import StrEnum

_BURST_SHARE = 0.1
_BURST_START = 0.45
_NIGHT_SHARE = 0.1


class Pattern(StrEnum):
    """Shapes of a load; each has its highest rate at some time."""

    CONSTANT = "constant"
    RAMP = "ramp"
    BURST = "burst"
    DAY = "day"


def _constant(_: float) -> float:
    return 1.0


def _ramp(share: float) -> float:
    return share


def _burst(share: float) -> float:
    """A tenth of the load, and in a tenth of the time, in the middle, all of the load."""
    return 1.0 if _BURST_START <= share < _BURST_START + _BURST_SHARE else _BURST_SHARE


def _day(share: float) -> float:
    """One day in small: midnight at both ends, the peak at noon, a tenth of the peak at night."""
    noon = (1 - math.cos(2 * math.pi * share)) / 2
    return _NIGHT_SHARE + (1 - _NIGHT_SHARE) * noon


_SHAPES: dict[Pattern, Callable[[float], float]] = {
    Pattern.CONSTANT: _constant,
    Pattern.RAMP: _ramp,
    Pattern.BURST: _burst,
    Pattern.DAY: _day,
}


def rates(pattern: Pattern, peak: float, seconds: int) -> list[float]:
    """Returns the mean arrival rate of each second of a run.

    Args:
        pattern: the shape.
        peak: highest rate, in tasks per second.
        seconds: length of the run.
    """
    shape = _SHAPES[pattern]
    return [peak * shape((second + 0.5) / seconds) for second in range(seconds)]


def expected_tasks(arrivals: list[float]) -> int:
    """Returns how many tasks arrive in the mean.

    Args:
        arrivals: tasks per second, for each second.
    """
    return round(sum(arrivals))
