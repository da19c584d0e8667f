"""`make pins`: every pinned version, its last day, and what its makers have newest."""

import sys
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime

from easel_deploy.pins import PINS
from easel_deploy.pins.newest import QUESTIONS, NotReachedError


def report(today: date, questions: Mapping[str, Callable[[], str]]) -> tuple[list[str], int]:
    """Returns the lines to print, and how many pins are past their last day.

    Args:
        today: The date that the ends are compared with.
        questions: Who is asked, by the pin's name; each raises NotReachedError.
    """
    lines, past = [], 0
    for pin in PINS:
        days = (pin.supported_until - today).days
        past += days < 0
        when = f"{days} days left" if days >= 0 else f"PAST ITS END, {-days} days ago"
        lines.append(f"{pin.name:31} {pin.version:20} {pin.supported_until}  {when}")
    for name, ask in questions.items():
        try:
            lines.append(f"newest  {name}: {ask()}")
        except NotReachedError as error:
            lines.append(f"newest  {name}: NOT ASKED: {error}")
    return lines, past


def main() -> int:
    """Prints the report.

    Returns:
        1 where a pin is past its last day. What could not be asked is said and fails nothing.
    """
    lines, past = report(datetime.now(UTC).date(), QUESTIONS)
    print("\n".join(lines))
    return 1 if past else 0


if __name__ == "__main__":
    sys.exit(main())
